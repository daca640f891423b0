"""The symbol table (gABI, chapter 4, "Symbol Table"), read no further than a question needs."""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from inspector.binaries.elf import SHT_SYMTAB, Elf, Section
from inspector.records import dataclass

MAX_SYMBOLS = 1_000_000
_MAX_NAME = 1024
_MAX_COVERED = 1_000_000
_FUNCTION, _OBJECT = 2, 1


class Symbol(NamedTuple):
    """One symbol."""

    value: int
    size: int
    kind: int
    name: bytes


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """Where the symbols and their names lie in the file."""

    elf: Elf
    start: int
    count: int
    names: int
    names_end: int

    @property
    def place(self) -> range:
        """Where the table is in the file."""
        return range(self.start, self.start + self.count * (24 if self.elf.bits == 64 else 16))

    def _values(self) -> list[int]:
        """Return the values of all symbols, as one list: faster than symbol after symbol."""
        wide = self.elf.bits == 64
        view = memoryview(self.elf.data)[self.start : self.start + self.count * (24 if wide else 16)]
        try:
            if self.elf.order == "<" and sys.byteorder == "little":
                words = view.cast("Q" if wide else "I")
                try:
                    return words[1::3].tolist() if wide else words[1::4].tolist()
                finally:
                    words.release()
            return [value for (value,) in struct.iter_unpack(self.elf.order + ("8xQ8x" if wide else "4xI8x"), view)]
        finally:
            view.release()

    def loaded(self, without: tuple[int, int] | None = None, *, executable: bool = True) -> Iterator[Symbol]:
        """Yield the symbols of executable segments or of all, local ones too, but for those of a range of addresses.

        In a static position-independent file libc's functions are local: they were hidden. Without Go's own code little
        is left of a Go program's symbols.
        """
        wide = self.elf.bits == 64
        row = struct.Struct(self.elf.order + ("IBBHQQ" if wide else "IIIBBH"))
        values = self._values()
        for start, end in self.elf.loaded(without, executable=executable):
            low = self.elf.address_of(start)
            if low is None:
                continue
            high = low + end - start
            for index in (i for i, value in enumerate(values) if low <= value < high):
                fields = row.unpack_from(self.elf.data, self.start + index * row.size)
                name, size, info = (fields[0], fields[5], fields[1]) if wide else (fields[0], fields[2], fields[3])
                yield Symbol(values[index], size, info & 15, self._name(name))

    def _name(self, offset: int) -> bytes:
        """Return the name at an offset of the string table."""
        place = self.names + offset
        last = min(place + _MAX_NAME, self.names_end)
        end = self.elf.data.find(b"\0", place, last)
        return bytes(self.elf.data[place : end if end >= 0 else last])

    def address(self, name: bytes) -> int | None:
        """Return one symbol's address, found by its name's place instead of by reading every symbol."""
        step, value = (24, 8) if self.elf.bits == 64 else (16, 4)
        last = self.start + self.count * step
        place = self.elf.data.find(name + b"\0", self.names, self.names_end)
        for _ in range(64):
            if place < 0:
                return None
            needle = struct.pack(self.elf.order + "I", place - self.names)
            row = self.elf.data.find(needle, self.start, last)
            while row >= 0 and (row - self.start) % step:
                row = self.elf.data.find(needle, row + 1, last)
            if row >= 0:
                return self.elf.unpack("Q" if self.elf.bits == 64 else "I", row + value)[0]
            place = self.elf.data.find(name + b"\0", place + 1, self.names_end)
        return None


def addresses(symbols: Iterable[Symbol], names: frozenset[bytes]) -> dict[int, str]:
    """Return the addresses of the symbols with these names; of two names of a place the shorter."""
    found: dict[int, str] = {}
    for symbol in symbols:
        value, name = symbol.value, symbol.name
        if name in names and value and (value not in found or len(name) < len(found[value])):
            found[value] = name.decode()
    return found


def covering(symbols: Iterable[Symbol], places: Iterable[int], *, thumb: bool) -> dict[int, list[str]]:
    """Return, for each address, the names of the functions and objects that it lies in.

    ``thumb``: the lowest bit of a value is no part of the address.
    """
    wanted, left = sorted(places), _MAX_COVERED
    found: dict[int, list[str]] = {place: [] for place in wanted}
    for symbol in symbols:
        if symbol.kind not in {_FUNCTION, _OBJECT}:
            continue
        start = symbol.value & ~1 if thumb else symbol.value
        first, last = bisect_left(wanted, start), bisect_left(wanted, start + symbol.size)
        left -= last - first
        if left < 0:
            break  # only a table that was made to cost much has so many functions over each other
        for place in wanted[first:last]:
            if len(found[place]) < 16:
                found[place].append(symbol.name.decode("utf-8", "replace"))
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
