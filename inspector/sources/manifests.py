"""Manifests, indexes and configs: bounded JSON, read into what sources need (OCI image-spec; Docker schema 2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from inspector.errors import DigestMismatch, FormatUnsupported, LimitExceeded, TargetAbsent, TargetDamaged, UsageError
from inspector.escaping import printable
from inspector.facts import ImageConfig
from inspector.records import dataclass

MAX_MANIFEST = 4 * 1024 * 1024
"""What registries accept at least (OCI distribution-spec, Pushing Manifests)."""
MAX_CONFIG = 8 * 1024 * 1024
_MAX_LAYERS = 4096
_MAX_MANIFESTS = 4096
DEFAULT_PLATFORM = "linux/amd64"

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ATTESTATION = "vnd.docker.reference.type"


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system, architecture and variant, as an index names them."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One reference of a manifest to content (OCI image-spec, descriptor.md)."""

    digest: str
    media_type: str
    size: int | None
    platform: Platform | None = None
    annotations: Mapping[str, str]
    urls: tuple[str, ...] = ()

    @property
    def is_attestation(self) -> bool:
        """Whether it holds statements about an image, and no image (BuildKit's attestation storage)."""
        unknown = self.platform is not None and self.platform.os == self.platform.architecture == "unknown"
        return unknown or _ATTESTATION in self.annotations

    @property
    def is_foreign(self) -> bool:
        """Whether the layer is to be had elsewhere only."""
        return "foreign" in self.media_type or "nondistributable" in self.media_type


@dataclass(frozen=True, slots=True)
class Index:
    """An image index or manifest list."""

    manifests: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image manifest."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """What an image's config says."""

    config: ImageConfig
    diff_ids: tuple[str, ...]
    platform: str | None
    created: str | None = None
    """When the image was made, as the config says (RFC 3339)."""


def is_digest(text: object) -> bool:
    """Whether it is a digest of an algorithm that is known."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def verify(content: bytes, digest: str, what: str) -> None:
    """Hold content against its digest.

    Raises:
        DigestMismatch: naming both.
    """
    algorithm, _, wanted = digest.partition(":")
    found = hashlib.new(algorithm, content).hexdigest()
    if found != wanted:
        raise DigestMismatch(f"{what} {digest} has digest {algorithm}:{found}", advice="fetch the image again")


def parse_platform(text: str) -> Platform:
    """Parse ``os/arch[/variant]``; the ways to say the same architecture are made one (containerd, platforms).

    Raises:
        UsageError: for anything else.
    """
    parts = text.lower().split("/")
    if not 2 <= len(parts) <= 3 or not all(re.fullmatch(r"[a-z0-9_.-]+", part) for part in parts):
        raise UsageError(
            f"not a platform: '{printable(text, limit=60)}'", advice="for example linux/amd64 or linux/arm/v7"
        )
    return _normalised(Platform(parts[0], parts[1], parts[2] if len(parts) == 3 else ""))


_SAME = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "i386": "386",
    "i686": "386",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}
_VARIANTS = {("arm64", "v8"): "", ("amd64", "v1"): "", ("arm", "7"): "v7", ("arm", "6"): "v6", ("arm", "5"): "v5"}


def _normalised(platform: Platform) -> Platform:
    architecture = _SAME.get(platform.architecture, platform.architecture)
    variant = _VARIANTS.get((architecture, platform.variant), platform.variant)
    if architecture == "arm" and not variant:
        variant = "v6" if platform.architecture == "armel" else "v7"
    return Platform(platform.os, architecture, variant)


def decode(content: bytes, what: str, most: int) -> dict[str, Any]:
    """Decode a JSON object.

    Raises:
        LimitExceeded: if it has more than ``most`` bytes.
        TargetDamaged: if it is none.
    """
    import msgspec

    if len(content) > most:
        raise LimitExceeded(f"{what} has more than {most} bytes")
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise TargetDamaged(f"{what} is not JSON") from None
    if not isinstance(document, dict):
        raise TargetDamaged(f"{what} is not a JSON object")
    return document


def parse_manifest(content: bytes, media_type: str | None = None, what: str = "manifest") -> Index | Manifest:
    """Parse a manifest or index; what it is, is told from its own fields where the media type does not say.

    Raises:
        FormatUnsupported: for schema 1 and artefacts that are no images.
        TargetDamaged: for anything that is neither.
    """
    document = decode(content, what, MAX_MANIFEST)
    declared = document.get("mediaType") or media_type or ""
    if document.get("schemaVersion") == 1 or declared in _SCHEMA_1:
        raise FormatUnsupported(
            f"{what} is of schema 1, which registries gave up", advice="push the image again with a current client"
        )
    if isinstance(document.get("manifests"), list):
        entries = document["manifests"]
        if len(entries) > _MAX_MANIFESTS:
            raise LimitExceeded(f"{what} lists more than {_MAX_MANIFESTS} manifests")
        return Index(tuple(_descriptor(entry, what) for entry in entries))
    layers = document.get("layers")
    if not isinstance(layers, list) or "config" not in document:
        raise TargetDamaged(f"{what} is neither an image manifest nor an index")
    if len(layers) > _MAX_LAYERS:
        raise LimitExceeded(f"{what} lists more than {_MAX_LAYERS} layers")
    return Manifest(_descriptor(document["config"], what), tuple(_descriptor(layer, what) for layer in layers))


def _descriptor(entry: object, what: str) -> Descriptor:
    if not isinstance(entry, dict) or not is_digest(entry.get("digest")):
        raise TargetDamaged(f"{what} has an entry without a digest that can be used")
    size, annotations, urls = entry.get("size"), entry.get("annotations"), entry.get("urls")
    return Descriptor(
        digest=entry["digest"],
        media_type=str(entry.get("mediaType") or ""),
        size=size if isinstance(size, int) and size >= 0 else None,
        platform=_platform(entry.get("platform")),
        annotations={str(k): str(v) for k, v in annotations.items()} if isinstance(annotations, dict) else {},
        urls=tuple(str(url) for url in urls) if isinstance(urls, list) else (),
    )


def platform_text(os: object, architecture: object, variant: object = None) -> str | None:
    """Return ``os/arch[/variant]`` of what a config or an engine says, or None where it says nothing."""
    found = _platform({"os": os, "architecture": architecture, "variant": variant})
    return None if found is None else str(found)


def _platform(entry: object) -> Platform | None:
    if not isinstance(entry, dict) or not entry.get("os") or not entry.get("architecture"):
        return None
    return _normalised(Platform(str(entry["os"]), str(entry["architecture"]), str(entry.get("variant") or "")))


def is_analysed(platform: str | None) -> bool:
    """Whether an image for that platform is read: Linux, or nothing says."""
    return platform is None or platform.partition("/")[0] == "linux"


def platforms(index: Index) -> list[Descriptor]:
    """Return the index's images, attestations left out."""
    return [entry for entry in index.manifests if not entry.is_attestation]


