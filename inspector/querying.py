"""Stored binaries by what they are: Go release, linkage, libc, exposures, Fabric's line, name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.facts import BinaryFacts, Level
from inspector.judging import SEVERITY
from inspector.rejudging import JudgedImage, Rejudgement
from inspector.store import Base, StoredBinary, StoredImage

_TERM = re.compile(r"(<=|>=|<|>|=|)\s*v?(\d{1,5}(?:\.\d{1,5}){0,3})")
_VERSION = re.compile(r"v?(\d{1,5}(?:\.\d{1,5}){0,3})")


class Versions:
    """``<1.20``, ``>=1.10,<1.20``, ``1.15`` (and each of its patch releases), ``unknown``, ``any``.

    A version that is not known is in no range: it is asked for by ``unknown``.
    """

    def __init__(self, text: str, *, what: str) -> None:
        """Read a range.

        Raises:
            UsageError: if it is none.
        """
        self.text = text.strip()
        self._terms: list[tuple[str, tuple[int, ...]]] = []
        if self.text in {"any", "unknown"}:
            return
        for part in self.text.split(","):
            match = _TERM.fullmatch(part.strip())
            if match is None:
                raise UsageError(
                    f"{what} '{printable(text, limit=60)}' is no range of versions",
                    advice="give such as '<1.20', '>=1.10,<1.20', '1.15', 'unknown' or 'any'",
                )
            self._terms.append((match[1], tuple(map(int, match[2].split(".")))))

    def has(self, version: str | None) -> bool:
        """Whether a version is in the range."""
        numbers = numbers_of(version)
        if self.text == "any":
            return version is not None
        if self.text == "unknown":
            return version is not None and numbers is None
        return numbers is not None and all(_holds(numbers, sign, wanted) for sign, wanted in self._terms)


def numbers_of(version: str | None) -> tuple[int, ...] | None:
    """``1.15.15`` as numbers; None where a text does not begin with a version (``devel …``, ``unknown``)."""
    match = _VERSION.match(version or "")
    return tuple(map(int, match[1].split("."))) if match else None


def _holds(numbers: tuple[int, ...], sign: str, wanted: tuple[int, ...]) -> bool:
    """``<=1.20`` has 1.20.5, and ``>1.20`` has not: what is named stands for its patch releases."""
    is_named = numbers[: len(wanted)] == wanted
    if sign in {"", "="}:
        return is_named
    if sign in {"<=", ">"} and is_named:
        return sign == "<="
    there, limit = (numbers + (0,) * 4)[:4], (wanted + (0,) * 4)[:4]
    return there < limit if sign.startswith("<") else there >= limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked for; what several of these name must all be so."""

    go: Versions | None = None
    linkage: str | None = None
    """``static`` is static-pie too, ``dynamic`` dynamic-pie."""
    libc: str | None = None
    """Inside a static binary; of a dynamic one, that of its image."""
    libc_versions: Versions | None = None
    exposures: tuple[str, ...] = ()
    """Each of them; ``none``, ``unknown``."""
    fabric: Versions | None = None
    names: tuple[str, ...] = ()
    """Patterns of references; any of them."""
    paths: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    """In some environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One binary of one image that is as asked for."""

    reference: str | None
    digest: str
    platform: str | None
    path: str
    linkage: str
    machine: str
    libc: str
    go: str | None
    exposures: tuple[str, ...] | None
    fabric: str | None
    levels: dict[str, Level]
    """In each environment; empty where none was asked for."""


def libc_of(build: BinaryFacts, base: Base) -> tuple[str, str | None]:
    """Return kind and version of the C library that a binary runs with."""
    if build.linkage.startswith("static"):
        return build.libc.kind, build.libc.version
    if base.rootfs is not None and base.rootfs.files is not None and base.rootfs.libc.kind != "none":
        return base.rootfs.libc.kind, base.rootfs.libc.version
    return build.libc.kind, None


def select(judged: Rejudgement, question: Question) -> Iterator[Row]:
    """Yield the binaries that are as asked for, in the order of images' names; of damaged facts there are none."""
    fitting = {
        (pair.build, pair.base): (build, base)
        for pair in judged.pairs
        for build, base in [judged.facts((pair.build, pair.base))]
        if build is not None and base is not None and _fits(build, base, question)
    }
    for each in judged.images():
        if not _is_named(each.image, question):
            continue
        for place, binary in enumerate(each.image.binaries):
            found = fitting.get((binary.build, binary.base))
            if found is None or not _has_path(binary, question):
                continue
            levels = _levels(judged, each, place)
            if not question.levels or _all_levels(each, place, levels) & set(question.levels):
                yield _row(each.image, binary, *found, levels)


def _fits(build: BinaryFacts, base: Base, question: Question) -> bool:
    return all(_answers(build, base, question))


def _answers(build: BinaryFacts, base: Base, question: Question) -> Iterator[bool]:
    kind, version = libc_of(build, base)
    if question.go is not None:
        yield build.go is not None and question.go.has(build.go.version)
    if question.linkage is not None:
        yield build.linkage in {question.linkage, f"{question.linkage}-pie"}
    if question.libc is not None:
        yield kind == question.libc
    if question.libc_versions is not None:
        yield question.libc_versions.has(version or "unknown")
    yield from (_is_exposed(build, wanted) for wanted in question.exposures)


def _is_exposed(build: BinaryFacts, wanted: str) -> bool:
    if build.exposures is None or wanted == "unknown":
        return build.exposures is None and wanted == "unknown"
    kinds = {exposure.kind for exposure in build.exposures}
    return not kinds if wanted == "none" else wanted in kinds


def _is_named(image: StoredImage, question: Question) -> bool:
    if question.fabric is not None:
        # Of ``fabric-peer:unknown`` the release is not known: it is in no range.
        version = image.fabric.rpartition(":")[2] if image.fabric else None
        if not question.fabric.has(version):
            return False
    return not question.names or any(fnmatchcase(image.reference or image.digest, name) for name in question.names)


def _has_path(binary: StoredBinary, question: Question) -> bool:
    return not question.paths or any(fnmatchcase(binary.path, path) for path in question.paths)


def _levels(judged: Rejudgement, image: JudgedImage, place: int) -> dict[str, Level]:
    verdicts = image.answers[place].verdicts
    return {each.name: verdict.level for each, verdict in zip(judged.environments, verdicts, strict=True)}


def _all_levels(image: JudgedImage, place: int, levels: dict[str, Level]) -> set[Level]:
    untold: set[Level] = {"unknown"} if any(image.answers[place].untold) else set()
    return {*levels.values(), *untold}


def _row(image: StoredImage, binary: StoredBinary, build: BinaryFacts, base: Base, levels: dict[str, Level]) -> Row:
    kind, version = libc_of(build, base)
    return Row(
        reference=image.reference,
        digest=image.digest,
        platform=image.platform,
        path=binary.path,
        linkage=build.linkage,
        machine=build.machine,
        libc=f"{kind} {version}" if version else kind,
        go=build.go.version if build.go else None,
        exposures=None if build.exposures is None else tuple(exposure.kind for exposure in build.exposures),
        fabric=image.fabric,
        levels=levels,
    )


def worst_of(row: Row) -> Level | None:
    """Return the gravest level over the environments; None where none was judged."""
    return max(row.levels.values(), key=SEVERITY.__getitem__, default=None)
