"""Fabric's release lines: how the images of each are linked, with which Go, and on what.

Read from the tags of hyperledger/fabric, fabric-ca and fabric-baseimage: Makefile, docker-env.mk, images/*/Dockerfile,
ci.properties, go.mod; the C library is the base image's. A line is what the official images are; a rebuilt image may be
something else, which is why ``images.expectations`` are compared and never taken for facts.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Literal

from inspector.records import dataclass

Release = tuple[int, int, int]
Linking = Literal["static glibc", "static musl", "static pure Go", "dynamic glibc", "dynamic musl"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """A run of releases whose images of one kind were built alike."""

    first: Release
    last: Release
    go: tuple[str, ...]
    """Go releases used, oldest first."""
    linkage: Linking
    base: str
    """Base image of the runtime and its C library."""
    writes_nsswitch: bool
    chaincode: Literal["static glibc", "static musl"]
    """How Go chaincode is linked unless core.yaml's chaincode.golang.dynamicLink is true."""
    source: str
    exact_go: tuple[tuple[Release, str], ...] = field(default=())
    """(first release, Go) in order, where every release's Go is known; empty: it is not."""
    exact_baseos: tuple[tuple[Release, str], ...] = field(default=())
    """(first release, tag) of the fabric-baseos that chaincode runs on, where that has a numbering of its own (1.x)."""
    builder_glibc: str | None = None
    """glibc that is inside static programs, where the image that they are built in has another than the base."""
    known_bad: str = ""
    """Why programs of these images are known to die or to resolve wrongly, with the report of it."""

    @property
    def at_risk(self) -> bool:
        """Whether its programs are static against glibc."""
        return self.linkage == "static glibc"

    @property
    def base_glibc(self) -> str | None:
        """Version of the base image's glibc; None: it has musl."""
        found = re.search(r"glibc (\d+\.\d+)", self.base)
        return found[1] if found else None

    def go_of(self, release: Release) -> str | None:
        """Return the Go that a release was built with, or None where that is not known exactly."""
        return _at(self.exact_go, release)

    def baseos_of(self, release: Release) -> str | None:
        """Return the tag of fabric-baseos that a release's core.yaml names, or None where that is not known."""
        return _at(self.exact_baseos, release)


def _at(table: tuple[tuple[Release, str], ...], release: Release) -> str | None:
    found = [text for first, text in table if first <= release]
    return found[-1] if found else None


_2017 = "FAB-5822: SIGSEGV in getaddrinfo where resolv.conf has an option that Go does not know"
_TAR = "FAB-15026, golang/go#24787: SIGSEGV in os/user when it packages chaincode"
_FILES_LAST = "no nsswitch.conf: Go before 1.16 asks DNS before /etc/hosts (golang/go#35305)"
_XENIAL = "ubuntu:xenial, glibc 2.23"

