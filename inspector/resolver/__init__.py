"""Go's choice of resolver: resolv.conf and nsswitch.conf as Go reads them, the version table, ``decide()``. Pure."""

from inspector.resolver.decision import ContextUnknown, decide, netdns_mode
from inspector.resolver.versions import NEWEST, OLDEST, VersionUnknown, minor_of

__all__ = ["NEWEST", "OLDEST", "ContextUnknown", "VersionUnknown", "decide", "minor_of", "netdns_mode"]
