"""Named blobs on this machine: in a directory, or in a tar archive that is indexed once and never unpacked."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from inspector.errors import LimitExceeded, TargetAbsent, TargetDamaged
from inspector.escaping import printable
from inspector.facts import BlobStream
from inspector.sources.spooling import inflated_pieces, is_compressed
from inspector.temporary import temporary_file

_MAX_MEMBERS = 200_000
_MAX_SPOOLED = 64 * 1024**3
_MAX_HOPS = 8
_PIECE = 1024 * 1024


class Blobs(Protocol):
    """A place with named blobs."""

    @property
    def what(self) -> str:
        """What to call the place in an error."""
        ...

    def size(self, name: str) -> int | None:
        """Return a blob's size in bytes, or None where there is none of the name."""
        ...

    @contextmanager
    def open(self, name: str) -> Iterator[BlobStream]:
        """Open a blob for reading."""
        ...


def read_whole(blobs: Blobs, name: str, most: int) -> bytes | None:
    """Return a small blob's bytes, or None where there is none of the name.

    Raises:
        LimitExceeded: if it is larger than ``most``.
    """
    size = blobs.size(name)
    if size is None:
        return None
    if size > most:
        raise LimitExceeded(f"{blobs.what}: {printable(name)} has {size} bytes, more than {most}")
    parts = []
    with blobs.open(name) as stream:
        while piece := stream.read(_PIECE):
            parts.append(piece)
    return b"".join(parts)


