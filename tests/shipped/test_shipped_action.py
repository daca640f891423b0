"""The action: its steps as a runner starts them, from the shell, with inputs that nobody should write."""

import fcntl
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cmarkgfm
import jsonschema
import parts
import pytest
import toolchains
from cmarkgfm.cmark import Options
from ruamel.yaml import YAML

ACTION = YAML(typ="safe").load(parts.ROOT / "action.yml")
STEPS = ACTION["runs"]["steps"]
IMAGE = f"samples/peer-static-glibc:1=docker-archive:{parts.PEER}"
CRASH = {"compose": str(parts.ROOT / "samples/compose/peer.yaml"), "arguments": f"--no-cache\n--image\n{IMAGE}"}
CURED = {**CRASH, "compose": str(parts.ROOT / "samples/compose/peer-cured.yaml")}
_EXPRESSION = re.compile(r"\$\{\{\s*(inputs|steps\.judge\.outputs)\.([a-z-]+)\s*\}\}")


@dataclass
class Run:
    """What a job has of the action: how it ended, its outputs, its summary and its log."""

    passed: bool
    outputs: dict[str, str]
    summary: str
    log: str


def read(expression: str, inputs: dict[str, str], outputs: dict[str, str]) -> str:
    """An expression of the kind that the action may use: one input or output, whole."""
    found = _EXPRESSION.fullmatch(expression)
    assert found, f"the test knows no such expression: {expression}"
    return inputs[found[2]] if found[1] == "inputs" else outputs.get(found[2], "")


