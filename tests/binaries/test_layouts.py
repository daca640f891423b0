"""What no toolchain at hand writes: Go 1.5 to 1.12, vendors' versions, and files that are not what they seem.

The files are put together byte by byte from the layouts (System V gABI; Go's debug/gosym and debug/buildinfo).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from inspector.binaries import examine
from inspector.binaries.elf import read_elf
from inspector.binaries.pclntab import cgo_names, find_function_table
from inspector.facts import BinaryFacts

BASE = 0x400000
MACHINES = {
    "x86-64": (62, 64, "<", 1), "386": (3, 32, "<", 1), "aarch64": (183, 64, "<", 4), "arm": (40, 32, "<", 4),
    "ppc64le": (21, 64, "<", 4), "s390x": (22, 64, ">", 2), "riscv64": (243, 64, "<", 4),
}  # fmt: skip
NAMES = (b"runtime.gopanic", b"main.main", b"net._C2func_getaddrinfo", b"os/user._Cfunc_mygetpwuid_r")


@dataclass
class Image:
    """An ELF file under construction: one segment that holds everything, and sections by name."""

    machine: str = "x86-64"
    kind: int = 2
    content: bytearray = field(default_factory=bytearray)
    sections: list[tuple[str, int, int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.number, self.bits, self.order, self.minimum = MACHINES[self.machine]
        self.size = self.bits // 8
        self.content += bytes(0x200)

    def pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form.replace("P", "Q" if self.bits == 64 else "I"), *values)

    def put(self, data: bytes, align: int = 16) -> int:
        """Append data and return its address."""
        self.content += bytes(-len(self.content) % align)
        self.content += data
        return BASE + len(self.content) - len(data)

    def section(self, name: str, address: int, size: int, kind: int = 1, link: int = 0) -> None:
        self.sections.append((name, address - BASE, size, kind, link))

    def table(self, magic: int, names: Sequence[bytes] = NAMES) -> int:
        """Append a function table of the layout that the magic number stands for."""
        start = len(self.content) + -len(self.content) % 16
        data = self.old_table(names) if magic == 0xFFFFFFFB else self.new_table(magic, names)
        address = self.put(data)
        assert address == BASE + start
        return address

    def old_table(self, names: Sequence[bytes]) -> bytes:
        """Go 1.2 to 1.15: a record and a name after the other, and bytes before a name that are no terminator."""
        head = self.pack("IHBBP", 0xFFFFFFFB, 0, self.minimum, self.size, len(names))
        records, place, entries = bytearray(), len(head) + (2 * len(names) + 1) * self.size + 4, b""
        for index, name in enumerate(names):
            records += bytes(-(place + len(records)) % self.size)
            offset = place + len(records)
            entries += self.pack("PP", BASE + 0x1000 + 16 * index, offset)
            record = self.pack("PI", BASE + 0x1000 + 16 * index, offset + self.size + 8) + b"\x01\x02\x03\x04"
            records += record + name + b"\0"
        entries += self.pack("P", BASE + 0x1000 + 16 * len(names))
        return head + entries + self.pack("I", place + len(records)) + records + self.pack("I", 0)

    def new_table(self, magic: int, names: Sequence[bytes]) -> bytes:
        """Go 1.16 and later: names in a blob of their own."""
        words = 7 if magic == 0xFFFFFFFA else 8
        blob = b"".join(name + b"\0" for name in names)
        start = 8 + words * self.size
        functions = start + len(blob) + 16
        places = [start, start + len(blob), start + len(blob) + 4, start + len(blob) + 8, functions]
        counts = [len(names), 1] + ([] if magic == 0xFFFFFFFA else [BASE + 0x1000])
        head = self.pack("IHBB", magic, 0, self.minimum, self.size) + self.pack("P" * words, *counts, *places)
        pairs = [value for index in range(len(names)) for value in (16 * index, 0)] + [16 * len(names)]
        if magic == 0xFFFFFFFA:
            pairs = [BASE + 0x1000 + value if not index % 2 else value for index, value in enumerate(pairs)]
        form = "P" if magic == 0xFFFFFFFA else "I"
        return head + blob + bytes(16) + self.pack(form * len(pairs), *pairs)

    def string(self, text: bytes, before: bytes = b"", after: bytes = b"") -> int:
        """Append a Go string header whose text has neighbours without terminators; return the header's address."""
        place = self.put(before + text + after)
        return self.put(self.pack("PP", place + len(before), len(text)))

    def build_info(self, version: bytes, module: bytes = b"") -> None:
        """Append build info of Go 1.13 to 1.17: pointers to string headers."""
        pointers = [self.string(version), self.string(module)]
        flags = int(self.order == ">")
        data = b"\xff Go buildinf:" + bytes([self.size, flags]) + self.pack("PP", *pointers)
        self.section(".go.buildinfo", self.put(data.ljust(32, b"\0")), 32)

    def inline_build_info(self, version: bytes, module: bytes = b"") -> None:
        """Append build info of Go 1.18 and later."""
        framed = b"\x30" * 16 + module + b"\xf9" * 16 if module else b""
        texts = b"".join(_varint(len(text)) + text for text in (version, framed))
        data = b"\xff Go buildinf:" + bytes([self.size, 2]) + bytes(16) + texts
        self.section(".go.buildinfo", self.put(data), len(data))

    def symbols(self, **addresses: int) -> None:
        strings, rows = b"\0", b""
        for name, address in addresses.items():
            offset = len(strings)
            strings += name.replace("__", ".").encode() + b"\0"
            if self.bits == 64:
                rows += self.pack("IBBHQQ", offset, 1, 0, 1, address, 16)
            else:
                rows += self.pack("IIIBBH", offset, address, 16, 1, 0, 1)
        table, names = self.put(rows), self.put(strings)
        self.section(".strtab", names, len(strings), 3)
        self.section(".symtab", table, len(rows), 2, len(self.sections))

    def bytes(self, *, sections: bool = True) -> bytes:
        """Return the whole file."""
        names, at = b"\0", []
        for name, *_ in self.sections:
            at.append(len(names))
            names += name.encode() + b"\0"
        strings = self.put(names) - BASE
        self.content += bytes(-len(self.content) % 8)
        start = len(self.content)
        rows = [(0,) * 10, *(
            (at[i], kind, 0, BASE + place, place, size, link, 0, 1, 0)
            for i, (_, place, size, kind, link) in enumerate(self.sections)
        ), (0, 3, 0, 0, strings, len(names), 0, 0, 1, 0)]  # fmt: skip
        content = self.content + b"".join(self.pack("IIPPPPIIPP", *row) for row in rows)
        wide = self.bits == 64
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 if self.order == "<" else 2, 1]) + bytes(9)
        count = len(rows) if sections else 0
        head = ident + self.pack(
            "HHIPPPIHHHHHH", self.kind, self.number, 1, BASE + 0x1000, 64 if wide else 52, start if sections else 0, 0,
            64 if wide else 52, 56 if wide else 32, 1, 64 if wide else 40, count, max(count - 1, 0),
        )  # fmt: skip
        size = len(content)
        segment = (1, 7, 0, BASE, BASE, size, size, 4096) if wide else (1, 0, BASE, BASE, size, size, 7, 4096)
        head += self.pack("IIPPPPPP" if wide else "IIIIIIII", *segment)
        content[: len(head)] = head
        return bytes(content)


