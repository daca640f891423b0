"""Images of a container engine: Docker's, or Podman's by the same API, through the docker SDK.

``save`` makes the engine stage the whole image on its disk (moby/moby#39464); the export of a created, never started
container streams the merged file system in about half the time, but no longer says which layer a file came from. So the
export is the default, ``layers`` asks for the save.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from inspector.errors import TargetAbsent, TargetDamaged, TargetUnreachable
from inspector.escaping import printable
from inspector.facts import BlobStream, Image
from inspector.references import Reference
from inspector.sources.blobs import open_archive_stream
from inspector.sources.images import SourcedImage, StoredLayer
from inspector.sources.layouts import docker_images
from inspector.sources.manifests import config_of, parse_platform
from inspector.sources.options import SourceOptions

LABEL = "io.github.rollout-inspector.temporary"
"""Marks the containers that an export needs, should one ever be left behind."""
_DOCKER_SOCKET = "/var/run/docker.sock"
_NEVER_RUN = ("/inspector-never-starts-this",)


def is_reachable(engine: str) -> bool:
    """Whether there is something that looks like the engine's socket or address."""
    address = _address(engine)
    if address is None:
        return False
    if not address.startswith("unix://"):
        return True
    try:
        return stat.S_ISSOCK(os.stat(address.removeprefix("unix://")).st_mode)  # noqa: PTH116
    except OSError:
        return False


def _address(engine: str) -> str | None:
    """Return where the engine listens: as its own client finds out."""
    if engine == "podman":
        if os.environ.get("CONTAINER_HOST"):
            return os.environ["CONTAINER_HOST"]
        runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
        places = [f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"]
        return next((f"unix://{place}" for place in places if Path(place).exists()), None)
    return os.environ.get("DOCKER_HOST") or _context_address() or f"unix://{_DOCKER_SOCKET}"


def _context_address() -> str | None:
    """Return the address of Docker's current context, where it is not the default one."""
    directory = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if not os.environ.get("DOCKER_CONTEXT") and not (directory / "config.json").is_file():
        return None
    import docker.context
    import docker.errors
    from docker.context.config import get_current_context_name

    try:
        name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
        if name in {None, "", "default"}:
            return None
        found = docker.context.ContextAPI.get_context(name)
    except (docker.errors.DockerException, OSError, ValueError, KeyError, TypeError):
        return None
    return None if found is None else str(found.Host)


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

    @contextmanager
    def _client(self) -> Iterator[Any]:
        import docker
        import docker.errors
        import requests

        address = _address(self.name)
        try:
            if address is None:
                raise TargetUnreachable(f"{self.name}: no engine's socket was found")
            if self.options.offline and not address.startswith("unix://"):
                raise TargetUnreachable(f"{self.name}: not asked, because of --offline")
            client = (
                docker.DockerClient.from_env(timeout=int(self.options.timeout))
                if self.name == "docker" and os.environ.get("DOCKER_HOST")
                else docker.DockerClient(base_url=address, version="auto", timeout=int(self.options.timeout))
            )
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            text = printable(str(error), limit=200)
            raise TargetUnreachable(f"{self.name}: the engine at {address} does not answer: {text}") from None
        try:
            yield client
        except docker.errors.NotFound as error:
            raise TargetAbsent(f"{self.name}: {printable(error.explanation or str(error), limit=200)}") from None
        except docker.errors.APIError as error:
            text = printable(error.explanation or str(error), limit=200)
            raise TargetUnreachable(f"{self.name}: the engine refused: {text}") from None
        except requests.exceptions.RequestException as error:
            raise TargetDamaged(f"{self.name}: the engine broke off: {printable(str(error), limit=200)}") from None
        finally:
            client.close()

    def image(self, reference: Reference) -> Image:
        wanted = reference.rest
        with self._client() as client:
            found = client.api.inspect_image(wanted)
        facts = _Inspected.of(found)
        if self.options.platform and facts.platform not in {None, str(parse_platform(self.options.platform))}:
            raise TargetAbsent(
                f"{self.name}: {printable(wanted)} is for {facts.platform}, not {self.options.platform}",
                advice="--from registry may have it",
            )
        full = f"{self.name}:{wanted}"
        if self.options.layers:
            return self._saved(full, facts)
        layer = StoredLayer(
            digest=None,
            diff_id=None,
            media_type="application/x-tar",
            size=None,
            opener=partial(self._export, facts.identity),
        )
        return SourcedImage(
            reference=full,
            digest=facts.identity,
            platform=facts.platform,
            config=config_of(facts.config),
            layers=[layer],
            notes=(f"from {self.name}'s engine, as one merged file system",),
        )

    def _saved(self, full: str, facts: _Inspected) -> Image:
        """Return the image layer by layer, saved when the first of them is opened."""
        saved = _Saved(partial(self._save, facts.identity), full, self.options)
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
            platform=facts.platform,
            config=config_of(facts.config),
            layers=layers,
            notes=(f"from {self.name}'s engine, layer by layer",),
        )

    @contextmanager
    def _export(self, identity: str) -> Iterator[BlobStream]:
        """Stream the merged file system of a container that is made for it and goes with it."""
        with self._client() as client:
            made = client.api.create_container(
                identity, command=list(_NEVER_RUN), entrypoint=list(_NEVER_RUN), labels={LABEL: "1"}
            )
            try:
                chunks = client.api.export(made["Id"], chunk_size=1024 * 1024)
                yield _Chunks(iter(chunks))
            finally:
                with suppress(Exception):
                    client.api.remove_container(made["Id"], force=True, v=True)

    @contextmanager
    def _save(self, identity: str) -> Iterator[Iterator[bytes]]:
        with self._client() as client:
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
        os_name, architecture, variant = (str(found.get(key) or "") for key in ("Os", "Architecture", "Variant"))
        text = "/".join(part for part in (os_name, architecture, variant) if part)
        identity = str(found.get("Id") or "")
        if not identity.startswith("sha256:"):
            identity = f"sha256:{identity}"
        root = found.get("RootFS") or {}
        return cls(
            identity,
            str(parse_platform(text)) if os_name and architecture else None,
            found.get("Config") or {},
            tuple(str(layer) for layer in root.get("Layers") or ()),
        )


class _Saved:
    """The engine's ``save``, spooled once to an unnamed temporary file when the first layer is wanted."""

    def __init__(self, save: Callable[[], Any], what: str, options: SourceOptions) -> None:
        self._save, self._what, self._options = save, what, options
        self._image: Image | None = None

    @contextmanager
    def open(self, number: int) -> Iterator[BlobStream]:
        if self._image is None:
            with self._save() as chunks:
                blobs = open_archive_stream(_Chunks(iter(chunks)), self._what)
            self._image = docker_images(blobs, self._what, None, SourceOptions())[0]
        with self._image.layers[number].open() as stream:
            yield stream


class _Chunks:
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, b""

    def read(self, size: int, /) -> bytes:
        if not self._left:
            self._left = next(self._chunks, b"")
        piece, self._left = self._left[:size], self._left[size:]
        return piece
