"""ELF headers, read by program headers and the dynamic section (System V gABI, chapters 4 and 5).

Reading them here takes some 0.1 ms a file; a root filesystem holds hundreds. Every count and offset is bounded by the
file, so that a hostile header costs no more than an honest one.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from inspector.records import dataclass

Data = bytes | bytearray | mmap.mmap

MAGIC = b"\x7fELF"
ET_EXEC, ET_DYN = 2, 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_RELA, DT_RELASZ, DT_RELR = 1, 5, 10, 14, 7, 8, 36
DT_REL, DT_RELSZ, DT_RELRSZ = 17, 18, 35
DT_FLAGS_1, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFB, 0x6FFFFFFE, 0x6FFFFFFF
DF_1_PIE = 0x08000000
SHT_SYMTAB, SHT_NOTE = 2, 7
_SHN_XINDEX = 0xFFFF
_NT_GNU_BUILD_ID = 3

_MAX_SEGMENTS = 1024
_MAX_SECTIONS = 65536
_MAX_TAGS = 8192
_MAX_VERSIONS = 4096
_MAX_NOTES = 64

_MACHINES = {3: "386", 40: "arm", 62: "x86-64", 183: "aarch64"}


class DamagedError(Exception):
    """The file says something of itself that cannot be so; the text is fit for a report."""


class Segment(NamedTuple):
    """One program header."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int


class Section(NamedTuple):
    """One section header."""

    name: str
    kind: int
    offset: int
    address: int
    size: int
    link: int


