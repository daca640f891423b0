"""The fleet's JSON document: encoding, decoding and its JSON Schema, from the types in ``inspector.fleet.report``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.fleet.report import FLEET_SCHEMA, FleetReport
from inspector.reports.encoding import harmless

MAX_DOCUMENT = 2 * 1024 * 1024 * 1024
"""Bytes of a report that ``decode_fleet`` will look at."""


def encode_fleet(report: FleetReport) -> bytes:
    """Return the report as UTF-8 JSON with a final newline, an image a line: large, and still fit for diff and grep."""
    lists = {name: getattr(report, name) for name in ("builds", "findings", "images")}
    document = msgspec.to_builtins(replace(report, builds=(), findings=(), images=()))
    for name in lists:
        del document[name]
    head = msgspec.json.format(msgspec.json.encode(document), indent=2).removesuffix(b"\n}")
    encode = msgspec.json.Encoder().encode
    parts = [head]
    for name, entries in lists.items():
        lines = b",\n    ".join(encode(entry) for entry in entries)
        parts.append(b',\n  "' + name.encode() + b'": [' + (b"\n    " + lines + b"\n  " if entries else b"") + b"]")
    return harmless(b"".join(parts) + b"\n}\n")


def decode_fleet(content: bytes, *, name: str) -> FleetReport:
    """Read a fleet's report.

    Args:
        content: the document's bytes, from anywhere.
        name: what to call it in an error.

    Raises:
        UsageError: if it is not such a document.
    """
    advice = "give a file written by 'inspector batch --format json'"
    if len(content) > MAX_DOCUMENT:
        raise UsageError(f"{name}: larger than {MAX_DOCUMENT} bytes", advice=advice)
    try:
        report = msgspec.json.decode(content, type=FleetReport)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not a fleet's report: {printable(str(error))}", advice=advice) from None
    found, known = report.schema, FLEET_SCHEMA
    if (
        b'"schema"' not in content
        or found.name != known.name
        or found.version.split(".")[0] != known.version.split(".")[0]
    ):
        shown = printable(f"{found.name} {found.version}")
        raise UsageError(f"{name}: schema {shown} is not {known.name} {known.version}", advice=advice)
    _check_numbers(report, name, advice)
    return report


def _check_numbers(report: FleetReport, name: str, advice: str) -> None:
    """Hold the numbers by which images name what they share against what there is."""
    findings, builds, environments = len(report.findings), len(report.builds), len(report.environments)
    for image in report.images:
        wrong = (
            any(not 0 <= number < findings for cell in image.cells for number in cell.findings)
            or any(not 0 <= binary.build < builds for binary in image.binaries)
            or (image.cells and len(image.cells) != environments)
        )
        if wrong:
            raise UsageError(f"{name}: {printable(image.name)} names what is not in the report", advice=advice)


def fleet_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document, generated from the types."""
    generated = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(FleetReport)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{FLEET_SCHEMA.name} {FLEET_SCHEMA.version}",
        **generated,
    }
