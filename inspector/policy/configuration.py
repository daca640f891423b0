"""Settings from variables and files: ``INSPECTOR_*`` > ``.inspector.toml`` > ``pyproject.toml`` > the user's own file.

A key is a long flag without its dashes. Files in the working directory come with what is scanned and may be
anybody's: they may say what counts and what is judged, but not where anything is written, whom to trust or how to
reach a registry; the paths that they name must stay below the directory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.policy.files import Document, line_of, read_toml, unknown
from inspector.records import dataclass

Kind = Literal["switch", "text", "texts", "integer", "number", "path"]

PREFIX = "INSPECTOR_"
LEVELS = ("crash", "wrong", "latent", "unknown", "never")
_MAX_TEXT = 4096
_PRESET = re.compile(r"[a-z0-9-]+")
_MAX_TEXTS = 1000
_SWITCHES = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}
_KINDS: Mapping[Kind, str] = {
    "switch": "true or false",
    "text": "a text",
    "texts": "a list of texts",
    "integer": "a whole number",
    "number": "a number",
    "path": "a path",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    default: Any = None
    own: bool = False
    """Only the user's own file, a file named on the command line, or a variable may set it."""

    @property
    def variable(self) -> str:
        """``INSPECTOR_FAIL_ON``."""
        return PREFIX + self.name.upper().replace("-", "_")

    @property
    def allowed(self) -> str:
        """What a value may be, for a reader."""
        if self.choices:
            return ", ".join(self.choices)
        if math.isfinite(self.least):
            return f"{_KINDS[self.kind]} from {self.least:g}" + (f" to {self.most:g}" if self.most < math.inf else "")
        return _KINDS[self.kind]


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key(name="fail-on", kind="text", choices=LEVELS, default="crash"),
        Key(name="only-fixable", kind="switch", default=False),
        Key(name="exit-code", kind="integer", least=0, most=125, default=1),
        Key(name="allow-incomplete", kind="switch", default=False),
        Key(name="waivers", kind="path"),
        Key(name="baseline", kind="path"),
        Key(name="format", kind="text", default="text"),
        Key(name="quiet", kind="switch", default=False),
        Key(name="verbose", kind="switch", default=False),
        Key(name="environment", kind="texts"),
        Key(name="host", kind="texts"),
        Key(name="host-resolv-conf", kind="path"),
        Key(name="resolv-conf", kind="path"),
        Key(name="nsswitch", kind="path"),
        Key(name="env", kind="texts"),
        Key(name="name", kind="texts"),
        Key(name="call", kind="texts"),
        Key(name="from", kind="text", choices=("docker", "podman", "registry")),
        Key(name="platform", kind="text"),
        Key(name="all-platforms", kind="switch", default=False),
        Key(name="layers", kind="switch", default=False),
        Key(name="hash", kind="switch", default=False),
        Key(name="witness", kind="switch", default=False),
        Key(name="offline", kind="switch", default=False),
        Key(name="timeout", kind="number", least=0.1, default=60.0),
        Key(name="no-cache", kind="switch", default=False),
        Key(name="insecure", kind="switch", default=False, own=True),
        Key(name="ca-cert", kind="path", own=True),
        Key(name="cache-dir", kind="path", own=True),
        Key(name="store", kind="text", own=True),
    )
}

