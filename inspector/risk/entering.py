"""What happens when a static glibc enters NSS: the mechanism, by machine, versions and what is asked.

Static glibc resolves sources by ``dlopen`` (glibc bug 19341). Up to 2.33 ``files`` and ``dns`` are modules too, so
every look-up loads the image's libnss_files.so.2 and, with it, the image's libc: a second libc, whose per-thread
state is set up in the loading thread only. From 2.34 on ``files`` and ``dns`` are inside libc, and a module comes in
only where nsswitch.conf names another source and the image has it. Observed with probe programs of Go 1.9 to 1.27,
static glibc 2.31, 2.36 and 2.41, in root filesystems with 2.31, 2.36, 2.41, 2.43, musl and none, on five machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspector.facts import BinaryFacts, Confidence, GlibcEra, Likelihood, Outcome, RootFsFacts
from inspector.risk.nss import Asked

Operation = Literal["host", "addr", "cname", "port", "user", "uid", "current", "group", "groupids"]

INSIDE = frozenset({"files", "dns"})
"""The sources that glibc 2.34 and later have inside."""
_EARLY_INIT = (2, 32)
"""__libc_early_init came with glibc 2.32; a static libc of 2.34 and later asserts that it is there."""
_NEEDS_PRESENT = frozenset({"user", "uid", "group", "current", "groupids"})
_TRAPS = frozenset({"x86-64", "386", "s390x", "arm"})
"""Machines on which the division by zero in __libc_early_init kills; arm64 and ppc64le give 0 and live on."""
_LOOKS_UP_DL_VAR_INIT = frozenset({"aarch64", "ppc64le"})
_OBSERVED_MACHINES = frozenset({"x86-64", "aarch64", "ppc64le", "s390x", "arm"})
_OBSERVED_INSIDE = frozenset({"2.31", "2.36", "2.41"})
_OBSERVED_IMAGE = frozenset({"2.31", "2.36", "2.41", "2.43"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry into libc's NSS."""

    binary: BinaryFacts
    rootfs: RootFsFacts
    operation: Operation
    asked: tuple[Asked, ...]
    present: bool | None
    """``files`` has what is looked up; None: not known."""
    own: bool = False
    """It is the process's own user."""
    local: bool = False
    """The name ends in .local."""
    go_has_own_list: bool = False
    """Go answers the port itself where libc fails (since 1.21)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What comes of an entry; ``outcome`` None: it lives."""

    outcome: Outcome | None
    likelihood: Likelihood | None = None
    why: str
    confidence: Confidence = "observed"
    unknown: bool = False
    """It cannot be told; ``why`` names what is missing."""


def version_of(text: str | None) -> tuple[int, int] | None:
    """Return (2, NN) of a version text."""
    parts = (text or "").split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1])


def era_of(binary: BinaryFacts) -> GlibcEra | None:
    """Return which side of 2.34 the binary's own libc is on."""
    version = version_of(binary.libc.version)
    if version is None:
        return binary.libc.era
    return "before-2.34" if version < (2, 34) else "2.34-or-later"


def _lives(why: str, confidence: Confidence = "observed") -> Effect:
    return Effect(outcome=None, why=why, confidence=confidence)


def _dies(likelihood: Likelihood, why: str, confidence: Confidence) -> Effect:
    return Effect(outcome="dies", likelihood=likelihood, why=why, confidence=confidence)


def _fails(likelihood: Likelihood, why: str, confidence: Confidence) -> Effect:
    return Effect(outcome="cannot-resolve", likelihood=likelihood, why=why, confidence=confidence)


def _untold(why: str) -> Effect:
    return Effect(outcome=None, why=why, confidence="unknown", unknown=True)


def enter(entry: Entry) -> Effect:
    """Return what happens."""
    era = era_of(entry.binary)
    if era is None:
        return _untold("which glibc is inside the binary cannot be told")
    if entry.rootfs.nss is None or entry.rootfs.libc.kind == "unknown":
        return _untold("which libc and NSS modules the image has is not known")
    effect = _enter_old(entry) if era == "before-2.34" else _enter_new(entry)
    if effect.confidence == "observed" and not _was_observed(entry):
        return Effect(outcome=effect.outcome, likelihood=effect.likelihood, why=effect.why, confidence="inferred")
    return effect


