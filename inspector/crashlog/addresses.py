"""What the address of a fault gives away, where a second libc was at work.

That libc's table of character classes was never set up in the thread, so that a look at the first character of the file
being read faults at twice the character's number, on amd64 plus one, because the high byte of the table's half-word is
tested; arm64 loads the half-word. Observed (2.31 in 2.31): /etc/hosts that begins with ``1`` gives 0x63, ``root`` in
passwd or group 0xe5, ``https`` in services 0xd1, ``#`` 0x47, ``A`` 0x83; arm64 0x62, 0xe4, 0xd0. libnss_systemd's
thread-local data, on amd64: 0x28 (Debian's 2.36), 0x1c (Ubuntu's 2.35), 0x20 (its 2.39). An unrelocated pointer that is
called: pc = addr, 0x270e0 in glibc 2.36 and 0x29a20 in 2.41 of Debian on amd64 (kerberos-io/agent#91: 0x233b0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspector.facts import ExposureKind

_TYPICAL = {"dns": "1#:fl", "user": "r#", "clib": "1#:fl"}
_SYSTEMD_TLS = frozenset({0x1C, 0x20, 0x28})
_FIRST_MAPPED = 0x10000
"""Nothing is mapped below (vm.mmap_min_addr), and no Go program has its text below 0x400000 unless it is a PIE."""
_TEXT = 0x400000


@dataclass(frozen=True, slots=True)
class AddressClue:
    """What an address says."""

    kind: Literal["character", "systemd", "unrelocated"]
    text: str
    strong: bool
    """Not to be had by chance."""


def read_address(
    address: int | None, pc: int | None, *, exposure: ExposureKind | None, file: str, machine: str | None, signal: str
) -> AddressClue | None:
    """Return what the address gives away, or None.

    Args:
        address: of the fault; None: the log has none.
        pc: where the processor was.
        exposure: the way into libc, as the frames tell; None: they do not.
        file: the file that libc reads for the call under way.
        machine: as the registers or the assembler's file names tell; None: not known.
        signal: SIGSEGV for anything to be said.
    """
    if signal != "SIGSEGV":
        return None
    if pc is not None and address in {pc, None} and _FIRST_MAPPED <= pc < _TEXT:
        text = (
            f"the process jumped to {pc:#x}, where nothing is mapped: a pointer of the second libc that was never "
            "relocated (DT_RELR, glibc 2.36 and later in the image)"
        )
        return AddressClue("unrelocated", text, strong=True)
    if address is None:
        return None
    if address in _SYSTEMD_TLS and exposure == "user":
        text = (
            f"address {address:#x}: libnss_systemd asked for its thread-local data by a loader that was never set up "
            "in a static program"
        )
        return AddressClue("systemd", text, strong=True)
    return _of_character(address, exposure, file, machine)


def _of_character(address: int, exposure: ExposureKind | None, file: str, machine: str | None) -> AddressClue | None:
    """Read the address as 2 × a character, plus 1 where the high byte is tested."""
    if not 2 * 0x21 <= address <= 2 * 0x7E + 1:
        return None
    odd = address % 2 == 1
    if machine in {"x86-64", "386"} and not odd:
        return None
    character = chr(address // 2)
    typical = character in _TYPICAL[exposure or "dns"] or (exposure is None and character == "r") or (
        file == "/etc/services" and character in "ht#"
    )  # fmt: skip
    sum_ = f"2 × '{character}'{' + 1' if odd else ''}"
    text = (
        f"address {address:#x} is {sum_}: {file} was being read, and '{character}' is the character that it met, in a "
        "table of character classes that this libc never set up in the thread"
    )
    return AddressClue("character", text, strong=typical)
