"""A file that could not be understood is unknown, never safe."""

from __future__ import annotations

from inspector.escaping import printable
from inspector.facts import Reason, Verdict
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import Situation


def _judge(situation: Situation) -> Verdict | None:
    binary = situation.binary
    system = (situation.platform or "linux").partition("/")[0]
    if system != "linux":
        foreign = f"the image is for {printable(system, limit=40)}: what a process resolves with there is not known"
        return plain_verdict(RULE.id, situation, "unknown", Reason(text=foreign))
    if binary.exposures is None:
        why = binary.problems or ("how the binary can enter libc is not known",)
        return plain_verdict(RULE.id, situation, "unknown", *(Reason(text=text) for text in why))
    static_libc_unknown = binary.linkage.startswith("static") and binary.libc.kind == "unknown"
    if binary.linkage == "unknown" or (static_libc_unknown and binary.exposures):
        return plain_verdict(RULE.id, situation, "unknown", Reason(text="which C library is inside cannot be told"))
    return None


RULE = Rule(
    id="not-analysed",
    title="The binary could not be analysed",
    levels=("unknown",),
    sources=("System V gABI, chapters 4 and 5",),
    remedies=(),
    judge=_judge,
)