def _varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def facts(data: bytes, path: str = "/bin/program") -> BinaryFacts:
    found = examine(data, path)
    assert isinstance(found, BinaryFacts)
    return found


def kinds(found: BinaryFacts) -> list[str] | None:
    return None if found.exposures is None else [exposure.kind for exposure in found.exposures]


MAGICS = (0xFFFFFFFB, 0xFFFFFFFA, 0xFFFFFFF0, 0xFFFFFFF1)


@pytest.mark.parametrize("sections", [True, False])
@pytest.mark.parametrize("magic", MAGICS, ids=hex)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_layout_on_every_machine(machine: str, magic: int, sections: bool) -> None:
    image = Image(machine)
    address = image.table(magic)
    image.section(".gopclntab", address, len(image.content) - (address - BASE))
    image.inline_build_info(b"go1.18.10", b"path\tmain\nbuild\tCGO_ENABLED=1\nbuild\t-tags=a,b\n")
    found = facts(image.bytes(sections=sections))
    assert found.machine == machine
    assert kinds(found) == ["dns", "user"]
    assert found.go is not None
    assert (found.go.version, found.go.cgo, found.go.tags, found.go.source) == (
        "1.18.10",
        True,
        ("a", "b"),
        "buildinfo",
    )


@pytest.mark.parametrize("magic", MAGICS, ids=hex)
def test_a_name_that_only_ends_or_begins_alike_is_no_evidence(magic: int) -> None:
    image = Image()
    image.table(
        magic,
        (b"runtime.gopanic", b"example.com/xnet._C2func_getaddrinfo", b"net.cgoLookupHost", b"os/user.lookupUser"),
    )
    image.inline_build_info(b"go1.22.1")
    assert kinds(facts(image.bytes())) == []


