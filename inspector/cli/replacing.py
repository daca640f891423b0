"""A file that is written beside its place and put there when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write; at the end it takes the place of ``path``, after an error what was there stays.

    Its name cannot be foretold and it is made anew, so that no link laid there beforehand is followed. Its mode is that
    of any new file, or of the file that it replaces. A device or a pipe (``/dev/stdout``) is written in place.

    Raises:
        OSError: if it cannot be written.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    import tempfile

    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as file:
        beside = Path(file.name)
        try:
            yield file
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it; the command line has one thread here."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
