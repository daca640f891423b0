"""Pieces made in a thread while earlier ones are looked at: hashing and inflating release the interpreter's lock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator

_PIECES = 16
"""Most pieces that wait: they are a mebibyte each. They last while a large program is examined; with four, hashing
stood still for it, and a scan took a tenth longer."""
_LEAVE = 1.0
"""Seconds that a reader that gives up waits for the thread; a read from a network may last longer."""


def read_ahead(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Yield the pieces in order; an error that their maker raises is raised here, after the pieces before it.

    Close the generator before what the pieces are read from: it stops the thread.
    """
    waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(_PIECES)
    stop = threading.Event()
    maker = threading.Thread(target=_make, args=(pieces, waiting, stop), daemon=True)
    maker.start()
    try:
        while (piece := waiting.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        stop.set()
        while not waiting.empty():
            waiting.get_nowait()
        maker.join(_LEAVE)


def _make(pieces: Iterator[bytes], waiting: queue.Queue[bytes | BaseException | None], stop: threading.Event) -> None:
    try:
        for piece in pieces:
            waiting.put(piece)
            if stop.is_set():
                return
    except BaseException as error:  # noqa: BLE001 - it is the reader's to handle
        waiting.put(error)
    else:
        waiting.put(None)