@pytest.mark.parametrize("magic", MAGICS, ids=hex)
@pytest.mark.parametrize(
    ("name", "is_linked"), [(b"crosscall2", True), (b"main.crosscall2", False), (b"crosscall2x", False)]
)
def test_runtime_cgo_is_linked_in_where_its_assembly_is(magic: int, name: bytes, is_linked: bool) -> None:
    image = Image()
    image.table(magic, (b"runtime.gopanic", name, b"runtime/cgo.fake"))
    image.inline_build_info(b"go1.19.8")
    found = facts(image.bytes())
    assert found.go is not None and found.go.runtime_cgo is is_linked


@pytest.mark.parametrize("machine", MACHINES)
def test_in_the_first_layout_only_names_with_a_record_say_who_calls_c(machine: str) -> None:
    """Bytes before an inlined name are no part of it, and a number that is its place by chance is no record."""
    image = Image(machine)
    wrapper, inlined = b"example.com/x._Cfunc_y", b"main.z\0\x05os/user._Cfunc_GoString"
    start = image.table(0xFFFFFFFB, (b"runtime.gopanic", wrapper, inlined)) - BASE
    place = image.content.index(b"r._Cfunc_GoString") - start
    # In the bytes between two records, where tables of numbers stand.
    chance = image.content.index(b"\x01\x02\x03\x04")
    image.content[chance : chance + 4] = image.pack("I", place)
    elf = read_elf(image.bytes())
    table = find_function_table(elf, [])
    assert table is not None and set(cgo_names(elf, table)) == {("example.com/x", "y")}


@pytest.mark.parametrize("machine", MACHINES)
def test_build_info_by_pointers(machine: str) -> None:
    image = Image(machine)
    image.table(0xFFFFFFFB)
    image.build_info(b"go1.15.15", b"\x30" * 16 + b"path\texample.com/cmd/peer\n" + b"\xf9" * 16)
    found = facts(image.bytes()).go
    assert found is not None
    assert (found.version, found.module, found.cgo, found.tags) == ("1.15.15", "example.com/cmd/peer", None, None)


@pytest.mark.parametrize("machine", MACHINES)
def test_before_build_info_the_symbol_tells_the_version(machine: str) -> None:
    """Strings carry no terminator: ``go1.7.60123…`` was seen, only the header's length tells."""
    image = Image(machine)
    image.table(0xFFFFFFFB)
    image.symbols(runtime__buildVersion=image.string(b"go1.7.6", b"fmt: unknown", b"0123456789abcdef"))
    found = facts(image.bytes())
    assert found.go is not None and found.stripped is False
    assert (found.go.version, found.go.source) == ("1.7.6", "symbol")


@pytest.mark.parametrize("machine", MACHINES)
def test_stripped_of_it_the_version_is_a_guess_marked_as_one(machine: str) -> None:
    image = Image(machine)
    image.table(0xFFFFFFFB, (*NAMES, b"/usr/local/go1.9/src/net/conf.go"))
    image.string(b"go1.7.6", b"fmt: unknown", b"0123456789abcdef")
    found = facts(image.bytes())
    assert found.go is not None and found.stripped is True
    assert (found.go.version, found.go.source) == ("1.7.6", "strings")


def test_two_candidates_are_no_version() -> None:
    image = Image()
    image.table(0xFFFFFFFB)
    image.string(b"go1.7.6")
    image.string(b"go1.9.2")
    found = facts(image.bytes())
    assert found.go is not None and (found.go.version, found.go.source) == ("unknown", "strings")
    assert found.problems[0] == "a Go program that does not tell its version"
    assert kinds(found) == ["dns", "user"]


@pytest.mark.parametrize(
    ("recorded", "version", "raw"),
    [
        (b"go1.22.5", "1.22.5", None),
        (b"go1.21rc2", "1.21rc2", None),
        (b"go1.22.5 X:boringcrypto", "1.22.5", "go1.22.5 X:boringcrypto"),
        (b"go1.26-X:jsonv2,greenteagc", "1.26", "go1.26-X:jsonv2,greenteagc"),
        (b"go1.26.1-X:nodwarf5", "1.26.1", "go1.26.1-X:nodwarf5"),
        (b"go1.9.7b4", "1.9.7", "go1.9.7b4"),
        (b"go1.20.12 (Red Hat 1.20.12-8.el9_4)", "1.20.12", "go1.20.12 (Red Hat 1.20.12-8.el9_4)"),
        (b"go1.23.4-microsoft-1", "1.23.4", "go1.23.4-microsoft-1"),
        (b"devel go1.23-5a6b7c8d Tue Feb 6", "devel go1.23-5a6b7c8d Tue Feb 6", "devel go1.23-5a6b7c8d Tue Feb 6"),
    ],
)
def test_suffixes_of_vendors_and_experiments(recorded: bytes, version: str, raw: str | None) -> None:
    image = Image()
    image.table(0xFFFFFFF1)
    image.inline_build_info(recorded)
    found = facts(image.bytes()).go
    assert found is not None and (found.version, found.raw_version) == (version, raw)


