"""Layers built member by member, as plain data: what the tests of this directory read and overlay."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inspector.facts import LayerFacts
from inspector.layers import Limits, RootFs, merge, read_layer

KINDS = {
    "dir": tarfile.DIRTYPE, "file": tarfile.REGTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE, "char": tarfile.CHRTYPE,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One member of a layer."""

    kind: str
    path: str
    value: str | bytes = ""
    """Content of a file, target of a link."""
    mode: int = 0o755


def file(path: str, content: str | bytes = "") -> Entry:
    return Entry("file", path, content)


def directory(path: str) -> Entry:
    return Entry("dir", path)


def link(path: str, target: str) -> Entry:
    return Entry("link", path, target)


def hard(path: str, target: str) -> Entry:
    return Entry("hard", path, target)


def whiteout(path: str) -> Entry:
    head, _, name = path.rpartition("/")
    return Entry("file", f"{head}/.wh.{name}" if head else f".wh.{name}")


def opaque(path: str) -> Entry:
    return Entry("file", f"{path}/.wh..wh..opq")


def tar(entries: Iterable[Entry], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.type, info.mode = KINDS[entry.kind], entry.mode
            content = entry.value.encode() if isinstance(entry.value, str) else entry.value
            if entry.kind == "file":
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content.decode()
                archive.addfile(info)
    return stream.getvalue()


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Blob:
    """A layer whose stored bytes are given."""

    data: bytes
    digest: str | None = None
    diff_id: str | None = None
    media_type: str = "application/vnd.oci.image.layer.v1.tar"
    size: int | None = None
    most: int = field(default=65536, repr=False)
    """Bytes of one read: streams give what they have."""

    @contextmanager
    def open(self) -> Iterator["_Stream"]:
        yield _Stream(self.data, self.most)


class _Stream:
    def __init__(self, data: bytes, most: int) -> None:
        self._stream, self._most = io.BytesIO(data), most

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._most))


def read(data: bytes, limits: Limits | None = None) -> LayerFacts:
    return read_layer(Blob(data), limits=limits)


def overlay(*layers: Iterable[Entry]) -> RootFs:
    return merge([(read(tar(entries)), None) for entries in layers])


def listing(root: RootFs) -> dict[str, str]:
    """Return what is at each path: ``dir``, ``link TARGET``, ``file LAYER ORIGIN``."""
    found: dict[str, str] = {}
    stack = [("", root.top)]
    while stack:
        path, node = stack.pop()
        for name, below in node.children.items():
            told = {"directory": "dir", "link": f"link {below.target}"}
            found[f"{path}/{name}"] = told.get(below.kind, f"file {below.layer} {below.origin}")
            stack.append((f"{path}/{name}", below))
    return found


def write_layout(
    directory: Path,
    layers: list[bytes],
    settings: dict[str, object] | None = None,
    *,
    os: str = "linux",
    architecture: str = "amd64",
) -> None:
    """Write an OCI layout of one image, tagged ``x``, its layers compressed by gzip."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, object]:
        digest = digest_of(data)
        (blobs / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    config = {
        "architecture": architecture, "os": os, "config": settings or {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        "history": [{"created": "2020-01-01T00:00:00Z"} for _ in layers],
    }  # fmt: skip
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json",
        "config": put(json.dumps(config).encode(), f"{kind}.config.v1+json"),
        "layers": [put(gzip.compress(layer, 1, mtime=0), f"{kind}.layer.v1.tar+gzip") for layer in layers],
    }  # fmt: skip
    entry = put(json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "x"}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
