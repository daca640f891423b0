"""TOML files of people, read with bounds; what is wrong with one is told by file and line."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.records import dataclass

MAX_FILE = 1024 * 1024
"""Bytes of a configuration or a file of waivers."""


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file: what to call it, its text and what it says."""

    name: str
    text: str
    content: dict[str, Any]

    def place(self, line: int | None) -> str:
        """``.inspector.toml:3``, or the file alone where the line is not known."""
        return f"{self.name}:{line}" if line else self.name


def read_toml(path: Path, *, name: str | None = None, word: str | None = None) -> Document | None:
    """Read a TOML file; None where there is none.

    Args:
        path: where it is.
        name: what to call it; None: as ``path`` has it.
        word: a file without this word is not read any further and counts as absent.

    Raises:
        UsageError: if it cannot be read, is no regular file, too large or not TOML; with its line.
    """
    name = printable(name or str(path))
    try:
        # Not to wait for a pipe's other end: what is in the working directory may be anything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {name}: {_why(error)}") from None
    try:
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{name} is not a regular file")
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {_why(error)}") from None
    if len(content) > MAX_FILE:
        raise UsageError(f"{name} is larger than {MAX_FILE} bytes")
    if word is not None and word.encode() not in content:
        return None
    return _parse(content, name)


def _why(error: Exception) -> str:
    return printable(error.strerror or str(error)) if isinstance(error, OSError) else printable(str(error))


def _parse(content: bytes, name: str) -> Document:
    import tomllib

    try:
        text = content.decode()
        return Document(name, text.replace("\r\n", "\n"), tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: not UTF-8") from None
    except RecursionError:
        raise UsageError(f"{name}: nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError is one; so is what int() says of a number with thousands of digits
        message = str(error)
        if message.endswith("(at end of document)"):
            last = text.rstrip("\n").count("\n") + 1
            message = f"{message.removesuffix('(at end of document)')}(at line {last}, column 1)"
        at = re.search(r" \(at line (\d+), column \d+\)$", message)
        place = f"{name}:{at[1]}" if at else name
        raise UsageError(
            f"{place}: not TOML: {printable(message[: at.start()] if at else message, limit=200)}"
        ) from None


def line_of(document: Document, key: str, *, table: str | None = None, number: int = 0) -> int | None:
    """Return the line on which a key is set, or None where that cannot be told for certain.

    Args:
        document: where it is.
        key: a bare key.
        table: the table's name as headers write it, ``tool.inspector``; None: the top level.
        number: which of the headers, for an array of tables.
    """
    start, lines = table_lines(document, table, number)
    # A key on a line of its own; one in a multi-line string may look the same: two are none.
    pattern = re.compile(rf"""\s*(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')\s*=""")
    found = [start + offset for offset, line in enumerate(lines) if pattern.match(line)]
    return found[0] if len(found) == 1 else None


def table_lines(document: Document, table: str | None, number: int = 0) -> tuple[int, list[str]]:
    """Return the number of a table's first line (after its header) and its lines."""
    lines = document.text.split("\n")
    headers = [index for index, line in enumerate(lines) if re.match(r"\s*\[", line)]
    begins = [-1] if table is None else [i for i in headers if _is_header(lines[i], table)]
    if number >= len(begins):
        return 1, []
    begin = begins[number]
    end = next((index for index in headers if index > begin), len(lines))
    return begin + 2, lines[begin + 1 : end]


def _is_header(line: str, table: str) -> bool:
    inside = line.split("#", maxsplit=1)[0].strip()
    return inside.strip("[]").replace(" ", "").replace('"', "").replace("'", "") == table


def header_lines(document: Document, table: str) -> list[int]:
    """Return the lines of all headers ``[[table]]``."""
    lines = document.text.split("\n")
    return [n for n, line in enumerate(lines, 1) if re.match(r"\s*\[\[", line) and _is_header(line, table)]


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Say that there is no such word, with the nearest that there is."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(word.lower().replace("_", "-"), names, 1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
    return f"unknown {what} '{printable(word, limit=60)}'; {hint}"
