"""What a Go binary says of its own build, and the names in its function table.

Build info: debug/buildinfo at Go 1.13 (pointers) and 1.18 (inline). Function table: debug/gosym and
runtime/symtab.go; magic numbers in internal/abi/symtab.go.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.binaries.elf import PT_LOAD, SHT_SYMTAB, Elf, Section
from inspector.facts import GoBuild

_BUILDINFO = b"\xff Go buildinf:"
_MAX_TEXT = 4 * 1024 * 1024
_FRAME = 16
"""Bytes of marker before and after the module text (runtime/debug/mod.go)."""
_VERSION = re.compile(r"go(1\.\d+(?:\.\d+)?(?:(?:rc|beta)\d+)?)(.*)", re.DOTALL)
_VERSION_BYTES = re.compile(rb"go1\.\d{1,2}(?:\.\d{1,2})?")

_MAGICS = (0xFFFFFFF1, 0xFFFFFFF0, 0xFFFFFFFA, 0xFFFFFFFB)
_OLD_LAYOUT = 0xFFFFFFFB
_TEXT_START = frozenset({0xFFFFFFF0, 0xFFFFFFF1})
_MINIMUM_CODE = {"x86-64": 1, "386": 1, "s390x": 2, "arm": 4, "aarch64": 4, "ppc64le": 4, "ppc64": 4, "riscv64": 4}
"""The machine's smallest instruction in bytes, as the table's header repeats it (PCQuantum in cmd/internal/sys)."""
_ANCHOR = b"runtime.gopanic\0"
_MAX_ANCHORS = 8
_MAX_TABLE = 256 * 1024 * 1024
_TABLE_SECTIONS = (".gopclntab", ".data.rel.ro.gopclntab")


@dataclass(frozen=True, slots=True)
class NameTable:
    """Where in the file the function names lie."""

    start: int
    end: int


def read_build(elf: Elf, sections: list[Section]) -> GoBuild | None:
    """Return what the binary records of its build, or None where it is no Go binary that says so."""
    place = _find_buildinfo(elf, sections)
    if place is not None:
        version, module = _read_buildinfo(elf, place)
        if version:
            return _build_of(version, module)
    if not _looks_like_go(elf, sections):
        return None
    text = _version_by_symbol(elf, sections)
    if text is not None:
        return _build_of(text, "", source="symbol")
    guess = _guess_version(elf)
    return _build_of(guess, "", source="strings") if guess is not None else None


def _find_buildinfo(elf: Elf, sections: list[Section]) -> int | None:
    for section in sections:
        if section.name == ".go.buildinfo" and bytes(elf.data[section.offset : section.offset + 14]) == _BUILDINFO:
            return section.offset
    # Sections may be gone or lie: it stands 16-byte aligned in a data segment.
    for segment in elf.segments:
        if segment.kind != PT_LOAD or segment.flags & 1:
            continue
        position = elf.data.find(_BUILDINFO, segment.offset, segment.offset + segment.file_size)
        while position >= 0:
            if (segment.address + position - segment.offset) % 16 == 0:
                return position
            position = elf.data.find(_BUILDINFO, position + 1, segment.offset + segment.file_size)
    return None


def _read_buildinfo(elf: Elf, place: int) -> tuple[str, str]:
    size, flags = elf.unpack("BB", place + 14)
    if flags & 2:
        version, after = _inline_text(elf, place + 32)
        module, _ = _inline_text(elf, after)
        return version, _unframed(module)
    order = ">" if flags & 1 else "<"
    if size not in {4, 8}:
        return "", ""
    form = order + ("Q" if size == 8 else "I")
    texts = [_pointed_text(elf, place + 16 + index * size, form, size) for index in range(2)]
    return texts[0], _unframed(texts[1])


def _inline_text(elf: Elf, position: int) -> tuple[str, int]:
    length = shift = 0
    for _ in range(10):
        (byte,) = elf.unpack("B", position)
        position += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if length > _MAX_TEXT:
        return "", position
    # The frame's marker bytes are no UTF-8; each must stay one character to be cut off.
    return bytes(elf.data[position : position + length]).decode("utf-8", "surrogateescape"), position + length


def _pointed_text(elf: Elf, position: int, form: str, size: int) -> str:
    """Follow a pointer to a Go string header and return its text."""
    header = _pointer(elf, position, form)
    place = None if header is None else elf.offset_of(header)
    if place is None:
        return ""
    address = _pointer(elf, place, form)
    start = None if address is None else elf.offset_of(address)
    try:
        (length,) = struct.unpack_from(form, elf.data, place + size)
    except struct.error:
        return ""
    if start is None or length > _MAX_TEXT:
        return ""
    return bytes(elf.data[start : start + length]).decode("utf-8", "surrogateescape")


def _pointer(elf: Elf, position: int, form: str) -> int | None:
    """Return a pointer's value; in a PIE file it may stand in the relocation's addend only."""
    try:
        (value,) = struct.unpack_from(form, elf.data, position)
    except struct.error:
        return None
    return int(value) if value else _relocated(elf, position)


def _relocated(elf: Elf, position: int) -> int | None:
    address = next(
        (s.address + position - s.offset for s in elf.segments if s.offset <= position < s.offset + s.file_size), None
    )
    start, end, entry = elf.relocations()
    if address is None or entry not in {24, 12}:
        return None
    needle = struct.pack(elf.pointer, address)
    found = elf.data.find(needle, start, end)
    while found >= 0 and (found - start) % entry:
        found = elf.data.find(needle, found + 1, end)
    if found < 0:
        return None
    (addend,) = elf.unpack("q" if entry == 24 else "i", found + entry - entry // 3)
    return addend


def _unframed(module: str) -> str:
    if len(module) < 2 * _FRAME + 1:
        return ""
    return module[_FRAME:-_FRAME].encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _build_of(text: str, module: str, source: str = "buildinfo") -> GoBuild:
    settings = dict(_settings(module))
    recorded = bool(settings)
    match = _VERSION.fullmatch(text)
    version = match[1] if match else text
    clean = text.encode("utf-8", "replace").decode()
    return GoBuild(
        version=version.encode("utf-8", "replace").decode(),
        cgo={"0": False, "1": True}.get(settings.get("CGO_ENABLED", "")),
        tags=tuple(tag for tag in settings.get("-tags", "").split(",") if tag) if recorded else None,
        ldflags=settings.get("-ldflags"),
        default_godebug=settings.get("DefaultGODEBUG"),
        source="buildinfo" if source == "buildinfo" else "symbol" if source == "symbol" else "strings",
        raw_version=clean if match is None or match[2] else None,
        buildmode=settings.get("-buildmode"),
        module=next((line[5:] for line in module.split("\n") if line.startswith("path\t")), None),
    )


def _settings(module: str) -> Iterator[tuple[str, str]]:
    """Yield the build settings (runtime/debug/mod.go, ParseBuildInfo): ``build<TAB>key=value``, either part quoted."""
    for line in module.split("\n"):
        if line.startswith("build\t"):
            key, equals, value = line[6:].partition("=")
            if equals:
                yield key, _unquoted(value)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "`":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value[1:-1]
    return value


# ── before Go 1.13 ───────────────────────────────────────────────────────────────────────────────────────────────


def _looks_like_go(elf: Elf, sections: list[Section]) -> bool:
    if any(section.name in {*_TABLE_SECTIONS, ".note.go.buildid", ".gosymtab"} for section in sections):
        return True
    return elf.data.find(b'Go build ID: "', 0, 65536) >= 0 or find_name_table(elf, sections) is not None


def _version_by_symbol(elf: Elf, sections: list[Section]) -> str | None:
    address = find_symbol(elf, sections, b"runtime.buildVersion")
    place = None if address is None else elf.offset_of(address)
    if place is None:
        return None
    size = elf.bits // 8
    pointer, length = elf.unpack("QQ" if size == 8 else "II", place)
    start = elf.offset_of(pointer)
    if start is None or not 4 <= length <= 128:
        return None
    text = bytes(elf.data[start : start + length]).decode("ascii", "replace")
    return text if text.startswith(("go1", "devel")) else None


def find_symbol(elf: Elf, sections: list[Section], name: bytes) -> int | None:
    """Return a symbol's address by .symtab, or None."""
    for table in sections:
        if table.kind != SHT_SYMTAB or table.link >= len(sections):
            continue
        strings = sections[table.link]
        found = elf.data.find(b"\0" + name + b"\0", strings.offset, strings.offset + strings.size)
        if found < 0:
            continue
        needle = struct.pack(elf.order + "I", found + 1 - strings.offset)
        step = 24 if elf.bits == 64 else 16
        place = elf.data.find(needle, table.offset, table.offset + table.size)
        while place >= 0 and (place - table.offset) % step:
            place = elf.data.find(needle, place + 1, table.offset + table.size)
        if place >= 0:
            return elf.unpack("Q" if elf.bits == 64 else "I", place + (8 if elf.bits == 64 else 4))[0]
    return None


