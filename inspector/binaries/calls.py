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


def loads(machine: str, code: bytes, base: int, slots: AbstractSet[int]) -> Found:
    """Yield where ``code`` calls, jumps or loads through one of the words at ``slots``.

    Only for machines in ``LOADING_MACHINES``; others reach their offset table by a register.
    """
    return LOADING_MACHINES[machine](code, base, slots)


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


_X86_LOADS = (
    re.compile(rb"\xff[\x15\x25](?=....)", re.DOTALL),
    re.compile(rb"[\x48-\x4f]\x8b[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](?=....)", re.DOTALL),
)
"""CALL and JMP through a word, and MOV of one."""


def _x86_loads(code: bytes, base: int, slots: AbstractSet[int]) -> Found:
    unpack = struct.Struct("<i").unpack_from
    for pattern in _X86_LOADS:
        for match in pattern.finditer(code):
            target = base + match.end() + 4 + unpack(code, match.end())[0]
            if target in slots:
                yield base + match.start(), target


def immediates(code: bytes, base: int, targets: AbstractSet[int]) -> Found:
    """Yield where x86 code at a fixed place has a target as a number: PUSH, MOV to a register, MOV to memory."""
    for target in targets:
        if target >> 31:
            continue
        number = struct.pack("<I", target)
        place = code.find(number)
        for _ in range(_MAX_NUMBERS):
            if place < 0:
                break
            before = code[max(place - 4, 0) : place].rjust(4, b"\0")
            if 0xB8 <= before[3] <= 0xBF or before[3] == 0x68 or _X86_STORE.search(before):
                yield base + place - 1, target
            place = code.find(number, place + 1)


_MAX_NUMBERS = 1000
"""Of one target in one piece of code."""
_X86_STORE = re.compile(rb"\xc7(?:[\x00-\x03\x06\x07\xc0-\xc7]|\x04.|[\x40-\x43\x45-\x47].|\x44..)\Z", re.DOTALL)


def _aarch64_loads(code: bytes, base: int, slots: AbstractSet[int]) -> Found:
    pages = {slot >> 12 for slot in slots}
    words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])
    for index, word in enumerate(words):
        if word & 0x9F000000 == 0x90000000:  # ADRP
            place = base + 4 * index
            page = (place >> 12) + _signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21)
            if page in pages:
                for following in words[index + 1 : index + 9]:
                    if following & 0xFFC00000 == 0xF9400000 and following >> 5 & 31 == word & 31:  # LDR
                        slot = page << 12 | (following >> 10 & 0xFFF) << 3
                        if slot in slots:
                            yield place, slot


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
    words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])
    table = _toc(words, base)
    for index, word in enumerate(words):
        if word >> 26 == 18 and not word & 2:
            target = base + 4 * index + _signed(word & 0x3FFFFFC, 26)
            if target in targets:
                yield base + 4 * index, target
            elif target - 8 in targets:  # the local entry, behind the set-up of the TOC pointer (ELFv2 ABI, 3.4.1)
                yield base + 4 * index, target - 8
        elif table is not None and word >> 16 & 0xF81F == 0x3802:  # ADDI and ADDIS to the TOC pointer
            upper = table + (_signed(word & 0xFFFF, 16) << 16 if word >> 26 == 15 else 0)
            lower = [word] if word >> 26 == 14 else _ppc64_added(words, index)
            for low in lower:
                target = upper + _signed(low & 0xFFFF, 16)
                if target in targets:
                    yield base + 4 * index, target


def _ppc64_added(words: tuple[int, ...], index: int) -> Iterator[int]:
    """Yield the ADDIs to the register of an ADDIS."""
    register = words[index] >> 21 & 31
    return (word for word in words[index + 1 : index + 9] if word >> 26 == 14 and word >> 16 & 31 == register)


def _toc(words: tuple[int, ...], base: int) -> int | None:
    """Return the TOC pointer by the first function that sets it up, from its own address or as a number."""
    for index in range(len(words) - 1):
        if words[index] >> 16 in {0x3C4C, 0x3C40} and words[index + 1] >> 16 == 0x3842:
            offset = (_signed(words[index] & 0xFFFF, 16) << 16) + _signed(words[index + 1] & 0xFFFF, 16)
            return offset + (base + 4 * index if words[index] >> 16 == 0x3C4C else 0)
    return None


