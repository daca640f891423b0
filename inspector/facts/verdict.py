"""What will happen to a binary, and who answers for it."""

from __future__ import annotations

from typing import Literal

from inspector.facts.change import Flip, Level
from inspector.facts.decision import Call, Reason, Resolver
from inspector.records import dataclass

Outcome = Literal["dies", "cannot-resolve", "cannot-start", "wrong-answer"]
Likelihood = Literal["always", "sooner-or-later", "rare"]
Confidence = Literal["observed", "inferred", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One change that cures, least effort first."""

    kind: str
    """env, resolv-conf, nsswitch, base-image, rebuild, fabric."""
    text: str
    patch: str | None = None
    """The same change as YAML, for the Compose file or the Kubernetes manifest that the environment comes from, or for
    one of that kind; None: it comes from neither, or the change is made elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A finding that somebody answers for, until a day. A pattern that is None stands for everything."""

    rule: str | None = None
    image: str | None = None
    """A pattern of names, or a digest."""
    path: str | None = None
    environment: str | None = None
    reason: str
    expires: str
    """The last day on which it holds, as ``2030-12-31``."""
    owner: str | None = None
    where: str | None = None
    """``.inspector-waivers.toml:3``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What will happen to one binary in one environment, for one call and name."""

    rule: str
    path: str | None = None
    call: Call | None = None
    name: str | None = None
    level: Level
    outcome: Outcome | None = None
    likelihood: Likelihood | None = None
    confidence: Confidence = "unknown"
    decision: Resolver | None = None
    order: str | None = None
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    waived: Waiver | None = None
    """It is told, and does not count."""
    known: bool = False
    """The baseline has it already: it is told, and does not count."""
