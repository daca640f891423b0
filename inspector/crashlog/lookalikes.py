"""Crashes that are something else, by what Go, C++, the kernel and the loader say of them."""

from __future__ import annotations

import re

from inspector.crashlog.crash import Crash

_HEADLINES: tuple[tuple[str, str, str], ...] = (
    ("invalid memory address or nil pointer dereference", "a nil pointer dereference in Go code",
     "Go itself raises this panic; it turns a fault in Go code into it, never one in C code"),
    ("assignment to entry in nil map", "a write to a nil map", "an ordinary panic of Go code"),
    ("index out of range", "an index out of range", "an ordinary panic of Go code"),
    ("slice bounds out of range", "slice bounds out of range", "an ordinary panic of Go code"),
    ("integer divide by zero", "a division by zero in Go code", "Go's own panic, not libc's SIGFPE"),
    ("interface conversion", "a failed type assertion", "an ordinary panic of Go code"),
    ("close of closed channel", "a channel closed twice", "an ordinary panic of Go code"),
    ("send on closed channel", "a send on a closed channel", "an ordinary panic of Go code"),
    ("concurrent map", "concurrent use of a map", "Go's own check, a bug of the program"),
    ("all goroutines are asleep", "a deadlock", "Go's own check, a bug of the program"),
    ("stack overflow", "a stack overflow of a goroutine", "a recursion without end in Go code"),
    ("stack exceeds", "a stack overflow of a goroutine", "a recursion without end in Go code"),
    ("out of memory", "out of memory", "the runtime could not get memory from the system"),
    ("cannot allocate memory", "out of memory", "the runtime could not get memory from the system"),
    ("newosproc", "no more threads", "the system refused a thread: a limit of processes or memory"),
    ("pthread_create failed", "no more threads", "the system refused a thread: a limit of processes or memory"),
    ("checkptr", "a check of unsafe pointers", "Go's own check (-race, -d=checkptr)"),
    ("cgo argument has Go pointer", "a broken rule of passing pointers to C", "Go's own check (cgocheck)"),
    ("found bad pointer in Go heap", "corrupted memory", "unsafe code or C code wrote where it should not"),
    ("fault", "an access to memory that is not mapped, from Go code", "unsafe code, or a file mapped and cut short"),
)  # fmt: skip

_MESSAGES: tuple[tuple[str, str, str], ...] = (
    (r"terminate called after throwing", "an exception that C++ code did not catch",
     "SIGABRT comes from std::terminate"),
    (r"\*\*\* stack smashing|\*\*\* buffer overflow|\*\*\* %n in", "a buffer overflow in C code",
     "glibc's own guard called abort"),
    (r"version `GLIBC_", "a program that cannot start: the image's glibc is older than the one it was linked against",
     "a dynamic program; see rule cannot-start"),
    (r"error while loading shared libraries|symbol lookup error", "a program that cannot start: a library is missing",
     "a dynamic program; see rule cannot-start"),
    (r"[Oo]ut of memory: Kill|OOMKilled|oom-kill|Memory cgroup out of memory", "killed for want of memory",
     "the kernel sent SIGKILL"),
    (r"CPU does not support x86-64-v", "a glibc built for a newer processor", "glibc's own check at the start"),
    (r"munmap_chunk|double free|malloc\(\)|free\(\)|corrupted", "memory corrupted by C code",
     "glibc's allocator called abort, and no look-up was under way"),
    (r"Assertion [`'].*failed|assertion failed: ", "a failed assertion in C code", "assert(3) called abort"),
)  # fmt: skip


def name_lookalike(crash: Crash) -> tuple[str, str] | None:
    """Return (what it was, why it is not this class), or None where nothing names it."""
    for text, title, why in _HEADLINES if crash.kind in {"fatal", "panic"} else ():
        if text == "fault":
            if crash.headline.strip() == text:
                return title, why
        elif text in crash.headline:
            return title, why
    if crash.kind == "panic":
        return "a panic of the program's own", "an ordinary panic of Go code"
    for pattern, title, why in _MESSAGES:
        if any(re.search(pattern, message) for message in crash.messages):
            return title, why
    if crash.signal == "SIGKILL" or crash.status == 137:
        return "killed by SIGKILL", "from outside: for want of memory (OOM), by the engine or by an operator"
    if crash.signal in {"SIGQUIT", "SIGTERM"}:
        return f"a goroutine dump asked for by {crash.signal}", "the process did not crash by itself"
    return None
