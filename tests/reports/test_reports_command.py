"""``--format`` and ``--output`` in pairs, and ``inspector convert``, through the installed command."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import parts
import pytest

from inspector.cli.pairs import FORMATS

_IMAGE = "samples/images/peer-static-glibc.tar.gz"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a real scan."""
    file = tmp_path_factory.mktemp("saved") / "report.json"
    done = parts.inspector("scan", "--no-cache", _IMAGE, "-f", "json", "-o", str(file))
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    return file


def test_one_scan_writes_every_format(saved: Path, tmp_path: Path) -> None:
    asked = [word for form in FORMATS for word in ("--format", form, "--output", str(tmp_path / form))]
    done = parts.inspector("scan", "--no-cache", _IMAGE, *asked)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert (tmp_path / "json").read_bytes() == saved.read_bytes()
    for form in FORMATS:
        converted = parts.inspector("convert", str(saved), "-f", form)
        assert (converted.returncode, converted.stderr) == (0, "")
        assert converted.stdout == (tmp_path / form).read_text(), form
    assert json.loads((tmp_path / "sarif").read_text())["version"] == "2.1.0"
    assert ET.fromstring((tmp_path / "junit").read_text()).get("failures") == "3"


@pytest.mark.parametrize(
    ("asked", "on_stdout", "files"),
    [
        ([], "text", {}),
        (["-o", "A"], None, {"A": "text"}),
        (["-o", "A", "-f", "json"], None, {"A": "json"}),
        (["-f", "json", "-o", "A", "-f", "text"], "text", {"A": "json"}),
        (["-f", "text", "-f", "json", "-o", "A"], "text", {"A": "json"}),
        (["-f", "json", "--output=A", "-v", "--format=junit", "-oB"], None, {"A": "json", "B": "junit"}),
        (["-o", "A", "-f", "json", "-f", "junit", "-o", "B"], None, {"A": "json", "B": "junit"}),
        (["-f", "plain"], "plain", {}),
    ],
)
def test_an_output_belongs_to_the_format_beside_it(
    saved: Path, tmp_path: Path, asked: list[str], on_stdout: str | None, files: dict[str, str]
) -> None:
    places = {name: str(tmp_path / name) for name in "AB"}
    done = parts.inspector("convert", str(saved), *[_placed(word, places) for word in asked])
    assert (done.returncode, done.stderr) == (0, "")
    assert _kind(done.stdout) == on_stdout
    assert {file.name: _kind(file.read_text()) for file in tmp_path.iterdir()} == files


def _placed(word: str, places: dict[str, str]) -> str:
    return word[:-1] + places[word[-1]] if word[-1] in places else word


def _kind(text: str) -> str | None:
    if not text:
        return None
    first = text.split("\n", 1)[0]
    return {"{": "json", '<?xml version="1.0" encoding="UTF-8"?>': "junit"}.get(
        first, "plain" if "\t" in first else "text"
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["-f", "json", "-f", "text"], "json and text would both go to stdout"),
        (["-o", "a", "-o", "b"], "--output b has no --format"),
        (["-o", "a", "-o", "b", "-f", "json"], "--output a has no --format"),
        (["-f", "json", "-o", "a", "-f", "text", "-o", "./a"], "two formats are to be written to"),
        (["-f", "jsno"], "'jsno' is not one of"),
    ],
)
def test_pairs_that_cannot_be_meant_are_refused_before_anything_is_read(asked: list[str], said: str) -> None:
    done = parts.inspector("scan", "dir:/nowhere", *asked)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_convert_shows_several_reports_as_one(saved: Path) -> None:
    done = parts.inspector("convert", str(saved), str(saved), "-f", "json")
    document = json.loads(done.stdout)
    assert len(document["targets"]) == 2
    assert document["summary"]["crash"] == 2 * json.loads(saved.read_text())["summary"]["crash"]


def test_convert_reads_standard_input_and_says_what_is_no_report(saved: Path) -> None:
    assert parts.inspector("convert", "-", "-f", "plain", input=saved.read_text()).stdout.startswith("latent\t")
    done = parts.inspector("convert", "-", input="{")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "not a report" in done.stderr


