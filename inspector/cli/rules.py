"""``inspector rules``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inspector.rulebook import Rule

form_option = click.option(
    "--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.command()
@form_option
def rules(form: str) -> None:
    """List every rule, in the order in which they are asked."""
    from inspector.rulebook import RULES

    if form == "json":
        print_json([describe(rule) for rule in RULES])
        return
    width = max(len(rule.id) for rule in RULES)
    for rule in RULES:
        click.echo(f"{rule.id:<{width}}  {rule.title} ({', '.join(rule.levels)})")


def describe(rule: Rule) -> dict[str, Any]:
    """Return a rule's metadata as JSON shows it."""
    return {
        "id": rule.id,
        "title": rule.title,
        "levels": rule.levels,
        "remedies": rule.remedies,
        "sources": rule.sources,
    }


def print_json(document: object) -> None:
    """Print a document as indented JSON."""
    import json

    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