def select(index: Index, wanted: Platform, what: str = "index") -> Descriptor:
    """Return the image for a platform; an arm variant may be answered by a lower one (containerd, platforms.Only).

    Raises:
        TargetAbsent: naming the platforms that there are.
    """
    images = platforms(index)
    for candidate in _acceptable(wanted):
        for entry in images:
            if entry.platform == candidate:
                return entry
    if len(images) == 1 and images[0].platform is None:
        return images[0]
    there = ", ".join(sorted({printable(str(entry.platform), limit=40) for entry in images if entry.platform}))
    if not there:
        raise TargetAbsent(f"{what} has no image for {wanted}, nor for any other platform")
    raise TargetAbsent(f"{what} has no image for {wanted}; it has {there}", advice="choose with --platform")


def _acceptable(wanted: Platform) -> list[Platform]:
    if wanted.architecture == "arm" and re.fullmatch(r"v[5-8]", wanted.variant):
        return [Platform(wanted.os, "arm", f"v{number}") for number in range(int(wanted.variant[1]), 4, -1)]
    found = [wanted]
    if wanted.variant:
        found.append(Platform(wanted.os, wanted.architecture))
    return found


def parse_config(content: bytes, what: str = "config") -> ConfigFacts:
    """Parse an image's config (OCI image-spec, config.md).

    Raises:
        TargetDamaged: if it is none.
    """
    document = decode(content, what, MAX_CONFIG)
    rootfs = document.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or not all(is_digest(diff_id) for diff_id in diff_ids):
        raise TargetDamaged(f"{what} is no image's config: it has no diff IDs")
    platform = _platform(document)
    created = document.get("created")
    return ConfigFacts(
        config_of(document.get("config")),
        tuple(diff_ids),
        str(platform) if platform else None,
        created if isinstance(created, str) and len(created) <= 64 else None,
    )


def config_of(fields: object) -> ImageConfig:
    """Return what runs, from the ``config`` part of a config or of an engine's answer."""
    if not isinstance(fields, dict):
        return ImageConfig()
    variables = (str(item).partition("=") for item in _texts(fields.get("Env")))
    return ImageConfig(
        env={name: value for name, equals, value in variables if equals},
        user=str(fields["User"]) if fields.get("User") else None,
        entrypoint=_texts(fields.get("Entrypoint")),
        cmd=_texts(fields.get("Cmd")),
        working_dir=str(fields["WorkingDir"]) if fields.get("WorkingDir") else None,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str))[:4096] if isinstance(value, list) else ()
