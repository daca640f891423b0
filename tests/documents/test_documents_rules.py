"""Every rule has its page, which says what it must, and whose example makes the rule speak."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import parts
import pytest

from inspector.risk import RULES, Rule
from inspector.risk.batch import answer
from inspector.rulebook import page, rule_named, source_link

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "inspector" / "rulebook" / "pages"
BY_ID = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
SECTIONS = ["What it says", "When it fires", "The mechanism", "What helps", "What does not help", "Example", "Sources"]


def test_pages_and_rules_are_the_same_set() -> None:
    assert {path.stem for path in PAGES.iterdir()} == {rule.id for rule in RULES}
    assert {path.stem for path in (ROOT / "docs" / "rules").iterdir()} == {rule.id for rule in RULES} | {"README"}
    assert len({rule.id for rule in RULES}) == len(RULES)


@BY_ID
def test_a_rule_says_what_it_must(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
    assert rule.title
    assert rule.levels
    assert rule.sources
    assert len(set(rule.levels)) == len(rule.levels)
    assert bool(rule.remedies) == bool({"crash", "wrong"} & set(rule.levels))
    text = page(rule)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(part.strip() for part in re.split(r"^## .*$", text, flags=re.MULTILINE))
    assert all(source_link(source) in text for source in rule.sources)


@BY_ID
def test_rules_that_a_page_names_exist(rule: Rule) -> None:
    named = set(re.findall(r"`((?:static-glibc|cannot|no-way|not|dns|debug|notfound)-[a-z-]+)`", page(rule)))
    assert all(rule_named(name) for name in named)


@BY_ID
def test_the_example_makes_the_rule_speak(rule: Rule) -> None:
    (example,) = re.findall(r"```sh\n(.*?)```", page(rule), re.DOTALL)
    env = parts.environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run(["sh", "-c", example], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert rule.id in done.stdout, done.stdout + done.stderr
    if done.stdout.startswith('{"id"'):
        verdict = json.loads(done.stdout)
        assert verdict["rule"] == rule.id
        assert verdict["level"] in rule.levels
        assert rule.levels[0] in {verdict["level"], "crash"}


@BY_ID
def test_the_verb_prints_the_page_that_docs_have(rule: Rule) -> None:
    done = parts.inspector("rule", rule.id)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (ROOT / "docs" / "rules" / f"{rule.id}.md").read_text()


def test_the_list() -> None:
    lines = parts.inspector("rules").stdout.strip().split("\n")
    assert [line.split()[0] for line in lines] == [rule.id for rule in RULES]
    listed = json.loads(parts.inspector("rules", "-f", "json").stdout)
    assert [entry["id"] for entry in listed] == [rule.id for rule in RULES]
    one = json.loads(parts.inspector("rule", "static-glibc-dns", "-f", "json").stdout)
    assert one["page"].startswith("# static-glibc-dns: ")
    assert {key: value for key, value in one.items() if key != "page"} in listed


def test_a_rule_that_there_is_not() -> None:
    done = parts.inspector("rule", "no-such\x1brule")
    assert done.returncode == 2
    assert "static-glibc-dns" in done.stderr
    assert "\x1b" not in done.stderr


def test_metadata_tell_every_level_and_remedy_that_is_given() -> None:
    """Over the observed cells: a verdict's level and remedies are among those that its rule says it gives."""
    rules = {rule.id: rule for rule in RULES}
    with gzip.open(ROOT / "tests" / "oracle" / "crash.jsonl.gz", "rt") as lines:
        cases = [json.loads(line)["case"] for number, line in enumerate(lines) if number % 7 == 0]
    for case in cases:
        verdict = answer(case)
        rule = rules[verdict["rule"]]
        assert verdict["level"] in rule.levels
        assert {remedy["kind"] for remedy in verdict["remedies"]} <= set(rule.remedies)
