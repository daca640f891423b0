"""The symbol table (gABI, chapter 4, "Symbol Table"), read no further than a question needs."""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inspector.binaries.elf import SHT_SYMTAB, Elf, Section

MAX_SYMBOLS = 2_000_000
_FUNCTION, _OBJECT = 2, 1


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """Where the symbols and their names lie in the file."""

    elf: Elf
    start: int
    count: int
    names: int
    names_end: int

    def _columns(self) -> tuple[list[int], list[int], list[int], Sequence[int]]:
        """Return names, values, sizes and info bytes of all symbols, as lists: faster than symbol after symbol."""
        wide = self.elf.bits == 64
        view = memoryview(self.elf.data)[self.start : self.start + self.count * (24 if wide else 16)]
        try:
            if wide and self.elf.order == "<" and sys.byteorder == "little":
                words, halves = view.cast("Q"), view.cast("I")
                try:
                    return halves[::6].tolist(), words[1::3].tolist(), words[2::3].tolist(), bytes(view)[4::24]
                finally:
                    words.release()
                    halves.release()
            form, picked = ("IBBHQQ", (0, 4, 5, 1)) if wide else ("IIIBBH", (0, 1, 2, 3))
            columns = list(zip(*struct.iter_unpack(self.elf.order + form, view), strict=True))
            names, values, sizes, infos = (list(columns[index]) for index in picked)
            return names, values, sizes, infos
        finally:
            view.release()

    def name(self, offset: int) -> str:
        """Return the name at an offset of the string table."""
        place = self.names + offset
        last = min(place + 1024, self.names_end)
        end = self.elf.data.find(b"\0", place, last)
        return bytes(self.elf.data[place : end if end >= 0 else last]).decode("utf-8", "replace")

    def addresses(self, names: frozenset[bytes]) -> dict[int, str]:
        """Return the addresses of the symbols with these names, local ones too; of two names of a place the shorter.

        In a static position-independent file libc's functions are local: they were hidden.
        """
        found: dict[int, str] = {}
        offsets = self._offsets(names)
        if not offsets:
            return found
        names_column, values, _, _ = self._columns()
        for index in [index for index, name in enumerate(names_column) if name in offsets]:
            text, value = offsets[names_column[index]], values[index]
            if value and (value not in found or len(text) < len(found[value])):
                found[value] = text
        return found

    def _offsets(self, names: frozenset[bytes]) -> dict[int, str]:
        """Return where each name stands in the string table: alone or as the tail of a longer one."""
        found: dict[int, str] = {}
        for name in names:
            place = self.elf.data.find(name + b"\0", self.names, self.names_end)
            for _ in range(256):
                if place < 0:
                    break
                found[place - self.names] = name.decode()
                place = self.elf.data.find(name + b"\0", place + 1, self.names_end)
        return found

    def covering(self, places: Iterable[int]) -> dict[int, list[str]]:
        """Return, for each address, the names of the functions and objects that it lies in."""
        wanted = sorted(places)
        found: dict[int, list[str]] = {place: [] for place in wanted}
        if not wanted:
            return found
        lowest, highest, thumb = wanted[0], wanted[-1], self.elf.machine == "arm"
        for name, value, size, info in zip(*self._columns(), strict=True):
            if value > highest or value + size <= lowest or info & 15 not in {_FUNCTION, _OBJECT}:
                continue
            start = value & ~1 if thumb else value
            index = bisect_left(wanted, start)
            while index < len(wanted) and wanted[index] < start + size:
                if len(found[wanted[index]]) < 16:
                    found[wanted[index]].append(self.name(name))
                index += 1
        return found


def symbol_table(elf: Elf, sections: list[Section]) -> SymbolTable | None:
    """Return the symbol table; None where the file is stripped, or has one that lies outside of it or is too large."""
    step = 24 if elf.bits == 64 else 16
    for table in sections:
        if table.kind != SHT_SYMTAB or table.link >= len(sections):
            continue
        strings = sections[table.link]
        count = table.size // step
        if table.offset + table.size > len(elf.data) or strings.offset + strings.size > len(elf.data):
            continue
        if 0 < count <= MAX_SYMBOLS:
            return SymbolTable(elf, table.offset, count, strings.offset, strings.offset + strings.size)
    return None


def find_symbol(elf: Elf, sections: list[Section], name: bytes) -> int | None:
    """Return one symbol's address, found by its name's place instead of by reading every symbol."""
    table = symbol_table(elf, sections)
    if table is None:
        return None
    step, value = (24, 8) if elf.bits == 64 else (16, 4)
    last = table.start + table.count * step
    place = elf.data.find(name + b"\0", table.names, table.names_end)
    for _ in range(64):
        if place < 0:
            return None
        needle = struct.pack(elf.order + "I", place - table.names)
        row = elf.data.find(needle, table.start, last)
        while row >= 0 and (row - table.start) % step:
            row = elf.data.find(needle, row + 1, last)
        if row >= 0:
            return elf.unpack("Q" if elf.bits == 64 else "I", row + value)[0]
        place = elf.data.find(name + b"\0", place + 1, table.names_end)
    return None
