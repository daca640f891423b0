"""Text from images, registries and files, made fit to print.

Everything that comes from outside may hold terminal control sequences or bidirectional overrides; whatever prints
it passes it through here first.
"""

from __future__ import annotations

import unicodedata

_HARMLESS = frozenset({" "})


def printable(text: str, *, limit: int = 500) -> str:
    r"""Return ``text`` on one line with control, format and surrogate characters as ``\xNN`` or ``\uNNNN``.

    Characters of the Unicode categories C* and Z* (other than a plain blank) are escaped, which covers ESC, newlines
    and bidirectional overrides. Text longer than ``limit`` characters is cut, with an ellipsis in its place.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if is_harmless(c) else _escape(c) for c in cut)


def is_harmless(character: str) -> bool:
    """Whether a character may be printed as it is."""
    return character in _HARMLESS or unicodedata.category(character)[0] not in "CZ"


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
