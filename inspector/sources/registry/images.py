"""A name in a registry to its images: manifests and configs fetched or known, layers to be opened."""

from __future__ import annotations

import hashlib
from functools import partial

from inspector.errors import TargetAbsent, TargetDamaged, TargetUnreachable
from inspector.facts import DocumentStore
from inspector.references import RegistryName
from inspector.sources.images import SourcedImage, StoredLayer
from inspector.sources.layouts import paired_layers
from inspector.sources.manifests import (
    DEFAULT_PLATFORM,
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_CONFIG,
    MAX_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    is_digest,
    parse_config,
    parse_manifest,
    parse_platform,
    platforms,
    select,
    verify,
)
from inspector.sources.registry.blobs import open_blob
from inspector.sources.registry.transport import RegistryOptions, Transport, leave, read_bounded

_ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
_MAX_DEPTH = 3


def images(
    name: RegistryName,
    *,
    platform: str | None,
    all_platforms: bool,
    options: RegistryOptions,
    documents: DocumentStore | None,
    transport: Transport | None = None,
    ask_first: bool = False,
) -> list[SourcedImage]:
    """Return the images that a name stands for, their layers unread.

    Args:
        name: repository, and tag or digest.
        platform: ``os/arch[/variant]``; None: linux/amd64 of an index, whatever there is of a single image.
        all_platforms: every image of an index.
        options: how to reach the registry.
        documents: manifests and configs known by digest: a known tag costs one request.
        transport: of this registry, shared with others; None: one of our own.
        ask_first: ask by HEAD for a tag's digest, which rate limits do not count, and fetch what is not known.

    Raises:
        TargetUnavailable: if there is none, or it cannot be had.
        TargetDamaged: if a manifest is not what its digest says, or of no kind that is read.
    """
    found = _Repository(name, transport or Transport(name.host, options), documents, ask_first=ask_first)
    return found.images(platform, all_platforms=all_platforms)


