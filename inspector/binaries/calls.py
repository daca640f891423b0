"""Who calls a function: machine code searched for the instructions that name its address.

Calls and jumps relative to the program counter, as compilers and linkers write them in a static file, and on x86-64,
arm64, s390x and riscv64 the instructions that take a function's address. Sources: Intel SDM vol. 2 (CALL, JMP, Jcc,
LEA); Arm ARM (BL, B, ADRP, ADD; A32 and T32 BL, BLX); Power ISA (b, bl); z/Architecture Principles of Operation (BRASL,
BRCL, LARL); RISC-V ISA (JAL, AUIPC, JALR, ADDI).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import TypeAlias

Found: TypeAlias = Iterator[tuple[int, int]]
"""(address of the instruction, address it names)."""


def references(machine: str, code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    """Yield where ``code``, loaded at ``base``, calls, jumps to or takes the address of a target.

    Only for machines in ``MACHINES``. On arm a target's lowest bit says that it is Thumb code, as its symbol's does.
    """
    return MACHINES[machine](code, base, targets)


_X86_OPCODES = (rb"\xe8", rb"\xe9", rb"\x0f[\x80-\x8f]", rb"\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
"""CALL, JMP, Jcc, LEA: one expression each, for re finds a fixed first byte several times faster than one of many."""
_X86 = tuple(re.compile(opcode) for opcode in _X86_OPCODES)
_X86_NEAR = tuple(re.compile(opcode + rb"(?=...[\x00\xff])", re.DOTALL) for opcode in _X86_OPCODES)
"""Where no target is 16 MB away: the highest byte of the distance is its sign."""


def _x86(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    unpack, last, mask = struct.Struct("<i").unpack_from, len(code) - 4, 0xFFFFFFFFFFFFFFFF
    # A match is as long as an opcode, so that an instruction that begins inside what looked like one is seen too.
    near = max(*targets, base + len(code)) - min(*targets, base) < 1 << 24
    for pattern in _X86_NEAR if near else _X86:
        for match in pattern.finditer(code):
            place = match.end()
            if place > last:
                break
            target = (base + place + 4 + unpack(code, place)[0]) & mask
            if target in targets:
                yield base + match.start(), target


def _aarch64(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    pages = {target >> 12 for target in targets}
    words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])
    for index, word in enumerate(words):
        if word & 0x7C000000 == 0x14000000:  # B and BL
            place = base + 4 * index
            target = place + _signed(word & 0x3FFFFFF, 26) * 4
            if target in targets:
                yield place, target
        elif word & 0x9F000000 == 0x90000000:  # ADRP
            place = base + 4 * index
            page = (place >> 12) + _signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
            if page in pages:
                yield from ((place, page << 12 | low) for low in _added(words, index) if page << 12 | low in targets)


def _added(words: tuple[int, ...], index: int) -> Iterator[int]:
    """Yield what the instructions after an ADRP add to its register."""
    register = words[index] & 31
    for word in words[index + 1 : index + 9]:
        if word & 0xFFC00000 == 0x91000000 and word >> 5 & 31 == register:
            yield word >> 10 & 0xFFF


def _ppc64(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    for index, (word,) in enumerate(struct.iter_unpack("<I", code[: len(code) // 4 * 4])):
        if word >> 26 == 18 and not word & 2:
            target = base + 4 * index + _signed(word & 0x3FFFFFC, 26)
            if target in targets:
                yield base + 4 * index, target
            elif target - 8 in targets:  # the local entry, behind the set-up of the TOC pointer (ELFv2 ABI, 3.4.1)
                yield base + 4 * index, target - 8


_S390 = re.compile(rb"\xc0[\x00-\xff](?=....)", re.DOTALL)


def _s390x(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    unpack = struct.Struct(">i").unpack_from
    for match in _S390.finditer(code):
        place = match.start()
        # Low half of the second byte: 0 LARL, 4 BRCL, 5 BRASL.
        if place % 2 == 0 and code[place + 1] & 15 in {0, 4, 5}:
            target = base + place + 2 * unpack(code, place + 2)[0]
            if target in targets:
                yield base + place, target


def _arm(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    """Both instruction sets at each place, for which of them it is no header says.

    What keeps numbers that only look like a call apart: BL and B stay in their instruction set, BLX changes it.
    """
    halves = struct.unpack(f"<{len(code) // 2}H", code[: len(code) // 2 * 2])
    for index in range(len(halves) - 1):
        first, second = halves[index], halves[index + 1]
        place = base + 2 * index
        if (first & 0xF800 == 0xF000 and second & 0x9000 == 0x9000) or (
            first & 0xF800 == 0xF000 and second & 0xD001 == 0xC000
        ):
            target = _thumb_target(place, first, second) | second >> 12 & 1
            if target in targets:
                yield place, target
        if not index % 2 and second & 0x0E00 == 0x0A00:  # A32: B, BL, BLX
            target = place + 8 + _signed((second & 0xFF) << 16 | first, 24) * 4
            if second >> 12 == 15:
                target |= (second >> 7 & 2) | 1
            if target in targets:
                yield place, target


def _thumb_target(place: int, first: int, second: int) -> int:
    sign = first >> 10 & 1
    bits = (sign, 1 ^ (second >> 13 & 1) ^ sign, 1 ^ (second >> 11 & 1) ^ sign)
    offset = bits[0] << 24 | bits[1] << 23 | bits[2] << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
    start = place + 4 if second & 0x1000 else (place + 4) & ~3  # BLX counts from a whole word
    return start + _signed(offset, 25)


def _riscv(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    halves = struct.unpack(f"<{len(code) // 2}H", code[: len(code) // 2 * 2])
    for index in range(len(halves) - 3):
        low = halves[index] & 0x7F
        if low == 0x6F:  # JAL
            word = halves[index + 1] << 16 | halves[index]
            offset = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
            target = base + 2 * index + _signed(offset, 21)
        elif low == 0x17 and halves[index + 2] & 0x7F in {0x67, 0x13}:  # AUIPC, then JALR or ADDI
            upper = halves[index + 1] << 16 | halves[index] & 0xF000
            target = base + 2 * index + _signed(upper, 32) + _signed(halves[index + 3] >> 4, 12)
        else:
            continue
        if target in targets:
            yield base + 2 * index, target


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


MACHINES: dict[str, Callable[[bytes, int, AbstractSet[int]], Found]] = {
    "x86-64": _x86,
    "386": _x86,
    "aarch64": _aarch64,
    "ppc64le": _ppc64,
    "s390x": _s390x,
    "arm": _arm,
    "riscv64": _riscv,
}
