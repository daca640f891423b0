"""Where images come from: registries, engines, archives, layouts, directories and files."""

from inspector.sources.manifests import is_analysed
from inspector.sources.opening import open_images
from inspector.sources.options import SourceOptions

__all__ = ["SourceOptions", "is_analysed", "open_images"]
