"""A parsed reference to its images: which source is asked, and what is said when several were asked in vain."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from inspector.errors import InspectorError, TargetAbsent, TargetUnauthorised, TargetUnavailable, UsageError
from inspector.escaping import printable
from inspector.facts import DocumentStore, Image
from inspector.references import Reference
from inspector.sources.blobs import DirectoryBlobs, open_archive
from inspector.sources.layouts import docker_images, is_docker_archive, is_oci_layout, oci_images
from inspector.sources.options import SourceOptions
from inspector.sources.rootfs import directory_image, file_image

SOURCES = ("docker", "podman", "registry")


def open_images(reference: Reference, options: SourceOptions, documents: DocumentStore | None) -> list[Image]:
    """Return the images that a reference stands for, unread.

    A plain word is an existing path, recognised by its content; else the engine's image, if it has it; else the
    registry's. ``options.source`` forces one of these.

    Raises:
        TargetUnavailable: if there is no such image; where several sources were asked, with what each said.
        TargetDamaged: if there is one, and it is not what it says.
        UsageError: for options that make no sense.
    """
    if options.source is not None and options.source not in SOURCES:
        raise UsageError(f"no source '{printable(options.source)}'", advice=f"--from takes {', '.join(SOURCES)}")
    if reference.scheme is not None:
        return _of_scheme(reference, options, documents)
    path = Path(reference.rest)
    if options.source is None and not options.names_only and os.path.lexists(path):
        return _of_path(path, reference.rest, options)
    return _search(reference, options, documents)


def _of_scheme(reference: Reference, options: SourceOptions, documents: DocumentStore | None) -> list[Image]:
    scheme, rest, full = reference.scheme, reference.rest, str(reference)
    if scheme == "stdin":
        return _of_archive(None, "-", None, options)
    if scheme in {"docker-archive", "oci-archive"}:
        path, tag = _split_tag(rest)
        return _of_archive(path, full, tag, options, only=scheme)
    if scheme == "oci-dir":
        path, tag = _split_tag(rest)
        if not path.is_dir():
            raise TargetAbsent(f"{printable(str(path))} is not a directory")
        return oci_images(DirectoryBlobs(path, printable(str(path))), full, tag, options)
    if scheme == "dir":
        return [directory_image(Path(rest), full, options.paths)]
    if scheme == "file":
        return [file_image(Path(rest), full)]
    if scheme == "registry":
        return _of_registry(reference, options, documents)
    if scheme == "container":
        from inspector.sources.engine.running import container_images

        return container_images(rest, options)
    return _of_engine(reference, str(scheme), options)


def _split_tag(rest: str) -> tuple[Path, str | None]:
    """Split ``PATH[:TAG]`` or ``PATH@DIGEST`` at the place that leaves a path that exists."""
    if os.path.lexists(rest):
        return Path(rest), None
    for mark in "@:":
        position = rest.find(mark)
        while position > 0:
            if os.path.lexists(rest[:position]):
                return Path(rest[:position]), rest[position + 1 :]
            position = rest.find(mark, position + 1)
    raise TargetAbsent(f"there is no file or directory {printable(rest)}")


def _of_archive(
    path: Path | None, reference: str, tag: str | None, options: SourceOptions, *, only: str | None = None
) -> list[Image]:
    what = "standard input" if path is None else printable(str(path))
    blobs = open_archive(path, what)
    if only != "oci-archive" and is_docker_archive(blobs):
        return docker_images(blobs, reference, tag, options)
    if only != "docker-archive" and is_oci_layout(blobs):
        return oci_images(blobs, reference, tag, options)
    kind = {"docker-archive": "manifest.json", "oci-archive": "index.json"}.get(
        only or "", "manifest.json or index.json"
    )
    raise TargetAbsent(f"{what} is no image archive: it has no {kind}")


def _of_path(path: Path, reference: str, options: SourceOptions) -> list[Image]:
    try:
        kind = path.stat().st_mode
    except OSError as error:
        raise TargetAbsent(f"{printable(str(path))} cannot be looked at: {error.strerror}") from None
    if stat.S_ISDIR(kind):
        if _is_layout(path):
            return oci_images(DirectoryBlobs(path, printable(str(path))), reference, None, options)
        return [directory_image(path, reference, options.paths)]
    if not stat.S_ISREG(kind):
        raise TargetAbsent(f"{printable(str(path))} is neither a file nor a directory")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise TargetAbsent(f"{printable(str(path))} cannot be opened: {error.strerror}") from None
    if head == b"\x7fELF":
        return [file_image(path, reference)]
    return _of_archive(path, reference, None, options)


def _is_layout(path: Path) -> bool:
    """Whether a directory is an OCI layout.

    Raises:
        TargetAbsent: if it may not be entered.
    """
    try:
        return (path / "oci-layout").is_file() or (path / "index.json").is_file()
    except OSError as error:
        raise TargetAbsent(f"{printable(str(path))} cannot be read: {error.strerror}") from None


def _of_registry(reference: Reference, options: SourceOptions, documents: DocumentStore | None) -> list[Image]:
    from inspector.sources.registry import RegistryOptions, images

    if reference.name is None:
        raise TargetAbsent(f"'{printable(reference.rest)}' is neither a path nor a name that a registry could have")
    settings = RegistryOptions(
        insecure=options.insecure, ca_cert=options.ca_cert, timeout=options.timeout, offline=options.offline
    )
    return [
        *images(
            reference.name,
            platform=options.platform,
            all_platforms=options.all_platforms,
            options=settings,
            documents=documents,
        )
    ]


def _of_engine(reference: Reference, engine: str, options: SourceOptions) -> list[Image]:
    from inspector.sources.engine import engine_images

    return engine_images(reference, engine, options)


def _search(reference: Reference, options: SourceOptions, documents: DocumentStore | None) -> list[Image]:
    """Ask each source in turn; tell what every one of them said if none has it."""
    if reference.name is None:
        raise TargetAbsent(
            f"'{printable(reference.rest)}' is neither an existing path nor an image's name",
            advice="an image's name is in lower case: [HOST[:PORT]/]PATH[:TAG]",
        )
    asked: dict[str, Callable[[], list[Image]]] = {
        "docker": lambda: _of_engine(reference, "docker", options),
        "podman": lambda: _of_engine(reference, "podman", options),
        "registry": lambda: _of_registry(reference, options, documents),
    }
    said: list[tuple[str, InspectorError]] = []
    for source, ask in asked.items():
        if options.source not in {None, source} or (options.source is None and not _is_there(source)):
            continue
        try:
            return ask()
        except TargetUnavailable as error:
            said.append((source, error))
    if len(said) == 1:
        raise said[0][1]
    kinds = [type(error) for _, error in said]
    kind = next((k for k in (TargetUnauthorised, TargetAbsent) if k in kinds), kinds[-1] if kinds else TargetAbsent)
    text = "; ".join(f"{source}: {str(error).removeprefix(f'{source}: ')}" for source, error in said)
    advice = next((error.advice for _, error in reversed(said) if error.advice), "")
    raise kind(f"'{printable(reference.rest)}' was not found: {text}", advice=advice)


def _is_there(source: str) -> bool:
    """Whether it makes sense to ask: an engine without a socket is not asked, and not told of."""
    if source == "registry":
        return True
    from inspector.sources.engine import is_reachable

    return is_reachable(source)
