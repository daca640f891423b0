"""A pod's resolv.conf, as kubelet makes it (pkg/kubelet/network/dns/dns.go, ``GetPodDNS`` and ``mergeDNSOptions``)."""

from __future__ import annotations

from inspector.records import dataclass

_MAX_SERVERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PodDns:
    """Everything that a pod's resolv.conf is made of. It is what ``Environment.options`` holds of a pod."""

    servers: tuple[str, ...]
    searches: tuple[str, ...]
    base: tuple[tuple[str, str], ...]
    """Options that come of the policy, by name and value: the node's, or ``ndots:5``. No pod can take one out."""
    config: tuple[tuple[str, str], ...] = ()
    """Those of ``dnsConfig.options``; one that the base has too replaces it."""

    @property
    def own(self) -> tuple[str, ...]:
        """``dnsConfig.options``, as resolv.conf writes them."""
        return tuple(map(_word, self.config))

    @property
    def resolv_conf(self) -> str:
        """The text."""
        lines = ["search " + " ".join(dict.fromkeys(self.searches))] if self.searches else []
        lines += [f"nameserver {server}" for server in list(dict.fromkeys(self.servers))[:_MAX_SERVERS]]
        words = list(map(_word, dict((*self.base, *self.config)).items()))
        lines += ["options " + " ".join(words)] if words else []
        return "".join(f"{line}\n" for line in lines)

    def without(self, removed: tuple[str, ...], left: tuple[str, ...]) -> tuple[str, ...]:
        """Return its own options without what is removed."""
        del left
        return tuple(word for word in self.own if word not in removed)

    def naming(self, options: tuple[str, ...]) -> PodDns:
        """Return the same with those of its own options that are among ``options``."""
        kept = tuple(option for option in self.config if _word(option) in options)
        return PodDns(servers=self.servers, searches=self.searches, base=self.base, config=kept)


def _word(option: tuple[str, str]) -> str:
    name, value = option
    return f"{name}:{value}" if value else name
