"""Fabric's release lines: how peer and orderer of each are linked, and on what.

Read from the tags of hyperledger/fabric: Makefile, docker-env.mk, images/*/Dockerfile, ci.properties; the C library is
the base image's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """A run of releases that were built alike."""

    first: tuple[int, int, int]
    last: tuple[int, int, int]
    go: tuple[str, ...]
    """Go releases used, oldest first."""
    linkage: Literal["static glibc", "dynamic glibc", "dynamic musl"]
    base: str
    """Base image of the runtime and its C library."""
    writes_nsswitch: bool
    chaincode: Literal["static glibc", "static musl"]
    """How Go chaincode is linked unless core.yaml's chaincode.golang.dynamicLink is true."""
    source: str

    @property
    def at_risk(self) -> bool:
        """Whether peer and orderer are static against glibc."""
        return self.linkage == "static glibc"


LINES: tuple[ReleaseLine, ...] = (
    ReleaseLine(first=(1, 0, 0), last=(1, 0, 6), go=("1.7.5",), linkage="static glibc", base="ubuntu:xenial, glibc 2.23",
                writes_nsswitch=False, chaincode="static glibc", source="docker-env.mk: -extldflags '-static -lpthread'"),
    ReleaseLine(first=(1, 1, 0), last=(1, 1, 1), go=("1.9.2",), linkage="static glibc", base="ubuntu:xenial, glibc 2.23",
                writes_nsswitch=False, chaincode="static glibc", source="585da30c4: DOCKER_DYNAMIC_LINK ?= false"),
    ReleaseLine(first=(1, 2, 0), last=(1, 3, 0), go=("1.10", "1.10.4"), linkage="static glibc",
                base="ubuntu:xenial, glibc 2.23", writes_nsswitch=False, chaincode="static glibc",
                source="585da30c4: DOCKER_DYNAMIC_LINK ?= false"),
    ReleaseLine(first=(1, 4, 0), last=(1, 4, 3), go=("1.11.1", "1.11.5"), linkage="static glibc",
                base="ubuntu:xenial, glibc 2.23", writes_nsswitch=False, chaincode="static glibc",
                source="585da30c4: DOCKER_DYNAMIC_LINK ?= false"),
    ReleaseLine(first=(1, 4, 4), last=(1, 4, 12), go=("1.12.12", "1.13.8", "1.13.12", "1.14.12"),
                linkage="dynamic glibc", base="debian:buster-slim, glibc 2.28", writes_nsswitch=False,
                chaincode="static glibc", source="5cbfc4f56 (FAB-15026): DOCKER_DYNAMIC_LINK ?= true"),
    ReleaseLine(first=(2, 0, 0), last=(2, 1, 1), go=("1.13.4", "1.14.1"), linkage="dynamic musl", base="alpine 3.10-3.11",
                writes_nsswitch=False, chaincode="static musl", source="519c315b7 (FAB-13752)"),
    ReleaseLine(first=(2, 2, 0), last=(2, 4, 9), go=("1.14.4", "1.21.6"), linkage="dynamic musl", base="alpine 3.12-3.18",
                writes_nsswitch=True, chaincode="static musl", source="e62269924: nsswitch.conf in the images"),
    ReleaseLine(first=(2, 5, 0), last=(2, 5, 10), go=("1.20.2",), linkage="dynamic glibc",
                base="ubuntu:20.04, glibc 2.31", writes_nsswitch=True, chaincode="static glibc", source="114695ab0"),
    ReleaseLine(first=(2, 5, 11), last=(2, 5, 16), go=("1.23.5", "1.26.4"), linkage="dynamic glibc",
                base="ubuntu:22.04, glibc 2.35", writes_nsswitch=True, chaincode="static glibc", source="114695ab0"),
    ReleaseLine(first=(3, 0, 0), last=(3, 1, 0), go=("1.23.1", "1.24.0"), linkage="dynamic glibc",
                base="ubuntu:22.04, glibc 2.35", writes_nsswitch=True, chaincode="static glibc", source="7ef376e12"),
    ReleaseLine(first=(3, 1, 1), last=(3, 1, 5), go=("1.24.2", "1.26.4"), linkage="dynamic glibc",
                base="ubuntu:24.04, glibc 2.39", writes_nsswitch=True, chaincode="static glibc", source="7ef376e12"),
)  # fmt: skip

_TAG = re.compile(r"(?:[a-z0-9_]+-)?(\d+)\.(\d+)\.(\d+)")


def line_of(tag: str) -> ReleaseLine | None:
    """Return the line of a peer or orderer image's tag (``1.4.3``, ``amd64-1.4.3``, ``x86_64-1.0.6``).

    Pre-releases (``2.5.0-alpha1``) and tags that name no patch release have no line.
    """
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    version = (int(match[1]), int(match[2]), int(match[3]))
    return next((line for line in LINES if line.first <= version <= line.last), None)
