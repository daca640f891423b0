"""One crash to its diagnosis: the procedures are asked in order, and the first that has something to say decides.

The class: a static glibc enters NSS (glibc bug 19341; golang/go#13470, #30310), loads a module and with it a second
libc that is not set up in the process, and dies by SIGSEGV, SIGABRT or SIGFPE, or cannot resolve. What was observed is
in docs/explain.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from inspector.crashlog.addresses import AddressClue, read_address
from inspector.crashlog.calls import (
    C_ENTRIES,
    C_INSIDE,
    RESOLVING_LIBRARIES,
    Way,
    caller_of,
    enters_c,
    frames_of,
    innermost,
    way_at,
    way_of,
)
from inspector.crashlog.crash import Crash, Diagnosis, Sureness
from inspector.crashlog.lookalikes import name_lookalike
from inspector.crashlog.releases import betrayed_release
from inspector.facts import Call, ExposureKind, Outcome, Reason, Remedy

_BUG = "glibc bug 19341; golang/go#13470, #30310"
_DEADLY = frozenset({"SIGSEGV", "SIGABRT", "SIGFPE"})
_LIBRARIES = 0x7000_0000_0000
"""Above it stand libraries that were loaded, below it the program itself (x86-64 Linux)."""
_BY_ADDRESS = "a static glibc died in what NSS loaded"
_STATUS_SIGNALS = {139: "SIGSEGV", 134: "SIGABRT", 136: "SIGFPE", 137: "SIGKILL"}
_WAY_WORDS: dict[ExposureKind, str] = {
    "dns": "Go's cgo resolver", "user": "Go's os/user", "clib": "a C library's own look-up",
}  # fmt: skip
_CGO_OF_DNS = re.compile(r"_cgo_[0-9a-f]{12}_C(?:2|f)unc_(?:getaddrinfo|getnameinfo|res_)")
_CGO_OF_USER = re.compile(r"_cgo_[0-9a-f]{12}_Cfunc_(?:my)?get(?:pw|gr)|^myget(?:pw|gr)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What a procedure says."""

    sure: Sureness
    title: str
    reasons: tuple[Reason, ...] = ()
    exposure: ExposureKind | None = None
    call: Call | None = None
    outcome: Outcome | None = None
    newer_glibc: bool = False
    """It shows a static glibc of 2.34 or later, which loads modules only where nsswitch.conf names them."""


def diagnose(crash: Crash) -> Diagnosis:
    """Say what a crash was.

    Returns:
        A diagnosis; ``sure`` is ``no`` where it is something else, which ``title`` then names.
    """
    finding = next(found for ask in _PROCEDURES if (found := ask(crash)) is not None)
    frame = innermost(crash)
    is_class = finding.sure != "no"
    return Diagnosis(
        line=crash.line,
        stream=crash.stream,
        sure=finding.sure,
        title=finding.title,
        exposure=finding.exposure,
        call=finding.call,
        outcome=finding.outcome or ("dies" if is_class else None),
        signal=_signal(crash),
        address=None if crash.address is None else f"{crash.address:#x}",
        pc=None if crash.pc is None else f"{crash.pc:#x}",
        machine=crash.machine,
        frame=frame.function if frame else None,
        caller=caller_of(crash),
        go=betrayed_release(crash),
        reasons=finding.reasons + _aside(crash),
        remedies=_remedies(finding) if is_class and (finding.exposure or finding.sure != "possible") else (),
    )


def _signal(crash: Crash) -> str | None:
    return crash.signal or _STATUS_SIGNALS.get(crash.status or 0)


def _aside(crash: Crash) -> tuple[Reason, ...]:
    if crash.deaths < 2:
        return ()
    return (Reason(text=f"{crash.deaths} threads of the process died at the same time, as races do"),)


# ── the procedures ───────────────────────────────────────────────────────────────────────────────────────────────


def _other_system(crash: Crash) -> _Finding | None:
    if "other-system" not in crash.marks:
        return None
    text = "the traceback is of another system than Linux, which has no glibc"
    return _Finding(sure="no", title="a crash on another system than Linux", reasons=(Reason(text=text),))


def _early_init(crash: Crash) -> _Finding | None:
    """The assertion of dl-call-libc-early-init.c: a static glibc of 2.34 or later loads a libc before 2.32."""
    said = next((text for text in crash.messages if "early_init" in text or "early-init" in text), None)
    if said is None:
        return None
    way = way_of(crash)
    reasons = [
        Reason(text=f"glibc said: {said}", source="elf/dl-call-libc-early-init.c"),
        Reason(
            text="a static glibc of 2.34 or later loaded a module of NSS, and with it a libc before 2.32, which has no "
            "__libc_early_init",
            source=_BUG,
        ),
        *_way_reasons(crash, way),
    ]
    return _finding_of_way("certain", "a static glibc loaded an older libc through NSS", way, reasons, newer=True)


