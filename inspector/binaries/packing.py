"""Executables that unpack themselves: what they hold is not to be read from the file.

UPX (src/include/header.S, src/stub/src/include/linux.h): after the program headers an l_info (checksum, ``UPX!``, size
of the loader, version, format); at the end of the file a PackHeader that begins with ``UPX!`` too. A stub of any
original, static or dynamic, looks like a static file.
"""

from __future__ import annotations

from inspector.binaries.elf import PT_LOAD, Elf

_UPX = b"UPX!"
_UPX_NOTICE = b"$Info: This file is packed with the UPX executable packer"
_HEAD = 4096
_TAIL = 128
_STUB = 65536


def packer_of(elf: Elf) -> str | None:
    """Return the name of the packer that wrote the file, or None."""
    size = len(elf.data)
    head = elf.headers_end
    if elf.data.find(_UPX, head, head + 16) == head + 4:
        return "UPX"
    # The notice is part of the stub, in which the process begins.
    entry = elf.offset_of(elf.entry) or 0
    if elf.data.find(_UPX_NOTICE, max(0, entry - _STUB), min(entry + _STUB, size)) >= 0:
        return "UPX"
    loads = sum(segment.kind == PT_LOAD for segment in elf.segments)
    if loads <= 3 and elf.data.find(_UPX, max(0, size - _TAIL), size) >= 0 and elf.data.find(_UPX, 0, _HEAD) >= 0:
        return "UPX"
    return None