def _guess_version(elf: Elf) -> str | None:
    """Guess the version of a stripped file: the one text ``go1.N`` that a string header in data points to."""
    texts: dict[bytes, None] = {}
    for segment in elf.segments:
        if segment.kind != PT_LOAD:
            continue
        view = memoryview(elf.data)[segment.offset : segment.offset + segment.file_size]
        try:
            for number, match in enumerate(_VERSION_BYTES.finditer(view)):
                if number > 2000:
                    break
                pointed = _pointed_length(elf, segment.address + match.start())
                if pointed is not None:
                    return bytes(view[match.start() : match.start() + pointed]).decode("ascii", "replace")
                texts[match[0]] = None
        finally:
            view.release()
    return min(texts, key=len).decode() if len(texts) == 1 else None


def _pointed_length(elf: Elf, address: int) -> int | None:
    """Return the length of the Go string that begins at the address and that data holds a header of."""
    size = elf.bits // 8
    needle = struct.pack(elf.pointer, address)
    for segment in elf.segments:
        if segment.kind != PT_LOAD or not segment.flags & 2:
            continue
        place = elf.data.find(needle, segment.offset, segment.offset + segment.file_size)
        if place >= 0:
            (length,) = elf.unpack("Q" if size == 8 else "I", place + size)
            if 5 <= length <= 9:
                return length
    return None


