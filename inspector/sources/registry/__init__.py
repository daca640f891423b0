"""Images in registries, by the OCI distribution protocol."""

from inspector.sources.registry.images import images
from inspector.sources.registry.transport import RegistryOptions

__all__ = ["RegistryOptions", "images"]
