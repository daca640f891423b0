"""``examine()``: the bytes of one file to its facts."""

from __future__ import annotations

import re
from dataclasses import replace

from inspector.binaries.buildinfo import UNKNOWN, read_build
from inspector.binaries.clib import find_clib
from inspector.binaries.elf import (
    DF_1_PIE,
    DT_FLAGS_1,
    ET_DYN,
    ET_EXEC,
    MAGIC,
    SHT_SYMTAB,
    DamagedError,
    Data,
    Elf,
    Section,
    read_elf,
)
from inspector.binaries.libc import has_dl_var_init, static_libc
from inspector.binaries.libraries import describe_library, library_kind
from inspector.binaries.packing import packer_of
from inspector.binaries.pclntab import SECTIONS, Code, FunctionTable, find_function_table, go_code, names_with
from inspector.binaries.symbols import SymbolTable, symbol_table
from inspector.facts import BinaryFacts, Exposure, GoBuild, Libc, LibraryFacts, Linkage
from inspector.records import dataclass

_DNS = b"net._C2func_getaddrinfo"
_RUNTIME_CGO = b"crosscall2\0"
"""The function by which C calls Go: assembly of runtime/cgo, exported to C and so linked in wherever the package is
(runtime/cgo/callbacks.go and asm_GOARCH.s, Go 1.5 to 1.27). Other functions have their package in their names."""
_USER = (b"os/user._Cfunc_mygetp", b"os/user._Cfunc_mygetg", b"os/user._C_getp", b"os/user._C_getg")
_BARE = "no section headers and nothing that is known of any C library or Go: it may be packed, by what cannot be told"
_GLIBC = re.compile(r"GLIBC_([0-9]{1,5}(?:\.[0-9]{1,5})*)")
_GO_SECTIONS = frozenset({*SECTIONS, ".go.buildinfo", ".note.go.buildid", ".gosymtab"})


def examine(data: Data, path: str) -> BinaryFacts | LibraryFacts | None:
    """Return the facts of one file.

    Args:
        data: the whole file; it is not copied.
        path: its absolute path in the image.

    Returns:
        BinaryFacts for an executable, LibraryFacts for a shared library that a loader needs, None for anything else:
        no ELF file, an object file, a kernel module, another shared library. An executable that cannot be understood
        has ``exposures`` None and says why in ``problems``; so has one of which a part could not be told.
    """
    if bytes(data[:4]) != MAGIC:
        return None
    try:
        elf = read_elf(data)
    except DamagedError as error:
        return _damaged(BinaryFacts(path=path, size=len(data), machine="unknown", linkage="unknown"), str(error))
    if elf.kind not in {ET_EXEC, ET_DYN}:
        return None
    try:
        return _examine(elf, path)
    except DamagedError as error:
        return _damaged(_unknown(elf, path), str(error))
    except OverflowError:  # of a search in a mapped file, which takes no place beyond 2⁶³
        return _damaged(_unknown(elf, path), "it names a place that is in no file")


def _unknown(elf: Elf, path: str) -> BinaryFacts:
    return BinaryFacts(
        path=path,
        size=len(elf.data),
        machine=elf.machine,
        byte_order=elf.byte_order,
        bits=elf.bits,
        linkage="unknown",
    )


def _damaged(facts: BinaryFacts, why: str) -> BinaryFacts:
    return replace(facts, exposures=None, problems=(f"damaged ELF file: {why}",))


def _examine(elf: Elf, path: str) -> BinaryFacts | LibraryFacts | None:
    library = library_kind(path)
    if elf.kind == ET_DYN and library is not None and not elf.is_truncated:
        return describe_library(elf, elf.data, path, library)
    interpreter = elf.interpreter
    linkage = _linkage(elf, interpreter)
    if linkage is None and (elf.tags or library is not None):
        return None
    packer = packer_of(elf)
    if packer is not None:
        problem = f"packed by {packer}: what it unpacks into memory cannot be told; unpack it first"
        return replace(_unknown(elf, path), exposures=None, problems=(problem,))
    if linkage is None:
        return replace(_unknown(elf, path), exposures=None, problems=(_BARE,)) if _is_bare(elf) else None
    facts = replace(_unknown(elf, path), linkage=linkage, interpreter=interpreter)
    if elf.is_truncated:
        return _damaged(facts, "truncated: a segment lies outside the file")
    return _describe(elf, facts)


def _is_bare(elf: Elf) -> bool:
    """Whether a file that starts somewhere has no section headers, which everything but a packer's work has."""
    return bool(elf.entry) and elf.sections() == ([], None)


