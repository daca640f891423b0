"""Variables of the Compose Specification: ``${VAR:-default}`` and its relatives, and ``.env`` files.

12-interpolation.md and 05-services.md, "env_file".
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from inspector.environments.documents import Place, Spending, damage, read_text
from inspector.errors import LimitExceeded, UsageError
from inspector.escaping import printable

MAX_VALUE = 64 * 1024
"""Characters of a value after substitution."""
_MAX_DEPTH = 20
_MAX_QUOTED = 200
"""Lines that a quoted value of an env_file may run over."""
_NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(?:([=:])[ \t]*(.*))?", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Scope:
    """Variables that a file may use, and a note of those that it used in vain."""

    def __init__(
        self, values: Mapping[str, str], unset: dict[str, Place] | None = None, spending: Spending | None = None
    ) -> None:
        self.values = values
        self.spending = spending or Spending()
        self.unset = {} if unset is None else unset
        """Name → where it was first wanted, of variables without value or default: Compose takes them for empty."""

    def below(self, lower: Mapping[str, str]) -> Scope:
        """Return a scope with defaults for what is not set here."""
        return Scope({**lower, **self.values}, self.unset, self.spending)

    def expand(self, text: str, place: Place) -> str:
        """Substitute the variables in a text.

        Raises:
            TargetDamaged: for a ``${`` that is not understood.
            UsageError: for a mandatory variable (``${VAR:?text}``) that is not set.
            LimitExceeded: if the result is longer than ``MAX_VALUE``.
        """
        if "$" not in text:
            return text
        found = self._expand(text, place, 0)
        self.spending.take(found)
        return found

    def _expand(self, text: str, place: Place, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise LimitExceeded(f"{place}: variables nested deeper than {_MAX_DEPTH} levels")
        parts: list[str] = []
        position = length = 0
        while position < len(text):
            dollar = text.find("$", position)
            if dollar < 0:
                dollar = len(text)
            parts.append(text[position:dollar])
            value, position = self._one(text, dollar, place, depth)
            parts.append(value)
            length += len(parts[-1]) + len(parts[-2])
            if length > MAX_VALUE:
                raise LimitExceeded(f"{place}: a value longer than {MAX_VALUE} characters after substitution")
        return "".join(parts)

    def _one(self, text: str, dollar: int, place: Place, depth: int) -> tuple[str, int]:
        """Return the value of what begins at a dollar sign, and the position behind it."""
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            return "$", dollar + 2
        if following != "{":
            name = _NAME.match(text, dollar + 1)
            return (self._value(name[0], place), name.end()) if name else (text[dollar : dollar + 1], dollar + 1)
        end = _closing(text, dollar + 2)
        name = _NAME.match(text, dollar + 2)
        if end < 0 or name is None:
            raise damage(place, f"'{printable(text[dollar : dollar + 40])}' is no variable: write $$ for a dollar sign")
        rest = text[name.end() : end]
        operator = next((known for known in _OPERATORS if rest.startswith(known)), None)
        if rest and operator is None:
            raise damage(place, f"'{printable(text[dollar : end + 1], limit=60)}' is no form of substitution")
        word = rest[len(operator or "") :]
        return self._substitute(name[0], operator, word, place, depth), end + 1

    def _substitute(self, name: str, operator: str | None, word: str, place: Place, depth: int) -> str:
        value = self.values.get(name)
        if operator is None:
            return self._value(name, place)
        has = value is not None and (value != "" or not operator.startswith(":"))
        kind = operator[-1]
        if kind == "+":
            return self._expand(word, place, depth + 1) if has else ""
        if has:
            return value or ""
        if kind == "?":
            told = printable(self._expand(word, place, depth + 1) or "it is mandatory", limit=120)
            raise UsageError(f"{place}: the variable {name} is not set: {told}", advice="set it, or write it into .env")
        return self._expand(word, place, depth + 1)

    def _value(self, name: str, place: Place) -> str:
        value = self.values.get(name)
        if value is None:
            self.unset.setdefault(name, place)
            return ""
        return value


def _closing(text: str, start: int) -> int:
    """Return the position of the brace that closes ``${``, minus one if there is none."""
    depth, position = 1, start
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1


# ── .env and env_file ────────────────────────────────────────────────────────────────────────────────────────────


def read_env_file(path: Path, scope: Scope, *, raw: bool = False) -> dict[str, tuple[str | None, Place]]:
    """Return the variables of a file, each with its place; None for a name without ``=``.

    Args:
        path: the file.
        scope: what values may refer to, besides earlier lines of the file.
        raw: take values as they are (``format: raw``).

    Raises:
        UsageError: if it cannot be read.
        TargetDamaged: for a line that is no assignment.
    """
    text, name = read_text(str(path)), str(path)
    found: dict[str, tuple[str | None, Place]] = {}
    earlier: dict[str, str] = {}
    inside = Scope(ChainMap(dict(scope.values), earlier), scope.unset, scope.spending)
    lines = text.replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(lines):
        place = Place(name, number + 1, 1)
        line = lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise damage(place, f"'{printable(line, limit=60)}' is no assignment: write NAME=VALUE")
        if match[2] is None:
            found[match[1]] = (None, place)
            continue
        value = match[3]
        last = number + _MAX_QUOTED
        while not raw and value[:1] in {"'", '"'} and not _is_closed(value) and number < min(last, len(lines)):
            value += "\n" + lines[number]
            number += 1
        earlier[match[1]] = value if raw else _unquote(value, inside, place)
        found[match[1]] = (earlier[match[1]], place)
    return found


def _is_closed(value: str) -> bool:
    return re.match(rf"{value[0]}(?:[^{value[0]}\\]|\\.)*{value[0]}", value, re.DOTALL) is not None


def _unquote(value: str, scope: Scope, place: Place) -> str:
    quote = value[:1]
    if quote not in {"'", '"'} or not _is_closed(value):
        plain = re.sub(r"[ \t]+#.*", "", value, flags=re.DOTALL).rstrip()
        return scope.expand("" if value.startswith("#") else plain, place)
    match = re.match(rf"{quote}((?:[^{quote}\\]|\\.)*){quote}", value, re.DOTALL)
    inner = match[1] if match else ""
    if quote == "'":
        return inner.replace("\\'", "'")
    unescaped = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1] if m[1] in '"\\' else m[0]), inner, flags=re.DOTALL)
    return scope.expand(unescaped, place)
