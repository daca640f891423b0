"""The nouns of a fleet's report: many images, few findings. What many images share stands once and is named by number.

Frozen and serialisable as ``inspector.facts`` is; ``inspector/reports/fleet`` renders it and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from inspector.facts import Call, Confidence, Level, Likelihood, Outcome, Reason, Remedy, SchemaId, Status, Tool

Change = Literal["new", "gone", "worse", "better"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What decides of a program: images with the same build come out the same."""

    linkage: str
    machine: str
    libc: str | None = None
    """``glibc 2.31``: inside a static program."""
    go: str | None = None
    exposures: tuple[str, ...] | None = ()
    """dns, user, clib; None: could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetBinary:
    """A program of an image."""

    path: str
    build: int
    """Which of the report's ``builds``."""
    fabric: str | None = None
    """What it is of Fabric: peer, orderer…"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFinding:
    """What is not safe, told once for all images that it is told of."""

    rule: str
    path: str
    level: Level
    call: Call | None = None
    outcome: Outcome | None = None
    likelihood: Likelihood | None = None
    confidence: Confidence = "unknown"
    reasons: tuple[Reason, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    images: int = 0
    """In how many images, in whichever environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One image in one environment."""

    level: Level
    findings: tuple[int, ...] = ()
    """Which of the report's ``findings``, gravest first."""
    unknown: bool = False
    """Something else in it could not be told, or it was not read in full, which the graver level hides."""
    excused: bool = False
    """Every finding of that level is waived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetImage:
    """One image of one repository for one platform, under all its tags."""

    registry: str
    repository: str
    tags: tuple[str, ...] = ()
    digest: str | None = None
    platform: str | None = None
    created: str | None = None
    status: Status = "analysed"
    problems: tuple[str, ...] = ()
    libc: str | None = None
    """``glibc 2.36``: the image's."""
    layers: int = 0
    binaries: tuple[FleetBinary, ...] = ()
    level: Level = "safe"
    """The worst in any environment; ``unknown`` where it could not be analysed."""
    cells: tuple[Cell, ...] = ()
    """One for each of the report's ``environments``; empty where the image could not be judged."""

    @property
    def is_untold(self) -> bool:
        """Whether something could not be told of it, whatever its worst level."""
        return self.level == "unknown" or any(cell.unknown or cell.level == "unknown" for cell in self.cells)

    @property
    def name(self) -> str:
        """``registry/repository:tag``, with the first tag."""
        tag = f":{self.tags[0]}" if self.tags else f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRemedy:
    """One change, and how many images nothing would crash in with it alone."""

    kind: str
    text: str
    cures: int
    helps: int = 0
    """Images in which it takes away some crash, cured ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the run asked for and did."""

    repositories: int = 0
    tags: int = 0
    layers: int = 0
    """Unique layers."""
    layers_known: int = 0
    """Of those: whose facts were stored."""
    layers_read: int = 0
    layers_failed: int = 0
    bytes_read: int = 0
    requests: int = 0
    """To registries, by this process; of the blobs, one each."""
    pauses: int = 0
    """How often a registry wanted to be left alone."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProblem:
    """A place or repository that could not be listed."""

    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSummary:
    """Images by their worst level, and as unknown too where something could not be told, as a scan's summary counts."""

    worst: Level | None = None
    images: int = 0
    crash: int = 0
    wrong: int = 0
    latent: int = 0
    unknown: int = 0
    safe: int = 0
    failed: int = 0
    """Of ``unknown``: which could not be read."""
    excused: int = 0
    """Images of whose worst level every finding is waived."""
    environments: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Environment → level → images, counted likewise; one without cells by its own level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One image (by repository, tag and platform) that came out otherwise than in an earlier run."""

    change: Change
    name: str
    platform: str | None = None
    before: Level | None = None
    after: Level | None = None
    rebuilt: bool = False
    """The tag names another image now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """This run against an earlier one."""

    against: str
    """When the earlier one ended."""
    before: FleetSummary
    new: int = 0
    gone: int = 0
    worse: int = 0
    better: int = 0
    same: int = 0
    differences: tuple[Difference, ...] = ()


FLEET_SCHEMA = SchemaId(name="inspector-fleet", version="1.0.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """Everything one batch found."""

    schema: SchemaId = FLEET_SCHEMA
    tool: Tool = field(default_factory=Tool)
    started: str = ""
    """UTC, ISO 8601."""
    finished: str = ""
    interrupted: bool = False
    """The run was ended before its end: what is here is right, and not everything."""
    unfinished: int = 0
    """Tags and images that an interrupted run had not come to, as far as it knew."""
    places: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    summary: FleetSummary = FleetSummary()
    work: Work = Work()
    problems: tuple[FleetProblem, ...] = ()
    remedies: tuple[FleetRemedy, ...] = ()
    trend: Trend | None = None
    builds: tuple[Build, ...] = ()
    findings: tuple[FleetFinding, ...] = ()
    images: tuple[FleetImage, ...] = ()
    """Gravest first, then by name."""
