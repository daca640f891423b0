"""Lines of a file as Go's line reader gives them (net/parse.go, type file)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.records import dataclass

_WORDS = re.compile(r"[^ \r\t\n]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands; line and column count from 1, the column in characters."""

    text: str
    line: int
    column: int


def read_lines(text: str, limit: int | None) -> Iterator[tuple[int, str | None]]:
    """Yield (number, line) without line ends, up to the first line that does not fit; that one is None.

    Go's reader holds one buffer; a line that does not fit with its newline ends the reading as if the file ended
    there. ``limit`` None stands for a reader without that limit.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if limit is not None and len(line) > limit // 4 and len(line.encode("utf-8", "replace")) >= limit:
            yield number, None
            return
        yield number, line


def split_words(line: str, number: int) -> list[Word]:
    """Split at runs of blanks, tabs and carriage returns, keeping columns (net/parse.go, getFields)."""
    return [Word(found[0], number, found.start() + 1) for found in _WORDS.finditer(line)]
