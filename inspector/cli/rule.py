"""``inspector rule``."""

from __future__ import annotations

import click

from inspector.cli.rules import describe, form_option, print_json


@click.command()
@click.argument("identity", metavar="ID")
@form_option
def rule(identity: str, form: str) -> None:
    """Print a rule's page: what it says, when it fires, the mechanism, what helps, what does not, and its sources."""
    from inspector.errors import UsageError
    from inspector.escaping import printable
    from inspector.rulebook import RULES, page, rule_named

    found = rule_named(identity)
    if found is None:
        raise UsageError(
            f"there is no rule '{printable(identity, limit=60)}'", advice=f"rules: {', '.join(r.id for r in RULES)}"
        )
    if form == "json":
        print_json({**describe(found), "page": page(found)})
    else:
        click.echo(page(found), nl=False)
