"""Environments that ship, as data, each with its source.

What Docker makes of a host's resolv.conf is what ``docker.py`` predicts, whose predictions are held against real
engines. On a systemd-resolved host the default bridge gets the uplink file, which has no options; the host's own and
user-defined networks get those of the stub.
"""

from __future__ import annotations

from functools import lru_cache

from inspector.environments.docker import Engine, NetworkMode, ServiceDns
from inspector.environments.hosts import Host, host_named
from inspector.environments.pods import PodDns
from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.facts import ContextFile, Environment, ManifestOptions, ManifestPlace

_DOCKER = "Docker engine 20.10 and 26.1, observed; moby libnetwork sandbox_dns_unix.go"
_KUBELET = "kubelet, pkg/kubelet/network/dns/dns.go: ClusterFirst takes no options of the node and adds ndots:5"

_NAMES = ("orderer.example.com",)
_CLUSTER_NAMES = ("orderer.default.svc.cluster.local",)
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n172.17.0.2\tcontainer\n"
_POD_HOSTS = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n10.244.0.2\tpod\n"


_MODES: dict[str, tuple[NetworkMode, str]] = {
    "bridge": ("bridge", "Docker's default bridge"),
    "network": ("user", "a Docker network of one's own"),
    "host": ("host", "Docker's host network"),
}


def docker_on(network: str, host: Host, engine: Engine | None = None) -> Environment:
    """Return a ``docker-`` preset of a network as an engine makes it of a given host's resolv.conf.

    Args:
        network: ``bridge``, ``network`` or ``host``.
        host: the host.
        engine: the engine that starts the container; None: a current one.
    """
    mode, title = _MODES[network]
    plain = host.name in {"plain", "given"}
    return _environment(
        f"docker-{network}" if plain else f"docker-{network}-{host.name}",
        f"{title} on {host.title}",
        f"{_DOCKER}; {host.source}",
        ServiceDns(host=host.files, mode=mode, engine=engine or Engine()),
        hosts=_HOSTS,
        own="container",
        names=_NAMES,
        common=True,
    )


def _kubernetes(name: str, title: str, source: str, option: str, *, common: bool) -> Environment:
    dns = PodDns(
        servers=("10.96.0.10",),
        searches=("default.svc.cluster.local", "svc.cluster.local", "cluster.local"),
        base=(("ndots", "5"),),
        config=((option, ""),) if option else (),
    )
    return _environment(name, title, source, dns, hosts=_POD_HOSTS, own="pod", names=_CLUSTER_NAMES, common=common)


def _environment(
    name: str,
    title: str,
    source: str,
    dns: ManifestOptions,
    *,
    hosts: str,
    own: str,
    names: tuple[str, ...],
    common: bool,
) -> Environment:
    origin = f"preset {name}"
    return Environment(
        name=name,
        title=title,
        source=source,
        common=common,
        files={
            "resolv.conf": ContextFile(text=dns.resolv_conf, origin=origin),
            "hosts": ContextFile(text=hosts, origin=origin),
        },
        names=names,
        system_hostname=own,
        manifest=ManifestPlace(kind="kubernetes" if own == "pod" else "compose"),
        options=dns,
    )


@lru_cache(maxsize=1)
def presets() -> tuple[Environment, ...]:
    """Return every preset, the common ones first."""
    plain, ubuntu, alibaba = (host_named(name) for name in ("plain", "ubuntu", "alibaba"))
    return (
        docker_on("bridge", plain),
        docker_on("network", plain),
        docker_on("bridge", ubuntu),
        docker_on("network", ubuntu),
        docker_on("host", ubuntu),
        docker_on("bridge", alibaba),
        docker_on("network", alibaba),
        _kubernetes("kubernetes", "a pod with dnsPolicy ClusterFirst", _KUBELET, "", common=True),
        _kubernetes("kubernetes-single-request-reopen", "a pod with dnsConfig option single-request-reopen",
                    f"{_KUBELET}; advice of kubernetes/kubernetes#56903", "single-request-reopen", common=False),
        _kubernetes("kubernetes-use-vc", "a pod with dnsConfig option use-vc",
                    f"{_KUBELET}; advice of kubernetes/kubernetes#56903", "use-vc", common=False),
        _kubernetes("kubernetes-edns0", "a pod with dnsConfig option edns0", f"{_KUBELET}; resolv.conf(5)", "edns0",
                    common=False),
        _kubernetes("kubernetes-no-aaaa", "a pod with dnsConfig option no-aaaa",
                    f"{_KUBELET}; resolv.conf(5), glibc 2.36", "no-aaaa", common=False),
    )  # fmt: skip


def preset(name: str) -> Environment:
    """Return the preset of a name.

    Raises:
        UsageError: if there is none, with the nearest names.
    """
    known = {environment.name: environment for environment in presets()}
    if name in known:
        return known[name]
    from difflib import get_close_matches

    near = get_close_matches(name, known, 3, 0.5)
    raise UsageError(
        f"no environment '{printable(name, limit=60)}'",
        advice=f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}",
    )