LINES: tuple[ReleaseLine, ...] = (
    ReleaseLine(first=(1, 0, 0), last=(1, 0, 6), go=("1.7.5",), linkage="static glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source="docker-env.mk: -extldflags '-static -lpthread'",
                exact_go=(((1, 0, 0), "1.7.5"),), known_bad=_2017),
    ReleaseLine(first=(1, 1, 0), last=(1, 1, 1), go=("1.9.2",), linkage="static glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source="585da30c4: DOCKER_DYNAMIC_LINK ?= false",
                exact_go=(((1, 1, 0), "1.9.2"),), exact_baseos=(((1, 1, 0), "0.4.6"),), known_bad=_2017),
    ReleaseLine(first=(1, 2, 0), last=(1, 2, 1), go=("1.10",), linkage="static glibc",
                base=_XENIAL, writes_nsswitch=False, chaincode="static glibc",
                source="585da30c4: DOCKER_DYNAMIC_LINK ?= false",
                exact_go=(((1, 2, 0), "1.10"),), exact_baseos=(((1, 2, 0), "0.4.10"),), known_bad=f"{_2017}; {_TAR}"),
    ReleaseLine(first=(1, 3, 0), last=(1, 3, 0), go=("1.10.4",), linkage="static glibc",
                base=_XENIAL, writes_nsswitch=False, chaincode="static glibc",
                source="585da30c4: DOCKER_DYNAMIC_LINK ?= false",
                exact_go=(((1, 3, 0), "1.10.4"),), exact_baseos=(((1, 3, 0), "0.4.13"),), known_bad=f"{_2017}; {_TAR}"),
    ReleaseLine(first=(1, 4, 0), last=(1, 4, 3), go=("1.11.1", "1.11.5"), linkage="static glibc",
                base=_XENIAL, writes_nsswitch=False, chaincode="static glibc",
                source="585da30c4: DOCKER_DYNAMIC_LINK ?= false",
                exact_go=(((1, 4, 0), "1.11.1"), ((1, 4, 1), "1.11.5")), exact_baseos=(((1, 4, 1), "0.4.15"),), known_bad=f"{_2017}; {_TAR}"),
    ReleaseLine(first=(1, 4, 4), last=(1, 4, 12), go=("1.12.12", "1.13.8", "1.13.12", "1.14.12"),
                linkage="dynamic glibc", base="debian:buster-slim, glibc 2.28", writes_nsswitch=False,
                chaincode="static glibc", source="5cbfc4f56 (FAB-15026): DOCKER_DYNAMIC_LINK ?= true",
                exact_go=(((1, 4, 4), "1.12.12"), ((1, 4, 7), "1.13.8"), ((1, 4, 8), "1.13.12"), ((1, 4, 10), "1.14.12")),
                exact_baseos=(((1, 4, 4), "0.4.18"), ((1, 4, 7), "0.4.20"), ((1, 4, 8), "0.4.21"), ((1, 4, 10), "0.4.22"))),
    ReleaseLine(first=(2, 0, 0), last=(2, 1, 1), go=("1.13.4", "1.14.1"), linkage="dynamic musl", base="alpine 3.10-3.11",
                writes_nsswitch=False, chaincode="static musl", source="519c315b7 (FAB-13752)",
                exact_go=(((2, 0, 0), "1.13.4"), ((2, 1, 0), "1.14.1")), known_bad=_FILES_LAST),
    ReleaseLine(first=(2, 2, 0), last=(2, 4, 9), go=("1.14.4", "1.21.6"), linkage="dynamic musl", base="alpine 3.12-3.18",
                writes_nsswitch=True, chaincode="static musl", source="e62269924: nsswitch.conf in the images",
                exact_go=(((2, 2, 0), "1.14.4"), ((2, 2, 2), "1.14.12"), ((2, 2, 3), "1.15.7"), ((2, 2, 4), "1.16.7"),
                          ((2, 2, 5), "1.17.5"), ((2, 2, 6), "1.18.2"), ((2, 2, 9), "1.18.7"), ((2, 2, 11), "1.20.3"),
                          ((2, 2, 12), "1.20.4"), ((2, 2, 13), "1.20.6"), ((2, 2, 14), "1.21.3"), ((2, 2, 15), "1.21.6"),
                          ((2, 3, 0), "1.14.12"), ((2, 3, 2), "1.15.7"), ((2, 3, 3), "1.16.7"),
                          ((2, 4, 0), "1.16.7"), ((2, 4, 2), "1.17.5"), ((2, 4, 4), "1.18.2"), ((2, 4, 7), "1.18.7"),
                          ((2, 4, 8), "1.18.10"))),
    ReleaseLine(first=(2, 5, 0), last=(2, 5, 10), go=("1.20.2",), linkage="dynamic glibc",
                base="ubuntu:20.04, glibc 2.31", writes_nsswitch=True, chaincode="static glibc", source="114695ab0"),
    ReleaseLine(first=(2, 5, 11), last=(2, 5, 16), go=("1.23.5", "1.26.4"), linkage="dynamic glibc",
                base="ubuntu:22.04, glibc 2.35", writes_nsswitch=True, chaincode="static glibc", source="114695ab0",
                exact_go=(((2, 5, 12), "1.23.5"), ((2, 5, 13), "1.24.2"), ((2, 5, 14), "1.25.2"), ((2, 5, 15), "1.26.0"),
                          ((2, 5, 16), "1.26.4"))),
    ReleaseLine(first=(3, 0, 0), last=(3, 1, 0), go=("1.23.1", "1.24.0"), linkage="dynamic glibc",
                base="ubuntu:22.04, glibc 2.35", writes_nsswitch=True, chaincode="static glibc", source="7ef376e12",
                exact_go=(((3, 0, 0), "1.23.1"), ((3, 1, 0), "1.24.0"))),
    ReleaseLine(first=(3, 1, 1), last=(3, 1, 5), go=("1.24.2", "1.26.4"), linkage="dynamic glibc",
                base="ubuntu:24.04, glibc 2.39", writes_nsswitch=True, chaincode="static glibc", source="7ef376e12",
                exact_go=(((3, 1, 1), "1.24.2"), ((3, 1, 2), "1.25.2"), ((3, 1, 4), "1.26.0"), ((3, 1, 5), "1.26.4"))),
)  # fmt: skip
"""Peer and orderer."""

PRE_RELEASES: dict[str, ReleaseLine] = {
    "2.5.0-alpha1": ReleaseLine(first=(2, 5, 0), last=(2, 5, 0), go=("1.18.7",), linkage="static musl", base="alpine 3.16",
                                writes_nsswitch=True, chaincode="static musl", source="98a8fd22c",
                                exact_go=(((2, 5, 0), "1.18.7"),),
                                known_bad="static against glibc where built on a glibc host (fabric PR #3861)"),
    "2.5.0-alpha2": ReleaseLine(first=(2, 5, 0), last=(2, 5, 0), go=("1.18.7",), linkage="static pure Go",
                                base="alpine 3.16", writes_nsswitch=True, chaincode="static musl",
                                source="c66ea41ca: CGO_ENABLED 0", exact_go=(((2, 5, 0), "1.18.7"),)),
    "2.5.0-alpha3": ReleaseLine(first=(2, 5, 0), last=(2, 5, 0), go=("1.20.2",), linkage="dynamic glibc",
                                base="ubuntu:20.04, glibc 2.31", writes_nsswitch=True, chaincode="static glibc",
                                source="114695ab0", exact_go=(((2, 5, 0), "1.20.2"),)),
}  # fmt: skip
"""Pre-releases that were built otherwise than the line that their number belongs to."""

