"""Who runs a script, what it starts, and which of the resolver's variables it touches. Read, never run; a bounded scan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from inspector.binaries import library_kind
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
_TAKES_VALUE: Mapping[str, frozenset[str]] = {
    "tini": frozenset({"-p", "-e"}),
    "dumb-init": frozenset({"-r", "--rewrite"}),
    "nice": frozenset({"-n", "--adjustment"}),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "exec": frozenset({"-a"}),
    "setpriv": frozenset({
        "--reuid", "--regid", "--ruid", "--rgid", "--euid", "--egid", "--groups", "--inh-caps", "--ambient-caps",
        "--bounding-set", "--securebits", "--pdeathsig", "--selinux-label", "--apparmor-profile",
    }),
    "loader": frozenset({
        "--library-path", "--preload", "--audit", "--argv0", "--inhibit-rpath", "--glibc-hwcaps-prepend",
        "--glibc-hwcaps-mask",
    }),
}  # fmt: skip
"""The options of wrappers that are given a word of their own (their manuals' synopses)."""
_TAKES_USER = frozenset({"su-exec", "gosu"})
_SEPARATORS = re.compile(r"[\n;&|()`]+")
_WORD = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*')+""")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_TOUCHED = re.compile(rf"\b({'|'.join(VARIABLES)})\+?=|\b(?:unset|export|read)\s[^;\n]*?\b({'|'.join(VARIABLES)})\b")
MOST_OF_FIRST_LINE = 256
"""Bytes of a script's first line that count (execve(2): 255 since Linux 5.1)."""
_MAX_COMMANDS = 256
_MAX_WORDS = 64


def interpreter_of(text: str) -> str | None:
    """Return who runs a file by its ``#!`` line, looking through ``env``; None where execve would refuse it.

    The line ends at a newline or after 256 bytes, blanks and tabs part it, and a carriage return is part of the name
    (Linux, fs/binfmt_script.c, load_script).
    """
    if not text.startswith("#!"):
        return None
    words = [word for word in re.split("[ \t\0]+", text[2:MOST_OF_FIRST_LINE].partition("\n")[0]) if word]
    if not words:
        return None
    return words[0] if _base(words[0]) != "env" else program_of(words) or words[0]


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
    if _base(interpreter) not in _SHELLS:
        named = tuple(variable for variable in VARIABLES if variable in text)
        return ScriptFacts(path=path, interpreter=interpreter, variables=named)
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
    """Return what a shell's command starts: its first word that is no keyword, assignment, wrapper or wrapper's option."""
    left = iter(words)
    word = next((word for word in left if word not in _PREFIXES and not _ASSIGNMENT.match(word)), "")
    if word not in _BUILTINS and _wrapper(word):
        word = next(iter(skip_wrappers([word, *left])), "")
    return None if not word or word in _BUILTINS or "$" in word else word


def skip_wrappers(words: list[str]) -> list[str]:
    """Return the words from the program on that wrappers such as ``tini``, ``env`` and a loader start in the end."""
    rest = words
    while rest and (wrapper := _wrapper(rest[0])):
        valued = _TAKES_VALUE.get(wrapper, frozenset())
        position = 1
        while position < len(rest) and (rest[position].startswith("-") or _is_variable(wrapper, rest[position])):
            if rest[position] == "--":
                position += 1
                break
            position += 1 + (rest[position] in valued)
        rest = rest[position + (wrapper in _TAKES_USER) :]
    return rest


def _wrapper(word: str) -> str | None:
    """Return the name of a program that starts another, ``loader`` for ld.so; None for any other."""
    name = _base(word)
    if name in _WRAPPERS:
        return name
    return "loader" if name.startswith("ld") and library_kind(name) == "loader" else None


def _is_variable(wrapper: str, word: str) -> bool:
    return wrapper == "env" and _ASSIGNMENT.match(word) is not None
