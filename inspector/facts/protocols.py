"""What sources fulfil: images, their layers, the bytes of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, runtime_checkable

from inspector.facts.image import ImageConfig
from inspector.records import dataclass


class DocumentStore(Protocol):
    """Where a source may keep manifests and configs, which are named by their own digest."""

    def load_document(self, digest: str) -> bytes | None:
        """Return the document whose bytes have this digest, or None."""
        ...

    def save_document(self, digest: str, content: bytes) -> None:
        """Keep a document whose bytes were verified against ``digest``."""
        ...


class BlobStream(Protocol):
    """Bytes of a blob, in order."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, and ``b""`` only at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry of a layer that is no tar stream (a directory on disk, a single file)."""

    path: str
    kind: Literal["file", "directory", "link", "other"]
    size: int = 0
    target: str = ""
    host_path: str = ""
    """For ``file``: what to open, without following a link."""


class Layer(Protocol):
    """One layer of an image, lowest first. ``open()`` gives the blob as stored, compressed or not."""

    @property
    def digest(self) -> str | None:
        """``sha256:…`` of the blob as stored; None where the source has none. The reader verifies it."""
        ...

    @property
    def diff_id(self) -> str | None:
        """``sha256:…`` of the uncompressed tar, as the config claims it; None for a merged file system."""
        ...

    @property
    def media_type(self) -> str:
        """As the manifest says; the reader goes by magic bytes."""
        ...

    @property
    def size(self) -> int | None:
        """Bytes of the blob as stored, where the source says."""
        ...

    @property
    def shared(self) -> str | None:
        """What names the same bytes for the length of one run, where several images have them; None: nothing."""
        ...

    def open(self) -> AbstractContextManager[BlobStream]:
        """Open the blob for one reading from its start."""
        ...


@runtime_checkable
class MemberLayer(Protocol):
    """A layer that lists its members instead of streaming a tar."""

    def members(self) -> Iterator[Member]:
        """Yield every entry, parents before children."""
        ...


class Image(Protocol):
    """One image for one platform."""

    @property
    def reference(self) -> str:
        """The reference in full, with its scheme."""
        ...

    @property
    def digest(self) -> str | None:
        """Digest of the platform's manifest; an engine gives the image's ID (its config's digest); else None."""
        ...

    @property
    def claimed(self) -> bool:
        """Whether the digest is an engine's word, and not that of bytes that were read and name the layers."""
        ...

    @property
    def platform(self) -> str | None:
        """``linux/amd64``, ``linux/arm/v7``…; None where nothing says."""
        ...

    @property
    def config(self) -> ImageConfig:
        """What the image's config says of what runs."""
        ...

    @property
    def layers(self) -> Sequence[Layer]:
        """Lowest first."""
        ...

    @property
    def has_root(self) -> bool:
        """Whether its layers are a root filesystem; a lone file's are none."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What the reader should know of how the image was chosen (``index of 3 platforms, linux/amd64 taken``)."""
        ...

    @property
    def mounts(self) -> Sequence[str]:
        """Places of a container that something lies over which its layers do not have."""
        ...

    @property
    def layered(self) -> Image | None:
        """The same image layer by layer, where that is dearer to read: wanted if every layer's facts are known."""
        ...

    @property
    def whole(self) -> Image | None:
        """The same image in full, where this one holds only what was asked for."""
        ...
