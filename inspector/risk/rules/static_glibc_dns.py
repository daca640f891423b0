"""Go's cgo resolver enters the glibc inside a static binary, and that loads NSS modules from the image."""

from __future__ import annotations

from inspector.errors import InspectorError
from inspector.facts import Reason, Verdict
from inspector.risk.entering import Effect, Operation
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict, untold_verdict, verdict_of_effect
from inspector.risk.situation import GO_UNKNOWN, HOST_CALLS, Situation

_SOURCE = "glibc bug 19341; golang/go#13470, #30310"
_CNAME_BY_GETADDRINFO_UNTIL = 20
"""Before Go 1.20 LookupCNAME asks getaddrinfo, from 1.20 on res_search (net/cgo_unix.go)."""


def _judge(situation: Situation) -> Verdict | None:
    calls = HOST_CALLS | {"cname", "addr"}
    if not situation.is_static_glibc or "dns" not in situation.kinds or situation.call not in calls:
        return None
    decision = situation.decision or GO_UNKNOWN
    effect = situation.effect_of(_operation(situation))
    if isinstance(decision, InspectorError):
        if effect.outcome is None and not effect.unknown:
            return plain_verdict(RULE.id, situation, "safe", Reason(text=effect.why, source=_SOURCE))
        return untold_verdict(RULE.id, situation, decision)
    if decision.decision == "cgo":
        return verdict_of_effect(RULE.id, situation, effect, *decision.reasons, source=_SOURCE)
    return _not_chosen(situation, effect, *decision.reasons)


def _operation(situation: Situation) -> Operation:
    if situation.call == "addr":
        return "addr"
    if situation.call == "cname" and (situation.minor or 0) >= _CNAME_BY_GETADDRINFO_UNTIL:
        return "cname"
    return "host"


def _not_chosen(situation: Situation, effect: Effect, *reasons: Reason) -> Verdict:
    """Go's own resolver answers; flips, if there are any, make it latent."""
    return plain_verdict(
        RULE.id,
        situation,
        "safe",
        Reason(text="Go uses its own resolver, and libc is not entered", source="net/conf.go"),
        *reasons,
        effect=effect,
    )


RULE = Rule(
    id="static-glibc-dns",
    title="Go's cgo resolver in a static glibc binary",
    levels=("crash", "latent", "safe", "unknown"),
    sources=("https://sourceware.org/bugzilla/show_bug.cgi?id=19341", "golang/go#13470", "golang/go#30310", "FAB-5822"),
    remedies=("env", "resolv-conf", "nsswitch", "base-image", "fabric", "rebuild"),
    judge=_judge,
)
