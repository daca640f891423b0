"""Progress of pulls on stderr, for a person at a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inspector.escaping import printable


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
