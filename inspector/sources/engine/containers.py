"""A container that is made for its file system, never started, and taken away whatever happens."""

from __future__ import annotations

import base64
import json
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from inspector.errors import LimitExceeded, TargetAbsent, TargetDamaged
from inspector.escaping import printable
from inspector.facts import BlobStream
from inspector.sources.engine.connection import connect
from inspector.sources.engine.interruptions import held
from inspector.sources.images import OFFERING
from inspector.sources.options import SourceOptions

LABEL = "io.github.rollout-inspector.temporary"
"""Marks the containers, should SIGKILL ever leave one: ``docker container prune --filter label=…`` finds them."""
_NEVER_RUN = ("/inspector-never-starts-this",)
_CHUNK = 1024 * 1024
_MAX_HOPS = 40
_MAX_STAT = 64 * 1024
_LINK_BIT, _DIRECTORY_BIT = 1 << 27, 1 << 31
"""Go's fs.ModeSymlink and fs.ModeDir, in which the engine tells modes."""


@contextmanager
def _container(client: Any, identity: str) -> Iterator[str]:
    """Yield the name of a container of the image.

    The name is ours and known before the container is, and signals wait while it is made or removed: neither an
    interrupt nor a lost answer leaves one behind.
    """
    name = f"inspector-{secrets.token_hex(12)}"
    with held() as let_through:
        try:
            client.api.create_container(
                identity, command=list(_NEVER_RUN), entrypoint=list(_NEVER_RUN), labels={LABEL: "1"}, name=name
            )
            with let_through():
                yield name
        finally:
            with suppress(Exception):
                client.api.remove_container(name, force=True, v=True)


@contextmanager
def open_export(engine: str, options: SourceOptions, identity: str) -> Iterator[BlobStream]:
    """Stream the merged file system of an image as a tar."""
    with connect(engine, options) as client, _container(client, identity) as name:
        yield Chunks(iter(client.api.export(name, chunk_size=_CHUNK)))


@contextmanager
def open_paths(engine: str, options: SourceOptions, identity: str) -> Iterator[BlobStream]:
    """Stream a tar of the wanted paths, of the links that lead to them, and of what a loader would find."""
    with connect(engine, options) as client, _container(client, identity) as name:
        yield Chunks(Paths(client, name, engine).pieces((*options.paths, *OFFERING)))


class Chunks:
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, b""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, and ``b""`` only at the end."""
        while not self._left:
            piece = next(self._chunks, None)
            if piece is None:
                return b""
            self._left = piece
        piece, self._left = self._left[:size], self._left[size:]
        return piece


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path really is, and whether anything is there."""

    path: str
    links: dict[str, str]
    is_there: bool


