"""The rules as they are told to people: each one's page, made of its metadata and its text under ``pages``."""

from __future__ import annotations

import re
from importlib.resources import files

from inspector.risk import RULES, Rule

__all__ = ["RULES", "Rule", "page", "rule_named", "source_link"]

_ISSUE = re.compile(r"(?P<repository>[a-z0-9-]+/[a-z0-9-]+)#(?P<number>\d+)")
"""``golang/go#13470``, ``confluentinc/librdkafka#2651``: issues on GitHub."""
_FABRIC_ISSUE = re.compile(r"FAB-\d+")


def rule_named(identity: str) -> Rule | None:
    """Return a rule by its ID, None where there is none."""
    return next((rule for rule in RULES if rule.id == identity), None)


def page(rule: Rule) -> str:
    """Return a rule's page as Markdown, with a final newline."""
    text = files(__name__).joinpath("pages", f"{rule.id}.md").read_text(encoding="utf-8").strip()
    sources = "\n".join(f"* {source_link(source)}" for source in rule.sources)
    remedies = ", ".join(f"`{kind}`" for kind in rule.remedies) or "none"
    return f"""\
# {rule.id}: {rule.title}

Levels: {", ".join(f"`{level}`" for level in rule.levels)}. Kinds of remedies: {remedies}.

{text}

## Sources

{sources}
"""


def source_link(source: str) -> str:
    """Return a source as Markdown: issues and web addresses as links, others as they are."""
    if source.startswith("https://"):
        return f"<{source}>"
    if _FABRIC_ISSUE.fullmatch(source):
        return f"[{source}](https://jira.hyperledger.org/browse/{source})"
    return _ISSUE.sub(r"[\g<0>](https://github.com/\g<repository>/issues/\g<number>)", source)
