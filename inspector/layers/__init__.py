"""A blob's bytes to ``LayerFacts``; the overlay of layers to a ``RootFs``; which binaries are of interest."""

from inspector.layers.overlay import RootFs, merge
from inspector.layers.reading import Limits, read_layer
from inspector.layers.selection import Selection, select_binaries

__all__ = ["Limits", "RootFs", "Selection", "merge", "read_layer", "select_binaries"]
