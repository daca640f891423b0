"""How facts lie in a row: JSON, compressed, and read back within bounds; and texts that both databases take."""

from __future__ import annotations

import hashlib
import zlib
from typing import TypeVar

from inspector.store.grouping import digest_of

_MAX_PLAIN = 256 * 1024 * 1024
"""Bytes that stored facts may have when inflated: the file is ours, but anybody may have damaged it."""
_MAX_KEY = 600
"""Bytes of a text in a key: with three of them and a digest a row of an index stays below PostgreSQL's 2,704 bytes."""
_Value = TypeVar("_Value")


class Damaged(Exception):
    """A stored row that is not what it must be."""


def packed(value: object) -> bytes:
    """Return facts as they are stored: read again they are told in the very same words."""
    import msgspec

    return zlib.compress(msgspec.json.encode(value), 1)


def inflated(content: object) -> bytes:
    """Return the bytes that ``packed`` compressed.

    Raises:
        Damaged: if they are not to be had, or more than a bound allows.
    """
    if not isinstance(content, bytes | memoryview):
        raise Damaged("it is no bytes")
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(content, _MAX_PLAIN)
    except zlib.error as error:
        raise Damaged(str(error)) from None
    if not inflater.eof:
        raise Damaged("it is cut off" if len(plain) < _MAX_PLAIN else f"it is larger than {_MAX_PLAIN} bytes")
    return plain


def named(content: object, digest: str) -> bytes:
    """Return the bytes of a build or a base, which are kept under their own digest.

    Raises:
        Damaged: if they are not what it says.
    """
    plain = inflated(content)
    if digest_of(plain) != digest:
        raise Damaged("it is not what its digest says")
    return plain


def decoded(plain: bytes, kind: type[_Value]) -> _Value:
    """Return facts.

    Raises:
        Damaged: if they are not of that kind.
    """
    import msgspec

    try:
        return msgspec.json.decode(plain, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(str(error)) from None


def has_digest(content: object, digest: str) -> bool:
    """Whether bytes are what a digest says."""
    algorithm, _, wanted = digest.partition(":")
    if not isinstance(content, bytes | memoryview) or algorithm not in {"sha256", "sha512"}:
        return False
    return hashlib.new(algorithm, content).hexdigest() == wanted


def clean(text: str) -> str:
    """Return a text that both databases take as a column and as a key.

    PostgreSQL has no NUL in a text, and none longer than a third of a page in an index; an image may have paths of any
    length. What is longer is cut, and ends in a digest of the whole, so that different texts stay different.
    """
    text = text.replace("\0", "\ufffd")
    content = text.encode("utf-8", "replace")
    if len(content) <= _MAX_KEY:
        return text
    return f"{content[: _MAX_KEY - 80].decode('utf-8', 'ignore')}…{hashlib.sha256(content).hexdigest()}"


def encoded(value: object) -> bytes:
    """Return what is kept under the digest of its own bytes: equal facts must have equal bytes."""
    import msgspec

    return msgspec.json.encode(value, order="deterministic")
