"""Go's function table (pclntab): where it lies, its function names, and where Go's own code begins and ends.

Four layouts, told apart by the magic number: Go 1.2, 1.16, 1.18 and 1.20 (internal/abi/symtab.go,
debug/gosym/pclntab.go, cmd/link/internal/ld/pcln.go). The table survives ``-s -w`` and strip, in every build mode; its
section is renamed or merged into another where the file is position independent, so that the header is looked for, not
the name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import field
from itertools import islice, product
from typing import TypeAlias

from inspector.binaries.elf import PT_LOAD, DamagedError, Elf, Section
from inspector.records import dataclass

MAGICS = (0xFFFFFFF1, 0xFFFFFFF0, 0xFFFFFFFA, 0xFFFFFFFB)
"""Of Go 1.20, 1.18, 1.16 and 1.2."""
_GO_1_2, _GO_1_16 = 0xFFFFFFFB, 0xFFFFFFFA
_MINIMUM_CODE = {"x86-64": 1, "386": 1, "s390x": 2, "arm": 4, "aarch64": 4, "ppc64le": 4, "ppc64": 4, "riscv64": 4}
"""The machine's smallest instruction in bytes, as the table's header repeats it (MinLC in cmd/internal/sys)."""
SECTIONS = (".gopclntab", ".data.rel.ro.gopclntab")
_ANCHOR = b"runtime.gopanic\0"
"""A name that every Go program has."""
_MAX_ANCHORS = 8
_REACHES = (4 * 1024 * 1024, 512 * 1024 * 1024)
"""How far before the anchor the table's header is looked for."""
_MAX_HEADERS = 64
"""Places before one anchor at which there may be a header."""
_MAX_NAME = 1024
_MAX_FUNCTIONS = 500_000
_TEXT_WORD = 22
"""The word of runtime.moduledata that holds the start of Go's code since 1.16; the first points to the table."""


Code: TypeAlias = tuple[int, int]
"""Where Go's own code begins and ends; addresses."""


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """One function table; places are file offsets."""

    magic: int
    start: int
    names: int
    """Where the function names begin."""
    end: int
    """Where they end."""
    functions: int
    """Where the table of functions begins."""
    count: int
    named: list[frozenset[int]] = field(default_factory=list, compare=False)
    """Once it was asked for: where names begin, by the records of the first layout."""

    @property
    def place(self) -> range:
        """Where its header, names and tables of numbers are in the file; the functions' records follow."""
        return range(self.start, max(self.end, self.functions))


def find_function_table(elf: Elf, sections: list[Section]) -> FunctionTable | None:
    """Return the file's function table, by its section or, where names are absent or lie, by search; else None."""
    for section in sections:
        if section.name in SECTIONS:
            table = _read(elf, section.offset, section.offset + section.size)
            if table is not None:
                return table
    return _search(elf)


def _search(elf: Elf) -> FunctionTable | None:
    """Find the table from a name that every Go program has, back to the header before it.

    Searching for the header itself is ten times slower: short needles make ``find`` look at every byte.
    """
    minimum = _MINIMUM_CODE.get(elf.machine)
    if minimum is None:
        return None
    for segment in elf.segments:
        if segment.kind != PT_LOAD:
            continue
        first, last = segment.offset, min(segment.offset + segment.file_size, len(elf.data))
        position = elf.data.find(_ANCHOR, first, last)
        for _ in range(_MAX_ANCHORS):
            if position < 0:
                break
            for start in islice(_headers_before(elf, first, position, minimum), _MAX_HEADERS):
                table = _read(elf, start, last)
                if table is not None and table.names <= position < table.end:
                    return table
            position = elf.data.find(_ANCHOR, position + 1, last)
    return None


