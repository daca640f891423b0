"""The registries of a batch: one way to each, shared by all threads, with its pace and its requests at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from inspector.errors import RateLimited
from inspector.sources.registry import Pace, RegistryOptions, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How registries are reached."""

    insecure: bool = False
    ca_cert: Path | None = None
    timeout: float = 60.0
    jobs: int = 6
    """Most requests at once to one registry."""
    rate: float | None = None
    """Most requests a second to one registry."""
    patience: float = 900.0
    """Most seconds that a registry may want to be left alone."""


class Slots:
    """Requests at once to one registry. Layers may take half of them before manifests do, so that both go on."""

    def __init__(self, number: int, stop: threading.Event) -> None:
        self._number, self._stop = number, stop
        self._change = threading.Condition()
        self._used = self._layers = self._waiting = 0

    @contextmanager
    def for_manifest(self) -> Iterator[None]:
        """Hold a slot, waiting for one.

        Raises:
            RateLimited: if all is over.
        """
        with self._change:
            while not self._is_free():
                if self._stop.is_set():
                    raise RateLimited("not asked any more")
                self._change.wait(0.5)
            self._used += 1
        try:
            yield
        finally:
            with self._change:
                self._used -= 1
                self._change.notify_all()

    def _is_free(self) -> bool:
        kept = self._waiting > 0 and self._layers < (self._number + 1) // 2
        return self._used < self._number - (1 if kept else 0)

    def take_for_layer(self) -> bool:
        """Take a slot if one is free; give it back by ``give_back``."""
        with self._change:
            if self._used >= self._number:
                return False
            self._used += 1
            self._layers += 1
            return True

    def give_back(self) -> None:
        """Give back a layer's slot."""
        with self._change:
            self._used -= 1
            self._layers -= 1
            self._change.notify_all()

    def layers_wait(self, number: int) -> None:
        """Tell how many layers wait for a slot."""
        with self._change:
            self._waiting = number
            self._change.notify_all()


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry of a batch."""

    host: str
    transport: Transport
    pace: Pace
    slots: Slots


class Registries:
    """The registries of a batch, by host."""

    def __init__(self, reach: Reach, stop: threading.Event) -> None:
        self.reach = reach
        self._stop = stop
        self._lock = threading.Lock()
        self._known: dict[str, Registry] = {}

    def options(self) -> RegistryOptions:
        """Return how a registry is reached, without its pace."""
        return RegistryOptions(
            insecure=self.reach.insecure, ca_cert=self.reach.ca_cert, timeout=self.reach.timeout,
            patience=self.reach.patience,
        )  # fmt: skip

    def of(self, host: str) -> Registry:
        """Return a registry; the same one for the same host."""
        with self._lock:
            found = self._known.get(host)
            if found is None:
                pace = Pace(host, rate=self.reach.rate, patience=self.reach.patience, stop=self._stop)
                transport = Transport(host, replace(self.options(), pace=pace))
                found = self._known[host] = Registry(host, transport, pace, Slots(self.reach.jobs, self._stop))
            return found

    def all(self) -> tuple[Registry, ...]:
        """Return every registry that was asked for."""
        with self._lock:
            return tuple(self._known.values())
