"""Files that are named on the command line, read to a bound."""

from __future__ import annotations

import sys
from pathlib import Path

import click


def read_bounded(name: str | Path, most: int) -> bytes:
    """Return at most ``most`` bytes and one of a file, or for ``-`` of standard input: the one tells of more.

    Raises:
        click.UsageError: if it cannot be read.
    """
    try:
        if name == "-":
            return sys.stdin.buffer.read(most + 1)
        with Path(name).open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise click.UsageError(f"cannot read {name}: {error.strerror}") from None


def read_whole(name: str | Path, most: int) -> str:
    """Return the text of a file, or for ``-`` of standard input.

    Raises:
        click.UsageError: if it cannot be read, or has more than ``most`` bytes.
    """
    content = read_bounded(name, most)
    if len(content) > most:
        raise click.UsageError(f"{name} is larger than {most} bytes")
    return content.decode("utf-8", "replace")