class DirectoryBlobs:
    """Blobs as files of a directory; links are not followed out of it."""

    def __init__(self, root: Path, what: str) -> None:
        self._root = root
        self.what = what

    def size(self, name: str) -> int | None:
        """Return the size of a regular file below the directory."""
        try:
            status = os.lstat(self._root / name)
        except (OSError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    @contextmanager
    def open(self, name: str) -> Iterator[BlobStream]:
        """Open a regular file below the directory."""
        try:
            descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise TargetDamaged(f"{self.what}: {printable(name)} cannot be read: {error.strerror}") from None
        with io.FileIO(descriptor, closefd=True) as file:
            yield _checked(file, self.what)


class ArchiveBlobs:
    """Blobs as members of a tar archive that can be read at any offset."""

    def __init__(self, file: IO[bytes], what: str) -> None:
        self._file = file
        self.what = what
        self._length = os.fstat(file.fileno()).st_size
        self._members: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            self._index()
        except BaseException:
            file.close()
            raise

    def __del__(self) -> None:
        """Close the file: the layers that a source hands out hold this object, and are the last to need it."""
        self._file.close()

    def _index(self) -> None:
        if not self._length:
            raise TargetDamaged(f"{self.what} is empty")
        self._file.seek(0)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                for number, member in enumerate(archive):
                    if number >= _MAX_MEMBERS:
                        raise LimitExceeded(f"{self.what} has more than {_MAX_MEMBERS} members")
                    self._add(member)
        except (tarfile.TarError, ValueError, EOFError, OverflowError, RecursionError):
            raise TargetDamaged(f"{self.what} is not an image archive, or damaged") from None

    def _add(self, member: tarfile.TarInfo) -> None:
        name = posixpath.normpath(member.name)
        if member.isreg():
            if member.offset_data + member.size > self._length:
                raise TargetDamaged(f"{self.what} is truncated: {printable(name)} ends after the file does")
            self._members[name] = (member.offset_data, member.size)
        elif member.issym():
            self._links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        elif member.islnk():
            self._links[name] = posixpath.normpath(member.linkname)

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> tuple[int, int] | None:
        for _ in range(_MAX_HOPS):
            if name in self._members or name not in self._links:
                break
            name = self._links[name]
        return self._members.get(name)

    def size(self, name: str) -> int | None:
        """Return the size of a member."""
        found = self._find(posixpath.normpath(name))
        return None if found is None else found[1]

    @contextmanager
    def open(self, name: str) -> Iterator[BlobStream]:
        """Open a member; several can be open at once."""
        found = self._find(posixpath.normpath(name))
        if found is None:
            raise TargetDamaged(f"{self.what} lacks {printable(name)}")
        yield _Extent(self._file.fileno(), *found)


class _Extent:
    """A part of a file, read by position, so that readers do not disturb each other."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor, self._offset, self._left = descriptor, offset, size

    def read(self, size: int, /) -> bytes:
        piece = os.pread(self._descriptor, min(size, self._left), self._offset)
        self._offset += len(piece)
        self._left -= len(piece)
        return piece


class _Checked:
    def __init__(self, file: io.FileIO, what: str) -> None:
        self._file, self._what = file, what

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size) or b""
        except OSError as error:
            raise TargetDamaged(f"{self._what} cannot be read: {error.strerror}") from None


def _checked(file: io.FileIO, what: str) -> BlobStream:
    return _Checked(file, what)


def open_archive(path: Path | None, what: str) -> ArchiveBlobs:
    """Open an archive: a plain tar in place, a compressed one or standard input by way of an unnamed temporary file.

    Args:
        path: the archive; None: standard input.
        what: what to call it in an error.

    Raises:
        TargetAbsent: if it cannot be opened, or is neither a regular file nor a pipe.
        TargetDamaged: if it is no archive.
    """
    if path is None:
        import sys

        return ArchiveBlobs(_spool(sys.stdin.buffer, what), what)
    try:
        if path.is_dir():
            raise TargetAbsent(f"{what} is a directory", advice="use oci-dir: or dir:")
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
            # A device may be endless, and opening one may do something.
            raise TargetAbsent(f"{what} is neither a regular file nor a pipe")
        file = path.open("rb")
    except OSError as error:
        raise TargetAbsent(f"{what} cannot be opened: {error.strerror}") from None
    if stat.S_ISREG(status.st_mode) and not is_compressed(_peek(file)):
        return ArchiveBlobs(file, what)
    with file:
        return ArchiveBlobs(_spool(file, what), what)


def open_archive_stream(stream: BlobStream, what: str) -> ArchiveBlobs:
    """Open an archive that comes as a stream, by way of an unnamed temporary file.

    Raises:
        TargetDamaged: if it is no archive.
    """
    return ArchiveBlobs(_spool(stream, what), what)


def _peek(file: IO[bytes]) -> bytes:
    head = file.read(4)
    file.seek(0)
    return head


class _Headed:
    """A stream whose first bytes were looked at."""

    def __init__(self, source: BlobStream) -> None:
        self._source = source
        self.head = b""
        while len(self.head) < tarfile.BLOCKSIZE and (piece := source.read(tarfile.BLOCKSIZE - len(self.head))):
            self.head += piece

    def read(self, size: int, /) -> bytes:
        if not self.head:
            return self._source.read(size)
        piece, self.head = self.head[:size], self.head[size:]
        return piece


def _is_tar(head: bytes) -> bool:
    """Whether a first block is a member's header by its checksum (POSIX pax, "ustar Interchange Format")."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _spool(source: BlobStream, what: str) -> IO[bytes]:
    """Copy a stream to an unnamed temporary file, inflated; one that does not begin as an archive is not copied."""
    headed = _Headed(source)
    if headed.head and not is_compressed(headed.head) and not _is_tar(headed.head):
        raise TargetDamaged(f"{what} is not an image archive: it begins neither as a tar nor as gzip or zstd")
    spooled = temporary_file()
    total = 0
    try:
        for piece in inflated_pieces(headed, what):
            total += len(piece)
            _check_total(total, what)
            spooled.write(piece)
        spooled.flush()
    except BaseException:
        spooled.close()
        raise
    return spooled


def _check_total(total: int, what: str) -> None:
    if total > _MAX_SPOOLED:
        raise LimitExceeded(f"{what} has more than {_MAX_SPOOLED} bytes")
