"""The same image from every source on this machine, with and without its scheme."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parts
import pytest
from backports import zstd

import inspector
from inspector.errors import InspectorError, TargetAbsent, TargetDamaged
from inspector.facts import Target
from inspector.references import parse
from inspector.sources import SourceOptions
from inspector.sources.blobs import open_archive_stream
from inspector.sources.opening import open_images


def collect(reference: str, **options: Any) -> Target:
    found = inspector.collect(
        reference, options=inspector.ScanOptions(use_cache=False, source=SourceOptions(**options))
    )
    assert len(found) == 1
    return found[0]


def content(target: Target) -> object:
    binaries = [
        (b.path, b.sha256, b.size, b.linkage, b.libc, b.go, b.exposures, b.missing, b.needed) for b in target.binaries
    ]
    return (target.status, target.problems, target.rootfs, binaries)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Write the sample in every form there is; return the reference of each."""
    home = tmp_path_factory.mktemp("images")
    plain = parts.plain_archive(home)

    def copy(target: str, *options: str) -> None:
        subprocess.run(
            ["skopeo", "copy", "-q", *options, f"docker-archive:{plain}", target], check=True, capture_output=True
        )

    copy(f"docker-archive:{home}/docker.tar:samples/peer:1")
    copy(f"oci-archive:{home}/oci.tar:1")
    copy(f"oci:{home}/layout:1")
    copy(f"oci:{home}/zstd:1", "--dest-compress-format", "zstd")
    subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{home}/layout:1", f"{home}/root"], check=True, capture_output=True
    )
    (home / "oci.tar.gz").write_bytes(gzip.compress((home / "oci.tar").read_bytes(), 1))
    plain, skipped = (home / "docker.tar").read_bytes(), b"\x50\x2a\x4d\x18\x05\0\0\0aside"
    (home / "docker.tar.zst").write_bytes(zstd.compress(plain))
    half = len(plain) // 2
    frames = [skipped, zstd.compress(plain[:half]), skipped, zstd.compress(plain[half:]), skipped]
    (home / "skipping.tar.zst").write_bytes(b"".join(frames))
    return {
        "docker-archive": f"docker-archive:{home}/docker.tar", "docker-archive by tag": f"docker-archive:{home}/docker.tar:samples/peer:1",
        "docker-archive by short tag": f"docker-archive:{home}/docker.tar:1", "docker-archive unnamed": f"{home}/docker.tar",
        "docker-archive zstd": f"{home}/docker.tar.zst", "zstd frames to skip": f"{home}/skipping.tar.zst", "oci-archive": f"oci-archive:{home}/oci.tar:1", "oci-archive gzip": f"{home}/oci.tar.gz",
        "oci-dir": f"oci-dir:{home}/layout:1", "oci-dir unnamed": f"{home}/layout", "oci-dir zstd": f"oci-dir:{home}/zstd", "dir": f"dir:{home}/root",
        "dir unnamed": f"{home}/root",
    }  # fmt: skip


FORMS = ["docker-archive", "docker-archive by tag", "docker-archive by short tag", "docker-archive unnamed", "docker-archive zstd", "zstd frames to skip", "oci-archive",
         "oci-archive gzip", "oci-dir", "oci-dir unnamed", "oci-dir zstd", "dir", "dir unnamed"]  # fmt: skip


@pytest.mark.needs("root", "skopeo", "umoci")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_facts(images: dict[str, str], form: str) -> None:
    expected, found = collect(str(parts.PEER)), collect(images[form])
    if form.startswith("dir"):  # a bare root filesystem has no config: nothing says what starts
        assert found.config is not None and not found.config.env
    else:
        assert found.config == expected.config
        assert found.platform == expected.platform
        assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in expected.layers]
        assert [binary.layer for binary in found.binaries] == [binary.layer for binary in expected.binaries]
    assert content(found) == content(expected)


@pytest.mark.needs("root", "skopeo", "umoci")
def test_a_tag_that_is_not_there_names_those_that_are(images: dict[str, str]) -> None:
    for form in ("docker-archive", "oci-dir unnamed"):
        reference = images[form] if ":" in images[form] else f"oci-dir:{images[form]}"
        with pytest.raises(TargetAbsent, match=r"it has .*1"):
            collect(f"{reference}:nope")
    with pytest.raises(TargetAbsent, match="no image for linux/s390x; it has linux/amd64"):
        collect(images["oci-archive"], platform="linux/s390x")


def test_a_directory_is_a_root_filesystem_or_a_layout_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    assert collect(str(tmp_path)).rootfs is not None
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(InspectorError, match="neither an image manifest nor an index"):
        collect(str(tmp_path))


def test_from_and_offline_are_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alpine/etc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert collect("alpine").reference == "alpine", "a path comes first"
    with pytest.raises(InspectorError, match=r"docker\.io: .*--offline"):
        collect("alpine", source="registry", offline=True)
    with pytest.raises(InspectorError, match="docker: the engine at"):
        collect("alpine", source="docker")
    with pytest.raises(InspectorError) as both:
        collect("debian:12", offline=True)
    assert "docker: " in str(both.value) and "registry: " in str(both.value) and both.value.exit_code == 3


# ── layouts that are told plainly ────────────────────────────────────────────────────────────────────────────────

KIND = "application/vnd.docker"
LAYER = {"mediaType": f"{KIND}.image.rootfs.diff.tar.gzip", "digest": "sha256:" + "1" * 64, "size": 1}


