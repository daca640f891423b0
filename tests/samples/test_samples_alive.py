"""What the samples' verdicts say is what their processes do: run in a chroot, without a network."""

import gzip
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

IMAGES = Path(__file__).parents[2] / "samples" / "images"
UBUNTU = "nameserver 127.0.0.11\noptions edns0 trust-ad ndots:0\n"
PLAIN = "nameserver 127.0.0.11\noptions ndots:0\n"


def unpack(image: str, root: Path) -> None:
    """Unpack the layers of an archive, trusted because it is ours."""
    (path,) = IMAGES.glob(f"{image}.tar*")
    with tarfile.open(path) as archive:
        for layer in layers(archive):
            # Not extractall(): Python 3.11.2, which Debian 12 has, lacks its filters, and 3.14 asks for one.
            unpacked = gunzip(archive.extractfile(layer).read())  # type: ignore[union-attr]
            subprocess.run(["tar", "-x", "-C", root], input=unpacked, check=True)


def gunzip(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def layers(archive: tarfile.TarFile) -> list[str]:
    """Return the names of an archive's layers, lowest first."""

    def load(name: str) -> Any:
        return json.load(archive.extractfile(name))  # type: ignore[arg-type]

    def blob(descriptor: dict[str, str]) -> str:
        return "blobs/" + descriptor["digest"].replace(":", "/")

    if "manifest.json" in archive.getnames():
        return list(load("manifest.json")[0]["Layers"])
    return [blob(layer) for layer in load(blob(load("index.json")["manifests"][0]))["layers"]]


def run(image: str, resolv_conf: str, root: Path, *, godebug: str = "", name: str = "localhost") -> int:
    """Return the exit status of the sample's peer, negative for a signal."""
    unpack(image, root)
    (root / "etc/resolv.conf").write_text(resolv_conf)
    (root / "etc/hosts").write_text("127.0.0.1\tlocalhost\n")
    environment = ["/usr/bin/env", "-i", f"GODEBUG={godebug}"] if godebug else ["/usr/bin/env", "-i"]
    # env runs outside of the chroot, which has no programs but the sample's.
    command = ["unshare", "-n", *environment, "/usr/sbin/chroot", str(root), "/usr/local/bin/peer", "-many", "64", name]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.needs("root", "unshare", "chroot")
def test_the_static_glibc_peer_dies_where_the_report_says_crash(tmp_path: Path) -> None:
    # Go turns a SIGSEGV in C code into its own exit status 2 after printing the traceback.
    assert run("peer-static-glibc", UBUNTU, tmp_path) in {2, -11, -6}


@pytest.mark.needs("root", "unshare", "chroot")
@pytest.mark.parametrize(
    ("image", "resolv_conf", "godebug"),
    [
        ("peer-static-glibc", PLAIN, ""),
        ("peer-static-glibc", UBUNTU, "netdns=go"),
        ("peer-netgo", UBUNTU, ""),
        ("peer-dynamic", UBUNTU, ""),
        ("peer-musl", UBUNTU, ""),
    ],
)
def test_the_others_live(image: str, resolv_conf: str, godebug: str, tmp_path: Path) -> None:
    assert run(image, resolv_conf, tmp_path, godebug=godebug) == 0
