"""``inspector config``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.policy import Setting


@click.group()
def config() -> None:
    """Show the configuration."""


@config.command()
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def show(ctx: click.Context, /, form: str) -> None:
    """Say what each setting is and where it is from.

    Flags outrank all of it; then come INSPECTOR_* variables, .inspector.toml, [tool.inspector] of pyproject.toml,
    both of the working directory, and the user's own inspector/config.toml.
    """
    from inspector.cli.configuration import configuration
    from inspector.cli.delivery import write
    from inspector.policy import KEYS

    root = ctx.find_root().params
    found = configuration(file=root["config_file"], files=not root["no_config"])
    settings = [_without_secrets(found.setting(name)) for name in KEYS]
    if form == "json":
        import json

        document = {
            "settings": [{"key": s.key, "value": s.value, "from": s.where} for s in settings],
            "files": [{"path": path, "used": used} for path, used in found.files],
        }
        write(json.dumps(document, indent=2).encode() + b"\n", None)
        return
    rows = [(s.key, _shown(s.value), s.where) for s in settings]
    width = max(len(row[0]) for row in rows)
    wide = min(max(len(row[1]) for row in rows), 40)
    lines = [f"{key:<{width}}  {value:<{wide}}  {printable(where)}" for key, value, where in rows]
    lines += ["", *(f"{'read' if used else 'nothing in'} {path}" for path, used in found.files)]
    write("\n".join(lines).encode("utf-8", "replace") + b"\n", None)


def _without_secrets(setting: Setting) -> Setting:
    """Return a setting as it may be shown: the URL of a store may hold a password."""
    from inspector.store import without_password

    if setting.key != "store" or setting.value is None:
        return setting
    return replace(setting, value=without_password(str(setting.value)))


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(", ".join(value) if isinstance(value, list) else str(value), limit=200)
