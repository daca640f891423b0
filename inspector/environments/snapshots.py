"""What a process sees on one host or in one container: taken from this machine, and as an environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from inspector.facts import (
    CONTEXT_FILES,
    RESOLVER_VARIABLES,
    ContextFile,
    Environment,
    Problem,
    Snapshot,
    Target,
)

_HOST_GIVES = ("resolv.conf", "hosts")
"""What a container on the host's network gets from it (moby, daemon/container_operations_unix.go)."""
_MAX_FILE = 4 * 1024 * 1024


def host_snapshot(root: Path = Path("/"), *, variables: Mapping[str, str] | None = None) -> Snapshot:
    """Return what a process of this machine sees.

    Args:
        root: where its file system is mounted.
        variables: the environment's variables, of which the resolver's are taken; None: this process's.
    """
    files: dict[str, ContextFile] = {}
    problems = []
    for name in CONTEXT_FILES:
        try:
            files[name] = _read(root / "etc" / name)
        except OSError as error:
            problems.append(f"/etc/{name}: {error.strerror}")
    own = os.environ if variables is None else variables
    return Snapshot(
        kind="host",
        name=os.uname().nodename,
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        files=files,
        given=tuple(name for name in _HOST_GIVES if name in files),
        env={name: own[name] for name in RESOLVER_VARIABLES if name in own},
        uid=os.getuid(),
        system_hostname=os.uname().nodename,
        problems=tuple(problems),
    )


def _read(path: Path) -> ContextFile:
    origin = str(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ContextFile(special="dangling" if path.is_symlink() else None, origin=origin)
    except OSError:
        if path.is_symlink():
            return ContextFile(special="loop", origin=origin)
        raise
    if not stat.S_ISREG(mode):
        return ContextFile(special="dir", origin=origin)
    with path.open("rb") as file:
        content = file.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        raise OSError(27, f"larger than {_MAX_FILE} bytes")
    text = content.decode("utf-8", "replace")
    return ContextFile(text=text, special="mode000" if mode & 0o777 == 0 else None, origin=origin)


def environment_of(snapshot: Snapshot, *, name: str | None = None) -> Environment:
    """Return a snapshot as an environment: what its engine or host gives, laid over whatever image is judged there.

    A program that brings no root filesystem sees all of the snapshot's files. A host's own variables are those of
    whoever took the snapshot: a container there does not get them. The user is the image's own.
    """
    is_container = snapshot.kind == "container"
    where = f"container {snapshot.name}" if is_container else f"the host {snapshot.name}"
    image = f" of {snapshot.image}" if snapshot.image else ""
    return Environment(
        name=name or f"{snapshot.kind}:{snapshot.name}",
        title=f"{where}{image}",
        source=f"as seen at {snapshot.taken}" if snapshot.taken else "",
        files={file: snapshot.files[file] for file in snapshot.given if file in snapshot.files},
        own_files=snapshot.files,
        env={key: snapshot.env[key] for key in snapshot.env_given} if is_container else {},
        system_hostname=snapshot.system_hostname,
    )


def with_gaps(target: Target, snapshot: Snapshot) -> Target:
    """Return a container's facts, incomplete where something of the container could not be seen.

    A file that the engine did not give is not known. What mounts hide is told with the facts.
    """
    problems = [Problem(stage="container", message=text) for text in snapshot.problems]
    if not problems:
        return target
    return replace(target, status="incomplete", problems=(*target.problems, *problems))
