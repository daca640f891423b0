"""References that cannot be had stand in the report, in every format, and the exit codes are as ever."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import parts
import pytest

ABSENT = "docker-archive:/no/such.tar"
WHY = "there is no file or directory /no/such.tar"


def scan(*references: str, form: str = "json") -> tuple[int, str, str]:
    done = parts.inspector("scan", "--no-cache", "-e", "docker-bridge", "-f", form, *references)
    return done.returncode, done.stdout, done.stderr


def test_the_report_has_what_could_not_be_had_in_its_place() -> None:
    code, out, err = scan(ABSENT, str(parts.PEER), "file:/no/such")
    assert code == 4
    targets = json.loads(out)["targets"]
    assert [target["reference"] for target in targets] == [ABSENT, str(parts.PEER), "file:/no/such"]
    assert [target["status"] for target in targets] == ["failed", "analysed", "failed"]
    assert targets[0]["problems"] == [{"stage": "image", "message": WHY}]
    assert targets[2]["problems"] == [
        {"stage": "image", "message": "/no/such cannot be opened: No such file or directory"}
    ]
    assert len(err.splitlines()) == 2, "told on stderr as ever"


@pytest.mark.parametrize("form", ["text", "plain", "sarif", "junit", "markdown", "html", "gitlab"])
def test_every_format_tells_it(form: str) -> None:
    _, out, _ = scan(ABSENT, str(parts.PEER), form=form)
    assert WHY in " ".join(out.split()) or "/no/such\\.tar" in out
    if form == "junit":
        errors = [e for case in ET.fromstring(out).iter("testcase") for e in case.iter("error")]
        assert any(WHY in (error.text or "") for error in errors)
    if form == "sarif":
        (invocation,) = json.loads(out)["runs"][0]["invocations"]
        assert invocation["executionSuccessful"] is False
        assert invocation["toolExecutionNotifications"] == [{"level": "error", "message": {"text": f"{ABSENT}: {WHY}"}}]
    if form == "text":
        assert out.rstrip().endswith("1 of 2 not fully analysed.")
    if form == "plain":
        assert f"failed\t{ABSENT}\timage\t{WHY}" in out.splitlines()


def test_where_nothing_could_be_had_a_person_reads_one_line_and_a_program_a_report(tmp_path: Path) -> None:
    code, out, err = scan(ABSENT, form="text")
    assert (code, out) == (3, "")
    assert err == f"inspector: {WHY}\n"
    code, out, _ = scan(ABSENT)
    assert code == 3
    assert [target["status"] for target in json.loads(out)["targets"]] == ["failed"]
    (tmp_path / "damaged.tar").write_bytes(b"")
    assert scan(f"docker-archive:{tmp_path}/damaged.tar")[0] == 4
    assert scan(f"docker-archive:{tmp_path}/damaged.tar", ABSENT)[0] == 4
    facts = parts.inspector("facts", "--no-cache", ABSENT)
    assert facts.returncode == 3
    assert json.loads(facts.stdout)["targets"][0]["problems"] == [{"stage": "image", "message": WHY}]
