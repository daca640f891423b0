"""Which resolver Go takes for a call, and why."""

from __future__ import annotations

from typing import Literal

from inspector.records import dataclass

Call = Literal[
    "host", "ip", "dial", "port", "cname", "addr", "txt", "srv", "mx", "ns",
    "current", "user", "uid", "group", "groupids", "clib",
]  # fmt: skip
Resolver = Literal["go", "cgo", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverBuild:
    """What of a binary decides Go's choice of resolver."""

    version: str
    cgo: bool
    """net's C resolver is compiled in (the ``dns`` exposure), before tags and variables are looked at."""
    tags: tuple[str, ...] = ()
    default_godebug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One step of an explanation."""

    text: str
    where: str | None = None
    """``resolv.conf:2``, ``nsswitch.conf:1:20``, ``env GODEBUG``, or None."""
    source: str | None = None
    """The outside fact behind it: a Go release and file, a man page, a glibc bug."""
    rule: str | None = None
    """The rule's name, for programs: ``option:edns0``, an entry of the resolver's version table."""
    word: str | None = None
    """The very word of the file, variable or name that it is about."""
    column: int | None = None
    """Where the word begins in the line that ``where`` names, from 1, in characters."""
    since: str | None = None
    """The first Go release that reads it so (``1.16``); None: every release up to this one does."""
    until: str | None = None
    """The first Go release that reads it otherwise (``1.20``); None: none known does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which resolver Go takes for one call, and why."""

    decision: Resolver
    order: str | None
    """As Go's own debug output writes it (``cgo``, ``files,dns``…); None where Go prints none."""
    reasons: tuple[Reason, ...] = ()
    """What decided, in the order in which Go meets it."""
    further: tuple[Reason, ...] = ()
    """What Go did not come to, and what would decide in the same way if ``reasons`` were away."""
    running: tuple[Reason, ...] = ()
    """Which of the files that decided a running process reads again, and which it does not."""
    assumed: str | None = None
    """Why another release's rules were taken, where the build is of none whose rules are known."""
