"""Where it will run: presets, and an environment laid over what an image gives."""

from inspector.environments.contexts import context_of
from inspector.environments.presets import preset, presets

__all__ = ["context_of", "preset", "presets"]
