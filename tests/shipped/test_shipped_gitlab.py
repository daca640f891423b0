"""GitLab's template: its jobs' scripts by the shell, their artefacts by GitLab's own forms."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import parts
import pytest
from ruamel.yaml import YAML

TEMPLATE = YAML(typ="safe").load(parts.ROOT / "templates/gitlab-ci.yml")
JOBS = {name: {**TEMPLATE[".inspector"], **job} for name, job in TEMPLATE.items() if name.startswith("inspector ")}
SCHEMAS = parts.ROOT / "tests/reports/schemas"
BIN = Path(sys.executable).parent


def run(job: dict[str, Any], workspace: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a job's scripts as a runner does: one script, ended by the first command that fails."""
    workspace.mkdir(exist_ok=True)
    own = {name: variables.get(value.removeprefix("$"), value) for name, value in job["variables"].items()}
    env = {name: value for name, value in os.environ.items() if not name.startswith("INSPECT")}
    script = "\n".join([*job["before_script"], *job["script"]])
    return subprocess.run(
        ["sh", "-e", "-c", script], cwd=workspace, capture_output=True, text=True, timeout=120,
        env={**env, "PATH": f"{BIN}:{env['PATH']}", **own, **variables},
    )  # fmt: skip


def test_it_is_what_the_schema_asks_for() -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", "templates/gitlab-ci.yml"]
    done = subprocess.run(command, cwd=parts.ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_a_job_runs_for_each_variable_that_is_set() -> None:
    assert {job["rules"][0]["if"] for job in JOBS.values()} == {
        "$INSPECT_REFERENCES", "$INSPECT_COMPOSE", "$INSPECT_MANIFESTS",
    }  # fmt: skip
    for job in JOBS.values():
        assert job["variables"]["INSPECT_TARGETS"] == job["rules"][0]["if"]
        assert job["extends"] == ".inspector" and len(job["rules"]) == 1


def test_a_crash_fails_the_job_with_its_artefacts(tmp_path: Path) -> None:
    job = JOBS["inspector images"]
    images = f"{parts.ROOT}/samples/images/peer-netgo.tar {parts.PEER}"
    done = run(job, tmp_path / "w", INSPECT_REFERENCES=images, INSPECTOR_ENVIRONMENT="docker-network-ubuntu")
    assert done.returncode == 1
    assert "CRASH" in done.stdout
    reports = job["artifacts"]["reports"]
    issues = json.loads((tmp_path / "w" / reports["codequality"]).read_text())
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / "gitlab-code-quality.json").read_text())).validate(issues)
    assert "critical" in {issue["severity"] for issue in issues}
    assert ET.parse(tmp_path / "w" / reports["junit"]).getroot().get("failures") == "1"
    assert len(json.loads((tmp_path / "w" / job["artifacts"]["paths"][0]).read_text())["targets"]) == 2
    never = run(
        job, tmp_path / "w", INSPECT_REFERENCES=images, INSPECTOR_FAIL_ON="never", INSPECTOR_ENVIRONMENT="kubernetes"
    )
    assert never.returncode == 0, "flags have their variables"


def test_manifests_are_judged(tmp_path: Path) -> None:
    good = run(JOBS["inspector compose"], tmp_path / "w", INSPECT_COMPOSE=str(parts.ROOT / "samples/compose/network.yaml"),
               INSPECTOR_OFFLINE="true")  # fmt: skip
    assert good.returncode == 1, "Fabric's images are known without being read"
    issues = json.loads((tmp_path / "w/gl-code-quality-report.json").read_text())
    assert {issue["location"]["path"].rpartition("/")[2] for issue in issues} <= {"network.yaml", "fabric-peer"}
    pods = run(JOBS["inspector manifests"], tmp_path / "w", INSPECT_MANIFESTS=str(parts.ROOT / "samples/kubernetes/peer.yaml"),
               INSPECTOR_OFFLINE="true")  # fmt: skip
    assert pods.returncode == 1


@pytest.mark.parametrize("job", sorted(JOBS))
def test_no_variable_is_read_as_a_script_a_pattern_or_a_flag(tmp_path: Path, job: str) -> None:
    hostile = "--output=pwned $(touch pwned) `touch pwned` ;touch pwned; * ' \" | touch pwned & \n touch pwned"
    name = JOBS[job]["rules"][0]["if"].removeprefix("$")
    done = run(JOBS[job], tmp_path / "w", **{name: hostile})
    assert done.returncode in {2, 3}, done.stderr
    assert not list(tmp_path.rglob("*pwned*"))
    assert "Traceback" not in done.stderr


def test_where_the_command_is_missing_pip_brings_it(tmp_path: Path) -> None:
    """As far as pip's own arguments go: what it would install is a path here."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python3"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >asked\n')
    python.chmod(0o755)
    for name in ("sh", "touch"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
    script = JOBS["inspector images"]["before_script"][0]
    env = {"PATH": str(tmp_path / "bin"), "INSPECT_PACKAGE": "x; touch pwned $(touch pwned)"}
    subprocess.run(["/bin/sh", "-e", "-c", script], cwd=tmp_path, env=env, check=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:3] == ["-m", "pip", "install"]
    assert asked[-1] == "x; touch pwned $(touch pwned)"
    assert not (tmp_path / "pwned").exists()
