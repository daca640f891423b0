"""What a command line or a shell's text starts, and what it changes first of what a resolver reads. Read, never run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from inspector.commands.required import required_programs
from inspector.commands.words import (
    ASSIGNMENT,
    BUILTINS,
    COMMAND_FLAG,
    LOGINS,
    LONG,
    MAX_ARGUMENTS,
    MAX_COMMANDS,
    MAX_DEPTH,
    MAX_WORDS,
    NAMING,
    ORDINARY,
    PLAIN,
    PREFIXES,
    QUIET,
    READERS,
    SEPARATORS,
    SHELLS,
    UNQUOTED,
    base_of,
    login_text,
    names_foreign_variables,
    shell_arguments,
    unwrap,
    variables_of,
    words_of,
    wrapper_of,
)
from inspector.commands.written import WRITTEN_FILES, written_files
from inspector.fabric import role_of
from inspector.facts import RESOLVER_VARIABLES

_SHELL_ENDINGS = ("sh", "busybox")
_SUPERVISORS = frozenset({
    "supervisord", "run-parts", "s6-svscan", "s6-supervise", "s6-rc", "s6-rc-init", "s6-overlay-suexec", "runit",
    "runsvdir", "runsv", "circusd", "monit", "foreman", "goreman", "honcho", "hivemind", "overmind", "procodile",
    "god",
})  # fmt: skip
"""They start what files of theirs say, with the variables that these set."""
_CLEARING = re.compile(r"--(?:clear|reset|unset|ignore|empty)-?env\w*")
_LOGIN_OPTIONS = frozenset({"-", "-l", "--login"})
"""Of ``su`` and ``runuser``: the environment is emptied, and the login shell's profile read (su(1))."""
_EVAL = re.compile(r"\beval\b")
_NAMES = "|".join(RESOLVER_VARIABLES)
_TOUCHED = re.compile(
    rf"\b({_NAMES})(?:\+|:)?=|"
    rf"\b(?:unset|export|read|for|declare|typeset|readonly|printf\s+-v)\s[^;\n]{{0,1024}}?\b({_NAMES})\b"
)
_SPOKEN = re.compile(rf"(?:(?<![\w$={{/.])|(?<!\S)--?[\w-]{{1,40}}=)({_NAMES})(?!\w)")
_OWN = re.compile(r"\$(?:[@*1-9]|\{[@*1-9][^}]*\})")
"""What a script was given, nothing else."""
_ITSELF = re.compile(r"\$0|\$\{0\}|\$BASH_SOURCE|\$\{BASH_SOURCE(?:\[0\])?\}")
_REDIRECTS = re.compile(r"(?:\d|&|\{\w+\})?[<>]")
_PROGRAM = re.compile(r"(?:[\w./+@][\w./+@-]*[\w+])?")
"""What may name a program; empty, an expansion makes the name."""
_FUNCTION = re.compile(r"[ \t]*(?:([\w:.-]+)[ \t]*\([ \t]*\)|function[ \t]+([\w:.-]+))")
_MOST_HANDED = 64


@dataclass(slots=True)
class Effects:
    """What a command line or text does before a program runs."""

    commands: dict[str, None] = field(default_factory=dict)
    """First words of simple commands, wrappers looked through, and scripts that a shell is given."""
    variables: set[str] = field(default_factory=set)
    """Those of the resolver's that it sets, unsets or may change."""
    files: set[str] = field(default_factory=set)
    """Those under /etc that it writes (``resolv.conf``, ``nsswitch.conf``, ``mdns.allow``, ``hosts``)."""
    sources: dict[str, None] = field(default_factory=dict)
    """Files whose text a shell takes for its own."""
    arguments: dict[str, None] = field(default_factory=dict)
    """Absolute paths that programs are given, which may start them (``chroot / /run.sh``)."""
    hands_on: bool = False
    """It starts what its arguments or a variable name."""
    required: dict[str, None] = field(default_factory=dict)
    """What a text gives to ``exec``, or starts by a path: what has to be there."""
    expands: bool = False
    """It starts what a variable or a command's output names, its own arguments aside."""
    handed: dict[str, None] = field(default_factory=dict)
    """Programs that nothing is known of, which may start what they are given with other variables: each with what that
    is, parted by blanks; without its name where an expansion makes that."""
    functions: set[str] = field(default_factory=set)
    """Functions that a text defines."""


