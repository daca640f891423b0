"""A report of before: what it had found already is told, and does not count. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from inspector.facts import EnvironmentVerdicts, Level, Report, Target, Verdict
from inspector.judging import SEVERITY
from inspector.records import dataclass
from inspector.references import repository_of

Identity = tuple[str, ...]


def identity_of(target: Target, environment: EnvironmentVerdicts, verdict: Verdict) -> Identity:
    """Return what makes a finding the same one in another scan.

    The repository without tag and digest, the platform, the environment, the path, the rule, the call and the name:
    nothing that changes with a new build, a new tag, another source, or a line added to a manifest.
    """
    return (
        repository_of(target.reference),
        target.platform or "",
        environment.name,
        verdict.path or "",
        verdict.rule,
        verdict.call or "",
        verdict.name or "",
    )


@dataclass(frozen=True, slots=True)
class Baseline:
    """Identity → the levels that it had."""

    levels: Mapping[Identity, frozenset[Level]]

    @classmethod
    def of(cls, report: Report) -> Baseline:
        """Take a report's findings. Waived ones are left out: their waiver covers them, as long as it lasts."""
        found: dict[Identity, set[Level]] = {}
        for target in report.targets:
            for environment in target.environments:
                for verdict in environment.verdicts:
                    if verdict.level != "safe" and verdict.waived is None:
                        found.setdefault(identity_of(target, environment, verdict), set()).add(verdict.level)
        return cls({identity: frozenset(levels) for identity, levels in found.items()})

    def has(self, identity: Identity, level: Level) -> bool:
        """Whether a finding is old: as grave as before, or less; what cannot be told was not told before either."""
        levels = self.levels.get(identity, frozenset())
        if level == "unknown":
            return level in levels
        return any(SEVERITY[old] >= SEVERITY[level] for old in levels)

    def mark(self, target: Target) -> Target:
        """Return the target with its old findings marked as known."""

        def marked(environment: EnvironmentVerdicts, verdict: Verdict) -> Verdict:
            old = verdict.level != "safe" and self.has(identity_of(target, environment, verdict), verdict.level)
            return replace(verdict, known=old)

        return replace(
            target,
            environments=tuple(
                replace(environment, verdicts=tuple(marked(environment, verdict) for verdict in environment.verdicts))
                for environment in target.environments
            ),
        )
