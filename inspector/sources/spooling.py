"""Outer compression of an archive (``image.tar.gz``, ``image.tar.zst``), taken off as a stream."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from inspector.errors import TargetDamaged
from inspector.facts import BlobStream

_PIECE = 1024 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def is_compressed(head: bytes) -> bool:
    """Whether a file's first bytes are those of gzip or zstd."""
    return head.startswith(_GZIP) or _is_zstd(head)


def _is_zstd(head: bytes) -> bool:
    """Whether a zstd frame begins, be it one to skip (RFC 8878, 3.1.2), which may stand before, between and after."""
    return head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50)


def inflated_pieces(source: BlobStream, what: str) -> Iterator[bytes]:
    """Yield a stream's bytes, inflated where it is compressed; gzip members and zstd frames may follow each other.

    Raises:
        TargetDamaged: if the compressed content is cut or corrupt.
    """
    data = source.read(_PIECE)
    if not is_compressed(data):
        while data:
            yield data
            data = source.read(_PIECE)
        return
    while data:
        while len(data) < len(_ZSTD) and (more := source.read(_PIECE)):
            data += more
        inflater, errors = _inflater(data)
        while not inflater.eof:
            try:
                piece = inflater.decompress(data, _PIECE)
            except errors:
                raise TargetDamaged(f"{what}: corrupt compressed content") from None
            data = getattr(inflater, "unconsumed_tail", b"")
            if piece:
                yield piece
            pending = len(piece) == _PIECE
            if not inflater.eof and not data and not pending and getattr(inflater, "needs_input", True):
                data = source.read(_PIECE)
                if not data:
                    raise TargetDamaged(f"{what}: truncated: its compressed content ends in the middle")
        data = inflater.unused_data.lstrip(b"\0") or source.read(_PIECE)


def _inflater(head: bytes) -> tuple[Any, tuple[type[Exception], ...]]:
    if _is_zstd(head):
        try:
            from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
        except ImportError:
            from backports import zstd
        return zstd.ZstdDecompressor(), (zstd.ZstdError, ValueError, EOFError)
    return zlib.decompressobj(31), (zlib.error,)
