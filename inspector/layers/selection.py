"""Which executables of an image a report is about, and why each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from inspector.binaries import library_kind
from inspector.commands import (
    SHELLS,
    WRITTEN_FILES,
    Effects,
    effects_of_text,
    effects_of_words,
    is_ordinary,
    login_text,
    program_of,
    shell_arguments,
    skip_wrappers,
)
from inspector.escaping import printable
from inspector.fabric import role_of
from inspector.facts import CONTEXT_FILES, RESOLVER_VARIABLES, BinaryFacts, ImageConfig, ScriptFacts
from inspector.layers.overlay import Node, RootFs
from inspector.records import dataclass

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines use where the config sets no PATH (moby, daemon/pkg/oci, DefaultPathEnv)."""
_NEITHER = "is neither an ELF program nor a script that begins with '#!': what it does is not known"
_ABSENT = "which is not in the image"
_MAX_DOUBTS = 4
_TOOLS = frozenset({"", "/bin", "/sbin", "/usr/bin", "/usr/sbin"})
"""Where common tools are, which a script may do without."""
_NOT_EXECUTABLE = "may be executed by nobody: its mode has no x"
_MAX_SCRIPTS = 64
"""Scripts that are followed; where there are more, what they change is not known."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report is about."""

    binaries: tuple[BinaryFacts, ...]
    script_variables: tuple[str, ...]
    """Variables that entrypoint and cmd may change before the program runs: wrappers, scripts, what these source."""
    script_files: tuple[str, ...]
    """Files under /etc that they write."""
    problems: tuple[str, ...]
    sought: tuple[str, ...] = ()
    """Every path at which something that is started was looked for."""


def select_binaries(root: RootFs, config: ImageConfig | None, *, paths: tuple[str, ...] = ()) -> Selection:
    """Pick the executables of interest.

    These are what entrypoint and cmd start, Fabric's own by name and place, every Go program, every static program with
    a way into NSS, and every one that could not be analysed. ``paths`` narrows to files and directories.
    """
    started = _Started(root, config or ImageConfig())
    started.follow()
    names = root.names()
    found: dict[str, BinaryFacts] = {}
    real = {path: root.real(path) for path in paths}
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
        tuple(variable for variable in RESOLVER_VARIABLES if variable in started.variables),
        tuple(name for name in CONTEXT_FILES if name in started.files),
        (*root.problems, *(() if paths else started.problems), *problems),
        tuple(started.sought),
    )


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