# ── files that are not what they seem ────────────────────────────────────────────────────────────────────────────


def go_file(**changes: Any) -> bytes:
    image = Image(**changes)
    image.table(0xFFFFFFF1)
    image.inline_build_info(b"go1.22.5", b"build\tCGO_ENABLED=1\n")
    return image.bytes()


def test_a_go_file_with_data_behind_it_keeps_its_own_facts() -> None:
    other = Image()
    other.table(0xFFFFFFF1, (b"runtime.gopanic",))
    other.inline_build_info(b"go1.11")
    plain = facts(go_file())
    found = facts(go_file() + bytes(100) + other.bytes())
    assert (found.go, found.exposures, found.libc) == (plain.go, plain.exposures, plain.libc)


def test_data_with_a_go_file_behind_it_is_no_go_file() -> None:
    found = facts(Image().bytes() + bytes(-len(Image().bytes()) % 16) + go_file())
    assert found.go is None and found.exposures == ()


def test_section_headers_outside_the_file_are_told_and_not_needed() -> None:
    data = bytearray(go_file())
    struct.pack_into("<Q", data, 40, len(data) * 2)
    found = facts(bytes(data))
    assert found.stripped is None and any("section headers cannot be used" in problem for problem in found.problems)
    assert kinds(found) == ["dns", "user"]


def test_sections_with_false_names_and_places_are_not_believed() -> None:
    image = Image()
    image.section(".gopclntab", BASE + 64, 64)
    image.section(".go.buildinfo", BASE + 64, 1 << 40)
    image.table(0xFFFFFFF1)
    image.inline_build_info(b"go1.22.5")
    image.sections[-1] = (".data", *image.sections[-1][1:])
    found = facts(image.bytes())
    assert found.go is not None and found.go.version == "1.22.5" and kinds(found) == ["dns", "user"]


def test_a_symbol_table_outside_the_file_is_not_read() -> None:
    image = Image()
    image.table(0xFFFFFFF1)
    image.section(".strtab", BASE, 1 << 50, 3)
    image.section(".symtab", BASE + 8, 1 << 60, 2, 1)
    assert kinds(facts(image.bytes())) == ["dns", "user"]


def test_a_truncated_file_is_unknown_and_says_so() -> None:
    data = go_file()
    for size in (4, 15, 40, 64, 100, 0x180, len(data) // 2):
        found = facts(data[:size])
        assert found.exposures is None and found.problems[0].startswith("damaged ELF file"), size
        assert found.stripped is None and found.go is None


def test_absurd_counts_are_told() -> None:
    data = bytearray(go_file())
    struct.pack_into("<H", data, 56, 0xFFFF)
    found = facts(bytes(data))
    assert found.exposures is None and "65535 program headers" in found.problems[0]


def test_packed_by_upx_by_its_header() -> None:
    """l_info after the program headers: checksum, UPX!, size of the loader, version, format (UPX, linux.h)."""
    data = bytearray(Image().bytes())
    data[64 + 56 : 64 + 56 + 12] = struct.pack("<I4sHBB", 0x1234, b"UPX!", 0x900, 13, 22)
    found = facts(bytes(data))
    assert found.exposures is None and found.linkage == "unknown" and found.libc.kind == "unknown"
    assert found.problems == ("packed by UPX: what it unpacks into memory cannot be told; unpack it first",)


def test_a_program_that_speaks_of_upx_is_not_packed() -> None:
    image = Image()
    image.put(b"usage: looks for UPX! in files\0")
    assert facts(image.bytes()).exposures == ()


def test_a_go_program_without_function_table_is_unknown() -> None:
    image = Image()
    image.inline_build_info(b"go1.22.5")
    found = facts(image.bytes())
    assert found.exposures is None and "function table cannot be read" in found.problems[-1]
    assert found.go is not None and found.go.runtime_cgo is None
