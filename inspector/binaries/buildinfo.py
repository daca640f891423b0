"""What a Go binary says of its own build: .go.buildinfo in both layouts, runtime.buildVersion before that.

Build info: debug/buildinfo at Go 1.13 (pointers to strings) and 1.18 (strings in place). Settings:
runtime/debug/mod.go.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator

from inspector.binaries.elf import PT_LOAD, DamagedError, Elf, Section
from inspector.binaries.symbols import symbol_table
from inspector.facts import GoBuild

_BUILDINFO = b"\xff Go buildinf:"
_MAX_TEXT = 4 * 1024 * 1024
_FRAME = 16
"""Bytes of marker before and after the module text (runtime/debug/mod.go)."""
_MAX_VERSION = 128
_MAX_GUESSES = 300
_VERSION = re.compile(r"go(1\.\d{1,3}(?:\.\d{1,3})?(?:(?:rc|beta)\d+)?)(.*)", re.DOTALL)
"""Release, then what vendors and experiments add: ``go1.22.5 X:boringcrypto``, ``go1.26-X:jsonv2``, ``go1.9.7b4``."""
_VERSION_BYTES = re.compile(rb"go1\.\d{1,2}(?:\.\d{1,2})?(?:(?:rc|beta)\d)?")
UNKNOWN = "unknown"
"""The version of a Go program that does not tell it."""


def read_build(elf: Elf, sections: list[Section], *, is_go: bool) -> GoBuild | None:
    """Return what the binary records of its build; None where nothing says that it is Go's.

    Args:
        elf: the file.
        sections: its section headers, which may be absent or lie.
        is_go: whether something else than the build info (the function table) says that it is a Go program.
    """
    place = _find_buildinfo(elf, sections)
    if place is not None:
        version, module = _read_buildinfo(elf, place)
        if _is_version(version):
            return _build_of(version, module)
    if not is_go and place is None:
        return None
    text = _version_by_symbol(elf, sections)
    if text is not None:
        return GoBuild(version=release_of(text), source="symbol", raw_version=_more_than_release(text))
    guess = _guess_version(elf)
    return GoBuild(
        version=release_of(guess) if guess else UNKNOWN,
        source="strings",
        raw_version=_more_than_release(guess) if guess else None,
    )


def _is_version(text: str) -> bool:
    return text.startswith(("go1", "devel")) and len(text) <= 4 * _MAX_VERSION


def release_of(text: str) -> str:
    """Return the release of a recorded version without ``go``, experiments and vendor suffix.

    ``devel`` builds keep their text: ``devel go1.23-5a6b…`` is no release.
    """
    match = _VERSION.fullmatch(text)
    return (match[1] if match else text).encode("utf-8", "replace").decode()


def _more_than_release(text: str) -> str | None:
    match = _VERSION.fullmatch(text)
    return text.encode("utf-8", "replace").decode() if match is None or match[2] else None


# ── build info ───────────────────────────────────────────────────────────────────────────────────────────────────


def _find_buildinfo(elf: Elf, sections: list[Section]) -> int | None:
    for section in sections:
        if section.name == ".go.buildinfo" and bytes(elf.data[section.offset : section.offset + 14]) == _BUILDINFO:
            return section.offset
    # Sections may be gone or lie: it stands 16-byte aligned in a data segment.
    for segment in elf.segments:
        if segment.kind != PT_LOAD or segment.flags & 3 == 1:
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
    if length > _MAX_TEXT or position + length > len(elf.data):
        return "", position
    # The frame's marker bytes are no UTF-8; each must stay one character to be cut off.
    return bytes(elf.data[position : position + length]).decode("utf-8", "surrogateescape"), position + length


def _pointed_text(elf: Elf, position: int, form: str, size: int) -> str:
    """Follow a pointer to a Go string header and return its text."""
    header = _pointer(elf, position, form)
    place = None if header is None else elf.offset_of(header)
    return "" if place is None else _string_at(elf, place, form, size)


def _string_at(elf: Elf, place: int, form: str, size: int) -> str:
    """Return the text of the Go string header at a file offset."""
    address = _pointer(elf, place, form)
    start = None if address is None else elf.offset_of(address)
    try:
        (length,) = struct.unpack_from(form, elf.data, place + size)
    except (struct.error, OverflowError):
        return ""
    if start is None or length > _MAX_TEXT or start + length > len(elf.data):
        return ""
    return bytes(elf.data[start : start + length]).decode("utf-8", "surrogateescape")


def _pointer(elf: Elf, position: int, form: str) -> int | None:
    """Return a pointer's value; in a position-independent file it may stand in the relocation's addend only."""
    try:
        (value,) = struct.unpack_from(form, elf.data, position)
    except (struct.error, OverflowError):
        return None
    return int(value) if value else _relocated(elf, position)


def _relocated(elf: Elf, position: int) -> int | None:
    address = elf.address_of(position)
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


def _build_of(text: str, module: str) -> GoBuild:
    settings = dict(_settings(module))
    return GoBuild(
        version=release_of(text),
        cgo={"0": False, "1": True}.get(settings.get("CGO_ENABLED", "")),
        tags=tuple(tag for tag in settings.get("-tags", "").split(",") if tag) if settings else None,
        ldflags=settings.get("-ldflags"),
        default_godebug=settings.get("DefaultGODEBUG"),
        source="buildinfo",
        raw_version=_more_than_release(text),
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


# ── without build info: before Go 1.13, or removed ───────────────────────────────────────────────────────────────


def _version_by_symbol(elf: Elf, sections: list[Section]) -> str | None:
    """Return runtime.buildVersion's text. The bytes carry no terminator: only the header's length tells."""
    symbols = symbol_table(elf, sections)
    address = None if symbols is None else symbols.address(b"runtime.buildVersion")
    place = None if address is None else elf.offset_of(address)
    if place is None:
        return None
    text = _string_at(elf, place, elf.pointer, elf.bits // 8)
    return text if _is_version(text) else None


def _guess_version(elf: Elf) -> str | None:
    """Guess the version of a stripped file: the one text ``go1.N`` that a string header in data points to."""
    texts: set[str] = set()
    for segment in elf.segments:
        if segment.kind != PT_LOAD:
            continue
        view = memoryview(elf.data)[segment.offset : segment.offset + segment.file_size]
        try:
            for number, match in enumerate(_VERSION_BYTES.finditer(view)):
                if number >= _MAX_GUESSES:
                    break
                length = _pointed_length(elf, segment.address + match.start())
                text = bytes(view[match.start() : match.start() + (length or 0)]).decode("ascii", "replace")
                if length and _VERSION.fullmatch(text) and text.isprintable():
                    texts.add(text)
        finally:
            view.release()
    return texts.pop() if len(texts) == 1 else None


def _pointed_length(elf: Elf, address: int) -> int | None:
    """Return the length of the Go string that begins at the address and that writable data holds a header of."""
    place = _pointed_from(elf, address)
    if place is None:
        return None
    try:
        (length,) = elf.unpack("Q" if elf.bits == 64 else "I", place + elf.bits // 8)
    except DamagedError:
        return None
    return length if 5 <= length <= _MAX_VERSION else None


def _pointed_from(elf: Elf, address: int) -> int | None:
    """Return where a word of writable data holds the address, by itself or by its relocation."""
    needle = struct.pack(elf.pointer, address)
    for segment in elf.segments:
        if segment.kind == PT_LOAD and segment.flags & 2:
            place = elf.data.find(needle, segment.offset, segment.offset + segment.file_size)
            if place >= 0:
                return place
    start, end, entry = elf.relocations()
    if entry not in {24, 12}:
        return None
    found = elf.data.find(needle, start, end)
    while found >= 0 and (found - start) % entry != entry - entry // 3:
        found = elf.data.find(needle, found + 1, end)
    if found < 0:
        return None
    (where,) = elf.unpack("Q" if entry == 24 else "I", found - (entry - entry // 3))
    return elf.offset_of(where)