def run_step(step: dict[str, Any], workspace: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a step as the runner does: its text in a file, by sh -e."""
    file = workspace.parent / "step.sh"
    file.write_text(step["run"])
    env = {name: value for name, value in os.environ.items() if not name.startswith("INSPECTOR_")}
    return subprocess.run(
        ["sh", "-e", str(file)], cwd=workspace, env={**env, **variables}, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def runner() -> dict[str, str]:
    """The variables of a runner on which the first step has run; its environment is kept with the toolchains."""
    home = toolchains.cache() / "action"
    home.mkdir(parents=True, exist_ok=True)
    variables = {"GITHUB_ACTION_PATH": str(parts.ROOT), "RUNNER_TEMP": str(home)}
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_step(STEPS[0], home, variables)
    assert done.returncode == 0, done.stderr
    return variables


def use(runner: dict[str, str], workspace: Path, **given: str) -> Run:
    """Use the action as a job does, its first step aside."""
    inputs = {name: each["default"] for name, each in ACTION["inputs"].items()}
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    assert inputs.keys() == ACTION["inputs"].keys()
    workspace.mkdir(exist_ok=True)
    summary, output = workspace.parent / "summary.md", workspace.parent / "outputs"
    for file in (summary, output):
        file.write_text("")
    outputs: dict[str, str] = {}
    log, code = "", 0
    for step in STEPS[1:]:
        own = {name: read(value, inputs, outputs) for name, value in step.get("env", {}).items()}
        files = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
        done = run_step(step, workspace, {**runner, **files, **own})
        log += done.stdout + done.stderr
        code = done.returncode
        outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())
        if code:
            break
    shown = {name: read(each["value"], inputs, outputs) for name, each in ACTION["outputs"].items()}
    return Run(code == 0, shown, summary.read_text(), log)


@pytest.mark.parametrize(
    ("kind", "file"), [("github-actions", "action.yml"), ("github-workflows", ".github/workflows/action.yml")]
)
def test_it_is_what_the_schema_asks_for(kind: str, file: str) -> None:
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", f"vendor.{kind}", file]
    done = subprocess.run(command, cwd=parts.ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_no_input_stands_in_a_script_and_each_is_handed_on() -> None:
    workflow = YAML(typ="safe").load(parts.ROOT / ".github/workflows/action.yml")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert not [step["run"] for step in (*STEPS, *steps) if "${{" in step.get("run", "")]
    handed = {_EXPRESSION.fullmatch(value)[2] for value in STEPS[1]["env"].values()}  # type: ignore[index]
    assert handed == ACTION["inputs"].keys()
    assert {f"INPUT_{name.upper().replace('-', '_')}" for name in handed} == STEPS[1]["env"].keys()
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(each == "./" or re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each) for each in used), "pinned by commit"


def test_a_crash_fails_the_job_and_every_report_is_there(runner: dict[str, str], tmp_path: Path) -> None:
    done = use(runner, tmp_path / "w", **CRASH, html="out.html")
    assert not done.passed
    assert done.outputs == {
        "exit-code": "1",
        "verdict": "crash",
        "report": "inspector.json",
        "sarif": "inspector.sarif",
    }
    assert done.summary.startswith("## inspector: 🔴 crash") and "GODEBUG=netdns=go" in done.summary
    assert "CRASH" in done.log
    report = json.loads((tmp_path / "w/inspector.json").read_text())
    assert report["summary"]["crash"] == 1
    sarif = json.loads((tmp_path / "w/inspector.sarif").read_text())
    schema = json.loads((parts.ROOT / "tests/reports/schemas/sarif-2.1.0-rtm.5.json").read_text())
    jsonschema.Draft4Validator(schema).validate(sarif)
    places = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in sarif["runs"][0]["results"]
    ]
    assert places and all(place.endswith("samples/compose/peer.yaml") for place in places)
    assert "<html" in (tmp_path / "w/out.html").read_text()


def test_what_is_cured_passes_and_several_kinds_are_one_report(runner: dict[str, str], tmp_path: Path) -> None:
    done = use(runner, tmp_path / "w", **CURED)
    assert done.passed
    assert done.outputs["verdict"] in {"latent", "safe"}
    pod = tmp_path / "pod.yaml"
    pod.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: samples/none:1}]}\n"
    )
    both = use(
        runner, tmp_path / "w", manifests=str(pod), arguments="--offline\n--no-cache", environment="docker-network-ubuntu",
        references=f"{parts.ROOT}/samples/images/peer-netgo.tar\n{parts.PEER}\n", summary="false",
    )  # fmt: skip
    assert both.outputs["exit-code"] == "1", "a crash stands above what could not be reached"
    assert both.outputs["sarif"] == "", "an upload would close the alerts of what could not be reached"
    assert both.summary == ""
    report = json.loads((tmp_path / "w/inspector.json").read_text())
    assert [target["status"] for target in report["targets"]] == ["analysed", "analysed", "failed"]
    names = {environment["name"] for target in report["targets"] for environment in target["environments"]}
    assert names == {"docker-network-ubuntu"}


def test_the_inputs_that_say_what_fails(runner: dict[str, str], tmp_path: Path) -> None:
    never = use(runner, tmp_path / "w", **CRASH, fail_on="never")
    assert (never.passed, never.outputs["verdict"]) == (True, "crash")
    known = use(runner, tmp_path / "w", **CRASH, baseline="inspector.json", report="second.json", only_fixable="true")
    assert (known.passed, known.outputs["report"]) == (True, "second.json")
    waivers = tmp_path / "w" / "ours.toml"
    waivers.write_text("[[waiver]]\nrule = '**'\nreason = 'r'\nexpires = 2999-01-01\n")
    assert use(runner, tmp_path / "w", **CRASH, waivers="ours.toml").passed
    waivers.rename(tmp_path / "w" / ".inspector-waivers.toml")
    assert use(runner, tmp_path / "w", **CRASH).passed
    assert not use(runner, tmp_path / "w", **CRASH, waivers="none").passed


_HOSTILE = (
    "\"'`touch pwned`$(touch pwned);touch pwned|touch pwned&touch pwned\n$(touch pwned)\n--output=pwned\n::add-mask::x"
)
_GROUPS = (("references", "compose", "manifests"), ("environment", "host"), ("baseline", "waivers"))
_ALONE = ACTION["inputs"].keys() - {name for group in _GROUPS for name in group}


@pytest.mark.parametrize("names", [*_GROUPS, *((name,) for name in sorted(_ALONE))])
def test_no_input_is_read_by_a_shell_or_becomes_a_flag(
    runner: dict[str, str], tmp_path: Path, names: tuple[str, ...]
) -> None:
    hostile = _HOSTILE.replace("--output=pwned", "pwned") if names == ("arguments",) else _HOSTILE
    done = use(runner, tmp_path / "w", **CRASH | {name.replace("-", "_"): hostile for name in names})
    assert not done.passed
    assert not list(tmp_path.rglob("*pwned*"))
    assert "Traceback" not in done.log
    assert done.outputs["exit-code"] in {"1", "2", "3", "4"}
    _no_commands(done.log)


def _no_commands(log: str) -> None:
    """The runner reads no command of what the tool prints: they are stopped while it does."""
    stopped = ""
    for line in log.splitlines():
        if stopped:
            stopped = "" if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
            assert re.fullmatch(r"[0-9a-f]{32}", stopped)
        elif line.startswith("::"):
            assert line.startswith("::error::inspector: the input "), line
    assert not stopped


def test_a_hostile_manifest_gives_the_runner_no_command(runner: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        'services:\n  "a\\n::add-mask::x\\n%0A::error::<script>alert(1)</script>":\n    image: "::set-output name=x::y"\n'
    )
    done = use(runner, tmp_path / "w", compose=str(file), arguments="--offline")
    assert not done.passed
    _no_commands(done.log)
    shown = cmarkgfm.github_flavored_markdown_to_html(done.summary, Options.CMARK_OPT_UNSAFE)
    assert "&lt;script&gt;" in shown and "<script" not in shown


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({}, "2", "::error::inspector: nothing to judge: give references, compose or manifests"),
        ({"references": "x", "only_fixable": "yes"}, "2", "the input only-fixable is 'yes'; allowed: true, false"),
        ({"references": "docker-archive:absent.tar"}, "3", "absent.tar"),
        ({"references": "x", "fail_on": "sometimes"}, "2", "sometimes"),
        ({"references": "x", "report": ""}, "2", "the input report is empty"),
    ],
)
def test_what_is_wrong_is_told_and_fails_the_job(
    runner: dict[str, str], tmp_path: Path, given: dict[str, str], code: str, told: str
) -> None:
    done = use(runner, tmp_path / "w", **given)
    assert (done.passed, done.outputs["exit-code"], done.outputs["sarif"]) == (False, code, "")
    assert told in done.log


def test_the_page_names_every_input_and_output() -> None:
    page = (parts.ROOT / "docs/ci.md").read_text().partition("## GitLab")[0]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(named) == sorted([*ACTION["inputs"], *ACTION["outputs"]])
    example = YAML(typ="safe").load(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    assert example["steps"][1]["with"].keys() <= ACTION["inputs"].keys()
