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

_MAX_PLACES = 10_000
"""Of one function; a file that seems to name one more often was made to cost much."""
_SHORTEST = 3


def pointers(elf: Elf, code: Code | None, targets: Iterable[int], table: range) -> dict[int, int]:
    """Return the addresses of the words that hold a target, by themselves or by their relocation: {address: target}.

    Args:
        elf: the file.
        code: where Go's own code is, which holds none.
        targets: what is looked for. On arm a target's lowest bit says that it is Thumb code, as in the word.
        table: where in the file the symbol table is, whose words are no pointers.
    """
    found: dict[int, int] = {}
    size = elf.bits // 8
    start, end, entry = elf.relocations()
    for target in targets:
        word = struct.pack(elf.pointer, target)
        for place in _relocated(elf, word, start, end, entry):
            found[place] = target
        for low, high in elf.loaded(code):
            for place in _places(elf, word, low, high):
                address = elf.address_of(place)
                if address is not None and address % size == 0 and not start <= place < end and place not in table:
                    found[address] = target
    return found


def _places(elf: Elf, word: bytes, start: int, end: int) -> Iterator[int]:
    """Yield where the word is; its zeros are compared afterwards, for searching is faster without them."""
    needle = word.rstrip(b"\0")
    needle = needle if len(needle) >= _SHORTEST else word
    place = elf.data.find(needle, start, end)
    for _ in range(_MAX_PLACES):
        if place < 0:
            return
        if elf.data[place : place + len(word)] == word:
            yield place
        place = elf.data.find(needle, place + 1, end)


def _relocated(elf: Elf, word: bytes, start: int, end: int, entry: int) -> Iterator[int]:
    """Yield the addresses that relocations with this addend write to."""
    if entry not in {24, 12}:
        return
    for place in _places(elf, word, start, end):
        record = place - (entry - entry // 3)
        if record >= start and (record - start) % entry == 0:
            yield elf.unpack("Q" if entry == 24 else "I", record)[0]
