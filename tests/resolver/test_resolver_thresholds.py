"""Moving any threshold of the version table to the next or the last observed release is noticed."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from inspector.resolver import table
from inspector.resolver.batch import answer
from inspector.resolver.table import Entry
from resolver.test_resolver_oracle import ORACLE, observed
from resolver.test_resolver_rules import FORCED, case, hosts, rows

OBSERVED = [5, 7, 9, 12, 15, 18, 19, *range(20, 28)]
"""Minor versions of the releases that the oracle was observed with."""

OTHERWISE: list[tuple[dict[str, Any], dict[int, Any]]] = [
    # Thresholds that move no order, only what is told: (case, the first reason's rule or what is read again, by era).
    (case(name="a%b", resolv="options foo\n"), {5: "option:unknown", 21: "name:%"}),
    (hosts("mdns frob", mdns=""), {5: "source:any other", 21: "file:mdns.allow"}),
    (case(call="port", name=""), {5: "call:port", 6: "call:port, empty"}),
]
RUNNING: list[tuple[dict[str, Any], dict[int, list[str]]]] = [
    (hosts("files mdns dns"), {
        5: ["resolv.conf once", "nsswitch.conf once", "mdns.allow once"],
        20: ["resolv.conf again", "nsswitch.conf again", "mdns.allow once"],
        21: ["resolv.conf again", "nsswitch.conf again", "mdns.allow at every"]}),
    (case(resolv="options rotate\n"), {27: ["resolv.conf again", "resolv.conf at every", "nsswitch.conf again"]}),
    (case(resolv="options foo\n"), {5: ["resolv.conf once"], 20: ["resolv.conf again"], 27: ["resolv.conf again", "resolv.conf at every"]}),
    (case(resolv="options no-reload\n"), {20: ["resolv.conf stays", "nsswitch.conf again"]}),
    (case(**FORCED), {5: [], 7: ["resolv.conf once", "nsswitch.conf once"], 20: ["resolv.conf again", "nsswitch.conf again"],
                      21: ["nsswitch.conf again"]}),
    (case(env={"LOCALDOMAIN": ""}), {5: []}),
    (case(env={"GODEBUG": "netdns=cgo"}), {5: []}),
    (case(name="a%b", resolv="options rotate\n"), {5: []}),
    (case(call="txt"), {5: []}),
    (case(call="port", name="http", **FORCED), {21: []}),
]  # fmt: skip
"""What a running process notices, by era; none for what no file decides."""


def running(row: dict[str, Any], minor: int) -> list[str]:
    told = answer({**row, "go": f"1.{minor}"})["running"]
    words = ("stays", "at every", "again", "once")
    return [f"{reason['where'].split(':')[0]} {next(w for w in words if w in reason['text'])}" for reason in told]


def era(eras: dict[int, Any], minor: int) -> Any:
    return eras[max(since for since in eras if since <= minor)]


@pytest.mark.parametrize("number", range(len(RUNNING)))
def test_what_a_running_process_notices(number: int) -> None:
    row, eras = RUNNING[number]
    for minor in range(min(eras), 28):
        assert running(row, minor) == era(eras, minor), minor


@pytest.mark.parametrize("number", range(len(OTHERWISE)))
def test_first_reason(number: int) -> None:
    row, eras = OTHERWISE[number]
    for minor in range(min(eras), 28):
        assert answer({**row, "go": f"1.{minor}"})["reasons"][0]["rule"] == era(eras, minor)


# ── moving thresholds ────────────────────────────────────────────────────────────────────────────────────────────


@cache
def seen() -> dict[int, list[tuple[dict[str, Any], str | None]]]:
    """What the oracle saw, by minor version."""
    found: dict[int, list[tuple[dict[str, Any], str | None]]] = {minor: [] for minor in OBSERVED}
    for row, order, _ in observed():
        found[int(str(row["go"]).split(".")[1])].append((row, order))
    return found


@cache
def stated_of(minor: int) -> list[tuple[dict[str, Any], str | None]]:
    return [(row, order) for _, row, at, order in rows() if at == minor]


def is_noticed(minor: int, oracle: dict[int, list[tuple[dict[str, Any], str | None]]]) -> bool:
    """Whether anything that is held against Go 1.``minor`` fails."""
    try:
        for row, order in (*stated_of(minor), *oracle.get(minor, ())):
            reply = answer(row)
            if "error" in reply or reply["order"] != order:
                return True
        for row, eras in OTHERWISE:
            if min(eras) <= minor and answer({**row, "go": f"1.{minor}"})["reasons"][0]["rule"] != era(eras, minor):
                return True
        if any(min(eras) <= minor and running(row, minor) != era(eras, minor) for row, eras in RUNNING):
            return True
        own = answer({**hosts("files myhostname dns", system_hostname=None), "go": f"1.{minor}"})
        return ("error" in own) != (minor >= 11)
    except (KeyError, StopIteration):
        return True  # a rule that every release must have is gone


SHADOWED = {
    ("source:mdns, .local", 22),  # up to 1.22 such names go to cgo by the name alone
    ("name:localhost", 7),  # up to 1.7 myhostname asks for a dot, and for no name
    ("name:gateway", 7),
    ("name:the machine's own", 7),
    ("fallback:forced: nsswitch.conf decides", 20),  # up to 1.20 "forced: fixed" comes before it
}
"""Rules that cannot be seen in the release before, because another one decides there."""


def moves() -> Iterator[tuple[Entry, str, int, int]]:
    """Yield (entry, which end, the release it is moved to, the observed release that is read otherwise then)."""
    for entry in table.ALL:
        for end in ("since", "until"):
            threshold = getattr(entry, end)
            if threshold is None or threshold == 5:
                continue
            if end == "until" and successor(entry) is not None:
                continue  # moved with its successor's beginning
            at = next(index for index, minor in enumerate(OBSERVED) if minor >= threshold)
            later = OBSERVED[at + 1] if at + 1 < len(OBSERVED) else 28
            yield entry, end, later, OBSERVED[at]
            if (entry.rule, OBSERVED[at - 1]) not in SHADOWED:
                yield entry, end, OBSERVED[at - 1], OBSERVED[at - 1]


def successor(entry: Entry) -> Entry | None:
    """Return the entry that takes over from one."""
    return next((e for e in table.ALL if e.kind == entry.kind and takes_over(entry, e)), None)


def takes_over(entry: Entry, later: Entry) -> bool:
    same = entry.word == later.word or entry.kind == "steps"
    return same and entry.until is not None and later.since == entry.until


def moved(entry: Entry, end: str, to: int) -> tuple[Entry, ...]:
    """Return the table with one threshold moved, at both sides of it."""
    changed = []
    for other in table.ALL:
        if other is entry:
            changed.append(replace(other, **{end: to}))
        elif end == "since" and other.kind == entry.kind and takes_over(other, entry):
            changed.append(replace(other, until=to))
        else:
            changed.append(other)
    return tuple(changed)


MOVES = list(moves())


@pytest.mark.parametrize(
    "number", range(len(MOVES)), ids=lambda n: f"{MOVES[n][0].rule} {MOVES[n][1]} to 1.{MOVES[n][2]}"
)
def test_moving_a_threshold_is_noticed(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, end, to, minor = MOVES[number]
    monkeypatch.setattr(table, "ALL", moved(entry, end, to))
    table.rules.cache_clear()
    try:
        assert is_noticed(minor, seen())
    finally:
        table.rules.cache_clear()


@pytest.mark.parametrize("minor", OBSERVED)
def test_nothing_is_noticed_of_the_table_as_it_is(minor: int) -> None:
    assert not is_noticed(minor, {})  # the oracle's own test holds all of it


def test_oracle_was_observed_with_these_releases() -> None:
    with gzip.open(ORACLE / "resolver.jsonl.gz", "rt") as lines:
        row = json.loads(next(lines))
    assert sorted({int(go.split(".")[1]) for found in row["decisions"].values() for go in found}) == OBSERVED


def test_every_entry_has_a_source_and_a_meaning() -> None:
    assert all(entry.source and entry.meaning and entry.kind in table.KINDS for entry in table.ALL)
    held = [(entry.kind, entry.word, minor) for entry in table.ALL for minor in range(5, 28) if entry.holds(minor)]
    assert len(held) == len(set(held)), "two entries of one name hold for the same release"
