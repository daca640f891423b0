"""Fabric's programs: what they are called, where its images put them, and which calls they are known to make."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.facts import BinaryFacts, Call

BINARIES: Mapping[str, str] = {
    "peer": "peer",
    "orderer": "ordering service",
    "fabric-ca-server": "certificate authority",
    "fabric-ca-client": "certificate authority's client",
    "configtxgen": "tool",
    "configtxlator": "tool",
    "cryptogen": "tool",
    "discover": "tool",
    "osnadmin": "tool",
    "ledgerutil": "tool",
    "idemixgen": "tool",
    "chaincode": "chaincode, built by the peer",
}
"""Base name → what it is. Every Fabric image has them in /usr/local/bin (its Dockerfiles from 1.0 to 3.1); rebuilt
images put them elsewhere, so the place does not decide."""

CCAAS_BUILDER = "/opt/hyperledger/ccaas_builder/bin"
"""Where peer images from 2.4.1 on have the builder for chaincode as a service (fabric commit e0bb139cc)."""
_BUILDER = frozenset({"build", "detect", "release"})


def role_of(path: str) -> str | None:
    """Return the Fabric program that a path names (``peer``, ``ccaas-build``), or None."""
    directory, _, name = path.rpartition("/")
    if name in BINARIES:
        return name
    if directory == CCAAS_BUILDER and name in _BUILDER:
        return f"ccaas-{name}"
    return None


def known_calls(binary: BinaryFacts) -> tuple[Call, ...]:
    """Return the calls beside host look-ups that a Fabric program is known to make.

    A static peer that packages chaincode calls archive/tar's FileInfoHeader, which asks os/user for the names of owner
    and group since Go 1.10 (golang/go#24787; seen with the peer of 1.4.12).
    """
    kinds = {exposure.kind for exposure in binary.exposures or ()}
    is_fabric = binary.go is not None and (binary.go.module is None or "hyperledger/fabric" in binary.go.module)
    if role_of(binary.path) == "peer" and "user" in kinds and is_fabric and binary.linkage.startswith("static"):
        return ("uid",)
    return ()
