"""A change outside the binary, and the level that it leads to."""

from __future__ import annotations

from typing import Literal

from inspector.records import dataclass

Level = Literal["crash", "wrong", "latent", "safe", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One change outside the binary that would change the level."""

    change: str
    level: Level | None = None
    """The level that the change leads to."""
    until: str | None = None
    """The first Go release from which on the change makes no difference (``1.20``); None: it makes one in all known."""
