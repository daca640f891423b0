"""A named port is looked up by the glibc inside a static binary."""

from __future__ import annotations

from inspector.errors import InspectorError
from inspector.facts import Verdict
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict, untold_verdict, verdict_of_effect
from inspector.risk.situation import GO_UNKNOWN, Situation

_SOURCE = "net/lookup_unix.go, lookupPort; glibc bug 19341"


def _judge(situation: Situation) -> Verdict | None:
    if not situation.is_static_glibc or "dns" not in situation.kinds or situation.call != "port":
        return None
    decision = situation.decision or GO_UNKNOWN
    if isinstance(decision, InspectorError):
        return untold_verdict(RULE.id, situation, decision)
    if decision.decision != "cgo":
        return plain_verdict(RULE.id, situation, "safe", *decision.reasons)
    effect = situation.effect_of("port")
    return verdict_of_effect(RULE.id, situation, effect, *decision.reasons, source=_SOURCE)


RULE = Rule(
    id="static-glibc-ports",
    title="Named ports in a static glibc binary",
    levels=("crash", "latent", "safe", "unknown"),
    sources=("net/lookup_unix.go at Go 1.21", "https://sourceware.org/bugzilla/show_bug.cgi?id=19341"),
    remedies=("env", "base-image", "rebuild"),
    judge=_judge,
)
