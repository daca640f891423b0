"""Layers read by a Dask cluster: one task a layer, named by its digest.

The scheduler knows a task by its name, so that a layer that two batches want at once is read once; it starts a task
anew whose worker was lost (distributed, "Resilience"). No work is queued here: what is sent is bounded by the schedule.

Who may speak to a Dask scheduler may run code on it and on its workers: keep it inside, or use TLS (``dask+tls://`` and
Dask's own settings for certificates).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from inspector.errors import TargetUnreachable, UsageError
from inspector.escaping import printable
from inspector.fleet.tasks import LayerOutcome, LayerTask, read_task

if TYPE_CHECKING:
    from inspector.fleet.executors import Told

_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
_AHEAD = 2
"""Tasks for each of the cluster's threads: one that runs, one that waits beside it."""
_TIMEOUT = 15


class ClusterExecutor:
    """A Dask cluster."""

    shares_fate = False

    def __init__(self, address: str) -> None:
        """Connect.

        Args:
            address: ``dask://HOST:PORT`` or ``dask+tls://HOST:PORT`` of the scheduler.

        Raises:
            UsageError: for another address, or where dask.distributed is not installed.
            TargetUnreachable: if no scheduler answers, or it has no workers.
        """
        scheme, mark, place = address.partition("://")
        if not mark or scheme not in _SCHEMES or not place or "/" in place.strip("/"):
            raise UsageError(f"not a cluster: '{printable(address, limit=120)}'", advice="dask://HOST:PORT")
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(
                "a cluster needs dask.distributed", advice="pip install 'rollout-inspector[cluster]'"
            ) from None
        try:
            self._client: Any = Client(
                f"{_SCHEMES[scheme]}://{place.strip('/')}", timeout=_TIMEOUT, set_as_default=False
            )
            threads = sum(map(int, self._client.nthreads().values()))
        except (OSError, TimeoutError, ValueError) as error:
            text = printable(str(error), limit=200)
            raise TargetUnreachable(f"{printable(address, limit=120)}: no scheduler answers: {text}") from None
        if not threads:
            self._client.close()
            raise TargetUnreachable(f"{printable(address, limit=120)}: the cluster has no workers")
        self._threads: int = threads
        self._lock = threading.Lock()
        self._running: dict[str, Any] = {}

    @property
    def capacity(self) -> int:
        """Tasks that keep the cluster busy."""
        return max(1, self._threads) * _AHEAD

    def start(self, task: LayerTask, told: Told) -> None:
        """Begin a task."""
        future = self._client.submit(read_task, task, key=task.name, pure=True)
        with self._lock:
            self._running[task.name] = future
        future.add_done_callback(lambda done: self._tell(task, done, told))

    def _tell(self, task: LayerTask, done: Any, told: Told) -> None:
        try:
            outcome = done.result()
        except Exception as error:  # noqa: BLE001 - KilledWorker and whatever else the cluster says of it
            text = printable(f"{type(error).__name__}: {error}", limit=300)
            outcome = LayerOutcome(kind="failed", message=f"layer {task.digest}: the cluster gave it up: {text}")
        if not isinstance(outcome, LayerOutcome):
            outcome = LayerOutcome(kind="failed", message=f"layer {task.digest}: the cluster told something else")
        with self._lock:
            self._running.pop(task.name, None)
        done.release()
        told(task, outcome)

    def close(self, *, now: bool = False) -> None:
        """Leave the cluster; what it has begun for us alone it forgets."""
        with self._lock:
            running = list(self._running.values())
        if now and running:
            self._client.cancel(running)
        self._client.close()
