"""Where images come from: registries, engines, archives, layouts, directories and files."""

from inspector.sources.opening import open_images
from inspector.sources.options import SourceOptions

__all__ = ["SourceOptions", "open_images"]
