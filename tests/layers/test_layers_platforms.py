"""Images for another system than Linux: told plainly, and never safe."""

import json
from pathlib import Path

import parts
import pytest
from stacks import file, tar, write_layout

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
    from stacks import digest_of

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