def test_what_only_looks_like_a_report_is_refused_and_an_empty_one_is_not_judged(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"other": 1}')
    for verb in ("judge", "convert"):
        done = parts.inspector(verb, str(file))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "no `schema` and no `targets`" in done.stderr
    file.write_text('{"schema": {"name": "inspector-report", "version": "1.0.0"}, "targets": []}')
    done = parts.inspector("judge", str(file))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "nothing to judge" in done.stderr


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_facts_alone_are_said_to_be_not_judged(tmp_path: Path, form: str) -> None:
    file = tmp_path / "facts.json"
    file.write_text(parts.inspector("facts", "--no-cache", str(parts.PEER)).stdout)
    shown = " ".join(parts.inspector("convert", str(file), "-f", form).stdout.split())
    assert "ot judged: facts alone; judge them with" in shown
    assert "no binary of interest" not in shown and "othing to judge" not in shown


def test_convert_tells_junit_by_the_threshold(saved: Path) -> None:
    done = parts.inspector("convert", str(saved), "-f", "junit", "--fail-on", "never")
    assert ET.fromstring(done.stdout).get("failures") == "0"


_WAIVER = "[[waiver]]\nrule = '**'\nreason = 'r'\nexpires = {day}\n"


def test_convert_holds_a_report_anew_only_where_the_command_line_says_so(saved: Path, tmp_path: Path) -> None:
    (tmp_path / ".inspector.toml").write_text("fail-on = 'latent'\nexit-code = 9\nbaseline = 'absent.json'\n")
    (tmp_path / ".inspector-waivers.toml").write_text(_WAIVER.format(day="2999-01-01"))

    def convert(*words: str) -> tuple[int, dict[str, Any]]:
        done = parts.inspector("convert", str(saved), "-f", "json", *words, cwd=tmp_path)
        return done.returncode, json.loads(done.stdout)

    assert convert() == (0, json.loads(saved.read_text()))
    assert convert("--fail-on", "crash") == (9, json.loads(saved.read_text()))
    assert convert("--fail-on", "never")[0] == 0
    code, waived = convert("--fail-on", "crash", "--waivers", ".inspector-waivers.toml")
    assert (code, waived["summary"]["waived"]) == (0, waived["summary"]["crash"] + waived["summary"]["latent"])
    code, known = convert("--fail-on", "crash", "--baseline", str(saved))
    assert (code, known["summary"]["known"] > 0) == (0, True)
    assert convert("--baseline", str(saved), "--exit-code", "5")[0] == 0


def test_a_waiver_of_a_saved_report_ends_on_its_day(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(_WAIVER.format(day="2999-01-01"))
    kept = tmp_path / "waived.json"
    parts.inspector("convert", str(saved), "--waivers", "w.toml", "-f", "json", "-o", str(kept), cwd=tmp_path)
    assert parts.inspector("convert", str(kept), "--fail-on", "crash").returncode == 0
    assert parts.inspector("convert", str(kept), "--fail-on", "crash", "--no-waivers").returncode == 1
    kept.write_text(kept.read_text().replace("2999-01-01", "2020-01-01"))
    shown = parts.inspector("convert", str(kept), "-f", "plain")
    assert (shown.returncode, "until 2020-01-01" in shown.stdout, shown.stderr) == (0, True, ""), "as it was saved"
    over = parts.inspector("convert", str(kept), "--fail-on", "crash", "-f", "plain")
    assert over.returncode == 1
    assert "ended on 2020-01-01" in over.stderr and "until 2020-01-01" not in over.stdout


def test_what_has_no_digest_cannot_be_attested(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    done = parts.inspector("scan", "--no-cache", f"dir:{tmp_path / 'root'}", "-f", "intoto")
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs an image with a digest" in done.stderr
    done = parts.inspector(
        "scan", "--no-cache", f"dir:{tmp_path / 'root'}", "-f", "intoto", "-o", str(tmp_path / "x"), "-f", "text"
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no binary of interest" in done.stdout


def test_a_scan_that_reaches_nothing_still_writes_the_files_it_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "report.sarif"
    done = parts.inspector("scan", "--offline", "docker-archive:/nowhere.tar", "-f", "sarif", "-o", str(file))
    assert done.returncode == 3
    (result,) = json.loads(file.read_text())["runs"][0]["results"]
    assert "/nowhere.tar" in result["message"]["text"]
