"""Two places compared: what differs, which Go releases read it, and which binaries come out otherwise. Pure."""

from inspector.comparing.comparison import Comparison, Difference, Flip, Place, Shift
from inspector.comparing.places import compare, place_of_environment, place_of_file, place_of_snapshot
from inspector.comparing.workloads import compare_workloads

__all__ = [
    "Comparison", "Difference", "Flip", "Place", "Shift", "compare", "compare_workloads", "place_of_environment",
    "place_of_file", "place_of_snapshot",
]  # fmt: skip
