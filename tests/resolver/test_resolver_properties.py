"""What holds in every case: nothing raises, a forced binary never gets cgo, comments change nothing, reasons suffice."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from inspector.facts import ContextFile, ResolverBuild, ResolverContext
from inspector.resolver import NEWEST, changes, decide
from inspector.resolver.batch import answer, build_of, context_of
from inspector.resolver.nsswitch import parse_nsswitch
from inspector.resolver.resolv_conf import parse_resolv_conf
from resolver import random_cases

LIMITS = st.sampled_from([None, 4096, 65536])
WORDS = st.sampled_from(
    [
        "options",
        " ",
        "\t",
        "\n",
        "edns0",
        "hosts:",
        "files",
        "dns",
        "[",
        "]",
        "=",
        "!",
        "#",
        "NOTFOUND=return",
        "mdns",
        "\r",
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map("".join))
BUILDS = st.sampled_from(
    [
        {"cgo": True, "tags": []},
        {"cgo": False, "tags": []},
        {"cgo": True, "tags": ["netgo"]},
        {"cgo": True, "tags": ["netcgo"]},
        {"cgo": True, "tags": [], "default_godebug": "netdns=go"},
        {"cgo": True, "tags": [], "default_godebug": "netdns=cgo"},
    ]
)
RELEASES = st.integers(5, 27).map("1.{}".format)


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    """A random case, with files out of words that matter or of any text at all."""
    case = random_cases.case(draw(st.integers(0, 1 << 32)), 0)
    if draw(st.booleans()):
        name = draw(st.sampled_from(["resolv.conf", "nsswitch.conf"]))
        case["files"][name] = draw(TEXTS)
    if draw(st.integers(0, 3)) == 0:
        case["name"] = draw(st.text(max_size=20))
    return {**case, **draw(BUILDS), "go": draw(RELEASES)}


@given(st.binary(max_size=400), LIMITS)
def test_parsers_take_any_bytes(content: bytes, limit: int | None) -> None:
    text = content.decode("utf-8", "replace")
    lines = text.split("\n")
    conf = parse_resolv_conf(text, limit)
    for word in (*conf.keywords, *conf.options, *conf.nameservers):
        assert lines[word.line - 1][word.column - 1 :].startswith(word.text)
    switch = parse_nsswitch(text, limit)
    for source in (source for found in switch.sources.values() for source in found):
        assert lines[source.word.line - 1][source.word.column - 1 :].startswith(source.name)
        if source.bracket:
            assert lines[source.bracket.line - 1][source.bracket.column - 1 :].startswith(source.bracket.text)


@given(cases())
def test_decide_never_raises(case: dict[str, Any]) -> None:
    reply = answer(case)
    assert "error" not in reply
    assert reply["decision"] in {"go", "cgo", "none"}
    assert reply["order"] in {None, "cgo", "files,dns", "dns,files", "files", "dns"}
    assert (reply["order"] == "cgo") <= (reply["decision"] == "cgo")


@given(cases())
def test_forced_binary_never_gets_cgo(case: dict[str, Any]) -> None:
    for forced in ({"cgo": False}, {"tags": ["netgo"]}, {"env": {**case["env"], "GODEBUG": "netdns=go"}}):
        assert answer({**case, **forced})["decision"] != "cgo"


@given(cases(), st.sampled_from(["resolv.conf", "nsswitch.conf"]), st.integers(0, 9), st.text(max_size=9))
def test_comment_in_column_one_changes_nothing(case: dict[str, Any], name: str, at: int, comment: str) -> None:
    text = case["files"][name]
    assume(text is not None and "\n" not in comment and all(len(line) < 4000 for line in text.split("\n")))
    lines = text.split("\n")
    at = min(at, len(lines) - 1)
    changed = "\n".join([*lines[:at], f"#{comment}", *lines[at:]])
    before, after = answer(case), answer({**case, "files": {**case["files"], name: changed}})
    for reply in (before, after):
        for reason in reply["reasons"] + reply["further"] + reply["running"]:
            file, _, line = (reason["where"] or "").partition(":")
            if file == name and line:
                reason["where"] = f"{file}:{int(line) + (reply is before and int(line) > at)}"
    assert before == after


OBSTACLES = ("environment:", "name:", "option:", "keyword:", "file:", "criteria:", "source:")
"""What, if it stands among the reasons, is left to the C library."""


def recompute(reasons: list[dict[str, Any]]) -> tuple[str, str | None]:
    """Return decision and order from the reasons alone, as docs/resolve.md tells a reader to."""
    rules = [reason["rule"] for reason in reasons if not reason["rule"].startswith(("limit:", "release:"))]
    last = reasons[-1] if reasons else {}
    if any(
        rule.startswith("literal:") or rule in {"call:no name", "call:port, number", "call:port, empty"}
        for rule in rules
    ):
        return "none", None
    if "call:txt srv mx ns" in rules:
        return "go", None
    forced = any(rule in {"build:without cgo", "build:netgo", "godebug:netdns=go"} for rule in rules)
    asked = any(rule in {"build:netcgo", "godebug:netdns=cgo", "fallback:neither files nor dns"} for rule in rules)
    if asked or any(rule.startswith(OBSTACLES) for rule in rules):
        return ("go", "files,dns") if forced else ("cgo", "cgo")
    if "fallback:forced: at once" in rules:
        return "go", "files,dns"
    if "fallback:no hosts sources" in rules:
        return "go", "dns,files" if last["until"] else "files,dns"
    if "order:sources" in rules:
        return "go", last["word"].replace(" ", ",")
    return ("go" if forced else "cgo"), None  # a named port


@given(cases())
def test_reasons_alone_let_a_reader_recompute_the_decision(case: dict[str, Any]) -> None:
    reply = answer(case)
    assert recompute(reply["reasons"]) == (reply["decision"], reply["order"])


@given(cases())
def test_reasons_show_the_very_word(case: dict[str, Any]) -> None:
    reply = answer(case)
    for reason in reply["reasons"] + reply["further"]:
        if reason["column"] is None or reason["rule"] == "order:sources":
            continue
        name, _, line = reason["where"].partition(":")
        text = case["files"][name].split("\n")[int(line) - 1]
        assert text[reason["column"] - 1 :].startswith(reason["word"])


def with_release(build: ResolverBuild, minor: int) -> ResolverBuild:
    return replace(build, version=f"1.{minor}")


@given(cases())
def test_every_flip_changes_the_decision_until_it_says(case: dict[str, Any]) -> None:
    build, context, call = build_of(case), context_of(case), case["call"]
    now = decide(build, context, case["name"], call)
    for change in changes(build, context, case["name"], call):
        then = decide(change.build, change.context, change.name, call)
        assert {now.decision, then.decision} == {"go", "cgo"}, change.text
        states = [change.build != build, change.context != context, change.name != case["name"]]
        assert states.count(True) == 1, "one thing is changed"
        if change.until is not None:
            since = int(change.until.removeprefix("1."))
            for minor in range(max(since - 1, int(build.version[2:])), NEWEST + 1):
                before = decide(with_release(build, minor), context, case["name"], call).decision
                after = decide(with_release(change.build, minor), change.context, change.name, call).decision
                assert (before == after) == (minor >= since), (change.text, minor)


@given(cases())
def test_flip_of_a_file_touches_one_file_and_little_of_it(case: dict[str, Any]) -> None:
    build, context = build_of(case), context_of(case)
    for change in changes(build, context, case["name"], case["call"]):
        touched = [
            key
            for key in ("resolv.conf", "nsswitch.conf", "mdns.allow")
            if change.context.files[key] != context.files[key]
        ]
        assert len(touched) <= 1
        if touched and change.text.startswith("take ") and "line" not in change.text:
            before, after = context.files[touched[0]].text or "", change.context.files[touched[0]].text or ""
            assert len(after) < len(before)
            assert len(after.split("\n")) == len(before.split("\n"))


def test_removing_several_words_is_one_change() -> None:
    context = ResolverContext(
        files={
            "resolv.conf": ContextFile(text="nameserver 192.0.2.1\noptions edns0 rotate trust-ad\nsortlist x\n"),
            "nsswitch.conf": ContextFile(text="hosts: files dns\n"),
        },
        uid=0,
        system_hostname="m",
    )
    (change,) = (
        c for c in changes(ResolverBuild(version="1.19", cgo=True), context, "a.b", "host") if "take" in c.text
    )
    assert change.context.files["resolv.conf"].text == "nameserver 192.0.2.1\noptions rotate\n\n"
    assert change.until is None, "sortlist is known to no release"


def test_flip_says_from_which_release_on_it_makes_no_difference() -> None:
    context = ResolverContext(
        files={
            "resolv.conf": ContextFile(text="options edns0\n"),
            "nsswitch.conf": ContextFile(text="hosts: files dns\n"),
            "mdns.allow": ContextFile(),
        },
        uid=0,
        system_hostname="m",
    )
    known = {c.text: c.until for c in changes(ResolverBuild(version="1.19", cgo=True), context, "a.b", "host")}
    assert known["take 'edns0' (resolv.conf:1) out"] == "1.20"
    assert known["set GODEBUG=netdns=go"] == "1.20"
    assert "look up a plain name such as 'peer0.example.com'" not in known