class Paths:
    """Single paths of a container by the archive API, written as one tar under their own names."""

    def __init__(self, client: Any, name: str, what: str) -> None:
        self._client, self._name, self._what = client, name, what
        self._links: dict[str, tuple[str | None, bool]] = {}

    def pieces(self, paths: tuple[str, ...]) -> Iterator[bytes]:
        """Yield a tar of paths with all that is in them, and of the links that lead to them."""
        told: set[str] = set()
        done: list[str] = []
        for path in paths:
            place = self._follow(path)
            for link, target in place.links.items():
                if link not in told:
                    told.add(link)
                    yield header(link, tarfile.SYMTYPE, target)
            if place.is_there and not any(f"{place.path}/".startswith(f"{known}/") for known in done):
                done.append(place.path)
                yield from self._archive(place.path)
        yield b"\0" * 1024

    def entry(self, path: str, *, empty: bool = False) -> Iterator[bytes]:
        """Yield one file, link or directory as a tar has it, of a directory nothing that is in it.

        ``empty``: of a file nothing either.

        Raises:
            TargetAbsent: if nothing is there.
        """
        target, is_directory = self._stat(path)
        if target is not None:
            yield header(path, tarfile.SYMTYPE, target)
        elif is_directory:
            yield header(path, tarfile.DIRTYPE, "")
        elif empty:
            yield header(path, tarfile.REGTYPE, "")
        else:
            yield from self._archive(path)

    def _follow(self, path: str) -> _Place:
        """Resolve a path as the kernel would in the container (path_resolution(7)), noting the links on the way."""
        rest = [part for part in path.split("/") if part not in {"", "."}][::-1]
        here: list[str] = []
        links: dict[str, str] = {}
        hops = 0
        while rest:
            part = rest.pop()
            if part == "..":
                here = here[:-1]
                continue
            full = "/" + "/".join([*here, part])
            try:
                target = self._link_target(full)
            except TargetAbsent:
                return _Place(full, links, is_there=False)
            if target is None:
                here.append(part)
                continue
            hops += 1
            if hops > _MAX_HOPS:
                return _Place(full, links, is_there=False)
            links[full] = target
            if target.startswith("/"):
                here = []
            rest += [word for word in target.split("/") if word not in {"", "."}][::-1]
        return _Place("/" + "/".join(here), links, is_there=bool(here))

    def _link_target(self, path: str) -> str | None:
        """Return where a path links to, or None where it is no link."""
        return self._stat(path)[0]

    def _stat(self, path: str) -> tuple[str | None, bool]:
        """Return where a path links to, and whether it is a directory (Engine API, HEAD /containers/ID/archive).

        Raises:
            TargetAbsent: if nothing is there.
        """
        import docker.errors

        if path not in self._links:
            api = self._client.api
            answer = api.head(
                f"{api.base_url}/v{api._version}/containers/{self._name}/archive",  # noqa: SLF001 - the SDK has no HEAD
                params={"path": path},
                timeout=api.timeout,
            )
            if answer.status_code == 404:
                raise TargetAbsent(f"{self._what}: there is no {printable(path)}")
            if answer.status_code != 200:
                raise docker.errors.APIError(f"{answer.status_code} for {printable(path)}")
            self._links[path] = self._target_of(answer.headers.get("X-Docker-Container-Path-Stat", ""))
        return self._links[path]

    def _target_of(self, told: str) -> tuple[str | None, bool]:
        try:
            found = json.loads(base64.b64decode(told[:_MAX_STAT]))
            mode = int(found["mode"])
            target = str(found["linkTarget"])[:4096] if mode & _LINK_BIT else None
            return target, bool(mode & _DIRECTORY_BIT)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TargetDamaged(f"{self._what}: the engine's answer on a path cannot be read") from None

    def _archive(self, path: str) -> Iterator[bytes]:
        """Yield what the engine archives of a path, each member under its own full name."""
        chunks, _ = self._client.api.get_archive(self._name, path, chunk_size=_CHUNK)
        stream: Any = Chunks(iter(chunks))  # of a file, tarfile asks read() only
        parent = path.rpartition("/")[0].strip("/")
        prefix = f"{parent}/" if parent else ""
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                kept: list[Any] = vars(archive)["members"]
                while (member := archive.next()) is not None:
                    yield from _renamed(archive, member, prefix)
                    kept.clear()  # or every header of a large tree would stay
        except (tarfile.TarError, EOFError, ValueError, OverflowError):
            raise TargetDamaged(f"{self._what}: the engine's archive of {printable(path)} cannot be read") from None


def _renamed(archive: tarfile.TarFile, member: tarfile.TarInfo, prefix: str) -> Iterator[bytes]:
    if len(member.name) > 4096 or len(member.linkname) > 4096:
        raise LimitExceeded("the engine's archive has a name of more than 4096 characters")
    kind = {tarfile.DIRTYPE: member.type, tarfile.SYMTYPE: member.type, tarfile.LNKTYPE: member.type}
    content = archive.extractfile(member) if member.isreg() else None
    linkname = prefix + member.linkname if member.islnk() else member.linkname
    yield header(
        prefix + member.name,
        kind.get(member.type, tarfile.REGTYPE if member.isreg() else tarfile.FIFOTYPE),
        linkname,
        size=member.size if content is not None else 0,
    )
    if content is not None:
        left = member.size
        while left:
            piece = content.read(min(left, _CHUNK))
            if not piece:
                raise tarfile.ReadError("truncated")
            left -= len(piece)
            yield piece
        yield b"\0" * (-member.size % 512)


def header(name: str, kind: bytes, target: str, *, size: int = 0) -> bytes:
    """Return a tar's header for one entry."""
    info = tarfile.TarInfo(name.lstrip("/"))
    info.type, info.linkname, info.size = kind, target, size
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
