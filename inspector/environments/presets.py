"""Environments that ship, as data, each with its source.

What Docker makes of a host's resolv.conf was observed with engine 20.10: the default bridge keeps the host's options
unchanged; a user-defined network gets nameserver 127.0.0.11, the host's options and ``ndots:0`` unless there is an
ndots (libnetwork, resolvconf and sandbox_dns_unix.go).
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.facts import ContextFile, Environment

_DOCKER = "Docker engine 20.10, observed; moby libnetwork sandbox_dns_unix.go"
_UBUNTU = f"{_DOCKER}; Ubuntu 20.04 and later, systemd-resolved's /run/systemd/resolve/resolv.conf"
_ALIBABA = f"{_DOCKER}; Alibaba Cloud ECS images, 'DNS resolution and caching policies'"
_KUBELET = "kubelet, pkg/kubelet/network/dns/dns.go: ClusterFirst takes no options of the node and adds ndots:5"

_UBUNTU_OPTIONS = "edns0 trust-ad"
_ALIBABA_OPTIONS = "timeout:2 attempts:3 rotate single-request-reopen"
_NAMES = ("orderer.example.com",)
_CLUSTER_NAMES = ("orderer.default.svc.cluster.local",)
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n172.17.0.2\tcontainer\n"
_POD_HOSTS = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n10.244.0.2\tpod\n"


def _docker(name: str, title: str, source: str, nameserver: str, options: str) -> Environment:
    lines = [f"nameserver {nameserver}", *([f"options {options}"] if options else [])]
    return _environment(
        name, title, source, "\n".join(lines) + "\n", hosts=_HOSTS, own="container", names=_NAMES, common=True
    )


def _kubernetes(name: str, title: str, source: str, options: str, *, common: bool) -> Environment:
    text = (
        "search default.svc.cluster.local svc.cluster.local cluster.local\n"
        f"nameserver 10.96.0.10\noptions ndots:5{options}\n"
    )
    return _environment(name, title, source, text, hosts=_POD_HOSTS, own="pod", names=_CLUSTER_NAMES, common=common)


def _environment(
    name: str, title: str, source: str, text: str, *, hosts: str, own: str, names: tuple[str, ...], common: bool
) -> Environment:
    origin = f"preset {name}"
    return Environment(
        name=name,
        title=title,
        source=source,
        common=common,
        files={
            "resolv.conf": ContextFile(text=text, origin=origin),
            "hosts": ContextFile(text=hosts, origin=origin),
        },
        names=names,
        system_hostname=own,
    )


@lru_cache(maxsize=1)
def presets() -> tuple[Environment, ...]:
    """Return every preset, the common ones first."""
    ubuntu, alibaba = _UBUNTU_OPTIONS, _ALIBABA_OPTIONS
    return (
        _docker("docker-bridge", "Docker's default bridge on a plain host", _DOCKER, "192.0.2.53", ""),
        _docker("docker-network", "a Docker network of one's own on a plain host", _DOCKER, "127.0.0.11", "ndots:0"),
        _docker("docker-bridge-ubuntu", "the default bridge on a systemd-resolved Ubuntu host", _UBUNTU, "192.0.2.53",
                ubuntu),
        _docker("docker-network-ubuntu", "a Docker network on a systemd-resolved Ubuntu host", _UBUNTU, "127.0.0.11",
                f"{ubuntu} ndots:0"),
        _docker("docker-bridge-alibaba", "the default bridge on an Alibaba Cloud ECS host", _ALIBABA, "100.100.2.136",
                alibaba),
        _docker("docker-network-alibaba", "a Docker network on an Alibaba Cloud ECS host", _ALIBABA, "127.0.0.11",
                f"{alibaba} ndots:0"),
        _kubernetes("kubernetes", "a pod with dnsPolicy ClusterFirst", _KUBELET, "", common=True),
        _kubernetes("kubernetes-single-request-reopen", "a pod with dnsConfig option single-request-reopen",
                    f"{_KUBELET}; advice of kubernetes/kubernetes#56903", " single-request-reopen", common=False),
        _kubernetes("kubernetes-use-vc", "a pod with dnsConfig option use-vc",
                    f"{_KUBELET}; advice of kubernetes/kubernetes#56903", " use-vc", common=False),
        _kubernetes("kubernetes-edns0", "a pod with dnsConfig option edns0", f"{_KUBELET}; resolv.conf(5)", " edns0",
                    common=False),
        _kubernetes("kubernetes-no-aaaa", "a pod with dnsConfig option no-aaaa",
                    f"{_KUBELET}; resolv.conf(5), glibc 2.36", " no-aaaa", common=False),
    )  # fmt: skip


def preset(name: str) -> Environment:
    """Return the preset of a name.

    Raises:
        UsageError: if there is none, with the nearest names.
    """
    known = {environment.name: environment for environment in presets()}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 3, 0.5)
    raise UsageError(
        f"no environment '{printable(name, limit=60)}'",
        advice=f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}",
    )
