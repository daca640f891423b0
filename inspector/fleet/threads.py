"""Threads that do jobs and end with the process, whatever they wait for: no registry keeps an interrupt waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Threads:
    """So many threads, and the jobs that they have not come to."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        for count in range(number):
            threading.Thread(target=self._work, name=f"{name}-{count}", daemon=True).start()

    def begin(self, job: Callable[[], None]) -> None:
        """Do a job, which raises nothing, when a thread is free."""
        self._jobs.put(job)

    def close(self) -> None:
        """Let the threads end once they are done."""
        for _ in range(self.number):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
