"""What a rule says of itself."""

from __future__ import annotations

from collections.abc import Callable

from inspector.facts import Level, Verdict
from inspector.records import dataclass
from inspector.risk.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; its page is docs/rules/<id>.md."""

    id: str
    title: str
    levels: tuple[Level, ...]
    """Levels that it can give."""
    sources: tuple[str, ...]
    """The outside facts behind it."""
    remedies: tuple[str, ...]
    """Kinds of remedies that it can name."""
    judge: Callable[[Situation], Verdict | None]
    """Return a verdict, or None where the rule has nothing to say."""
