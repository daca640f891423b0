"""No bytes make the analyser raise, read for long or take much memory: damage is a fact, told in ``problems``."""

import contextlib
import itertools
import mmap
import signal
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType

import pytest
import toolchains
from hypothesis import given
from hypothesis import strategies as st
from test_layouts import BASE, MACHINES, MAGICS, Image

from inspector.binaries import examine
from inspector.facts import BinaryFacts, LibraryFacts

SOURCES = Path(__file__).parent / "sources"
MEMORY = 200 * 1024 * 1024
SECONDS = 10
"""Of processor time, by a watchdog for each case: a second is meant, on a machine that has nothing else to do."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Fail where what is done takes too long or too much memory."""

    def bark(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"{SECONDS} s of processor time for one file")

    before = signal.signal(signal.SIGPROF, bark)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def test_the_watchdog_barks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SECONDS", 0.05)
    with pytest.raises(TimeoutError), bounded():
        sum(number % 3 for number in itertools.count())
    monkeypatch.setattr(sys.modules[__name__], "MEMORY", 1000)
    monkeypatch.setattr(sys.modules[__name__], "SECONDS", 10)
    with pytest.raises(AssertionError), bounded():
        bytes(2000)


@cache
def made(machine: str, magic: int) -> bytes:
    """Return a small Go file with everything in it that is read."""
    image = Image(machine)
    address = image.table(magic)
    image.section(".gopclntab", address, 2000)
    image.build_info(b"go1.15.15", b"\x30" * 16 + b"path\tmain\nbuild\tCGO_ENABLED=1\n" + b"\xf9" * 16)
    image.put(b"libnss_%s.so.%d.%d\0dns [!UNAVAIL=return] files\0\0002.31\0")
    image.symbols(runtime__buildVersion=image.string(b"go1.15.15"), getpwnam=0x400100, main__main=0x400180)
    return image.bytes()


@cache
def compiled(machine: str) -> bytes:
    """Return a static C program of some 800 kB."""
    prefix = {"x86-64": "", "aarch64": "aarch64-linux-gnu-"}[machine]
    home = toolchains.cache() / f"damage-{machine}"
    with toolchains.making(home) as work:
        if work:
            toolchains.run([f"{prefix}gcc", "-static", "-O2", "-o", work, SOURCES / "callers.c"])
    return home.read_bytes()


def check(data: bytes | mmap.mmap) -> None:
    with bounded():
        found = examine(data, "/usr/bin/program")
    assert found is None or isinstance(found, BinaryFacts | LibraryFacts)
    if isinstance(found, BinaryFacts) and found.exposures is None:
        assert found.problems


Flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8)


def damaged(data: bytes, flips: list[tuple[float, int]], kept: float, head: bool) -> bytes:
    changed = bytearray(data)
    for place, value in flips:
        # Half of the damage goes where the headers are: elsewhere little depends on a byte.
        reach = min(len(changed), 0x400) if head else len(changed)
        changed[int(place * reach)] = value
    return bytes(changed[: int(len(changed) * kept)])


@given(
    machine=st.sampled_from(sorted(MACHINES)), magic=st.sampled_from(MAGICS), flips=Flips,
    kept=st.one_of(st.just(1.0), st.floats(0, 1)), head=st.booleans(),
)  # fmt: skip
def test_flipped_and_cut_go_files(
    machine: str, magic: int, flips: list[tuple[float, int]], kept: float, head: bool
) -> None:
    check(damaged(made(machine, magic), flips, kept, head))


@given(data=st.binary(max_size=600), bits=st.sampled_from([1, 2]), order=st.sampled_from([1, 2]))
def test_noise_behind_the_magic_number(data: bytes, bits: int, order: int) -> None:
    check(b"\x7fELF" + bytes([bits, order]) + data)


@given(
    tail=st.integers(0, 400), word=st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000]),
    machine=st.sampled_from(sorted(MACHINES)), magic=st.sampled_from(MAGICS), place=st.floats(0, 1, exclude_max=True),
)  # fmt: skip
def test_every_word_may_be_absurd(tail: int, word: int, machine: str, magic: int, place: float) -> None:
    data = bytearray(made(machine, magic))
    at = int(place * (len(data) - 8)) // 4 * 4
    data[at : at + 4] = word.to_bytes(4, "little")
    check(bytes(data) + bytes(tail))


