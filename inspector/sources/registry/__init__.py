"""Images in registries, by the OCI distribution protocol."""

from inspector.sources.registry.blobs import open_blob
from inspector.sources.registry.images import images
from inspector.sources.registry.pace import Pace
from inspector.sources.registry.transport import RegistryOptions, Transport, read_bounded

__all__ = ["Pace", "RegistryOptions", "Transport", "images", "open_blob", "read_bounded"]
