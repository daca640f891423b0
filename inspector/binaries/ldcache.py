"""ld.so.cache: where a loader finds libraries outside of its default directories.

Layout: glibc's sysdeps/generic/dl-cache.h, ``struct cache_file_new``, which may stand behind libc 5's table
(``ld.so-1.7.0``). A static program's dlopen asks it too.
"""

from __future__ import annotations

import struct

_OLD, _NEW = b"ld.so-1.7.0\0", b"glibc-ld.so.cache1.1"
_MAX_ENTRIES = 100_000
_MAX_PATH = 4096


def cached_paths(data: bytes) -> tuple[str, ...]:
    """Return the paths of the libraries in an ld.so.cache, in its order; empty where it is none or damaged."""
    start = 0
    if data.startswith(_OLD) and len(data) >= 16:
        (count,) = struct.unpack_from("<I", data, 12)
        start = (16 + 12 * count + 7) // 8 * 8
    if data[start : start + len(_NEW)] != _NEW or len(data) < start + 48:
        return ()
    order = ">" if data[start + 28] & 3 == 3 else "<"
    (count,) = struct.unpack_from(order + "I", data, start + 20)
    if not data[start + 28] & 3 and start + 48 + 24 * count > len(data):
        # Before glibc 2.33 nothing says which byte order it is in.
        order = ">"
        (count,) = struct.unpack_from(order + "I", data, start + 20)
    found: dict[str, None] = {}
    for index in range(min(count, _MAX_ENTRIES, (len(data) - start - 48) // 24)):
        (place,) = struct.unpack_from(order + "I", data, start + 48 + 24 * index + 8)
        end = data.find(b"\0", start + place, start + place + _MAX_PATH)
        if end > start + place:
            found[data[start + place : end].decode("utf-8", "replace")] = None
    return tuple(found)
