"""A Fabric image is recognised, and what is not as it should be is told."""

import json
from dataclasses import replace
from pathlib import Path

import parts
import pytest

from inspector.fabric import describe, identify
from inspector.fabric.images import chaincode_command, linking_of
from inspector.facts import BinaryFacts, GoBuild, ImageLibc, Libc, RootFsFacts

MODULE = "github.com/hyperledger/fabric/cmd/peer"
PEER = BinaryFacts(
    path="/usr/local/bin/peer",
    size=1,
    machine="x86-64",
    linkage="static",
    stripped=False,
    libc=Libc(kind="glibc", version="2.23"),
    go=GoBuild(version="1.11.5", module=MODULE),
)
XENIAL = RootFsFacts(libc=ImageLibc(kind="glibc", version="2.23"), files={"nsswitch.conf": "hosts: files dns\n"})


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("registry:docker.io/hyperledger/fabric-peer:1.4.3", "fabric-peer", "1.4.3"),
        ("docker:hyperledger/fabric-orderer:amd64-1.4.3@sha256:" + "0" * 64, "fabric-orderer", "amd64-1.4.3"),
        ("registry:mirror.example.com:5000/cache/hyperledger/fabric-ca:1.4.9", "fabric-ca", "1.4.9"),
        ("registry:ghcr.io/hyperledger/fabric-tools:2.5", "fabric-tools", "2.5"),
    ],
)
def test_an_image_is_recognised_by_its_name(reference: str, repository: str, tag: str) -> None:
    image = identify(reference, {}, ())
    assert image is not None
    assert (image.repository, image.tag) == (repository, tag)


@pytest.mark.parametrize(
    "reference",
    ["docker:example.com/fabric-peer:1.4.3", "docker:hyperledger/fabric-peer-tools/x:1", "dir:/srv/peer", "-"],
)
def test_another_name_is_no_fabric_image(reference: str) -> None:
    assert identify(reference, {}, ()) is None


def test_fabric_ver_says_which_release_a_moving_tag_is() -> None:
    image = identify("docker:hyperledger/fabric-peer:2.5", {"FABRIC_VER": "2.5.10"}, ())
    assert image is not None
    assert image.release == (2, 5, 10)


def test_a_renamed_image_is_recognised_by_its_program_and_module() -> None:
    image = identify("docker:ours/peer:7", {"FABRIC_VER": "2.5.10"}, (PEER,))
    assert image is not None
    assert (image.repository, image.release) == ("fabric-peer", (2, 5, 10))
    assert (
        identify("docker:ours/peer:7", {}, (replace(PEER, go=GoBuild(version="1.11", module="example.com/x")),)) is None
    )


def test_an_official_image_has_no_mismatch() -> None:
    notes = describe("docker:hyperledger/fabric-peer:1.4.3", {}, XENIAL, (PEER,))
    assert not [note for note in notes if "official fabric-peer" in note]
    assert any("FAB-5822" in note for note in notes), "a known-bad line is told"


@pytest.mark.parametrize(
    ("tag", "rootfs", "peer", "told"),
    [
        ("1.4.4", XENIAL, PEER, "is static glibc, the official fabric-peer 1.4.4 is dynamic glibc"),
        ("1.4.2", XENIAL, replace(PEER, go=GoBuild(version="1.13", module=MODULE)), "built with Go 1.13"),
        ("1.4.3", replace(XENIAL, libc=ImageLibc(kind="musl")), PEER, "the image has musl"),
        ("1.4.3", replace(XENIAL, libc=ImageLibc(kind="glibc", version="2.31")), PEER, "the image has glibc 2.31"),
        ("2.5.10", replace(XENIAL, files={"nsswitch.conf": None}), PEER, "has no /etc/nsswitch.conf"),
    ],
)
def test_a_mismatch_is_told(tag: str, rootfs: RootFsFacts, peer: BinaryFacts, told: str) -> None:
    notes = describe(f"docker:hyperledger/fabric-peer:{tag}", {}, rootfs, (peer,))
    assert any(told in note for note in notes), notes


def test_a_tag_without_a_release_promises_nothing() -> None:
    notes = describe("docker:hyperledger/fabric-peer:latest", {}, XENIAL, (PEER,))
    assert not [note for note in notes if "official" in note]


def test_what_an_image_says_of_itself_is_escaped_and_short() -> None:
    notes = describe(
        "docker:hyperledger/fabric-peer:2.5", {"FABRIC_VER": "2.5.10\x1b[31m" + "x" * 9000}, XENIAL, (PEER,)
    )
    assert all("\x1b" not in note and len(note) < 700 for note in notes)


@pytest.mark.parametrize(
    ("tag", "command"),
    [
        ("2.5.10", "--ccenv hyperledger/fabric-ccenv:2.5 --baseos hyperledger/fabric-baseos:2.5"),
        ("1.4.12", "--ccenv hyperledger/fabric-ccenv:amd64-1.4.12 --baseos hyperledger/fabric-baseos:amd64-0.4.22"),
        ("1.4.5", "--ccenv hyperledger/fabric-ccenv:amd64-1.4.5 --baseos hyperledger/fabric-baseos:amd64-0.4.18"),
        ("latest", "--ccenv CCENV --baseos BASEOS"),
    ],
)
def test_a_peers_scan_names_the_command_for_its_chaincode(tag: str, command: str) -> None:
    image = identify(f"docker:hyperledger/fabric-peer:{tag}", {}, ())
    assert image is not None
    assert command in chaincode_command(image)
    notes = describe(f"docker:hyperledger/fabric-peer:{tag}", {}, XENIAL, (PEER,))
    assert any("images that the peer builds later" in note and command in note for note in notes)
    orderer = replace(PEER, path="/usr/local/bin/orderer")
    assert not [
        note for note in describe("docker:hyperledger/fabric-orderer:2.5.10", {}, XENIAL, (orderer,)) if "later" in note
    ]


@pytest.mark.parametrize(
    ("linkage", "libc", "linking"),
    [
        ("static", "glibc", "static glibc"),
        ("static-pie", "musl", "static musl"),
        ("static", "none", "static pure Go"),
        ("dynamic-pie", "glibc", "dynamic glibc"),
        ("static", "unknown", None),
        ("unknown", "unknown", None),
    ],
)
def test_linking_is_told_or_not_known(linkage: str, libc: str, linking: str | None) -> None:
    assert linking_of(replace(PEER, linkage=linkage, libc=Libc(kind=libc))) == linking  # type: ignore[arg-type]


@pytest.mark.needs("skopeo", "docker-registry")
def test_scan_tells_that_a_tag_is_not_what_it_should_be(tmp_path: Path) -> None:
    """The sample's peer is static; as fabric-peer 1.4.4 it would have been rebuilt."""
    with parts.registry(tmp_path) as registry:
        registry.push(f"docker-archive:{parts.plain_archive(tmp_path)}", "hyperledger/fabric-peer:1.4.4")
        reference = f"registry:{registry.host}/hyperledger/fabric-peer:1.4.4"
        done = parts.inspector("scan", "--insecure", "-f", "json", "--fail-on", "never", reference)
    assert done.returncode == 0, done.stderr
    notes = json.loads(done.stdout)["targets"][0]["notes"]
    assert any("is static glibc, the official fabric-peer 1.4.4 is dynamic glibc" in note for note in notes)
    assert any("inspector chaincode --ccenv" in note for note in notes)