_TOOLS_DYNAMIC = "d3e8c0068 (FAB-8551): built in a Docker stage with GO_LDFLAGS"

TOOLS_LINES: tuple[ReleaseLine, ...] = (
    *(line for line in LINES if line.first < (1, 2, 0)),
    ReleaseLine(first=(1, 2, 0), last=(1, 4, 3), go=("1.10", "1.11.5"), linkage="dynamic glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source=_TOOLS_DYNAMIC),
    ReleaseLine(first=(1, 4, 4), last=(1, 4, 12), go=("1.12.12", "1.14.12"), linkage="dynamic glibc",
                base="adoptopenjdk on Ubuntu bionic, glibc 2.27", writes_nsswitch=False, chaincode="static glibc",
                source=_TOOLS_DYNAMIC),
    *(line for line in LINES if (2, 0, 0) <= line.first < (3, 0, 0)),
)  # fmt: skip
"""fabric-tools (the peer's command line, cryptogen, configtxgen …); from 3.0.0 on there is none."""

_CA_STATIC = "fabric-ca docker-env.mk: -linkmode external -extldflags '-static -lpthread'"

_CA_BAD = f"{_2017}; never got the fix of FAB-15026"

CA_LINES: tuple[ReleaseLine, ...] = (
    ReleaseLine(first=(1, 0, 0), last=(1, 0, 6), go=("1.7.5",), linkage="static glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source=_CA_STATIC, known_bad=_CA_BAD),
    ReleaseLine(first=(1, 1, 0), last=(1, 1, 1), go=("1.9.2",), linkage="static glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source=_CA_STATIC, known_bad=_CA_BAD),
    ReleaseLine(first=(1, 2, 0), last=(1, 3, 0), go=("1.10",), linkage="static glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source=_CA_STATIC, known_bad=_CA_BAD),
    ReleaseLine(first=(1, 4, 0), last=(1, 4, 3), go=("1.11.1",), linkage="static glibc", base=_XENIAL,
                writes_nsswitch=False, chaincode="static glibc", source=_CA_STATIC, known_bad=_CA_BAD),
    # Built in fabric-baseimage on Ubuntu bionic, run on Debian buster.
    ReleaseLine(first=(1, 4, 4), last=(1, 4, 9), go=("1.12.12",), linkage="static glibc", base="debian:buster-slim, glibc 2.28",
                writes_nsswitch=False, chaincode="static glibc", source=_CA_STATIC,
                builder_glibc="2.27", known_bad=_CA_BAD),
    ReleaseLine(first=(1, 5, 0), last=(1, 5, 5), go=("1.15",), linkage="dynamic musl", base="alpine 3.13-3.16",
                writes_nsswitch=False, chaincode="static musl", source="fabric-ca images/fabric-ca/Dockerfile"),
    ReleaseLine(first=(1, 5, 6), last=(1, 5, 20), go=("1.20",), linkage="dynamic glibc", base="ubuntu:20.04, glibc 2.31",
                writes_nsswitch=False, chaincode="static glibc", source="fabric-ca images/fabric-ca/Dockerfile"),
    ReleaseLine(first=(1, 5, 21), last=(1, 5, 21), go=("1.26",), linkage="dynamic glibc", base="ubuntu:22.04, glibc 2.35",
                writes_nsswitch=False, chaincode="static glibc", source="fabric-ca images/fabric-ca/Dockerfile"),
)  # fmt: skip
"""fabric-ca, server and client; it has a numbering of its own."""

LINES_OF: dict[str, tuple[ReleaseLine, ...]] = {
    "fabric-peer": LINES,
    "fabric-orderer": LINES,
    "fabric-tools": TOOLS_LINES,
    "fabric-ca": CA_LINES,
}
"""Repository, without its owner → its lines."""

_TAG = re.compile(r"v?(?:(?:amd64|x86_64|arm64|s390x|ppc64le)-)?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(-[0-9A-Za-z.-]{1,40})?")


def release_of(tag: str) -> tuple[Release, str] | None:
    """Return the release that a tag names and what follows its number, or None (``latest``, ``2.5``)."""
    match = _TAG.fullmatch(tag)
    return None if match is None else ((int(match[1]), int(match[2]), int(match[3])), match[4] or "")


def line_of(tag: str, repository: str = "fabric-peer") -> ReleaseLine | None:
    """Return the line of an official image's tag (``1.4.3``, ``amd64-1.4.3``, ``x86_64-1.0.6``).

    Pre-releases have a line only where it is known how they were built; tags that name no patch release have none.
    """
    found = release_of(tag)
    if found is None:
        return None
    release, suffix = found
    if suffix:
        known = PRE_RELEASES.get(".".join(map(str, release)) + suffix)
        return known if repository != "fabric-ca" else None
    return next((line for line in LINES_OF.get(repository, ()) if line.first <= release <= line.last), None)
