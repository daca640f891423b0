"""A program of another machine, or a dynamic one without the loader and libc it was linked for, does not start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from inspector.escaping import printable
from inspector.facts import Reason, Verdict
from inspector.risk.entering import Effect, version_of
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import Situation

_RUNS: Mapping[str, frozenset[str]] = {
    "386": frozenset({"386"}),
    "amd64": frozenset({"x86-64", "386"}),
    "arm": frozenset({"arm"}),
    "arm64": frozenset({"aarch64", "arm"}),
    "ppc64le": frozenset({"ppc64le"}),
    "riscv64": frozenset({"riscv64"}),
    "s390x": frozenset({"s390x"}),
}
"""Machines whose programs run on a platform: its own, and the 32-bit one that its kernels run too (GOARCH names)."""
_GLIBC_LOADER = "ld-linux"
_STARTS_WITHOUT_CGO_SINCE = 21
_TRAP = (
    "the C linker linked it, statically, and without runtime/cgo in it (-tags netgo,osusergo with -linkmode external) "
    "a program of Go before 1.21 ends with SIGTRAP in runtime.rt0_go, before main"
)
_TRAP_SOURCE = "observed on amd64 with Go 1.15, 1.19 and 1.21"
_TRAP_RUN = (15, 19)
"""Releases whose programs were seen to end so; 1.21 was seen to start."""
_SOURCE = "ld.so(8), execve(2)"
_CERTAIN = "dynamic: once it starts, the loader sets libc up as a whole, and no second one is loaded"
_SHOWN = 8


def _judge(situation: Situation) -> Verdict | None:
    binary = situation.binary
    if is_of_another_machine(situation):
        why = f"it is a program for {binary.machine}, and the image is for {situation.platform}"
        return _refuse(situation, f"{why}: 'exec format error' unless an emulator is registered", "execve(2): ENOEXEC")
    if lacks_runtime_cgo(situation):
        return _judge_without_runtime_cgo(situation)
    if _may_lack_runtime_cgo(situation):
        why = f"{_TRAP}; whether it has it cannot be told"
        return plain_verdict(RULE.id, situation, "unknown", Reason(text=why, source=_TRAP_SOURCE))
    return _judge_dynamic(situation) if binary.linkage.startswith("dynamic") else None


def _judge_dynamic(situation: Situation) -> Verdict | None:
    binary, rootfs = situation.binary, situation.rootfs
    if binary.interpreter is not None:
        if rootfs.interpreters is None:
            return _unseen(situation)
        if binary.interpreter not in rootfs.interpreters:
            return _refuse(situation, f"its interpreter {binary.interpreter} is not in the image")
    if rootfs.libc.kind == "musl" and _GLIBC_LOADER in (binary.interpreter or ""):
        # musl answers for libc.so.6 itself, and gcompat's loader asks for no GLIBC_x.y.
        why = "it was linked for glibc; the image has musl and something in the place of glibc's loader: never run so"
        return plain_verdict(RULE.id, situation, "unknown", Reason(text=why))
    if binary.interpreter is None and binary.libc.kind != "musl":
        why = "it is linked dynamically, and which interpreter starts it is not known"
        return plain_verdict(RULE.id, situation, "unknown", Reason(text=why))
    if binary.missing:
        return _refuse(situation, f"it needs {', '.join(binary.missing)}, which the image does not have")
    return _judge_versions(situation)


def _unseen(situation: Situation) -> Verdict:
    """Say what is certain of a dynamic program whose root filesystem was not seen, and what is open."""
    binary = situation.binary
    glibc = f" of glibc {printable(binary.needs_glibc, limit=40)} or later" if binary.needs_glibc else ""
    needs = [binary.interpreter or "", *binary.needed]
    shown = ", ".join(printable(name, limit=120) for name in needs[:_SHOWN])
    more = f" and {len(needs) - _SHOWN} more" if len(needs) > _SHOWN else ""
    return plain_verdict(
        RULE.id,
        situation,
        "unknown",
        Reason(text=_CERTAIN, source="ld.so(8)"),
        Reason(
            text=f"whether it starts is not known: its root filesystem was not seen; it needs {shown}{more}{glibc}",
            source=_SOURCE,
        ),
    )


def _judge_versions(situation: Situation) -> Verdict | None:
    """Hold the glibc that it needs against the image's."""
    binary, rootfs = situation.binary, situation.rootfs
    needs = version_of(binary.needs_glibc)
    if needs is None and binary.needs_glibc is not None:
        why = f"which glibc it needs cannot be read: '{printable(binary.needs_glibc, limit=40)}'"
        return plain_verdict(RULE.id, situation, "unknown", Reason(text=why))
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


def lacks_runtime_cgo(situation: Situation) -> bool:
    """Whether it is a Go program before 1.21 that the C linker linked statically, without runtime/cgo in it."""
    go, minor = situation.binary.go, situation.minor
    old = minor is not None and minor < _STARTS_WITHOUT_CGO_SINCE
    return situation.is_static_glibc and go is not None and old and go.runtime_cgo is False


def _judge_without_runtime_cgo(situation: Situation) -> Verdict:
    machine = situation.binary.machine
    if machine == "x86-64":
        verdict = _refuse(situation, _TRAP, _TRAP_SOURCE)
        return verdict if situation.minor in _TRAP_RUN else replace(verdict, confidence="inferred")
    why = f"{_TRAP}, on amd64; on {machine} it was never run"
    return plain_verdict(RULE.id, situation, "unknown", Reason(text=why, source=_TRAP_SOURCE))


def _may_lack_runtime_cgo(situation: Situation) -> bool:
    """Whether it is such a program, and nothing tells that runtime/cgo is in it.

    Its libc brings no NSS and so does not tell its version either.
    """
    binary, minor = situation.binary, situation.minor
    bare = situation.is_static_glibc and binary.exposures == () and binary.libc.version is None
    old = minor is not None and minor < _STARTS_WITHOUT_CGO_SINCE
    return bare and old and binary.libc.era is None and (binary.go is None or binary.go.runtime_cgo is None)


def is_of_another_machine(situation: Situation) -> bool:
    """Whether the binary's machine is certainly none that the image's platform runs."""
    system, _, rest = (situation.platform or "").partition("/")
    runs, machine = _RUNS.get(rest.partition("/")[0]), situation.binary.machine
    return system == "linux" and runs is not None and machine != "unknown" and machine not in runs


def _name(kind: str) -> str:
    return "no C library" if kind == "none" else kind


def _refuse(situation: Situation, why: str, source: str = _SOURCE) -> Verdict:
    effect = Effect(outcome="cannot-start", likelihood="always", why=why)
    return plain_verdict(RULE.id, situation, "crash", Reason(text=why, source=source), effect=effect)


RULE = Rule(
    id="cannot-start",
    title="The program cannot start in this image",
    levels=("crash", "unknown"),
    sources=("ld.so(8)", "execve(2): ENOENT for a missing interpreter, ENOEXEC for another machine"),
    remedies=("base-image", "rebuild"),
    judge=_judge,
)
