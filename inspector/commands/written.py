"""What a text in a shell's language writes of the files under /etc that a resolver reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from inspector.commands.words import (
    ASSIGNMENT,
    LOGINS,
    LONG,
    MAX_DEPTH,
    MAX_WORDS,
    PREFIXES,
    READERS,
    SEPARATORS,
    SHELLS,
    UNQUOTED,
    base_of,
    login_text,
    shell_arguments,
    skip_wrappers,
    words_of,
)
from inspector.facts import CONTEXT_FILES

WRITTEN_FILES = tuple(name for name in CONTEXT_FILES if name not in {"passwd", "group", "services"})
"""Files under /etc that a script may change for a resolver.

An entry that one adds to passwd, group or services takes none away: these stay as they are read."""
_EACH = "|".join(map(re.escape, WRITTEN_FILES))
_PREFIX = r"(?:\$\{[^}\s]{0,64}\}|\$\w{1,64})?[\"']?"
"""What may stand before ``/etc``, as in ``"${ROOT:-}/etc/hosts"``."""
_REDIRECTED = re.compile(rf">[>|]?\s*[\"']?(?:{_PREFIX}/etc/)?({_EACH})(?![\w.-])")
_MENTIONED = re.compile(rf"(?:(?<![\w./-])|^-[A-Za-z]+){_PREFIX}/etc/({_EACH})(?![\w.-])")
_NAMED = re.compile(rf"(?<![\w.-])({_EACH})(?![\w.-])")
_ETC = re.compile(rf"(?:[-\w]*=|-[A-Za-z]+)?{_PREFIX}/etc(?:/\.?)?")
_ENTERED = re.compile(rf"\bcd\s+[\"']?{_PREFIX}/etc/?[\"']?(?:[\s;&|)]|$)")
_PROGRAMMED = frozenset({"sed", "awk", "gawk", "mawk", "nawk"})
_IN_PLACE = re.compile(r"\s(?:-\w*i|--in-place)")
_COPIERS = frozenset({"cp", "ln"})
_TARGET = re.compile(r"-[A-Za-z]*t.*|--target.*")
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*\"""")
_SINGLE = re.compile("'[^']*'")
_COMMENT = re.compile(r"(?:^|\s)#.*")
REDIRECTION = re.compile(r"""(?:&|\d)?(?:<<<|<<-?|<>|>>|[<>])[&|]?\s*(?:"[^"]*"|'[^']*'|[^\s<>;&|()"'`])*""")
_EXPANSION = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$\w+")
_PLACE = r"((?:\$\([^)\n]*\)|\$(?!\()|[^\s;&|<>\"'$])*)"
_WRITTEN_BY_NAME = re.compile(rf">[>|]?[ \t]*[\"']?{_PLACE}[\"']?/[\"']?({_EACH})(?![\w.-])")
_WRITTEN_BY_PATTERN = re.compile(
    rf">[>|]?[ \t]*[\"']?{_PREFIX}/etc/[\"']?([\w.-]*\$[^\s;&|<>\"'/]*)(?=[\s;&|<>\"')]|$)"
)
_CARRIERS = frozenset({"cp", "mv", "install", "ln", "rsync"})
_UNPACKERS = ("cp ", "rsync ", "tar ", "unzip ", "cpio ")
_GLOB = frozenset("*?[{")
_HIDDEN = str.maketrans({each: chr(0xE000 + n) for n, each in enumerate(";&|()<>`#")})
_SHOWN = str.maketrans({chr(0xE000 + n): each for n, each in enumerate(";&|()<>`#")})
"""What parts commands and parts nothing within quotes, there and back."""


def mentioned_files(text: str) -> set[str]:
    """Return those of the resolver's files that a text in no shell's language names, and so may change."""
    return {name for name in WRITTEN_FILES if (f"/etc/{name}" if name == "hosts" else name) in text}