@dataclass(frozen=True, slots=True)
class Elf:
    """What the headers of one file say."""

    data: Data
    bits: Literal[32, 64]
    order: str
    """``<`` or ``>``, as struct writes byte order."""
    kind: int
    number: int
    """The machine's ELF number."""
    entry: int
    segments: tuple[Segment, ...]
    headers_end: int
    """Where the program headers end."""
    tags: dict[int, list[int]]
    """The dynamic section."""

    @property
    def machine(self) -> str:
        """The machine's name as reports have it."""
        if self.number == 21:
            return "ppc64le" if self.order == "<" else "ppc64"
        if self.number == 22:
            return "s390x" if self.bits == 64 else "s390"
        if self.number == 243:
            return f"riscv{self.bits}"
        return _MACHINES.get(self.number, f"em-{self.number}")

    @property
    def byte_order(self) -> Literal["little", "big"]:
        """The byte order's name."""
        return "little" if self.order == "<" else "big"

    @property
    def pointer(self) -> str:
        """The struct format of an address."""
        return self.order + ("Q" if self.bits == 64 else "I")

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """Unpack numbers at a file offset.

        Raises:
            DamagedError: if they lie outside the file.
        """
        return _row(self.data, self.order + form, offset)

    def offset_of(self, address: int) -> int | None:
        """Return the file offset of a virtual address, or None where no segment loads it from the file."""
        for segment in self.segments:
            if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.file_size:
                return segment.offset + address - segment.address
        return None

    def address_of(self, offset: int) -> int | None:
        """Return the virtual address at which a file offset is loaded, or None where it is not."""
        for segment in self.segments:
            if segment.kind == PT_LOAD and segment.offset <= offset < segment.offset + segment.file_size:
                return segment.address + offset - segment.offset
        return None

    def loaded(self, without: tuple[int, int] | None = None, *, executable: bool = False) -> Iterator[tuple[int, int]]:
        """Yield the file ranges that are loaded, all or the executable ones, without a range of addresses."""
        hole = None if without is None else (self.offset_of(without[0]), self.offset_of(without[1] - 1))
        for segment in self.segments:
            if segment.kind != PT_LOAD or (executable and not segment.flags & 1):
                continue
            start, end = segment.offset, min(segment.offset + segment.file_size, len(self.data))
            if hole is not None and hole[0] is not None and hole[1] is not None and start <= hole[0] <= hole[1] < end:
                yield start, hole[0] & ~3
                yield (hole[1] + 4) & ~3, end
            else:
                yield start, end

    def text_at(self, offset: int, limit: int = 4096) -> str:
        """Return the NUL-terminated text at a file offset."""
        end = self.data.find(b"\0", offset, offset + limit)
        return self.data[offset : end if end >= 0 else offset + limit].decode("utf-8", "replace")

    def tag(self, number: int) -> int | None:
        """Return the value of a dynamic tag, the first where there are several."""
        values = self.tags.get(number)
        return values[0] if values else None

    @property
    def interpreter(self) -> str | None:
        """The program interpreter's path."""
        for segment in self.segments:
            if segment.kind == PT_INTERP:
                return self.text_at(segment.offset, min(segment.file_size, 4096))
        return None

    def _string(self, index: int) -> str | None:
        table = self.tag(DT_STRTAB)
        offset = None if table is None else self.offset_of(table + index)
        return None if offset is None else self.text_at(offset)

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the libraries it needs, in order."""
        names = (self._string(index) for index in self.tags.get(DT_NEEDED, ())[:512])
        return tuple(name for name in names if name is not None)

    @property
    def soname(self) -> str | None:
        """The name by which others need it."""
        index = self.tag(DT_SONAME)
        return None if index is None else self._string(index)

    def needed_versions(self) -> set[str]:
        """Return every symbol version that the file requires, as ``GLIBC_2.34`` (LSB, symbol versioning)."""
        found: set[str] = set()
        start = self.tag(DT_VERNEED)
        offset = None if start is None else self.offset_of(start)
        for _ in range(min(self.tag(DT_VERNEEDNUM) or 0, _MAX_VERSIONS)):
            if offset is None:
                break
            _, count, _, auxiliary, following = self.unpack("HHIII", offset)
            place = offset + auxiliary
            for _ in range(min(count, _MAX_VERSIONS - len(found))):
                _, _, _, name, step = self.unpack("IHHII", place)
                text = self._string(name)
                if text is not None:
                    found.add(text)
                if not step:
                    break
                place += step
            if not following:
                break
            offset += following
        return found

    def dynamic_strings(self) -> tuple[int, int]:
        """Return (start, end) of the dynamic string table in the file, (0, 0) where there is none."""
        table, size = self.tag(DT_STRTAB), self.tag(DT_STRSZ)
        offset = None if table is None else self.offset_of(table)
        return (0, 0) if offset is None or size is None else (offset, min(offset + size, len(self.data)))

    def has_dynamic_name(self, name: bytes) -> bool:
        """Whether the dynamic string table holds the name."""
        start, end = self.dynamic_strings()
        return self.data.find(b"\0" + name + b"\0", start, end) >= 0

    def relocations(self) -> tuple[int, int, int]:
        """Return (start, end, entry size) of the table of relocations with addends, or without where those are used."""
        for table, size, entry in (
            (DT_RELA, DT_RELASZ, 24 if self.bits == 64 else 12),
            (DT_REL, DT_RELSZ, 16 if self.bits == 64 else 8),
        ):
            address, length = self.tag(table), self.tag(size)
            offset = None if address is None else self.offset_of(address)
            if offset is not None and length:
                return offset, min(offset + length, len(self.data)), entry
        return 0, 0, 1

    def sections(self) -> tuple[list[Section], str | None]:
        """Return the section headers, and why they are not all of them where that is so; empty where there are none.

        They are a hint that may lie; what can be read of them is. The entry size is the format's, whatever the file
        says, and headers that lie outside the file are left out.

        Raises:
            DamagedError: where the ELF header names some and not one can be read.
        """
        wide = self.bits == 64
        (start,) = self.unpack("Q" if wide else "I", 40 if wide else 32)
        claimed, count, names = self.unpack("HHH", 58 if wide else 46)
        if not start:
            return [], None
        form, size = ("IIQQQQII", 64) if wide else ("IIIIIIII", 40)
        first = self.unpack(form, start)
        # More than 65279 sections: the numbers stand in the first header (gABI, chapter 4, "Special Sections").
        count, names = count or first[5], first[6] if names == _SHN_XINDEX else names
        fitting = min(count, _MAX_SECTIONS, (len(self.data) - start) // size)
        problem = None
        if claimed != size:
            problem = f"section headers of {claimed} bytes"
        elif fitting < count:
            problem = f"{count} section headers, which lie outside the file or are too many"
        elif names >= count:
            problem = "section headers without names"
        raw = [first, *_rows(self.data, self.order + form, range(start + size, start + fitting * size, size))]
        strings = (
            range(raw[names][4], min(raw[names][4] + raw[names][5], len(self.data))) if names < fitting else range(0)
        )
        found = [
            Section(
                self.text_at(strings.start + name, 128) if strings.start + name in strings else "",
                kind, offset, address, extent, link,
            )
            for name, kind, _, address, offset, extent, link, _ in raw
        ]  # fmt: skip
        return found, problem

    def build_id(self, sections: list[Section]) -> str | None:
        """Return the GNU build ID (NT_GNU_BUILD_ID) in hexadecimal.

        Go's linker has no program header for its note, only a section.
        """
        places = [(segment.offset, segment.file_size) for segment in self.segments if segment.kind == PT_NOTE]
        places += [(section.offset, section.size) for section in sections if section.kind == SHT_NOTE]
        found = (self._build_id_note(start, min(start + size, len(self.data))) for start, size in places)
        return next(filter(None, found), None)

    def _build_id_note(self, place: int, end: int) -> str | None:
        for _ in range(_MAX_NOTES):
            if place + 16 > end:
                break
            name, size, kind = self.unpack("III", place)
            start = place + 12 + (name + 3) // 4 * 4
            if kind == _NT_GNU_BUILD_ID and bytes(self.data[place + 12 : place + 16]) == b"GNU\0":
                return bytes(self.data[start : start + size]).hex() if 0 < size <= 64 and start + size <= end else None
            place = start + (size + 3) // 4 * 4
        return None

    @property
    def is_truncated(self) -> bool:
        """Whether a segment lies outside the file."""
        return any(s.offset + s.file_size > len(self.data) for s in self.segments if s.kind == PT_LOAD)


def read_elf(data: Data) -> Elf:
    """Read the ELF header, program headers and dynamic section.

    Raises:
        DamagedError: if they cannot be read.
    """
    if len(data) < 52 or data[4] not in {1, 2} or data[5] not in {1, 2}:
        raise DamagedError("not an ELF header that makes sense")
    bits: Literal[32, 64] = 32 if data[4] == 1 else 64
    order = "<" if data[5] == 1 else ">"
    # e_type, e_machine, e_entry, e_phoff, e_phentsize, e_phnum
    form = "HH4xQQ14xHH" if bits == 64 else "HH4xII10xHH"
    kind, number, entry, start, size, count = _row(data, order + form, 16)
    if count > _MAX_SEGMENTS or (count and size < (56 if bits == 64 else 32)):
        raise DamagedError(f"{count} program headers of {size} bytes")
    end = start + size * count
    segments = tuple(_segments(data, bits, order, range(start, end, size or 1)))
    return Elf(data, bits, order, kind, number, entry, segments, end, _dynamic(data, bits, order, segments))


def _segments(data: Data, bits: int, order: str, places: range) -> Iterator[Segment]:
    if bits == 64:
        yield from map(Segment._make, _rows(data, order + "IIQQ8xQ", places))
        return
    for kind, offset, address, size, flags in _rows(data, order + "III4xI4xI", places):
        yield Segment(kind, flags, offset, address, size)


def _dynamic(data: Data, bits: int, order: str, segments: tuple[Segment, ...]) -> dict[int, list[int]]:
    tags: dict[int, list[int]] = {}
    form, step = (order + "QQ", 16) if bits == 64 else (order + "II", 8)
    for segment in segments:
        if segment.kind != PT_DYNAMIC:
            continue
        claimed = min(segment.file_size // step, _MAX_TAGS)
        count = min(claimed, max(len(data) - segment.offset, 0) // step)
        for tag, value in struct.iter_unpack(form, data[segment.offset : segment.offset + count * step]):
            if tag == 0:
                break
            tags.setdefault(tag, []).append(value)
        else:
            if count < claimed:
                raise DamagedError(f"truncated: nothing at offset {segment.offset + count * step}")
    return tags


def _row(data: Data, form: str, offset: int) -> tuple[int, ...]:
    """Return the numbers at a file offset.

    Raises:
        DamagedError: if they lie outside the file.
    """
    try:
        return struct.unpack_from(form, data, offset)
    except (struct.error, OverflowError):
        raise DamagedError(f"truncated: nothing at offset {offset}") from None


def _rows(data: Data, form: str, places: range) -> Iterator[tuple[int, ...]]:
    """Yield the numbers at each of some file offsets, as ``_row`` does."""
    unpack = struct.Struct(form).unpack_from
    offset = 0
    try:
        for offset in places:
            yield unpack(data, offset)
    except (struct.error, OverflowError):
        raise DamagedError(f"truncated: nothing at offset {offset}") from None
