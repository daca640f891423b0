"""Images of a container engine: Docker's, or Podman's by the same API, through the docker SDK."""

from inspector.sources.engine.connection import is_reachable
from inspector.sources.engine.images import engine_images

__all__ = ["engine_images", "is_reachable"]
