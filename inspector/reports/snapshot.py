"""A snapshot as a JSON document with its schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.facts import SchemaId, Snapshot, Tool
from inspector.reports.encoding import encode

MAX_SNAPSHOT = 64 * 1024 * 1024
_SCHEMA = SchemaId(name="inspector-snapshot")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDocument:
    """A snapshot, with the version of its form and who wrote it."""

    schema: SchemaId = _SCHEMA
    tool: Tool = field(default_factory=Tool)
    snapshot: Snapshot


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Return the snapshot as indented UTF-8 JSON with a final newline."""
    from inspector import __version__

    document = SnapshotDocument(tool=Tool(version=__version__), snapshot=snapshot)
    return encode(document)


def decode_snapshot(content: bytes, *, name: str) -> Snapshot:
    """Read a snapshot.

    Raises:
        UsageError: if it is none, with the place in it that is wrong.
    """
    advice = "give a file written by 'inspector snapshot'"
    if len(content) > MAX_SNAPSHOT:
        raise UsageError(f"{name}: larger than {MAX_SNAPSHOT} bytes", advice=advice)
    try:
        document = msgspec.json.decode(content, type=SnapshotDocument)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not a snapshot: {printable(str(error))}", advice=advice) from None
    known = _SCHEMA
    if document.schema.name != known.name or document.schema.version.split(".")[0] != known.version.split(".")[0]:
        found = printable(f"{document.schema.name} {document.schema.version}")
        raise UsageError(f"{name}: schema {found} is not {known.name} {known.version}", advice=advice)
    return document.snapshot


def snapshot_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a snapshot, generated from the types."""
    generated = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(SnapshotDocument)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{_SCHEMA.name} {_SCHEMA.version}",
        **generated,
    }
