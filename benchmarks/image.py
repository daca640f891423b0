"""A realistic image to measure with: a Debian base layer, a layer of large Go programs, a small one of configuration.

Everything in it is Debian's, fetched and kept by tests/toolchains.py, so that the image is the same from run to run.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from toolchains import cache, debian_root, making  # noqa: E402

RELEASE = "bookworm"
BASE = (
    "apt", "base-files", "base-passwd", "bash", "bsdutils", "ca-certificates", "coreutils", "curl", "dash",
    "debianutils", "diffutils", "dpkg", "findutils", "grep", "gzip", "hostname", "jq", "libc-bin", "login", "mount",
    "ncurses-base", "ncurses-bin", "netbase", "openssl", "perl-base", "procps", "sed", "sysvinit-utils",
    "tar", "tzdata", "util-linux",
)  # fmt: skip
"""About what Debian's own image holds, with a few programs that services add."""
GO = ("docker.io", "containerd", "skopeo", "docker-registry")
PROGRAMS = ("usr/sbin/dockerd", "usr/bin/docker", "usr/bin/containerd", "usr/bin/skopeo", "usr/bin/docker-registry")
LEFT_OUT = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/")
"""As slim images leave them out."""
NAME = "bench/services:1"


def image() -> Path:
    """Return an OCI image layout with the image, made at the first call."""
    home = cache() / "bench-image-2"
    with making(home) as work:
        if work:
            work.mkdir()
            write_layout(work)
    return home


def docker_archive() -> Path:
    """Return the image as ``docker save`` writes it: layers not compressed."""
    home = cache() / "bench-archive-2"
    layout = image()
    with making(home) as work:
        if work:
            work.mkdir()
            command = ["skopeo", "copy", "-q", f"oci:{layout}:1", f"docker-archive:{work}/image.tar:{NAME}"]
            subprocess.run(command, check=True)
    return home / "image.tar"


def write_layout(directory: Path) -> None:
    """Write the image into a directory (OCI image-spec, image-layout.md)."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)
    layers, diff_ids = [], []
    for path in (base_layer(directory), program_layer(directory), configuration_layer(directory)):
        digest, diff_id, size = compress(path, blobs)
        path.unlink()
        layers.append(descriptor("layer.v1.tar+gzip", digest, size))
        diff_ids.append(f"sha256:{diff_id}")
    config = put(blobs, {
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "config": {"Cmd": ["dockerd"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
    })  # fmt: skip
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = put(blobs, {
        "schemaVersion": 2, "mediaType": media_type, "layers": layers, "config": descriptor("config.v1+json", *config),
    })  # fmt: skip
    entry = descriptor("manifest.v1+json", *manifest)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))


def base_layer(directory: Path) -> Path:
    return pack(debian_root(RELEASE, BASE), directory / "base.tar")


def program_layer(directory: Path) -> Path:
    source, place = debian_root(RELEASE, GO), directory / "programs"
    for name in PROGRAMS:
        target = place / "usr/local/bin" / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target)
    packed = pack(place, directory / "programs.tar")
    shutil.rmtree(place)
    return packed


def configuration_layer(directory: Path) -> Path:
    place = directory / "configuration"
    (place / "etc").mkdir(parents=True)
    (place / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    packed = pack(place, directory / "configuration.tar")
    shutil.rmtree(place)
    return packed


def pack(source: Path, target: Path) -> Path:
    """Pack a directory without what varies between two runs; devices are left out."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return None if member.isdev() else member

    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if not name.startswith(LEFT_OUT):
                tar.add(path, name, recursive=False, filter=plain)
    return target


def compress(path: Path, blobs: Path) -> tuple[str, str, int]:
    """Write a gzip blob at zlib's level 6, as engines do, and return its digest, its diff ID and its size."""
    plain, stored, size = hashlib.sha256(), hashlib.sha256(), 0
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    target = blobs / "unfinished"
    with path.open("rb") as source, target.open("wb") as output:
        while data := source.read(1 << 20):
            plain.update(data)
            size += write(output, stored, deflater.compress(data))
        size += write(output, stored, deflater.flush())
    target.rename(blobs / stored.hexdigest())
    return stored.hexdigest(), plain.hexdigest(), size


def write(output: io.BufferedWriter, digest: hashlib._Hash, data: bytes) -> int:
    digest.update(data)
    return output.write(data)


def descriptor(kind: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": size}


def put(blobs: Path, document: object) -> tuple[str, int]:
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return digest, len(content)
