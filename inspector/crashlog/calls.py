"""From a frame to the call that was under way: Go's own ways into libc, and what libc reads for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from inspector.crashlog.crash import Crash, Frame
from inspector.facts import Call, ExposureKind


@dataclass(frozen=True, slots=True)
class Way:
    """How a goroutine came into C."""

    exposure: ExposureKind
    call: Call
    file: str
    """What libc's ``files`` source reads for it."""
    loads_modules: bool = True
    """Whether NSS is asked."""


_DNS = Way("dns", "host", "/etc/hosts")
_PORT = Way("dns", "port", "/etc/services")
_ADDR = Way("dns", "addr", "/etc/hosts")
_CNAME = Way("dns", "cname", "/etc/hosts", loads_modules=False)

WAYS: tuple[tuple[str, Way], ...] = (
    ("net._C2func_getaddrinfo", _DNS),
    ("net._C_getaddrinfo", _DNS),
    ("net._Cfunc_getaddrinfo", _DNS),
    ("net._C2func_getnameinfo", _ADDR),
    ("net._C_getnameinfo", _ADDR),
    ("net._Cfunc_getnameinfo", _ADDR),
    ("net._C2func_res_", _CNAME),
    ("net._C_res_", _CNAME),
    ("net._Cfunc_res_", _CNAME),
    ("net.cgoLookupIPCNAME", _DNS),
    ("net.cgoLookupHostIP", _DNS),
    ("net.cgoLookupServicePort", _DNS),
    ("net.cgoLookupAddrPTR", _ADDR),
    ("os/user._Cfunc_mygetpwuid_r", Way("user", "uid", "/etc/passwd")),
    ("os/user._Cfunc_mygetpwnam_r", Way("user", "user", "/etc/passwd")),
    ("os/user._Cfunc_mygetgrgid_r", Way("user", "group", "/etc/group")),
    ("os/user._Cfunc_mygetgrnam_r", Way("user", "group", "/etc/group")),
    ("os/user._Cfunc_mygetgrouplist", Way("user", "groupids", "/etc/group")),
    ("os/user._Cfunc_getgrouplist", Way("user", "groupids", "/etc/group")),
    ("os/user._C_", Way("user", "user", "/etc/passwd")),
    ("os/user._Cfunc_", Way("user", "user", "/etc/passwd")),
)
"""Prefix of the innermost Go function → way. Go 1.5 to 1.27 have ``_C2func_``; ``_C_`` stands above it since 1.20.
The ``net.cgoLookup…`` are innermost only where a log was filtered."""
_WRAPPER = re.compile(r"\._C(?:2?func)?_|^net\.cgoLookup(?:IPCNAME|HostIP|ServicePort|AddrPTR)$")
"""Go functions that cgo writes, or that do nothing in a system call but call them."""

C_ENTRIES = ("getaddrinfo", "gethostbyname", "getpwuid", "getpwnam", "getgrgid", "getgrnam", "getgrouplist",
             "getnameinfo", "getservbyname", "initgroups")  # fmt: skip
"""Functions of libc that ask NSS."""
C_INSIDE = ("internal_getent", "_nss_", "__nss_", "gaih_inet", "nss_load_library", "__libc_early_init",
            "_dl_call_libc_early", "libnss_", "_dl_open", "dl_open_worker", "call_init")  # fmt: skip
"""What is only met on the way into a module that NSS loads."""
RESOLVING_LIBRARIES = ("kafka", "rdkafka", "curl", "mysql", "libpq", "mongoc", "ldap", "sasl", "odbc", "zmq", "pulsar",
                       "godror", "db2", "libssh", "snmp", "nanomsg")  # fmt: skip
"""Go packages and C libraries known to look names up in C (confluentinc/librdkafka#2651 and others)."""

_STANDARD = ("runtime.", "net.", "os/user.", "sync.", "internal/", "net/", "crypto/", "archive/", "context.", "time.",
             "os.", "io.", "bufio.", "log.", "database/", "syscall.", "reflect.", "testing.", "encoding/", "os/",
             "html/", "text/", "vendor/", "path/", "mime/", "compress/", "syscall/", "go/", "plugin.", "errors.",
             "fmt.")  # fmt: skip


def way_of(crash: Crash) -> Way | None:
    """Return the way by which the goroutine that was running came into libc's NSS, or None."""
    way = way_at(crash) if enters_c(crash) else None
    if way is not None and way.call == "uid" and any(f.function == "os/user.current" for f in frames_of(crash)):
        return replace(way, call="current")
    if way is _DNS and any(frame.function.startswith("net.cgoLookupServicePort") for frame in frames_of(crash)):
        return _PORT
    return way


def way_at(crash: Crash) -> Way | None:
    """Return the way that the innermost frame stands at, whether or not the goroutine was in C, or None."""
    frame = innermost(crash)
    return next((way for name, way in WAYS if frame and frame.function.startswith(name)), None)


def frames_of(crash: Crash) -> tuple[Frame, ...]:
    """Return the frames of the goroutine that was running, innermost first."""
    return crash.goroutine.frames if crash.goroutine else ()


def innermost(crash: Crash) -> Frame | None:
    """Return the innermost frame that is not the runtime's own."""
    return next((frame for frame in frames_of(crash) if not frame.function.startswith(("runtime.", "panic"))), None)


def caller_of(crash: Crash) -> str | None:
    """Return the innermost function that is not of Go's standard library."""
    frames = frames_of(crash)
    return next((frame.function for frame in frames if not frame.function.startswith(_STANDARD)), None)


def enters_c(crash: Crash) -> bool:
    """Whether the goroutine that was running was in C code."""
    return crash.in_cgo or _is_in_cgocall(crash) or _is_in_wrapper(crash)


def _is_in_cgocall(crash: Crash) -> bool:
    """Whether ``runtime.cgocall`` is on top: Go then was in C, even where the traceback does not say so."""
    frames = frames_of(crash)
    return bool(frames) and any(frame.function in {"runtime.cgocall", "runtime.asmcgocall"} for frame in frames[:3])


def _is_in_wrapper(crash: Crash) -> bool:
    """Whether a goroutine in a system call has cgo's wrapper innermost, as where the runtime's frames were left out."""
    frame = innermost(crash)
    in_call = crash.goroutine is not None and crash.goroutine.state.startswith("syscall")
    return in_call and frame is not None and _WRAPPER.search(frame.function) is not None
