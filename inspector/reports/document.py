"""The JSON document: encoding, decoding, and its JSON Schema, all from the types in ``inspector.facts``."""

from __future__ import annotations

from typing import Any

import msgspec

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.facts import Report, SchemaId
from inspector.reports.encoding import encode

MAX_DOCUMENT = 512 * 1024 * 1024
"""Bytes of a report that ``decode_report`` will look at."""


def encode_report(report: Report) -> bytes:
    """Return the report as indented UTF-8 JSON with a final newline."""
    return encode(report)


def encode_facts(report: Report) -> bytes:
    """Return the report without ``environments`` and ``summary``: what ``inspector facts`` prints."""
    document = msgspec.to_builtins(report)
    del document["summary"]
    for target in document["targets"]:
        del target["environments"]
    return encode(document)


def decode_report(content: bytes, *, name: str) -> Report:
    """Read a report or a facts document.

    Args:
        content: the document's bytes, from anywhere.
        name: what to call it in an error.

    Raises:
        UsageError: if it is not such a document, with the place in it that is wrong.
    """
    advice = "give a file written by 'inspector facts' or 'inspector scan --format json'"
    if len(content) > MAX_DOCUMENT:
        raise UsageError(f"{name}: larger than {MAX_DOCUMENT} bytes", advice=advice)
    try:
        report = msgspec.json.decode(content, type=Report)
        parts = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not a report: {printable(str(error))}", advice=advice) from None
    absent = [f"`{part}`" for part in ("schema", "targets") if part not in parts]
    if absent:
        # Every field of the types has a default, so any object at all would pass for an empty report.
        raise UsageError(f"{name}: not a report: it has no {' and no '.join(absent)}", advice=advice)
    known = SchemaId()
    if report.schema.name != known.name or report.schema.version.split(".")[0] != known.version.split(".")[0]:
        found = printable(f"{report.schema.name} {report.schema.version}")
        raise UsageError(f"{name}: schema {found} is not {known.name} {known.version}", advice=advice)
    return report


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the report, generated from the types."""
    # Through JSON once, so that defaults are lists as a reader of the file sees them, not tuples.
    generated = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Report)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{SchemaId().name} {SchemaId().version}",
        **generated,
    }
