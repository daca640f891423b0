"""Images in OCI layouts and in what ``docker save`` writes, wherever their blobs lie.

OCI image-spec, image-layout.md; Docker Image Specification v1.2 (manifest.json). ``docker save`` from 25.0 on writes
both into one archive; its manifest.json then names blobs of the layout.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import partial
from typing import Any

from inspector.errors import FormatUnsupported, ReferenceInvalid, TargetAbsent, TargetDamaged
from inspector.escaping import printable
from inspector.facts import Image
from inspector.references import parse_name
from inspector.sources.blobs import Blobs, read_whole
from inspector.sources.images import SourcedImage, StoredLayer
from inspector.sources.manifests import (
    DEFAULT_PLATFORM,
    MAX_CONFIG,
    MAX_MANIFEST,
    ConfigFacts,
    Descriptor,
    Index,
    Manifest,
    is_analysed,
    parse_config,
    parse_manifest,
    parse_platform,
    platforms,
    select,
    verify,
)
from inspector.sources.options import SourceOptions

_REF_NAME = "org.opencontainers.image.ref.name"
_IMAGE_NAME = "io.containerd.image.name"
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_CONFIG = re.compile(r"([0-9a-f]{64})\.json")
_MAX_DEPTH = 4


def is_docker_archive(blobs: Blobs) -> bool:
    """Whether there is a manifest.json."""
    return blobs.size("manifest.json") is not None


def is_oci_layout(blobs: Blobs) -> bool:
    """Whether there is an index.json."""
    return blobs.size("index.json") is not None


# ── docker save ──────────────────────────────────────────────────────────────────────────────────────────────────


def docker_images(blobs: Blobs, reference: str, tag: str | None, options: SourceOptions) -> list[Image]:
    """Return the images of an archive that ``docker save`` wrote.

    Raises:
        TargetAbsent: if none has the wanted tag or platform.
        TargetDamaged: if the archive lacks something that it names.
    """
    entries = _entries(blobs)
    wanted = [entry for entry in entries if tag is None or _has_tag(entry, tag)]
    if not wanted:
        there = sorted({printable(name, limit=120) for entry in entries for name in _tags(entry)})
        raise TargetAbsent(
            f"{blobs.what} has no image '{printable(tag or '')}'; it has {', '.join(there) or 'no names'}"
        )
    images = [_docker_image(blobs, entry, reference, several=len(entries) > 1 and tag is None) for entry in wanted]
    return _of_platform(images, options, blobs.what)


def _entries(blobs: Blobs) -> list[dict[str, Any]]:
    import msgspec

    content = read_whole(blobs, "manifest.json", MAX_MANIFEST)
    if content is None:
        raise TargetDamaged(f"{blobs.what} has no manifest.json: no image that docker save wrote")
    try:
        entries = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise TargetDamaged(f"{blobs.what}: manifest.json is not JSON") from None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise TargetDamaged(f"{blobs.what}: manifest.json lists no image")
    return entries


def _tags(entry: dict[str, Any]) -> list[str]:
    tags = entry.get("RepoTags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _has_tag(entry: dict[str, Any], wanted: str) -> bool:
    """Whether an image is tagged so: in full, short as Docker writes it, or by the tag alone."""
    return any(
        wanted in {tag, tag.rpartition(":")[2], tag.rpartition("/")[2]} or _in_full(wanted) == _in_full(tag)
        for tag in _tags(entry)
    )


def _in_full(text: str) -> str:
    try:
        return str(parse_name(text))
    except ReferenceInvalid:
        return text


def _docker_image(blobs: Blobs, entry: dict[str, Any], reference: str, *, several: bool) -> SourcedImage:
    name, layers = entry.get("Config"), entry.get("Layers")
    if not isinstance(name, str) or not isinstance(layers, list) or not all(isinstance(path, str) for path in layers):
        raise TargetDamaged(f"{blobs.what}: manifest.json names no config or no layers")
    content = read_whole(blobs, name, MAX_CONFIG)
    if content is None:
        raise TargetDamaged(f"{blobs.what} lacks the config {printable(name, limit=120)}")
    named = _BLOB.fullmatch(name) or _CONFIG.fullmatch(name)
    if named is not None:
        verify(content, f"sha256:{named[1]}", f"{blobs.what}: config")
    facts = parse_config(content, f"{blobs.what}: config")
    if not is_analysed(facts.platform):
        layers = []
    elif len(facts.diff_ids) != len(layers):
        raise TargetDamaged(f"{blobs.what}: {len(layers)} layers, but its config has {len(facts.diff_ids)} diff IDs")
    found = [_docker_layer(blobs, path, diff_id) for path, diff_id in zip(layers, facts.diff_ids, strict=False)]
    tags = _tags(entry)
    return SourcedImage(
        reference=f"{reference}:{tags[0]}" if several and tags else reference,
        digest="sha256:" + hashlib.sha256(content).hexdigest(),
        platform=facts.platform,
        config=facts.config,
        layers=found,
        notes=(f"tagged {', '.join(tags)}",) if tags else (),
    )


def _docker_layer(blobs: Blobs, path: str, diff_id: str) -> StoredLayer:
    size = blobs.size(posixpath.normpath(path))
    if size is None:
        raise TargetDamaged(f"{blobs.what} lacks the layer {printable(path, limit=120)}")
    named = _BLOB.fullmatch(path)
    return StoredLayer(
        digest=f"sha256:{named[1]}" if named else None,
        diff_id=diff_id,
        media_type="application/vnd.docker.image.rootfs.diff.tar",
        size=size,
        opener=partial(blobs.open, path),
    )


# ── OCI layout ───────────────────────────────────────────────────────────────────────────────────────────────────


def oci_images(blobs: Blobs, reference: str, tag: str | None, options: SourceOptions) -> list[Image]:
    """Return the images of an OCI layout.

    Raises:
        TargetAbsent: if none has the wanted tag, digest or platform.
        TargetDamaged: if the layout lacks something that it names.
    """
    content = read_whole(blobs, "index.json", MAX_MANIFEST)
    if content is None:
        raise TargetDamaged(f"{blobs.what} has no index.json: no OCI layout")
    index = parse_manifest(content, what=f"{blobs.what}: index.json")
    if not isinstance(index, Index):
        raise TargetDamaged(f"{blobs.what}: index.json is no index")
    entries = [entry for entry in platforms(index) if tag is None or _is_wanted(entry, tag)]
    if not entries:
        there = sorted({printable(name, limit=120) for entry in platforms(index) if (name := _name_of(entry))})
        if tag is not None:
            raise TargetAbsent(f"{blobs.what} has no image '{printable(tag)}'; it has {', '.join(there) or 'no names'}")
        raise TargetAbsent(f"{blobs.what} holds no image")
    if len(entries) > 1 and all(entry.platform for entry in entries) and len({_name_of(e) for e in entries}) == 1:
        return _tagged(_images_of_index(blobs, Index(tuple(entries)), reference, options, 0), entries[0])
    images: list[Image] = []
    for entry in entries:
        name = _name_of(entry)
        full = f"{reference}:{name}" if len(entries) > 1 and name and tag is None else reference
        images += _tagged(_images_of(blobs, entry, full, options, 0), entry)
    return images


def _name_of(entry: Descriptor) -> str | None:
    return entry.annotations.get(_REF_NAME) or entry.annotations.get(_IMAGE_NAME)


def _tagged(images: list[Image], entry: Descriptor) -> list[Image]:
    """Note the name that the index gives to an image: in full, as containerd writes it, or the tag alone."""
    name = entry.annotations.get(_IMAGE_NAME) or entry.annotations.get(_REF_NAME)
    return images if not name else [_noted(image, f"tagged {printable(name, limit=300)}") for image in images]


def _is_wanted(entry: Descriptor, tag: str) -> bool:
    names = {entry.digest, *(entry.annotations.get(key) for key in (_REF_NAME, _IMAGE_NAME))}
    return tag in names or any(name is not None and name.endswith(f":{tag}") for name in names)


def _blob_path(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _document(blobs: Blobs, digest: str, most: int, what: str) -> bytes:
    content = read_whole(blobs, _blob_path(digest), most)
    if content is None:
        raise TargetDamaged(f"{blobs.what} lacks the {what} {digest}")
    verify(content, digest, f"{blobs.what}: {what}")
    return content


def _images_of(blobs: Blobs, entry: Descriptor, reference: str, options: SourceOptions, depth: int) -> list[Image]:
    if depth > _MAX_DEPTH:
        raise TargetDamaged(f"{blobs.what}: indexes more than {_MAX_DEPTH} deep")
    content = _document(blobs, entry.digest, MAX_MANIFEST, "manifest")
    manifest = parse_manifest(content, entry.media_type, f"{blobs.what}: manifest {entry.digest}")
    if isinstance(manifest, Index):
        return _images_of_index(blobs, manifest, reference, options, depth)
    image = _oci_image(blobs, entry.digest, manifest, reference)
    return _of_platform([image], options, blobs.what)


def _images_of_index(blobs: Blobs, index: Index, reference: str, options: SourceOptions, depth: int) -> list[Image]:
    images = platforms(index)
    # An export of one platform has the whole index: what is not there cannot be taken. Nothing at all is damage.
    there = [entry for entry in images if blobs.size(_blob_path(entry.digest)) is not None] or images
    part = f"{len(there)} of them {'is' if len(there) == 1 else 'are'} there" if len(there) < len(images) else ""
    if options.all_platforms:
        found = [image for entry in there for image in _images_of(blobs, entry, reference, options, depth + 1)]
        return [_noted(image, f"index of {len(images)} platforms, {part or 'all taken'}") for image in found]
    wanted = parse_platform(options.platform or DEFAULT_PLATFORM)
    chosen = select(Index(tuple(there)), wanted, blobs.what)
    note = f"index of {len(images)} platforms, {part or f'{chosen.platform or wanted} taken'}"
    return [_noted(image, note) for image in _images_of(blobs, chosen, reference, options, depth + 1)]


def _noted(image: Image, note: str) -> Image:
    return SourcedImage(
        reference=image.reference,
        digest=image.digest,
        platform=image.platform,
        config=image.config,
        layers=image.layers,
        notes=(note, *image.notes),
    )


def _oci_image(blobs: Blobs, digest: str, manifest: Manifest, reference: str) -> SourcedImage:
    content = _document(blobs, manifest.config.digest, MAX_CONFIG, "config")
    facts = parse_config(content, f"{blobs.what}: config {manifest.config.digest}")
    return SourcedImage(
        reference=reference,
        digest=digest,
        platform=facts.platform,
        config=facts.config,
        layers=[_oci_layer(blobs, layer, diff_id) for layer, diff_id in paired_layers(manifest, facts, blobs.what)],
    )


def paired_layers(manifest: Manifest, facts: ConfigFacts, what: str) -> list[tuple[Descriptor, str]]:
    """Return each layer with its diff ID; none of an image for another system than Linux, which is not read.

    Raises:
        TargetDamaged: if there are not as many of one as of the other.
        FormatUnsupported: for layers that are to be had elsewhere only.
    """
    if not is_analysed(facts.platform):
        return []
    if len(manifest.layers) != len(facts.diff_ids):
        raise TargetDamaged(f"{what}: {len(manifest.layers)} layers, but {len(facts.diff_ids)} diff IDs in its config")
    for layer in manifest.layers:
        if layer.is_foreign and layer.urls:
            raise FormatUnsupported(f"{what}: layer {layer.digest} is foreign: it is to be had from its maker only")
    return list(zip(manifest.layers, facts.diff_ids, strict=True))


def _oci_layer(blobs: Blobs, layer: Descriptor, diff_id: str) -> StoredLayer:
    path = _blob_path(layer.digest)
    size = blobs.size(path)
    if size is None:
        raise TargetDamaged(f"{blobs.what} lacks the layer {layer.digest}")
    return StoredLayer(
        digest=layer.digest,
        diff_id=diff_id,
        media_type=layer.media_type,
        size=size,
        opener=partial(blobs.open, path),
    )


def _of_platform(images: list[SourcedImage], options: SourceOptions, what: str) -> list[Image]:
    """Keep the images of the wanted platform; without a wish every one."""
    if options.platform is None or options.all_platforms:
        return list(images)
    wanted = str(parse_platform(options.platform))
    kept: list[Image] = [image for image in images if image.platform in {None, wanted}]
    if not kept:
        there = ", ".join(sorted({printable(image.platform or "") for image in images}))
        raise TargetAbsent(f"{what} has no image for {wanted}; it has {there}", advice="choose with --platform")
    return kept
