"""Which executables of an image a report is about, and why each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from inspector.escaping import printable
from inspector.fabric import role_of
from inspector.facts import BinaryFacts, ImageConfig, ScriptFacts
from inspector.layers.overlay import RootFs
from inspector.layers.scripts import VARIABLES, commands_of, program_of, touched_variables

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines use where the config sets no PATH (moby, daemon/pkg/oci, DefaultPathEnv)."""
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox"})
_COMMAND_FLAG = re.compile(r"-[A-Za-z]*c[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report is about."""

    binaries: tuple[BinaryFacts, ...]
    script_variables: tuple[str, ...]
    """Variables that the entrypoint's script sets."""
    problems: tuple[str, ...]


def select_binaries(root: RootFs, config: ImageConfig | None, *, paths: tuple[str, ...] = ()) -> Selection:
    """Pick the executables of interest.

    These are what entrypoint and cmd start, Fabric's own by name and place, every Go program, every static program with
    a way into NSS, and every one that could not be analysed. ``paths`` narrows to files and directories.
    """
    started = _Started(root, config or ImageConfig())
    started.follow()
    names = root.names()
    found: dict[str, BinaryFacts] = {}
    real = {path: _real(root, path) for path in paths}
    for binary in root.binaries():
        why = [*started.why.get(binary.path, ()), *_why(binary)]
        if paths:
            why = [*why, "path"] if any(_is_below(binary.path, path) for path in real.values()) else []
        if why:
            absent = tuple(name for name in binary.needed if name.rsplit("/", 1)[-1] not in names)
            found[binary.path] = replace(binary, found=tuple(dict.fromkeys(why)), missing=absent)
    missing = [path for path, there in real.items() if not any(_is_below(known, there) for known in found)]
    problems = [f"no executable at {printable(path)}" for path in missing]
    return Selection(
        tuple(found.values()),
        tuple(variable for variable in VARIABLES if variable in started.variables),
        (*root.problems, *(() if paths else started.problems), *problems),
    )


def _real(root: RootFs, path: str) -> str:
    """Return where a path leads, or the path itself where nothing is there."""
    there = root.find(path)
    return path if there is None else there[0]


def _is_below(path: str, wanted: str) -> bool:
    top = "/" + wanted.strip("/")
    return path == top or path.startswith(top.rstrip("/") + "/")


def _why(binary: BinaryFacts) -> Iterable[str]:
    role = role_of(binary.path)
    if role is not None and (binary.go is not None or binary.exposures):
        yield f"fabric:{role}"
    if binary.go is not None:
        yield "go"
    elif binary.exposures is None:
        yield "damaged"
    elif binary.linkage.startswith("static") and binary.exposures:
        yield "nss"


def _text_of(words: list[str]) -> str | None:
    """Return what a shell's ``-c`` (or ``-ec``, ``-o pipefail -c``) is given, or None where it has none."""
    for position, word in enumerate(words[:-1]):
        if _COMMAND_FLAG.fullmatch(word):
            return words[position + 1]
    return None


class _Started:
    """What entrypoint and cmd start, looked at through links, wrappers and one level of script."""

    def __init__(self, root: RootFs, config: ImageConfig) -> None:
        self._root, self._config = root, config
        self.why: dict[str, list[str]] = {}
        self.variables: set[str] = set()
        self.problems: list[str] = []

    def follow(self) -> None:
        entrypoint, cmd = list(self._config.entrypoint), list(self._config.cmd)
        if entrypoint:
            self._command([*entrypoint, *cmd], "entrypoint", told=True)
            self._command(cmd, "cmd", told=False)
        else:
            self._command(cmd, "cmd", told=True)

    def _command(self, words: list[str], why: str, *, told: bool) -> None:
        program = program_of(words)
        if program is None:
            return
        name = program.rsplit("/", 1)[-1]
        after = words[words.index(program) + 1 :]
        text = _text_of(after) if name in _SHELLS else None
        if text is not None:
            self.variables.update(touched_variables(text))
            if any(self._program(command, why) for command in commands_of(text)):
                return
        if name in _SHELLS and after and not after[0].startswith("-"):
            program = after[0]
        if not self._program(program, why, scripts=True) and told:
            self.problems.append(f"{why} '{printable(program, limit=120)}' is not in the image")

    def _program(self, word: str, why: str, *, scripts: bool = False) -> bool:
        """Note what a word starts; return whether anything is there."""
        for path in self._candidates(word):
            found = self._root.find(path)
            if found is None or found[1].kind != "file":
                continue
            script = self._root.script(path)
            if script is None:
                self.why.setdefault(found[0], []).append(why)
            elif scripts:
                self._script(script, why)
            return True
        return False

    def _script(self, script: ScriptFacts, why: str) -> None:
        self.variables.update(script.variables)
        for command in script.commands:
            self._program(command, why)

    def _candidates(self, word: str) -> list[str]:
        if word.startswith("/"):
            return [word]
        here = self._config.working_dir or "/"
        if "/" in word:
            return [f"{here}/{word}"]
        return [f"{place or here}/{word}" for place in self._config.env.get("PATH", _DEFAULT_PATH).split(":")[:64]]