# ── the function table ───────────────────────────────────────────────────────────────────────────────────────────


def find_name_table(elf: Elf, sections: list[Section], version: str = "") -> NameTable | None:
    """Return where the function names lie, found by the table's header; None where there is no table.

    ``version`` says which of the four layouts to look for first.
    """
    for section in sections:
        if section.name in _TABLE_SECTIONS:
            table = _read_table(elf, section.offset, section.offset + section.size)
            if table is not None:
                return table
    return _search_table(elf, _likely_magics(version))


def _likely_magics(version: str) -> list[int]:
    """Return the layouts' magic numbers, the one of this Go version first (internal/abi/symtab.go)."""
    match = _VERSION.fullmatch(f"go{version}")
    minor = int(match[1].split(".")[1].split("rc")[0].split("beta")[0]) if match else 99
    likely = 0xFFFFFFF1 if minor >= 20 else 0xFFFFFFF0 if minor >= 18 else 0xFFFFFFFA if minor >= 16 else 0xFFFFFFFB
    return sorted(_MAGICS, key=lambda magic: magic != likely)


def _search_table(elf: Elf, magics: list[int]) -> NameTable | None:
    """Find the table without section names: from a name that every Go program has, back to the header before it.

    Searching for the header itself is ten times slower: short needles make ``find`` look at every byte.
    """
    minimum = _MINIMUM_CODE.get(elf.machine)
    if minimum is None:
        return None
    position = elf.data.find(_ANCHOR)
    for _ in range(_MAX_ANCHORS):
        if position < 0:
            return None
        for magic in magics:
            needle = struct.pack(elf.order + "IHBB", magic, 0, minimum, elf.bits // 8)
            start = elf.data.rfind(needle, max(0, position - _MAX_TABLE), position)
            table = _read_table(elf, start, len(elf.data)) if start >= 0 else None
            if table is not None and table.start <= position < table.end:
                return table
        position = elf.data.find(_ANCHOR, position + 1)
    return None


def _read_table(elf: Elf, start: int, end: int) -> NameTable | None:
    if start + 8 + 7 * 8 > min(end, len(elf.data)):
        return None
    magic, zero, minimum, size = elf.unpack("IHBB", start)
    if magic not in _MAGICS or zero or minimum not in {1, 2, 4} or size != elf.bits // 8:
        return None
    words = elf.unpack(("Q" if size == 8 else "I") * 7, start + 8)
    if magic == _OLD_LAYOUT:
        # Up to Go 1.15 names stand anywhere in the table.
        count = words[0]
        return NameTable(start, end) if 0 < count < (end - start) // (2 * size) else None
    names, following = (words[3], words[4]) if magic in _TEXT_START else (words[2], words[3])
    if not 8 < names < following <= end - start:
        return None
    return NameTable(start + names, start + following)


def names_with(elf: Elf, table: NameTable, prefix: bytes, limit: int = 64) -> list[str]:
    """Return the names in the table that begin with ``prefix``, sorted, at most ``limit``."""
    found: set[str] = set()
    position = table.start
    while len(found) < limit:
        position = elf.data.find(prefix, position, table.end)
        if position < 0:
            break
        if position == table.start or elf.data[position - 1] == 0:
            end = elf.data.find(b"\0", position, min(position + 512, table.end))
            if end > 0:
                found.add(bytes(elf.data[position:end]).decode("utf-8", "replace"))
        position += len(prefix)
    return sorted(found)
