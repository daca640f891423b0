"""The Go release as far as a traceback betrays it: data, each with where it was seen, and their intersection.

Line numbers hold for the last patch releases of a series; a patch release may have moved one, so a clue that fits none
of the others is dropped and said to be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inspector.crashlog.crash import Crash, GoRelease

NEWEST = 27
"""The newest release whose tracebacks were seen."""

_PATH = re.compile(r"(?:^|[/@.-])go-?(?:/)?(1\.\d{1,2}(?:\.\d{1,2})?)(?=[./-]|$)")
"""``/usr/lib/go-1.10/src``, ``…/go/1.22.4/x64/src``, ``…/go1.18/src``, ``golang.org/toolchain@v0.0.1-go1.25.1…``."""


@dataclass(frozen=True, slots=True)
class Clue:
    """A mark of a traceback, and the releases that leave it: from 1.``since`` up to 1.``until``."""

    mark: str
    since: int
    until: int | None
    meaning: str
    source: str


CLUES: tuple[Clue, ...] = (
    Clue("signal-by-number", 5, 6, "the signal is printed by its number", "golang/go#13470 (1.5), #16331 (1.6)"),
    Clue("pc-without-addr", 20, 21, "a fault in C is printed without its address", "signal_unix.go at 1.21, seen"),
    Clue("pc-addr", 22, None, "PC= and addr= stand on one line", "signal_unix.go at 1.22"),
    Clue("gp", 22, None, "goroutines are printed with gp= and m=", "traceback.go at 1.22"),
    Clue("created-in", 21, None, "'created by' names the goroutine", "traceback.go at 1.21"),
    Clue("braces", 17, None, "arguments are grouped by braces", "go1.17 release notes, seen with 1.19 and later"),
    Clue("question", 18, None, "arguments that may be stale have a question mark", "go1.18 release notes"),
    Clue("flat", 5, 16, "arguments are a flat list of words", "go1.17 release notes, seen with 1.15"),
    Clue("fp-without-pc", 5, 9, "frames have fp= and sp=, not pc=", "seen with 1.5, 1.7 and 1.8; pc= with 1.10"),
    Clue("fp-with-pc", 9, None, "frames have pc=", "seen with 1.10 and later"),
    Clue("heap-0xc82", 5, 6, "the heap is at 0xc82…", "golang/go#13470 (1.5)"),
    Clue("heap-0xc42", 7, 10, "the heap is at 0xc42…", "golang/go#24824 (1.10), FAB-5822 (1.7)"),
    Clue("heap-0xc000", 11, 25, "the heap is at 0xc000…", "seen with 1.15, 1.19, 1.21; at random from 1.26"),
    Clue("sigpanic_unix.go:12", 5, 7, "sigpanic stands in sigpanic_unix.go", "golang/go#13470 (1.5), #26961 (1.7.6)"),
    Clue("panic.go:527", 5, 5, "line of runtime.throw", "golang/go#13470, #14633"),
    Clue("panic.go:547", 6, 6, "line of runtime.throw", "golang/go#16331"),
    Clue("panic.go:566", 7, 7, "line of runtime.throw", "golang/go#26961 (1.7.6), FAB-5822 (1.7.5)"),
    Clue("panic.go:596", 8, 8, "line of runtime.throw", "golang/go#16331 (1.8.3)"),
    Clue("panic.go:605", 9, 9, "line of runtime.throw", "hyperledger-caliper/caliper#15 (1.9.2)"),
    Clue("panic.go:616", 10, 10, "line of runtime.throw", "golang/go#32228 (1.10.3)"),
    Clue("panic.go:608", 11, 11, "line of runtime.throw", "tracebacks with go1.11.10 in their paths"),
    Clue("panic.go:617", 12, 12, "line of runtime.throw", "tracebacks with go1.12 in their paths"),
    Clue("panic.go:774", 13, 13, "line of runtime.throw", "tracebacks with go/1.13 in their paths"),
    Clue("panic.go:1116", 14, 15, "line of runtime.throw", "runtime/panic.go at 1.15"),
    Clue("panic.go:1117", 15, 16, "line of runtime.throw", "akash-network/node#1186"),
    Clue("panic.go:1198", 17, 17, "line of runtime.throw", "tracebacks of 1.17"),
    Clue("panic.go:992", 18, 18, "line of runtime.throw", "tracebacks with go1.18 in their paths"),
    Clue("panic.go:1047", 19, 20, "line of runtime.throw", "runtime/panic.go at 1.19; golang/go#60783 (1.20.5)"),
    Clue("panic.go:1077", 21, 21, "line of runtime.throw", "runtime/panic.go at 1.21"),
    Clue("panic.go:1023", 22, 22, "line of runtime.throw", "runtime/panic.go at 1.22"),
    Clue("panic.go:1073", 23, 23, "line of runtime.throw", "runtime/panic.go at 1.23"),
    Clue("panic.go:1101", 24, 24, "line of runtime.throw", "runtime/panic.go at 1.24"),
    Clue("panic.go:1094", 25, 25, "line of runtime.throw", "runtime/panic.go at 1.25"),
    Clue("panic.go:1229", 26, 26, "line of runtime.throw", "runtime/panic.go at 1.26"),
    Clue("panic.go:1243", 27, 27, "line of runtime.throw", "runtime/panic.go at 1.27"),
    Clue("cgocall.go:120", 5, 6, "line in runtime.cgocall", "golang/go#13470"),
    Clue("cgocall.go:131", 7, 9, "line in runtime.cgocall", "golang/go#26961 (1.7.6), #16331 (1.8.3)"),
    Clue("cgocall.go:128", 10, 13, "line in runtime.cgocall", "golang/go#32228 (1.10.3)"),
    Clue("cgocall.go:133", 14, 15, "line in runtime.cgocall", "seen with 1.15"),
    Clue("cgocall.go:154", 16, 16, "line in runtime.cgocall", "akash-network/node#1186"),
    Clue("cgocall.go:157", 18, 22, "line in runtime.cgocall", "seen with 1.21; supervisord#388 (1.22.2)"),
    Clue("cgocall.go:158", 19, 19, "line in runtime.cgocall", "seen with 1.19"),
    Clue("cgocall.go:167", 23, None, "line in runtime.cgocall", "golang/go#72945 (1.23.1), seen with 1.27"),
)

_FUNCTIONS: tuple[tuple[str, int, int | None], ...] = (
    ("net.cgoLookupIPCNAME", 5, 19),
    ("net.cgoLookupHostIP", 20, None),
    ("net._C_getaddrinfo", 20, None),
    ("os/user._C_", 20, None),
    ("net.doBlockingWithCtx", 20, None),
)
"""Functions of net/cgo_unix.go and os/user that came or went; read at 1.15, 1.19, 1.21, 1.26, 1.27 (resolver: 1.20)."""


def betrayed_release(crash: Crash) -> GoRelease:
    """Return the releases that a crash's traceback can be of."""
    named = next((found[1] for path in crash.paths if (found := _PATH.search(path))), None)
    if named is not None:
        minor = int(named.split(".")[1])
        return GoRelease(version=named, since=minor, until=minor, clues=(f"the runtime's path names {named}",))
    ranges = [(clue.since, clue.until, f"{clue.meaning} ({clue.mark})") for clue in CLUES if clue.mark in crash.marks]
    ranges += _by_functions(crash)
    since, until, kept = 5, NEWEST, []
    # The widest first: a line number that a patch release or a vendor moved must not outweigh the form.
    for low, high, text in sorted(ranges, key=lambda entry: entry[0] - (entry[1] or NEWEST)):
        top = high or NEWEST
        if low > until or top < since:
            kept.append(f"{text}: does not fit the others and is left aside")
            continue
        since, until = max(since, low), min(until, top)
        kept.append(text)
    if not kept:
        return GoRelease()
    # "At most the newest seen" is no bound: later releases keep what it does, as far as anybody knows.
    return GoRelease(since=since, until=None if until == NEWEST and since < NEWEST else until, clues=tuple(kept))


def _by_functions(crash: Crash) -> list[tuple[int, int | None, str]]:
    frames = crash.goroutine.frames if crash.goroutine else ()
    return [
        (since, until, f"the function {name}…" if name.endswith("_") else f"the function {name}")
        for name, since, until in _FUNCTIONS
        if any(frame.function.startswith(name) for frame in frames)
    ]
