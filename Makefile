.PHONY: help demo test lint format lock schema golden samples observations soak soak-rollouts matrix bench bench-fleet fuzz documents clean

help:  ## list targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/ -/'

demo:  ## scan the samples
	script/demo

test:  ## every check and every test
	script/test

lint:  ## ruff, mypy, import contract
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format:  ## format the code
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock:  ## pin what pyproject.toml asks for (script/lock --upgrade: everything anew)
	script/lock

schema:  ## write the documents' JSON Schemas from the types
	.venv/bin/python script/schema report > inspector/reports/report.schema.json
	.venv/bin/python script/schema explanation > inspector/reports/explanation.schema.json
	.venv/bin/python script/schema snapshot > inspector/reports/snapshot.schema.json
	.venv/bin/python script/schema comparison > inspector/reports/comparison.schema.json
	.venv/bin/python script/schema fleet > inspector/reports/fleet.schema.json

documents:  ## write what README.md and docs/ show of the program anew
	.venv/bin/python script/document

golden:  ## write the golden files of the report's formats anew
	REPORTS_GOLDEN=write .venv/bin/python -m pytest -q tests/reports/test_reports_formats.py tests/reports/test_reports_fleet.py -k golden

samples:  ## write the samples' expected facts anew (samples/generate makes the images)
	for image in samples/images/*; do name=$$(basename $$image); .venv/bin/inspector facts --no-cache $$image -o samples/expected/$${name%%.*}.json || exit 1; done
	mkdir -p samples/expected/logs
	for log in samples/logs/*.log; do .venv/bin/inspector explain -v $$log -o samples/expected/logs/$$(basename $$log .log).txt; case $$? in 0|1|4) ;; *) exit 1;; esac; done

observations:  ## write the table of cells that were run anew from the oracle
	.venv/bin/python script/observations > observations.new && mv observations.new inspector/risk/observations.py

bench-fleet:  ## measure a batch over a registry of its own; writes benchmarks/fleet.md
	.venv/bin/python benchmarks/fleet.py --output benchmarks/fleet.md

bench:  ## measure a scan against its floor; writes benchmarks/results.md
	.venv/bin/python benchmarks/measure.py --output benchmarks/results.md

fuzz:  ## the property tests for a long time
	HYPOTHESIS_PROFILE=fuzz .venv/bin/python -m pytest -q tests

soak:  ## thousands of random cases over every Go toolchain; engines in every combination, trixie's too; soak-rollouts
	RESOLVER_CASES=2000 RESOLVER_TOOLCHAINS="1.15 1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27" .venv/bin/python -m pytest -q tests/resolver/test_resolver_observed.py
	INSPECTOR_TESTS_SOAK=1 .venv/bin/python -m pytest -q tests/environments/test_docker_engines.py
	$(MAKE) soak-rollouts

matrix:  ## every make of Go binary, built and held against its facts (an hour on two cores); writes tests/binaries/matrix.md
	.venv/bin/python tests/binaries/matrix.py

soak-rollouts:  ## every combination of tests/end_to_end in a real engine; writes docs/evidence.md
	.venv/bin/python script/soak

clean:  ## remove what the scripts made
	rm -rf .venv .demo-venv .lock-venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
