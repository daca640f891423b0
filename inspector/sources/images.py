"""Images as plain data: what every source here hands out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import field

from inspector.facts import BlobStream, Image, ImageConfig, Layer
from inspector.records import dataclass

OFFERING = ("/etc", "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")
"""Beside a wanted path: what tells libc, loaders, NSS modules and the files that decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLayer:
    """A layer that some place can open."""

    digest: str | None
    diff_id: str | None
    media_type: str
    size: int | None
    opener: Callable[[], AbstractContextManager[BlobStream]]
    shared: str | None = None
    """What names the same bytes for the length of one run, where several images have them: an engine's image's ID."""

    def open(self) -> AbstractContextManager[BlobStream]:
        """Open the blob as stored."""
        return self.opener()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedImage:
    """One image for one platform."""

    reference: str
    digest: str | None = None
    claimed: bool = False
    platform: str | None = None
    config: ImageConfig = field(default_factory=ImageConfig)
    layers: Sequence[Layer] = ()
    notes: Sequence[str] = ()
    has_root: bool = True
    created: str | None = None
    """When it was made, as its config says (RFC 3339)."""
    mounts: Sequence[str] = ()
    layered: Image | None = None
    whole: Image | None = None
