"""JSON lines in, JSON lines out, in order: what ``resolve --batch`` and ``judge --batch`` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, BinaryIO

import click

from inspector.cli.replacing import replacing

MAX_LINE = 8 * 1024 * 1024
"""Bytes of one case; a longer line is answered with an error."""

_INCOMPLETE = 4


def answer_lines(source: str, answer: Callable[[Any], dict[str, Any]], output: Path | None) -> int:
    """Answer each line of ``source`` (a path, or ``-`` for standard input) with one line.

    Args:
        source: where the cases are.
        answer: turns a decoded case into an answer; an answer with the key ``error`` marks a bad case.
        output: where answers go; None: stdout.

    Returns:
        The exit code: 0, or 4 if any line was bad.

    Raises:
        click.UsageError: if ``source`` cannot be read or ``output`` cannot be written.
    """
    import msgspec

    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder().decode
    bad = 0
    with ExitStack() as stack:
        stream = _open_source(source, stack)
        sink = _open_sink(output, stack)
        for line in _lines(stream):
            if line is None:
                reply: dict[str, Any] = {"id": None, "error": f"line longer than {MAX_LINE} bytes"}
            elif not line.strip():
                continue
            else:
                try:
                    reply = answer(decode(line))
                except (msgspec.DecodeError, RecursionError) as error:
                    reply = {"id": None, "error": f"not JSON: {error}"}
            bad += "error" in reply
            sink.write(encode(reply) + b"\n")
        sink.flush()
    return _INCOMPLETE if bad else 0


def _open_source(source: str, stack: ExitStack) -> BinaryIO:
    if source == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(Path(source).open("rb"))
    except OSError as error:
        raise click.UsageError(f"cannot read {source}: {error.strerror}") from None


def _open_sink(output: Path | None, stack: ExitStack) -> IO[bytes]:
    """Open where answers go; a file is put in place when the run has ended, so that it may be the source as well."""
    if output is None:
        return sys.stdout.buffer
    try:
        return stack.enter_context(replacing(output))
    except OSError as error:
        raise click.UsageError(f"cannot write {output}: {error.strerror}") from None


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines; None stands for one that is too long, which is skipped to its end."""
    while line := stream.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        yield None
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)
