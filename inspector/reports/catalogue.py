"""The rules in words, for formats that describe them beside the findings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from inspector.escaping import printable
from inspector.facts import Level
from inspector.reports.findings import INCOMPLETE
from inspector.rulebook import RULES, page

HOME = "https://pypi.org/project/rollout-inspector/"
"""The package's page, by its name in the index: the one address that the project has, whatever hosts it. URIs of its
own (predicate types, rules) lie below it and are names first."""

LEVELS: Mapping[Level, str] = {
    "crash": "in this environment the binary will die, fail to resolve or fail to start",
    "wrong": "it lives, but resolves otherwise than its owner means",
    "latent": "safe here; one named change outside the binary makes it crash",
    "unknown": "it could not be told, and why; never counted as safe",
    "safe": "it will not crash here, and why",
}
_MARKS = re.compile(r"^#+ |`+|\*\*", re.MULTILINE)
_GRAVITY: Mapping[Level, str] = {"crash": "8.0", "wrong": "5.0", "latent": "4.0", "unknown": "4.0", "safe": "0.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule in words."""

    id: str
    title: str
    levels: tuple[Level, ...] = ()
    page: str = ""
    """Its page of the rulebook, as Markdown."""

    @property
    def gravity(self) -> str:
        """The gravest thing that it can say, as a number from 0 to 10 (SARIF's security-severity)."""
        return max((_GRAVITY[level] for level in self.levels), default=_GRAVITY["crash"])

    @property
    def uri(self) -> str:
        """Where its page is to be found."""
        return f"{HOME}#{quote(self.id, safe='')}"

    @property
    def summary(self) -> str:
        """What its levels mean, as plain text."""
        lines = [f"{self.title}."]
        lines += [f"{level}: {LEVELS[level]}." for level in self.levels if level != "safe"]
        return "\n".join(lines)

    @property
    def text(self) -> str:
        """All that is to be told of it, as plain text: Markdown's marks of code and emphasis are taken out."""
        return _MARKS.sub("", self.markdown)

    @property
    def markdown(self) -> str:
        """The same as Markdown."""
        if self.page:
            return self.page
        meanings = "\n".join(f"- **{level}**: {LEVELS[level]}" for level in self.levels if level != "safe")
        return f"**{self.title}**\n\n{meanings}".strip()


def rule_texts() -> dict[str, RuleText]:
    """Return every known rule, and the one about targets that could not be read, by its ID."""
    known = {rule.id: RuleText(id=rule.id, title=rule.title, levels=rule.levels, page=page(rule)) for rule in RULES}
    known[INCOMPLETE] = RuleText(
        id=INCOMPLETE, title="The image could not be analysed, or not to the end", levels=("unknown",)
    )
    return known


def rule_text(known: Mapping[str, RuleText], rule: str) -> RuleText:
    """Return a rule in words; one that this release does not know (a report from another) has its ID for a title."""
    identity = printable(rule, limit=200) or "unnamed"
    return known.get(rule) or RuleText(id=identity, title=f"Rule {identity}")