def _dl_var_init(crash: Crash) -> _Finding | None:
    said = next((text for text in crash.messages if "_dl_var_init" in text), None)
    if said is None:
        return None
    text = "a static glibc before 2.34 (arm64, ppc64le) tried to load a libc of 2.34 or later, which lacks the symbol"
    reasons = [Reason(text=f"the loader said: {said}"), Reason(text=text, source=_BUG)]
    title = "a static glibc could not load the image's libc through NSS"
    found = _finding_of_way("certain", title, way_of(crash), reasons)
    return _with_outcome(found, "cannot-resolve")


def _by_c_frames(crash: Crash) -> _Finding | None:
    """A debugger, a symboliser or the kernel named C functions or the library."""
    names = crash.c_frames
    entry = next((name for name in names if _name_is(name, C_ENTRIES)), None)
    inside = next((name for name in names if any(part in name for part in C_INSIDE)), None)
    if entry is not None and _is_in_libc(entry):
        text = f"{entry}: the function is the shared libc's own, so the program is linked dynamically"
        return _Finding(sure="no", title="a crash in a dynamically linked libc", reasons=(Reason(text=text),))
    clue = _clue(crash, None, "/etc/hosts")
    if entry is None and _signal(crash) == "SIGFPE" and _is_libc_fault(crash):
        text = "libc divided by zero, as __libc_early_init does in a libc that a static one of another version loaded"
        reason = Reason(text=text, source="elf/libc_early_init.c; seen with 2.36 in 2.41")
        return _Finding(
            sure="likely", title="a static glibc died in what NSS loaded", reasons=(reason,), newer_glibc=True
        )
    if entry is None and not (inside and "libnss_" in inside) and not (clue and clue.strong and _is_libc_fault(crash)):
        return None
    exposure: ExposureKind | None = "clib" if entry else None
    if any(_CGO_OF_DNS.search(name) for name in names):
        exposure = "dns"
    elif any(_CGO_OF_USER.search(name) for name in names):
        exposure = "user"
    sure: Sureness = "certain" if inside and (entry or (clue and clue.strong)) else "likely"
    reasons = [Reason(text=f"the process was in {name.removeprefix('?? in ')}") for name in (inside, entry) if name]
    reasons += [Reason(text=clue.text, source="docs/explain.md")] if clue else []
    if entry and not _is_in_libc(entry):
        reasons.append(
            Reason(text=f"{_bare(entry)} is part of the program itself, so a libc is linked into it statically")
        )
    title = "a static glibc died in what NSS loaded"
    return _Finding(
        sure=sure, title=title, reasons=tuple(reasons), exposure=exposure, call=_call_of_entry(entry, exposure)
    )


def _by_way(crash: Crash) -> _Finding | None:
    """The goroutine that was running was in one of Go's own calls of libc."""
    way, signal = way_of(crash), _signal(crash)
    if way is None or signal is None:
        return None
    reasons = _way_reasons(crash, way)
    what = f"{_WAY_WORDS[way.exposure]} entered libc, and libc died"
    if not way.loads_modules:
        reasons.append(Reason(text="res_search loads no module of NSS, and was never seen to die this way"))
        return _finding_of_way("possible", what, way, reasons)
    if any("resolv_conf.c" in text for text in crash.messages):
        reasons.insert(0, Reason(text=f"glibc said: {crash.messages[0]}", source="resolv/resolv_conf.c"))
        title = "glibc's own assertion about resolv.conf (a search line that is too long)"
        return _Finding(sure="no", title=title, reasons=tuple(reasons))
    clue = _clue(crash, way.exposure, way.file)
    if clue is not None:
        reasons.append(Reason(text=clue.text, source="docs/explain.md"))
        newer = clue.kind == "systemd"
        return _finding_of_way("certain" if clue.strong else "likely", what, way, reasons, newer=newer)
    if signal == "SIGFPE":
        text = (
            "libc divides by zero in __libc_early_init, which a static glibc of 2.34 or later calls in a libc of "
            "another version"
        )
        reasons.append(Reason(text=text, source="elf/libc_early_init.c; seen with 2.36 in 2.41"))
        return _finding_of_way("certain", what, way, reasons, newer=True)
    if signal not in _DEADLY:
        reasons.append(Reason(text=f"{signal} was never seen in this class"))
        return _finding_of_way("possible", what, way, reasons)
    reasons += [Reason(text=f"libc said: {text}") for text in crash.messages[:2]]
    reasons.append(
        Reason(text="whether the program is static does not stand in the log; --image or a container's name tells")
    )
    return _finding_of_way("likely", what, way, reasons)


