"""A root filesystem in a directory, and a single file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from inspector.errors import TargetAbsent
from inspector.escaping import printable
from inspector.facts import BlobStream, Image, Member
from inspector.records import dataclass
from inspector.sources.images import OFFERING, SourcedImage

_MAX_DEPTH = 128
_ELSEWHERE = frozenset({"/proc", "/sys", "/dev", "/run"})
"""Not of the root filesystem itself where this machine's ``/`` is scanned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTree:
    """A layer that lists its members: files of this machine."""

    root: Path
    single: bool = False
    wanted: tuple[str, ...] = ()
    """Absolute paths below which files are to be read; empty: everywhere. The others are listed only."""
    digest: str | None = None
    diff_id: str | None = None
    media_type: str = ""
    size: int | None = None
    shared: str | None = None

    def open(self) -> AbstractContextManager[BlobStream]:
        """Not a stream: a reader asks for ``members()``."""
        raise NotImplementedError("a file tree lists members")

    def members(self) -> Iterator[Member]:
        """Yield every entry, parents before children; links are told, not followed, other devices not entered."""
        if self.single:
            path = os.fspath(self.root.absolute())
            yield Member(path=os.path.normpath(path), kind="file", size=self.root.stat().st_size, host_path=path)
            return
        top = os.fspath(self.root)
        device = self.root.stat().st_dev
        pending = [(top, "", 0)]
        while pending:
            directory, inside, depth = pending.pop()
            try:
                entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
            except OSError:
                yield Member(path=inside or "/", kind="directory")
                continue
            for entry in entries:
                path = f"{inside}/{entry.name.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')}"
                member = _member(entry, path)
                if member is None:
                    continue
                yield member if member.kind != "file" or self._is_wanted(path) else replace(member, kind="other")
                if member.kind == "directory" and depth < _MAX_DEPTH and self._enters(entry, path, device):
                    pending.append((entry.path, path, depth + 1))

    def _is_wanted(self, path: str) -> bool:
        return not self.wanted or any(f"{path}/".startswith(f"{known.rstrip('/')}/") for known in self.wanted)

    def _enters(self, entry: os.DirEntry[str], path: str, device: int) -> bool:
        if path in _ELSEWHERE and os.fspath(self.root) == "/":
            return False
        try:
            return entry.stat(follow_symlinks=False).st_dev == device
        except OSError:
            return False


def _member(entry: os.DirEntry[str], path: str) -> Member | None:
    try:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            target = (
                os.fspath(Path(entry.path).readlink()).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            )
            return Member(path=path, kind="link", target=target)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return Member(path=path, kind="directory")
    if stat.S_ISREG(status.st_mode):
        return Member(path=path, kind="file", size=status.st_size, host_path=entry.path)
    return Member(path=path, kind="other")


def directory_image(path: Path, reference: str, paths: tuple[str, ...] = ()) -> Image:
    """Return the image of a root filesystem; of ``paths`` alone, and what a loader would find, where they are given.

    Raises:
        TargetAbsent: if there is no such directory, or it may not be read: an empty one is another thing.
    """
    try:
        if not path.is_dir():
            raise TargetAbsent(f"{printable(str(path))} is not a directory")
        with os.scandir(path) as entries:
            is_empty = next(entries, None) is None
    except OSError as error:
        raise TargetAbsent(f"{printable(str(path))} cannot be read: {error.strerror}") from None
    if is_empty:
        raise TargetAbsent(f"{printable(str(path))} is an empty directory", advice="name the root of a file system")
    whole = SourcedImage(reference=reference, layers=[FileTree(root=path)])
    if not paths:
        return whole
    wanted = (*("/" + name.strip("/") for name in paths), *OFFERING)
    return replace(whole, layers=[FileTree(root=path, wanted=wanted)], whole=whole)


def file_image(path: Path, reference: str) -> Image:
    """Return the image that stands for one file: no root filesystem is seen.

    Raises:
        TargetAbsent: if there is no such regular file, or it is no ELF file.
    """
    try:
        # Not opened before it is known to be a plain file: opening a pipe would wait for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise TargetAbsent(f"{printable(str(path))} is not a regular file")
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise TargetAbsent(f"{printable(str(path))} cannot be opened: {error.strerror}") from None
    if head != b"\x7fELF":
        raise TargetAbsent(f"{printable(str(path))} is not an ELF file", advice="use dir: for a root filesystem")
    real = path.resolve()
    advice = "'inspector scan dir:ROOT --path PATH' judges it in one"
    return SourcedImage(
        reference=reference,
        layers=[FileTree(root=real, single=True)],
        notes=(f"one file: its root filesystem is not seen; {advice}",),
        has_root=False,
    )
