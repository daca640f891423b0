"""What was run: a verdict is *observed* only where its cell was; anything else is inferred from its neighbours.

Probe programs of Go 1.9 to 1.27 with glibc 2.31, 2.36 or 2.41 inside, in root filesystems of Debian (glibc 2.31, 2.36,
2.41 and, on amd64, 2.43), of musl, of nothing, and of glibc without libnss files; arm64, ppc64le, s390x and armhf under
qemu-user. On amd64 also such of Ubuntu's glibc 2.23, 2.27, 2.31, 2.35 and 2.39 in its root filesystems
(script/observe-old). A cell is the machine, both C libraries, the call and the NSS sources in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.facts import BinaryFacts, RootFsFacts

MACHINES = ("x86-64", "aarch64", "ppc64le", "s390x", "arm")
INSIDE = ("2.31", "2.36", "2.41", "2.23", "2.27", "2.35", "2.39")
"""Static glibcs."""
IMAGES = ("2.31", "2.36", "2.41", "2.43", "bare", "musl", "none", "2.23", "2.27", "2.35", "2.39")
"""The image's glibc, or what stands in its place; ``bare`` is a glibc without any libnss file."""
_CONTROLS = ("2.31", "2.36", "2.41", "2.43", "musl", "none")
"""Images in which programs without a glibc of their own were run."""
_DYNAMIC = ("2.31", "2.36", "2.41")
"""Those in which dynamic ones were."""
DATABASES: Mapping[str, str] = {
    "host": "hosts", "addr": "hosts", "cname": "hosts", "port": "services", "user": "passwd", "uid": "passwd",
    "current": "passwd", "group": "group", "groupids": "initgroups",
}  # fmt: skip
"""Call → the database of nsswitch.conf that it asks."""


def bit_of(binary: BinaryFacts, rootfs: RootFsFacts) -> int | None:
    """Return the place of two C libraries in a mask of cells, or None where they were never together."""
    image = rootfs.libc.version if rootfs.libc.kind == "glibc" else rootfs.libc.kind
    if rootfs.libc.kind == "glibc" and image in IMAGES and not rootfs.nss:
        image = "bare"
    if binary.libc.version not in INSIDE or image not in IMAGES:
        return None
    return INSIDE.index(binary.libc.version) * len(IMAGES) + IMAGES.index(image)


def was_entered(binary: BinaryFacts, rootfs: RootFsFacts, call: str, asked: Sequence[str]) -> bool:
    """Whether a static glibc was seen to make this call with these sources in such an image."""
    from inspector.risk.observations import CELLS

    masks, bit = CELLS.get((call, " ".join(asked))), bit_of(binary, rootfs)
    if masks is None or bit is None or binary.machine not in MACHINES or not _is_plain(binary):
        return False
    return bool(masks[MACHINES.index(binary.machine)] >> bit & 1)


def _is_plain(binary: BinaryFacts) -> bool:
    """Whether the file is of the form that was run: Go's; static-pie on amd64 only."""
    return binary.go is not None and (binary.linkage == "static" or binary.machine == "x86-64")


def was_kept_out(binary: BinaryFacts, rootfs: RootFsFacts) -> bool:
    """Whether a program of this kind, which no glibc of its own leads into NSS, was run in such an image."""
    if binary.machine != "x86-64" or binary.go is None:
        return False
    image = rootfs.libc.version if rootfs.libc.kind == "glibc" else rootfs.libc.kind
    if binary.linkage.startswith("dynamic"):
        return binary.libc.kind == "glibc" and image in _DYNAMIC
    return image in _CONTROLS