def _was_observed(entry: Entry) -> bool:
    image = entry.rootfs.libc
    return (
        entry.binary.machine in _OBSERVED_MACHINES
        and entry.binary.libc.version in _OBSERVED_INSIDE
        and (image.kind != "glibc" or image.version in _OBSERVED_IMAGE)
    )


def _relation(entry: Entry) -> Literal["none", "same", "newer", "other", "unknown"]:
    """How the image's libc stands to the binary's: none that can be loaded, the same, 2.34 or later, another."""
    image = entry.rootfs.libc
    if image.kind != "glibc":
        return "none"
    mine, theirs = version_of(entry.binary.libc.version), version_of(image.version)
    if theirs is None or (mine is None and theirs < (2, 34)):
        return "unknown"
    if mine == theirs:
        return "same"
    return "newer" if theirs >= (2, 34) else "other"


# ── glibc before 2.34 inside: every source is a module ───────────────────────────────────────────────────────────


def _enter_old(entry: Entry) -> Effect:
    if entry.operation == "cname":
        return _lives("res_search loads no NSS module")
    loaded = _reached(entry, inside=frozenset())
    if not loaded or _relation(entry) == "none":
        return _old_without_modules(entry)
    image = entry.rootfs.libc.version
    relation = _relation(entry)
    if relation == "unknown":
        return _untold("the version of the image's glibc is not known")
    module = f"libnss_{loaded[0].name}.so.2"
    if relation == "same":
        return _old_in_same(entry, loaded)
    if relation == "other":
        return _untold(f"a static glibc before 2.34 with glibc {image} in the image was never run")
    return _old_in_newer(entry, loaded, f"the static glibc loads {module} and with it the image's glibc {image}")


def _reached(entry: Entry, inside: frozenset[str]) -> list[Asked]:
    """Return the modules that are loaded: named, there, and not answered before."""
    found = []
    for source in entry.asked:
        there = source.name in inside or source.name in (entry.rootfs.nss or ())
        if there and source.name not in inside:
            found.append(source)
        if entry.operation == "groupids" or not there:
            continue
        if source.name == "files" and (entry.present or (entry.present is False and source.stops_when_absent)):
            break
    return found


def _old_without_modules(entry: Entry) -> Effect:
    if entry.operation == "port" and entry.go_has_own_list:
        return _lives("Go's own list of ports answers where libc cannot")
    if entry.operation in _NEEDS_PRESENT and entry.present is False:
        return _lives("what is looked up does not exist, and that is what the program is told")
    return _fails(
        "always",
        "the static glibc finds no libnss module that it could load, not even for files",
        "observed",
    )


def _old_in_same(entry: Entry, loaded: list[Asked]) -> Effect:
    why = (
        f"the static glibc loads libnss_{loaded[0].name}.so.2 and a second libc, whose per-thread state is set up in "
        "the loading thread only"
    )
    if entry.operation in {"host", "addr"}:
        if _fails_rather(entry):
            return _fails("sooner-or-later", f"{why}; look-ups of other threads fail", "observed")
        return _dies("sooner-or-later", why, "observed")
    if entry.operation == "port":
        if entry.present is False and entry.go_has_own_list:
            return _lives("the port is in no list, and the program is told so")
        return _dies("sooner-or-later", why, "observed")
    if entry.operation == "groupids" and any(source.name == "compat" for source in loaded):
        return _dies("sooner-or-later", f"{why}; compat reads the group file inside it", "observed")
    if entry.operation in {"current", "groupids"} or (entry.present and (entry.own or entry.operation == "uid")):
        return _lives("a look-up of the process's own user survives the second libc")
    return _dies("sooner-or-later", why, "observed")


def _fails_rather(entry: Entry) -> bool:
    """Whether DNS is asked first, whose module fails in other threads instead of dying.

    A host look-up dies after all where files is asked next; a look-up by address does not come so far.
    """
    names = [source.name for source in entry.asked]
    return names[:1] == ["dns"] and ("files" not in names or entry.operation == "addr")