_NOT_FROM_VARIABLES = frozenset({"INSPECTOR_CONFIG", "INSPECTOR_NO_CONFIG", "INSPECTOR_DEBUG"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A key's value and where it is from."""

    key: str
    value: Any
    where: str
    """``INSPECTOR_FAIL_ON``, ``.inspector.toml:3``, ``default``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What was set, and by what."""

    settings: Mapping[str, Setting]
    files: tuple[tuple[str, bool], ...] = ()
    """Every file that was looked for, highest first, and whether it said something."""
    doubts: tuple[str, ...] = ()
    """Variables that look like a mistyped one."""

    def setting(self, name: str) -> Setting:
        """Return what is in force for a key, its default where nothing sets it."""
        return self.settings.get(name) or Setting(key=name, value=KEYS[name].default, where="default")


@dataclass(frozen=True, slots=True)
class _Place:
    """A file that may hold settings."""

    path: Path
    name: str
    table: str | None = None
    trusted: bool = False


def load_configuration(
    directory: Path, variables: Mapping[str, str], *, file: Path | None = None, files: bool = True
) -> Configuration:
    """Read every setting that is not a flag.

    Args:
        directory: the working directory.
        variables: the process's environment.
        file: read this file in the place of all others; it counts as the user's own.
        files: False: variables only.

    Raises:
        UsageError: for an unknown key, a value that is not allowed, or a file that cannot be read.
    """
    settings: dict[str, Setting] = {}
    looked: list[tuple[str, bool]] = []
    for place in reversed(_places(directory, variables, file) if files else []):
        document = read_toml(place.path, name=place.name, word="inspector" if place.table else None)
        if document is None and file is not None:
            raise UsageError(f"no such file: {printable(str(file))}")
        found = {setting.key: setting for setting in _from_file(document, place)} if document else {}
        settings.update(found)
        looked.insert(0, (place.name, bool(found)))
    settings.update({setting.key: setting for setting in _from_variables(variables)})
    return Configuration(settings=settings, files=tuple(looked), doubts=tuple(_doubts(variables)))


def _places(directory: Path, variables: Mapping[str, str], file: Path | None) -> list[_Place]:
    if file is not None:
        return [_Place(file, printable(str(file)), trusted=True)]
    places = [
        _Place(directory / ".inspector.toml", ".inspector.toml"),
        _Place(directory / "pyproject.toml", "pyproject.toml", "tool.inspector"),
    ]
    # XDG Base Directory Specification: a relative path is to be ignored.
    base = Path(variables.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute() and variables.get("HOME"):
        base = Path(variables["HOME"]) / ".config"
    if base.is_absolute():
        own = base / "inspector" / "config.toml"
        places.append(_Place(own, printable(str(own)), trusted=True))
    return places


def _from_file(document: Document, place: _Place) -> Iterator[Setting]:
    content: Any = document.content
    for part in place.table.split(".") if place.table else ():
        content = content.get(part, {})
        if not isinstance(content, dict):
            raise UsageError(f"{document.name}: {place.table} is to be a table")
    for name, value in content.items():
        where = document.place(line_of(document, name, table=place.table))
        key = KEYS.get(name)
        if key is None:
            raise UsageError(f"{where}: {unknown('key', name, KEYS)}")
        if key.own and not place.trusted:
            raise UsageError(
                f"{where}: {name} is not taken from a file in the working directory",
                advice=f"give --{name}, {key.variable}, or set it in your own configuration",
            )
        yield Setting(key=name, value=_checked(key, value, where, place), where=where)


def _from_variables(variables: Mapping[str, str]) -> Iterator[Setting]:
    for key in KEYS.values():
        text = variables.get(key.variable)
        if text:
            yield Setting(key=key.name, value=_checked(key, _read(key, text), key.variable, None), where=key.variable)


def _read(key: Key, text: str) -> Any:
    """Turn a variable's text into what a file would have; the text itself where it cannot be."""
    if key.kind == "switch":
        return _SWITCHES.get(text.lower(), text)
    if key.kind == "texts":
        return text.split()
    try:
        return int(text) if key.kind == "integer" else float(text) if key.kind == "number" else text
    except ValueError:
        return text


def _checked(key: Key, value: Any, where: str, place: _Place | None) -> Any:
    """Return a value that is allowed, a path made absolute where a file gives it."""
    if not _is_of_kind(key, value) or (key.choices and value not in key.choices):
        shown = printable(str(value), limit=60)
        raise UsageError(f"{where}: {key.name} is '{shown}'; allowed: {key.allowed}")
    if key.name == "env" and any(not re.match(r"[^=]+=", each) for each in value):
        raise UsageError(f"{where}: env is '{printable(str(value), limit=60)}'; allowed: a list of NAME=VALUE")
    if key.name == "environment" and place is not None and not place.trusted:
        # A file of the directory may not have this host, a container or another file looked at.
        for each in value:
            if each == "host" or not _PRESET.fullmatch(each):
                raise UsageError(f"{where}: environment is '{printable(each, limit=60)}'; allowed: names of presets")
    if key.kind != "path" or place is None:
        return value
    base = place.path.absolute().parent
    path = base / value
    if not place.trusted:
        try:
            inside = path.resolve().is_relative_to(base.resolve())
        except (OSError, RuntimeError):  # a loop of links
            inside = False
        if not inside:
            raise UsageError(f"{where}: {key.name} leads out of the directory: '{printable(value, limit=120)}'")
    return str(path)


def _is_of_kind(key: Key, value: Any) -> bool:
    if key.kind == "switch":
        return isinstance(value, bool)
    if key.kind in {"integer", "number"}:
        fits = isinstance(value, int) if key.kind == "integer" else isinstance(value, int | float)
        return fits and not isinstance(value, bool) and math.isfinite(value) and key.least <= value <= key.most
    if key.kind == "texts":
        return isinstance(value, list) and len(value) <= _MAX_TEXTS and all(_is_text(each) for each in value)
    return _is_text(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_TEXT and "\0" not in value


def _doubts(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each variable that nearly has a key's name.

    Others are no error: Kubernetes sets ``INSPECTOR_SERVICE_HOST`` and more wherever a service is called so.
    """
    known = {key.variable for key in KEYS.values()} | _NOT_FROM_VARIABLES
    for name in variables:
        linked = name.startswith((f"{PREFIX}SERVICE_", f"{PREFIX}PORT"))
        if name.startswith(PREFIX) and name not in known and not linked:
            from difflib import get_close_matches

            near = get_close_matches(name, known, 1, cutoff=0.85)
            if near:
                yield f"the variable {printable(name, limit=80)} means nothing; did you mean {near[0]}?"
