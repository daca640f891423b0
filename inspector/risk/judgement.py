"""``judge()``: the rules asked in order, and the changes that would flip what they say."""

from __future__ import annotations

from dataclasses import replace

from inspector.facts import BinaryFacts, Call, Flip, Level, Remedy, ResolverContext, RootFsFacts, Verdict
from inspector.risk.changes import Change, cures, dangers
from inspector.risk.rebuilding import rebuild_remedies
from inspector.risk.rules import RULES
from inspector.risk.situation import Situation

_BAD = frozenset({"crash"})


def judge(
    binary: BinaryFacts,
    rootfs: RootFsFacts,
    context: ResolverContext,
    *,
    call: Call,
    name: str | None,
    known: bool = True,
    platform: str | None = None,
    brief: bool = False,
) -> Verdict:
    """Say what happens when a binary makes one call in one context.

    Args:
        binary: the executable's facts.
        rootfs: what its image offers a loader.
        context: the whole of what the process will see.
        call: the function of package net or os/user that is called (``clib``: a C library's own look-up).
        name: what is looked up, None where the call has no name or it is not known.
        known: the call is known to be made; else a crash is only latent, and the call is the flip.
        platform: of the image (``linux/amd64``), None where nothing says.
        brief: leave out flips and remedies, most of which must be tried to be told; the level is the same.

    Returns:
        The verdict. It is ``unknown`` where a fact that decides is missing, never ``safe`` by silence.
    """
    situation = Situation(binary, rootfs, context, call, name, known, platform)
    return _judge_briefly(situation) if brief else judge_situation(situation)


def judge_situation(situation: Situation) -> Verdict:
    """As ``judge``."""
    verdict = _ask(situation)
    if verdict.level == "safe":
        flips = _flips(situation)
        if flips:
            verdict = replace(verdict, level="latent", flips=flips)
    elif verdict.level == "latent":
        verdict = replace(verdict, flips=_flips(situation))
    if verdict.level in {"crash", "wrong"} or (verdict.level == "latent" and verdict.outcome):
        verdict = replace(verdict, remedies=_remedies(situation, verdict))
    return verdict


def _judge_briefly(situation: Situation) -> Verdict:
    """As ``judge_situation``, without flips and remedies: the first change that makes a safe place latent suffices."""
    verdict = _ask(situation)
    if verdict.level == "safe" and any(_is_flip(change, _ask(change.after).level) for change in dangers(situation)):
        verdict = replace(verdict, level="latent")
    return verdict


def _is_flip(change: Change, level: Level) -> bool:
    """Whether a change after which the level is this one makes a safe place latent."""
    # That libc is not entered today is no safety where nobody can tell what it would do.
    return level in _BAD or (level == "unknown" and change.kind in {"env", "resolv-conf"})


def _ask(situation: Situation) -> Verdict:
    """Return the first verdict that is not safe, else the first: what does not die may still answer wrongly."""
    safe: Verdict | None = None
    for rule in RULES[:-1]:
        verdict = rule.judge(situation)
        if verdict is not None and verdict.level != "safe":
            return verdict
        safe = safe or verdict
    last = safe or RULES[-1].judge(situation)
    if last is None:
        raise AssertionError("the last rule always has something to say")
    return last


def _flips(situation: Situation) -> tuple[Flip, ...]:
    """Return the changes after which it crashes, or else those after which nobody can tell, each tried."""
    tried = [(change, _ask(change.after).level) for change in dangers(situation)]
    crashes = tuple(Flip(change=change.text, level="crash") for change, level in tried if level in _BAD)
    untold = (change for change, level in tried if _is_flip(change, level))
    return crashes or tuple(Flip(change=change.text, level="unknown") for change in untold)


def _remedies(situation: Situation, verdict: Verdict) -> tuple[Remedy, ...]:
    """Return the changes that cure, each tried, the smallest first; rebuilding last."""
    taken = situation if situation.known else situation.changed(known=True)
    tried = tuple(
        Remedy(kind=change.kind, text=change.text)
        for change in cures(taken)
        if _ask(change.after).level in {"safe", "latent"}
    )
    return tried + rebuild_remedies(situation, verdict)


__all__ = ["judge", "judge_situation"]
