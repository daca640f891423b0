"""Says, before the rollout, whether a binary in a container image will crash in a given environment, and why.

As a library::

    import inspector

    report = inspector.scan("docker-archive:peer.tar")
    verdicts = inspector.judge(report.targets[0], context)
    decision = inspector.decide(build, context, "peer0.example.com", "host")

These are the very functions that the commands call. They are imported when first used, so that ``import inspector``
and the command line start fast.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.errors import InspectorError
    from inspector.judging import Wishes, judge
    from inspector.resolver import decide
    from inspector.scanning import ScanOptions, collect, scan

__version__ = "0.1.0"
__all__ = ["InspectorError", "ScanOptions", "Wishes", "__version__", "collect", "decide", "judge", "scan"]

_HOMES = {
    "InspectorError": "inspector.errors",
    "ScanOptions": "inspector.scanning",
    "Wishes": "inspector.judging",
    "collect": "inspector.scanning",
    "decide": "inspector.resolver",
    "judge": "inspector.judging",
    "scan": "inspector.scanning",
}


def __getattr__(name: str) -> object:
    """Import a public name from its room at first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(home), name)
