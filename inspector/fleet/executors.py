"""Who reads the layers: this process, processes of this machine, or (``cluster``) a Dask cluster.

One Protocol. An executor starts what it is given and tells of each end, from any thread; it keeps no queue of its
own and decides nothing: what is read, in which order and how often is the schedule's.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Protocol

from inspector.fleet.tasks import LayerOutcome, LayerTask, read_task
from inspector.fleet.threads import Threads

Told = Callable[[LayerTask, LayerOutcome], None]


class Executor(Protocol):
    """Reads layers."""

    @property
    def capacity(self) -> int:
        """Tasks that keep it busy; more of them wait."""
        ...

    @property
    def shares_fate(self) -> bool:
        """Whether a worker that dies takes the others' tasks with it."""
        ...

    def start(self, task: LayerTask, told: Told) -> None:
        """Begin a task; ``told`` is called once when it has ended, perhaps in another thread."""
        ...

    def close(self, *, now: bool = False) -> None:
        """End it: after what was started, or, ``now``, without waiting for it."""
        ...


class ThreadExecutor:
    """Threads of this process: no start to wait for; hashing and inflating go on side by side, analysis does not."""

    shares_fate = False

    def __init__(self, number: int) -> None:
        self._threads = Threads(number, "layer")
        self.capacity = number

    def start(self, task: LayerTask, told: Told) -> None:
        """Begin a task."""
        self._threads.begin(lambda: told(task, read_task(task)))

    def close(self, *, now: bool = False) -> None:
        """End it; a thread in the middle of a layer ends with the process."""
        del now
        self._threads.close()


class ProcessExecutor:
    """Processes of this machine. One that dies takes its layer with it: the schedule is told, and tries again."""

    shares_fate = True

    def __init__(self, number: int) -> None:
        self.capacity = number
        self._lock = threading.Lock()
        self._pool = self._new()
        self._closed = False

    def _new(self) -> ProcessPoolExecutor:
        # Not by fork: this process has threads.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.capacity, mp_context=context, initializer=_begin)

    def start(self, task: LayerTask, told: Told) -> None:
        """Begin a task."""
        with self._lock:
            pool = self._pool
            try:
                future = pool.submit(read_task, task)
            except BrokenProcessPool:
                future = self._replaced(pool).submit(read_task, task)
        future.add_done_callback(lambda done: self._tell(pool, task, done, told))

    def _tell(self, pool: ProcessPoolExecutor, task: LayerTask, done: Future[LayerOutcome], told: Told) -> None:
        try:
            outcome = done.result()
        except CancelledError:
            outcome = LayerOutcome(kind="lost", message="cancelled")
        except BrokenProcessPool:
            outcome = LayerOutcome(kind="lost", message=f"layer {task.digest}: the process that read it died")
            with self._lock:
                if not self._closed:
                    self._replaced(pool)
        except Exception as error:  # noqa: BLE001 - whatever came back, it is this layer's
            outcome = LayerOutcome(kind="failed", message=f"layer {task.digest}: {type(error).__name__}")
        told(task, outcome)

    def _replaced(self, broken: ProcessPoolExecutor) -> ProcessPoolExecutor:
        if self._pool is broken:
            broken.shutdown(wait=False, cancel_futures=True)
            self._pool = self._new()
        return self._pool

    def close(self, *, now: bool = False) -> None:
        """End it."""
        with self._lock:
            self._closed = True
            pool = self._pool
        if now:
            for process in list((pool._processes or {}).values()):  # noqa: SLF001 - there is no public way to end them
                process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Begin a worker: an interrupt is the parent's to handle, and a worker ends with its parent, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent,), daemon=True).start()


def _outlive(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def local_executor(number: int | None = None) -> Executor:
    """Return what is fastest here: a process a processor, or, on one processor alone, a thread."""
    wanted = number or available_processors()
    return ProcessExecutor(wanted) if wanted > 1 else ThreadExecutor(1)


def available_processors() -> int:
    """Return the processors that this process may use."""
    try:
        return max(len(os.sched_getaffinity(0)), 1)
    except AttributeError:
        return os.cpu_count() or 1
