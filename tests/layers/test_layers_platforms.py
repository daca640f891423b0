"""Images for another system than Linux: told plainly, and never safe."""

import json
from pathlib import Path

import parts
import pytest
from stacks import digest_of, file, tar, write_layout

from inspector.facts import BinaryFacts, ResolverContext, RootFsFacts
from inspector.risk import judge


@pytest.mark.parametrize("system", ["windows", "freebsd"])
def test_an_image_for_another_system_is_not_analysed(system: str, tmp_path: Path) -> None:
    layer = tar([file("Files/app.exe", b"MZ" + bytes(100)), file("Files/true", Path("/bin/true").read_bytes())])
    write_layout(tmp_path / "image", [layer], {"Entrypoint": ["C:\\\\app.exe"]}, os=system)
    done = parts.inspector("scan", "--no-cache", "--format", "json", f"oci-dir:{tmp_path / 'image'}")
    assert done.returncode == 4
    (target,) = json.loads(done.stdout)["targets"]
    assert target["status"] == "failed"
    assert target["platform"] == f"{system}/amd64"
    assert [problem["message"] for problem in target["problems"]] == [
        f"it is an image for {system}/amd64: only images for linux are analysed"
    ]
    text = parts.inspector("scan", "--no-cache", f"oci-dir:{tmp_path / 'image'}").stdout
    assert "safe" not in text
    assert "nothing could be analysed" in text.splitlines()[-1]


def test_a_layer_that_is_to_be_had_elsewhere_is_not_asked_for_where_it_would_not_be_read(tmp_path: Path) -> None:
    """Windows base layers are foreign: of an index with all platforms they must not stop the others."""
    write_layout(tmp_path / "image", [tar([file("a")])], os="windows")
    (entry,) = json.loads((tmp_path / "image/index.json").read_text())["manifests"]
    blob = tmp_path / "image/blobs/sha256" / entry["digest"].removeprefix("sha256:")
    manifest = json.loads(blob.read_text())
    manifest["layers"][0] |= {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "urls": ["https://example.com/layer"],
    }  # fmt: skip
    blob.unlink()
    content = json.dumps(manifest).encode()
    digest = digest_of(content)
    (tmp_path / "image/blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(content)
    index = {"schemaVersion": 2, "manifests": [{**entry, "digest": digest, "size": len(content)}]}
    (tmp_path / "image/index.json").write_text(json.dumps(index))
    done = parts.inspector("scan", "--no-cache", f"oci-dir:{tmp_path / 'image'}")
    assert (done.returncode, done.stderr) == (4, "")
    assert "it is an image for windows/amd64" in done.stdout


def test_facts_of_another_system_are_judged_unknown() -> None:
    binary = BinaryFacts(path="/a", size=1, machine="x86-64", linkage="static")
    for platform, level in (("windows/amd64", "unknown"), ("linux/amd64", "safe"), (None, "safe")):
        verdict = judge(binary, RootFsFacts(), ResolverContext(), call="host", name="a", platform=platform)
        assert verdict.level == level


def nest(layout: Path, *absent: str) -> None:
    """Put the image's manifest into an index that lists platforms besides it whose blobs are not there."""
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    here = {**entry, "platform": {"os": "linux", "architecture": "arm64"}}
    there = [
        {**entry, "digest": digest_of(name.encode()), "platform": {"os": "linux", "architecture": name}}
        for name in absent
    ]
    kind = "application/vnd.oci.image.index.v1+json"
    content = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [*there, here]}).encode()
    (layout / "blobs/sha256" / digest_of(content).removeprefix("sha256:")).write_bytes(content)
    outer = {"mediaType": kind, "digest": digest_of(content), "size": len(content), "annotations": entry["annotations"]}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [outer]}))


def test_of_an_index_only_the_platforms_that_are_there_can_be_taken(tmp_path: Path) -> None:
    """``ctr image export`` writes the whole index and the blobs of its own machine's platform alone."""
    write_layout(tmp_path / "image", [tar([file("a")])], architecture="arm64")
    nest(tmp_path / "image", "amd64", "s390x")
    reference = f"oci-dir:{tmp_path / 'image'}"
    refused = parts.inspector("facts", "--no-cache", reference)
    assert refused.returncode == 3
    assert "has no image for linux/amd64; it has linux/arm64; choose with --platform" in refused.stderr
    for flags in (("--platform", "linux/arm64"), ("--all-platforms",)):
        found = parts.facts(*flags, reference)
        assert found["notes"][:2] == ["tagged x", "index of 3 platforms, 1 of them is there"]
    blob = next(p for p in (tmp_path / "image/blobs/sha256").iterdir() if b'"config"' in p.read_bytes()[:200])
    blob.unlink()
    assert parts.inspector("facts", "--no-cache", reference).returncode == 4, "none is there: that is damage"
