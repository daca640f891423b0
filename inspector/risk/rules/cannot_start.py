"""A dynamic program whose loader or C library is not what it was linked for does not start (ld.so(8), execve(2))."""

from __future__ import annotations

from inspector.facts import Reason, Verdict
from inspector.risk.entering import Effect, version_of
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import Situation


def _judge(situation: Situation) -> Verdict | None:
    binary, rootfs = situation.binary, situation.rootfs
    if not binary.linkage.startswith("dynamic"):
        return None
    if binary.interpreter is not None:
        if rootfs.interpreters is None:
            why = f"whether the image has the interpreter {binary.interpreter} is not known"
            return plain_verdict(RULE.id, situation, "unknown", Reason(text=why))
        if binary.interpreter not in rootfs.interpreters:
            return _refuse(situation, f"its interpreter {binary.interpreter} is not in the image")
    if binary.missing:
        return _refuse(situation, f"it needs {', '.join(binary.missing)}, which the image does not have")
    needs = version_of(binary.needs_glibc)
    if needs is None:
        return None
    if rootfs.libc.kind in {"none", "musl"}:
        return _refuse(situation, f"it needs glibc {binary.needs_glibc}; the image has {_name(rootfs.libc.kind)}")
    provides = version_of(rootfs.libc.version)
    if provides is None:
        why = f"it needs glibc {binary.needs_glibc}; which one the image has is not known"
        return plain_verdict(RULE.id, situation, "unknown", Reason(text=why))
    if provides < needs:
        return _refuse(situation, f"it needs glibc {binary.needs_glibc}; the image has {rootfs.libc.version}")
    return None


def _name(kind: str) -> str:
    return "no C library" if kind == "none" else kind


def _refuse(situation: Situation, why: str) -> Verdict:
    effect = Effect(outcome="cannot-start", likelihood="always", why=why)
    return plain_verdict(RULE.id, situation, "crash", Reason(text=why, source="ld.so(8), execve(2)"), effect=effect)


RULE = Rule(
    id="cannot-start",
    title="The program cannot start in this image",
    levels=("crash", "unknown"),
    sources=("ld.so(8)", "execve(2): ENOENT for a missing interpreter"),
    remedies=("base-image", "rebuild"),
    judge=_judge,
)
