"""Remedies and flips held against what happened: where the oracle has the changed case too, it was run."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from test_risk_changes import situation_of

from inspector.facts import Verdict
from inspector.risk.changes import Change, cures, dangers
from inspector.risk.judgement import judge_situation
from inspector.risk.situation import Situation

ORACLE = Path(__file__).parent.parent / "oracle" / "crash.jsonl.gz"
RARE = 0.15
_DEBUG_LEVEL = re.compile(r"(netdns=\w+)\+\d")


@dataclass
class Group:
    """One situation and the rows in which it was run."""

    situation: Situation
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def went_wrong(self) -> bool:
        return any(row["dies"] + row["fails"] > RARE * row["runs"] for row in self.rows)


def key_of(situation: Situation) -> str:
    """What tells situations apart; a debug level, by which the probes print their choice, has no part in it."""
    context = situation.context
    godebug = _DEBUG_LEVEL.sub(r"\1", context.env.get("GODEBUG", ""))
    files = {name: (file.text or "").strip() for name, file in sorted(context.files.items())}
    env = {key: value for key, value in context.env.items() if key != "GODEBUG"}
    rest = (situation.binary, situation.rootfs, situation.call, situation.name, context.uid, context.system_hostname)
    return repr((rest, godebug, sorted(env.items()), files))


@cache
def groups() -> dict[str, Group]:
    found: dict[str, Group] = {}
    with gzip.open(ORACLE, "rt") as lines:
        for row in map(json.loads, lines):
            situation = situation_of(row["case"])
            found.setdefault(key_of(situation), Group(situation)).rows.append(row["observed"])
    return found


def pairs(changes: Any) -> Iterator[tuple[Group, Verdict, Change, Group]]:
    """Yield each situation with a change of its verdict's after which it was run as well."""
    for group in list(groups().values()):
        verdict = judge_situation(group.situation)
        told = {flip.change for flip in verdict.flips} | {remedy.text for remedy in verdict.remedies}
        for change in changes(group.situation):
            after = groups().get(key_of(change.after))
            if change.text in told and after is not None:
                yield group, verdict, change, after


def test_remedies_cure_where_the_cured_case_was_run() -> None:
    tried: dict[str, int] = defaultdict(int)
    failed = []
    for group, verdict, change, after in pairs(cures):
        if verdict.level == "crash" and group.went_wrong:
            tried[change.kind] += 1
            if after.went_wrong:
                failed.append((change.text, after.rows))
    print(f"\n{dict(tried)} remedies applied in the oracle")
    assert failed == []
    assert sum(tried.values()) > 60


def test_flips_break_where_the_broken_case_was_run() -> None:
    tried: dict[str, int] = defaultdict(int)
    failed = []
    for group, verdict, change, after in pairs(dangers):
        if verdict.level == "latent" and not group.went_wrong:
            tried[change.kind] += 1
            if not after.went_wrong:
                failed.append((group.situation, change.text, after.rows))
    print(f"\n{dict(tried)} flips applied in the oracle")
    assert failed == []
    assert sum(tried.values()) > 60
