"""Remedies that change the binary: rebuild flags, and what Fabric offers instead."""

from __future__ import annotations

from inspector.fabric import role_of
from inspector.facts import Remedy, Verdict
from inspector.risk.situation import USER_CALLS, Situation


def rebuild_remedies(situation: Situation, verdict: Verdict) -> tuple[Remedy, ...]:
    """Return what to rebuild, and with which flags."""
    if verdict.rule == "dns-before-files":
        return (Remedy(kind="rebuild", text="rebuild with Go 1.16 or later"),)
    if verdict.rule in {"debug-switch", "notfound-return"}:
        return ()
    if verdict.rule == "cannot-start":
        return (
            Remedy(kind="base-image", text="use a base image with the loader and C library that it was linked for"),
            Remedy(kind="rebuild", text="rebuild it for this base image: go build in a container of the same base"),
        )
    return _fabric(situation) + _flags(situation)


def _fabric(situation: Situation) -> tuple[Remedy, ...]:
    binary = situation.binary
    role = role_of(binary.path) if binary.path else None
    module = binary.go.module if binary.go else None
    # Chaincode is somebody's own module; other programs only share a name with Fabric's.
    if role != "chaincode" and module is not None and "hyperledger/fabric" not in module:
        return ()
    if role == "chaincode":
        text = "set chaincode.golang.dynamicLink: true in the peer's core.yaml and install the chaincode again"
        return (Remedy(kind="fabric", text=text),)
    if role in {"peer", "orderer"}:
        return (Remedy(kind="fabric", text="use an official image of 1.4.4 or later: it is linked dynamically"),)
    if role in {"fabric-ca-server", "fabric-ca-client"}:
        return (Remedy(kind="fabric", text="use an official fabric-ca image of 1.5.0 or later: linked dynamically"),)
    return ()


def _flags(situation: Situation) -> tuple[Remedy, ...]:
    if situation.binary.go is None or ("clib" in situation.kinds and situation.call == "clib"):
        return (Remedy(kind="rebuild", text="rebuild it dynamically, or statically against musl"),)
    # osusergo came with Go 1.11 (go1.11 release notes, os/user).
    old = (situation.minor or 99) < 11
    if situation.call in USER_CALLS:
        text = "rebuild without -extldflags -static" if old else "rebuild: go build -tags osusergo,netgo"
        return (Remedy(kind="rebuild", text=text),)
    tags = "netgo" if old else "netgo,osusergo"
    return (Remedy(kind="rebuild", text=f"rebuild: go build -tags {tags} (or CGO_ENABLED=0 go build)"),)
