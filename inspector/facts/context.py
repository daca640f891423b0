"""What a process will see: files, variables, its user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from inspector.records import dataclass

CONTEXT_FILES = ("resolv.conf", "nsswitch.conf", "mdns.allow", "hosts", "passwd", "group", "services")
"""The files under /etc that decide what a resolver does, and what libc's files source answers."""
RESOLVER_VARIABLES = ("GODEBUG", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")
"""The variables that decide which resolver Go takes."""
Special = Literal["dir", "loop", "dangling", "mode000"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """One file that the process will see. ``text`` None and ``special`` None: it does not exist."""

    text: str | None = None
    special: Special | None = None
    origin: str | None = None
    """Where it comes from, for a reader: ``image``, ``preset docker-network-ubuntu``, a path given by the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverContext:
    """The whole of what the process will see. A key that is absent from ``files`` is not known."""

    files: Mapping[str, ContextFile] = field(default_factory=dict)
    """Keys: resolv.conf, nsswitch.conf, mdns.allow, hosts, passwd, group, services."""
    env: Mapping[str, str] = field(default_factory=dict)
    env_origin: Mapping[str, str] = field(default_factory=dict)
    env_unknown: tuple[str, ...] = ()
    """Variables whose value cannot be told (an entrypoint script sets them)."""
    uid: int | None = None
    system_hostname: str | None = None
