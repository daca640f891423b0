"""Which C library is inside a static file, read from the texts and the start code it carries; stripping keeps both.

glibc up to 2.33 formats module names by ``libnss_%s.so.%d.%d`` (nss/nsswitch.c), from 2.34 by ``libnss_%s.so%s``
(nss/nss_module.c). Its version stands as a NUL-delimited ``2.NN`` beside its thread code (nptl_version, for debuggers).
A static file carries no banner: that is in libc.so.6 only. musl's version is in its libc.so only.
"""

from __future__ import annotations

import re
import struct

from inspector.binaries.elf import Data, Elf
from inspector.binaries.pclntab import Code
from inspector.binaries.symbols import SymbolTable
from inspector.facts import GlibcEra, Libc, LibcKind

NSS_BEFORE_234 = b"libnss_%s.so.%d.%d"
NSS_SINCE_234 = b"libnss_%s.so%s"
DL_VAR_INIT = b"_dl_var_init"
_GLIBC_SIGNS = (b"invalid mode for dlopen()", b"GLIBC_TUNABLES", b"glibc.malloc.")
_MUSL_SIGNS = (b"Name does not resolve", b"-+   0X0x\0(null)\0", b"No error information\0", b"/etc/ld-musl-")
"""Of musl's getaddrinfo (gai_strerror.c), printf (vfprintf.c) and strerror (__strerror.h)."""
_VERSION = re.compile(rb"\x00(2\.\d{2})(?=\x00)")
_BANNER = re.compile(rb"GNU C Library [^\n]{0,120}?release version (2\.\d{1,3})")
_MUSL_VERSION = re.compile(rb"\x00(1\.\d\.\d{1,2})(?=\x00)")
_NPTL_VERSIONS = (b"nptl_version", b"__nptl_version")
_OLDEST, _NEWEST = 17, 60

_START: dict[str, tuple[tuple[bytes, LibcKind], ...]] = {
    "x86-64": (
        (bytes.fromhex("31ed4989d15e4889e24883e4f05054"), "glibc"),
        (bytes.fromhex("4831ed4889e7488d35"), "musl"),
    ),
    "aarch64": (
        (struct.pack("<3I", 0xD280001D, 0xD280001E, 0xAA0003E5), "glibc"),
        (struct.pack("<3I", 0xD280001D, 0xD280001E, 0x910003E0), "musl"),
    ),
}
"""How _start begins: glibc's sysdeps/MACHINE/start.S, musl's arch/MACHINE/crt_arch.h."""
_BRANCH_TARGETS = (bytes.fromhex("f30f1efa"), struct.pack("<I", 0xD503245F))
"""endbr64 and bti c, which may stand before it."""


def static_libc(elf: Elf, symbols: SymbolTable | None, code: Code | None) -> tuple[Libc, tuple[str, ...]]:
    """Return the C library inside a static file, and glibc's NSS texts found in it as evidence.

    ``code`` is where Go's own code is: no text of a C library is in there, and it is most of the file.
    """
    old, new = _has(elf, NSS_BEFORE_234, code), _has(elf, NSS_SINCE_234, code)
    era: GlibcEra | None = "before-2.34" if old and not new else "2.34-or-later" if new and not old else None
    evidence = tuple(sign.decode() for sign, there in ((NSS_BEFORE_234, old), (NSS_SINCE_234, new)) if there)
    start = _start_code(elf)
    if evidence or start == "glibc" or (start != "musl" and any(_has(elf, sign, code) for sign in _GLIBC_SIGNS)):
        version = _glibc_version(elf, era, symbols, code)
        return Libc(kind="glibc", version=version, era=era or (era_of(version) if version else None)), evidence
    if start == "musl" or any(_has(elf, sign, code) for sign in _MUSL_SIGNS):
        return Libc(kind="musl"), ()
    return Libc(kind="unknown"), ()


def has_dl_var_init(elf: Elf, code: Code | None) -> bool:
    """Whether the static loader inside looks up ``_dl_var_init``."""
    return _has(elf, DL_VAR_INIT, code)


def _has(elf: Elf, text: bytes, code: Code | None) -> bool:
    """Whether what is loaded of the file, but for Go's own code, holds the text."""
    return any(elf.data.find(text, start, end) >= 0 for start, end in elf.loaded(code))


def _start_code(elf: Elf) -> LibcKind | None:
    """Return whose start code the file begins with."""
    place = elf.offset_of(elf.entry)
    if place is None:
        return None
    code = bytes(elf.data[place : place + 32])
    code = code[4:] if code.startswith(_BRANCH_TARGETS) else code
    return next((kind for begin, kind in _START.get(elf.machine, ()) if code.startswith(begin)), None)


def _glibc_version(elf: Elf, era: GlibcEra | None, symbols: SymbolTable | None, code: Code | None) -> str | None:
    """Return the one version that fits the era, or None where there is none or more than one."""
    if symbols is not None:
        for address in map(symbols.address, _NPTL_VERSIONS):
            place = None if address is None else elf.offset_of(address)
            text = None if place is None else elf.text_at(place, 8)
            if text and _is_plausible(text, era):
                return text
    found = set()
    for start, end in elf.loaded(code):
        view = memoryview(elf.data)[start:end]
        found |= {match[1].decode() for match in _VERSION.finditer(view)}
        view.release()
    plausible = {text for text in found if _is_plausible(text, era)}
    return plausible.pop() if len(plausible) == 1 else None


def _is_plausible(text: str, era: GlibcEra | None) -> bool:
    return (
        re.fullmatch(r"2\.\d\d", text) is not None
        and _OLDEST <= int(text[2:]) <= _NEWEST
        and (era is None or era_of(text) == era)
    )


def era_of(version: str) -> GlibcEra | None:
    """Return the side of glibc 2.34 that a version ``2.NN`` is on."""
    head, _, tail = version.partition(".")
    if head != "2" or not tail.isdigit():
        return None
    return "before-2.34" if int(tail) < 34 else "2.34-or-later"


def banner_version(data: Data) -> str | None:
    """Return glibc's version by the banner that libc.so.6 carries."""
    return _only(_BANNER, data)


def musl_version(data: Data) -> str | None:
    """Return musl's version by its loader's own text."""
    return _only(_MUSL_VERSION, data)


def _only(pattern: re.Pattern[bytes], data: Data) -> str | None:
    found = {match[1].decode() for match in pattern.finditer(data)}
    return found.pop() if len(found) == 1 else None
