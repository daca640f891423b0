"""Images of a container engine: Docker's, or Podman's by the same API, through the docker SDK.

``save`` makes the engine stage the whole image on its disk (moby/moby#39464); the export of a created, never started
container streams the merged file system in about half the time, but no longer says which layer a file came from. So the
export is the default, ``layers`` asks for the save.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from inspector.errors import TargetAbsent, TargetDamaged
from inspector.escaping import printable
from inspector.facts import BlobStream, Image
from inspector.references import Reference
from inspector.sources.blobs import open_archive_stream
from inspector.sources.engine.connection import connect
from inspector.sources.engine.containers import Chunks, open_export, open_paths
from inspector.sources.images import SourcedImage, StoredLayer
from inspector.sources.layouts import docker_images
from inspector.sources.manifests import config_of, parse_platform, platform_text
from inspector.sources.options import SourceOptions


def engine_images(reference: Reference, engine: str, options: SourceOptions) -> list[Image]:
    """Return the engine's image of a name or ID.

    Raises:
        TargetUnreachable: if the engine does not answer.
        TargetAbsent: if it has no such image, or not for the platform.
    """
    asked = _Engine(engine, options)
    return [asked.image(reference)]


@dataclass(frozen=True, slots=True)
class _Engine:
    """One engine; a connection is made for each thing that is asked."""

    name: str
    options: SourceOptions

    def image(self, reference: Reference) -> Image:
        wanted = reference.rest
        with connect(self.name, self.options) as client:
            found = self._inspect(client, wanted)
        facts = _Inspected.of(found)
        if self.options.platform and facts.platform not in {None, str(parse_platform(self.options.platform))}:
            raise TargetAbsent(
                f"{self.name}: {printable(wanted)} is for {facts.platform}, not {self.options.platform}",
                advice="--from registry may have it",
            )
        layered = self._layered(f"{self.name}:{wanted}", facts)
        if self.options.layers:
            return layered
        merged = replace(
            layered,
            layers=[self._merged(open_export, facts.identity)],
            notes=(f"from {self.name}'s engine, as one merged file system",),
            layered=layered,
        )
        if not self.options.paths:
            return merged
        return replace(
            merged,
            layers=[self._merged(open_paths, facts.identity)],
            notes=(f"from {self.name}'s engine, single paths",),
            whole=merged,
        )

    def _inspect(self, client: Any, wanted: str) -> Mapping[str, Any]:
        import docker.errors

        try:
            return dict(client.api.inspect_image(wanted))
        except docker.errors.ImageNotFound:
            raise TargetAbsent(f"{self.name}: the engine has no image '{printable(wanted)}'") from None

    def _merged(self, opener: Callable[..., Any], identity: str) -> StoredLayer:
        return StoredLayer(
            digest=None,
            diff_id=None,
            media_type="application/x-tar",
            size=None,
            opener=partial(opener, self.name, self.options, identity),
        )

    def _layered(self, full: str, facts: _Inspected) -> SourcedImage:
        """Return the image layer by layer, saved when the first of them is opened."""
        saved = _Saved(partial(self._save, facts.identity), full)
        layers = [
            StoredLayer(
                digest=None,
                diff_id=diff_id,
                media_type="application/vnd.docker.image.rootfs.diff.tar",
                size=None,
                opener=partial(saved.open, number),
            )
            for number, diff_id in enumerate(facts.diff_ids)
        ]
        return SourcedImage(
            reference=full,
            digest=facts.identity,
            claimed=True,
            platform=facts.platform,
            config=config_of(facts.config),
            layers=layers,
            notes=(f"from {self.name}'s engine, layer by layer",),
        )

    @contextmanager
    def _save(self, identity: str) -> Iterator[Iterator[bytes]]:
        with connect(self.name, self.options) as client:
            yield client.api.get_image(identity, chunk_size=1024 * 1024)


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What the engine says of an image."""

    identity: str
    platform: str | None
    config: Mapping[str, Any]
    diff_ids: tuple[str, ...]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> _Inspected:
        identity = str(found.get("Id") or "")
        if not identity.startswith("sha256:"):
            identity = f"sha256:{identity}"
        root = found.get("RootFS") or {}
        return cls(
            identity,
            platform_text(found.get("Os"), found.get("Architecture"), found.get("Variant")),
            found.get("Config") or {},
            tuple(str(layer) for layer in root.get("Layers") or ()),
        )


class _Saved:
    """The engine's ``save``, spooled once to an unnamed temporary file when the first layer is wanted."""

    def __init__(self, save: Callable[[], Any], what: str) -> None:
        self._save, self._what = save, what
        self._image: Image | None = None
        self._lock = threading.Lock()

    @contextmanager
    def open(self, number: int) -> Iterator[BlobStream]:
        with self._lock:
            if self._image is None:
                with self._save() as chunks:
                    blobs = open_archive_stream(Chunks(iter(chunks)), self._what)
                self._image = docker_images(blobs, self._what, None, SourceOptions())[0]
        if number >= len(self._image.layers):
            raise TargetDamaged(f"{self._what}: the engine saved {len(self._image.layers)} layers, not what it told")
        with self._image.layers[number].open() as stream:
            yield stream
