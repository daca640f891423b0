"""Every format: as its golden file has it, valid by its schema, and harmless whatever the report's texts hold."""

import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import cmarkgfm
import jsonschema
import parts
import pytest
import report_samples as samples
from cmarkgfm.cmark import Options
from google.protobuf import json_format
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from inspector.cli import pairs
from inspector.errors import UsageError
from inspector.facts import EnvironmentVerdicts, Report, Target, Verdict
from inspector.judging import summarise
from inspector.reports import formats
from inspector.reports.findings import findings_of
from inspector.reports.formats import Rendering, render
from inspector.reports.intoto import PREDICATE_TYPE
from inspector.reports.markdown import MAX_CHARACTERS
from inspector.risk.rules import RULES

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
SARIF = json.loads((HERE / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
GITLAB = json.loads((HERE / "schemas" / "gitlab-code-quality.json").read_text())
REPORT = samples.everything()


def rendered(form: str, report: Report = REPORT, **settings: Any) -> str:
    return render(report, form, Rendering(**settings)).decode()


def test_the_command_line_offers_what_there_are_renderers_for() -> None:
    assert pairs.FORMATS == formats.FORMATS


# ── golden files ─────────────────────────────────────────────────────────────────────────────────────────────────


def _sarif_without_rules(text: str) -> str:
    """The rules' words are theirs: a test of their own looks at them."""
    document = json.loads(text)
    del document["runs"][0]["tool"]["driver"]["rules"]
    for result in document["runs"][0]["results"]:
        del result["ruleIndex"]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _intoto_without_predicate(text: str) -> str:
    """The predicate is the report, whose schema says what is in it."""
    return json.dumps({**json.loads(text), "predicate": {}}, indent=2) + "\n"


_GOLDEN: dict[str, tuple[str, Callable[[str], str]]] = {
    "text": ("report.txt", str),
    "plain": ("report.tsv", str),
    "sarif": ("report.sarif", _sarif_without_rules),
    "junit": ("report.junit.xml", str),
    "markdown": ("report.md", str),
    "html": ("report.html", str),
    "gitlab": ("report.gitlab.json", str),
    "intoto": ("report.intoto.json", _intoto_without_predicate),
}


@pytest.mark.parametrize("form", _GOLDEN)
def test_it_looks_as_its_golden_file(form: str) -> None:
    name, cut = _GOLDEN[form]
    found = cut(rendered(form))
    if os.environ.get("REPORTS_GOLDEN") == "write":
        (GOLDEN / name).write_text(found)
    assert found == (GOLDEN / name).read_text(), "if this is meant: make golden"


def test_json_is_the_document_and_comes_back() -> None:
    from inspector.reports import decode_report

    assert decode_report(rendered("json").encode(), name="x") == REPORT


# ── validity ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sarif_is_valid_and_within_what_github_reads() -> None:
    document = json.loads(rendered("sarif"))
    jsonschema.Draft4Validator(SARIF).validate(document)
    _fits_github(document)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert {rule.id for rule in RULES} <= {rule["id"] for rule in rules}
    results = run["results"]
    assert {result["level"] for result in results} == {"error", "warning", "note"}
    places = {
        (r["ruleId"], unquote(_place(r)["artifactLocation"]["uri"]), _place(r)["region"]["startLine"]) for r in results
    }
    assert ("static-glibc-dns", "deploy/compose file.yaml", 12) in places
    assert ("static-glibc-dns", "ghcr.io/acme/peer/usr/local/bin/peer", 1) in places
    assert ("incomplete", "build/tool.tar", 1) in places
    assert ("incomplete", "ghcr.io/acme/gone", 1) in places
    suppressed = [_place(result)["region"]["startLine"] for result in results if "suppressions" in result]
    assert suppressed == [30]
    precision = {rule["id"]: rule["properties"]["precision"] for rule in rules}
    assert (precision["static-glibc-dns"], precision["static-glibc-user"], precision["not-analysed"]) == (
        "very-high", "medium", "low",
    )  # fmt: skip
    assert not run["invocations"][0]["executionSuccessful"]


def _place(result: dict[str, Any]) -> dict[str, Any]:
    return result["locations"][0]["physicalLocation"]


def _fits_github(document: dict[str, Any]) -> None:
    """What GitHub's documentation asks for: an empty text counts as missing."""
    for run in document["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for rule in rules:
            texts = (rule["shortDescription"]["text"], rule["fullDescription"]["text"], rule["help"]["text"])
            assert all(texts)
            assert max(map(len, texts[:2])) <= 1024
            assert rule["help"]["markdown"]
            assert rule["properties"]["precision"] in {"very-high", "high", "medium", "low"}
            assert 0 <= float(rule["properties"]["security-severity"]) <= 10
            assert len(rule["properties"]["tags"]) <= 20
        assert len({rule["id"] for rule in rules}) == len(rules)
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["message"]["text"]
            uri = unquote(_place(result)["artifactLocation"]["uri"])
            assert uri
            assert not uri.startswith("/")
            assert not {"", ".", ".."} & set(uri.split("/"))
            assert _place(result)["region"]["startLine"] >= 1
        prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
        assert len(set(prints)) == len(prints)


def _prints(report: Report) -> list[str]:
    return [finding.fingerprint for finding in findings_of(report)]


def test_fingerprints_outlive_a_tag_a_digest_and_a_new_environment() -> None:
    first = REPORT.targets[0]
    moved = replace(first, reference="registry:ghcr.io/acme/peer:9.9", digest="sha256:" + "cd" * 32)
    more = replace(
        first, environments=(*first.environments, EnvironmentVerdicts(name="new", verdicts=(samples.CRASH,)))
    )
    other = replace(first, reference="registry:ghcr.io/acme/orderer:1.4.3")
    wanted = set(_prints(Report(targets=(first,))))
    assert set(_prints(Report(targets=(moved,)))) == wanted
    assert set(_prints(Report(targets=(more,)))) == wanted
    assert not set(_prints(Report(targets=(other,)))) & wanted
    assert len(set(_prints(Report(targets=(first, moved))))) == 2 * len(wanted)


def test_a_whole_path_below_the_readers_directory_is_shown_from_there_on() -> None:
    def places(where: str, directory: str) -> set[str]:
        environment = EnvironmentVerdicts(name="compose:a", verdicts=(samples.CRASH,), where=where)
        targets = (replace(REPORT.targets[0], environments=(environment,)),)
        report = Report(targets=targets)
        found = {
            _place(r)["artifactLocation"]["uri"]
            for r in json.loads(rendered("sarif", report, directory=directory))["runs"][0]["results"]
        }
        assert found == {
            issue["location"]["path"] for issue in json.loads(rendered("gitlab", report, directory=directory))
        }
        return found

    assert places("/home/ci/work/net/compose.yaml:3", "/home/ci/work") == {"net/compose.yaml"}
    assert places("/home/ci/worker/compose.yaml:3", "/home/ci/work") == {"home/ci/worker/compose.yaml"}
    assert places("net/compose.yaml:3", "/home/ci/work") == {"net/compose.yaml"}
    assert places("/net/compose.yaml:3", "/") == {"net/compose.yaml"}


@pytest.mark.needs("xmllint")
def test_junit_is_valid_by_jenkins_schema(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_text(rendered("junit"))
    command = ["xmllint", "--nonet", "--noout", "--schema", str(HERE / "schemas" / "junit-10.xsd"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_junit_says_what_fails_what_is_untold_and_what_is_waived() -> None:
    root = ET.fromstring(rendered("junit"))
    names = [case.get("name") for case in root.iter("testcase")]
    assert len(set(names)) == len(names)
    kinds = {kind: [c.get("name") for c in root.iter("testcase") if c.find(kind) is not None]
             for kind in ("failure", "error", "skipped")}  # fmt: skip
    assert len(kinds["failure"]) == 3
    assert len(kinds["error"]) == 3  # one verdict, one image in part, one not at all
    assert kinds["skipped"] == ["/usr/local/bin/peer in compose:peer1: host orderer.example.com"]
    for suite in root.iter("testsuite"):
        counted = [len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error", "skipped")]
        assert counted == [int(suite.get(word, "")) for word in ("failures", "errors", "skipped")]
    stricter = ET.fromstring(rendered("junit", failing=frozenset({"crash", "wrong", "latent"})))
    assert int(stricter.get("failures", "")) == 7
    never = ET.fromstring(rendered("junit", failing=frozenset(), allow_incomplete=True))
    assert (never.get("failures"), never.get("errors")) == ("0", "0")


def test_gitlab_is_valid() -> None:
    issues = json.loads(rendered("gitlab"))
    jsonschema.Draft202012Validator(GITLAB).validate(issues)
    assert {issue["severity"] for issue in issues} == {"critical", "major", "minor", "info"}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_intoto_is_a_statement_by_the_frameworks_own_library() -> None:
    document = json.loads(rendered("intoto"))
    Statement.copy_from_pb(json_format.ParseDict(document, statement_pb2.Statement())).validate()
    assert document["predicateType"] == PREDICATE_TYPE
    assert document["subject"] == [{"name": "ghcr.io/acme/peer", "digest": {"sha256": "ab" * 32}}]
    assert [target["digest"] for target in document["predicate"]["targets"]] == [samples.DIGEST]


@pytest.mark.parametrize("digest", [None, "", "sha256:", "sha256:../x", "md5:00", "ab"])
def test_intoto_attests_nothing_without_a_digest(digest: str | None) -> None:
    with pytest.raises(UsageError, match="digest"):
        rendered("intoto", Report(targets=(Target(reference="dir:x", digest=digest),)))


def test_plain_has_a_record_a_line_for_awk() -> None:
    lines = rendered("plain").splitlines()
    verdicts = [
        line.split("\t") for line in lines if line.split("\t")[0] in {"crash", "wrong", "latent", "unknown", "safe"}
    ]
    assert len(verdicts) == sum(len(e.verdicts) for t in REPORT.targets for e in t.environments)
    assert {len(fields) for fields in verdicts} == {13}
    assert lines[-1].startswith("summary\tcrash\tcrash=")
    assert "failed\tghcr.io/acme/gone:2\timage\tno such tag" in lines
    assert rendered("plain").isascii()


def _compared() -> Report:
    """A report in which the baseline has the first environment's crash, and not the second's."""
    first = REPORT.targets[0]
    old = replace(samples.CRASH, known=True)
    both = replace(samples.CRASH, name="b.example", waived=samples.waive(samples.CRASH).waived)
    environments = (
        EnvironmentVerdicts(name="compose:old", verdicts=(old, both), where="compose.yaml:3"),
        EnvironmentVerdicts(
            name="compose:new", verdicts=(old, replace(samples.CRASH, name="b.example")), where="compose.yaml:9"
        ),
    )
    targets = (replace(first, environments=environments),)
    return Report(tool=REPORT.tool, targets=targets, summary=summarise(targets))


def test_what_the_baseline_has_is_told_in_every_format() -> None:
    report = _compared()
    found = json.loads(rendered("sarif", report))
    jsonschema.Draft4Validator(SARIF).validate(found)
    states = {_place(r)["region"]["startLine"]: r["baselineState"] for r in found["runs"][0]["results"]}
    assert states == {3: "unchanged", 9: "new"}
    assert "baselineState" not in rendered("sarif"), "without a baseline there is none"
    told = {
        issue["location"]["lines"]["begin"]: issue["description"] for issue in json.loads(rendered("gitlab", report))
    }
    assert ("the baseline has it already" in told[3], "the baseline" in told[9]) == (True, False)
    states = {
        tuple(line.split("\t")[i] for i in (2, 6)): line.split("\t")[12]
        for line in rendered("plain", report).splitlines()[:-1]
    }
    assert states == {
        ("compose:old", "orderer.example.com"): "known", ("compose:old", "b.example"): "-",
        ("compose:new", "orderer.example.com"): "known", ("compose:new", "b.example"): "-",
    }  # fmt: skip
    markdown = rendered("markdown", report)
    assert "| `compose:old` | 🔴 crash (known)" in markdown and "| `compose:new` | 🔴 crash |" in markdown
    assert markdown.count("<details open>") == 1 and "— the baseline has it already</summary>" in markdown
    page = rendered("html", report)
    assert (
        "crash, known: /usr/local/bin/peer in compose:old" in page
        and "crash: /usr/local/bin/peer in compose:new" in page
    )
    assert "<strong>Known:</strong> the baseline has it already" in page
    junit = ET.fromstring(rendered("junit", report))
    assert (junit.get("failures"), len(junit.findall(".//skipped"))) == ("1", 3)
    assert "known    the baseline has it already" in rendered("text", report)


def test_junit_leaves_out_what_only_a_rebuild_cures_where_that_is_asked_for() -> None:
    only_rebuilt = replace(samples.CRASH, remedies=(samples.CRASH.remedies[1],))
    environment = EnvironmentVerdicts(name="e", verdicts=(samples.CRASH, replace(only_rebuilt, name="b")))
    report = Report(targets=(replace(REPORT.targets[0], environments=(environment,)),))
    assert ET.fromstring(rendered("junit", report)).get("failures") == "2"
    asked = ET.fromstring(rendered("junit", report, only_fixable=True))
    assert asked.get("failures") == "1"
    assert ["only a rebuild cures it" in (told.text or "") for told in asked.iter("system-out")] == [True]


def test_sarif_has_the_rules_pages_as_help() -> None:
    from inspector.rulebook import page

    described = {rule["id"]: rule for rule in json.loads(rendered("sarif"))["runs"][0]["tool"]["driver"]["rules"]}
    for rule in RULES:
        shown = described[rule.id]
        assert shown["help"]["markdown"] == page(rule) == (parts.ROOT / f"docs/rules/{rule.id}.md").read_text()
        assert "## " not in shown["help"]["text"] and "`" not in shown["help"]["text"]
        assert rule.title in shown["help"]["text"] and "What helps" in shown["help"]["text"]
        assert shown["helpUri"].startswith("https://") and shown["helpUri"].endswith(rule.id)


def test_markdown_is_bounded_and_says_what_it_leaves_out() -> None:
    many = tuple(replace(REPORT.targets[0], reference=f"ghcr.io/acme/peer-{number}:1") for number in range(200))
    text = rendered("markdown", replace(REPORT, targets=many))
    assert len(text) <= MAX_CHARACTERS
    assert re.search(r"_[0-9]+ more parts do not fit", text)


@pytest.mark.parametrize("form", [form for form in formats.FORMATS if form != "intoto"])
def test_a_report_of_nothing_is_rendered_too(form: str) -> None:
    for report in (Report(), Report(targets=(Target(reference="x"),))):
        text = rendered(form, report)
        if form == "sarif":
            jsonschema.Draft4Validator(SARIF).validate(json.loads(text))
        if form == "junit":
            ET.fromstring(text)


def test_a_rule_of_another_release_is_shown_by_its_id() -> None:
    strange = samples.with_texts(REPORT, lambda text: "new-rule" if text == "static-glibc-dns" else text)
    document = json.loads(rendered("sarif", strange))
    _fits_github(document)
    assert "new-rule" in {result["ruleId"] for result in document["runs"][0]["results"]}


# ── hostile texts ────────────────────────────────────────────────────────────────────────────────────────────────

_PIECES = (
    "\x1b[31m", "\x1b]0;title\x07", "\n", "\r\n", "\t", "\0", "]]>", "<![CDATA[", "<script>alert(1)</script>", "</style>", "</details>",
    "<!--", "-->", '"', "'", "&", "&#60;", "`", "```", "~~~", "|", "||", "\\", "\\|", "*", "**", "_", "__", "# ", "- ", "1. ", "> ", "===",
    "[a](https://e.example)", "![a](https://e.example/x.png)", "<https://e.example>", "https://e.example", "www.e.example", "a@e.example",
    "@octocat", "#1", "GH-1", "\u202e", "\u2066", "\u200f", "\u2028", "\u0085", "\ufeff", "\ufffe", "\U000e0001", "é", "漢", "🙂", "%", "../", "/",
    "://", ":", " ", "{{7*7}}", "${{ github.token }}", "$x$", "A" * 300,
)  # fmt: skip
_HOSTILE = st.lists(
    st.sampled_from(_PIECES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=8
).map("".join)
_LONG = "A<b>`|\n\u202e]]>" * 100_000


def _tags(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of a page, with the names of their attributes."""
    found: list[tuple[str, tuple[str, ...]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, tuple(name for name, _ in attrs)))

        def handle_endtag(self, tag: str) -> None:
            found.append((f"/{tag}", ()))

        def handle_comment(self, data: str) -> None:
            raise AssertionError(data)

        def handle_pi(self, data: str) -> None:
            raise AssertionError(data)

    reader = Reader()
    reader.feed(html)
    reader.close()
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (key, *_texts(each))]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _is_printable(text: str, also: str = "\n") -> bool:
    return all(c in also or c == " " or unicodedata.category(c)[0] not in "CZ" for c in text)


def _as_github_shows(markdown: str) -> str:
    return cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)


HARMLESS = samples.with_texts(REPORT, lambda text: f"x{text}")
_HARMLESS_PAGE = _tags(rendered("html", HARMLESS))
_HARMLESS_MARKDOWN = _tags(_as_github_shows(rendered("markdown", HARMLESS)))
_HARMLESS_JUNIT = [element.tag for element in ET.fromstring(rendered("junit", HARMLESS)).iter()]


def hostile_reports(function: Callable[[Report], None]) -> Callable[[], None]:
    """Run a test on reports in which each text begins with the same hostile one; long ones too."""

    def run(hostile: str) -> None:
        function(samples.with_texts(REPORT, lambda text: hostile + text))

    run.__name__ = function.__name__
    run.__doc__ = function.__doc__
    return example("<!-- \n\n# a\n")(example(_LONG)(settings(max_examples=60)(given(_HOSTILE)(run))))


@hostile_reports
def test_hostile_in_text_and_plain(report: Report) -> None:
    assert _is_printable(rendered("text", report))
    plain = rendered("plain", report)
    assert _is_printable(plain, "\n\t")
    wanted = [line.count("\t") for line in rendered("plain", HARMLESS).split("\n")]
    assert [line.count("\t") for line in plain.split("\n")] == wanted
    assert len(plain) < 1_000_000


@hostile_reports
def test_hostile_in_sarif_and_gitlab(report: Report) -> None:
    text = rendered("sarif", report)
    document = json.loads(text)
    jsonschema.Draft4Validator(SARIF).validate(document)
    _fits_github(document)
    assert all(_is_printable(each) for each in _texts(document))
    assert len(text) < 1_000_000
    assert len(document["runs"][0]["results"]) == len(findings_of(REPORT))
    issues = json.loads(rendered("gitlab", report))
    jsonschema.Draft202012Validator(GITLAB).validate(issues)
    assert all(_is_printable(each, "") for each in _texts(issues))


@hostile_reports
def test_hostile_in_junit(report: Report) -> None:
    text = rendered("junit", report)
    root = ET.fromstring(text)
    assert [element.tag for element in root.iter()] == _HARMLESS_JUNIT
    assert all(
        _is_printable(each) for element in root.iter() for each in (element.text or "", *element.attrib.values())
    )
    names = [case.get("name") for case in root.iter("testcase")]
    assert len(set(names)) == len(names)
    assert len(text) < 1_000_000


@hostile_reports
def test_hostile_in_markdown(report: Report) -> None:
    text = rendered("markdown", report)
    assert len(text) <= MAX_CHARACTERS
    assert _is_printable(text, "\n\u200b")
    html = _as_github_shows(text)
    found = _tags(html)
    if "more parts do not fit" not in text:
        assert found == _HARMLESS_MARKDOWN
    assert not {"a", "img", "script", "style", "h1"} & {tag for tag, _ in found}
    outside_code = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
    assert not re.search(r"@\w|#[0-9]|GH-[0-9]|https?://", outside_code)


@hostile_reports
def test_hostile_in_html(report: Report) -> None:
    page = rendered("html", report)
    assert _tags(page) == _HARMLESS_PAGE
    assert _is_printable(page)
    assert len(page) < 1_000_000


@settings(max_examples=30)
@given(_HOSTILE)
def test_hostile_in_json_and_intoto(hostile: str) -> None:
    """They carry every text in full, escaped as JSON has it."""
    report = samples.with_texts(REPORT, lambda text: hostile + text)
    for form in ("json", "intoto"):
        text = rendered(form, report)
        assert hostile + samples.PEER.path in _texts(json.loads(text))
        assert _is_printable(text)


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_no_conclusion_says_no_crash_while_a_verdict_is_unknown(form: str) -> None:
    """A latent finding outranks an unknown one, and must not hide it."""

    def shown(*verdicts: Verdict) -> str:
        here = EnvironmentVerdicts(name="kubernetes", verdicts=verdicts)
        targets = (Target(reference="x", binaries=(samples.PEER, samples.TOOL), environments=(here,)),)
        report = Report(targets=targets, summary=summarise(targets))
        text = render(report, form, Rendering()).decode()
        # The findings below the headline name the binary as well.
        return " ".join((text.split("###")[0] if form == "markdown" else text).split())

    told = re.compile(r"of [^ ]*tool[^ ]* it cannot be told", re.IGNORECASE)
    both = shown(samples.LATENT, samples.UNKNOWN)
    assert told.search(both)
    assert "no crash today" not in both
    assert not told.search(shown(samples.LATENT, samples.SAFE))


def _partly_unknown() -> Report:
    """A binary of which one call is latent and the next cannot be told."""
    target = next(target for target in REPORT.targets if target.environments and target.binaries)
    path = target.binaries[0].path
    pair = (
        Verdict(rule="static-glibc-dns", path=path, call="host", name="a.example.com", level="unknown"),
        Verdict(rule="static-glibc-user", path=path, call="user", level="latent", outcome="dies"),
    )
    judged = replace(
        target,
        status="analysed",
        problems=(),
        binaries=target.binaries[:1],
        environments=(EnvironmentVerdicts(name="docker-network", verdicts=pair),),
    )
    return replace(REPORT, targets=(judged,), summary=summarise([judged]))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("text", r"docker-network  latent, unknown$"),
        ("plain", r"^summary\tlatent\tcrash=0\twrong=0\tlatent=1\tunknown=1\t"),
        ("markdown", r"^\| `docker-network` \| 🟡 latent, ❔ unknown \|$"),
        ("html", r"latent, unknown</a></td>"),
        ("html", r'<span class="badge unknown"><span aria-hidden="true">\?</span> unknown</span> 1</li>'),
        ("junit", r"it could not be told"),
    ],
)
def test_a_graver_level_does_not_hide_what_is_unknown(form: str, said: str) -> None:
    report = _partly_unknown()
    assert (report.summary.worst, report.summary.latent, report.summary.unknown) == ("latent", 1, 1)
    assert re.search(said, rendered(form, report), re.MULTILINE)
