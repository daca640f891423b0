"""What a shell script starts, and which of the resolver's variables it touches. Read, never run; a bounded scan."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from inspector.facts import ScriptFacts

VARIABLES = ("GODEBUG", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"})
_PREFIXES = frozenset({"if", "then", "else", "elif", "do", "while", "until", "{", "!", "time"})
"""Words after which a command follows."""
_BUILTINS = frozenset({
    "fi", "done", "for", "case", "esac", "in", "}", "function", "select", "return", "break", "continue", "local", "export",
    "readonly", "set", "shift", "unset", "trap", "true", "false", "test", "[", "[[", "echo", "printf", "cd", "exit", ":",
    "declare", "typeset", "eval", "umask", "wait", "read", "alias", "source", ".",
})  # fmt: skip
_WRAPPERS = frozenset(
    {"exec", "env", "nohup", "tini", "dumb-init", "catatonit", "su-exec", "gosu", "setpriv", "nice", "command"}
)
_TAKES_USER = frozenset({"su-exec", "gosu"})
_SEPARATORS = re.compile(r"[\n;&|()`]+")
_WORD = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*')+""")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_TOUCHED = re.compile(rf"\b({'|'.join(VARIABLES)})\+?=|\b(?:unset|export|read)\s[^;\n]*?\b({'|'.join(VARIABLES)})\b")
_MAX_COMMANDS = 256
_MAX_WORDS = 64


def shell_of(first_line: str) -> str | None:
    """Return the interpreter of a ``#!`` line if it is a shell, else None (execve(2), Interpreter scripts)."""
    if not first_line.startswith("#!"):
        return None
    words = first_line[2:].split()
    if not words:
        return None
    name = words[0]
    if name.rsplit("/", 1)[-1] == "env":
        name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
    return name if name.rsplit("/", 1)[-1] in _SHELLS else None


def describe_script(path: str, text: str) -> ScriptFacts | None:
    """Return the facts of a shell script, or None where it is none."""
    interpreter = shell_of(text.split("\n", 1)[0][:256])
    if interpreter is None:
        return None
    return ScriptFacts(
        path=path, interpreter=interpreter, commands=commands_of(text), variables=touched_variables(text)
    )


def touched_variables(text: str) -> tuple[str, ...]:
    """Return those of the resolver's variables that a script assigns, exports or unsets, in a fixed order."""
    if not any(variable in text for variable in VARIABLES):
        return ()
    lines = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    touched = {match[1] or match[2] for match in _TOUCHED.finditer(lines)}
    return tuple(variable for variable in VARIABLES if variable in touched)


def commands_of(text: str) -> tuple[str, ...]:
    """Return the first words of a script's simple commands, wrappers such as ``exec`` and ``env`` looked through."""
    found: dict[str, None] = {}
    joined = text.replace("\\\n", " ")
    lines = "\n".join(line for line in joined.split("\n") if not line.lstrip().startswith("#"))
    for part in _SEPARATORS.split(lines):
        first = part.split(None, 1)[:1]
        if not first or first[0] in _BUILTINS:
            continue
        words = islice(_WORD.finditer(part, 0, 4096), _MAX_WORDS)
        command = program_of(word[0].strip("\"'") for word in words)
        if command is not None:
            found[command] = None
        if len(found) >= _MAX_COMMANDS:
            break
    return tuple(found)


def program_of(words: Iterable[str]) -> str | None:
    """Return what a command line starts: its first word that is no keyword, assignment, wrapper or wrapper's option."""
    wrapper = ""
    left = iter(words)
    for word in left:
        name = word.rsplit("/", 1)[-1]
        if _ASSIGNMENT.match(word) or (word in _PREFIXES and not wrapper):
            continue
        if word in _BUILTINS:
            return None
        if wrapper and word.startswith("-"):
            continue
        if name in _WRAPPERS:
            wrapper = name
            if name in _TAKES_USER:
                next(left, None)
            continue
        return None if not word or "$" in word else word
    return None
