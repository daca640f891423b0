"""Go's choice of resolver: resolv.conf and nsswitch.conf as Go reads them, the version table, ``decide()``. Pure."""

from inspector.resolver.decision import ContextUnknown, decide
from inspector.resolver.flips import Change, changes, flips
from inspector.resolver.godebug import embedded_godebug, netdns_mode
from inspector.resolver.remembered import decide_remembered
from inspector.resolver.versions import NEWEST, OLDEST, VersionUnknown, minor_of, release_of

__all__ = [
    "NEWEST", "OLDEST", "Change", "ContextUnknown", "VersionUnknown", "changes", "decide", "decide_remembered",
    "embedded_godebug", "flips", "minor_of", "netdns_mode", "release_of",
]  # fmt: skip
