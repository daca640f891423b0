"""A C library inside a static binary enters NSS by itself; neither GODEBUG nor netgo helps."""

from __future__ import annotations

from inspector.facts import Reason, Verdict
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import verdict_of_effect
from inspector.risk.situation import Situation

_SOURCE = "glibc bug 19341; confluentinc/librdkafka#2651"


def _judge(situation: Situation) -> Verdict | None:
    if not situation.is_static_glibc or "clib" not in situation.kinds:
        return None
    if situation.call != "clib" and situation.binary.go is not None:
        return None
    effect = situation.effect_of("host")
    lead = Reason(text="C code in the binary calls the C library's look-ups itself; no setting of Go's reaches it")
    known = situation.known and situation.call == "clib"
    return verdict_of_effect(RULE.id, situation.changed(known=known), effect, lead, source=_SOURCE)


RULE = Rule(
    id="static-glibc-clib",
    title="A C library's own look-ups in a static glibc binary",
    levels=("crash", "latent", "safe", "unknown"),
    sources=("confluentinc/librdkafka#2651", "https://sourceware.org/bugzilla/show_bug.cgi?id=19341"),
    remedies=("nsswitch", "base-image", "rebuild"),
    judge=_judge,
)
