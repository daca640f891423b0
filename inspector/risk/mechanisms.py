"""What goes wrong inside a process that holds two libcs, in words; observed in crash logs and disassembly."""

from __future__ import annotations

OTHER_THREADS = "the second libc's per-thread state is set up in the loading thread alone; other threads meet none"
OTHER_THREADS_DIE = f"{OTHER_THREADS}: SIGSEGV"
OTHER_THREADS_FAIL = f"{OTHER_THREADS}: there libnss_dns gives up, 'Temporary failure in name resolution'"
DNS_FIRST = f"{OTHER_THREADS_FAIL}; that is a race, and some runs die by SIGSEGV instead"
NO_DL_VAR_INIT = (
    "the loader inside the binary looks for the symbol _dl_var_init, which the image's newer ld.so no longer has: "
    "loading fails and so does every look-up, 'device or resource busy'"
)
NOT_SET_UP = "nobody has set the second libc up in this process: SIGSEGV"
NO_CTYPE = "nobody has set up the second libc's character tables: SIGSEGV in __nss_readline"
THREAD_LOCAL = (
    "libnss_systemd asks for its thread-local data from a loader that was never started in this process: SIGSEGV"
)
NO_EARLY_INIT = (
    "the loader inside the binary insists on __libc_early_init, which came with glibc 2.32: assertion, SIGABRT"
)
DIVISION = (
    "the two lay out thread-local storage differently, and the image's __libc_early_init divides by an alignment that "
    "is 0 there: SIGFPE"
)
COMPAT = "libnss_compat asks NSS again, inside the second libc, which was not made for that: SIGSEGV"

_PROGRAM_COUNTERS = {"2.36": "0x270e0", "2.41": "0x29a20"}
"""Where Debian's amd64 builds have the pointer that is called unrelocated."""
_FILES = {
    "host": "/etc/hosts", "addr": "/etc/hosts", "port": "/etc/services", "user": "/etc/passwd", "uid": "/etc/passwd",
    "group": "/etc/group", "groupids": "/etc/group",
}  # fmt: skip


def second_libc(inside: str | None, module: str, image: str | None) -> str:
    """Say which module brings which libc in."""
    mine = f"the glibc {inside}" if inside else "the glibc"
    return f"{mine} inside the binary loads libnss_{module}.so.2 from the image and, with it, the image's glibc {image}"


def not_relocated(image: str | None = None) -> str:
    """Say how the image's newer libc dies on amd64."""
    place = _PROGRAM_COUNTERS.get(image or "")
    log = f" (Debian's build: PC=addr={place})" if place else ""
    return f"the loader inside the binary is too old to relocate it, and the first pointer called is wild: SIGSEGV{log}"


def thread_local(machine: str) -> str:
    """Say how libnss_systemd dies inside its own glibc."""
    return f"{THREAD_LOCAL} at a small address, 0x28 in Debian's builds" if machine == "x86-64" else THREAD_LOCAL


def null_table(machine: str, operation: str, first: str | None) -> str:
    """Say how other threads die: their character table is null, and the fault address names the file being read.

    amd64 tests the high byte of a 16-bit entry, so the address is 2 × the character + 1; arm64 loads the entry.
    """
    text = OTHER_THREADS_DIE
    odd = {"x86-64": 1, "aarch64": 0}.get(machine)
    file = _FILES.get(operation)
    if odd is None or file is None or not first or not first.isascii() or not first.isprintable():
        return text
    address = 2 * ord(first) + odd
    return f"{text} at addr={address:#x}, which is 2 × '{first}'{' + 1' if odd else ''}, the first character of {file}"
