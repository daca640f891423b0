"""nsswitch.conf as Go reads it (net/nss.go), not as glibc does."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from inspector.records import dataclass
from inspector.resolver.lines import Word, read_lines

_BLANKS = " \t\r\n"
_CACHED = 16 * 1024
"""Characters of a text that is worth keeping with its reading."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One ``[STATUS=action]``, lower-cased as Go does."""

    negated: bool
    status: str
    action: str

    def is_standard(self, *, last: bool) -> bool:
        """Whether Go takes it for the default (nss.go, standardStatusAction)."""
        if self.negated or self.status not in {"success", "notfound", "unavail", "tryagain"}:
            return False
        if last and self.action == "return":
            return True
        return self.action == ("return" if self.status == "success" else "continue")


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a database and the criteria that follow it."""

    word: Word
    criteria: tuple[Criterion, ...] = ()
    bracket: Word | None = None
    """The criteria as written, with their brackets."""

    @property
    def name(self) -> str:
        """The source's name as written."""
        return self.word.text

    @property
    def has_standard_criteria(self) -> bool:
        """Whether Go may handle what follows the source itself."""
        return all(c.is_standard(last=c is self.criteria[-1]) for c in self.criteria)


@dataclass(frozen=True, slots=True)
class NssSwitch:
    """The sources of each database, or where the file is malformed."""

    sources: dict[str, tuple[Source, ...]]
    malformed: Word | None = None
    cut: int | None = None
    """The line that did not fit and ended the reading."""


class _MalformedError(Exception):
    def __init__(self, word: Word) -> None:
        super().__init__(word.text)
        self.word = word


def parse_nsswitch(text: str, limit: int | None) -> NssSwitch:
    """Read the file.

    ``#`` begins a comment anywhere; only blanks separate sources, a tab does not; one malformed line of any database
    spoils the whole file. Databases are named as written (case matters). A line that does not fit ``limit`` bytes ends
    the reading.
    """
    return _parse_and_keep(text, limit) if len(text) <= _CACHED else _parse(text, limit)


def _parse(text: str, limit: int | None) -> NssSwitch:
    sources: dict[str, list[Source]] = {}
    for number, line in read_lines(text, limit):
        if line is None:
            return NssSwitch(_frozen(sources), cut=number)
        content = line.split("#", 1)[0]
        if not content.strip(_BLANKS):
            continue
        try:
            database, found = _parse_line(content, number)
        except _MalformedError as error:
            return NssSwitch(_frozen(sources), error.word)
        sources.setdefault(database, []).extend(found)
    return NssSwitch(_frozen(sources))


def _frozen(sources: dict[str, list[Source]]) -> dict[str, tuple[Source, ...]]:
    return {database: tuple(found) for database, found in sources.items()}


_parse_and_keep = lru_cache(maxsize=512)(_parse)


def _parse_line(content: str, number: int) -> tuple[str, tuple[Source, ...]]:
    colon = content.find(":")
    if colon < 0:
        raise _MalformedError(Word(content.strip(_BLANKS), number, _skip(content, 0) + 1))
    found: list[Source] = []
    position = _skip(content, colon + 1)
    end = len(content.rstrip(_BLANKS))
    while position < end:
        stop = content.find(" ", position, end)
        stop = end if stop < 0 else stop
        source = Source(Word(content[position:stop], number, position + 1))
        position = _skip(content, stop)
        if position < end and content[position] == "[":
            close = content.find("]", position, end)
            if close < 0:
                raise _MalformedError(Word(content[position:end], number, position + 1))
            bracket = Word(content[position : close + 1], number, position + 1)
            source = replace(source, criteria=_parse_criteria(bracket), bracket=bracket)
            position = _skip(content, close + 1)
        found.append(source)
    return content[:colon].strip(_BLANKS), tuple(found)


def _skip(content: str, position: int) -> int:
    while position < len(content) and content[position] in _BLANKS:
        position += 1
    return position


def _parse_criteria(bracket: Word) -> tuple[Criterion, ...]:
    found = []
    for part in bracket.text[1:-1].split(" "):
        text = part.strip(_BLANKS)
        if not text:
            continue
        negated = text.startswith("!")
        body = text[1:] if negated else text
        status, equals, action = _lower(body).partition("=")
        if len(body.encode("utf-8", "replace")) < 3 or not equals:
            raise _MalformedError(bracket)
        found.append(Criterion(negated, status, action))
    return tuple(found)


def _lower(text: str) -> str:
    """Lower-case ASCII only, as Go's lowerASCIIBytes."""
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)
