"""Variables and files as defaults of flags."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.errors import UsageError
from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.policy import Configuration, Key, Setting

_WITHOUT = frozenset({"resolve", "version", "config", "completion"})
"""Verbs that answer one question with what they are given."""


def configuration(*, file: Path | None, files: bool) -> Configuration:
    """Read the configuration of this process.

    Raises:
        UsageError: as ``load_configuration`` does.
    """
    from inspector.policy import load_configuration

    found = load_configuration(Path(), os.environ, file=file, files=files)
    for doubt in found.doubts:
        click.echo(f"inspector: {doubt}", err=True)
    return found


def default_map(verb: str, command: click.Command, *, file: Path | None, files: bool) -> dict[str, Any]:
    """Return what click is to take where the command line says nothing: parameter → value.

    Raises:
        UsageError: as ``load_configuration`` does, and for a value that this verb's flag does not allow.
    """
    if verb in _WITHOUT:
        return {}
    return _defaults(command, configuration(file=file, files=files).settings)


def _defaults(command: click.Command, settings: Mapping[str, Setting]) -> dict[str, Any]:
    from inspector.policy import KEYS

    if isinstance(command, click.Group):
        return {name: _defaults(below, settings) for name, below in command.commands.items()}
    found: dict[str, Any] = {}
    for parameter in command.params:
        for key in (KEYS.get(option.removeprefix("--")) for option in parameter.opts):
            if key is None or key.name not in settings or parameter.name is None:
                continue
            # A verb may have a flag of the same name that takes one value: a list does not speak of it.
            if parameter.multiple or key.kind != "texts":
                found[parameter.name] = _as_parameter(settings[key.name], key, parameter, command)
    return found


def _as_parameter(setting: Setting, key: Key, parameter: click.Parameter, command: click.Command) -> Any:
    value = setting.value
    values = value if isinstance(value, list) else [value]
    try:
        for each in values:
            parameter.type.convert(each, parameter, click.Context(command))
            if key.name == "environment" and each.isascii() and each.replace("-", "").isalnum() and each != "host":
                from inspector.environments import preset

                preset(each)
    except click.BadParameter as error:
        raise UsageError(f"{setting.where}: {key.name}: {printable(error.message)}") from None
    except UsageError as error:
        raise UsageError(f"{setting.where}: {key.name}: {error}", advice=error.advice) from None
    return values if parameter.multiple else value
