"""Asking for debug output switches an embedded ``netdns=go`` off."""

from __future__ import annotations

from inspector.facts import Decision, Reason, Verdict
from inspector.resolver import netdns_mode
from inspector.risk.entering import Effect
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import HOST_CALLS, Situation


def _judge(situation: Situation) -> Verdict | None:
    build, minor, decision = situation.build, situation.minor, situation.decision
    if build is None or minor is None or situation.call not in HOST_CALLS or not isinstance(decision, Decision):
        return None
    if decision.decision != "cgo" or not netdns_mode(build, situation.context, minor).replaced_default:
        return None
    text = "netdns in GODEBUG names no resolver, and so puts the embedded one out of force; write netdns=go+2"
    reason = Reason(text=text, where="env GODEBUG", source="internal/godebug: a key in $GODEBUG replaces the default")
    effect = Effect(outcome="wrong-answer", why=text)
    verdict = plain_verdict(RULE.id, situation, "wrong", reason, *decision.reasons)
    return _with_outcome(verdict, effect)


def _with_outcome(verdict: Verdict, effect: Effect) -> Verdict:
    from dataclasses import replace

    return replace(verdict, outcome=effect.outcome)


RULE = Rule(
    id="debug-switch",
    title="A GODEBUG debug level that switches an embedded netdns=go off",
    levels=("wrong",),
    sources=("internal/godebug at Go 1.21", "net/conf.go, goDebugNetDNS"),
    remedies=("env",),
    judge=_judge,
)
