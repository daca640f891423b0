"""One process's crash output, line by line, to a ``Crash``: Go 1.5 to 1.27, glibc, the kernel, gdb, shells and engines.

Go prints in three forms. Up to 1.19, and for faults in Go code still: ``fatal error: unexpected signal during runtime
execution`` and ``[signal SIGSEGV: segmentation violation code=0x1 addr=0x63 pc=0x…]`` (by number, ``[signal 0xb …]``,
before 1.7). From 1.20 on for faults in C, and always for SIGABRT: ``SIGSEGV: segmentation violation``, ``PC=0x… m=0
sigcode=1`` (with ``addr=`` from 1.22 on) and ``signal arrived during cgo execution``. Else ``panic: …``. The goroutine
that was running comes first. Source: runtime/panic.go, signal_unix.go, traceback.go of these releases; observed with
Go 1.15, 1.19, 1.21, 1.26 and 1.27, and in the logs of golang/go#13470 (1.5), FAB-5822 (1.7) and others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from inspector.crashlog.crash import Crash, Frame, Goroutine

_MAX_LINE = 4096
"""Characters of a line that are looked at: no line of a traceback is longer, and patterns stay fast."""
_LATE = re.compile(r"(?<!\w)(?:fatal error: |panic: |SIG[A-Z]{3,6}: |\[signal )")
"""How a crash begins, also behind what a program wrote without ending the line."""
_PATIENCE = 40
"""Lines that say nothing of the crash before it is closed; tracebacks are interrupted by other threads' log lines."""
_MAX_FRAMES = 100
_MAX_MESSAGES = 20
_MAX_TEXT = 500
_MAX_PREFIX = 200

