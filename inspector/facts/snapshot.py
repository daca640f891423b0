"""What a process sees on one host or in one container, at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from inspector.facts.context import ContextFile
from inspector.records import dataclass

SnapshotKind = Literal["container", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a process sees on one host or in one container, at one time. Of variables only the resolver's are kept."""

    kind: SnapshotKind
    name: str
    taken: str = ""
    """When, in UTC (ISO 8601)."""
    image: str | None = None
    """The container's image, by the name that it was started by."""
    digest: str | None = None
    """The image's ID."""
    network: str | None = None
    """The container's network mode as its engine tells it."""
    files: Mapping[str, ContextFile] = field(default_factory=dict)
    """As in ``ResolverContext``; a key that is absent could not be read."""
    given: tuple[str, ...] = ()
    """Those of ``files`` that the engine or a mount gives; the others are the image's own."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Those of the resolver's variables that are set."""
    env_given: tuple[str, ...] = ()
    """Those of ``env`` that are not the image's own."""
    uid: int | None = None
    system_hostname: str | None = None
    mounts: tuple[str, ...] = ()
    """Where volumes and bind mounts lie over the image."""
    problems: tuple[str, ...] = ()