@pytest.mark.needs("gcc", "aarch64-linux-gnu-gcc")
@pytest.mark.parametrize("machine", ["x86-64", "aarch64"])
def test_damage_to_a_real_program_costs_no_more_than_the_program(machine: str) -> None:
    """In a process of its own, whose memory is bounded, and the time of each case."""
    program = toolchains.cache() / f"damage-{machine}"
    compiled(machine)
    script = (
        "import random, resource, signal, sys\n"
        "from inspector.binaries import examine\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "random.seed(4)\n"
        "for number in range(40):\n"
        "    changed = bytearray(data)\n"
        "    for _ in range(random.randint(1, 6)):\n"
        "        where = random.choice([0x400, len(data), len(data)])\n"
        "        place = random.randrange(where) if number % 3 else len(data) - 1 - random.randrange(4096)\n"
        "        changed[place] = random.randrange(256)\n"
        "    signal.setitimer(signal.ITIMER_PROF, float(sys.argv[2]))\n"  # unhandled, it ends the process
        "    examine(bytes(changed[: len(data) if number % 2 else random.randrange(len(data))]), '/bin/program')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", script, program, str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < MEMORY


@pytest.mark.parametrize("kind", [2, 3, 4])
@pytest.mark.parametrize("mapped", [False, True])
def test_places_beyond_any_file_are_damage(kind: int, mapped: bool, tmp_path: Path) -> None:
    """Offsets of 2⁶³ and more, in the ELF header and in a segment: of dynamic tags, of the interpreter, of notes."""
    data = bytearray(made("x86-64", 0xFFFFFFF1))
    table, count = len(data), 2
    data += bytes(data[64:120]) + struct.pack("<IIQQQQQQ", kind, 4, 1 << 63, 1 << 63, 1 << 63, 64, 64, 8)
    for place, form, value in ((32, "<Q", table), (56, "<H", count)):
        struct.pack_into(form, data, place, value)
    for section_headers in (0, 1 << 63, (1 << 64) - 1):
        struct.pack_into("<Q", data, 40, section_headers)
        if not mapped:
            check(bytes(data))
            continue
        (tmp_path / "file").write_bytes(data)
        with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            check(view)


BOMBS = {
    "a symbol table over the whole file": lambda image: image.section(".symtab", 0x400000, 1 << 22, 2, 1),
    "names of names": lambda image: image.put(b"net._C2func_getaddrinfo\0" * 100_000),
    "wrappers without end": lambda image: image.put(b"a._Cfunc_x\0" * 200_000),
    "versions without end": lambda image: image.put(b"go1.15.15\0\0002.31\0" * 100_000),
    "headers without end": lambda image: image.put(image.pack("IHBB", 0xFFFFFFF1, 0, 1, 8) * 200_000),
    "anchors without end": lambda image: image.put(b"runtime.gopanic\0" * 100_000),
    "build infos without end": lambda image: image.put(b"\xff Go buildinf:\x08\x02" * 100_000),
    "notes without end": lambda image: image.section(
        ".note", image.put(image.pack("III", 0, 0, 0) * 200_000), 2_400_000, 7
    ),
    "calls without end": lambda image: image.put(b"\xe8" * 2_000_000),
    "addresses without end": lambda image: image.put(image.pack("P", 0x400100) * 200_000),
    "numbers without end": lambda image: image.put(b"\xbf\x00\x01\x40\x00" * 400_000),
    "loads without end": lambda image: image.put(b"\x48\x8b\x05\x00\x00\x00\x00" * 300_000),
}


def test_a_first_table_without_end_costs_little() -> None:
    """Of Go 1.15 and before: names and records that claim all of a large file."""
    image = Image()
    start = image.table(0xFFFFFFFB) - BASE
    image.put(b"\1a._Cfunc_x\0" * 400_000)
    data = bytearray(image.bytes())
    for count in (300, 200_000):
        struct.pack_into("<Q", data, start + 8, count)
        files = start + 16 + (2 * count + 1) * 8
        struct.pack_into("<I", data, files, len(data) - start - 16)
        check(bytes(data))


@pytest.mark.parametrize("is_go", [True, False])
@pytest.mark.parametrize("bomb", BOMBS)
def test_what_is_built_to_cost_much_costs_little(bomb: str, is_go: bool) -> None:
    image = Image()
    if is_go:
        image.table(0xFFFFFFF1)
    BOMBS[bomb](image)
    image.put(b"libnss_%s.so.%d.%d\0")
    image.symbols(getpwnam=0x400100, main__main=0x400180)
    data = image.bytes()
    check(data)
