"""Findings that somebody answers for until a day: read, matched, and told when they are over or of no use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from inspector.errors import ReferenceInvalid, UsageError
from inspector.escaping import printable
from inspector.facts import EnvironmentVerdicts, Target, Verdict, Waiver, WaiverText
from inspector.policy.files import Document, header_lines, line_of, read_toml, unknown
from inspector.records import dataclass
from inspector.references import parse, repository_of

WAIVERS_FILE = ".inspector-waivers.toml"
MAX_WAIVERS = 10_000
MAX_PATTERN = 512
_MAX_REASON = 4096
_PATTERNS = ("rule", "image", "path", "environment")
_FIELDS = (*_PATTERNS, "reason", "expires", "owner")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def load_waivers(path: Path, *, name: str | None = None) -> tuple[Waiver, ...] | None:
    """Read a file of waivers; None where there is none.

    Raises:
        UsageError: if it is not such a file, with file, line and key.
    """
    document = read_toml(path, name=name)
    if document is None:
        return None
    for key in document.content:
        if key != "waiver":
            where = document.place(line_of(document, key))
            raise UsageError(f"{where}: {unknown('key', key, ['waiver'])}", advice="each waiver begins with [[waiver]]")
    entries = document.content.get("waiver", [])
    if not isinstance(entries, list):
        raise UsageError(f"{document.name}: waiver is not a list", advice="each waiver begins with [[waiver]]")
    if len(entries) > MAX_WAIVERS:
        raise UsageError(f"{document.name}: more than {MAX_WAIVERS} waivers")
    lines = header_lines(document, "waiver")
    certain = len(lines) == len(entries)
    return tuple(
        _entry(document, entry, number, lines[number] if certain else None) for number, entry in enumerate(entries)
    )


def _entry(document: Document, entry: Any, number: int, line: int | None) -> Waiver:
    def place(key: str) -> str:
        at = line_of(document, key, table="waiver", number=number) if line else None
        return document.place(at or line)

    return _waiver(entry, document.place(line), place)


def waiver_for(text: WaiverText, workload: str) -> Waiver:
    """Return the waiver that a manifest gives one of its workloads, and no other.

    Args:
        text: as the manifest has it (Compose's ``x-inspector-waive``, an annotation of Kubernetes).
        workload: the name of its environment.

    Raises:
        UsageError: if it is no waiver.
    """
    if "environment" in text.fields:
        raise UsageError(f"{text.where}: environment has no place here: a manifest's waiver is for what it stands at")
    if set(workload) & set("*?"):
        raise UsageError(f"{text.where}: '{printable(workload, limit=80)}' cannot be waived by its name")
    return _waiver({**text.fields, "environment": workload}, text.where, lambda _: text.where)


def _waiver(entry: Any, where: str, place: Any) -> Waiver:
    if not isinstance(entry, Mapping):
        raise UsageError(f"{where}: a waiver is a table with rule, reason, expires and more")
    for key in entry:
        if key not in _FIELDS:
            raise UsageError(f"{place(str(key))}: {unknown('key', str(key), _FIELDS)}")
    for key in ("reason", "expires"):
        if key not in entry:
            raise UsageError(f"{where}: a waiver without {key}", advice=f"{key} is required")
    patterns = {key: _text(entry[key], key, place(key), MAX_PATTERN) for key in _PATTERNS if key in entry}
    if not patterns:
        raise UsageError(f"{where}: a waiver of everything", advice=f"give at least one of {', '.join(_PATTERNS)}")
    image = patterns.get("image", "")
    if image.startswith("sha256:") and not _DIGEST.fullmatch(image):
        raise UsageError(f"{place('image')}: image is not a whole digest; allowed: sha256: and 64 hexadecimal digits")
    return Waiver(
        **patterns,
        reason=_text(entry["reason"], "reason", place("reason"), _MAX_REASON),
        expires=_date(entry["expires"], place("expires")).isoformat(),
        owner=_text(entry["owner"], "owner", place("owner"), _MAX_REASON) if "owner" in entry else None,
        where=where,
    )


def _text(value: Any, key: str, where: str, limit: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        shown = printable(str(value), limit=60)
        raise UsageError(f"{where}: {key} is '{shown}'; allowed: a text of 1 to {limit} characters")
    return value.strip()


def _date(value: Any, where: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    shown = printable(str(value), limit=60)
    raise UsageError(f"{where}: expires is '{shown}'; allowed: a date as 2030-12-31")


# ── matching ─────────────────────────────────────────────────────────────────────────────────────────────────────


def matches(waiver: Waiver, target: Target, environment: str, verdict: Verdict) -> bool:
    """Whether a waiver speaks of a verdict: each pattern that it has must fit."""
    return (
        (waiver.rule is None or fits(waiver.rule, verdict.rule))
        and (waiver.path is None or fits(waiver.path, verdict.path or ""))
        and (waiver.environment is None or fits(waiver.environment, environment))
        and (waiver.image is None or _fits_image(waiver.image, target))
    )


def _fits_image(pattern: str, target: Target) -> bool:
    if pattern.startswith("sha256:"):
        return pattern in {target.digest, _digest_in(target.reference)}
    return any(fits(pattern, name) for name in names_of(target.reference))


@lru_cache(maxsize=1024)
def names_of(reference: str) -> tuple[str, ...]:
    """Return the ways in which an image may be called: as given, in full, as people write it, with and without tag."""
    names = [reference]
    try:
        parsed = parse(reference)
    except ReferenceInvalid:
        return tuple(names)
    repository = repository_of(reference)
    names += [parsed.rest, repository]
    if parsed.name is not None:
        short = repository.removeprefix("docker.io/").removeprefix("library/")
        tag = parsed.name.tag or (None if parsed.name.digest else "latest")
        names += [short, *(f"{name}:{tag}" for name in (repository, short) if tag)]
    return tuple(dict.fromkeys(names))


def _digest_in(reference: str) -> str | None:
    try:
        parsed = parse(reference)
    except ReferenceInvalid:
        return None
    return parsed.name.digest if parsed.name else None


@lru_cache(maxsize=65536)
def fits(pattern: str, text: str) -> bool:
    """Whether a pattern stands for the whole of a text.

    ``*`` is any run of characters without ``/``, ``**`` any run at all, ``?`` one character other than ``/``. All
    places in the pattern are followed at once, so that no pattern takes longer than its length times the text's.
    """
    steps = re.findall(r"\*\*|.", pattern, re.DOTALL)
    last = len(steps)
    here = _skipped({0}, steps)
    for character in text:
        after = set()
        for at in here:
            if at == last:
                continue
            step = steps[at]
            if step == "**" or (step == "*" and character != "/"):
                after.add(at)
            elif step == character or (step == "?" and character != "/"):
                after.add(at + 1)
        here = _skipped(after, steps)
        if not here:
            return False
    return last in here


def _skipped(places: set[int], steps: Sequence[str]) -> set[int]:
    """Add the places behind wildcards, which may stand for nothing."""
    found = set(places)
    for place in places:
        at = place
        while at < len(steps) and steps[at] in {"*", "**"}:
            at += 1
            found.add(at)
    return found


# ── applying ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Targets with their waived verdicts marked, and what is to be told of the waivers."""

    targets: tuple[Target, ...]
    expired: tuple[tuple[Waiver, int], ...] = ()
    """Those whose day is over, each with the number of verdicts that it would have waived."""
    unused: tuple[Waiver, ...] = ()


def apply_waivers(targets: Iterable[Target], waivers: Sequence[Waiver], *, today: date | None = None) -> Applied:
    """Mark the verdicts that are waived, each with the first waiver that speaks of it.

    A waiver holds until the end of its day, UTC. Only what is not safe is waived; a target that could not be
    analysed cannot be.
    """
    now = (today or datetime.now(UTC).date()).isoformat()
    used = [0] * len(waivers)

    def marked(target: Target, environment: EnvironmentVerdicts, verdict: Verdict) -> Verdict:
        if verdict.level == "safe":
            return verdict
        found = None
        for number, waiver in enumerate(waivers):
            if matches(waiver, target, environment.name, verdict):
                used[number] += 1
                if found is None and waiver.expires >= now:
                    found = waiver
        return replace(verdict, waived=found) if found else verdict

    kept = tuple(
        replace(
            target,
            environments=tuple(
                replace(each, verdicts=tuple(marked(target, each, verdict) for verdict in each.verdicts))
                for each in target.environments
            ),
        )
        for target in targets
    )
    # A manifest's waiver stands once for each container of its pod; people are told of it once.
    told: dict[tuple[str | None, str], tuple[Waiver, int]] = {}
    for waiver, number in zip(waivers, used, strict=True):
        key = (waiver.where, waiver.expires)
        told[key] = (waiver, told.get(key, (waiver, 0))[1] + number)
    return Applied(
        targets=kept,
        expired=tuple((waiver, number) for waiver, number in told.values() if waiver.expires < now),
        unused=tuple(waiver for waiver, number in told.values() if waiver.expires >= now and number == 0),
    )
