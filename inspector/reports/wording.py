"""Words for facts and verdicts that several formats use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.facts import BinaryFacts, Level, Report, RootFsFacts, Target, Verdict, Waiver
    from inspector.fleet.report import FleetFinding

LEVELS: tuple[Level, ...] = ("crash", "wrong", "latent", "unknown", "safe")
"""The gravest first."""
RANK: Mapping[Level, int] = {level: rank for rank, level in reversed(tuple(enumerate(reversed(LEVELS))))}

_OUTCOMES = {
    "dies": "dies by a signal",
    "cannot-resolve": "cannot resolve",
    "cannot-start": "cannot start",
    "wrong-answer": "resolves otherwise than meant",
}
_LIKELIHOODS = {"always": "every time", "sooner-or-later": "sooner or later", "rare": "rarely"}

_MAX_LINES, _MAX_LINE = 40, 2000
"""Of a patch; none of ours is as long."""


def describe_outcome(verdict: Verdict | FleetFinding) -> str:
    """``dies by a signal, sooner or later``; empty where there is no outcome."""
    if verdict.outcome is None:
        return ""
    likelihood = f", {_LIKELIHOODS[verdict.likelihood]}" if verdict.likelihood else ""
    return f"{_OUTCOMES[verdict.outcome]}{likelihood}"


def describe_binary(binary: BinaryFacts) -> str:
    """``static, glibc 2.31 inside, Go 1.15.15 with the cgo resolver, x86-64``."""
    parts: list[str] = [binary.linkage]
    if binary.linkage.startswith("static") and binary.libc.kind in {"glibc", "musl"}:
        version = (
            binary.libc.version
            or {"before-2.34": "before 2.34", "2.34-or-later": "2.34 or later", None: ""}[binary.libc.era]
        )
        parts.append(f"{binary.libc.kind} {printable(version, limit=40)}".strip() + " inside")
    elif binary.needs_glibc:
        parts.append(f"needs glibc {printable(binary.needs_glibc, limit=40)}")
    elif binary.linkage.startswith("dynamic") and binary.libc.kind == "musl":
        parts.append("musl")
    if binary.go is not None:
        guess = " (a guess)" if binary.go.source == "strings" else ""
        kinds = {exposure.kind for exposure in binary.exposures or ()}
        resolver = " with the cgo resolver" if "dns" in kinds else ""
        parts.append(f"Go {printable(binary.go.version, limit=40)}{guess}{resolver}")
    parts.append(printable(binary.machine, limit=40))
    return ", ".join(parts)


def describe_rootfs(rootfs: RootFsFacts | None) -> str:
    """``glibc 2.36 in the image`` and the like."""
    if rootfs is None or rootfs.files is None:
        return "no root filesystem seen"
    if rootfs.libc.kind == "none":
        return "no libc in the image"
    if rootfs.libc.kind == "unknown":
        return "unknown libc in the image"
    version = printable(rootfs.libc.version or "of unknown version", limit=40)
    return f"{rootfs.libc.kind} {version} in the image"


def describe_waiver(waiver: Waiver) -> str:
    """``not started there, until 2030-12-31, by netops (.inspector-waivers.toml:3)``."""
    owner = f", by {printable(waiver.owner)}" if waiver.owner else ""
    where = f" ({printable(waiver.where)})" if waiver.where else ""
    return f"{printable(waiver.reason)}, until {printable(waiver.expires)}{owner}{where}"


KNOWN = "the baseline has it already"
"""Of a finding that an earlier report had too."""


def patches_of(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the remedies' patches, each once, escaped line by line and never broken: they are there to be copied."""
    patches = [remedy.patch for verdict in verdicts for remedy in verdict.remedies if remedy.patch]
    return list(dict.fromkeys("\n".join(map(_line, patch.splitlines()[:_MAX_LINES])) for patch in patches))


def _line(text: str) -> str:
    return printable(text, limit=_MAX_LINE)


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Return the verdict with the gravest level, the first among equals."""
    return max(verdicts, key=lambda verdict: RANK[verdict.level], default=None)


def worst_by_binary(target: Target) -> dict[str, dict[str, Verdict]]:
    """Return path → environment → its worst verdict, of equals one that counts."""

    def gravity(verdict: Verdict) -> tuple[int, bool]:
        return RANK[verdict.level], verdict.waived is None and not verdict.known

    table: dict[str, dict[str, Verdict]] = {binary.path: {} for binary in target.binaries}
    for environment in target.environments:
        for verdict in environment.verdicts:
            row = table.setdefault(verdict.path or "", {})
            known = row.get(environment.name)
            if known is None or gravity(verdict) > gravity(known):
                row[environment.name] = verdict
    return table


def untold_cells(target: Target) -> set[tuple[str, str]]:
    """Return (path, environment) of each cell of the matrix whose worst level hides an unknown verdict."""
    graver = {
        (path, name)
        for path, row in worst_by_binary(target).items()
        for name, verdict in row.items()
        if verdict.level != "unknown"
    }
    return graver & {(v.path or "", e.name) for e in target.environments for v in e.verdicts if v.level == "unknown"}


def describe_excused(report: Report) -> list[str]:
    """``1 of 3 waived``, ``2 of 3 known from the baseline``; empty where everything counts."""
    summary = report.summary
    findings = sum(
        len({verdict.path for verdict in environment.verdicts if verdict.level != "safe"})
        for target in report.targets
        for environment in target.environments
    )
    both = ((summary.waived, "waived"), (summary.known, "known from the baseline"))
    return [f"{number} of {findings} {word}" for number, word in both if number]


def untold_paths(report: Report) -> list[str]:
    """Return the paths of which an unknown verdict says that it cannot be told, in their order."""
    verdicts = (v for target in report.targets for e in target.environments for v in e.verdicts)
    return list(dict.fromkeys(v.path or "" for v in verdicts if v.level == "unknown"))


def not_judged(report: Report) -> bool:
    """Whether a report has binaries and no verdict: facts alone."""
    return report.summary.worst is None and any(target.binaries for target in report.targets)


def describe_nothing(report: Report) -> str:
    """Say why a report has no verdict."""
    if not_judged(report):
        return "not judged: facts alone; judge them with 'inspector judge'"
    if report.targets and all(target.status == "failed" for target in report.targets):
        return "nothing could be analysed"
    return "nothing to judge: no binary of interest was found"
