"""Containers that an engine runs: their own file system, and what their processes see, through the engine's API.

The archive API reads a path as the container has it, with volumes, bind mounts and the resolv.conf, hosts and hostname
that the engine mounts (moby, daemon/archive_unix.go: mountVolumes with NetworkMounts); the export leaves all of these
out. So files that decide come by the archive API, and the file system by the export.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from inspector.errors import InspectorError, TargetAbsent
from inspector.escaping import printable
from inspector.facts import CONTEXT_FILES, RESOLVER_VARIABLES, BlobStream, ContextFile, Image, Snapshot
from inspector.sources.engine.changes import changes_of, open_changes
from inspector.sources.engine.connection import connect, is_reachable
from inspector.sources.engine.containers import Chunks, open_export
from inspector.sources.images import SourcedImage, StoredLayer
from inspector.sources.manifests import config_of, parse_platform
from inspector.sources.options import SourceOptions

_GIVEN_ALWAYS = ("resolv.conf", "hosts")
_MAX_FILE = 4 * 1024 * 1024
_MAX_HOPS = 40
_LINK_BIT, _DIRECTORY_BIT = 1 << 27, 1 << 31
"""Go's fs.ModeSymlink and fs.ModeDir, in which the engine tells modes."""
_CHUNK = 1024 * 1024


def engine_for(options: SourceOptions) -> str:
    """Return the engine to ask: the one that ``--from`` names, else Docker's, else Podman's if only that is there."""
    if options.source in {"docker", "podman"}:
        return str(options.source)
    return "podman" if not is_reachable("docker") and is_reachable("podman") else "docker"


@contextmanager
def _client(options: SourceOptions) -> Iterator[Any]:
    with connect(engine_for(options), options) as client:
        yield client


def running_containers(options: SourceOptions) -> dict[str, str]:
    """Return the names of all running containers, in their order, each with its image's ID.

    Raises:
        TargetUnavailable: if the engine does not answer.
    """
    with _client(options) as client:
        found = client.api.containers()
    named = {_name_of(each.get("Names") or [], str(each.get("Id"))): _image_id(each.get("ImageID")) for each in found}
    return dict(sorted(named.items()))


def shared_images(containers: Mapping[str, str]) -> frozenset[str]:
    """Return the IDs of the images that more than one container has."""
    return frozenset(image for image, number in Counter(containers.values()).items() if image and number > 1)


def _image_id(told: object) -> str:
    """Return an image's ID with its algorithm, which Podman leaves out."""
    text = str(told or "")
    return f"sha256:{text}" if text and ":" not in text else text


def _name_of(names: list[str], identity: str) -> str:
    """Return a container's own name: links of other containers are listed as ``/other/alias``."""
    own = [name.lstrip("/") for name in names if "/" not in name.lstrip("/")]
    return own[0] if own else identity[:12]


def container_images(name: str, options: SourceOptions) -> list[Image]:
    """Return a container as an image: its config, and its file system with what was changed in it.

    Raises:
        TargetUnavailable: if the engine does not answer or has no such container.
    """
    with _client(options) as client:
        container = client.api.inspect_container(name)
        image = _image_of(client, container)
        layers = _layers(client, container, options, has_image=bool(image))
    architecture = "/".join(str(image[key]) for key in ("Os", "Architecture", "Variant") if image.get(key))
    config = container.get("Config") or {}
    state = (container.get("State") or {}).get("Status") or "unknown"
    return [
        SourcedImage(
            reference=f"container:{name}",
            digest=str(container.get("Image") or "") or None,
            claimed=True,
            platform=str(parse_platform(architecture)) if "/" in architecture else None,
            config=config_of(config),
            layers=layers,
            mounts=_mounts(container),
            notes=(f"container of image {printable(str(config.get('Image')))}, {printable(str(state))}",),
        )
    ]


def _layers(client: Any, container: Mapping[str, Any], options: SourceOptions, *, has_image: bool) -> list[StoredLayer]:
    """Return a container's file system: as a whole, or its image's, shared with others, below what it changed."""
    own, image = str(container["Id"]), _image_id(container.get("Image"))
    whole = _layer(partial(_export, own, options))
    if not has_image or image not in options.shared_images:
        return [whole]
    changes = changes_of(client, container)
    if changes is None:
        return [whole]
    engine = engine_for(options)
    if not changes:
        return [replace(whole, shared=image)]
    base = _layer(partial(open_export, engine, options, image))
    return [replace(base, shared=image), _layer(partial(open_changes, engine, options, own, changes))]


def _layer(opener: Callable[[], AbstractContextManager[BlobStream]]) -> StoredLayer:
    return StoredLayer(digest=None, diff_id=None, media_type="application/x-tar", size=None, opener=opener)


