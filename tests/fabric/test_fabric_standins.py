"""What stands in for an official image: by its name and tag, and for nothing else."""

import pytest

from inspector.fabric import LINES, stand_in
from inspector.fabric.releases import CA_LINES


@pytest.mark.parametrize(
    ("repository", "tag", "linkage", "image_libc"),
    [
        ("hyperledger/fabric-peer", "1.4.3", "static", "2.23"),
        ("hyperledger/fabric-peer", "x86_64-1.0.6", "static", "2.23"),
        ("mirror/hyperledger/fabric-orderer", "amd64-1.3.0", "static", "2.23"),
        ("hyperledger/fabric-peer", "1.4.4", "dynamic", "2.28"),
        ("hyperledger/fabric-peer", "2.2.15", "dynamic", None),
        ("hyperledger/fabric-peer", "3.1.5", "dynamic", "2.39"),
        ("hyperledger/fabric-tools", "x86_64-1.1.0", "static", "2.23"),
        ("hyperledger/fabric-tools", "1.4.3", "dynamic", "2.23"),
        ("hyperledger/fabric-ca", "1.4.9", "static", "2.28"),
        ("hyperledger/fabric-ca", "1.5.0", "dynamic", None),
        ("hyperledger/fabric-ca", "1.5.16", "dynamic", "2.31"),
    ],
)
def test_official_images(repository: str, tag: str, linkage: str, image_libc: str | None) -> None:
    target = stand_in(repository, tag)
    assert target is not None
    assert {binary.linkage for binary in target.binaries} == {linkage}
    assert target.rootfs is not None
    assert target.rootfs.libc.version == image_libc
    assert target.inferred is not None


@pytest.mark.parametrize(
    ("repository", "tag"),
    [
        ("hyperledger/fabric-peer", "latest"), ("hyperledger/fabric-peer", "2.5"), ("hyperledger/fabric-peer", None),
        ("hyperledger/fabric-peer", "2.5.0-alpha1"), ("hyperledger/fabric-peer", "9.9.9"), ("example/fabric-peer", "1.4.3"),
        ("hyperledger/fabric-couchdb", "0.4.15"), ("library/fabric-peer", "1.4.3"), ("nothyperledger/fabric-peer", "1.4.3"),
        ("hyperledger/fabric-ca", "1.6.0"),
    ],
)  # fmt: skip
def test_what_names_no_release_is_not_guessed(repository: str, tag: str | None) -> None:
    assert stand_in(repository, tag) is None


def test_every_release_line_has_its_peer() -> None:
    for line in LINES:
        for version in (line.first, line.last):
            target = stand_in("hyperledger/fabric-peer", ".".join(map(str, version)))
            assert target is not None
            (peer,) = target.binaries
            assert (peer.linkage == "static") == line.at_risk
            assert target.rootfs is not None and target.rootfs.files is not None
            if line.writes_nsswitch:
                assert target.rootfs.files["nsswitch.conf"] == "hosts: files dns\n"


def test_every_release_line_of_fabric_ca_has_its_server_as_the_line_says() -> None:
    for line in CA_LINES:
        for version in (line.first, line.last):
            target = stand_in("hyperledger/fabric-ca", ".".join(map(str, version)))
            assert target is not None and target.rootfs is not None
            for binary in target.binaries:
                assert (binary.linkage == "static") == line.at_risk
                assert binary.go is not None and binary.go.version in line.go
                assert binary.libc.version == ((line.builder_glibc or line.base_glibc) if line.at_risk else None)
            assert target.rootfs.libc.version == line.base_glibc


def test_a_server_built_on_another_image_than_it_runs_on_has_the_builders_glibc_inside() -> None:
    target = stand_in("hyperledger/fabric-ca", "1.4.9")
    assert target is not None and target.rootfs is not None
    assert ({binary.libc.version for binary in target.binaries}, target.rootfs.libc.version) == ({"2.27"}, "2.28")
