"""Verdicts as rules write them."""

from __future__ import annotations

from inspector.errors import InspectorError
from inspector.facts import Decision, Level, Reason, Verdict
from inspector.risk.entering import Effect
from inspector.risk.situation import Situation


def verdict_of_effect(rule: str, situation: Situation, effect: Effect, *lead: Reason, source: str) -> Verdict:
    """Return the verdict for an entry into libc; a call that is not known to be made is latent at most."""
    level: Level = "unknown" if effect.unknown else "crash" if effect.outcome else "safe"
    if level == "crash" and not situation.known:
        level = "latent"
    return plain_verdict(
        rule,
        situation,
        level,
        *lead,
        *effect_reasons(effect, source),
        effect=effect,
    )


def effect_reasons(effect: Effect, source: str) -> tuple[Reason, ...]:
    """Return what libc does, and what goes wrong by it."""
    mechanism = () if effect.mechanism is None else (Reason(text=effect.mechanism, source=source),)
    return (Reason(text=effect.why, source=source), *mechanism)


def plain_verdict(
    rule: str, situation: Situation, level: Level, *reasons: Reason, effect: Effect | None = None
) -> Verdict:
    """Return a verdict with the situation's call, name, decision and evidence."""
    decision = situation.decision if isinstance(situation.decision, Decision) else None
    dangerous = level in {"crash", "latent"}
    return Verdict(
        rule=rule,
        call=situation.call,
        name=situation.name,
        level=level,
        outcome=effect.outcome if effect and dangerous else None,
        likelihood=effect.likelihood if effect and dangerous else None,
        confidence="unknown" if level == "unknown" else effect.confidence if effect else "observed",
        decision=decision.decision if decision else None,
        order=decision.order if decision else None,
        reasons=reasons,
        evidence=situation.evidence,
    )


def untold_verdict(rule: str, situation: Situation, error: InspectorError) -> Verdict:
    """Return the verdict for what cannot be told."""
    return plain_verdict(rule, situation, "unknown", Reason(text=str(error)))