def _in_other_c(crash: Crash) -> _Finding | None:
    """Go was in some other C code, or a thread that C had made died."""
    is_thread_of_c = crash.goroutine is not None and crash.goroutine.number == 0 and crash.kind == "signal"
    signal = _signal(crash)
    if not (is_thread_of_c or enters_c(crash)) or signal is None:
        return None
    frame = innermost(crash)
    name = frame.function if frame else "a thread that C code had made"
    clue = _clue(crash, "clib", "/etc/hosts")
    resolving = next((word for word in RESOLVING_LIBRARIES if _mentions(crash, word)), None)
    where = Reason(text=f"{signal} came while the process was in {name}")
    if clue is not None and clue.strong:
        reasons = (where, Reason(text=clue.text, source="docs/explain.md"))
        sure: Sureness = "likely" if clue.kind == "character" or resolving else "possible"
        title = "a C library's own look-up died in a second libc"
        return _Finding(sure=sure, title=title, reasons=reasons, exposure="clib", call="clib")
    if signal in _DEADLY and (resolving or (is_thread_of_c and signal != "SIGABRT")):
        text = (
            f"{resolving} resolves names in C by itself"
            if resolving
            else "what that thread did is not in the traceback"
        ) + "; in a static glibc that dies as Go's own look-ups do"
        title = "a crash in C code that may have looked a name up"
        reasons = (where, Reason(text=text, source="confluentinc/librdkafka#2651"))
        return _Finding(sure="possible", title=title, reasons=reasons, exposure="clib", call="clib")
    return _Finding(sure="no", title=f"{signal} in other C code ({name})", reasons=(where,))


def _cannot_resolve(crash: Crash) -> _Finding | None:
    said = next((text for text in crash.messages if "resource busy" in text.lower()), None)
    if said is None or crash.goroutine is not None:
        return None
    exposure: ExposureKind = (
        "user" if re.search(r"\b(?:user|group|userid)\b", said) and "lookup " not in said else "dns"
    )
    text = (
        "a static glibc before 2.34 says so where it can load no libnss module, not even for files: an image without "
        "glibc, or without its libnss files"
    )
    return _Finding(sure="likely", title="a static glibc found no NSS module to load", outcome="cannot-resolve",
                    exposure=exposure, call="host" if exposure == "dns" else "user",
                    reasons=(Reason(text=f"the program said: {said}"), Reason(text=text, source=_BUG)))  # fmt: skip


def _lookalike(crash: Crash) -> _Finding | None:
    found = name_lookalike(crash)
    return None if found is None else _Finding(sure="no", title=found[0], reasons=(Reason(text=found[1]),))


def _cut_short(crash: Crash) -> _Finding | None:
    """A signal without the goroutine that was running: a log cut short, or a shell's or engine's last word."""
    signal = _signal(crash)
    if crash.goroutine is not None or signal not in _DEADLY:
        return None
    clue = _clue(crash, None, "the file")
    if clue is not None and clue.strong:
        reasons = (Reason(text=clue.text, source="docs/explain.md"),
                   Reason(text="the goroutine that was running is not in the log"))  # fmt: skip
        return _Finding(sure="likely", title=_BY_ADDRESS, reasons=reasons)
    told = f"exit status {crash.status}" if crash.status and not crash.signal else str(signal)
    text = (
        f"{told}, and no traceback: so ends a Go program when a thread that C code made dies, in a look-up (seen with "
        "static glibc 2.31) or of any other fault; and so does every program that is none of Go's"
    )
    title = f"a process died by {signal}, and the log does not say where"
    return _Finding(sure="possible", title=title, reasons=(Reason(text=text),))


def _half_told(crash: Crash) -> _Finding | None:
    """A goroutine that cannot be read, or does not fit the address: lines missing, or two logs woven into one."""
    signal, frame, way = _signal(crash), innermost(crash), way_at(crash)
    if crash.goroutine is None or signal not in _DEADLY:
        return None
    state = crash.goroutine.state
    if way is not None and frame is not None:
        text = (
            f"the goroutine that was running stands at {frame.function}, but in state '{state}', not in a system call: "
            "it was about to enter libc, or lines of the log are missing"
        )
        what = f"{_WAY_WORDS[way.exposure]} may have entered libc"
        return _finding_of_way("possible", what, way, [Reason(text=text)])
    clue = _clue(crash, None, "the file")
    if clue is None or not clue.strong:
        return None
    told = Reason(text=clue.text, source="docs/explain.md")
    if frame is None:
        sure: Sureness = "possible" if frames_of(crash) and not state.startswith("syscall") else "likely"
        why = Reason(text="the log does not say in which function the goroutine that was running was")
        return _Finding(sure=sure, title=_BY_ADDRESS, reasons=(told, why))
    if crash.pc is None or crash.pc < _LIBRARIES:
        return None
    text = (
        f"the goroutine that was printed first was in {frame.function}, which calls no C, but the fault was in a "
        "library that was loaded: another thread's, or another process's, lines may stand between"
    )
    return _Finding(sure="possible", title=_BY_ADDRESS, reasons=(told, Reason(text=text)))


