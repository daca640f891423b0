"""What a comparison is of, and what it finds: data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inspector.facts import ContextFile, Environment, Level, SchemaId, Tool
from inspector.judging import DEFAULT_NAME

MAX_DIFFERENCES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of the two things compared."""

    name: str
    files: Mapping[str, ContextFile] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    system_hostname: str | None = None
    environment: Environment | None = None
    """As which images are judged there; None: the files and variables as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same."""

    service: str | None = None
    """Of a manifest's services, the one; None: two files or snapshots are compared."""
    on: str | None = None
    """The hosts on which it is so; None: all that were asked."""
    what: str
    """``resolv.conf options``, ``nsswitch.conf hosts``, ``env GODEBUG``."""
    a: str | None
    b: str | None
    read: str
    """Who reads it, and what that does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Go releases that decide otherwise in the two places: 1.``since`` to 1.``until``."""

    service: str | None = None
    on: str | None = None
    since: int
    until: int
    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One binary in the two places."""

    service: str | None = None
    reference: str
    path: str
    a: Level | None
    """None: it is not there."""
    b: Level | None
    why: str = ""
    """The first reason of the worse verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that ``inspector compare`` found."""

    schema: SchemaId = field(default_factory=lambda: SchemaId(name="inspector-comparison"))
    tool: Tool = field(default_factory=Tool)
    a: str = ""
    b: str = ""
    name: str = DEFAULT_NAME
    """The host name that the releases were asked for."""
    assumed: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    left_out: int = 0
    shifts: tuple[Shift, ...] = ()
    binaries: tuple[Flip, ...] = ()
    """Those that come out otherwise."""
    unmoved: int = 0
    """Binaries that come out alike."""
    problems: tuple[str, ...] = ()
    """What could not be had or told."""
