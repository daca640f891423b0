"""``netdns=go`` in a value of GODEBUG (Go, package net, "Name Resolution")."""

from __future__ import annotations

NETDNS_GO = "netdns=go"


def has_netdns_go(value: str) -> bool:
    """Whether every Go release reads ``netdns=go`` in the value: up to 1.19 the first netdns counts, then the last."""
    modes = [item.removeprefix("netdns=") for item in value.split(",") if item.startswith("netdns=")]
    return bool(modes) and all(mode.partition("+")[0] == "go" for mode in modes)


def add_netdns_go(value: str) -> str:
    """Return a value with ``netdns=go`` added; other settings stay, another mode of netdns goes.

    A value that refers to variables keeps them as they are written.
    """
    if has_netdns_go(value):
        return value
    if "$" in value:
        return f"{value},{NETDNS_GO}"
    kept = [item for item in value.split(",") if item and not item.startswith("netdns=")]
    return ",".join([*kept, NETDNS_GO])