class _Repository:
    def __init__(
        self, name: RegistryName, transport: Transport, documents: DocumentStore | None, *, ask_first: bool
    ) -> None:
        self._name, self._transport, self._documents, self._ask_first = name, transport, documents, ask_first
        self._scope = f"repository:{name.repository}:pull"

    def images(self, platform: str | None, *, all_platforms: bool) -> list[SourcedImage]:
        digest, content, media_type = self._top()
        return self._of_manifest(digest, content, media_type, platform, (), all_platforms=all_platforms, depth=0)

    def _top(self) -> tuple[str, bytes, str | None]:
        """Fetch what the name stands for: by digest from what is known, by tag in one request."""
        wanted = self._name.digest
        if wanted is not None:
            return wanted, self._document(f"manifests/{wanted}", wanted, MAX_MANIFEST, "manifest"), None
        if self._ask_first and self._documents is not None:
            digest = digest_of(self._name, self._transport)
            known = self._documents.load_document(digest) if digest else None
            if digest and known is not None:
                return digest, known, None
        what = f"{self._name.repository}:{self._name.wanted}"
        if self._transport.options.offline:
            # What the tag stood for when it was last asked may be another image by now, and no answer tells.
            raise TargetUnreachable(
                f"{self._transport.host}: {what}: not asked, because of --offline",
                advice="an image that was scanned before is known by its digest: name it REPOSITORY@sha256:…",
            )
        path = f"/v2/{self._name.repository}/manifests/{self._name.wanted}"
        response = self._transport.get(path, self._scope, {"Accept": _ACCEPT}, what)
        media_type = response.headers.get("Content-Type", "").split(";")[0].strip()
        content = read_bounded(response, MAX_MANIFEST, f"{self._transport.host}: {what}: manifest")
        # The digest is that of the bytes; a header that says otherwise, or none, changes nothing.
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if self._documents is not None:
            self._documents.save_document(digest, content)
        return digest, content, media_type

    def _document(self, path: str, digest: str, most: int, what: str) -> bytes:
        known = self._documents.load_document(digest) if self._documents is not None else None
        if known is not None:
            return known
        label = f"{self._name.repository}: {what} {digest}"
        response = self._transport.get(f"/v2/{self._name.repository}/{path}", self._scope, {"Accept": _ACCEPT}, label)
        content = read_bounded(response, most, f"{self._transport.host}: {label}")
        verify(content, digest, f"{self._transport.host}/{self._name.repository}: {what}")
        if self._documents is not None:
            self._documents.save_document(digest, content)
        return content

    def _of_manifest(
        self,
        digest: str,
        content: bytes,
        media_type: str | None,
        platform: str | None,
        notes: tuple[str, ...],
        *,
        all_platforms: bool,
        depth: int,
    ) -> list[SourcedImage]:
        parsed = parse_manifest(content, media_type, str(self._name))
        if isinstance(parsed, Manifest):
            return [self._image(digest, parsed, platform if not notes else None, notes)]
        if depth >= _MAX_DEPTH:
            raise TargetDamaged(f"{self._name}: indexes more than {_MAX_DEPTH} deep")
        chosen, note = self._choose(parsed, platform, all_platforms=all_platforms)
        found: list[SourcedImage] = []
        for entry in chosen:
            below = self._document(f"manifests/{entry.digest}", entry.digest, MAX_MANIFEST, "manifest")
            found += self._of_manifest(
                entry.digest,
                below,
                entry.media_type,
                platform,
                (*notes, note),
                all_platforms=all_platforms,
                depth=depth + 1,
            )
        return found

    def _choose(self, index: Index, platform: str | None, *, all_platforms: bool) -> tuple[list[Descriptor], str]:
        there = platforms(index)
        if all_platforms:
            return there, f"index of {len(there)} platforms, all taken"
        wanted = parse_platform(platform or DEFAULT_PLATFORM)
        chosen = select(index, wanted, str(self._name))
        return [chosen], f"index of {len(there)} platforms, {chosen.platform or wanted} taken"

    def _image(self, digest: str, manifest: Manifest, platform: str | None, notes: tuple[str, ...]) -> SourcedImage:
        config = self._document(f"blobs/{manifest.config.digest}", manifest.config.digest, MAX_CONFIG, "config")
        facts = parse_config(config, f"{self._name}: config")
        if platform is not None and facts.platform is not None:
            # A single image has one platform; asking for another is asking for what is not there.
            select_one(facts.platform, platform, str(self._name))
        layers = [
            StoredLayer(
                digest=layer.digest,
                diff_id=diff_id,
                media_type=layer.media_type,
                size=layer.size,
                opener=partial(
                    open_blob,
                    self._transport,
                    f"/v2/{self._name.repository}/blobs/{layer.digest}",
                    self._scope,
                    f"{self._name.repository}: layer {layer.digest}",
                    layer.size,
                ),
            )
            for layer, diff_id in paired_layers(manifest, facts, str(self._name))
        ]
        return SourcedImage(
            reference=str(self._name),
            digest=digest,
            platform=facts.platform,
            config=facts.config,
            layers=layers,
            notes=notes,
            created=facts.created,
        )


def digest_of(name: RegistryName, transport: Transport) -> str | None:
    """Ask by HEAD for the digest of what a name stands for; None where the registry does not tell it.

    Docker Hub does not count HEAD as a pull (docs.docker.com, Docker Hub usage and limits).

    Raises:
        TargetUnavailable: if there is none, or it cannot be had.
    """
    what = f"{name.repository}:{name.wanted}"
    path, scope = f"/v2/{name.repository}/manifests/{name.wanted}", f"repository:{name.repository}:pull"
    response = transport.get(path, scope, {"Accept": _ACCEPT}, what, method="HEAD")
    digest = response.headers.get("Docker-Content-Digest", "").strip()
    leave(response)
    return digest if is_digest(digest) else None


def select_one(there: str, wanted: str, what: str) -> None:
    """Hold the platform of a single image against the wanted one.

    Raises:
        TargetAbsent: naming the one that there is.
    """
    if parse_platform(there) != parse_platform(wanted):
        raise TargetAbsent(f"{what} has no image for {wanted}; it has {there}", advice="choose with --platform")
