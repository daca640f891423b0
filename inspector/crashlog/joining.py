"""Lines that the writer of a log cut to pieces, put together again: Docker's json-file and the CRI's format.

Docker's copier hands on 16 KiB where a line is longer, and json-file ends only a line's last piece with a newline
(moby, daemon/logger/copier.go and jsonfilelog.go; observed with 20.10). A shorter record without one is the last that
a process wrote, or comes from a shipper that takes newlines off: it ends a line as well. The CRI's format has a tag, P
for a piece and F for a line's end (Kubernetes, "CRI container log format"); containerd cuts at 16 KiB too.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.crashlog.lines import MAX_LINE

PIECE = 16 * 1024
"""Bytes of each piece of Docker's but the last; written as JSON they are never fewer, as bytes that are no text become
three each."""
MAX_HELD = 64
"""Lines that may be in pieces at once; of more, the one that got none for longest is read as it is."""

_MAX_HEAD = 200
_CRI = re.compile(rb"\A([^\n]{0,100}?)\b(stdout|stderr) ([FP])(?::\S*)? ")
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one line of the log carries."""

    stream: bytes
    """Whatever tells it from lines that are woven in."""
    head: bytes
    """What stands before each line of this stream."""
    text: bytes
    is_last: bool


class Joining:
    """Takes lines, and gives them back whole; of a line longer than ``MAX_LINE`` its beginning only."""

    def __init__(self) -> None:
        self._held: OrderedDict[bytes, tuple[int, bytearray]] = OrderedDict()

    def concerns(self, block: bytes) -> bool:
        """Whether some line of a block may be a piece."""
        if self._held or b" P " in block or b" P:" in block:
            return True
        records = block.count(b'"stream":')
        return records > 0 and block.count(b'\\n","stream":') < records

    def take(self, number: int, line: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (number, line) of each line that is whole now; of a cut one the number is its first piece's."""
        piece = self._piece(line)
        if piece is None or (piece.is_last and piece.stream not in self._held):
            yield number, line
            return
        begun, joined = self._held.pop(piece.stream, (number, bytearray(piece.head)))
        joined += piece.text[: max(MAX_LINE - len(joined), 0)]
        if piece.is_last:
            yield from _lines_of(begun, joined)
            return
        self._held[piece.stream] = (begun, joined)
        if len(self._held) > MAX_HELD:
            _, oldest = self._held.popitem(last=False)
            yield from _lines_of(*oldest)

    def rest(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is still held where the log ends."""
        for held in self._held.values():
            yield from _lines_of(*held)
        self._held.clear()

    def _piece(self, line: bytes) -> _Piece | None:
        """Return the piece that a line is; None for a whole one, or where it can be none."""
        if self._held or len(line) >= PIECE:
            found = _piece_of_docker(line)
            if found:
                return found
        return _piece_of_cri(line) if self._held or b" P" in line[:_MAX_HEAD] else None


def _lines_of(number: int, joined: bytearray) -> Iterator[tuple[int, bytes]]:
    """Yield a joined line; what wrote several into one record had its reasons."""
    for line in bytes(joined).removesuffix(b"\n").split(b"\n"):
        yield number, line


def _piece_of_cri(line: bytes) -> _Piece | None:
    found = _CRI.match(line)
    if found is None:
        return None
    stream = _TIME.sub(b"", found[1]) + found[2]
    return _Piece(stream, found[1] + found[2] + b" F ", line[found.end() :], is_last=found[3] == b"F")


def _piece_of_docker(line: bytes) -> _Piece | None:
    """Return the piece that a json-file record is; in its stream's name are braces, as no stream of the CRI has."""
    if not line.startswith(b'{"log":') or b'"stream":' not in line:
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    text, stream = record.get("log"), record.get("stream")
    if not isinstance(text, str) or not isinstance(stream, str) or "time" not in record:
        return None
    whole = text.encode("utf-8", "replace")
    is_last = text.endswith("\n") or len(whole) < PIECE
    return _Piece(f"{{{stream}}}".encode(), b"", whole, is_last=is_last)
