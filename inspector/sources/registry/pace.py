"""How fast one registry is asked: by all threads together, and not at all while it wants to be left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from inspector.errors import RateLimited


class Pace:
    """Shared by all who speak to one registry. Every request goes through ``wait`` first."""

    def __init__(
        self,
        host: str,
        *,
        rate: float | None = None,
        patience: float = 900.0,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            host: the registry, for errors.
            rate: most requests a second; None: as many as there are.
            patience: most seconds that the registry may want to be left alone at a time.
            stop: set when nobody wants an answer any more: who waits is woken.
            clock: seconds that only grow.
        """
        self._host, self._patience, self._clock = host, patience, clock
        self._step = 1.0 / rate if rate else 0.0
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._next = 0.0
        self._closed_until = 0.0
        self.requests = 0
        """Requests that went through."""
        self.pauses = 0
        """How often the registry wanted to be left alone."""

    def wait(self) -> None:
        """Return when the next request may be sent.

        Raises:
            RateLimited: if the registry wants to be left alone for longer than patience allows, or all is over.
        """
        with self._lock:
            turn = max(self._clock(), self._next, self._closed_until)
            self._next = turn + self._step
        while True:
            with self._lock:
                now = self._clock()
                until = max(turn, self._closed_until)
                if self._closed_until - now > self._patience:
                    raise self._refused(self._closed_until - now)
                if until <= now:
                    self.requests += 1
                    return
            if self._stop.wait(until - now):
                raise RateLimited(f"{self._host}: not asked any more", wait=0.0)

    def take(self) -> float:
        """Take leave for a request without waiting: 0, or how many seconds later to ask again.

        Raises:
            RateLimited: as ``wait`` does.
        """
        with self._lock:
            now = self._clock()
            if self._closed_until - now > self._patience:
                raise self._refused(self._closed_until - now)
            turn = max(self._next, self._closed_until)
            if turn > now:
                return turn - now
            self._next = now + self._step
            self.requests += 1
            return 0.0

    def _refused(self, seconds: float) -> RateLimited:
        return RateLimited(
            f"{self._host}: the rate limit is reached: it wants {seconds:.0f} s of rest",
            wait=seconds,
            advice="docker login lifts it, or wait",
        )

    def rest(self, seconds: float) -> None:
        """Let nobody ask for a while: the registry said so."""
        with self._lock:
            self.pauses += 1
            self._closed_until = max(self._closed_until, self._clock() + seconds)


def retry_after(value: str, *, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3); None: neither."""
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - now(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
