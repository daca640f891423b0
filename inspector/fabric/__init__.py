"""What is known of Hyperledger Fabric: its binaries, release lines and calls. Data and look-ups; pure."""

from inspector.fabric.binaries import BINARIES, known_calls, role_of
from inspector.fabric.releases import LINES, ReleaseLine, line_of
from inspector.fabric.standins import stand_in

__all__ = ["BINARIES", "LINES", "ReleaseLine", "known_calls", "line_of", "role_of", "stand_in"]
