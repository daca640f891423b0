"""GitLab's code quality report: a JSON array of issues.

GitLab docs, ci/testing/code_quality, "Implement a custom tool": each has ``description``, ``check_name``,
``fingerprint``, ``severity``, ``location.path`` and ``location.lines.begin``.
"""

from __future__ import annotations

from typing import Any

from inspector.escaping import printable
from inspector.facts import Level, Report
from inspector.reports.encoding import encode
from inspector.reports.findings import Finding, findings_of
from inspector.reports.wording import KNOWN

_SEVERITIES: dict[Level, str] = {"crash": "critical", "wrong": "major", "unknown": "minor", "latent": "info"}


def render_gitlab(report: Report, *, directory: str = "") -> bytes:
    """Return one issue for each finding; what is waived is an issue of severity info.

    What is waived or known says so; GitLab itself compares two reports by their fingerprints.
    """
    issues = [_issue(finding) for finding in findings_of(report, directory=directory)]
    return encode(issues)


def _issue(finding: Finding) -> dict[str, Any]:
    excuse = f" (waived: {finding.waived})" if finding.waived is not None else f" ({KNOWN})" if finding.known else ""
    verdict = finding.verdict
    fix = f"; fix: {printable(verdict.remedies[0].text)}" if verdict is not None and verdict.remedies else ""
    return {
        "description": f"{printable(finding.target.reference)}: {finding.title}{fix}{excuse}",
        "check_name": printable(finding.rule, limit=200) or "unnamed",
        "fingerprint": finding.fingerprint,
        "severity": "info" if finding.waived is not None else _SEVERITIES[finding.level],
        "location": {"path": finding.place.path, "lines": {"begin": finding.place.line}},
    }
