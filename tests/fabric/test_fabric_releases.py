"""What is known of Fabric's releases is complete and hangs together."""

import itertools

import pytest

from inspector.fabric.releases import LINES, LINES_OF, PRE_RELEASES, line_of, release_of


@pytest.mark.parametrize("repository", LINES_OF)
def test_lines_are_in_order_and_do_not_overlap(repository: str) -> None:
    for line in LINES_OF[repository]:
        assert line.first <= line.last
        assert line.source and line.base
    for lower, upper in itertools.pairwise(LINES_OF[repository]):
        assert lower.last < upper.first


@pytest.mark.parametrize(
    ("tag", "repository", "linkage", "go", "glibc"),
    [
        ("x86_64-1.0.6", "fabric-peer", "static glibc", "1.7.5", "2.23"),
        ("amd64-1.4.3", "fabric-orderer", "static glibc", "1.11.5", "2.23"),
        ("1.4.0", "fabric-peer", "static glibc", "1.11.1", "2.23"),
        ("1.4.4", "fabric-peer", "dynamic glibc", "1.12.12", "2.28"),
        ("1.4.12", "fabric-peer", "dynamic glibc", "1.14.12", "2.28"),
        ("2.0.1", "fabric-peer", "dynamic musl", "1.13.4", None),
        ("2.2.10", "fabric-peer", "dynamic musl", "1.18.7", None),
        ("2.2.15", "fabric-orderer", "dynamic musl", "1.21.6", None),
        ("2.3.1", "fabric-peer", "dynamic musl", "1.14.12", None),
        ("2.4.9", "fabric-peer", "dynamic musl", "1.18.10", None),
        ("2.5.0-alpha1", "fabric-peer", "static musl", "1.18.7", None),
        ("2.5.0-alpha2", "fabric-peer", "static pure Go", "1.18.7", None),
        ("2.5.10", "fabric-peer", "dynamic glibc", None, "2.31"),
        ("2.5.11", "fabric-peer", "dynamic glibc", None, "2.35"),
        ("2.5.16", "fabric-peer", "dynamic glibc", "1.26.4", "2.35"),
        ("3.1.0", "fabric-peer", "dynamic glibc", "1.24.0", "2.35"),
        ("3.1.3", "fabric-peer", "dynamic glibc", "1.25.2", "2.39"),
        ("1.1.0", "fabric-tools", "static glibc", "1.9.2", "2.23"),
        ("1.2.0", "fabric-tools", "dynamic glibc", None, "2.23"),
        ("1.4.9", "fabric-ca", "static glibc", None, "2.28"),
        ("1.5.5", "fabric-ca", "dynamic musl", None, None),
        ("1.5.21", "fabric-ca", "dynamic glibc", None, "2.35"),
    ],
)
def test_a_tag_has_its_line(tag: str, repository: str, linkage: str, go: str | None, glibc: str | None) -> None:
    line, release = line_of(tag, repository), release_of(tag)
    assert line is not None and release is not None
    assert (line.linkage, line.go_of(release[0]), line.base_glibc) == (linkage, go, glibc)


@pytest.mark.parametrize("tag", ["latest", "2.5", "1.4", "9.9.9", "2.5.0-rc9", "1.4.13", "", "1.4.3-evil\nline"])
def test_other_tags_have_none(tag: str) -> None:
    assert line_of(tag) is None


def test_tools_ended_with_2_5() -> None:
    assert line_of("3.0.0", "fabric-tools") is None


def test_every_static_glibc_line_of_the_peer_is_known_to_be_bad() -> None:
    assert all(line.known_bad for line in LINES if line.at_risk)
    assert PRE_RELEASES["2.5.0-alpha1"].known_bad
