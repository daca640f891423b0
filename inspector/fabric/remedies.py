"""Which remedy of Fabric's own fits which of its programs."""

from __future__ import annotations

from inspector.fabric.binaries import role_of
from inspector.facts import BinaryFacts

_PEER = "use an official image of 1.4.4 or later: it is linked dynamically"
_CA = "use an official fabric-ca image of 1.5.0 or later: linked dynamically"
_DYNAMIC_LINK = (
    "set chaincode.golang.dynamicLink: true in the peer's core.yaml, or CORE_CHAINCODE_GOLANG_DYNAMICLINK=true in the "
    "peer's environment, and have the chaincode's image built again"
)
_VARIABLES = (
    "by ENV in an image of your own, FROM fabric-baseos, that chaincode.golang.runtime names: the peer passes "
    "chaincode containers none of its variables"
)
_AS_A_SERVICE = (
    "run it as a service (ccaas builder, Fabric 2.4.1 and later) in an image of your own, built with CGO_ENABLED=0"
)


def place_of_variables(binary: BinaryFacts) -> str:
    """Return where a program's variables are set, where that is not plain: ``by ENV in …``; else an empty text.

    The variables of a chaincode container are the peer's choice, CORE_CHAINCODE_… and those of TLS
    (core/container/dockercontroller).
    """
    return _VARIABLES if role_of(binary.path) == "chaincode" else ""


def remedies_for(binary: BinaryFacts) -> tuple[str, ...]:
    """Return what Fabric offers for one of its static programs, least effort first.

    One that only shares a name with Fabric's gets nothing.
    """
    role = role_of(binary.path) if binary.path else None
    if role == "chaincode":
        # core/chaincode/platforms/golang/platform.go, staticLDFlagsOpts
        return (_DYNAMIC_LINK, _AS_A_SERVICE)
    module = binary.go.module if binary.go else None
    if module is not None and "hyperledger/fabric" not in module:
        return ()
    if role in {"peer", "orderer"}:
        return (_PEER,)
    if role in {"fabric-ca-server", "fabric-ca-client"}:
        return (_CA,)
    return ()
