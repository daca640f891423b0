"""Nothing is left unknown that lief or pyelftools would tell of a damaged or lying file that the kernel would still load.

They read section headers first; the kernel reads program headers only, and so do we. This keeps proving that a scan needs
to ask them for no fact: with ``--witness`` they are asked whether they differ.
"""

import json
import random
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is started as a program too

import pytest
import test_layouts
import toolchains
from test_layouts import BASE, MAGICS, Image, go_file

from inspector.binaries import examine
from inspector.facts import BinaryFacts
from inspector.witnesses import ASK, read_as

SOURCES = Path(__file__).parent / "sources"
SECONDS, MEMORY = 3, 2 << 30
"""For one file."""
FLIPPED = 12


def forged() -> Iterator[tuple[str, bytes]]:
    """Yield Go files whose headers are gone, lie or are cut off."""
    for machine in test_layouts.MACHINES:
        for magic in MAGICS:
            image = Image(machine)
            image.section(".gopclntab", image.table(magic), 2000)
            image.symbols(runtime__buildVersion=image.string(b"go1.15.15"), getpwnam=0x400100)
            yield f"{machine} {magic:x} without sections", image.bytes(sections=False)
    yield from distorted("go", go_file())
    image = Image()
    image.section(".gopclntab", BASE + 64, 64)
    image.section(".go.buildinfo", BASE + 64, 1 << 40)
    image.section(".strtab", BASE, 1 << 50, 3)
    image.section(".symtab", BASE + 8, 1 << 60, 2, 1)
    image.table(0xFFFFFFF1)
    yield "sections in false places", image.bytes()


def distorted(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a 64-bit little-endian file damaged in each of its headers, cut off, and with bytes flipped at random."""
    size, seed = len(data), random.Random(4)
    for field, form, place, values in (
        ("e_shoff", "<Q", 40, (0, 64, size - 8, size * 2, 1 << 63)),
        ("e_shentsize", "<H", 58, (0, 8, 0xFFFF)),
        ("e_shnum", "<H", 60, (0, 1, 0xFFFF)),
        ("e_shstrndx", "<H", 62, (0, 1, 0xFFFF)),
    ):
        for value in values:
            changed = bytearray(data)
            struct.pack_into(form, changed, place, value)
            yield f"{name}: {field} is {value}", bytes(changed)
    for part in (4, 8, 16, 64):
        yield f"{name}: cut to 1/{part}", data[: size // part]
    for end in (16, 52, 64, 120, size - 64, size - 1):
        yield f"{name}: cut to {end}", data[:end]
    for number in range(FLIPPED):
        changed = bytearray(data)
        reach = (64, 0x400, size)[number % 3]
        for _ in range(seed.randint(1, 6)):
            changed[seed.randrange(4, reach)] = seed.randrange(256)
        yield f"{name}: flipped {number}", bytes(changed)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the damaged files by what was done to them."""
    directory = tmp_path_factory.mktemp("damaged")
    found = dict(forged())
    for name, flags in (("dynamic", ["-pie"]), ("static", ["-static"]), ("stripped", ["-s"])):
        program = directory / name
        toolchains.run(["gcc", "-O2", *flags, "-o", program, SOURCES / "callers.c"])
        found.update(distorted(name, program.read_bytes()))
    paths = {}
    for number, (name, data) in enumerate(found.items()):
        paths[name] = directory / f"{number}"
        paths[name].write_bytes(data)
    return paths


def ask(witness: str, paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Ask a witness in processes of its own: where it dies or hangs at a file, it has nothing to say of that."""
    found: dict[str, dict[str, Any]] = {}
    left = [str(path) for path in paths]
    while left:
        command = [sys.executable, __file__, witness, *left]
        lines = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout.splitlines()
        found.update(json.loads(line) for line in lines)
        died = left[len(lines) :]
        found.update({path: {"ended": "died"} for path in died[:1]})
        left = died[1:]
    return found


def untold(facts: BinaryFacts | None, said: dict[str, Any]) -> list[str]:
    """Return what a witness tells and we do not."""
    if facts is None or any(problem.startswith("damaged") for problem in facts.problems):
        return []  # no program, or one that the kernel would not start either: what of it is told changes no verdict
    found = []
    if facts.machine == "unknown" and said.get("machine") not in {None, "EM_NONE"}:
        found.append("machine")
    if facts.interpreter is None and said.get("interpreter"):
        found.append("interpreter")
    if not facts.needed and said.get("needed"):
        found.append("needed")
    if facts.stripped is None and said.get("symbols"):
        found.append("symbols")
    return found


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("witness", ASK)
def test_a_witness_tells_nothing_that_we_leave_unknown(witness: str, files: dict[str, Path]) -> None:
    said = ask(witness, list(files.values()))
    more = {}
    for name, path in files.items():
        facts = examine(path.read_bytes(), "/bin/program")
        assert facts is None or isinstance(facts, BinaryFacts)
        further = untold(facts, said[str(path)])
        if further:
            more[name] = (further, said[str(path)], facts.problems if facts else None)
    assert not more


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for path in sys.argv[2:]:
        signal.alarm(SECONDS)  # unhandled, it ends a parser that never comes back
        print(json.dumps([path, read_as(sys.argv[1], path)], default=str), flush=True)


if __name__ == "__main__":
    main()
