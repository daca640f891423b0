"""One binary stands for all that are alike in what decides."""

import dataclasses

import pytest
from test_risk_rules import SAMPLES

from inspector.facts import BinaryFacts, Exposure
from inspector.risk import deciding_facts, judge
from inspector.risk.deciding import DECIDES, IS_TOLD_ONLY


def test_every_fact_of_a_binary_is_known_to_decide_or_not() -> None:
    named = {*DECIDES, *IS_TOLD_ONLY, "path", "exposures"}
    assert {field.name for field in dataclasses.fields(BinaryFacts)} == named


@pytest.mark.parametrize("title", SAMPLES)
def test_what_does_not_decide_changes_no_verdict(title: str) -> None:
    sample = SAMPLES[title]
    exposures = sample.binary.exposures
    other = dataclasses.replace(
        sample.binary,
        path="/opt/other", layer="sha256:1", sha256="2", size=9, byte_order="little", bits=64, build_id="00",
        needed=("libc.so.6",), stripped=True, found=("go",),
        exposures=exposures and tuple(Exposure(kind=each.kind, evidence=("other",)) for each in exposures),
    )  # fmt: skip
    assert deciding_facts(other) == deciding_facts(sample.binary)
    first, second = (
        judge(
            binary, sample.root, sample.context, call=sample.call, name=sample.name, known=sample.known,
            platform=sample.platform, changes=False,
        )
        for binary in (sample.binary, other)
    )  # fmt: skip
    assert dataclasses.replace(second, evidence=first.evidence) == first


@pytest.mark.parametrize("title", SAMPLES)
def test_without_changes_only_latent_becomes_safe(title: str) -> None:
    sample = SAMPLES[title]
    full = sample.judged()
    brief = judge(
        sample.binary, sample.root, sample.context, call=sample.call, name=sample.name, known=sample.known,
        platform=sample.platform, changes=False,
    )  # fmt: skip
    assert not brief.flips and not brief.remedies
    assert (brief.rule, brief.outcome, brief.reasons) == (full.rule, full.outcome, full.reasons)
    assert brief.level == full.level or (brief.level, full.level) == ("safe", "latent")


def test_what_decides_tells_binaries_apart() -> None:
    keys = {deciding_facts(sample.binary) for sample in SAMPLES.values()}
    binaries = {repr(dataclasses.replace(sample.binary, path="")) for sample in SAMPLES.values()}
    assert len(keys) == len(binaries)
