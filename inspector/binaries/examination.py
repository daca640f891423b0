"""``examine()``: the bytes of one file to its facts."""

from __future__ import annotations

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
    read_elf,
)
from inspector.binaries.golang import NameTable, find_name_table, names_with, read_build
from inspector.binaries.libc import DL_VAR_INIT, static_libc
from inspector.binaries.libraries import describe_library, library_kind
from inspector.facts import BinaryFacts, Exposure, GoBuild, Libc, LibraryFacts, Linkage

_DNS = b"net._C2func_getaddrinfo"
_USER = (b"os/user._Cfunc_mygetp", b"os/user._Cfunc_mygetg", b"os/user._C_getp", b"os/user._C_getg")
_DLOPENS = (b"plugin._Cfunc_", b"github.com/miekg/pkcs11._Cfunc_New")


def examine(data: Data, path: str) -> BinaryFacts | LibraryFacts | None:
    """Return the facts of one file.

    Args:
        data: the whole file; it is not copied.
        path: its absolute path in the image.

    Returns:
        BinaryFacts for an executable, LibraryFacts for a shared library that a loader needs, None for anything else:
        no ELF file, an object file, a kernel module, another shared library. An executable that cannot be understood
        has ``exposures`` None and says why in ``problems``.
    """
    if bytes(data[:4]) != MAGIC:
        return None
    try:
        return _examine(data, path)
    except DamagedError as error:
        return _damaged(data, path, str(error))


def _damaged(data: Data, path: str, why: str, machine: str = "em-0", linkage: Linkage = "unknown") -> BinaryFacts:
    return BinaryFacts(
        path=path,
        size=len(data),
        machine=machine,
        linkage=linkage,
        stripped=False,
        exposures=None,
        problems=(f"damaged ELF file: {why}",),
    )


def _examine(data: Data, path: str) -> BinaryFacts | LibraryFacts | None:
    elf = read_elf(data)
    if elf.kind not in {ET_EXEC, ET_DYN}:
        return None
    library = library_kind(path)
    interpreter = elf.interpreter
    if elf.kind == ET_DYN and library is not None and not elf.is_truncated:
        return describe_library(elf, data, path, library)
    linkage = _linkage(elf, interpreter)
    if linkage is None:
        return None
    if elf.is_truncated:
        return _damaged(data, path, "truncated: a segment lies outside the file", elf.machine, linkage)
    return _describe(elf, path, linkage, interpreter)


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


def _describe(elf: Elf, path: str, linkage: Linkage, interpreter: str | None) -> BinaryFacts:
    sections = elf.sections()
    build = read_build(elf, sections)
    static = linkage.startswith("static")
    libc, nss = static_libc(elf.data) if static else (_dynamic_libc(interpreter, elf), ())
    if static and libc.kind == "unknown" and build is not None and build.cgo is not True:
        libc = Libc(kind="none")
    table = find_name_table(elf, sections, build.version) if build is not None else None
    problems: list[str] = []
    exposures: tuple[Exposure, ...] | None = _exposures(elf, table, build, nss)
    if elf.data.find(b"UPX!", 0, 4096) >= 0 and build is None:
        exposures, problems = None, ["packed by UPX: what it holds cannot be told"]
    elif build is not None and table is None:
        exposures, problems = None, ["Go binary without a function table that can be read"]
    return BinaryFacts(
        path=path,
        size=len(elf.data),
        machine=elf.machine,
        linkage=linkage,
        interpreter=interpreter,
        needs_glibc=None if static else _highest_glibc(elf),
        needed=elf.needed,
        stripped=not any(section.kind == SHT_SYMTAB for section in sections),
        libc=libc,
        go=build,
        exposures=exposures,
        dl_var_init=elf.data.find(DL_VAR_INIT) >= 0 if static and libc.kind == "glibc" else None,
        problems=tuple(problems),
    )


def _dynamic_libc(interpreter: str | None, elf: Elf) -> Libc:
    if interpreter is not None and "ld-musl" in interpreter:
        return Libc(kind="musl")
    if any(name.startswith("libc.musl-") for name in elf.needed):
        return Libc(kind="musl")
    if any(name.startswith("libc.so.6") for name in elf.needed) or (interpreter and "ld-linux" in interpreter):
        return Libc(kind="glibc")
    return Libc()


def _highest_glibc(elf: Elf) -> str | None:
    versions = []
    for text in elf.needed_versions():
        name, _, version = text.partition("_")
        numbers = version.split(".")
        if name == "GLIBC" and all(number.isdigit() and len(number) < 6 for number in numbers):
            versions.append(tuple(int(number) for number in numbers))
    return ".".join(map(str, max(versions))) if versions else None


def _exposures(elf: Elf, table: NameTable | None, build: GoBuild | None, nss: tuple[str, ...]) -> tuple[Exposure, ...]:
    """Return the ways into NSS.

    net's C resolver is in wherever its wrapper ``net._C2func_getaddrinfo`` is in the function table, stripped or not,
    in Go 1.5 to 1.27; CGO_ENABLED=1, runtime/cgo and net.cgoLookupHost (since 1.21) prove nothing.
    """
    found: list[Exposure] = []
    if table is not None:
        dns = names_with(elf, table, _DNS + b"\0")
        if dns or names_with(elf, table, _DNS, 1):
            found.append(Exposure(kind="dns", evidence=(_DNS.decode(),)))
        user = [name for prefix in _USER for name in names_with(elf, table, prefix)]
        if user:
            found.append(Exposure(kind="user", evidence=tuple(user)))
        loads = [name for prefix in _DLOPENS for name in names_with(elf, table, prefix)]
        if loads and nss:
            found.append(Exposure(kind="clib", evidence=tuple(loads)))
    if nss and not found:
        whose = "a C library in a Go program" if build is not None else "not a Go program"
        found.append(Exposure(kind="clib", evidence=(*nss, whose)))
    return tuple(found)
