"""What a store tells besides facts: runs, and what verdicts depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from inspector.facts import BinaryFacts, ImageConfig, RootFsFacts, Status
from inspector.records import dataclass

RunState = Literal["running", "complete", "interrupted", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One batch over many images."""

    id: str
    scope: str
    """What it was asked for; a run of the same scope can go on where one ended."""
    state: RunState
    started: int
    ended: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What an image gives its programs, as far as verdicts depend on it."""

    rootfs: RootFsFacts | None = None
    config: ImageConfig | None = None
    """Its user, and the resolver's variables."""
    script_variables: tuple[str, ...] = ()
    script_files: tuple[str, ...] = ()
    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A build and a base: all that the verdict on a binary depends on, besides the environment."""

    build: str
    """Digest of the build's facts."""
    base: str
    """Digest of the base's."""
    count: int = 1
    """How many binaries of stored images are such a pair."""


class StoredBinary(NamedTuple):
    """One binary of a stored image, and what its verdicts depend on."""

    path: str
    build: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """A stored image under one of the names that lead to it."""

    reference: str | None
    """None: no name leads to it any more."""
    digest: str
    platform: str | None
    status: Status
    fabric: str | None = None
    """Which of Fabric's images it is: ``fabric-peer:1.4.12``."""
    binaries: tuple[StoredBinary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The facts that pairs name by digest."""

    builds: Mapping[str, BinaryFacts]
    bases: Mapping[str, Base]
