"""An in-toto Statement v1 with the verdicts as its predicate (in-toto/attestation, spec/v1/statement.md)."""

from __future__ import annotations

from typing import Any

import msgspec

from inspector.errors import UsageError
from inspector.facts import Report, Target
from inspector.reports.catalogue import HOME
from inspector.reports.encoding import encode
from inspector.reports.findings import repository_of

PREDICATE_TYPE = f"{HOME}verdicts/v1"
"""``v1`` is the major version of the report's schema: the predicate is the report."""

_ALGORITHMS = ("sha256", "sha512")


def render_intoto(report: Report) -> bytes:
    """Return a statement whose subjects are the report's images by digest, and whose predicate is the report.

    A target that could not be analysed is no subject: nothing is attested of it.

    Raises:
        UsageError: if no target has both a digest and facts; a statement without a subject attests nothing.
    """
    targets = [target for target in report.targets if target.status != "failed" and _digest(target)]
    if not targets:
        raise UsageError(
            "an in-toto statement needs an image with a digest, and this report has none",
            advice="scan an image from a registry, an engine or an archive",
        )
    subjects: dict[tuple[str, str], dict[str, Any]] = {}
    for target in targets:
        algorithm, value = _digest(target) or ("", "")
        name = repository_of(target)
        subjects.setdefault((name, value), {"name": name, "digest": {algorithm: value}})
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": list(subjects.values()),
        "predicateType": PREDICATE_TYPE,
        "predicate": {**msgspec.to_builtins(report), "targets": msgspec.to_builtins(targets)},
    }
    return encode(document)


def _digest(target: Target) -> tuple[str, str] | None:
    algorithm, colon, value = (target.digest or "").partition(":")
    fits = colon and algorithm in _ALGORITHMS and value and not set(value) - set("0123456789abcdef")
    return (algorithm, value) if fits else None
