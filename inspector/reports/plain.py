"""Lines for grep, cut and awk: a record a line, its fields parted by tabs, no colour, no frames, no wrapping.

The first field says what the record is: a level (a verdict), ``incomplete`` or ``failed`` (a problem), ``summary``.
Within a field no tab and no newline can occur: control characters are escaped.
"""

from __future__ import annotations

from collections.abc import Iterator

from inspector.escaping import printable
from inspector.facts import Report, Target, Verdict
from inspector.reports.findings import waiver_of
from inspector.reports.wording import RANK

_NOTHING = "-"


def render_plain(report: Report) -> str:
    """Return the report as lines of tab-separated fields.

    A verdict has level, image, environment, path, rule, call, name, outcome, likelihood, the first reason, the first
    remedy, the waiver, and ``known`` where the baseline has it; a problem has status, image, stage and message; the
    last line has the counts. ``-`` stands for nothing.
    """
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    for target in report.targets:
        yield from _target(target)
    summary = report.summary
    counts = [f"{level}={getattr(summary, level)}" for level in RANK]
    yield _record("summary", summary.worst or "", *counts)


def _target(target: Target) -> Iterator[str]:
    if target.status != "analysed":
        for problem in target.problems:
            yield _record(target.status, target.reference, problem.stage, problem.message)
    for environment in target.environments:
        for verdict in environment.verdicts:
            yield _verdict(target, environment.name, verdict)


def _verdict(target: Target, environment: str, verdict: Verdict) -> str:
    return _record(
        verdict.level,
        target.reference,
        environment,
        verdict.path or "",
        verdict.rule,
        verdict.call or "",
        verdict.name or "",
        verdict.outcome or "",
        verdict.likelihood or "",
        verdict.reasons[0].text if verdict.reasons else "",
        verdict.remedies[0].text if verdict.remedies else "",
        waiver_of(verdict) or "",
        "known" if verdict.known else "",
    )


def _record(*fields: str) -> str:
    return "\t".join(printable(field) or _NOTHING for field in fields)
