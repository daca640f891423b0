"""What pyelftools and lief read of a program, held against our own reading: a second and a third opinion, asked for.

Both go by section headers first, the loader and our reader by program headers (ELF gABI, "Program Header"): where they
differ, a file is damaged or made to look like another to whoever inspects it, and nothing is told of it as certain.

A parser of hostile bytes may crash or never come back (lief is C++), so each has a process of its own, bounded in
memory and time, that is started anew when it has died.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from inspector.binaries import Data
from inspector.escaping import printable
from inspector.facts import BinaryFacts
from inspector.temporary import temporary_file

_SECONDS = 120
_LAST_SECONDS = 5
"""For a process that has nobody to talk to any more."""
_MEMORY = 6 << 30
"""Bytes of address space; lief takes some four times a file."""
_MOST_NEEDED = 512
_MOST_TEXT = 4096
_MOST_ANSWER = 4 << 20

Said = dict[str, Any]


class Witnesses:
    """Processes that read programs; a context, at whose end they are gone. Threads may share one."""

    def __init__(self) -> None:
        self._file = temporary_file()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            self._end(name)
        self._file.close()

    def question(self, facts: BinaryFacts, data: Data) -> BinaryFacts:
        """Return the facts, of which nothing is certain where a witness reads otherwise or cannot read.

        Args:
            facts: what we read of it.
            data: the whole file.
        """
        with self._lock:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(data)
            self._file.flush()
            problems = [text for name in ASK for text in _differences(name, facts, self._ask(name))]
        return replace(facts, exposures=None, problems=(*facts.problems, *problems)) if problems else facts

    def _ask(self, name: str) -> Said:
        process = self._running.get(name) or self._start(name)
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
        answer = b""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"\n")
            process.stdin.flush()
            answer = process.stdout.readline(_MOST_ANSWER)
        if not answer.endswith(b"\n"):
            return {"ended": self._end(name)}
        said: Said = json.loads(answer)
        return said

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        descriptor = self._file.fileno()
        # -P: what lies in the directory that it is started in is not ours to import.
        command = [sys.executable, "-P", "-m", __name__, name, str(descriptor)]
        self._running[name] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[descriptor],
        )
        return self._running[name]

    def _end(self, name: str) -> str:
        """End a witness and return how it ended, in words."""
        process = self._running.pop(name)
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        try:
            code = process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _differences(name: str, facts: BinaryFacts, said: Said) -> list[str]:
    if "ended" in said:
        return [f"{name} cannot read it: {printable(str(said['ended']), limit=120)}"]
    found = []
    for what, ours, theirs in (
        ("its interpreter", facts.interpreter or "none", said["interpreter"] or "none"),
        ("what libraries it needs", " ".join(facts.needed) or "none", " ".join(said["needed"]) or "none"),
    ):
        if ours != theirs:
            found.append(
                f"{name} reads otherwise {what}: {printable(theirs, limit=120)}, not {printable(ours, limit=120)}"
            )
    if facts.stripped and said["symbols"]:
        found.append(f"{name} reads {said['symbols']} symbols where no symbol table was found")
    return found


# ── in a witness's process ───────────────────────────────────────────────────────────────────────────────────────


def _ask_lief(path: str, found: Said) -> None:
    import lief

    lief.logging.disable()
    file = lief.ELF.parse(path)
    if file is None:
        raise ValueError("it takes it for no ELF file")
    found["machine"] = str(file.header.machine_type)
    found["interpreter"] = file.interpreter if file.has_interpreter else None
    found["needed"] = list(file.libraries)
    found["symbols"] = len(list(file.symtab_symbols))


def _ask_pyelftools(path: str, found: Said) -> None:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with open(path, "rb") as stream:  # noqa: PTH123 - a descriptor's path
        file = ELFFile(stream)
        found["machine"] = file.header["e_machine"]
        for segment in file.iter_segments():
            if segment["p_type"] == "PT_INTERP":
                found["interpreter"] = segment.get_interp_name()
            if isinstance(segment, DynamicSegment):
                found["needed"] = [tag.needed for tag in segment.iter_tags("DT_NEEDED")]
        for section in file.iter_sections():
            if isinstance(section, SymbolTableSection) and section["sh_type"] == "SHT_SYMTAB":
                found["symbols"] = section.num_symbols()


ASK: dict[str, Callable[[str, Said], None]] = {"pyelftools": _ask_pyelftools, "lief": _ask_lief}
"""The witnesses, and what writes down what each reads of a file."""


def read_as(name: str, path: str) -> Said:
    """Return machine, interpreter, needed libraries and number of symbols as a witness reads them.

    ``ended`` tells why there is no more, where it could not go on.
    """
    found: Said = {"interpreter": None, "needed": [], "symbols": 0}
    try:
        ASK[name](path, found)
        found["interpreter"] = found["interpreter"] and str(found["interpreter"])[:_MOST_TEXT]
        found["needed"] = [str(each)[:_MOST_TEXT] for each in found["needed"][:_MOST_NEEDED]]
    except Exception as error:  # noqa: BLE001 - whatever its parsing ends with
        found["ended"] = f"{type(error).__name__}: {error}"[:_MOST_TEXT]
    return found


def main() -> None:
    """Answer each line of standard input with what one witness reads of a file that is open."""
    name, descriptor = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for _ in sys.stdin:
        signal.alarm(_SECONDS)  # unhandled, it ends a parser that never comes back
        answer = json.dumps(read_as(name, f"/proc/self/fd/{descriptor}"), default=str)
        signal.alarm(0)
        print(answer, flush=True)  # noqa: T201 - to who asked


if __name__ == "__main__":
    main()
