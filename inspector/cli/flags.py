"""Flags that several verbs share, added to a command in the order in which its help lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def add_flags(command: Command, *flags: Callable[[Any], Any]) -> Command:
    """Return a command with flags; what is added last is listed first (click)."""
    for flag in reversed(flags):
        command = flag(command)
    return command


def engine_flag(text: str) -> Callable[[Any], Any]:
    """Return the flag that says which release of the Docker engine it is."""
    return click.option("--engine", type=click.IntRange(17, 99), default=28, show_default=True, help=text)
