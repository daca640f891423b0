"""Where it will run: presets, this host, snapshots, and an environment laid over what an image gives."""

from inspector.environments.contexts import context_of
from inspector.environments.presets import preset, presets
from inspector.environments.snapshots import environment_of, host_snapshot, with_gaps

__all__ = ["context_of", "environment_of", "host_snapshot", "preset", "presets", "with_gaps"]