def effects_of_words(words: Sequence[str]) -> Effects:
    """Return the effects of a command line as the kernel is given it (an entrypoint, a manifest's command)."""
    effects = Effects()
    _read_words(list(words[:MAX_ARGUMENTS]), effects, 0)
    return effects


def effects_of_text(text: str) -> Effects:
    """Return the effects of a shell's text."""
    effects = Effects()
    _read_text(text, effects, 0)
    return effects


# ── a command line ───────────────────────────────────────────────────────────────────────────────────────────────


def _read_words(words: list[str], effects: Effects, depth: int) -> None:
    if depth > MAX_DEPTH:
        _lose(effects)
        return
    rest, changed = unwrap(words)
    effects.variables |= changed
    for position, word in enumerate(rest[1:MAX_WORDS], 1):
        if word.endswith("env") and base_of(word) == "env":
            effects.variables |= unwrap(rest[position:])[1]
    if not rest or _REDIRECTS.match(rest[0]):
        return
    program = rest[0]
    if program in {".", "source"}:
        _source(rest[1:], effects)
    elif program == "eval":
        _read_text(" ".join(rest[1:]), effects, depth + 1)
    elif program in NAMING or (program == "printf" and rest[1:2] == ["-v"]):
        _name(rest[1:], effects)
    elif program == "set":
        _set(rest[1:], effects, depth)
    elif program in BUILTINS or program in PREFIXES:
        pass
    elif "$" in program:
        _expand(rest, effects, is_executed="exec" in words[: len(words) - len(rest)])
    else:
        _read_command(rest, effects, depth, is_function=program in effects.functions and rest == words)


def _read_command(words: list[str], effects: Effects, depth: int, *, is_function: bool) -> None:
    program, name = words[0], base_of(words[0])
    if not is_function and len(effects.commands) < MAX_COMMANDS:
        effects.commands[program] = None
    _read_program(name, words, effects, depth)
    if name not in READERS:
        _read_arguments(words, effects, depth)
        if not is_function:
            _hand(program, words[1:], effects)


def _set(words: list[str], effects: Effects, depth: int) -> None:
    """Read what a script makes its own arguments, which it may start (``set -- env -i "$@"``)."""
    given = words[words.index("--") + 1 :] if "--" in words else []
    if given and not given[0].startswith("-") and not _OWN.fullmatch(given[0]):
        _read_words(given, effects, depth + 1)


def _expand(words: list[str], effects: Effects, *, is_executed: bool) -> None:
    """Note a command whose name an expansion makes: it may be ``env -u GODEBUG``, or any script.

    What a script goes over to is the program, and so is what it gives its arguments to. Of any other, what it is given
    tells whether it matters: ``$SUDO chown …`` ends before the program starts.
    """
    effects.hands_on = True
    if _OWN.fullmatch(words[0]) or _ITSELF.fullmatch(words[0]):
        return
    effects.expands = True
    if is_executed or any(_OWN.fullmatch(word) for word in words[1:]):
        _lose(effects)
    _hand("", words[1:], effects)
    for word in words[1:MAX_WORDS]:
        if word.startswith("/") and len(effects.arguments) < MAX_COMMANDS:
            effects.arguments[word] = None


def _hand(program: str, given: Sequence[str], effects: Effects) -> None:
    """Note what a program is given that nothing is known of: programs, names of variables, an order to clear them."""
    name = base_of(program)
    if not given or name in ORDINARY or name in SHELLS or role_of(name) or not _PROGRAM.fullmatch(program):
        return
    given = given[:_MOST_HANDED]
    text = " ".join(given)
    if any(each in text for each in RESOLVER_VARIABLES):
        effects.variables.update(match[1] for match in _SPOKEN.finditer(text))
    if "--" in text and any(_CLEARING.fullmatch(word) for word in given):
        effects.variables.update(RESOLVER_VARIABLES)
    words = [word for word in given if not word.startswith("-") and PLAIN.fullmatch(word)]
    if words and len(effects.handed) < MAX_COMMANDS:
        effects.handed[" ".join((program, *words))] = None


def _read_program(name: str, words: list[str], effects: Effects, depth: int) -> None:
    if names_foreign_variables(name):
        effects.variables.update(RESOLVER_VARIABLES)
    elif name in _SUPERVISORS:
        _lose(effects)
    if name == "busybox" and len(words) > 1 and (words[1] in SHELLS or wrapper_of(words[1])):
        _read_words(words[1:], effects, depth + 1)
    elif name in SHELLS:
        _read_shell(words, effects, depth)
    elif name in LOGINS:
        if any(word in _LOGIN_OPTIONS or re.fullmatch("-[a-z]*l[a-z]*", word) for word in words[1:]):
            effects.variables.update(RESOLVER_VARIABLES)
        text = login_text(words)
        if text is not None:
            _read_text(text, effects, depth + 1)


