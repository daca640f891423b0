"""The nouns of a crash log: what was read, and what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from inspector.facts import Call, ExposureKind, Outcome, Reason, Remedy, SchemaId, Tool

Sureness = Literal["certain", "likely", "possible", "no"]
"""How sure it is that a crash is of the class this project is about."""
Fit = Literal["fits", "contradicts", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One line pair of a traceback: a function and where it stands."""

    function: str
    arguments: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Goroutine:
    """One block of a traceback."""

    number: int
    """As printed; 0 is a thread's own stack, which no Go code runs on."""
    state: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """What one process printed when it died, as read from a log."""

    line: int
    """Line of the log where it begins, counting from 1."""
    stream: str = ""
    """Which container, pod or unit it was, where the log's prefixes say."""
    headline: str = ""
    """The text of ``fatal error:`` or ``panic:``, where there is one."""
    kind: Literal["fatal", "panic", "signal", "message", "status"] = "message"
    signal: str | None = None
    """SIGSEGV, SIGABRT, SIGFPE… as printed or by number."""
    address: int | None = None
    pc: int | None = None
    in_cgo: bool = False
    """``signal arrived during cgo execution`` was printed, or ``[syscall]`` with cgocall on top says it."""
    goroutine: Goroutine | None = None
    """The one that was running."""
    runtime_frames: tuple[Frame, ...] = ()
    """What ``runtime stack:`` listed."""
    c_frames: tuple[str, ...] = ()
    """Functions of C that a debugger, a symboliser or the kernel named, innermost first, with their library if told."""
    messages: tuple[str, ...] = ()
    """What the C library printed before, and other lines that name a cause."""
    machine: str | None = None
    status: int | None = None
    """Exit status that the log tells of."""
    paths: tuple[str, ...] = ()
    """Source paths of the Go runtime, which betray its release."""
    marks: frozenset[str] = frozenset()
    """Forms of the traceback that came with some release (``releases.py``)."""
    deaths: int = 1
    """Threads that died in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoRelease:
    """The Go release as far as a traceback betrays it."""

    version: str | None = None
    """As a path names it."""
    since: int | None = None
    """N of the first Go 1.N that it can be."""
    until: int | None = None
    """N of the last Go 1.N that it can be."""
    clues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCheck:
    """A diagnosis held against one binary of an image."""

    path: str
    reference: str = ""
    fit: Fit
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What one crash was."""

    line: int
    stream: str = ""
    sure: Sureness
    title: str
    """What it was, in a few words."""
    exposure: ExposureKind | None = None
    call: Call | None = None
    """The call of package net or os/user that was under way."""
    outcome: Outcome | None = None
    signal: str | None = None
    address: str | None = None
    pc: str | None = None
    machine: str | None = None
    frame: str | None = None
    """The innermost Go function of the goroutine that was running, below the runtime's own."""
    caller: str | None = None
    """The innermost function on the way there that is not Go's standard library."""
    go: GoRelease = GoRelease()
    reasons: tuple[Reason, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    checks: tuple[ImageCheck, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that ``inspector explain`` found in one log."""

    schema: SchemaId = field(default_factory=lambda: SchemaId(name="inspector-explanation"))
    tool: Tool = field(default_factory=Tool)
    source: str = ""
    lines: int = 0
    crashes: tuple[Diagnosis, ...] = ()
    left_out: int = 0
    """Crashes beyond the number that is kept."""
    worst: Sureness | None = None
    """The surest of ``crashes``; None: the log has none."""
    problems: tuple[str, ...] = ()
    """What of the log could not be read."""
