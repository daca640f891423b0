"""What a container changed in its image's file system, as a layer that is laid over the image's own.

The engine lists changed paths (Engine API, ``GET /containers/ID/changes``; 0 changed, 1 added, 2 deleted): each file of
them is read by the archive API. What is mounted is no part of the file system, and neither is what the engine writes
when the container starts: the export leaves both out.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inspector.errors import TargetAbsent
from inspector.facts import BlobStream
from inspector.sources.engine.connection import connect
from inspector.sources.engine.containers import Chunks, Paths, header
from inspector.sources.options import SourceOptions

MAX_CHANGED = 200
"""Paths that are read one by one; a container that changed more is exported as a whole."""
_TOUCHED, _DELETED = 0, 2
_WRITTEN_BY_ENGINES = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/etc/mtab", "/.dockerenv", "/dev", "/proc",
                       "/sys", "/run/.containerenv")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path. ``is_mount``: the engine made it, empty, for something to be mounted there."""

    path: str
    is_deleted: bool = False
    is_mount: bool = False


def changes_of(client: Any, container: Mapping[str, Any]) -> list[Change] | None:
    """Return what a container changed, None where that is too much to ask for.

    A directory that is touched only for what is in it has no entry of its own.
    """
    found = client.api.diff(str(container["Id"])) or []
    if len(found) > MAX_CHANGED * 10:
        return None
    mounts = mounts_of(container)
    told = [(str(each.get("Path") or "/"), each.get("Kind")) for each in found]
    places = [*_WRITTEN_BY_ENGINES, *mounts, *(path for path, _ in told)]
    kept = [
        Change(path, is_deleted=kind == _DELETED, is_mount=path in mounts)
        for path, kind in told
        if not _is_below(path, _WRITTEN_BY_ENGINES)
        and not any(path != mount and _is_below(path, (mount,)) for mount in mounts)
        and not (kind == _TOUCHED and _is_above(path, places))
    ]
    return kept if len(kept) <= MAX_CHANGED else None


def mounts_of(container: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where something is mounted in a container."""
    return tuple(str(mount.get("Destination")) for mount in container.get("Mounts") or ())


def _is_below(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)


def _is_above(path: str, places: Sequence[str]) -> bool:
    below = f"{path.rstrip('/')}/"
    return any(place.startswith(below) for place in places)


@contextmanager
def open_changes(engine: str, options: SourceOptions, identity: str, changes: Sequence[Change]) -> Iterator[BlobStream]:
    """Stream a tar of what was changed, deletions as whiteouts (OCI image-spec, layer.md)."""
    with connect(engine, options) as client:
        yield Chunks(_pieces(Paths(client, identity, engine), changes))


def _pieces(paths: Paths, changes: Sequence[Change]) -> Iterator[bytes]:
    for change in changes:
        if change.is_deleted:
            parent, _, name = change.path.rpartition("/")
            yield header(f"{parent}/.wh.{name}", tarfile.REGTYPE, "")
    for change in changes:
        try:
            yield from paths.entry(change.path, empty=change.is_mount)
        except TargetAbsent:
            continue  # deleted, or gone meanwhile
    yield b"\0" * 1024