def _image_of(client: Any, container: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the image's inspection, empty where the image was removed under the container."""
    import docker.errors

    try:
        found: Mapping[str, Any] = client.api.inspect_image(str(container.get("Image")))
    except docker.errors.NotFound:
        return {}
    return found


@contextmanager
def _export(identity: str, options: SourceOptions) -> Iterator[BlobStream]:
    with _client(options) as client:
        yield Chunks(iter(client.api.export(identity, chunk_size=_CHUNK)))


def container_snapshot(name: str, options: SourceOptions) -> Snapshot:
    """Return what the processes of a container see.

    Raises:
        TargetUnavailable: if the engine does not answer or has no such container.
    """
    with _client(options) as client:
        container = client.api.inspect_container(name)
        image = _image_of(client, container)
        identity = str(container["Id"])
        mounts = _mounts(container)
        unwritten = _unwritten(engine_for(options), container)
        files: dict[str, ContextFile] = {}
        problems = []
        for file in CONTEXT_FILES:
            if unwritten and file in _GIVEN_ALWAYS and not _covers(mounts, file):
                problems.append(f"/etc/{file}: the engine writes it when the container starts, and it {unwritten}")
                continue
            try:
                files[file] = _read(client, identity, f"/etc/{file}", name)
            except InspectorError as error:
                problems.append(f"/etc/{file}: {error}")
    config = container.get("Config") or {}
    env, own = _variables(config), _variables(image.get("Config") or {})
    return Snapshot(
        kind="container",
        name=name,
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        image=config.get("Image"),
        digest=container.get("Image"),
        network=(container.get("HostConfig") or {}).get("NetworkMode"),
        files=files,
        given=tuple(
            file for file in CONTEXT_FILES if file in files and (file in _GIVEN_ALWAYS or _covers(mounts, file))
        ),
        env=env,
        env_given=tuple(name for name in env if own.get(name) != env[name]),
        uid=_uid(str(config.get("User") or "0"), files.get("passwd")),
        system_hostname=str(config.get("Hostname") or "") or None,
        mounts=mounts,
        problems=tuple(problems),
    )


def _mounts(container: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(str(mount.get("Destination")) for mount in container.get("Mounts") or ()))


def _unwritten(engine: str, container: Mapping[str, Any]) -> str | None:
    """Return why what the engine writes cannot be seen, None where it can.

    Before a container's first start there is an empty file in its place; so there is later in Podman's archive of a
    container that does not run, whose mounts only the running one has.
    """
    status = (container.get("State") or {}).get("Status")
    if status == "created":
        return "was never started"
    return "does not run" if engine == "podman" and status not in {"running", "paused"} else None


def _covers(mounts: tuple[str, ...], file: str) -> bool:
    return any(f"/etc/{file}" == mount or f"/etc/{file}".startswith(f"{mount.rstrip('/')}/") for mount in mounts)


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the resolver's variables; no other is looked at, for others hold passwords."""
    pairs = (str(entry).partition("=") for entry in config.get("Env") or ())
    return {name: value for name, _, value in pairs if name in RESOLVER_VARIABLES}


def _uid(user: str, passwd: ContextFile | None) -> int | None:
    wanted = user.partition(":")[0]
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 11:
        return int(wanted)
    for line in ((passwd.text if passwd else None) or "").split("\n"):
        fields = line.split(":")
        if len(fields) > 2 and fields[0] == wanted and fields[2].isdigit():
            return int(fields[2])
    return None


def _read(client: Any, identity: str, path: str, name: str) -> ContextFile:
    """Read one file by the archive API, following links as the kernel would inside the container.

    Raises:
        InspectorError: if it is there and cannot be read.
    """
    import docker.errors

    origin = f"container {name}, {path}"
    was_link = False
    for _ in range(_MAX_HOPS):
        try:
            chunks, stat = client.api.get_archive(identity, path, chunk_size=_CHUNK)
        except docker.errors.NotFound:
            return ContextFile(special="dangling" if was_link else None, origin=origin)
        except docker.errors.APIError as error:
            # Podman up to 4.3 cannot archive a single file that is mounted; the other files are read all the same.
            text = printable(error.explanation or str(error), limit=200)
            raise TargetAbsent(f"the engine does not give it: {text}") from None
        mode = int(stat.get("mode") or 0)
        if mode & _LINK_BIT:
            was_link = True
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), str(stat.get("linkTarget") or "")))
            continue
        if mode & _DIRECTORY_BIT:
            return ContextFile(special="dir", origin=origin)
        special = "mode000" if mode & 0o777 == 0 else None
        return ContextFile(text=_content(chunks, path), special=special, origin=origin)  # type: ignore[arg-type]
    return ContextFile(special="loop", origin=origin)


def _content(chunks: Iterator[bytes], path: str) -> str:
    """Return the text of the one file in the engine's tar."""
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > _MAX_FILE:
            raise TargetAbsent(f"{printable(path)} is larger than {_MAX_FILE} bytes")
    try:
        with tarfile.open(fileobj=io.BytesIO(bytes(read)), mode="r:") as archive:
            member = archive.next()
            file = archive.extractfile(member) if member is not None and member.isreg() else None
            content = b"" if file is None else file.read()
    except (tarfile.TarError, EOFError, ValueError, OverflowError):
        raise TargetAbsent(f"the engine's archive of {printable(path)} cannot be read") from None
    return content.decode("utf-8", "replace")
