"""Lines of a file as Go's line reader gives them (net/parse.go, type file)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


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


def split_words(line: str, number: int, separators: str) -> list[Word]:
    """Split at runs of separator characters, keeping columns."""
    words = []
    start = None
    for index, character in enumerate(line):
        if character in separators:
            if start is not None:
                words.append(Word(line[start:index], number, start + 1))
                start = None
        elif start is None:
            start = index
    if start is not None:
        words.append(Word(line[start:], number, start + 1))
    return words
