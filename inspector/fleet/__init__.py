"""Many images: catalogue, schedule, executors, and what is told of them together."""

from inspector.fleet.catalogue import Interface
from inspector.fleet.executors import Executor, local_executor
from inspector.fleet.places import Place, Selection, parse_lines, parse_place, parse_since
from inspector.fleet.registries import Reach, Registries
from inspector.fleet.report import FleetReport
from inspector.fleet.schedule import BatchOptions, Counts, Item, Schedule
from inspector.fleet.verdicts import Gathering

__all__ = [
    "BatchOptions",
    "Counts",
    "Executor",
    "FleetReport",
    "Gathering",
    "Interface",
    "Item",
    "Place",
    "Reach",
    "Registries",
    "Schedule",
    "Selection",
    "local_executor",
    "parse_lines",
    "parse_place",
    "parse_since",
]
