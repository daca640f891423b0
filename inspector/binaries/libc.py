"""Which C library is inside a static file, read from the texts it carries; stripping does not remove them.

glibc up to 2.33 formats module names by ``libnss_%s.so.%d.%d`` (nss/nsswitch.c), from 2.34 by ``libnss_%s.so%s``
(nss/nss_module.c); its version stands as a NUL-delimited ``2.NN``. A static file carries no banner: that is in
libc.so.6 only.
"""

from __future__ import annotations

import re

from inspector.binaries.elf import Data
from inspector.facts import GlibcEra, Libc

NSS_BEFORE_234 = b"libnss_%s.so.%d.%d"
NSS_SINCE_234 = b"libnss_%s.so%s"
GETADDRINFO = b"gethostbyname4_r"
DL_VAR_INIT = b"_dl_var_init"
_GLIBC_SIGNS = (b"invalid mode for dlopen()", b"GLIBC_TUNABLES", b"glibc.malloc", b"FATAL: kernel too old")
_MUSL_SIGNS = (
    b"Name does not resolve",
    b"src/malloc/mallocng",
    b"/etc/ld-musl-",
    b"Resource temporarily unavailable\0",
)
_VERSION = re.compile(rb"\x00(2\.\d{2})(?=\x00)")
_BANNER = re.compile(rb"GNU C Library [^\n]{0,120}?release version (2\.\d{1,3})")
_MUSL_VERSION = re.compile(rb"\x00(1\.\d\.\d{1,2})(?=\x00)")


def static_libc(data: Data) -> tuple[Libc, tuple[str, ...]]:
    """Return the C library inside a static file, and the NSS strings found as evidence."""
    old, new = data.find(NSS_BEFORE_234) >= 0, data.find(NSS_SINCE_234) >= 0
    era: GlibcEra | None = "before-2.34" if old and not new else "2.34-or-later" if new and not old else None
    evidence = tuple(sign.decode() for sign, there in ((NSS_BEFORE_234, old), (NSS_SINCE_234, new)) if there)
    if evidence or any(data.find(sign) >= 0 for sign in _GLIBC_SIGNS):
        return Libc(kind="glibc", version=_glibc_version(data, era), era=era), evidence
    if any(data.find(sign) >= 0 for sign in _MUSL_SIGNS[:3]):
        return Libc(kind="musl", version=_only(_MUSL_VERSION, data)), ()
    return Libc(kind="unknown"), ()


def _glibc_version(data: Data, era: GlibcEra | None) -> str | None:
    """Return the one version that fits the era, or None where there is none or more than one."""
    found = {match[1].decode() for match in _VERSION.finditer(data)}
    if era is not None:
        found = {text for text in found if (era_of(text) == era)}
    plausible = {text for text in found if 17 <= int(text[2:]) <= 60}
    return plausible.pop() if len(plausible) == 1 else None


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
