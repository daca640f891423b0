"""Remedies that change the binary: rebuild flags, and what Fabric offers instead."""

from __future__ import annotations

from inspector.fabric import remedies_for, role_of
from inspector.facts import Remedy, Verdict
from inspector.risk.rules.cannot_start import is_of_another_machine, lacks_runtime_cgo
from inspector.risk.situation import USER_CALLS, Situation


def rebuild_remedies(situation: Situation, verdict: Verdict) -> tuple[Remedy, ...]:
    """Return what to rebuild, and with which flags."""
    if verdict.rule == "dns-before-files":
        return (Remedy(kind="rebuild", text="rebuild with Go 1.16 or later"),)
    if verdict.rule in {"debug-switch", "notfound-return"}:
        return ()
    if verdict.rule == "cannot-start" and is_of_another_machine(situation):
        return (
            Remedy(kind="base-image", text=f"use an image that is for {situation.binary.machine}"),
            Remedy(kind="rebuild", text=f"rebuild it for {situation.platform}, by GOARCH or on such a machine"),
        )
    if verdict.rule == "cannot-start" and lacks_runtime_cgo(situation):
        how = "CGO_ENABLED=0 go build, or without -linkmode external, or with Go 1.21 or later"
        return (Remedy(kind="rebuild", text=f"rebuild: {how}"),)
    if verdict.rule == "cannot-start":
        return (
            Remedy(kind="base-image", text="use a base image with the loader and C library that it was linked for"),
            Remedy(kind="rebuild", text="rebuild it for this base image: go build in a container of the same base"),
        )
    return _fabric(situation) + _flags(situation)


def _fabric(situation: Situation) -> tuple[Remedy, ...]:
    return tuple(Remedy(kind="fabric", text=text) for text in remedies_for(situation.binary))


def _flags(situation: Situation) -> tuple[Remedy, ...]:
    if role_of(situation.binary.path) == "chaincode":
        return ()  # the peer links it, with flags of its own
    if situation.binary.go is None or ("clib" in situation.kinds and situation.call == "clib"):
        return (Remedy(kind="rebuild", text="rebuild it dynamically, or statically against musl"),)
    # osusergo came with Go 1.11 (go1.11 release notes, os/user).
    old = (situation.minor or 99) < 11
    if situation.call in USER_CALLS and old:
        return (Remedy(kind="rebuild", text="rebuild without -extldflags -static"),)
    kept = [tag for tag in situation.binary.go.tags or () if tag not in {"netgo", "netcgo", "osusergo"}]
    tags = ",".join([*kept, "netgo"] if old else [*kept, "netgo", "osusergo"])
    # Linked externally and statically without runtime/cgo, programs of Go 1.15 and 1.19 end with SIGTRAP in
    # runtime.rt0_go, before main; those of 1.21 and 1.27 do not (observed).
    linked = ", without -linkmode external" if (situation.minor or 99) < 21 else ""
    return (Remedy(kind="rebuild", text=f"rebuild: go build -tags {tags}{linked} (or CGO_ENABLED=0 go build)"),)