class _Started:
    """What entrypoint and cmd start and change, looked at through links, wrappers and scripts."""

    def __init__(self, root: RootFs, config: ImageConfig) -> None:
        self._root, self._config = root, config
        self.why: dict[str, list[str]] = {}
        self.variables: set[str] = set()
        self.files: set[str] = set()
        self.problems: list[str] = []
        self.sought: dict[str, None] = {}
        self._followed: set[str] = set()
        self._leads_on = False
        """Something was found that the image may be for: what its start goes over to, or a program of interest."""
        self._interpreters: list[tuple[str, str]] = []
        """What reads a text that starts nothing, and why: it is the program, unless that is not known."""
        self._doubts: dict[str, None] = {}
        """What is told where nothing was."""
        self._expands = self._hands_on = False
        """Whether something starts what an expansion names, and what it is given."""

    def follow(self) -> None:
        # Engines take one empty word for none: it is how an entrypoint is taken away.
        entrypoint = [] if self._config.entrypoint == ("",) else list(self._config.entrypoint)
        cmd = list(self._config.cmd)
        if entrypoint:
            self._command([*entrypoint, *cmd], "entrypoint")
            self._arguments(cmd)
        elif cmd and cmd != [""]:
            self._command(cmd, "cmd")
        if not self._leads_on and not self.problems:
            self.problems += list(self._doubts)[:_MAX_DOUBTS]
            if self._expands:
                self._lose()
        if not self.problems:
            for word, why in self._interpreters:
                self._program(word, why)
        self.problems = list(dict.fromkeys(self.problems))

    def _command(self, words: list[str], why: str) -> None:
        """Follow what the kernel is given; tell what is not there or no program."""
        effects = effects_of_words(words)
        program = words[0]
        wrapped = skip_wrappers(words)
        # A loader maps what it is given; the kernel is not asked to execute it.
        is_executed = library_kind(program.rsplit("/", 1)[-1]) != "loader"
        if wrapped != words:
            self._is_there(program, why)
            program, words = (wrapped[0], wrapped) if wrapped else (program, words)
        if program.rsplit("/", 1)[-1] in SHELLS:
            self._shell(words, why)
        elif program:
            self._start(program, why, is_executed=is_executed)
            text = login_text(words)
            for command in effects_of_text(text).commands if text else ():
                self._program(command, why)
        # Last, as a script that is started has been followed by then.
        self._change(effects, why, words[0] if words else program, given=tuple(words) or (program,))
        for word in words[1:_MAX_SCRIPTS]:
            self._call_given(word, why, direct=True)

    def _shell(self, words: list[str], why: str) -> None:
        text, script = shell_arguments(words[1:])
        self._is_there(words[0], why)
        if script is not None:
            self._start(script, why, is_executed=False)
            return
        effects = effects_of_text(text or "")
        if not self._starts(effects, why):
            self._interpreters.append((words[0], why))

    def _starts(self, effects: Effects | ScriptFacts, why: str) -> bool:
        """Note the programs that a text starts; return whether any is there, or should be."""
        absent = [word for word in effects.required if self._find(word) is None]
        started = [
            self._program(command, why)
            for command in effects.commands
            if not (absent and command.rsplit("/", 1)[-1] in SHELLS)
        ]
        return any(started) or bool(absent) or effects.expands or not all(map(is_ordinary, effects.commands))

    def _arguments(self, cmd: list[str]) -> None:
        """Note what an entrypoint such as ``exec "$@"`` is given, if it is a command at all."""
        program = program_of(cmd)
        if program is None or program.startswith("-"):
            return
        if self._find(program) is None:
            self._miss_given(program)
            return
        self._leads_on = True
        told = len(self.problems)
        self._command(cmd, "cmd")
        # What an entrypoint makes of its arguments is its own affair: what is not there need not be.
        self.problems[told:] = [text for text in self.problems[told:] if text.endswith("was not read")]

    def _miss_given(self, program: str) -> None:
        """Tell what an entrypoint's script is given and starts, if it starts it and does not take it for a name."""
        if not self._hands_on:
            return
        text = f"cmd '{printable(program, limit=120)}' is not in the image"
        if program.startswith("/"):
            self.problems.append(text)
            self._lose()
        else:
            self._doubts[text] = None

    def _change(self, effects: Effects | ScriptFacts, why: str, by: str, *, given: tuple[str, ...] = ()) -> None:
        """Note what a command line or a script changes, itself and by what it sources and calls.

        Args:
            effects: what it does.
            why: whether entrypoint or cmd led to it.
            by: its name, as it was started.
            given: the words of what the image starts; none for what that starts.
        """
        direct = bool(given)
        self.variables.update(effects.variables)
        self.files.update(effects.files)
        self._require(effects, why, by, given)
        if any(self._may_change_for(entry) for entry in effects.handed):
            self.variables.update(RESOLVER_VARIABLES)
            self._leads_on = True
        for path in effects.sources:
            self._source(path, why)
        for command in effects.commands:
            self._call(command, why, direct=direct)
            self._begin(command, why)
        for word in effects.arguments:
            self._call_given(word, why, direct=direct)

    def _may_change_for(self, handed: str) -> bool:
        """Whether a program that nothing is known of is given one of interest, and may start it otherwise."""
        name, *words = handed.split(" ")
        if name:
            found = self._look(name)
            script = found and self._root.script(found[0])
            if found is None or (script and script.unread is None and script.interpreter.rsplit("/", 1)[-1] in SHELLS):
                return False
        return any(self._is_of_interest(self._look(word)) for word in words)

    def _require(self, effects: Effects | ScriptFacts, why: str, by: str, given: tuple[str, ...]) -> None:
        """Tell what a text starts and is not there; what may be a name of something else, where nothing else is."""
        self._hands_on = self._hands_on or effects.hands_on
        start = f"{why} '{printable(by, limit=120)}' starts"
        for word in effects.required:
            if self._find(word) is not None:
                self._leads_on = True
                continue
            text = f"{start} '{printable(word, limit=120)}'"
            if is_ordinary(word) and word.rpartition("/")[0] in _TOOLS:
                self._doubts[f"{text}, {_ABSENT}"] = None
                continue
            self._lose()
            if word.startswith("/") or "/" not in word:
                self.problems.append(f"{text}, {_ABSENT}")
            else:
                self._doubts[f"{text}, and from which directory is not known"] = None
        for word in effects.commands:
            if "/" in word or word in effects.required or word in given or is_ordinary(word):
                continue
            if self._look(word) is None:
                self._doubts[f"{start} '{printable(word, limit=120)}', {_ABSENT}"] = None
        if effects.expands:
            self._doubts[f"{start} what a variable or a command's output names: it is not known"] = None
            self._expands = True

    def _begin(self, shell: str, why: str) -> None:
        """Follow what bash takes for its own text before a script's (bash(1), INVOCATION): not where it is ``sh``."""
        file = self._config.env.get("BASH_ENV", "")
        if not file or shell.rsplit("/", 1)[-1] != "bash":
            return
        if {"$", "`"} & set(file):
            self._lose()
        else:
            self._source(file, why)

    def _call_given(self, word: str, why: str, *, direct: bool) -> None:
        """Follow a script that a program is given: it may start it, as ``chroot`` does."""
        if not word.startswith("-") and (found := self._look(word)) is not None and self._root.script(found[0]):
            self._call(word, why, direct=direct)

    def _source(self, word: str, why: str) -> None:
        found = self._find(word)
        script = None if found is None else self._root.script(found[0])
        if script is None or script.unread is not None or found is None:
            self._lose()
        elif self._is_new(found[0]):
            self._starts(script, why)
            self._change(script, why, word)

    def _call(self, word: str, why: str, *, direct: bool) -> None:
        """Follow a script that another one calls: its variables count for what it starts alone, its files for all."""
        found = self._find(word)
        script = None if found is None else self._root.script(found[0])
        if found is not None and script is None and self._what_is(found) == "nothing":
            self._lose()  # a shell takes it for its text, with or without "#!"
        if found is None or script is None or not self._is_new(found[0]):
            return
        self.files.update(script.files)
        if script.unread is not None:
            self._tell(why, word, f"is a script of {script.unread} bytes and was not read")
            self._lose()
        elif direct or script.hands_on or script.expands or script.sources or self._may_start(script):
            self._begin(script.interpreter, why)
            self._starts(script, why)
            self._change(script, why, word)

    def _may_start(self, script: ScriptFacts) -> bool:
        """Whether a script may lead to a program that a report is about."""
        for word in script.commands:
            found = self._find(word)
            # A path that leads nowhere may lead somewhere from where the script has gone.
            if self._leads(found) or (found is None and "/" in word):
                return True
        return any(self._leads(self._look(word)) for word in script.arguments)

    def _leads(self, found: tuple[str, Node] | None) -> bool:
        return found is not None and (bool(self._root.script(found[0])) or self._is_of_interest(found))

    def _is_of_interest(self, found: tuple[str, Node] | None) -> bool:
        binary = self._root.binary(found[0]) if found else None
        return binary is not None and any(_why(binary))

    def _is_new(self, path: str) -> bool:
        if path in self._followed:
            return False
        if len(self._followed) >= _MAX_SCRIPTS:
            self._lose()
            return False
        self._followed.add(path)
        return True

    def _lose(self) -> None:
        """Note that what is run there is not known, nor what it changes."""
        self.variables.update(RESOLVER_VARIABLES)
        self.files.update(WRITTEN_FILES)

    def _is_there(self, word: str, why: str, *, is_executed: bool = True) -> bool:
        found = self._find(word)
        if found is None:
            directory = any(self._root.find(path) for path in self._candidates(word)) and "/" in word
            self._tell(why, word, "is a directory" if directory else "is not in the image")
        elif self._what_is(found) == "nothing":
            self._tell(why, word, _NEITHER)
            return False
        elif is_executed and found[1].origin in self._root.layers[found[1].layer].unexecutable:
            self._tell(why, word, _NOT_EXECUTABLE)
        return found is not None

    def _start(self, word: str, why: str, *, is_executed: bool = True) -> None:
        """Note what the image starts: a program, or a script, its interpreter and what it starts."""
        if not self._is_there(word, why, is_executed=is_executed):
            # What is mounted there, or a shell takes for its text, may be any script.
            if "/" in word or self._find(word) is not None:
                self._lose()
            return
        script = self._script_at(word)
        if script is not None:
            self._script(word, script, why)
            return
        found = self._find(word)
        if found is not None and self._what_is(found) == "elf":
            self._tell(why, word, "is an ELF file, but no program: a library or an object")
        self._program(word, why)

    def _script(self, word: str, script: ScriptFacts, why: str) -> None:
        found = self._find(word)
        if found is not None:
            self._followed.add(found[0])
        self._begin(script.interpreter, why)
        self._change(script, why, word)
        if script.unread is not None:
            self._lose()
            self._tell(why, word, f"is a script of {script.unread} bytes and was not read")
        interpreter = self._find(script.interpreter)
        if interpreter is None or self._what_is(interpreter) == "nothing":
            what = "is not in the image" if interpreter is None else _NEITHER
            self._tell(why, word, f"is a script for '{printable(script.interpreter, limit=120)}', which {what}")
        if not self._starts(script, why):
            self._interpreters.append((script.interpreter, why))

    def _tell(self, why: str, word: str, what: str) -> None:
        self.problems.append(f"{why} '{printable(word, limit=120)}' {what}")

    def _program(self, word: str, why: str) -> bool:
        """Note what a word starts; return whether anything is there."""
        found = self._find(word)
        if found is None:
            return False
        self.why.setdefault(found[0], []).append(why)
        if self._is_of_interest(found) or not is_ordinary(word):
            self._leads_on = True
        return True

    def _find(self, word: str) -> tuple[str, Node] | None:
        """Return the first file that the word may stand for."""
        for path in self._candidates(word):
            self.sought[path] = None
            found = self._root.find(path)
            if found is not None and found[1].kind == "file":
                return found
        return None

    def _look(self, word: str) -> tuple[str, Node] | None:
        """As ``_find``, for what need not be started: what lies over it matters to nobody."""
        places = (self._root.find(path) for path in self._candidates(word))
        return next((found for found in places if found is not None and found[1].kind == "file"), None)

    def _script_at(self, word: str) -> ScriptFacts | None:
        found = self._find(word)
        return None if found is None else self._root.script(found[0])

    def _what_is(self, found: tuple[str, Node]) -> str:
        """Tell ``known`` (a program, loader or script), ``elf``, ``unread``, or ``nothing`` that could be started."""
        path, node = found
        if self._root.binary(path) or self._root.script(path):
            return "known"
        if self._root.library(path):
            return "known" if library_kind(path) == "loader" else "elf"
        return self._root.layers[node.layer].others.get(node.origin, "nothing")

    def _candidates(self, word: str) -> list[str]:
        if word.startswith("/"):
            return [word]
        here = self._config.working_dir or "/"
        if "/" in word:
            return [f"{here}/{word}"]
        return [f"{place or here}/{word}" for place in self._config.env.get("PATH", _DEFAULT_PATH).split(":")[:64]]