_SIGNAL_NUMBERS = {4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV"}
_HEX = r"(?:0x)?([0-9a-fA-F]{1,16})"

_FATAL = re.compile(r"(?:^|[\s|:>'\"•])(fatal error|panic): (.*)")
_BRACKET = re.compile(rf"\[signal (SIG[A-Z0-9]+|0x[0-9a-f]+)(?:: [\w :.()-]*?)? code={_HEX} addr={_HEX} pc={_HEX}\]")
_NAME = re.compile(
    r"(?:^|[\s|:>'\"])(?<!\[signal )(SIG(?:SEGV|ABRT|FPE|BUS|ILL|TRAP|QUIT|SYS|STKFLT)): "
    r"(?:segmentation violation|abort|floating-point exception|bus error|illegal instruction|trace trap|quit"
    r"|bad system call)"
)  # fmt: skip
_PC = re.compile(rf"\bPC={_HEX} m=(-?\d+) sigcode=(\d+)(?: addr={_HEX})?")
_GOROUTINE = re.compile(r"goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[([^\]]{0,200})\]:?$")
_RUNTIME_STACK = re.compile(r"runtime stack:$")
_CREATED = re.compile(r"created by (\S+)(?: in goroutine \d+)?$")
_FUNCTION = re.compile(r"([\w./~%@*·-]*[\w)\]·]\.[\w.()*\[\]·{}<>,-]*?[\w\])·])\(([^()]*(?:\([^()]*\))?[^()]*)\)$")
_FILE = re.compile(r"(\S(?:.{0,400}?\S)?):(\d+)(?: (?:\+|&#43;)?0x[0-9a-f]+)?(?: fp=.*)?(?: pc=0x[0-9a-f]+)?$")
_C_FRAME = re.compile(  # gdb, systemd-coredump, valgrind, Go's symboliser
    r"(?:#\d+ +|==\d+== +(?:at|by) +)(?:0x[0-9A-Fa-f]+:? +)?(?:in +)?([\w@.$:~<>]+|\?\?|n/a)"
    r"(?: \((?:in )?([^()\s,=]+)(?: \+ 0x[0-9a-f]+)?\))?(?: \(.*\))?(?: from (\S+))?(?: at .*)?$"
)
_C_NAME = re.compile(r"(?:[A-Za-z_][\w.@]{2,200}|non-Go function)$")
_REGISTER = re.compile(r"([a-z]{1,6}\d{0,2}) +0x([0-9a-f]{1,16})(?: +[a-z].*)?$")
_KERNEL_FAULT = re.compile(rf"(\S{{1,100}}?)\[\d+\]: segfault at {_HEX} ip {_HEX} sp \S+ error \S+(?: in ([^\s\[,]+))?")
_KERNEL_TRAP = re.compile(
    rf"traps: (\S{{1,100}}?)\[\d+\] trap divide error ip:{_HEX} sp:\S+ error:\S+(?: in ([^\s\[,]+))?"
)
_DEBUGGER = re.compile(r"(?:received|terminated with) signal (?:(SIG[A-Z]+)|(\d+))\b")
_SHELL = re.compile(
    r"\b(Segmentation fault|Floating point exception)\b"
    r"|(?:^|: +| \d+ +)(Aborted|Killed|Bus error)(?: +\(core dumped\)| {2,}\S.*|$)"
)
_SHELL_SIGNALS = {
    "Segmentation fault": "SIGSEGV", "Aborted": "SIGABRT", "Floating point exception": "SIGFPE", "Bus error": "SIGBUS",
    "Killed": "SIGKILL",
}  # fmt: skip
_STATUS = re.compile(r"(?:exited with code|exit status|[Ee]xit [Cc]ode:?|Exited|[Ee]xitCode\"?[:=])[ (]*(\d{1,3})\b")
_SYSTEMD = re.compile(r"code=(?:dumped|killed), status=(\d{1,2})/")
BAD_STATUS = frozenset({134, 136, 137, 139})
"""128 plus SIGABRT, SIGFPE, SIGKILL, SIGSEGV. Go's own 2 says nothing by itself."""
_WENT_BY_SIGNAL = re.compile(r"\bsignal: (segmentation fault|aborted|floating point exception|killed|bus error)\b")
_MACHINES = {
    "amd64": "x86-64", "386": "386", "arm64": "aarch64", "arm": "arm", "ppc64x": "ppc64le", "ppc64le": "ppc64le",
    "s390x": "s390x", "riscv64": "riscv64",
}  # fmt: skip
_ASSEMBLER = re.compile(r"(?:^|/)(?:asm|sys_linux|rt0_linux)_([a-z0-9]+)\.s$")
_REGISTERS = {
    "rip": "x86-64", "eip": "386", "cpsr": "arm", "pswa": "s390x", "pstate": "aarch64", "x29": "aarch64",
}  # fmt: skip
_OTHER_SYSTEM = re.compile(r"sys_(?:darwin|windows|freebsd|openbsd|netbsd)|os_(?:darwin|windows)|/libexec/src/|C:/")

MESSAGES = re.compile(
    r"_dl_call_libc_early_init|_dl_var_init|Inconsistency detected by ld\.so|Fatal glibc error|dl-call-libc-early-init"
    r"|\*\*\* (?:stack smashing|buffer overflow|%n in|.{0,80}: (?:free|malloc|double free|corrupted))"
    r"|(?:munmap_chunk|free|realloc|malloc)\(\): |double free or corruption|corrupted (?:size|double-linked)"
    r"|terminate called after throwing|Assertion [`'].{0,300}failed|assertion failed: "
    r"|(?:lookup|dial|user|group)\b.{0,300}: (?:device or resource busy|Device or resource busy)"
    r"|version `GLIBC_[\d.]+' not found|error while loading shared libraries|symbol lookup error"
    r"|[Oo]ut of memory: Kill|OOMKilled|oom-kill|Memory cgroup out of memory|_dl_relocate_static_pie"
    r"|(?:undefined symbol|cannot load).{0,200}libnss_|libnss_.{0,200}(?:undefined symbol|cannot open)"
)


@dataclass
class _Open:
    """A crash whose output is still being read."""

    line: int
    headline: str = ""
    kind: Literal["fatal", "panic", "signal", "message", "status"] = "message"
    signal: str | None = None
    address: int | None = None
    pc: int | None = None
    in_cgo: bool = False
    messages: list[str] = field(default_factory=list)
    c_frames: list[str] = field(default_factory=list)
    runtime_frames: list[Frame] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    goroutine: tuple[int, str] | None = None
    machine: str | None = None
    status: int | None = None
    paths: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    deaths: int = 1
    section: Literal["head", "runtime", "first", "others"] = "head"
    pending: Frame | None = None
    bare: str = ""
    silent: int = 0
    prefix: str = ""

    def finished(self, stream: str) -> Crash:
        _place_pending(self)
        goroutine = None
        if self.goroutine is not None:
            number, state = self.goroutine
            goroutine = Goroutine(number=number, state=state, frames=tuple(self.frames))
        return Crash(
            line=self.line, stream=stream, headline=self.headline, kind=self.kind, signal=self.signal,
            address=self.address, pc=self.pc, in_cgo=self.in_cgo, goroutine=goroutine,
            runtime_frames=tuple(self.runtime_frames), c_frames=tuple(self.c_frames), messages=tuple(self.messages),
            machine=self.machine, status=self.status, paths=tuple(self.paths), marks=frozenset(self.marks),
            deaths=self.deaths,
        )  # fmt: skip


class Traceback:
    """Reads the lines of one stream; gives a crash back when another begins or nothing more comes of it."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._now: _Open | None = None

    @property
    def is_open(self) -> bool:
        """Whether a crash is being read."""
        return self._now is not None

    def close(self) -> Crash | None:
        """Return what has been read so far."""
        now, self._now = self._now, None
        return None if now is None else now.finished(self._stream)

    def read(self, number: int, text: str) -> Iterator[Crash]:
        """Read one line; yield a crash that it shows to be over."""
        now = self._now
        text = _what_counts(text)
        if now is not None and now.prefix:
            text = _without(now.prefix, text)
        stripped = text.strip()
        if self._begins(stripped, now):
            if now is not None:
                yield now.finished(self._stream)
            now = self._now = _Open(line=number)
        if now is None:
            if not _opens_softly(stripped):
                return
            now = self._now = _Open(line=number)
        if _take(now, stripped):
            now.silent = 0
        else:
            now.silent += 1
            if now.silent > _PATIENCE:
                self._now = None
                yield now.finished(self._stream)

    def _begins(self, text: str, now: _Open | None) -> bool:
        """Whether a line begins another crash than the one that is being read."""
        if _KERNEL_FAULT.search(text) or _KERNEL_TRAP.search(text):
            return True
        head = _FATAL.search(text) or _NAME.search(text)
        if head is None:
            return False
        if now is None:
            return True
        # Several threads may die at once, before the first goroutine is printed; and C speaks before Go does.
        return now.section != "head"


def _what_counts(text: str) -> str:
    """Return what is looked at of a line: its beginning, or of a long one what follows where a crash begins in it."""
    if len(text) <= _MAX_LINE:
        return text
    found = _LATE.search(text)
    start = found.start() if found and found.end() > _MAX_LINE else 0
    return text[start : start + _MAX_LINE]


def _opens_softly(text: str) -> bool:
    return bool(
        _BRACKET.search(text)
        or MESSAGES.search(text)
        or _PC.search(text)
        or _KERNEL_FAULT.search(text)
        or _KERNEL_TRAP.search(text)
        or _DEBUGGER.search(text)
        or _SHELL.search(text)
        or _SYSTEMD.search(text)
        or _WENT_BY_SIGNAL.search(text)
        or _is_bad_status(text)
        or _GOROUTINE.match(text)
    )


def _is_bad_status(text: str) -> bool:
    found = _STATUS.search(text)
    return found is not None and int(found[1]) in BAD_STATUS


def _without(prefix: str, text: str) -> str:
    """Take off what stood before the crash's first line, whatever its digits are by now."""
    head = text[: len(prefix)]
    same = re.sub(r"\d", "0", head) == re.sub(r"\d", "0", prefix)
    return text[len(prefix) :] if same else text


def _take(now: _Open, text: str) -> bool:
    """Put one line into the crash; whether it belonged there."""
    if not text:
        _place_pending(now)
        return False
    if now.section == "head" and _take_prefix(now, text):
        text = text[len(now.prefix) :]
    return (
        _take_head(now, text)
        or _take_section(now, text)
        or _take_frame(now, text)
        or _take_c(now, text)
        or _take_register(now, text)
        or _take_end(now, text)
    )


def _take_prefix(now: _Open, text: str) -> bool:
    """Learn a prefix of a kind that ``lines.py`` does not know from the first line of Go's output."""
    found = _FATAL.search(text) or _NAME.search(text)
    if now.prefix or found is None or not 0 < found.start(1) <= _MAX_PREFIX:
        return False
    now.prefix = text[: found.start(1)]
    return True


def _take_head(now: _Open, text: str) -> bool:
    if found := _BRACKET.search(text):
        _take_bracket(now, found)
        return True
    if found := _NAME.search(text):
        now.signal, now.kind = found[1], "signal"
        return True
    if found := _PC.search(text):
        now.pc = int(found[1], 16)
        if found[4]:
            now.address = int(found[4], 16)
            now.marks.add("pc-addr")
        elif now.signal in {"SIGSEGV", "SIGBUS"}:
            now.marks.add("pc-without-addr")
        return True
    if "signal arrived during" in text and ("cgo execution" in text or "external code execution" in text):
        now.in_cgo = True
        return True
    if found := _FATAL.search(text):
        if not now.headline:
            now.headline, now.kind = found[2][:_MAX_TEXT], "panic" if found[1] == "panic" else "fatal"
        return True
    return text.startswith(("runtime: ", "instruction bytes:", "unexpected fault address", "stack: frame="))


def _take_bracket(now: _Open, found: re.Match[str]) -> None:
    name = found[1]
    if name.startswith("0x"):
        now.marks.add("signal-by-number")
        name = _SIGNAL_NUMBERS.get(int(name, 16), name)
    if now.signal is None:
        now.signal, now.address, now.pc = name, int(found[3], 16), int(found[4], 16)
    else:
        now.deaths += now.section != "head" or now.pc != int(found[4], 16)


def _take_section(now: _Open, text: str) -> bool:
    if _RUNTIME_STACK.match(text):
        if now.section == "head":
            now.section = "runtime"
        return True
    found = _GOROUTINE.match(text)
    if found is None:
        return False
    _place_pending(now)
    if " gp=" in text:
        now.marks.add("gp")
    if now.section in {"head", "runtime"}:
        now.section, now.goroutine = "first", (int(found[1]), found[2])
    elif now.section == "first":
        now.section = "others"
    return True


def _take_frame(now: _Open, text: str) -> bool:
    if found := _CREATED.match(text):
        now.marks.add("created-in" if " in goroutine " in text else "created-by")
        _place_pending(now)
        return True
    if now.pending is not None and (found := _FILE.match(text)):
        file, line = found[1], int(found[2])
        _note_file(now, now.pending.function, file, line, text)
        _place(now, Frame(function=now.pending.function, arguments=now.pending.arguments, file=file, line=line))
        now.pending = None
        return True
    if found := _FUNCTION.match(text):
        _place_pending(now)
        arguments = found[2]
        now.pending = Frame(function=found[1], arguments=arguments[:_MAX_TEXT])
        now.marks |= {mark for mark, sign in (("braces", "{"), ("question", "?")) if sign in arguments}
        if arguments and "{" not in arguments and now.section == "first" and "net.cgoLookup" in found[1]:
            now.marks.add("flat")
        return True
    if now.pending is not None and text.startswith("??:0"):
        _place_pending(now)
        return True
    if " pc=0x" in text and now.bare:  # a C function, as Go's symboliser names it
        _add(now.c_frames, now.bare)
        now.bare = ""
        return True
    now.bare = text if _C_NAME.match(text) else ""
    return bool(now.bare or (_FILE.match(text) and ("+0x" in text or ".go:" in text)))


def _place_pending(now: _Open) -> None:
    """Put a function where it belongs whose file was lost."""
    if now.pending is not None:
        _place(now, now.pending)
    now.pending = None


def _place(now: _Open, frame: Frame) -> None:
    where = {"first": now.frames, "runtime": now.runtime_frames, "head": now.runtime_frames}.get(now.section)
    if where is not None and len(where) < _MAX_FRAMES:
        where.append(frame)


def _note_file(now: _Open, function: str, file: str, line: int, text: str) -> None:
    if found := _ASSEMBLER.search(file):
        now.machine = now.machine or _MACHINES.get(found[1])
    if _OTHER_SYSTEM.search(file):
        now.marks.add("other-system")
    if "/src/runtime/" in file and file not in now.paths and len(now.paths) < _MAX_MESSAGES:
        now.paths.append(file)
    name = file.rsplit("/", 1)[-1]
    if (function, name) in {("runtime.throw", "panic.go"), ("runtime.sigpanic", "signal_unix.go"),
                            ("runtime.cgocall", "cgocall.go"), ("runtime.sigpanic", "sigpanic_unix.go")}:  # fmt: skip
        now.marks.add(f"{name}:{line}")
    if " fp=" in text and function == "runtime.cgocall":
        now.marks.add("fp-with-pc" if " pc=" in text else "fp-without-pc")
    for prefix in ("0xc82", "0xc42", "0xc000"):
        if f"fp={prefix}" in text:
            now.marks.add(f"heap-{prefix}")


def _take_c(now: _Open, text: str) -> bool:
    if found := _KERNEL_FAULT.search(text) or _KERNEL_TRAP.search(text):
        is_fault = found.re is _KERNEL_FAULT
        now.signal = now.signal or ("SIGSEGV" if is_fault else "SIGFPE")
        if is_fault and now.address is None:
            now.address = int(found[2], 16)
        now.pc = now.pc or int(found[3] if is_fault else found[2], 16)
        library = found[4] if is_fault else found[3]
        _add(now.c_frames, f"?? in {library}" if library else "??")
        _add(now.messages, f"kernel: {text}")
        return True
    if found := _C_FRAME.match(text):
        library = found[2] or found[3] or ""
        _add(now.c_frames, f"{found[1]} in {library}" if library else found[1])
        return True
    if MESSAGES.search(text):
        _add(now.messages, text)
        return True
    if found := _DEBUGGER.search(text):
        now.signal = now.signal or found[1] or _SIGNAL_NUMBERS.get(int(found[2]), f"signal {found[2]}")
        return True
    return False


def _add(items: list[str], text: str) -> None:
    if len(items) < _MAX_MESSAGES:
        items.append(text[:_MAX_TEXT])


def _take_register(now: _Open, text: str) -> bool:
    found = _REGISTER.match(text)
    if found is None:
        return False
    name = found[1]
    if name in _REGISTERS:
        now.machine = now.machine or _REGISTERS[name]
    if name == "fault" and now.address is None:  # arm, arm64: dumpregs in signal_arm64.go
        now.address = int(found[2], 16)
    return True


def _take_end(now: _Open, text: str) -> bool:
    if found := _STATUS.search(text):
        status = int(found[1])
        if now.status is None and status:
            now.status = status
            if now.kind == "message" and not now.messages and now.signal is None and not now.c_frames:
                now.kind = "status"
        return True
    if found := _SHELL.search(text):
        now.signal = now.signal or _SHELL_SIGNALS[found[1] or found[2]]
        return True
    if found := _SYSTEMD.search(text):
        now.signal = now.signal or _SIGNAL_NUMBERS.get(int(found[1]))
        return True
    if found := _WENT_BY_SIGNAL.search(text):
        word = found[1].capitalize()
        now.signal = now.signal or _SHELL_SIGNALS.get(word)
        return True
    return False
