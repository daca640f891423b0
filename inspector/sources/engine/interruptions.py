"""Signals held back while something is made, or taken away, that must not be left behind.

Python runs a signal's handler between any two steps of the main thread. An interrupt between the engine's making a
container and our noting it would leave it there for ever; one during the clean-up likewise. So handlers of ours stand
in from before the making until after the taking away, and let one signal through only while that is harmless.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A signal that ends the process by default came: everything is unwound first, then the signal has its way."""


class _Hold:
    def __init__(self) -> None:
        self._originals: dict[int, Any] = {}
        self._pending: list[int] = []
        self._is_open = False
        self._is_over = False

    def begin(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # signals are the main thread's
        for number in _HELD:
            original = signal.getsignal(number)
            if callable(original) or original is signal.SIG_DFL:
                self._originals[number] = original
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        original = self._originals[number]
        if self._is_over:
            self._deliver(number, frame)
        elif not self._is_open:
            self._pending.append(number)
        else:
            self._is_open = False
            if not callable(original):
                self._pending.append(number)
                raise Terminated
            original(number, frame)  # raises, as a rule
            self._is_open = True

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        original = self._originals[number]
        if callable(original):
            original(number, frame)
        else:
            signal.signal(number, original)
            signal.raise_signal(number)

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Let the first signal through; those after it wait until the hold ends."""
        pending, self._pending = self._pending, []
        self._is_open = True
        try:
            for number in pending:
                self._handle(number, None)
            yield
        finally:
            self._is_open = False

    def end(self) -> None:
        self._is_over = True
        for number, original in self._originals.items():
            signal.signal(number, original)
        for number in dict.fromkeys(self._pending):
            self._deliver(number, None)


LetThrough = Callable[[], Any]


@contextmanager
def held() -> Iterator[LetThrough]:
    """Hold back SIGINT, SIGTERM and SIGHUP; yields a context manager in which the first of them comes through.

    Outside the main thread nothing is done: no handler runs there.
    """
    hold = _Hold()
    hold.begin()
    try:
        yield hold.let_through
    finally:
        hold.end()
