"""The rules in words, for formats that describe them beside the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inspector.escaping import printable
from inspector.facts import Level
from inspector.reports.findings import INCOMPLETE
from inspector.risk.rules import RULES

HOME = "https://pypi.org/project/rollout-inspector/"
"""Where the package is published; URIs of the project's own (predicate types) lie below it."""

LEVELS: Mapping[Level, str] = {
    "crash": "in this environment the binary will die, fail to resolve or fail to start",
    "wrong": "it lives, but resolves otherwise than its owner means",
    "latent": "safe here; one named change outside the binary makes it crash",
    "unknown": "it could not be told, and why; never counted as safe",
    "safe": "it will not crash here, and why",
}
_REMEDIES = {
    "env": "set an environment variable, mostly GODEBUG=netdns=go; nothing is rebuilt",
    "resolv-conf": "change the resolv.conf that the process sees: dns_opt, dnsConfig.options, --dns-opt, or the host's",
    "nsswitch": "put an /etc/nsswitch.conf with 'hosts: files dns' into the image or mount it",
    "base-image": "take a base image with the C library that the binary carries, or with none",
    "rebuild": "build it with -tags netgo,osusergo, with CGO_ENABLED=0, or dynamically",
    "fabric": "take a release of Hyperledger Fabric that is built otherwise",
}
_GRAVITY: Mapping[Level, str] = {"crash": "8.0", "wrong": "5.0", "latent": "4.0", "unknown": "4.0", "safe": "0.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule in words."""

    id: str
    title: str
    levels: tuple[Level, ...] = ()
    sources: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()

    @property
    def gravity(self) -> str:
        """The gravest thing that it can say, as a number from 0 to 10 (SARIF's security-severity)."""
        return max((_GRAVITY[level] for level in self.levels), default=_GRAVITY["crash"])

    @property
    def text(self) -> str:
        """What it says, what helps and where that is from, as plain text."""
        lines = [f"{self.title}."]
        lines += [f"{level}: {LEVELS[level]}." for level in self.levels if level != "safe"]
        lines += [f"Remedy ({kind}): {_REMEDIES.get(kind, kind)}." for kind in self.remedies]
        lines += [f"Source: {source}" for source in self.sources]
        return "\n".join(lines)

    @property
    def markdown(self) -> str:
        """The same as Markdown."""
        parts = [f"**{self.title}**"]
        parts.append("\n".join(f"- **{level}**: {LEVELS[level]}" for level in self.levels if level != "safe"))
        if self.remedies:
            parts.append(
                "What helps:\n\n" + "\n".join(f"- {kind}: {_REMEDIES.get(kind, kind)}" for kind in self.remedies)
            )
        if self.sources:
            parts.append("Sources: " + ", ".join(f"`{source}`" for source in self.sources))
        return "\n\n".join(part for part in parts if part)


def rule_texts() -> dict[str, RuleText]:
    """Return every known rule, and the one about targets that could not be read, by its ID."""
    known = {
        rule.id: RuleText(
            id=rule.id, title=rule.title, levels=rule.levels, sources=rule.sources, remedies=rule.remedies
        )
        for rule in RULES
    }
    known[INCOMPLETE] = RuleText(
        id=INCOMPLETE, title="The image could not be analysed, or not to the end", levels=("unknown",)
    )
    return known


def rule_text(known: Mapping[str, RuleText], rule: str) -> RuleText:
    """Return a rule in words; one that this release does not know (a report from another) has its ID for a title."""
    identity = printable(rule, limit=200) or "unnamed"
    return known.get(rule) or RuleText(id=identity, title=f"Rule {identity}")