def _nothing_known(crash: Crash) -> _Finding:
    where = f" in {frame.function}" if (frame := innermost(crash)) else ""
    text = "the goroutine that was running was not in one of the calls that enter libc's NSS"
    signal = _signal(crash)
    title = f"{signal}{where}" if signal else crash.headline or "a goroutine dump without a crash"
    return _Finding(sure="no", title=title, reasons=(Reason(text=text),))


_PROCEDURES: tuple[Callable[[Crash], _Finding | None], ...] = (
    _other_system,
    _early_init,
    _dl_var_init,
    _by_c_frames,
    _by_way,
    _lookalike,
    _in_other_c,
    _cannot_resolve,
    _cut_short,
    _half_told,
    _nothing_known,
)


# ── what they share ──────────────────────────────────────────────────────────────────────────────────────────────


def _finding_of_way(
    sure: Sureness, title: str, way: Way | None, reasons: list[Reason], *, newer: bool = False
) -> _Finding:
    return _Finding(
        sure=sure,
        title=title,
        reasons=tuple(reasons),
        exposure=way.exposure if way else None,
        call=way.call if way else None,
        newer_glibc=newer,
    )


def _with_outcome(finding: _Finding, outcome: Outcome) -> _Finding:
    from dataclasses import replace

    return replace(finding, outcome=outcome)


def _way_reasons(crash: Crash, way: Way | None) -> list[Reason]:
    frame = innermost(crash)
    if way is None or frame is None:
        return []
    number = crash.goroutine.number if crash.goroutine else "?"
    text = f"goroutine {number} was in {frame.function} ({_WAY_WORDS[way.exposure]}) when {_signal(crash)} came"
    return [Reason(text=text, source=_BUG)]


def _clue(crash: Crash, exposure: ExposureKind | None, file: str) -> AddressClue | None:
    return read_address(
        crash.address, crash.pc, exposure=exposure, file=file, machine=crash.machine, signal=_signal(crash) or ""
    )


def _mentions(crash: Crash, word: str) -> bool:
    texts = [frame.function for frame in frames_of(crash)] + list(crash.c_frames)
    return any(word in text.lower() for text in texts)


def _bare(name: str) -> str:
    return name.split(" in ", 1)[0].split("@", 1)[0].removeprefix("__GI_")


def _name_is(name: str, known: tuple[str, ...]) -> bool:
    bare = _bare(name)
    return any(bare == word or bare.removesuffix("_r") == word for word in known)


def _is_in_libc(name: str) -> bool:
    library = name.rsplit(" in ", 1)[-1] if " in " in name else ""
    return bool(re.search(r"(?:^|/)libc[.-]", library))


def _is_libc_fault(crash: Crash) -> bool:
    return any(re.search(r"\b(?:libc[.-]|libnss_|ld-linux)", name) for name in crash.c_frames)


def _call_of_entry(entry: str | None, exposure: ExposureKind | None) -> Call | None:
    if exposure == "clib":
        return "clib"
    if exposure == "dns":
        return "host"
    return "user" if entry and exposure == "user" else None


# ── remedies ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _remedies(finding: _Finding) -> tuple[Remedy, ...]:
    """Return what cures, least effort first; an image's facts may narrow it (``--image``)."""
    database = "hosts" if finding.exposure in {"dns", "clib"} else "passwd and group"
    plain = "files dns" if database == "hosts" else "files"
    nsswitch = (
        (Remedy(kind="nsswitch", text=f"name nothing but '{plain}' for {database} in the image's nsswitch.conf"),)
        if finding.newer_glibc
        else ()
    )
    if finding.exposure == "dns":
        env = (
            "set GODEBUG=netdns=go for the process (add it to a GODEBUG that is set; Fabric's peers do not hand it on)"
        )
        return (
            Remedy(kind="env", text=env),
            *nsswitch,
            Remedy(kind="rebuild", text="rebuild with -tags netgo, or dynamically, or with CGO_ENABLED=0"),
        )
    if finding.exposure == "user":
        rebuild = "rebuild with -tags osusergo, or dynamically, or with CGO_ENABLED=0; GODEBUG does not reach os/user"
        return (*nsswitch, Remedy(kind="rebuild", text=rebuild))
    if finding.exposure == "clib":
        rebuild = "rebuild dynamically, or against musl; neither GODEBUG nor netgo reaches a C library's look-ups"
        return (*nsswitch, Remedy(kind="rebuild", text=rebuild))
    return (
        *nsswitch,
        Remedy(kind="env", text="set GODEBUG=netdns=go, which cures Go's own look-ups of hosts"),
        Remedy(kind="rebuild", text="rebuild dynamically, or with -tags netgo,osusergo"),
    )
