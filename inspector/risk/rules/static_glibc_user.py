"""os/user enters the glibc inside a static binary; GODEBUG does not keep it from doing so."""

from __future__ import annotations

from typing import cast

from inspector.facts import Reason, Verdict
from inspector.risk.entering import Operation
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import verdict_of_effect
from inspector.risk.situation import USER_CALLS, Situation

_SOURCE = "glibc bug 19341; golang/go#24787, #23265"


def _judge(situation: Situation) -> Verdict | None:
    if not situation.is_static_glibc or "user" not in situation.kinds or situation.call not in USER_CALLS:
        return None
    effect = situation.effect_of(cast("Operation", situation.call))
    lead = Reason(text="os/user asks the C library, whatever GODEBUG says", source="os/user/cgo_lookup_unix.go")
    return verdict_of_effect(RULE.id, situation, effect, lead, source=_SOURCE)


RULE = Rule(
    id="static-glibc-user",
    title="os/user in a static glibc binary",
    levels=("crash", "latent", "safe", "unknown"),
    sources=("golang/go#24787", "golang/go#23265", "https://sourceware.org/bugzilla/show_bug.cgi?id=19341"),
    remedies=("nsswitch", "base-image", "fabric", "rebuild"),
    judge=_judge,
)