def _linkage(elf: Elf, interpreter: str | None) -> Linkage | None:
    """Decide from program headers and the dynamic section; None for a shared library."""
    pie = bool((elf.tag(DT_FLAGS_1) or 0) & DF_1_PIE)
    if elf.kind == ET_EXEC:
        return "dynamic" if interpreter or elf.needed else "static"
    if interpreter is not None:
        return "dynamic-pie" if pie or elf.soname is None else None
    if pie:
        return "static-pie"
    # Linkers before binutils 2.26 did not set the flag: a library has a name or needs others.
    return "static-pie" if elf.soname is None and not elf.needed and elf.entry and elf.tags else None


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the facts are read from."""

    elf: Elf
    sections: list[Section]
    symbols: SymbolTable | None
    table: FunctionTable | None
    code: Code | None
    build: GoBuild | None


def _describe(elf: Elf, facts: BinaryFacts) -> BinaryFacts:
    problems: list[str] = []
    try:
        sections, problem = elf.sections()
    except DamagedError as error:
        sections, problem = [], str(error)
    stripped = None if problem else True
    if any(section.kind == SHT_SYMTAB for section in sections):
        stripped = False
    if problem:
        unknown = ", whether it is stripped cannot be told" if stripped is None else ""
        problems.append(f"section headers cannot be used{unknown}: {problem}")
    table = find_function_table(elf, sections)
    build = read_build(elf, sections, is_go=table is not None or _is_marked_go(elf, sections))
    if build is not None and build.version == UNKNOWN:
        problems.append("a Go program that does not tell its version")
    if build is not None and table is not None:
        build = replace(build, runtime_cgo=bool(names_with(elf, table, _RUNTIME_CGO, 1)))
    facts = replace(facts, needed=elf.needed, stripped=stripped, go=build, build_id=elf.build_id(sections))
    code = None if table is None else go_code(elf, table)
    parts = _Parts(elf, sections, symbol_table(elf, sections), table, code, build)
    facts = _with_static(parts, facts, problems) if facts.linkage.startswith("static") else _with_dynamic(parts, facts)
    if build is not None and table is None:
        problems.append("a Go program whose function table cannot be read: which look-ups are in it cannot be told")
        facts = replace(facts, exposures=None)
    return replace(facts, problems=tuple(problems)) if problems else facts


def _is_marked_go(elf: Elf, sections: list[Section]) -> bool:
    if any(section.name in _GO_SECTIONS for section in sections):
        return True
    return elf.data.find(b'Go build ID: "', 0, 65536) >= 0


def _with_dynamic(parts: _Parts, facts: BinaryFacts) -> BinaryFacts:
    return replace(
        facts,
        needs_glibc=_highest_glibc(parts.elf),
        libc=_dynamic_libc(facts),
        exposures=_go_exposures(parts),
    )


def _with_static(parts: _Parts, facts: BinaryFacts, problems: list[str]) -> BinaryFacts:
    elf, code = parts.elf, parts.code
    if code is not None and code[0] <= elf.entry < code[1]:
        # The process starts in Go's own code: linked by Go's linker alone, without any C library.
        return replace(facts, libc=Libc(kind="none"), exposures=_go_exposures(parts))
    libc, nss = static_libc(elf, parts.symbols, code)
    if libc.kind == "unknown" and parts.build is not None and parts.build.cgo is False:
        libc = Libc(kind="none")
    if libc.kind == "unknown" and parts.build is None and not parts.sections:
        problems.append(_BARE)
        return replace(facts, exposures=None)
    exposures = _go_exposures(parts)
    if libc.kind == "glibc":
        found = find_clib(elf, parts.table, code, parts.symbols, nss, accounted=bool(exposures))
        if found.evidence:
            exposures = (*exposures, Exposure(kind="clib", evidence=found.evidence))
        if found.unknown:
            problems.append(found.unknown)
    elif libc.kind == "unknown":
        problems.append(
            "which C library is inside cannot be told: it carries no text or start code of glibc's or musl's"
        )
    return replace(
        facts, libc=libc, exposures=exposures, dl_var_init=has_dl_var_init(elf, code) if libc.kind == "glibc" else None
    )


def _dynamic_libc(facts: BinaryFacts) -> Libc:
    names = (facts.interpreter or "").rsplit("/", 1)[-1]
    if names.startswith("ld-musl") or any(name.startswith("libc.musl-") for name in facts.needed):
        return Libc(kind="musl")
    glibc = names.startswith(("ld-linux", "ld64.so", "ld.so.1"))
    if glibc or any(name.startswith("libc.so.6") for name in facts.needed):
        return Libc(kind="glibc")
    return Libc()


def _highest_glibc(elf: Elf) -> str | None:
    texts = filter(None, map(_GLIBC.fullmatch, elf.needed_versions()))
    versions = [tuple(map(int, text[1].split("."))) for text in texts]
    return ".".join(map(str, max(versions))) if versions else None


def _go_exposures(parts: _Parts) -> tuple[Exposure, ...]:
    """Return Go's own ways into NSS.

    net's C resolver is in wherever its wrapper ``net._C2func_getaddrinfo`` is in the function table, stripped or not,
    in Go 1.5 to 1.27; CGO_ENABLED=1, runtime/cgo and net.cgoLookupHost (since 1.21) prove nothing.
    """
    elf, table = parts.elf, parts.table
    if table is None:
        return ()
    found: list[Exposure] = []
    if names_with(elf, table, _DNS, 1):
        found.append(Exposure(kind="dns", evidence=(_DNS.decode(),)))
    user = {
        name.split(".stkobj")[0].split(".args_stackmap")[0]
        for prefix in _USER
        for name in names_with(elf, table, prefix)
    }
    if user:
        found.append(Exposure(kind="user", evidence=tuple(sorted(user))))
    return tuple(found)
