"""Shared libraries that matter to a loader: libc, ld.so, libnss_*, libresolv."""

from __future__ import annotations

import re
import struct
from typing import Literal

from inspector.binaries.elf import DT_RELR, Data, Elf
from inspector.binaries.libc import DL_VAR_INIT, banner_version, musl_version
from inspector.facts import Libc, LibraryFacts

_Kind = Literal["libc", "loader", "nss", "resolv"]
_NAMES: tuple[tuple[re.Pattern[str], _Kind], ...] = (
    (re.compile(r"libc\.so\.6(?:\.1)?|libc-2\.\d+\.so|libc\.musl-[\w-]+\.so\.1|libc\.so"), "libc"),
    (re.compile(r"ld-linux[\w.-]*\.so\.\d|ld-2\.\d+\.so|ld64\.so\.[12]|ld\.so\.1|ld-musl-[\w-]+\.so\.1"), "loader"),
    (re.compile(r"libnss_[\w-]+\.so\.2|libnss_[\w-]+-2\.\d+\.so"), "nss"),
    (re.compile(r"libresolv\.so\.2|libresolv-2\.\d+\.so"), "resolv"),
)

_DTPMOD = {"x86-64": 16, "aarch64": 1028, "arm": 17, "386": 35, "s390x": 54, "ppc64le": 68, "ppc64": 68, "riscv64": 7}
"""The relocation that asks for a module's thread-local block (each processor's ABI supplement)."""


def library_kind(path: str) -> _Kind | None:
    """Return what a loader would take the file for, by its name."""
    name = path.rsplit("/", 1)[-1]
    return next((kind for pattern, kind in _NAMES if pattern.fullmatch(name)), None)


def describe_library(elf: Elf, data: Data, path: str, kind: _Kind) -> LibraryFacts:
    """Return what a loader finds in the library."""
    libc = Libc()
    musl = "musl" in path.rsplit("/", 1)[-1] or (kind in {"libc", "loader"} and data.find(b"musl libc") >= 0)
    if musl:
        libc = Libc(kind="musl", version=musl_version(data))
    elif kind in {"libc", "loader"}:
        libc = Libc(kind="glibc", version=banner_version(data))
    return LibraryFacts(
        path=path,
        machine=elf.machine,
        kind=kind,
        libc=libc,
        relr=elf.tag(DT_RELR) is not None,
        dl_var_init=elf.has_dynamic_name(DL_VAR_INIT) if kind == "loader" and not musl else None,
        tls=_uses_loader_tls(elf) if kind == "nss" else None,
    )


def _uses_loader_tls(elf: Elf) -> bool:
    if not (elf.has_dynamic_name(b"__tls_get_addr") or elf.has_dynamic_name(b"__tls_get_offset")):
        return False
    wanted = _DTPMOD.get(elf.machine)
    start, end, entry = elf.relocations()
    if wanted is None or end <= start:
        return True
    wide = elf.bits == 64
    form = elf.order + ("QQ" if wide else "II")
    for place in range(start, min(end, start + entry * 100_000) - entry + 1, entry):
        _, info = struct.unpack_from(form, elf.data, place)
        if (info & 0xFFFFFFFF if wide else info & 0xFF) == wanted:
            return True
    return False
