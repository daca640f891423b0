"""Remedies cure and flips break: each that can be applied is applied, and the outcome judged anew."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inspector.facts import Call, Verdict
from inspector.resolver.batch import context_of
from inspector.risk import judge
from inspector.risk.batch import _binary, _rootfs
from inspector.risk.changes import cures, dangers
from inspector.risk.judgement import judge_situation
from inspector.risk.situation import Situation

ORACLE = Path(__file__).parent.parent / "oracle" / "crash.jsonl.gz"
EVERY = 7
"""One case in so many."""
EFFORT = ("env", "resolv-conf", "nsswitch", "base-image", "fabric", "rebuild")


@cache
def situations() -> tuple[Situation, ...]:
    with gzip.open(ORACLE, "rt") as lines:
        cases = [json.loads(line)["case"] for line in lines][::EVERY]
    return tuple(map(situation_of, cases))


def situation_of(case: dict[str, Any]) -> Situation:
    call: Call = case["call"]
    return Situation(_binary(case["binary"]), _rootfs(case["rootfs"]), context_of(case), call, case["name"])


@cache
def judged() -> tuple[tuple[Situation, Verdict], ...]:
    return tuple((situation, judge_situation(situation)) for situation in situations())


def test_every_remedy_that_can_be_applied_cures() -> None:
    tried = 0
    for situation, verdict in judged():
        if verdict.level not in {"crash", "wrong"}:
            continue
        applied = {change.text: change.after for change in cures(situation)}
        for remedy in verdict.remedies:
            if remedy.text not in applied:
                assert remedy.kind in {"fabric", "rebuild", "base-image"}, remedy
                continue
            assert judge_situation(applied[remedy.text]).level in {"safe", "latent"}, (situation, remedy)
            tried += 1
    assert tried > 300


def test_every_flip_that_can_be_applied_crashes() -> None:
    tried = 0
    for situation, verdict in judged():
        assert verdict.level == "latent" or not verdict.flips
        applied = {change.text: change.after for change in dangers(situation)}
        for flip in verdict.flips:
            assert judge_situation(applied[flip.change]).level == flip.level == "crash", (situation, flip)
            tried += 1
    assert tried > 300


def test_remedies_come_in_the_order_of_their_effort() -> None:
    for situation, verdict in judged():
        kinds = [remedy.kind for remedy in verdict.remedies]
        assert kinds == sorted(kinds, key=EFFORT.index), situation


def test_every_crash_has_a_remedy_and_every_latent_verdict_a_flip() -> None:
    for situation, verdict in judged():
        if verdict.level == "crash":
            assert verdict.remedies, situation
        if verdict.level == "latent":
            assert verdict.flips, situation


def test_texts_are_concrete_and_said_once() -> None:
    for _, verdict in judged():
        texts = [flip.change for flip in verdict.flips] + [remedy.text for remedy in verdict.remedies]
        assert len(texts) == len(set(texts)), texts


def test_what_is_not_known_to_be_called_is_never_a_crash() -> None:
    levels = set()
    for situation in situations():
        verdict = judge_situation(situation.changed(known=False))
        if verdict.rule != "cannot-start":
            levels.add(verdict.level)
    assert levels == {"latent", "safe", "wrong"}


@pytest.mark.parametrize(("tags", "line"), [(None, "netgo,osusergo"), (("pkcs11",), "pkcs11,netgo,osusergo")])
def test_the_rebuild_line_keeps_the_tags_that_there_were(tags: tuple[str, ...] | None, line: str) -> None:
    from test_risk_rules import FORCED, image, program

    from inspector.facts import GoBuild

    binary = program(go=GoBuild(version="1.15.15", tags=tags))
    verdict = judge(binary, image(), FORCED, call="host", name="orderer.example.com")
    assert verdict.remedies[-1].text == (
        f"rebuild: go build -tags {line}, without -linkmode external (or CGO_ENABLED=0 go build)"
    )
