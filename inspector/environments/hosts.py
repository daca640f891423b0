"""Hosts that containers and pods run on: their resolv.conf, as presets with their sources, or as given."""

from __future__ import annotations

from inspector.environments.docker import DockerHost, uses_resolved
from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host by name."""

    name: str
    title: str
    files: DockerHost
    source: str


HOSTS: tuple[Host, ...] = (
    Host(
        name="plain",
        title="a host without options",
        files=DockerHost(resolv_conf="nameserver 192.0.2.53\n"),
        source="resolv.conf(5)",
    ),
    Host(
        name="ubuntu",
        title="a systemd-resolved host such as Ubuntu 20.04 and later",
        files=DockerHost(
            resolv_conf="nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n",
            # The uplink file has nameservers and search domains only.
            resolved="nameserver 192.0.2.53\nsearch .\n",
        ),
        source="systemd, src/resolve/resolved-resolv-conf.c: stub-resolv.conf and resolv.conf",
    ),
    Host(
        name="alibaba",
        title="an Alibaba Cloud ECS host",
        files=DockerHost(
            resolv_conf="options timeout:2 attempts:3 rotate single-request-reopen\n"
            "nameserver 100.100.2.136\nnameserver 100.100.2.138\n"
        ),
        source="Alibaba Cloud ECS images, 'DNS resolution and caching policies'",
    ),
)


def host_named(name: str) -> Host:
    """Return the preset of a name.

    Raises:
        UsageError: if there is none.
    """
    known = {host.name: host for host in HOSTS}
    if name in known:
        return known[name]
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1, 0.5)
    raise UsageError(
        f"no host '{printable(name, limit=60)}'",
        advice=f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}",
    )


def host_of(resolv_conf: str, origin: str, resolved: str | None = None) -> Host:
    """Return the host that has this resolv.conf.

    Where it is systemd-resolved's stub and the uplink file is not given, that is inferred: nameservers and search
    domains are all that systemd writes into it, so only its options, of which it has none, matter.
    """
    if uses_resolved(resolv_conf) and resolved is None:
        resolved = "nameserver 192.0.2.53\n"
    return Host(name="given", title=origin, files=DockerHost(resolv_conf=resolv_conf, resolved=resolved), source=origin)
