"""The address of a function as data: in tables of a program's own, and in the offset table through which code calls it.

Compilers that use no procedure linkage table (rustc, -fno-plt) call every function of another object file through the
global offset table, in a static file too, where the linker does not relax it (x86-64 psABI, B.2 "Optimize GOTPCRELX
Relocations").
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from inspector.binaries.elf import Elf
from inspector.binaries.pclntab import Code

_MAX_PLACES = 200_000
"""Of one group of functions; a file that seems to name them more often was made to cost much."""
_SHORTEST = 2


def pointers(elf: Elf, code: Code | None, targets: Iterable[int], without: tuple[range, ...]) -> dict[int, int]:
    """Return the addresses of the words that hold a target, by themselves or by their relocation: {address: target}.

    Args:
        elf: the file.
        code: where Go's own code is, which holds none.
        targets: what is looked for. On arm a target's lowest bit says that it is Thumb code, as in the word.
        without: where in the file no word is a pointer: symbols, Go's function names.
    """
    found: dict[int, int] = {}
    size, wanted = elf.bits // 8, frozenset(targets)
    start, end, entry = elf.relocations()
    for place, target in _words(elf, wanted, start, end):
        record = place - (entry - entry // 3)
        if entry in {24, 12} and record >= start and (record - start) % entry == 0:
            found[elf.unpack("Q" if entry == 24 else "I", record)[0]] = target
    ranges = list(elf.loaded(code))
    for hole in (*without, range(start, end)):
        ranges = [part for low, high in ranges for part in _cut(low, high, hole)]
    for low, high in ranges:
        for place, target in _words(elf, wanted, low, high):
            address = elf.address_of(place)
            if address is not None and address % size == 0:
                found[address] = target
    return found


def _cut(low: int, high: int, hole: range) -> Iterator[tuple[int, int]]:
    if not hole or hole.stop <= low or high <= hole.start:
        yield low, high
        return
    if low < hole.start:
        yield low, hole.start
    if hole.stop < high:
        yield hole.stop, high


def _words(elf: Elf, targets: frozenset[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (place, target) of each word that is one.

    Searched for is what neighbours have in common, all but the lower sixteen bits: a C library's functions need few
    passes over the file.
    """
    size = elf.bits // 8
    groups: dict[bytes, set[int]] = {}
    for target in targets:
        word = struct.pack(elf.pointer, target)
        upper = word[2:].rstrip(b"\0") if elf.order == "<" else word[:-2].lstrip(b"\0")
        groups.setdefault(upper if len(upper) >= _SHORTEST else word, set()).add(target)
    for needle, members in groups.items():
        shift = 0 if len(needle) == size else 2 if elf.order == "<" else size - 2 - len(needle)
        place = elf.data.find(needle, start, end)
        for _ in range(_MAX_PLACES):
            if place < 0:
                break
            first = place - shift
            if start <= first <= end - size and first + size <= len(elf.data):
                (value,) = elf.unpack("Q" if size == 8 else "I", first)
                if value in members:
                    yield first, value
            place = elf.data.find(needle, place + 1, end)
