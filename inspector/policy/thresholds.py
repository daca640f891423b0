"""Which verdicts count. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.facts import Report, Verdict
from inspector.judging import SEVERITY
from inspector.records import dataclass

_REBUILDS = frozenset({"rebuild", "base-image"})


def counts(verdict: Verdict) -> bool:
    """Whether it counts for the exit code: not safe, not waived, not in the baseline."""
    return verdict.level != "safe" and verdict.waived is None and not verdict.known


def is_fixable(verdict: Verdict) -> bool:
    """Whether some remedy needs no rebuild, neither of the binary nor of its image."""
    return any(remedy.kind not in _REBUILDS for remedy in verdict.remedies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which level on a verdict is a finding that fails the run."""

    fail_on: str = "crash"
    """A level, or ``never``."""
    only_fixable: bool = False

    def findings(self, report: Report) -> Iterator[Verdict]:
        """Yield the verdicts at or above it."""
        for verdict in self._reached(report):
            if not self.only_fixable or is_fixable(verdict):
                yield verdict

    def unfixable(self, report: Report) -> Iterator[Verdict]:
        """Yield the verdicts above it that are left out because only a rebuild cures them."""
        for verdict in self._reached(report):
            if self.only_fixable and not is_fixable(verdict) and verdict.level != "unknown":
                yield verdict

    def _reached(self, report: Report) -> Iterator[Verdict]:
        least = SEVERITY.get(self.fail_on)  # type: ignore[call-overload]
        if least is None:
            return
        for verdict in verdicts_of(report):
            if counts(verdict) and SEVERITY[verdict.level] >= least:
                yield verdict


def has_unknown(report: Report) -> bool:
    """Whether something that counts could not be told."""
    return any(verdict.level == "unknown" and counts(verdict) for verdict in verdicts_of(report))


def verdicts_of(report: Report) -> Iterator[Verdict]:
    """Yield every verdict of a report."""
    for target in report.targets:
        for environment in target.environments:
            yield from environment.verdicts
