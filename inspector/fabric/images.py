"""Which Fabric image a target is, what the official one would be, and how the two differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from inspector.escaping import printable
from inspector.fabric.binaries import role_of
from inspector.fabric.releases import LINES_OF, Linking, Release, ReleaseLine, line_of, release_of
from inspector.facts import BinaryFacts, LibcKind, RootFsFacts
from inspector.records import dataclass

_REPOSITORY = re.compile(r"(?:^|[/:])hyperledger/(fabric-[a-z]{1,20})(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@|$)")
_OF_ROLE: Mapping[str, str] = {
    "peer": "fabric-peer",
    "orderer": "fabric-orderer",
    "fabric-ca-server": "fabric-ca",
}
"""Program → the repository whose images are made for it."""
_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "fabric-peer": ("peer",),
    "fabric-orderer": ("orderer",),
    "fabric-tools": ("peer", "configtxgen", "cryptogen"),
    "fabric-ca": ("fabric-ca-server", "fabric-ca-client"),
}
"""Repository → those of its programs that are linked as its line says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricImage:
    """A Fabric image, as far as it can be told."""

    repository: str
    """Without its owner: ``fabric-peer``."""
    tag: str | None
    """Of a release where it names one; ``2.5`` and ``latest`` name none."""
    told_by: str
    """What it was recognised by."""

    @property
    def release(self) -> Release | None:
        """The release, or None where neither tag nor FABRIC_VER names one."""
        found = release_of(self.tag or "")
        return found[0] if found else None

    @property
    def line(self) -> ReleaseLine | None:
        """What is known of its release, or None."""
        return line_of(self.tag, self.repository) if self.tag else None


def identify(reference: str, env: Mapping[str, str], binaries: Sequence[BinaryFacts]) -> FabricImage | None:
    """Return which Fabric image this is, or None.

    Args:
        reference: as given or resolved; its repository counts where it is ``hyperledger/fabric-…``.
        env: of the image's config; FABRIC_VER names the release from 2.5 on.
        binaries: those of interest; a program counts where its module is Fabric's.
    """
    tag = env.get("FABRIC_VER") or None
    named = _REPOSITORY.search(reference)
    if named is not None:
        given = named[2] if named[2] and release_of(named[2]) else None
        how = "its name" if given or not tag else "its name and FABRIC_VER"
        return FabricImage(repository=named[1], tag=given or tag or named[2], told_by=how)
    for binary in binaries:
        role = role_of(binary.path) or ""
        module = binary.go.module if binary.go else None
        if role in _OF_ROLE and module is not None and module.startswith("github.com/hyperledger/fabric"):
            return FabricImage(repository=_OF_ROLE[role], tag=tag, told_by=f"its program {role} of {printable(module)}")
    return None


def linking_of(binary: BinaryFacts) -> Linking | None:
    """Return how a program is linked, in a line's words; None where that cannot be told."""
    dynamic: dict[LibcKind, Linking] = {"glibc": "dynamic glibc", "musl": "dynamic musl"}
    static: dict[LibcKind, Linking] = {"glibc": "static glibc", "musl": "static musl", "none": "static pure Go"}
    if binary.linkage == "unknown":
        return None
    return (static if binary.linkage.startswith("static") else dynamic).get(binary.libc.kind)


def mismatches(image: FabricImage, rootfs: RootFsFacts | None, binaries: Sequence[BinaryFacts]) -> Iterator[str]:
    """Yield how an image differs from what the official image of its release is, a sentence each."""
    line, release = image.line, image.release
    if line is None or release is None:
        return
    official = f"the official {image.repository} {image.tag}"
    for binary in binaries:
        role = role_of(binary.path)
        if role not in _PROGRAMS.get(image.repository, ()):
            continue
        found = linking_of(binary)
        if found is not None and found != line.linkage:
            yield f"{printable(binary.path)} is {found}, {official} is {line.linkage} ({line.source}): it was rebuilt"
        go = line.go_of(release)
        if go is not None and binary.go is not None and binary.go.source != "strings" and binary.go.version != go:
            built = printable(binary.go.version, limit=40)
            yield f"{printable(binary.path)} was built with Go {built}, {official} with Go {go}"
    yield from _base_mismatch(line, official, rootfs)


def _base_mismatch(line: ReleaseLine, official: str, rootfs: RootFsFacts | None) -> Iterator[str]:
    if rootfs is None or rootfs.files is None:
        return
    found = "no libc" if rootfs.libc.kind == "none" else f"{rootfs.libc.kind} {rootfs.libc.version or ''}".strip()
    if rootfs.libc.kind in {"glibc", "musl", "none"}:
        kind = "musl" if "alpine" in line.base else "glibc"
        version = line.base_glibc
        if rootfs.libc.kind != kind or (version and rootfs.libc.version and rootfs.libc.version != version):
            yield f"the image has {found}, {official} stands on {line.base}"
    if line.writes_nsswitch and rootfs.files.get("nsswitch.conf", "") is None:
        yield f"the image has no /etc/nsswitch.conf, {official} has one ({line.source})"


def chaincode_command(image: FabricImage) -> str:
    """Return the command that judges the chaincode images which a peer of this image builds.

    The images are those of its core.yaml: chaincode.builder and chaincode.golang.runtime.
    """
    release, line = image.release, image.line
    if release is None or line is None:
        names = "chaincode.builder and chaincode.golang.runtime of core.yaml"
        return f"inspector chaincode --ccenv CCENV --baseos BASEOS ({names})"
    if release < (2, 0, 0):
        tag = (
            f"amd64-{'.'.join(map(str, release))}" if release >= (1, 2, 0) else f"x86_64-{'.'.join(map(str, release))}"
        )
        baseos = line.baseos_of(release)
        arch = tag.partition("-")[0]
        base = f"hyperledger/fabric-baseos:{arch}-{baseos}" if baseos else "BASEOS"
        return f"inspector chaincode --ccenv hyperledger/fabric-ccenv:{tag} --baseos {base}"
    two = f"{release[0]}.{release[1]}"
    return f"inspector chaincode --ccenv hyperledger/fabric-ccenv:{two} --baseos hyperledger/fabric-baseos:{two}"


def describe(
    reference: str, env: Mapping[str, str], rootfs: RootFsFacts | None, binaries: Sequence[BinaryFacts]
) -> tuple[str, ...]:
    """Return what a reader should know of an image as Fabric's: which it is, where it differs, what comes later."""
    image = identify(reference, env, binaries)
    if image is None or image.repository not in LINES_OF:
        return ()
    name = f"{image.repository} {printable(image.tag, limit=60)}" if image.tag else image.repository
    line = image.line
    known = f"; official images of it are {line.linkage} on {line.base}" if line else ""
    notes = [f"Fabric: {name}, told by {image.told_by}{known}"]
    if line is not None and line.known_bad:
        notes.append(f"Fabric: known of this release: {line.known_bad}")
    notes += [f"Fabric: {text}" for text in mismatches(image, rootfs, binaries)]
    if image.repository == "fabric-peer" and any(role_of(binary.path) == "peer" for binary in binaries):
        kind = f", {line.chaincode}" if line else ""
        notes.append(
            f"Fabric: Go chaincode runs in images that the peer builds later{kind} unless chaincode.golang.dynamicLink "
            f"is true; judge them beforehand: {chaincode_command(image)}"
        )
    return tuple(notes)
