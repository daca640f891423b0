"""JSON as every document of the project has it: indented UTF-8, and harmless on a terminal."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from inspector.escaping import is_harmless

_UNUSUAL = re.compile("[^\n -~]")


def encode(document: Any) -> bytes:
    r"""Return a document as JSON with a final newline.

    What JSON lets stand and a terminal may obey (C1 controls, bidirectional overrides) is written ``\u202e``: the texts
    are the same.
    """
    return harmless(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def harmless(content: bytes) -> bytes:
    """Return JSON with the same texts, in which a terminal finds nothing to obey."""
    return _UNUSUAL.sub(_written, content.decode()).encode()


def _written(found: re.Match[str]) -> str:
    if is_harmless(found[0]):
        return found[0]
    # Beyond the first plane JSON has a character as two halves (RFC 8259, section 7).
    halves = found[0].encode("utf-16-be")
    return "".join(f"\\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))
