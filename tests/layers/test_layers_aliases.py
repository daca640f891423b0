"""Facts stored under a layer's other digest: only where both were held against the bytes."""

import gzip
import json
from pathlib import Path

from stacks import digest_of, file, tar, write_layout

import inspector
from inspector.store import Store, place_of

LAYER = tar([file("etc/passwd", "root:x:0:0::/:\n")])


def collect(place: Path, cache: Path, **options: bool) -> None:
    settings = inspector.ScanOptions(cache_dir=cache, **options)  # type: ignore[arg-type]
    (target,) = inspector.collect(f"oci-dir:{place}", options=settings)
    assert target.status == "analysed"


def test_both_digests_of_a_layer_find_its_facts(tmp_path: Path) -> None:
    write_layout(tmp_path / "image", [LAYER])
    collect(tmp_path / "image", tmp_path / "cache")
    collect(tmp_path / "image", tmp_path / "cache", hash_binaries=True)
    with Store.open(place_of(directory=tmp_path / "cache")) as store:
        compressed = digest_of(gzip.compress(LAYER, 1, mtime=0))
        for suffix in ("", "+sha256"):
            assert store.has(digest_of(LAYER) + suffix)
            assert store.facts(digest_of(LAYER) + suffix) == store.facts(compressed + suffix) is not None
        assert not store.has(digest_of(b"another"))


def test_a_config_that_lies_of_its_diff_ids_leads_nobody_to_its_layers_facts(tmp_path: Path) -> None:
    """Else an image that claims the diff ID of another's layer would be believed when that one is scanned."""
    write_layout(tmp_path / "image", [LAYER])
    other = digest_of(b"the layer of another image")
    _claim(tmp_path / "image", other)
    collect(tmp_path / "image", tmp_path / "cache")
    with Store.open(place_of(directory=tmp_path / "cache")) as store:
        assert not store.has(other)
        assert not store.has(digest_of(LAYER)), "nobody asked for it by that name"


def _claim(layout: Path, diff_id: str) -> None:
    """Write another diff ID into the image's config."""
    blobs = layout / "blobs/sha256"

    def put(document: object) -> tuple[str, int]:
        content = json.dumps(document).encode()
        (blobs / digest_of(content).removeprefix("sha256:")).write_bytes(content)
        return digest_of(content), len(content)

    def get(digest: str) -> dict[str, object]:
        found = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
        assert isinstance(found, dict)
        return found

    index = json.loads((layout / "index.json").read_text())
    entry = index["manifests"][0]
    manifest: dict[str, dict[str, object]] = get(entry["digest"])  # type: ignore[assignment]
    config = get(str(manifest["config"]["digest"]))
    config["rootfs"] = {"type": "layers", "diff_ids": [diff_id]}
    manifest["config"]["digest"], manifest["config"]["size"] = put(config)
    entry["digest"], entry["size"] = put(manifest)
    (layout / "index.json").write_text(json.dumps(index))
