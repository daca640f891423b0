"""What the caller says of how to reach an image."""

from __future__ import annotations

from pathlib import Path

from inspector.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How to reach an image, and which part of it is wanted."""

    platform: str | None = None
    """``os/arch[/variant]``; None: linux/amd64 of an index, whatever there is of a single image."""
    all_platforms: bool = False
    source: str | None = None
    """Read a plain name from here only: ``docker``, ``podman``, ``registry``."""
    offline: bool = False
    insecure: bool = False
    """Plain HTTP is allowed to any registry."""
    ca_cert: Path | None = None
    layers: bool = False
    """From an engine, layer by layer."""
    paths: tuple[str, ...] = ()
    """Only these paths are wanted; an engine can give them cheaper than everything."""
    names_only: bool = False
    """A plain word is an image's name, never a path: it comes from a manifest."""
    timeout: float = 60.0
    """Seconds without an answer."""
    shared_images: frozenset[str] = frozenset()
    """IDs of an engine's images that several of the containers to be read have: each is read once, and of each
    container what it changed."""
