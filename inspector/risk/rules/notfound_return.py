"""``files [NOTFOUND=return] dns``: glibc stops after files, Go goes on to DNS (net/nss.go, standardStatusAction)."""

from __future__ import annotations

from dataclasses import replace

from inspector.facts import Decision, Reason, Verdict
from inspector.resolver import ContextUnknown
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import HOST_CALLS, Situation


def _judge(situation: Situation) -> Verdict | None:
    decision = situation.decision
    if not isinstance(decision, Decision) or situation.call not in HOST_CALLS or decision.order != "files,dns":
        return None
    try:
        asked = situation.asked("hosts")
    except ContextUnknown:
        return None
    names = [source.name for source in asked]
    if names[:2] != ["files", "dns"] or not asked[0].stops_when_absent:
        return None
    text = "after 'files [NOTFOUND=return]' glibc asks nobody else; Go goes on to DNS"
    reason = Reason(text=text, where="nsswitch.conf", source="net/nss.go, standardStatusAction")
    return replace(plain_verdict(RULE.id, situation, "wrong", reason, *decision.reasons), outcome="wrong-answer")


RULE = Rule(
    id="notfound-return",
    title="[NOTFOUND=return] is read otherwise than glibc reads it",
    levels=("wrong",),
    sources=("net/nss.go", "nsswitch.conf(5)"),
    remedies=("nsswitch",),
    judge=_judge,
)
