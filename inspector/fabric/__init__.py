"""What is known of Hyperledger Fabric: its binaries, release lines, images and calls. Data and look-ups; pure."""

from inspector.fabric.binaries import BINARIES, known_calls, role_of
from inspector.fabric.chaincode import (
    CoreSettings,
    chaincode_target,
    image_named,
    read_core_yaml,
    with_peer_environment,
)
from inspector.fabric.images import FabricImage, describe, identify
from inspector.fabric.releases import LINES, ReleaseLine, line_of
from inspector.fabric.remedies import place_of_variables, remedies_for
from inspector.fabric.standins import stand_in

__all__ = [
    "BINARIES",
    "LINES",
    "CoreSettings",
    "FabricImage",
    "ReleaseLine",
    "chaincode_target",
    "describe",
    "identify",
    "image_named",
    "known_calls",
    "line_of",
    "place_of_variables",
    "read_core_yaml",
    "remedies_for",
    "role_of",
    "stand_in",
    "with_peer_environment",
]
