"""``inspector version``."""

from __future__ import annotations

import click

from inspector import __version__
from inspector.facts import ANALYSER, SchemaId


@click.command()
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def version(form: str) -> None:
    """Print the versions of the tool, of the facts it stores and of the report schema."""
    schema = SchemaId()
    if form == "json":
        import json

        document = {
            "tool": "inspector",
            "version": __version__,
            "analyser": ANALYSER,
            "schema": {"name": schema.name, "version": schema.version},
        }
        click.echo(json.dumps(document))
    else:
        click.echo(f"inspector {__version__} (facts version {ANALYSER}, {schema.name} {schema.version})")
