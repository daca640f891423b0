"""A diagnosis held against what is known of an image: does it have a binary that could have died so?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inspector.crashlog.crash import Diagnosis, Fit, GoRelease, ImageCheck, Sureness
from inspector.facts import BinaryFacts, Target

_UP: dict[Sureness, Sureness] = {"possible": "likely", "likely": "certain"}
_DOWN: dict[Sureness, Sureness] = {"certain": "likely", "likely": "possible", "possible": "no"}


def check(diagnosis: Diagnosis, targets: tuple[Target, ...]) -> Diagnosis:
    """Return the diagnosis with what each binary of ``targets`` says of it, surer or less sure for it.

    Surer where a static glibc binary with the way in question was made by a Go release that fits; less sure where no
    binary can have died so. What is no crash of the class stays so.
    """
    if diagnosis.sure == "no":
        return diagnosis
    checks = tuple(found for target in targets for found in _checks(diagnosis, target))
    fits = {found.fit for found in checks}
    sure: Sureness = diagnosis.sure
    if "fits" in fits:
        sure = _UP.get(sure, sure)
    elif checks and fits == {"contradicts"} and all(target.status == "analysed" for target in targets):
        sure = _DOWN.get(sure, sure)
    return replace(diagnosis, sure=sure, checks=checks)


def _checks(diagnosis: Diagnosis, target: Target) -> Iterator[ImageCheck]:
    for binary in target.binaries:
        fit, text = _check_binary(diagnosis, binary)
        if fit == "fits":
            text += _expected(diagnosis, binary, target)
        yield ImageCheck(path=binary.path, reference=target.reference, fit=fit, text=text)


def _check_binary(diagnosis: Diagnosis, binary: BinaryFacts) -> tuple[Fit, str]:
    if binary.linkage.startswith("dynamic"):
        return "contradicts", "linked dynamically: its loader sets libc up as a whole"
    if binary.libc.kind == "musl":
        return "contradicts", "static musl, which has no NSS modules"
    if binary.exposures is None or (binary.libc.kind != "glibc" and binary.exposures):
        return "unknown", "; ".join(binary.problems) or "which C library is inside cannot be told"
    kinds = {exposure.kind for exposure in binary.exposures}
    if diagnosis.exposure is not None and diagnosis.exposure not in kinds:
        has = ", ".join(sorted(kinds)) or "none"
        return "contradicts", f"static, but without a way into libc of kind {diagnosis.exposure} (it has {has})"
    if not kinds:
        return "contradicts", "static, without a way into libc's NSS"
    if binary.go is not None and not _is_release(binary.go.version, diagnosis.go):
        return "contradicts", f"built with Go {binary.go.version}, which the traceback is not of"
    if binary.machine != diagnosis.machine and diagnosis.machine is not None:
        return "contradicts", f"built for {binary.machine}, the crash was on {diagnosis.machine}"
    version = binary.libc.version or {"before-2.34": "before 2.34", "2.34-or-later": "2.34 or later"}.get(
        binary.libc.era or "", "of unknown version"
    )
    go = f", Go {binary.go.version}" if binary.go else ""
    way = diagnosis.exposure or "/".join(sorted(kinds))
    return "fits", f"static, glibc {version} inside{go}, with a way into libc of kind {way}"


def _is_release(version: str, release: GoRelease) -> bool:
    parts = version.split(".")
    if len(parts) < 2 or not parts[1].split("rc")[0].split("beta")[0].isdigit():
        return True
    minor = int(parts[1].split("rc")[0].split("beta")[0])
    return (release.since or 0) <= minor <= (release.until if release.until is not None else minor)


def _expected(diagnosis: Diagnosis, binary: BinaryFacts, target: Target) -> str:
    """Say in which of the judged environments the very call was expected to be the end."""
    where = [
        environment.name
        for environment in target.environments
        if any(
            verdict.path == binary.path and verdict.level == "crash" and verdict.call == (diagnosis.call or "host")
            for verdict in environment.verdicts
        )
    ]
    libc = target.rootfs.libc if target.rootfs else None
    image = (
        f"; the image has {libc.kind} {libc.version or ''}".rstrip() if libc and libc.kind in {"glibc", "musl"} else ""
    )
    return image + (f"; a crash is what inspector expects of it in {', '.join(where)}" if where else "")