def manifest(tmp_path: Path, document: dict[str, Any], config: dict[str, Any] | None = None) -> str:
    """Write a layout whose only manifest is the document; return its reference."""
    import hashlib

    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return f"sha256:{digest}"

    if config is not None:
        document = {
            **document,
            "config": {
                "mediaType": f"{KIND}.container.image.v1+json",
                "digest": put(json.dumps(config).encode()),
                "size": 1,
            },
        }
    entry = {"digest": put(json.dumps(document).encode()), "size": 1}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return f"oci-dir:{tmp_path}"


CONFIG = {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "2" * 64]}}
FOREIGN = {**LAYER, "mediaType": f"{KIND}.image.rootfs.foreign.diff.tar.gzip", "urls": ["https://example.com/layer"]}


@pytest.mark.parametrize(
    ("document", "config", "words"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, None, "schema 1"), ({"schemaVersion": 2, "layers": [FOREIGN]}, CONFIG, "is foreign"),
        ({"schemaVersion": 2, "layers": [LAYER, LAYER]}, CONFIG, "2 layers, but 1 diff IDs"), ({"schemaVersion": 2, "layers": []}, None, "neither an image"),
        ({"schemaVersion": 2, "layers": [{}]}, CONFIG, "without a digest"), ({"schemaVersion": 2, "layers": [LAYER]}, {"x": 1}, "no diff IDs"),
        ({"schemaVersion": 2, "layers": [LAYER]}, CONFIG, "lacks the layer sha256:111"), ({"manifests": [{"digest": "md5:1"}]}, None, "without a digest"),
    ],
)  # fmt: skip
def test_manifests_that_cannot_be_read_are_told_plainly(
    tmp_path: Path, document: dict[str, Any], config: dict[str, Any] | None, words: str
) -> None:
    with pytest.raises(InspectorError, match=words) as caught:
        collect(manifest(tmp_path, document, config))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [("linux/arm/v7", "v7"), ("linux/arm/v8", "v7"), ("linux/arm", "v7"), ("linux/arm/v6", "v6"), ("linux/arm64", "")],
)
def test_arm_variants_are_answered_as_engines_do(wanted: str, taken: str) -> None:
    from inspector.sources.manifests import Index, parse_manifest, parse_platform, select

    platforms = [{"os": "linux", "architecture": "arm", "variant": v} for v in ("v5", "v6", "v7")]
    platforms += [
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    entries = [{"digest": f"sha256:{n:064}", "size": 1, "platform": p} for n, p in enumerate(platforms)]
    index = parse_manifest(json.dumps({"manifests": entries}).encode())
    assert isinstance(index, Index)
    chosen = select(index, parse_platform(wanted)).platform
    assert chosen is not None and chosen.variant == taken
    with pytest.raises(TargetAbsent, match="it has linux/arm/v5, linux/arm/v6, linux/arm/v7, linux/arm64"):
        select(index, parse_platform("linux/riscv64"))


def test_an_engine_that_is_not_there_leaves_no_socket_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import warnings

    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "engine.sock"))  # nobody listens
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
        gc.collect()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            with pytest.raises(inspector.InspectorError):
                inspector.scan("docker:some/image:1")
            gc.collect()
    assert not [str(warning.message) for warning in seen]


@pytest.mark.parametrize("scheme", ["docker-archive:", "oci-archive:", "file:"])
def test_a_device_is_not_opened(scheme: str) -> None:
    with pytest.raises(TargetAbsent, match=r"/dev/null is (neither a regular file nor a pipe|not a regular file)"):
        collect(f"{scheme}/dev/null")


class _Endless:
    """A stream that would fill the disk; it tells how much was taken of it."""

    taken = 0

    def read(self, size: int, /) -> bytes:
        self.taken += size
        assert self.taken <= 1 << 20, "it is copied"
        return bytes(size)


def test_a_stream_that_begins_as_no_archive_is_not_copied() -> None:
    stream = _Endless()
    with pytest.raises(TargetDamaged, match="begins neither as a tar nor as gzip or zstd"):
        open_archive_stream(stream, "it")
    assert stream.taken == 512


@pytest.mark.parametrize("scheme", ["", "dir:"])
def test_a_directory_that_may_not_be_read_is_told_in_one_line(scheme: str) -> None:
    with tempfile.TemporaryDirectory() as closed:
        Path(closed).chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # whom modes mean something to
        try:
            with pytest.raises(TargetAbsent, match="cannot be read: Permission denied"):
                open_images(parse(f"{scheme}{closed}"), SourceOptions(), None)
        finally:
            if root:
                os.seteuid(0)
            Path(closed).chmod(0o700)


def test_an_oci_image_tells_its_tag_as_a_docker_archive_does(images: dict[str, str], tmp_path: Path) -> None:
    for name in ("oci-archive", "oci-dir"):
        assert collect(images[name]).notes[0] == "tagged 1"
    assert collect(images["docker-archive"]).notes[0] == "tagged docker.io/samples/peer:1"
    layout = tmp_path / "layout"
    shutil.copytree(images["oci-dir"].removeprefix("oci-dir:").rpartition(":")[0], layout)
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0]["annotations"]["io.containerd.image.name"] = "registry.example.com/peer:\x1b1"
    (layout / "index.json").write_text(json.dumps(index))
    assert collect(str(layout)).notes[0] == "tagged registry.example.com/peer:\\x1b1", (
        "in full, as containerd exports it"
    )
