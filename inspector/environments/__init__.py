"""Where it will run: presets, this host, snapshots, and an environment laid over what an image gives."""

from inspector.environments.contexts import context_of
from inspector.environments.presets import preset, presets
from inspector.environments.snapshots import environment_of, host_snapshot, with_gaps
from inspector.environments.snippets import options_snippet, variable_snippet

__all__ = [
    "context_of", "environment_of", "host_snapshot", "options_snippet", "preset", "presets", "variable_snippet",
    "with_gaps",
]  # fmt: skip
