"""Host names as Go looks at them before it picks a resolver (net/conf.go, net/ip.go, net/lookup.go)."""

from __future__ import annotations

import ipaddress
import re

_IPV4 = re.compile(r"\d{1,8}(?:\.\d{1,8}){3}")
ZONED_SINCE = 11
"""Go 1.11 takes an IPv6 literal with a zone for a literal (net/lookup.go, parseIPZone)."""
_STRICT_IPV4_SINCE = 17
"""Go 1.17 rejects leading zeros in IPv4 literals (golang/go#30999)."""


def is_ip_literal(name: str, minor: int) -> bool:
    """Whether Go takes the name for an address and asks nobody."""
    if _IPV4.fullmatch(name):
        parts = name.split(".")
        if minor >= _STRICT_IPV4_SINCE and any(len(p) > 1 and p[0] == "0" for p in parts):
            return False
        return all(int(part) <= 255 for part in parts)
    if ":" not in name:
        return False
    address, percent, zone = name.partition("%")
    if percent and (minor < ZONED_SINCE or not zone):
        return False
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


def without_root_dot(name: str) -> str:
    """Return the name less one trailing dot."""
    return name.removesuffix(".")


def _fold(text: str) -> str:
    """Lower-case ASCII only: Go's stringsEqualFold and stringsHasSuffixFold know no other letters."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def is_local(name: str) -> bool:
    """Whether the name ends in ``.local``, in any case; ``name`` has lost its trailing dot."""
    return _fold(name).endswith(".local")


def is_localhost(name: str) -> bool:
    """Whether nss-myhostname answers the name for this machine."""
    folded = _fold(name)
    return folded in {"localhost", "localhost.localdomain"} or folded.endswith((".localhost", ".localhost.localdomain"))


def equal_fold(one: str, other: str) -> bool:
    """Whether two names are the same but for ASCII case."""
    return _fold(one) == _fold(other)
