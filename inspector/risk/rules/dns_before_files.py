"""Go before 1.16 asks DNS before /etc/hosts where nsswitch.conf says nothing of hosts (golang/go#35305)."""

from __future__ import annotations

from dataclasses import replace

from inspector.facts import Decision, Reason, Verdict
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import HOST_CALLS, Situation


def _judge(situation: Situation) -> Verdict | None:
    decision, minor = situation.decision, situation.minor
    if not isinstance(decision, Decision) or minor is None or situation.call not in HOST_CALLS:
        return None
    silent = any(reason.rule == "fallback:no hosts sources" for reason in decision.reasons)
    if decision.order != "dns,files" or minor >= 16 or not silent:
        return None
    text = f"without sources for hosts, Go 1.{minor} asks DNS before /etc/hosts; Go 1.16 and later do not"
    reason = Reason(text=text, where="nsswitch.conf", source="golang/go#35305")
    return replace(plain_verdict(RULE.id, situation, "wrong", reason, *decision.reasons), outcome="wrong-answer")


RULE = Rule(
    id="dns-before-files",
    title="DNS is asked before /etc/hosts",
    levels=("wrong",),
    sources=("golang/go#35305", "fabric commit e62269924"),
    remedies=("nsswitch", "rebuild"),
    judge=_judge,
)
