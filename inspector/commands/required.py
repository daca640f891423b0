"""What a text in a shell's language must find in the image: what it starts for certain, narrowly read."""

from __future__ import annotations

import re
from collections.abc import Collection

from inspector.commands.words import (
    ASSIGNMENT,
    BUILTINS,
    LONG,
    MAX_COMMANDS,
    PLAIN,
    QUIET,
    SHELLS,
    base_of,
    shell_arguments,
    words_of,
)
from inspector.commands.written import REDIRECTION, leaves_open, mask_quoted, program_words

_HERE = re.compile(r"(?<!<)<<-?[ \t]*[\"'\\]?([A-Za-z_]\w*)")
_PARTS = re.compile(r"([\n;&|()`]+)")


def required_programs(lines: list[str], names: Collection[str]) -> dict[str, None]:
    """Return what lines of a shell give to ``exec``, or start by a path.

    What is told of it is told as a fault of the image, so it is read narrowly: what stands in quotes, in a text of
    ``<<``, in the patterns of a ``case`` and in an array is none. A line that begins with ``exec`` is one even there,
    but for the text. ``names`` are those that paths in the place of commands end with.
    """
    found: dict[str, None] = {}
    opened = listing = False
    ends = _ends_of_texts(lines)
    after = 0
    for number, line in enumerate(lines):
        if number < after:
            continue
        after = ends.get(number, -1) + 1
        is_meant = "exec" in line or ("/" in line and any(name in line for name in names))
        if not is_meant and not listing and "=(" not in line and _is_closed(line):
            continue
        text = mask_quoted(line)
        is_open = leaves_open(text)
        begins = line.lstrip().startswith("exec ")
        if is_meant and len(line) <= LONG and (begins or not (opened or listing or is_open)):
            _require(text, found)
        opened ^= is_open
        listing = ("=(" in text and ")" not in text.partition("=(")[2]) or (listing and ")" not in text)
    return found


def _is_closed(line: str) -> bool:
    """Whether a line leaves no quote open, as far as a glance tells."""
    if "'" in line:
        return '"' not in line and "\\" not in line and "#" not in line and line.count("'") % 2 == 0
    return '"' not in line or ("\\" not in line and "#" not in line and line.count('"') % 2 == 0)


def _ends_of_texts(lines: list[str]) -> dict[int, int]:
    """Return, for each line whose ``<<`` begins a text, the number of the line that ends it."""
    begun = [(n, match[1]) for n, line in enumerate(lines) if "<<" in line and (match := _HERE.search(line))]
    words = {word for _, word in begun}
    ends: dict[int, int] = {}
    following: dict[str, int] = {}
    last = len(lines)
    for number, word in reversed(begun):
        for n in range(last - 1, number, -1):
            if (text := lines[n].strip()) in words:
                following[text] = n
        last = number + 1
        if word in following:
            ends[number] = following[word]
    return ends


def _require(line: str, found: dict[str, None]) -> None:
    """Add what has to be there for a line whose quotes are masked."""
    parts = _PARTS.split(REDIRECTION.sub(" ", line))
    chain: list[str] = []
    depth = 0
    within = goes_on = assigns = False
    for part, end in zip(parts[::2], [*parts[1::2], "\n"], strict=True):
        # After ``A=$(b)`` a command may follow; after any other it is given what follows.
        word = None if goes_on and not (assigns and part.startswith((" ", "\t"))) else _required_word(part)
        chain += [word] if word else []
        if end.startswith("(") and part.endswith("="):
            return  # an array
        if end.startswith(")") and not depth:
            chain.clear()  # the patterns of a ``case``
        elif end != "|":
            found.update(dict.fromkeys(chain[: MAX_COMMANDS - len(found)]))
            chain.clear()
        # What follows on the output of a command is given to the command around it.
        goes_on = "((" in end or (depth > 0 and not end.strip(")")) or (within and end == "`")
        if end.startswith("(") and not depth:
            assigns = part.endswith("=$") and ASSIGNMENT.match(part.lstrip()) is not None
        depth = max(0, depth + end.count("(") - end.count(")"))
        within ^= end.count("`") % 2 == 1


def _required_word(part: str) -> str | None:
    if "/" not in part and "exec" not in part:
        return None
    first = part.split(None, 1)[:1]
    if not first or first[0] in QUIET:
        return None
    words = words_of(part)
    before, rest = program_words(words)
    if not rest:
        return None
    word, is_executed = rest[0], "exec" in words[len(before) : -len(rest)]
    if base_of(word) in SHELLS:
        text, script = shell_arguments(rest[1:])
        if text is None and script is not None and "/" in script:
            word = script
    is_named = "/" in word.rstrip("/") or (is_executed and word not in BUILTINS)
    return word if is_named and PLAIN.fullmatch(word) and not word.startswith(("-", "+", "%")) else None
