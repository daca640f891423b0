"""What was read, kept between runs: facts by digest and analyser version, images, tags, runs.

SQLite in a file by default, PostgreSQL by URL for teams. ``Store`` is the whole of it; ``open_store`` is for a scan,
which goes on without.
"""

from inspector.store.grouping import target_of
from inspector.store.nouns import (
    Base,
    Contents,
    Pair,
    Run,
    RunState,
    StoredBinary,
    StoredImage,
)
from inspector.store.places import Place, place_of, without_password
from inspector.store.store import FactStore, NullStore, Store, open_store

__all__ = [
    "Base",
    "Contents",
    "FactStore",
    "NullStore",
    "Pair",
    "Place",
    "Run",
    "RunState",
    "Store",
    "StoredBinary",
    "StoredImage",
    "open_store",
    "place_of",
    "target_of",
    "without_password",
]
