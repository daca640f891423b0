"""Unnamed files for what is too large to hold in memory while it is read."""

from __future__ import annotations

from typing import IO

from inspector.errors import InspectorError


def temporary_file() -> IO[bytes]:
    """Open a file that has no name and is gone when it is closed.

    Raises:
        InspectorError: if no directory can be written, as on a container's read-only root.
    """
    import tempfile

    try:
        return tempfile.TemporaryFile()  # the caller closes it
    except FileNotFoundError:
        raise InspectorError(
            "no directory for temporary files can be written",
            advice="name one by TMPDIR; in a container with a read-only root: --tmpfs /tmp",
        ) from None