def _read_arguments(words: list[str], effects: Effects, depth: int) -> None:
    """Add what a program may start of what it is given: a shell with its text, whatever has an absolute path."""
    for position, word in enumerate(words[1:MAX_WORDS], 1):
        if word.startswith("/") and len(effects.arguments) < MAX_COMMANDS:
            effects.arguments[word] = None
        if not word.endswith(_SHELL_ENDINGS) or base_of(word) not in SHELLS:
            continue
        if COMMAND_FLAG.fullmatch(next(iter(words[position + 1 :]), "")):
            _read_words(words[position:], effects, depth + 1)
            return


def _read_shell(words: Sequence[str], effects: Effects, depth: int = 0) -> None:
    """Add the effects of a shell's command line, ``words[0]`` the shell."""
    text, script = shell_arguments(words[1:])
    options = words[1 : words.index(text if text is not None else script)] if text or script else words[1:]
    if any(word == "--login" or re.fullmatch("-[A-Za-z]*l[A-Za-z]*", word) for word in options):
        effects.sources["/etc/profile"] = None
    if script is not None and "$" in script:
        _expand([script, *words[words.index(script) + 1 :]], effects, is_executed=False)
    elif script is not None:
        effects.commands[script] = None
    if text is not None:
        _read_text(text, effects, depth + 1)


def _source(words: list[str], effects: Effects) -> None:
    if words and "$" in words[0]:
        _lose(effects)
    elif words:
        effects.sources[words[0]] = None


def _lose(effects: Effects) -> None:
    """Note that what is run there is not known, nor what it changes."""
    effects.variables.update(RESOLVER_VARIABLES)
    effects.files.update(WRITTEN_FILES)


def _name(words: list[str], effects: Effects) -> None:
    for word in words:
        if not word.startswith("-"):
            effects.variables |= variables_of(word.partition("=")[0])


# ── a text ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_text(text: str, effects: Effects, depth: int) -> None:
    if depth > MAX_DEPTH:
        _lose(effects)
        return
    joined = text.replace("\\\n", " ")
    lines = [line for line in joined.split("\n") if not line.lstrip().startswith("#")]
    code = "\n".join(lines)
    effects.variables |= _touched(code)
    effects.files |= written_files(lines, depth)
    if "function " in code or "()" in code or "( )" in code:
        matches = (_FUNCTION.match(line) for line in lines if "(" in line or "function" in line)
        effects.functions.update(match[1] or match[2] for match in matches if match is not None)
    expands = False
    for part in SEPARATORS.split(code):
        first = part.split(None, 1)[:1]
        if not first or first[0] in QUIET:
            continue
        # The output of a command names one: ``"$(which env)" -i x``. What comes behind it has no first word.
        expands = expands or first[0] in {"$", '"$'}
        words = words_of(part)
        while words and (words[0] in PREFIXES or ASSIGNMENT.match(words[0]) or _REDIRECTS.match(words[0])):
            # A redirection's file may be a word of its own.
            del words[: 1 + (words[0][-1:] in {"<", ">"})]
        # Elsewhere the "$" belongs to an assignment (``A="b $(c)"``), and what has no first word to any command.
        if words and (words[0] not in {"", "$"} or expands):
            _read_words(words, effects, depth)
    wanted = {base_of(word) for word in effects.commands if "/" in word and word[-1] != "/" and PLAIN.fullmatch(word)}
    if wanted or "exec" in code:
        effects.required.update(required_programs(lines, wanted))


def _touched(code: str) -> set[str]:
    if _evaluates(code):
        return set(RESOLVER_VARIABLES)
    forms = [form for form in (code, code.translate(UNQUOTED)) if any(each in form for each in RESOLVER_VARIABLES)]
    if not forms:
        return set()
    found = {each for line in code.split("\n") if len(line) > LONG for each in RESOLVER_VARIABLES if each in line}
    for form in forms:
        found.update(match[1] or match[2] for match in _TOUCHED.finditer(form))
    return found


def _evaluates(code: str) -> bool:
    """Whether an ``eval`` is given what an expansion comes to."""
    return "eval" in code and any(
        (word := _EVAL.search(part)) is not None and not {"$", "`"}.isdisjoint(part[word.end() :])
        for part in re.split("[\n;]", code)
    )