def written_files(lines: Iterable[str], depth: int = 0) -> set[str]:
    """Return those of the resolver's files that lines of a shell may write: a line at a time, quotes minded.

    Where a quote may be open from an earlier line, whatever stands in quotes counts as commands too.
    """
    found: set[str] = set()
    opened: str | None = None
    entered = False
    for line in lines:
        entered = entered or ("/etc" in line and _ENTERED.search(line) is not None)
        is_open = leaves_open(line)
        if len(line) > LONG:
            found.update(match[1] for match in _NAMED.finditer(line) if entered or "/etc" in line)
        elif "/etc" in line or any(name in line for name in WRITTEN_FILES) or _may_unpack(line):
            found.update(match[1] for match in _REDIRECTED.finditer(line))
            if "$" in line and ">" in line:
                found |= _redirected_by_expansion(line)
            text = line if is_open or opened is not None else mask_quoted(line)
            for part in SEPARATORS.split(REDIRECTION.sub(" ", text)):
                found |= _written_by(part, line, opened or "", entered=entered, depth=depth)
        if is_open:
            opened = _opener(line) if opened is None else None
    return found


def _redirected_by_expansion(line: str) -> set[str]:
    """Return the files that a redirection may write whose directory or name an expansion makes."""
    found = {match[2] for match in _WRITTEN_BY_NAME.finditer(line) if _may_be_etc(match[1])}
    for match in _WRITTEN_BY_PATTERN.finditer(line):
        found |= _matching(match[1])
    return found


def _may_be_etc(place: str) -> bool:
    """Whether a directory that an expansion makes may come out as /etc."""
    if "$" not in place:
        return False
    parts = _EXPANSION.sub("\0", place.translate(UNQUOTED)).split("\0")
    before, behind = parts[0], parts[-1].rstrip("/")
    return "$" not in "".join(parts) and "/etc".startswith(before) and "/etc".endswith(behind)


def _may_unpack(line: str) -> bool:
    return "/" in line and any(name in line for name in _UNPACKERS)


def _unpacks(name: str, words: list[str]) -> bool:
    """Whether a command lays a tree of any files over the root directory or /etc."""
    options = [word for word in words[1:] if word.startswith("-")]
    given = [word for word in words[1:] if not word.startswith("-")]
    if name in {"tar", "bsdtar"}:
        return _extracts(words) and any(_is_root(place) for place in _values_of(words, "-C", "--directory"))
    if name == "unzip":
        return any(_is_root(place) for place in _values_of(words, "-d"))
    is_deep = name == "rsync" or any(
        word in {"--recursive", "--archive"} or re.fullmatch("-[A-Za-z]*[arR][A-Za-z]*", word) for word in options
    )
    target = given[-1:] or [""]
    return is_deep and len(given) > 1 and _is_root(target[0]) and any(_is_tree(word) for word in given[:-1])


def _extracts(words: list[str]) -> bool:
    first = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
    short = [word for word in words[1:] if re.fullmatch("-[A-Za-z]+", word)]
    return "--extract" in words or "--get" in words or any("x" in word for word in [first, *short])


def _values_of(words: list[str], *options: str) -> list[str]:
    found = [after for word, after in pairwise(words) if word in options]
    found += [after for word, after in pairwise(words) if re.fullmatch("-[A-Za-z]+[Cd]", word)]
    return found + [
        word.removeprefix(option).lstrip("=") for word in words for option in options if word.startswith(option)
    ]


def _is_root(place: str) -> bool:
    return place in {"/", "/.", "/./"} or _ETC.fullmatch(place) is not None


def _is_tree(source: str) -> bool:
    """Whether what is copied may have files of any name, or /etc's, at its top."""
    base = source.rpartition("/")[2]
    return base in {"", ".", "etc"} or not {"*", "$", "?", "["}.isdisjoint(base)


def leaves_open(line: str) -> bool:
    """Whether a quote of the line has no fellow in it."""
    if "'" not in line and '"' not in line:
        return False
    rest = _QUOTED.sub("", line)
    return "'" in rest or '"' in rest


def mask_quoted(line: str) -> str:
    """Return a line with what stands in quotes parting nothing, and without its comment."""
    return _COMMENT.sub("", _QUOTED.sub(_hide, line) if "'" in line or '"' in line else line)


def _hide(match: re.Match[str]) -> str:
    text = match[0]
    if text.startswith('"') and ("$(" in text or "`" in text):
        return _SINGLE.sub(lambda inner: inner[0].translate(_HIDDEN), text)
    return text.translate(_HIDDEN)


