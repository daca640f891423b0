"""A blob's stored bytes to the plain bytes of its tar, as a stream that hashes what passes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from inspector.errors import DigestMismatch, FormatUnsupported, LimitExceeded, TargetDamaged
from inspector.escaping import printable
from inspector.facts import BlobStream

READ_SIZE = 1024 * 1024
PIECE = 1024 * 1024
"""Most bytes that one step of inflating may give: what a small hostile input can make of memory."""
_ZSTD_WINDOW_LOG = 27
"""128 MiB, the largest window that a decoder is recommended to support (RFC 8878, 3.1.1.1.2)."""

_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
_REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}


class _Inflater(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class _Zlib:
    """zlib with the interface of the other decompressors, for machines without isal."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self._tail = b""
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._tail and not self._is_full and not self._inner.eof

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        out = self._inner.decompress(self._tail + data, max_length)
        self._tail = self._inner.unconsumed_tail
        self._is_full = len(out) == max_length
        return out


def _gzip() -> Any:
    try:
        from isal import igzip_lib
    except ImportError:
        return _Zlib()
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        from backports import zstd
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})


def _errors() -> tuple[type[Exception], ...]:
    """Return what the libraries raise for corrupt content; isal and zstd have classes of their own."""
    found: list[type[Exception]] = [zlib.error, ValueError, EOFError, OSError, MemoryError]
    try:
        from isal import igzip_lib

        corrupt: Any = igzip_lib.IsalError
        found.append(corrupt)
    except ImportError:
        pass
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        from backports import zstd
    return (*found, zstd.ZstdError)


class Verifier:
    """Hashes bytes and holds them against the digest that they should have."""

    def __init__(self, digest: str, what: str) -> None:
        algorithm, _, self._wanted = digest.partition(":")
        if algorithm not in {"sha256", "sha512"}:
            raise FormatUnsupported(f"{what}: digest algorithm '{printable(algorithm, limit=40)}' is not supported")
        self._digest, self._what, self._algorithm = digest, what, algorithm
        self._hash = hashlib.new(algorithm)

    def update(self, data: bytes) -> None:
        """Hash some more."""
        self._hash.update(data)

    def holds(self) -> bool:
        """Whether the bytes have the digest."""
        return self._hash.hexdigest() == self._wanted

    def check(self) -> None:
        """Compare.

        Raises:
            DigestMismatch: naming both digests.
        """
        if not self.holds():
            found = f"{self._algorithm}:{self._hash.hexdigest()}"
            raise DigestMismatch(
                f"{self._what} {self._digest} has digest {found}", advice="fetch the image again; it is damaged"
            )


def inflate(stream: BlobStream, watch: Callable[[bytes], object], most: int, name: str) -> Iterator[bytes]:
    """Yield the plain bytes of a blob, in pieces of at most 1 MiB or one read.

    Compression is told from magic bytes: gzip of one or several members (RFC 1952), zstd of one or several frames
    (RFC 8878), or none; a declared media type may be wrong.

    Args:
        stream: the blob as stored.
        watch: is given every stored byte, in order.
        most: most plain bytes that may come out.
        name: what to call the blob in an error.

    Raises:
        TargetDamaged: if the stream is cut or corrupt.
        FormatUnsupported: for other compressions.
        LimitExceeded: if more than ``most`` bytes come out.
    """
    head = _fill(stream, watch, b"", 6)
    for magic, what in _REFUSED.items():
        if head.startswith(magic):
            raise FormatUnsupported(f"{name}: {what} compression is not supported")
    start = _starter(head)
    pieces = _plain(stream, watch, head) if start is None else _inflate(stream, watch, head, name)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most:
            raise LimitExceeded(f"{name}: more than {most} bytes when inflated")
        yield piece


def _starter(head: bytes) -> Callable[[], _Inflater] | None:
    if head.startswith(_GZIP):
        return _gzip
    if head.startswith(_ZSTD) or (len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return _zstd
    return None


def _fill(stream: BlobStream, watch: Callable[[bytes], object], data: bytes, want: int) -> bytes:
    while len(data) < want:
        more = stream.read(READ_SIZE)
        if not more:
            break
        watch(more)
        data += more
    return data


def _plain(stream: BlobStream, watch: Callable[[bytes], object], head: bytes) -> Iterator[bytes]:
    if head:
        yield head
    while more := stream.read(READ_SIZE):
        watch(more)
        yield more


def _inflate(stream: BlobStream, watch: Callable[[bytes], object], data: bytes, name: str) -> Iterator[bytes]:
    while data:
        data = data.lstrip(b"\0")  # padding between and after gzip members
        data = _fill(stream, watch, data, 4)
        if not data.strip(b"\0"):
            continue
        start = _starter(data)
        if start is None:
            raise TargetDamaged(f"{name}: bytes after its compressed content that are none")
        inflater = start()
        yield from _inflate_member(inflater, stream, watch, data, name)
        data = inflater.unused_data or _fill(stream, watch, b"", 1)


def _inflate_member(
    inflater: _Inflater, stream: BlobStream, watch: Callable[[bytes], object], data: bytes, name: str
) -> Iterator[bytes]:
    while True:
        try:
            out = inflater.decompress(data, PIECE)
        except _errors() as error:
            raise TargetDamaged(f"{name}: corrupt compressed content: {printable(str(error), limit=120)}") from None
        if out:
            yield out
        if inflater.eof:
            return
        data = b""
        if inflater.needs_input:
            data = stream.read(READ_SIZE)
            if not data:
                raise TargetDamaged(f"{name}: truncated: its compressed content ends in the middle")
            watch(data)
        elif not out:
            raise TargetDamaged(f"{name}: corrupt compressed content: no progress")
