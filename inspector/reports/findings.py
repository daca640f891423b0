"""What the formats of other programs want of a report: one finding for each binary, rule and call, with its place."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from inspector.errors import ReferenceInvalid
from inspector.escaping import printable
from inspector.facts import BinaryFacts, Confidence, Level, Report, Target, Verdict
from inspector.references import Reference, parse
from inspector.reports.wording import RANK, describe_outcome, describe_waiver

INCOMPLETE = "incomplete"
"""The rule of a finding that is about a whole target: it could not be read, or not to the end."""

_MAX_ENVIRONMENTS = 8
_NEVER_IN_PATHS = str.maketrans({"\\": "/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a finding is shown: a path relative to the reader's directory, and a line from 1."""

    path: str
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is not safe about one binary by one rule and call: the gravest verdict, and the environments by level."""

    rule: str
    level: Level
    target: Target
    place: Place
    fingerprint: str
    """Unique in the report; the same for another tag of the same image."""
    title: str
    """One sentence: what happens to which binary, and where."""
    binary: BinaryFacts | None = None
    verdict: Verdict | None = None
    """None for a finding about the whole target."""
    environments: tuple[tuple[str, Level], ...] = ()
    confidence: Confidence = "unknown"
    waived: str | None = None
    """Why it is waived, where every verdict in it is."""
    known: bool = False
    """The baseline has every verdict in it that is not waived."""


def findings_of(report: Report, *, directory: str = "") -> list[Finding]:
    """Return everything in a report that is not safe, gravest first, each with a fingerprint of its own.

    Args:
        report: what was found.
        directory: the reader's; whole paths below it are shown from there on.
    """
    base = f"{relative(directory)}/" if directory else ""
    found: list[Finding] = []
    seen: dict[str, int] = {}
    for target in report.targets:
        for finding in (*_problems(target), *_risks(target)):
            number = seen.get(finding.fingerprint, 0) + 1
            seen[finding.fingerprint] = number
            place = replace(finding.place, path=finding.place.path.removeprefix(base) or finding.place.path)
            found.append(replace(finding, place=place, fingerprint=f"{finding.fingerprint}:{number}"))
    return sorted(found, key=lambda finding: -RANK[finding.level])


def _problems(target: Target) -> Iterator[Finding]:
    if target.status == "analysed":
        return
    messages = [printable(problem.message) for problem in target.problems] or ["no reason was recorded"]
    what = "could not be analysed" if target.status == "failed" else "was not analysed to the end"
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    yield Finding(
        rule=INCOMPLETE,
        level="unknown",
        target=target,
        place=Place(path=place_of_image(target)),
        fingerprint=_hash(INCOMPLETE, repository_of(target), target.platform or ""),
        title=f"{printable(target.reference)} {what}: {messages[0]}{more}",
    )


def _risks(target: Target) -> Iterator[Finding]:
    binaries = {binary.path: binary for binary in target.binaries}
    groups: dict[tuple[str | None, ...], list[tuple[str, Verdict]]] = {}
    for environment in target.environments:
        named = environment.name if environment.where else None
        for verdict in environment.verdicts:
            if verdict.level != "safe":
                key = (environment.where, named, verdict.path, verdict.rule, verdict.call)
                groups.setdefault(key, []).append((environment.name, verdict))
    for (where, name, path, rule, call), group in groups.items():
        gravest = max((verdict for _, verdict in group), key=_gravity)
        waivers = [waiver_of(verdict) for _, verdict in group]
        levels: dict[str, Level] = {}
        for environment_name, verdict in group:
            if RANK[verdict.level] > RANK[levels.get(environment_name, "safe")]:
                levels[environment_name] = verdict.level
        yield Finding(
            rule=rule or "",
            level=gravest.level,
            target=target,
            place=_place_of_manifest(where) if where else Place(path=place_of_binary(target, path)),
            fingerprint=_hash(
                rule or "", repository_of(target), target.platform or "", path or "", call or "", name or ""
            ),
            title=_title(gravest, levels),
            binary=binaries.get(path or ""),
            verdict=gravest,
            environments=tuple(levels.items()),
            confidence=gravest.confidence,
            waived=next(filter(None, waivers), None) if all(waivers) else None,
            known=not all(waivers) and not any(_counts(verdict) for _, verdict in group),
        )


def _gravity(verdict: Verdict) -> tuple[bool, bool, int]:
    """What is waived or known never stands for what is not."""
    return _counts(verdict), verdict.waived is None, RANK[verdict.level]


def _counts(verdict: Verdict) -> bool:
    return verdict.waived is None and not verdict.known


def _title(verdict: Verdict, levels: dict[str, Level]) -> str:
    path = printable(verdict.path or "the binary", limit=200)
    at = [name for name, level in levels.items() if level == verdict.level]
    where = listing(at)
    outcome = describe_outcome(verdict)
    if verdict.level == "latent":
        return f"{path} is safe in {where}, and one change outside the binary away from a crash"
    if verdict.level == "unknown":
        return f"of {path} it cannot be told what happens in {where}"
    if verdict.level == "wrong":
        return f"{path} {outcome or 'resolves otherwise than meant'} in {where}"
    return f"{path} would crash in {where}" + (f" ({outcome})" if outcome else "")


def listing(names: Iterable[str], shown: int = _MAX_ENVIRONMENTS) -> str:
    """Return names as ``a, b and 3 more``, fit to print."""
    every = [printable(name, limit=120) for name in names]
    more = f" and {len(every) - shown} more" if len(every) > shown else ""
    return ", ".join(every[:shown]) + more


def waiver_of(verdict: Verdict) -> str | None:
    """Return why a verdict is waived, fit to print, or None where it is not."""
    return None if verdict.waived is None else describe_waiver(verdict.waived)


def excuse_of(verdict: Verdict) -> str | None:
    """Return in one word why a verdict does not count: waived, or known from a baseline; None where it does."""
    return "waived" if verdict.waived is not None else "known" if verdict.known else None


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────


def repository_of(target: Target) -> str:
    """Return what a target is called without scheme, tag and digest: ``docker.io/hyperledger/fabric-peer``."""
    reference = _parsed(target)
    if reference is None:
        return target.reference
    if reference.name is None or _is_file(reference):
        return reference.rest
    return f"{reference.name.host}/{reference.name.repository}"


def _parsed(target: Target) -> Reference | None:
    try:
        return parse(target.reference)
    except ReferenceInvalid:
        return None


def _is_file(reference: Reference) -> bool:
    """Whether it is one file; of a plain word the end of its name says so, as no report tells what it was."""
    if reference.scheme is None:
        return reference.rest.endswith((".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"))
    return reference.scheme in {"docker-archive", "oci-archive", "file", "stdin"}


def place_of_image(target: Target) -> str:
    """Return the path under which an image is shown: an archive's own, else one made of the repository's name."""
    return relative(repository_of(target))


def place_of_binary(target: Target, path: str | None) -> str:
    """Return the path under which a binary of an image is shown: below its repository's name, or the archive's own."""
    repository, reference = repository_of(target), _parsed(target)
    if path is None or (reference is not None and _is_file(reference)):
        return relative(repository)
    return relative(f"{repository}/{path}")


def _place_of_manifest(where: str) -> Place:
    path, colon, line = where.rpartition(":")
    if not colon or not line.isascii() or not line.isdigit():
        return Place(path=relative(where))
    return Place(path=relative(path), line=min(max(int(line[:9]), 1), 2**31 - 1))


def relative(path: str) -> str:
    """Return a path as a relative one that stays below the reader's directory, fit to print."""
    parts = posixpath.normpath(printable(path).translate(_NEVER_IN_PATHS)).split("/")
    return "/".join(part for part in parts if part not in {"", ".", ".."}) or "standard-input"


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