def _opener(text: str) -> str:
    """Return the program whose quote a line leaves open."""
    for part in reversed(SEPARATORS.split(text)):
        if part.count("'") % 2 or part.count('"') % 2:
            return next(iter(program_words(words_of(part))[1]), "")
    return ""


def program_words(words: list[str]) -> tuple[list[str], list[str]]:
    """Return a command's keywords and assignments, and the rest of it from the program on, wrappers looked through."""
    start = next((n for n, word in enumerate(words) if word not in PREFIXES and not ASSIGNMENT.match(word)), len(words))
    rest = skip_wrappers(words[start:])
    return words[:start], rest[1:] if rest[:1] == ["busybox"] and rest[1:] else rest


def _written_by(part: str, line: str, opened: str, *, entered: bool, depth: int) -> set[str]:
    """Return what one command of a line writes.

    Args:
        part: the command.
        line: all of the line.
        opened: the program within whose quoted argument the line begins.
        entered: the shell may be in /etc.
        depth: texts that this one is within.
    """
    all_words = words_of(part)
    if len(all_words) >= MAX_WORDS:
        return {match[1] for match in _NAMED.finditer(part)}
    before, words = program_words(all_words)
    found = {name for word in before for name in _names_of(word, bare=False)}
    if not words:
        return found
    first = part.split(None, 1)[0]
    if opened and (first.count("'") % 2 or first.count('"') % 2):
        words = [opened, *words]
    name = base_of(words[0])
    if name in SHELLS or name in LOGINS:
        text = login_text(words) if name in LOGINS else shell_arguments(words[1:])[0]
        if text is not None and depth < MAX_DEPTH:
            return found | written_files(text.translate(_SHOWN).split("\n"), depth + 1)
    if name in {"cp", "rsync", "tar", "bsdtar", "unzip"} and _unpacks(name, words):
        return set(WRITTEN_FILES)
    given = _written_operands(name, words)
    found |= {each for word in given for each in _names_of(word, bare=entered)}
    if name in _CARRIERS and any(_may_be_etc(word) for word in given):
        sources = [word.rpartition("/") for word in words[1:]]
        found |= {base for place, _, base in sources if not _ETC.fullmatch(place)} & set(WRITTEN_FILES)
    if any(_ETC.fullmatch(word) for word in given):
        found.update(match[1] for match in _NAMED.finditer(line))
        bases = [word.rpartition("/")[2] for word in words[1:]]
        # What a loop goes over stands in the line as a rule: ``for f in hosts; do cp $f /etc; done``.
        found |= {each for base in bases if not (found and "$" in base) for each in _matching(base)}
    return found


def _written_operands(name: str, words: list[str]) -> list[str]:
    """Return those of a command's words that name what it may write."""
    given = words[1:]
    if name in _COPIERS and not any(_TARGET.fullmatch(word) for word in given):
        return [word for word in given if not word.startswith("-")][-1:]
    if name in _PROGRAMMED:
        return given if _IN_PLACE.search(" ".join(words)) else [word for word in given if " " in word]
    if name == "sort" and any(word.startswith(("-o", "--o")) for word in given):
        return given
    if name not in READERS or (name == "printf" and given[:1] == ["-v"]):
        return words
    return []


def _names_of(word: str, *, bare: bool) -> set[str]:
    """Return those of the resolver's files that a word may stand for; ``bare``, without a directory as well."""
    found = {match[1] for match in _MENTIONED.finditer(word)}
    place, _, base = word.rpartition("/")
    if (bare and place in {"", "."}) or _ETC.fullmatch(place):
        found |= {base} & set(WRITTEN_FILES) | _matching(base)
    elif base in WRITTEN_FILES and _may_be_etc(place):
        found.add(base)
    return found


def _matching(pattern: str) -> set[str]:
    """Return those of the resolver's files that a shell may make of a pattern, by its beginning and its end."""
    pattern = _EXPANSION.sub("*", pattern) if "$" in pattern else pattern
    places = [n for n, letter in enumerate(pattern) if letter in _GLOB or letter in "]}"]
    if not places or _GLOB.isdisjoint(pattern):
        return set()
    before, behind = pattern[: places[0]], pattern[places[-1] + 1 :]
    return {name for name in WRITTEN_FILES if name.startswith(before) and name.endswith(behind)}
