"""A brief judgement says what a full one says; a build stands for every binary that is alike in what decides."""

import dataclasses

import pytest
from test_risk_rules import SAMPLES

from inspector.facts import BinaryFacts
from inspector.risk import judge
from inspector.store.grouping import build_of

DECIDES = {
    "machine", "linkage", "interpreter", "needs_glibc", "needed", "missing", "libc", "go", "dl_var_init", "problems", "exposures",
    "path", "byte_order", "bits", "stripped",
}  # fmt: skip
"""Of ``path`` a Fabric program's name only; the last three are told, and are the same for a build."""
LEFT_OUT = {"layer": "sha256:1", "sha256": "2", "size": 9, "build_id": "00", "found": ("go",)}


def test_every_fact_of_a_binary_is_known_to_decide_or_not() -> None:
    assert {field.name for field in dataclasses.fields(BinaryFacts)} == DECIDES | set(LEFT_OUT)


@pytest.mark.parametrize("title", SAMPLES)
def test_what_is_left_out_of_a_build_changes_no_verdict(title: str) -> None:
    sample = SAMPLES[title]
    other = dataclasses.replace(sample.binary, path="/opt/other", **LEFT_OUT)
    plain = dataclasses.replace(sample.binary, path="/opt/another")
    assert build_of(other) == build_of(plain)
    first, second = (
        judge(
            binary, sample.root, sample.context, call=sample.call, name=sample.name, known=sample.known,
            platform=sample.platform,
        )
        for binary in (plain, other)
    )  # fmt: skip
    assert second == first


@pytest.mark.parametrize("title", SAMPLES)
def test_a_brief_judgement_leaves_out_flips_and_remedies_alone(title: str) -> None:
    sample = SAMPLES[title]
    full = sample.judged()
    brief = judge(
        sample.binary, sample.root, sample.context, call=sample.call, name=sample.name, known=sample.known,
        platform=sample.platform, brief=True,
    )  # fmt: skip
    assert not brief.flips and not brief.remedies
    assert (brief.rule, brief.level, brief.outcome, brief.reasons) == (
        full.rule,
        full.level,
        full.outcome,
        full.reasons,
    )


def test_what_decides_tells_builds_apart() -> None:
    builds = {repr(build_of(sample.binary)) for sample in SAMPLES.values()}
    bare = dict.fromkeys(("layer", "sha256", "build_id")) | {"size": 0, "found": ()}
    binaries = {repr(dataclasses.replace(sample.binary, path="", **bare)) for sample in SAMPLES.values()}
    assert len(builds) >= len(binaries)
