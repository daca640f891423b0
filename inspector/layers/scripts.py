"""Who runs a script, what it starts, and what it changes of what a resolver reads. Read, never run; a bounded scan."""

from __future__ import annotations

import re

from inspector.commands import (
    SHELLS,
    effects_of_text,
    effects_of_words,
    mentioned_files,
    names_foreign_variables,
    program_of,
    unwrap,
)
from inspector.facts import RESOLVER_VARIABLES, ScriptFacts

_CHANGING = re.compile(
    r"(?<![\w-])(?:emptyenv|s6-env|env|envfile|s6-envdir|envdir|s6-dotenv|export-array|exec)(?![\w-])"
)
"""Of execline's own language: what changes variables that it does not name (skarnet.org, execline)."""
MOST_OF_FIRST_LINE = 256
"""Bytes of a script's first line that count (execve(2): 255 since Linux 5.1)."""


def interpreter_of(text: str) -> str | None:
    """Return who runs a file by its ``#!`` line, looking through ``env``; None where execve would refuse it.

    The line ends at a newline or after 256 bytes, blanks and tabs part it, and a carriage return is part of the name
    (Linux, fs/binfmt_script.c, load_script).
    """
    if not text.startswith("#!"):
        return None
    words = _first_line(text)
    if not words:
        return None
    return words[0] if _base(words[0]) != "env" else program_of(words) or words[0]


def _first_line(text: str) -> list[str]:
    return [word for word in re.split("[ \t\0]+", text[2:MOST_OF_FIRST_LINE].partition("\n")[0]) if word]


def _base(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def describe_script(path: str, text: str, *, unread: int | None = None) -> ScriptFacts | None:
    """Return the facts of a script, or None where it is none.

    Args:
        path: where it is.
        text: all of it, or its beginning where ``unread`` tells its size.
        unread: its bytes, where it is too large.
    """
    interpreter = interpreter_of(text)
    if interpreter is None:
        return None
    if unread is not None:
        return ScriptFacts(path=path, interpreter=interpreter, unread=unread)
    line = _first_line(text)
    started, wrapped = unwrap(line)
    changed = set(wrapped)
    if names_foreign_variables(interpreter):
        changed.update(RESOLVER_VARIABLES)
    # As in ``#!/usr/bin/dumb-init /bin/sh``.
    if _base(started[0] if started else interpreter) not in SHELLS:
        changed.update(variable for variable in RESOLVER_VARIABLES if variable in text)
        if _base(interpreter) == "execlineb" and _CHANGING.search(text):
            changed.update(RESOLVER_VARIABLES)
        files = tuple(sorted(mentioned_files(text)))
        return ScriptFacts(path=path, interpreter=interpreter, variables=_in_order(changed), files=files)
    effects = effects_of_text(text)
    # What the line gives to the shell (``-l``: read the profile first); the script is its last word (execve(2)).
    sources = {**effects_of_words([*line, path]).sources, **effects.sources} if len(line) > 1 else effects.sources
    return ScriptFacts(
        path=path,
        interpreter=interpreter,
        commands=tuple(effects.commands),
        variables=_in_order(changed | effects.variables),
        files=tuple(sorted(effects.files)),
        sources=tuple(sources),
        arguments=tuple(effects.arguments),
        hands_on=effects.hands_on,
        required=tuple(effects.required),
        expands=effects.expands,
        handed=tuple(effects.handed),
    )


def _in_order(variables: set[str]) -> tuple[str, ...]:
    return tuple(variable for variable in RESOLVER_VARIABLES if variable in variables)