def _headers_before(elf: Elf, first: int, position: int, minimum: int) -> Iterator[int]:
    """Yield where a table's header may begin, the nearest first, as far as that costs one search of each byte."""
    needles = [struct.pack(elf.order + "IHBB", magic, 0, minimum, elf.bits // 8) for magic in MAGICS]
    if elf.order == "<":
        # What differs comes first: all but one byte is looked for once for all releases.
        end = position
        while (place := elf.data.rfind(needles[0][1:], first + 1, end)) >= 0:
            yield place - 1
            end = place
        return
    # Near first: the needles of other releases would be looked for in all that stands before.
    for reach, needle in product(_REACHES, needles):
        place = elf.data.rfind(needle, max(first, position - reach), position)
        if place >= 0:
            yield place


def _read(elf: Elf, start: int, end: int) -> FunctionTable | None:
    """Read a table's header; None where it cannot be one that ends at ``end`` at the latest."""
    size, end = elf.bits // 8, min(end, len(elf.data))
    if start + 8 + 8 * size > end:
        return None
    magic, zero, minimum, pointer = elf.unpack("IHBB", start)
    if magic not in MAGICS or zero or minimum not in {1, 2, 4} or pointer != size:
        return None
    words = elf.unpack(("Q" if size == 8 else "I") * 8, start + 8)
    if magic == _GO_1_2:
        return _read_first_layout(elf, start, end, words[0])
    names, following, functions = (
        (words[2], words[3], words[6]) if magic == _GO_1_16 else (words[3], words[4], words[7])
    )
    if not 8 < names < following <= end - start or not following <= functions <= end - start:
        return None
    if not 0 < words[0] <= (end - start - functions) // 8:
        return None
    return FunctionTable(magic, start, start + names, start + following, start + functions, words[0])


def _read_first_layout(elf: Elf, start: int, end: int, count: int) -> FunctionTable | None:
    """Up to Go 1.15 names stand between the functions' records: after the table of functions, before that of files."""
    size = elf.bits // 8
    if not 0 < count < (end - start) // (2 * size):
        return None
    after = 8 + size + (2 * count + 1) * size
    if start + after + 4 > end:
        return None
    (files,) = elf.unpack("I", start + after)
    if not after < files <= end - start:
        return None
    return FunctionTable(_GO_1_2, start, start + after, start + files, start + 8 + size, count)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def names_with(elf: Elf, table: FunctionTable, prefix: bytes, limit: int = 64) -> list[str]:
    """Return the function names that begin with ``prefix``, sorted, at most ``limit``."""
    found: set[str] = set()
    position = elf.data.find(prefix, table.names, table.end)
    while position >= 0 and len(found) < limit:
        if _begins_name(elf, table, position):
            found.add(_name_at(elf, table, position))
        position = elf.data.find(prefix, position + len(prefix), table.end)
    return sorted(found)


def cgo_names(elf: Elf, table: FunctionTable, limit: int = 10_000) -> Iterator[tuple[str, str]]:
    """Yield (package, C function) of each wrapper through which Go calls C (cmd/cgo/out.go), at most ``limit``."""
    for infix in (b"._Cfunc_", b"._C2func_"):
        position = elf.data.find(infix, table.names, table.end)
        while position >= 0 and limit > 0:
            limit -= 1
            start = _start_of_name(elf, table, position)
            if start is not None:
                package = bytes(elf.data[start:position]).decode("utf-8", "replace")
                function = _name_at(elf, table, position + len(infix))
                # Linkers add names of data that belongs to a function: f.args_stackmap, f.stkobj; ABI0 wrappers f.abi0.
                yield package, function.split(".", 1)[0]
            position = elf.data.find(infix, position + len(infix), table.end)


def _name_at(elf: Elf, table: FunctionTable, position: int) -> str:
    last = min(position + _MAX_NAME, table.end)
    end = elf.data.find(b"\0", position, last)
    return bytes(elf.data[position : end if end >= 0 else last]).decode("utf-8", "replace")


def _begins_name(elf: Elf, table: FunctionTable, position: int) -> bool:
    if position == table.names or elf.data[position - 1] == 0:
        return True
    return table.magic == _GO_1_2 and _is_named(elf, table, position)


def _is_named(elf: Elf, table: FunctionTable, position: int) -> bool:
    """Whether a function's record gives this place as its name: in the first layout other data may stand before it."""
    if not table.named:
        table.named.append(_named_places(elf, table))
    return position in table.named[0]


def _named_places(elf: Elf, table: FunctionTable) -> frozenset[int]:
    """Return where the functions' records of the first layout say that their names begin.

    The table of functions has each record's place; the second word of a record is its name's.

    Raises:
        DamagedError: if there are more of them than a program has.
    """
    if table.count > _MAX_FUNCTIONS:
        raise DamagedError(f"a function table of {table.count} functions")
    size, start, last = elf.bits // 8, table.start, table.end - elf.bits // 8 - 4
    words = elf.unpack(("Q" if size == 8 else "I") * (2 * table.count), table.functions)
    unpack = struct.Struct(elf.order + "I").unpack_from
    records = (start + offset for offset in words[1::2])
    return frozenset(start + unpack(elf.data, place + size)[0] for place in records if place <= last)


def _start_of_name(elf: Elf, table: FunctionTable, position: int) -> int | None:
    """Return where the name begins that this place is in; None where that cannot be told.

    In the first layout only names with a record have a beginning that is sure. Those without are inlined functions; a
    wrapper that calls C is never inlined (cmd/compile, inl.go: go:cgo_unsafe_args).
    """
    start = elf.data.rfind(b"\0", max(table.names, position - _MAX_NAME), position) + 1
    if table.magic != _GO_1_2 or start == 0:
        return start or None
    return next((place for place in range(start, min(start + 40, position)) if _is_named(elf, table, place)), None)


# ── code ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def go_code(elf: Elf, table: FunctionTable) -> Code | None:
    """Return (start, end) addresses of Go's own code; None where the table leaves them to relocations.

    Tables of Go 1.2 and 1.16 hold addresses, later ones offsets from a start that the header gives up to Go 1.25 and
    runtime.moduledata from then on.
    """
    size = elf.bits // 8
    wide = table.magic in {_GO_1_2, _GO_1_16}
    step, word = (size, "Q" if size == 8 else "I") if wide else (4, "I")
    (first,) = elf.unpack(word, table.functions)
    (last,) = elf.unpack(word, table.functions + 2 * step * table.count)
    if wide:
        return (first, last) if 0 < first < last else None
    (start,) = elf.unpack("Q" if size == 8 else "I", table.start + 8 + 2 * size)
    start = start or _module_text(elf, table) or 0
    return (start + first, start + last) if start and first < last else None


def _module_text(elf: Elf, table: FunctionTable) -> int | None:
    address = elf.address_of(table.start)
    if address is None:
        return None
    size = elf.bits // 8
    needle = struct.pack(elf.pointer, address)
    # It is data that is written, or relocated and then read only: the segments that are written come first.
    for segment in sorted(elf.segments, key=lambda segment: not segment.flags & 2):
        if segment.kind != PT_LOAD or segment.flags & 3 == 1:
            continue
        end = min(segment.offset + segment.file_size, len(elf.data))
        place = elf.data.find(needle, segment.offset, end)
        while place >= 0:
            if (place - segment.offset + segment.address) % size == 0 and place + (_TEXT_WORD + 1) * size <= end:
                text, minimum = (
                    elf.unpack("Q" if size == 8 else "I", place + index * size)[0]
                    for index in (_TEXT_WORD, _TEXT_WORD - 2)
                )
                if text and text == minimum:
                    return int(text)
            place = elf.data.find(needle, place + 1, end)
    return None
