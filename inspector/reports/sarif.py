"""SARIF 2.1.0 (OASIS), within what GitHub code scanning reads of it.

GitHub's subset: docs.github.com, "SARIF support for code scanning". It shows the first location only, wants paths
relative to the repository, takes an empty string for a missing one, keeps 25 000 results and, of the fingerprints,
uses ``primaryLocationLineHash``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from inspector.escaping import printable
from inspector.facts import Confidence, Level, Report
from inspector.reports.catalogue import HOME, RuleText, rule_text, rule_texts
from inspector.reports.encoding import encode
from inspector.reports.findings import INCOMPLETE, Finding, findings_of

_MAX_RESULTS = 25_000
_MAX_TEXT = 8_000
_SHOWN = 8
_LEVELS: dict[Level, str] = {"crash": "error", "wrong": "warning", "unknown": "warning", "latent": "note"}
_PRECISION: dict[Confidence, str] = {"observed": "very-high", "inferred": "medium", "unknown": "low"}
_CERTAINTY: dict[Confidence, int] = {"unknown": 0, "inferred": 1, "observed": 2}


def render_sarif(report: Report, *, directory: str = "") -> bytes:
    """Return the report as one SARIF run: a result for each finding, and a notification for each problem.

    Whole paths below ``directory`` are shown relative to it.
    """
    found = findings_of(report, directory=directory)
    kept = found[:_MAX_RESULTS]
    known = rule_texts()
    texts = dict(known)
    for finding in kept:
        text = rule_text(known, finding.rule)
        texts.setdefault(text.id, text)
    # SARIF 2.1.0, 3.27.24: absent where there was no baseline; a report that knows nothing had none that matters.
    compared = any(finding.known for finding in found)
    numbers = {identity: number for number, identity in enumerate(texts)}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "inspector",
                        "version": printable(report.tool.version, limit=80) or "0",
                        "informationUri": HOME,
                        "rules": [_rule(text, kept) for text in texts.values()],
                    }
                },
                "automationDetails": {"id": "inspector/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(report, len(found) - len(kept))],
                "results": [_result(finding, numbers, compared=compared) for finding in kept],
            }
        ],
    }
    return encode(document)


def _rule(text: RuleText, found: Sequence[Finding]) -> dict[str, Any]:
    confidences = [finding.confidence for finding in found if finding.rule == text.id and finding.rule != INCOMPLETE]
    least: Confidence = min(confidences, key=lambda each: _CERTAINTY[each], default="observed")
    return {
        "id": text.id,
        "name": "".join(word.capitalize() for word in text.id.split("-")),
        "shortDescription": {"text": text.title},
        "fullDescription": {"text": text.summary[:1000]},
        "helpUri": text.uri,
        "help": {"text": text.text, "markdown": text.markdown},
        "defaultConfiguration": {"level": _LEVELS.get(text.levels[0], "note") if text.levels else "warning"},
        "properties": {
            "precision": _PRECISION[least],
            "security-severity": text.gravity,
            "tags": ["security", "reliability", "containers"],
        },
    }


def _result(finding: Finding, numbers: dict[str, int], *, compared: bool) -> dict[str, Any]:
    identity = finding.rule if finding.rule in numbers else printable(finding.rule, limit=200) or "unnamed"
    result: dict[str, Any] = {
        "ruleId": identity,
        "ruleIndex": numbers[identity],
        "level": _LEVELS[finding.level],
        "message": {"text": _message(finding)},
        "locations": [_location(finding)],
        "partialFingerprints": {
            "primaryLocationLineHash": finding.fingerprint,
            "inspector/v1": finding.fingerprint,
        },
        "properties": {
            "level": finding.level,
            "confidence": finding.confidence,
            "image": printable(finding.target.reference),
            "digest": printable(finding.target.digest or ""),
            "environments": [f"{printable(name)}: {level}" for name, level in finding.environments[:1000]],
        },
    }
    if finding.waived is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.waived}]
    if compared:
        result["baselineState"] = "unchanged" if finding.known else "new"
    return result


def _location(finding: Finding) -> dict[str, Any]:
    line = finding.place.line
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(finding.place.path, safe="/")},
            "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2},
        }
    }
    if finding.verdict is not None and finding.verdict.path:
        name = printable(finding.verdict.path)
        location["logicalLocations"] = [
            {"fullyQualifiedName": f"{printable(finding.target.reference)}:{name}", "name": name, "kind": "module"}
        ]
    return location


def _message(finding: Finding) -> str:
    return "\n".join(message_lines(finding))[:_MAX_TEXT]


def message_lines(finding: Finding) -> Iterator[str]:
    """Yield a finding in words: what happens, of which image, why, and what helps."""
    yield finding.title + "."
    if finding.rule != INCOMPLETE:
        digest = f" ({printable(finding.target.digest)})" if finding.target.digest else ""
        yield f"Image: {printable(finding.target.reference)}{digest}."
    verdict = finding.verdict
    if verdict is None:
        return
    for reason in verdict.reasons[:_SHOWN]:
        where = f" ({printable(reason.where, limit=120)})" if reason.where else ""
        yield f"Because: {printable(reason.text)}{where}."
    if verdict.level == "latent":
        for flip in verdict.flips[:_SHOWN]:
            yield f"It would crash after: {printable(flip.change)}."
    for remedy in verdict.remedies[:_SHOWN]:
        yield f"Fix: {printable(remedy.text)}."


def _invocation(report: Report, left_out: int) -> dict[str, Any]:
    notes: list[dict[str, Any]] = [
        {
            "level": "error" if target.status == "failed" else "warning",
            "message": {"text": f"{printable(target.reference)}: {printable(problem.message)}"},
        }
        for target in report.targets
        for problem in target.problems
    ][:_MAX_RESULTS]
    if left_out:
        notes.append({"level": "warning", "message": {"text": f"{left_out} results are left out: the JSON has them"}})
    return {
        "executionSuccessful": all(target.status == "analysed" for target in report.targets),
        "toolExecutionNotifications": notes,
    }
