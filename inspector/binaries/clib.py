"""``clib``: a static file whose C code enters NSS or loads libraries by itself, not through Go's own look-ups.

Go code calls C only through wrappers that its function table names by package, stripped or not (cmd/cgo/out.go): they
say whether there is C code besides net's and os/user's. With symbols, the C part of the code is searched for calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from inspector.binaries.calls import LOADING_MACHINES, MACHINES, immediates, loads, references
from inspector.binaries.elf import ET_EXEC, Elf
from inspector.binaries.pclntab import Code, FunctionTable, cgo_names
from inspector.binaries.pointers import pointers
from inspector.binaries.symbols import SymbolTable, addresses, covering
from inspector.records import dataclass

_NSS = (
    "getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname2", "gethostbyname_r", "gethostbyname2_r",
    "gethostbyaddr", "gethostbyaddr_r", "gethostent", "gethostent_r",
    "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getpwent", "getpwent_r",
    "getgrnam", "getgrnam_r", "getgrgid", "getgrgid_r", "getgrent", "getgrent_r", "getgrouplist", "initgroups",
    "getservbyname", "getservbyname_r", "getservbyport", "getservbyport_r",
)  # fmt: skip
_LOADING = ("dlopen", "dlmopen", "iconv_open")
ENTRIES = frozenset(name.encode() for name in (*_NSS, *_LOADING))
"""Functions of glibc that load NSS modules or other libraries into a static process."""

GLIBC_OWN = frozenset((
    "cuserid", "gethostid", "getlogin_r", "getlogin_r_fd0", "getlogin_r_loginuid", "getpw", "nrl_domainname",
    "gethostbyaddr", "gethostbyname", "gethostbyname2", "getgrgid", "getgrnam", "getpwnam", "getpwuid",
    "getservbyname", "getservbyport", "getaddrinfo", "gaih_inet", "gaih_inet_serv", "gethosts", "get_nss_addresses",
    "getnameinfo", "gni_host", "gni_host_inet", "gni_host_inet_name", "gni_serv", "handle_requests",
    "rpc_gethostbyname", "libc_rpc_gethostbyname", "initgroups", "getgrouplist", "internal_getgrouplist",
    "compat_call", "ivaliduser", "glob", "glob64", "glob_lstat_compat", "glob_in_dir", "wordexp", "parse_tilde",
    "parse_dollars", "parse_param", "rcmd", "rcmd_af", "rexec", "rexec_af", "ruserok", "ruserok_af", "ruserok2_sa",
    "iruserok", "iruserok_af", "validuser2_sa", "iruserfopen", "icheckhost", "check_rhosts_file", "iconv_open",
    "dlopen", "dlmopen", "dlopen_doit", "dlmopen_doit", "dlopen_implementation", "dlmopen_implementation",
    "libc_dlopen_mode", "rtld_static_init", "libc_register_dl_open_hook", "svcauth_unix", "get_myaddress", "callrpc",
    "clnt_create", "getrpcport", "endhostent", "sethostent", "netname2user", "host2netname", "user2netname",
))  # fmt: skip
"""Functions of glibc that call ``ENTRIES``, without leading underscores: those defined in the members of libc.a that
refer to one (nm on libc.a of Debian's 2.31, 2.36 and 2.41). They count by their own callers."""

_WRAPPER = re.compile(r"_cgo_[0-9a-f]{12}_(?:C2func|Cfunc)_(\w+)")
_COMPILER_SUFFIX = re.compile(r"\.(?:cold|part|constprop|isra|localalias|llvm)\b.*")
_GO_HELPERS = frozenset({
    "getaddrinfo", "getnameinfo", "mygetpwnam_r", "mygetpwuid_r", "mygetgrnam_r", "mygetgrgid_r", "mygetgrouplist",
})  # fmt: skip
"""What net and os/user call by cgo, some through C functions of their own (os/user/cgo_lookup_cgo.go)."""
_STANDARD = frozenset({"net", "os/user", "runtime/cgo", "crypto/internal/boring"})
_LOADS = {"plugin": "pluginOpen", "github.com/miekg/pkcs11": "New"}
"""Packages whose wrappers of these beginnings load libraries by dlopen."""
_MAX_CODE = 32 * 1024 * 1024
_MAX_WORDS = 8 * 1024 * 1024
"""Of machines whose code is read word by word, where a megabyte takes a tenth of a second and more."""
_BY_PATTERN = frozenset({"x86-64", "386", "s390x"})
_CHUNK = 1024 * 1024
_OVERLAP = 64
_MAX_EVIDENCE = 32


@dataclass(frozen=True, slots=True)
class ClibFinding:
    """What was found; ``unknown`` says what could not be told."""

    evidence: tuple[str, ...] = ()
    unknown: str | None = None


def find_clib(
    elf: Elf,
    table: FunctionTable | None,
    code: Code | None,
    symbols: SymbolTable | None,
    nss: tuple[str, ...],
    *,
    accounted: bool,
) -> ClibFinding:
    """Look for C code of a static file that enters NSS or loads libraries.

    Args:
        elf: the file.
        table: its Go function table; None: not a Go program.
        code: where Go's own code is: that calls C through wrappers only, and is not searched.
        symbols: its symbol table; None: stripped.
        nss: texts of glibc's NSS that are in the file.
        accounted: whether net's or os/user's look-ups explain why NSS is in it.
    """
    foreign = _foreign_packages(elf, table) if table is not None else {}
    evidence = list(_wrapper_evidence(foreign))
    if symbols is not None and elf.machine in MACHINES:
        calls, whole = _call_evidence(elf, table, code, symbols, by_address=table is None or bool(foreign))
        evidence += calls
        if whole:
            return ClibFinding(tuple(evidence[:_MAX_EVIDENCE]))
        why = "it has too much code to search"
    else:
        why = "it is stripped" if symbols is None else f"{elf.machine} code is not searched"
    if evidence or not nss:
        return ClibFinding(tuple(evidence[:_MAX_EVIDENCE]))
    return _by_texts(foreign, nss, why, is_go=table is not None, accounted=accounted)


def _by_texts(
    foreign: dict[str, list[str]], nss: tuple[str, ...], why: str, *, is_go: bool, accounted: bool
) -> ClibFinding:
    """Without calls to show: NSS is linked in, so something calls it, unless Go's own look-ups are what does."""
    if not is_go:
        return ClibFinding((*nss, "not a Go program"), f"{why}: which of its functions enter NSS cannot be told")
    if foreign:
        names = ", ".join(sorted(foreign)[:4])
        return ClibFinding(
            (*nss, f"C code called by {names}"),
            f"{why}: whether the C code called by {names} enters NSS cannot be told",
        )
    if accounted:
        return ClibFinding()
    return ClibFinding((*nss, "a C library in a Go program"), f"{why}: which C code enters NSS cannot be told")


def _foreign_packages(elf: Elf, table: FunctionTable) -> dict[str, list[str]]:
    """Return the packages besides Go's own that call C, and the C functions each calls."""
    found: dict[str, list[str]] = {}
    for package, function in cgo_names(elf, table):
        if package not in _STANDARD:
            functions = found.setdefault(package, [])
            if function not in functions:
                functions.append(function)
    return found


def _wrapper_evidence(foreign: dict[str, list[str]]) -> Iterator[str]:
    for package, functions in sorted(foreign.items()):
        for function in sorted(functions):
            loads = _LOADS.get(package)
            if function.encode() in ENTRIES or (loads is not None and function.startswith(loads)):
                yield f"{package}._Cfunc_{function}"


def _call_evidence(
    elf: Elf, table: FunctionTable | None, code: Code | None, symbols: SymbolTable, *, by_address: bool
) -> tuple[list[str], bool]:
    """Return the calls of C code besides glibc's and Go's own, and whether all code was searched.

    ``by_address``: also where the address of a function stands in data, and where x86 code has it as a number. The C
    code of Go's own packages only calls, and a Go program has much data.
    """
    targets = addresses(symbols.loaded(code), ENTRIES)
    if not targets:
        return [], True
    ranges = list(elf.loaded(code, executable=True))
    if sum(end - start for start, end in ranges) > (_MAX_CODE if elf.machine in _BY_PATTERN else _MAX_WORDS):
        return [], False
    without = (symbols.place, *([] if table is None else [table.place]))
    held = pointers(elf, code, targets, without) if by_address else {}
    holders = covering(symbols.loaded(code, executable=False) if held else (), held, thumb=False)
    slots = {place: target for place, target in held.items() if not holders[place]}
    sites: dict[int, int] = {}
    for start, end in ranges:
        sites.update(_search(elf, start, end, targets, slots, by_address=by_address))
    reached = set(sites.values())
    unseen = {target for place, target in slots.items() if place not in reached}
    callers = covering(symbols.loaded(code) if sites else (), sites, thumb=elf.machine == "arm")
    found: dict[str, None] = {}
    for site, target in sorted(sites.items()):
        caller = _foreign_caller(callers[site])
        if caller is not None:
            found[f"{caller} calls {targets[slots.get(target, target)]}"] = None
    for place, target in sorted(held.items()):
        holder = _foreign_caller(holders[place]) if holders[place] else None
        if holder is not None:
            found[f"{holder} holds the address of {targets[target]}"] = None
    # Who loads it where no code is seen to, by a register on some machines, cannot be told.
    for target in sorted(unseen):
        found[f"data without a symbol holds the address of {targets[target]}"] = None
    return list(found)[:_MAX_EVIDENCE], True


def _search(
    elf: Elf, start: int, end: int, targets: Mapping[int, str], slots: Mapping[int, int], *, by_address: bool
) -> Iterator[tuple[int, int]]:
    """Yield (place, target or slot) of each instruction that names a target or goes through a slot that holds one."""
    address = elf.address_of(start)
    fixed = by_address and elf.machine in {"x86-64", "386"} and elf.kind == ET_EXEC
    for place in range(start, end, _CHUNK) if address is not None else ():
        code = bytes(elf.data[place : min(place + _CHUNK + _OVERLAP, end)])
        base = (address or 0) + place - start
        yield from references(elf.machine, code, base, targets.keys())
        if fixed:
            yield from immediates(code, base, targets.keys())
        if slots and elf.machine in LOADING_MACHINES:
            yield from loads(elf.machine, code, base, slots.keys())


def _foreign_caller(names: list[str]) -> str | None:
    """Return the caller's name, None where it is glibc's or Go's own."""
    for name in names:
        plain = _COMPILER_SUFFIX.sub("", name).lstrip("_")
        wrapper = _WRAPPER.fullmatch(name)
        if plain in GLIBC_OWN or plain.removeprefix("GI_").lstrip("_") in GLIBC_OWN:
            return None
        if (wrapper[1] if wrapper else plain) in _GO_HELPERS:
            return None
    return min(names, key=lambda name: (name.startswith("_"), len(name)), default="code without a symbol")
