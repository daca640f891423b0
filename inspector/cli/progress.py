"""Progress of pulls on stderr, for a person at a terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.facts import Level
    from inspector.fleet.schedule import Counts

_LINES_EVERY = 15.0
"""Seconds between lines where progress goes to no terminal."""


@contextmanager
def progress_bar(*, wanted: bool) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """Yield a function to be told of bytes read, or None where no progress is wanted.

    The bar appears with the first bytes, so that what is answered from the store shows nothing.
    """
    if not wanted or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, int] = {}
    with bar:

        def tell(name: str, done: int, total: int | None) -> None:
            task = tasks.get(name)
            if task is None:
                label = printable(name.removeprefix("sha256:")[:12])
                task = tasks[name] = bar.add_task(label, total=total)
            bar.update(task, completed=done)  # type: ignore[arg-type]

        yield tell


@contextmanager
def fleet_progress(counts: Counts, levels: Mapping[Level, int], *, wanted: bool) -> Iterator[None]:
    """Show how far a batch is: a line that changes on a terminal, a new line now and then elsewhere."""
    if not wanted:
        yield
        return
    began = time.monotonic()
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        over = threading.Event()

        def tell() -> None:
            while not over.wait(_LINES_EVERY):
                click.echo(f"inspector: {describe_progress(counts, levels, time.monotonic() - began)}", err=True)

        threading.Thread(target=tell, daemon=True).start()
        try:
            yield
        finally:
            over.set()
        return
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task
    from rich.text import Text

    class _Line(ProgressColumn):
        def render(self, task: Task) -> Text:
            del task
            return Text(describe_progress(counts, levels, time.monotonic() - began))

    with Progress(SpinnerColumn(), _Line(), console=Console(stderr=True), transient=True, refresh_per_second=4) as bar:
        bar.add_task("")
        yield


def describe_progress(counts: Counts, levels: Mapping[Level, int], seconds: float) -> str:
    """``images 120/300 (4 crash), layers 40/90, 1.2 GB at 20.1 MB/s, 410 requests, about 2 min 3 s left``."""
    from inspector.reports.fleet.wording import duration, size

    crashes = f" ({levels['crash']:,} crash)" if levels.get("crash") else ""
    wanted = counts.tags - counts.resolved + counts.images
    parts = [f"images {counts.done:,}/{wanted:,}{crashes}"]
    ended = counts.layers_known + counts.layers_read + counts.layers_failed
    parts.append(f"layers {ended:,}/{counts.layers:,}")
    if counts.bytes_read:
        parts.append(f"{size(counts.bytes_read)} at {size(counts.bytes_read / max(seconds, 0.001))}/s")
    parts.append(f"{counts.requests:,} requests")
    shares = [counts.done / wanted] if wanted else []
    if counts.bytes_wanted:
        shares.append(counts.bytes_read / counts.bytes_wanted)
    share = min(shares, default=0.0)
    if 0.02 < share < 1 and seconds > 2:
        parts.append(f"about {duration(seconds * (1 - share) / share)} left")
    if counts.failed:
        parts.append(f"{counts.failed:,} not readable")
    return ", ".join(parts)