def _old_in_newer(entry: Entry, loaded: list[Asked], why: str) -> Effect:
    machine = entry.binary.machine
    refuses = entry.binary.dl_var_init if entry.binary.dl_var_init is not None else machine in _LOOKS_UP_DL_VAR_INIT
    if refuses and entry.rootfs.loader_dl_var_init is not True:
        if entry.operation in _NEEDS_PRESENT and entry.present is False:
            return _lives("what is looked up does not exist, and that is what the program is told")
        if entry.operation == "port" and entry.go_has_own_list:
            return _lives("Go's own list of ports answers where libc cannot")
        return _fails("always", f"{why}, which lacks _dl_var_init, so that loading fails", "observed")
    if machine in {"x86-64", "386"}:
        return _dies("always", f"{why}, which is not set up in this process", "observed")
    if machine not in _OBSERVED_MACHINES:
        return _untold(f"on {machine} it was never run")
    return _old_in_newer_elsewhere(entry, loaded, why)


def _old_in_newer_elsewhere(entry: Entry, loaded: list[Asked], why: str) -> Effect:
    """s390x and armhf, where the image's version decides whether its character tables are set up."""
    theirs = version_of(entry.rootfs.libc.version) or (2, 34)
    names = [source.name for source in loaded]
    if theirs < (2, 41):
        if names[0] == "dns":
            if _fails_rather(entry):
                return _fails("sooner-or-later", f"{why}; look-ups of other threads fail", "observed")
            return _dies("sooner-or-later", f"{why}, whose character tables were never set up", "observed")
        return _dies("always", f"{why}, whose character tables were never set up", "observed")
    if entry.operation in {"host", "addr"}:
        return _fails("sooner-or-later", f"{why}; look-ups of other threads fail", "observed")
    harmless = {"files", "systemd"} if entry.operation == "groupids" else {"files"}
    if set(names) - harmless and entry.operation != "port":
        return _dies("always", f"{why}, which is not set up in this process", "observed")
    return _lives("on this machine, with that glibc in the image, files is read without harm")


# ── glibc 2.34 or later inside: files and dns need no module ─────────────────────────────────────────────────────


def _enter_new(entry: Entry) -> Effect:
    if entry.operation == "cname":
        return _lives("res_search loads no NSS module")
    loaded = [source.name for source in _reached(entry, inside=INSIDE)]
    if not loaded:
        return _lives("files and dns are inside this glibc, and no other source's module is reached")
    if _relation(entry) == "none":
        return _untold(f"libnss_{loaded[0]}.so.2 is there, but which libc it belongs to is not known")
    theirs, mine = version_of(entry.rootfs.libc.version), version_of(entry.binary.libc.version)
    if theirs is None or mine is None:
        return _untold("the version of one of the two glibcs is not known, and a module is loaded")
    why = f"the static glibc {entry.binary.libc.version} loads libnss_{loaded[0]}.so.2 and the image's glibc "
    why += entry.rootfs.libc.version or ""
    if theirs < _EARLY_INIT:
        return _dies("always", f"{why}, which has no __libc_early_init: an assertion fails", "observed")
    if theirs != mine:
        return _new_in_other(entry, loaded, why)
    return _new_in_same(entry, loaded, why)


def _new_in_other(entry: Entry, loaded: list[str], why: str) -> Effect:
    machine = entry.binary.machine
    if machine not in _OBSERVED_MACHINES | {"386"}:
        return _untold(f"on {machine} it was never run")
    if machine in _TRAPS:
        return _dies("always", f"{why}, of another layout: __libc_early_init divides by zero", "observed")
    if "compat" in loaded:
        return _dies("always", f"{why}; compat asks NSS again inside it", "observed")
    if machine == "aarch64":
        return _lives("on this machine the division by zero in __libc_early_init does not trap")
    return _dies("rare", f"{why}, whose per-thread state is set up in the loading thread only", "observed")


def _new_in_same(entry: Entry, loaded: list[str], why: str) -> Effect:
    machine = entry.binary.machine
    uses_tls = (
        "systemd" in entry.rootfs.nss_tls if entry.rootfs.nss_tls is not None else machine not in {"aarch64", "ppc64le"}
    )
    # Group ids ask a source's initgroups function, and libnss_systemd's comes back without touching its own data.
    if "systemd" in loaded and uses_tls and entry.operation != "groupids":
        return _dies(
            "always", f"{why}; the module asks a loader that was never set up for its thread-local data", "observed"
        )
    if "compat" in loaded and version_of(entry.binary.libc.version) == (2, 36) and not entry.own:
        return _dies("rare", f"{why}; compat asks NSS again inside it", "observed")
    if entry.local and "mdns4_minimal" in loaded:
        return _dies("rare", f"{why}; seen with .local names from many threads", "observed")
    return _lives("the modules reached belong to the very same glibc")