def _s390x_loads(code: bytes, base: int, slots: AbstractSet[int]) -> Found:
    unpack = struct.Struct(">i").unpack_from
    for match in _S390_LOADS.finditer(code):
        place = match.start()
        # Low half of the second byte: 8 LGRL; 0 LARL, whose register a load then goes by.
        if place % 2 == 0 and code[place + 1] & 15 == (8 if code[place] == 0xC4 else 0):
            target = base + place + 2 * unpack(code, place + 2)[0]
            if target in slots:
                yield base + place, target


_S390_LOADS = re.compile(rb"[\xc0\xc4][\x00-\xff](?=....)", re.DOTALL)
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
        if first & 0xFBF0 == 0xF240:  # T32: MOVW, and MOVT to the same register
            yield from ((place, target) for target in _thumb_moved(halves, index) if target in targets)
        if not index % 2 and second & 0x0FF0 == 0x0300:  # A32: the same
            yield from ((place, target) for target in _arm_moved(halves, index) if target in targets)
        if not index % 2 and second & 0x0E00 == 0x0A00:  # A32: B, BL, BLX
            target = place + 8 + _signed((second & 0xFF) << 16 | first, 24) * 4
            if second >> 12 == 15:
                target |= (second >> 7 & 2) | 1
            if target in targets:
                yield place, target


def _thumb_moved(halves: tuple[int, ...], index: int) -> Iterator[int]:
    """Yield what MOVT makes of the number that the MOVW at this place begins."""
    low, register = _thumb_number(halves[index], halves[index + 1]), halves[index + 1] >> 8 & 15
    for place in range(index + 2, min(index + 12, len(halves) - 1)):
        if halves[place] & 0xFBF0 == 0xF2C0 and halves[place + 1] >> 8 & 15 == register:
            yield _thumb_number(halves[place], halves[place + 1]) << 16 | low


def _thumb_number(first: int, second: int) -> int:
    return (first & 15) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF


def _arm_moved(halves: tuple[int, ...], index: int) -> Iterator[int]:
    low = (halves[index + 1] & 15) << 12 | halves[index] & 0xFFF
    for place in range(index + 2, min(index + 14, len(halves) - 1), 2):
        if halves[place + 1] & 0x0FF0 == 0x0340 and halves[place] >> 12 == halves[index] >> 12:
            yield ((halves[place + 1] & 15) << 12 | halves[place] & 0xFFF) << 16 | low


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
        elif low in {0x17, 0x37}:  # AUIPC or LUI, then JALR or ADDI
            upper = _riscv_upper(halves, index, base)
            for lower in _riscv_lower(halves, index, {0x67, 0x13}):
                if upper + lower in targets:
                    yield base + 2 * index, upper + lower
            continue
        else:
            continue
        if target in targets:
            yield base + 2 * index, target


def _riscv_upper(halves: tuple[int, ...], index: int, base: int) -> int:
    """Return what AUIPC or LUI makes its register."""
    number = _signed(halves[index + 1] << 16 | halves[index] & 0xF000, 32)
    return number + (base + 2 * index if halves[index] & 0x7F == 0x17 else 0)


def _riscv_lower(halves: tuple[int, ...], index: int, opcodes: AbstractSet[int]) -> Iterator[int]:
    """Yield what instructions that follow add to the register; compressed ones may stand between."""
    register, place = halves[index] >> 7 & 31, index + 2
    for _ in range(6):
        if place + 1 >= len(halves):
            return
        first, second = halves[place], halves[place + 1]
        if first & 3 != 3:
            place += 1
            continue
        if first & 0x7F in opcodes and (second & 15) << 1 | first >> 15 == register:
            yield _signed(second >> 4, 12)
        if first >> 7 & 31 == register:
            return  # it holds something else from here on
        place += 2


def _riscv_loads(code: bytes, base: int, slots: AbstractSet[int]) -> Found:
    halves = struct.unpack(f"<{len(code) // 2}H", code[: len(code) // 2 * 2])
    for index in range(len(halves) - 3):
        if halves[index] & 0x7F == 0x17:  # AUIPC, then LD
            upper = _riscv_upper(halves, index, base)
            for lower in _riscv_lower(halves, index, {0x03}):
                if upper + lower in slots:
                    yield base + 2 * index, upper + lower


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


LOADING_MACHINES: dict[str, Callable[[bytes, int, AbstractSet[int]], Found]] = {
    "x86-64": _x86_loads,
    "aarch64": _aarch64_loads,
    "s390x": _s390x_loads,
    "riscv64": _riscv_loads,
}
