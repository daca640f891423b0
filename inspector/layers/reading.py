"""A layer's bytes to its facts: one pass, nothing unpacked."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inspector.binaries import MAGIC, Data, cached_paths, examine, library_kind
from inspector.errors import TargetDamaged
from inspector.escaping import printable
from inspector.facts import BinaryFacts, Layer, LayerFacts, LibraryFacts, Member, MemberLayer
from inspector.layers.ahead import read_ahead
from inspector.layers.inflating import Verifier, inflate
from inspector.layers.recording import Recorder, normalise
from inspector.layers.scripts import MOST_OF_FIRST_LINE, describe_script
from inspector.layers.tar import PlainStream, TarMember, walk_tar
from inspector.records import dataclass
from inspector.temporary import temporary_file

if TYPE_CHECKING:
    from inspector.witnesses import Witnesses

TEXT_PATHS = frozenset(
    f"/etc/{name}" for name in ("nsswitch.conf", "mdns.allow", "passwd", "group", "services", "os-release")
)
TEXT_PATHS |= {"/usr/lib/os-release"}
"""The files whose text is kept."""
CACHE_PATH = "/etc/ld.so.cache"
"""The file of which the paths of NSS modules and libc are kept, one a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a layer may cost."""

    inflated: int = 64 * 1024**3
    """Most plain bytes of one layer."""
    members: int = 2_000_000
    in_memory: int = 80 * 1024**2
    """A larger ELF file is analysed in an unnamed temporary file."""
    binary: int = 4 * 1024**3
    """A larger ELF file is not analysed, and told."""
    text: int = 1024**2
    script: int = 256 * 1024
    cache: int = 4 * 1024**2
    """A larger ld.so.cache is taken for none that a loader reads."""


def read_layer(
    layer: Layer,
    *,
    limits: Limits | None = None,
    hash_binaries: bool = False,
    witnesses: Witnesses | None = None,
    progress: Callable[[int], object] | None = None,
    verified: Callable[[str], object] | None = None,
) -> LayerFacts:
    """Read a layer once and return its facts.

    The stored bytes are held against ``layer.digest``; where there is none, the plain bytes against ``layer.diff_id``
    (OCI image-spec, config.md, "Layer DiffID").

    Args:
        layer: where the bytes come from.
        limits: what it may cost.
        hash_binaries: whether to give the sha256 of every executable.
        witnesses: who else is to read every executable.
        progress: is told how many stored bytes were read so far.
        verified: is told the diff ID where the layer has a digest too and the bytes have both; that costs a second
            hash, in another thread.

    Raises:
        TargetDamaged: if the layer is cut, corrupt, too large, or not what its digest says.
    """
    bounds = limits or Limits()
    reader = _Reader(bounds, hash_binaries=hash_binaries, witnesses=witnesses)
    if isinstance(layer, MemberLayer):
        return reader.read_members(layer.members())
    name = f"layer {layer.digest or layer.diff_id or 'of the file system'}"
    stored = Verifier(layer.digest, "layer") if layer.digest else None
    is_asked = stored is None or (verified is not None and layer.diff_id != layer.digest)
    plain = Verifier(layer.diff_id, "layer's diff ID") if is_asked and layer.diff_id else None
    done = 0

    def watch(data: bytes) -> None:
        nonlocal done
        if stored:
            stored.update(data)
        done += len(data)
        if progress:
            progress(done)

    with layer.open() as stream:
        pieces = _hashed(inflate(stream, watch, bounds.inflated, name), plain)
        with closing(read_ahead(pieces)) as ready:
            facts = reader.read_tar(PlainStream(ready, name))
    if stored:
        stored.check()
    if plain and not stored:
        plain.check()
    elif plain and verified and layer.diff_id and plain.holds():
        # What only the config claims is no name for these bytes: the digest, which the manifest gives, is.
        verified(layer.diff_id)
    return facts


def _hashed(pieces: Iterator[bytes], verifier: Verifier | None) -> Iterator[bytes]:
    if verifier is None:
        yield from pieces
        return
    for piece in pieces:
        verifier.update(piece)
        yield piece


class _Reader:
    """Looks at each member and records what matters."""

    def __init__(self, limits: Limits, *, hash_binaries: bool, witnesses: Witnesses | None) -> None:
        self._limits = limits
        self._hash = hash_binaries
        self._witnesses = witnesses
        self._record = Recorder()
        self._buffer = bytearray()

    def read_tar(self, stream: PlainStream) -> LayerFacts:
        for member in walk_tar(stream, self._limits.members):
            path = normalise(member.name)
            if path is None:
                self._record.problem(f"member '{printable(member.name, limit=120)}' has a path that leads outside")
                continue
            if member.kind == "file":
                if self._record.add_file(path):
                    self._look(path, member.size, _TarContent(member))
            elif member.kind == "hardlink":
                self._record.add_hardlink(path, member.target)
            elif member.kind == "link":
                self._record.add_link(path, member.target)
            elif member.kind == "directory":
                self._record.add_directory(path)
            else:
                self._record.add_file(path)
        stream.drain()
        return self._record.facts()

    def read_members(self, members: Iterator[Member]) -> LayerFacts:
        for number, member in enumerate(members):
            if number >= self._limits.members:
                self._record.problem(f"more than {self._limits.members} files; the rest was not read")
                break
            if member.kind == "directory":
                self._record.add_directory(member.path)
            elif member.kind == "link":
                self._record.add_link(member.path, member.target)
            else:
                self._record.add_file(member.path, whiteouts=False)
                if member.kind == "file":
                    self._look_on_disk(member)
        return self._record.facts()

    def _look_on_disk(self, member: Member) -> None:
        try:
            # O_NONBLOCK: what was a file when listed may be a pipe now, and opening must not wait.
            descriptor = os.open(member.host_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._unread(member.path, f"cannot be read: {error.strerror}")
            return
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self._look(member.path, status.st_size, _DiskContent(descriptor, status.st_mode))
        except OSError as error:
            self._unread(member.path, f"cannot be read: {error.strerror}")
        finally:
            os.close(descriptor)

    def _look(self, path: str, size: int, content: _TarContent | _DiskContent) -> None:
        if path in TEXT_PATHS:
            if size <= self._limits.text:
                self._record.add_text(path, content.whole(size, self._buffer).decode("utf-8", "replace"))
            else:
                self._unread(path, f"has {size} bytes and was not read")
            return
        if path == CACHE_PATH and size <= self._limits.cache:
            paths = cached_paths(bytes(content.whole(size, self._buffer)))
            self._record.add_text(path, "".join(f"{each}\n" for each in paths if library_kind(each)))
            return
        if size < len(MAGIC):
            return
        head = content.head(len(MAGIC))
        if head == MAGIC:
            if self._examine(path, size, content) and not content.may_execute:
                self._record.add_unexecutable(path)
        elif head.startswith(b"#!"):
            is_read = size <= self._limits.script
            text = content.whole(size, self._buffer) if is_read else content.head(MOST_OF_FIRST_LINE)
            script = describe_script(path, text.decode("utf-8", "replace"), unread=None if is_read else size)
            if script is not None:
                self._record.add_script(script)
                if not content.may_execute:
                    self._record.add_unexecutable(path)

    def _unread(self, path: str, why: str) -> None:
        self._record.problem(f"{printable(path)} {why}")
        self._record.add_other(path, "unread")

    def _examine(self, path: str, size: int, content: _TarContent | _DiskContent) -> bool:
        """Look at an ELF file; return whether it is a program."""
        if size > self._limits.binary:
            self._unread(path, f"has {size} bytes and was not analysed")
            return False
        if size <= self._limits.in_memory:
            return self._keep(path, content.whole(size, self._buffer))
        with temporary_file() as file:
            content.spool(size, file)
            file.flush()
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
                return self._keep(path, data)

    def _keep(self, path: str, data: Data) -> bool:
        facts = examine(data, path)
        if isinstance(facts, BinaryFacts):
            if self._hash:
                facts = replace(facts, sha256=hashlib.sha256(data).hexdigest())
            if self._witnesses:
                facts = self._witnesses.question(facts, data)
            self._record.add_binary(facts)
            return True
        if isinstance(facts, LibraryFacts):
            self._record.add_library(facts)
        else:
            self._record.add_other(path, "elf")
        return False


class _TarContent:
    """The content of a tar member, sparse ones expanded."""

    def __init__(self, member: TarMember) -> None:
        self._member = member

    @property
    def may_execute(self) -> bool:
        """Whether anybody may execute it."""
        return self._member.may_execute

    def head(self, size: int) -> bytes:
        """Return the first bytes, which stay there; none where a sparse file begins with a hole."""
        if self._member.sparse is not None:
            first = next(iter(self._member.sparse), None)
            if first is None or first[0] != 0 or first[1] < size:
                return b""
        return self._member.peek(size)

    def whole(self, size: int, buffer: bytearray) -> bytes | bytearray:
        """Return the content; a large one may be in ``buffer``, which serves one file after the other."""
        if self._member.sparse is None:
            return self._member.read(buffer)
        data = bytearray(size)
        view = memoryview(data)
        for offset, length in self._extents(size):
            self._member.read_into(view[offset : offset + length])
        return data

    def spool(self, size: int, file: Any) -> None:
        file.truncate(size)
        piece = memoryview(bytearray(1024 * 1024))
        for place, length in self._extents(size):
            file.seek(place)
            for done in range(0, length, len(piece)):
                part = piece[: min(len(piece), length - done)]
                self._member.read_into(part)
                file.write(part)

    def _extents(self, size: int) -> list[tuple[int, int]]:
        extents = self._member.sparse if self._member.sparse is not None else [(0, size)]
        end = 0
        for offset, length in extents:
            if offset < end or offset + length > size:
                raise TargetDamaged(f"{self._member.stream.name}: a sparse map that overlaps or leads outside the file")
            end = offset + length
        return extents


class _DiskContent:
    """The content of a file on this machine."""

    def __init__(self, descriptor: int, mode: int) -> None:
        self._descriptor = descriptor
        self.may_execute = bool(mode & 0o111)

    def head(self, size: int) -> bytes:
        return os.pread(self._descriptor, size, 0)

    def whole(self, size: int, _buffer: bytearray) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        done = 0
        while done < size:
            got = os.preadv(self._descriptor, [view[done : done + 1024**2]], done)
            if not got:
                break
            done += got
        return data

    def spool(self, size: int, file: Any) -> None:
        done = 0
        while done < size and (piece := os.pread(self._descriptor, 1024**2, done)):
            file.write(piece)
            done += len(piece)
        file.truncate(size)
