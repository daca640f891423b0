"""All that one run found."""

from __future__ import annotations

from typing import Literal

from inspector.facts.binary import ANALYSER, BinaryFacts
from inspector.facts.change import Level
from inspector.facts.image import ImageConfig, RootFsFacts
from inspector.facts.verdict import Verdict
from inspector.records import dataclass

Status = Literal["analysed", "incomplete", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could not be analysed."""

    stage: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerId:
    """A layer's two names."""

    digest: str | None
    diff_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVerdicts:
    """All verdicts of one target in one environment."""

    name: str
    verdicts: tuple[Verdict, ...]
    where: str | None = None
    """``compose.yaml:12``: where a manifest describes the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One image (or directory, or file) for one platform: its facts, and the verdicts where it was judged."""

    reference: str
    digest: str | None = None
    platform: str | None = None
    status: Status = "analysed"
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    layers: tuple[LayerId, ...] = ()
    config: ImageConfig | None = None
    rootfs: RootFsFacts | None = None
    script_variables: tuple[str, ...] = ()
    """Variables of the resolver's that the entrypoint's script sets: their values are unknown."""
    script_files: tuple[str, ...] = ()
    """Files under /etc that the entrypoint's script writes: their contents are unknown."""
    binaries: tuple[BinaryFacts, ...] = ()
    environments: tuple[EnvironmentVerdicts, ...] = ()
    inferred: str | None = None
    """Why its facts are inferred: the image was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaId:
    """Name and version of the document's schema."""

    name: str = "inspector-report"
    version: str = "1.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Who wrote the report."""

    name: str = "inspector"
    version: str = "0"
    analyser: int = ANALYSER


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Binaries × environments, counted by their worst verdict; ``unknown`` counts those too that have one besides."""

    worst: Level | None = None
    crash: int = 0
    wrong: int = 0
    latent: int = 0
    safe: int = 0
    unknown: int = 0
    waived: int = 0
    """Of those that are not safe: in which nothing is left that is not waived."""
    known: int = 0
    """Of those that are not safe: in which nothing is left that is neither waived nor in the baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one run found."""

    schema: SchemaId = SchemaId()
    tool: Tool = Tool()
    targets: tuple[Target, ...] = ()
    summary: Summary = Summary()
