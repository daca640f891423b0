"""What happens when a static glibc enters NSS: the mechanism, by machine, versions and what is asked.

Static glibc resolves sources by ``dlopen`` (glibc bug 19341). Up to 2.33 ``files`` and ``dns`` are modules too, so
every look-up loads the image's libnss_files.so.2 and, with it, the image's libc: a second libc, whose per-thread
state is set up in the loading thread only. From 2.34 on ``files`` and ``dns`` are inside libc, and a module comes in
only where nsswitch.conf names another source and the image has it. Observed with probe programs of Go 1.9 to 1.27,
static glibc 2.31, 2.36 and 2.41, in root filesystems with 2.31, 2.36, 2.41, 2.43, musl and none, on five machines; and
on amd64 with Ubuntu's 2.23, 2.27, 2.31, 2.35 and 2.39.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import field, replace
from functools import lru_cache
from typing import Literal

from inspector.facts import BinaryFacts, Confidence, GlibcEra, Likelihood, Outcome, RootFsFacts
from inspector.records import dataclass
from inspector.risk import mechanisms
from inspector.risk.nss import Asked
from inspector.risk.observed import was_entered

Operation = Literal["host", "addr", "cname", "port", "user", "uid", "current", "group", "groupids"]

INSIDE = frozenset({"files", "dns"})
"""The sources that glibc 2.34 and later have inside."""
_EARLY_INIT = (2, 32)
"""__libc_early_init came with glibc 2.32; a static libc of 2.34 and later asserts that it is there."""
_RELR = (2, 36)
"""glibc 2.36 learned to relocate, and Debian's and Ubuntu's builds from then on want, DT_RELR."""
_RESOLVER_CONTEXT = (2, 26)
"""glibc 2.26 made the resolver's state one per look-up (resolv/resolv_context.c). In other threads libnss_dns of 2.23
was seen to die, that of 2.27 and 2.31 to fail; between them is inference."""
_NEEDS_PRESENT = frozenset({"user", "uid", "group", "current", "groupids"})
_TRAPS = frozenset({"x86-64", "386", "s390x", "arm"})
"""Machines on which the division by zero in __libc_early_init kills; arm64 and ppc64le give 0 and live on."""
_LOOKS_UP_DL_VAR_INIT = frozenset({"aarch64", "ppc64le"})
_KNOWN_MACHINES = frozenset({"x86-64", "aarch64", "ppc64le", "s390x", "arm"})
_COMPAT_LIVES_SINCE = (2, 41)
"""compat was seen to die inside its own glibc 2.35, 2.36 and 2.39 (25 of 93 many-threaded runs) and to live inside
2.41; whether 2.40 or 2.41 mended it is not known."""


_RUN_MODULES = frozenset(
    {"compat", "hesiod", "mdns", "mdns4", "mdns4_minimal", "mdns6", "mdns6_minimal", "mdns_minimal", "myhostname",
     "resolve", "systemd"}
)  # fmt: skip
"""Modules that were run; of another one only its file can tell whether it has thread-local data."""


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
    first: str | None = None
    """The first character of the file that ``files`` reads, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What comes of an entry; ``outcome`` None: it lives."""

    outcome: Outcome | None
    likelihood: Likelihood | None = None
    why: str
    mechanism: str | None = None
    """What goes wrong inside the process."""
    confidence: Confidence = "observed"
    unknown: bool = False
    """It cannot be told; ``why`` names what is missing."""


@lru_cache(maxsize=1024)
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


def _dies(likelihood: Likelihood, why: str, mechanism: str) -> Effect:
    return Effect(outcome="dies", likelihood=likelihood, why=why, mechanism=mechanism)


def _fails(likelihood: Likelihood, why: str, mechanism: str) -> Effect:
    return Effect(outcome="cannot-resolve", likelihood=likelihood, why=why, mechanism=mechanism)


def _untold(why: str) -> Effect:
    return Effect(outcome=None, why=why, confidence="unknown", unknown=True)


@dataclass(frozen=True, slots=True)
class _Case:
    """``key`` holds all that the effect depends on."""

    key: Hashable
    entry: Entry = field(compare=False)


def enter(entry: Entry) -> Effect:
    """Return what happens."""
    binary, rootfs = entry.binary, entry.rootfs
    key = (
        binary.machine, binary.linkage, binary.libc, binary.dl_var_init, binary.go is None,
        rootfs.libc, rootfs.nss, rootfs.loader_dl_var_init, rootfs.nss_tls,
        entry.operation, entry.asked, entry.present, entry.own, entry.local, entry.go_has_own_list, entry.first,
    )  # fmt: skip
    return _enter(_Case(key, entry))


@lru_cache(maxsize=4096)
def _enter(case: _Case) -> Effect:
    entry = case.entry
    era = era_of(entry.binary)
    if era is None:
        return _untold("which glibc is inside the binary cannot be told")
    if entry.rootfs.nss is None or entry.rootfs.libc.kind == "unknown":
        return _untold("which libc and NSS modules the image has is not known")
    effect = _enter_old(entry) if era == "before-2.34" else _enter_new(entry)
    asked = [source.name for source in entry.asked]
    if effect.confidence == "observed" and not was_entered(entry.binary, entry.rootfs, entry.operation, asked):
        return replace(effect, confidence="inferred")
    return effect


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
        return _lives("this call goes through res_search, which loads no NSS module")
    loaded = [reached.name for reached in _reached(entry, inside=frozenset())]
    relation = _relation(entry)
    if not loaded or relation == "none":
        return _old_without_modules(entry)
    image = entry.rootfs.libc.version
    if relation == "unknown":
        return _untold("the version of the image's glibc is not known")
    why = mechanisms.second_libc(entry.binary.libc.version, loaded[0], image)
    if relation == "newer":
        return _old_in_newer(entry, loaded, why)
    return _old_in_old(entry, loaded, why) if relation == "same" else _old_in_other(entry, loaded, why)


def _old_in_other(entry: Entry, loaded: list[str], why: str) -> Effect:
    """Two different glibcs before 2.34: up to 2.31 they break as one that meets itself; they live where that was seen.

    Seen with 2.23, 2.27 and 2.31 in each other's images, on amd64: between and beside them a death is inferred, life is
    not. 2.32 moved the setting up of the character tables
    into __libc_early_init, which an older loader does not call: what comes of it then was not run.
    """
    mine, theirs = version_of(entry.binary.libc.version), version_of(entry.rootfs.libc.version)
    across = mine is None or theirs is None or max(mine, theirs) >= _EARLY_INIT
    effect = _old_in_old(entry, loaded, why)
    asked = [source.name for source in entry.asked]
    if across or (effect.outcome is None and not was_entered(entry.binary, entry.rootfs, entry.operation, asked)):
        return _untold(
            f"glibc {entry.binary.libc.version} inside the binary with glibc {entry.rootfs.libc.version} in the image "
            f"was never run on {entry.binary.machine}"
        )
    return effect


@dataclass(frozen=True, slots=True)
class _Reached:
    name: str
    certain: bool
    """No DNS server is asked before, whose answer would end the look-up."""
    only_without_dns: bool = False
    """Asked only where no DNS server answers (``dns [NOTFOUND=return]`` stands before)."""


def _reached(entry: Entry, inside: frozenset[str]) -> list[_Reached]:
    """Return the modules that are loaded: named, there, and not answered before."""
    found, certain, only_without_dns = [], True, False
    for source in entry.asked:
        there = source.name in inside or source.name in (entry.rootfs.nss or ())
        if there and source.name not in inside:
            found.append(_Reached(source.name, certain, only_without_dns))
        if entry.operation == "groupids" or not there:
            continue
        answered = entry.present and not source.goes_on_when_found
        if source.name == "files" and (answered or (entry.present is False and source.stops_when_absent)):
            break
        if source.name == "dns" and entry.operation in {"host", "addr"} and not source.goes_on_when_found:
            certain, only_without_dns = False, only_without_dns or source.stops_when_absent
    return found


def _old_without_modules(entry: Entry) -> Effect:
    if entry.operation == "port" and entry.go_has_own_list:
        return _lives("libc cannot look the port up, and Go answers from its own list of ports")
    if entry.operation in _NEEDS_PRESENT and entry.present is False:
        return _lives("what is looked up does not exist, and that is what the program is told")
    why = f"the glibc {_inside(entry)} inside the binary needs a libnss module from the image even to read files"
    return _fails("always", why, "the image has none that it could load: look-ups fail with 'device or resource busy'")


def _inside(entry: Entry) -> str:
    return entry.binary.libc.version or "(before 2.34)"


def _old_in_old(entry: Entry, loaded: list[str], why: str) -> Effect:
    threads = mechanisms.null_table(entry.binary.machine, entry.operation, entry.first)
    if entry.operation in {"host", "addr"}:
        if _fails_rather(entry):
            return _fails("sooner-or-later", why, mechanisms.DNS_FIRST)
        return _dies("sooner-or-later", why, threads)
    if entry.operation == "port":
        if entry.present is False and entry.first is None:
            return _lives("there is no line in /etc/services that libnss_files could trip over")
        return _dies("sooner-or-later", why, threads)
    if "systemd" in loaded and entry.operation != "groupids":
        likelihood: Likelihood = "always" if entry.binary.machine == "x86-64" else "sooner-or-later"
        return _dies(likelihood, why, mechanisms.THREAD_LOCAL)
    if entry.operation == "groupids" and "compat" in loaded:
        return _dies("sooner-or-later", why, mechanisms.COMPAT)
    if entry.operation == "groupids" or _asks_once(entry):
        return _lives("Go asks for its own user once and from one thread, and that survives the second libc")
    return _dies("sooner-or-later", why, threads)


def _asks_once(entry: Entry) -> bool:
    """Whether os/user answers from what it kept of one single look-up (os/user/lookup.go, Current, since Go 1.9)."""
    if entry.operation == "current":
        return bool(entry.present) or not {source.name for source in entry.asked} - {"files"}
    return entry.own and bool(entry.present)


def _fails_rather(entry: Entry) -> bool:
    """Whether DNS is asked first, whose module fails in other threads instead of dying.

    A host look-up dies after all where files is asked next; a look-up by address does not come so far.
    """
    theirs = version_of(entry.rootfs.libc.version)
    if theirs is not None and theirs < _RESOLVER_CONTEXT:
        return False
    names = [source.name for source in entry.asked]
    return names[:1] == ["dns"] and ("files" not in names or entry.operation == "addr")


def _old_in_newer(entry: Entry, loaded: list[str], why: str) -> Effect:
    machine = entry.binary.machine
    refuses = entry.binary.dl_var_init if entry.binary.dl_var_init is not None else machine in _LOOKS_UP_DL_VAR_INIT
    if refuses and entry.rootfs.loader_dl_var_init is not True:
        if entry.operation in _NEEDS_PRESENT and entry.present is False:
            return _lives("what is looked up does not exist, and that is what the program is told")
        if entry.operation == "port" and entry.go_has_own_list:
            return _lives("libc cannot look the port up, and Go answers from its own list of ports")
        return _fails("always", why, mechanisms.NO_DL_VAR_INIT)
    if machine in {"x86-64", "386"} and _has_relr(entry.rootfs):
        return _dies("always", why, mechanisms.not_relocated(entry.rootfs.libc.version))
    if machine not in {"x86-64", "386", "s390x", "arm"}:
        return _untold(f"what happens then on {machine} was never run")
    effect = _old_in_newer_relocated(entry, loaded, why)
    if machine in {"s390x", "arm"} or (version_of(entry.rootfs.libc.version) or _RELR) < _RELR:
        return effect
    if effect.outcome is None:
        return _untold(f"a glibc {entry.rootfs.libc.version} without DT_RELR was never run on {machine}")
    return replace(effect, confidence="inferred")


def _has_relr(rootfs: RootFsFacts) -> bool:
    """Whether the image's libc is packed in a way that loaders before 2.36 leave unrelocated (DT_RELR), on amd64."""
    relr = rootfs.libc.relr
    return relr if relr is not None else (version_of(rootfs.libc.version) or _RELR) >= _RELR


def _old_in_newer_relocated(entry: Entry, loaded: list[str], why: str) -> Effect:
    """Without DT_RELR (s390x, armhf, Ubuntu 22.04) the image's version decides whether its tables are set up."""
    theirs = version_of(entry.rootfs.libc.version) or (2, 34)
    if theirs < (2, 41):
        if loaded[0] == "dns":
            if _fails_rather(entry) and entry.binary.machine in {"s390x", "arm"}:
                return _fails("sooner-or-later", why, mechanisms.OTHER_THREADS_FAIL)
            reads = any(source.name == "files" for source in entry.asked)
            return _dies("sooner-or-later", why, mechanisms.NO_CTYPE if reads else mechanisms.OTHER_THREADS_DIE)
        return _dies("always", why, mechanisms.NO_CTYPE)
    if entry.operation in {"host", "addr"}:
        return _fails("sooner-or-later", why, mechanisms.OTHER_THREADS_FAIL)
    harmless = {"files", "systemd"} if entry.operation == "groupids" else {"files"}
    if set(loaded) - harmless and entry.operation != "port":
        return _dies("always", why, mechanisms.NOT_SET_UP)
    return _lives("on this machine, with that glibc in the image, libnss_files reads its file without harm")


# ── glibc 2.34 or later inside: files and dns need no module ─────────────────────────────────────────────────────


def _enter_new(entry: Entry) -> Effect:
    if entry.operation == "cname":
        return _lives("this call goes through res_search, which loads no NSS module")
    reached = _reached(entry, inside=INSIDE)
    if not reached:
        return _lives("files and dns are inside this glibc, and no other source's module is reached")
    effect = _load(entry, [each.name for each in reached])
    if any(each.certain for each in reached) or effect.outcome is None:
        return effect
    # A DNS server that knows the name ends the look-up before the module; every server meets a name that is not there.
    seldom = effect.likelihood == "rare" or all(each.only_without_dns for each in reached)
    when = "no DNS server answers" if all(each.only_without_dns for each in reached) else "DNS does not have the name"
    why = f"{effect.why}, where {when}"
    return replace(effect, likelihood="rare" if seldom else "sooner-or-later", why=why, confidence="inferred")


def _load(entry: Entry, loaded: list[str]) -> Effect:
    if _relation(entry) == "none":
        return _untold(f"libnss_{loaded[0]}.so.2 is there, but which libc it belongs to is not known")
    theirs, mine = version_of(entry.rootfs.libc.version), version_of(entry.binary.libc.version)
    why = mechanisms.second_libc(entry.binary.libc.version, loaded[0], entry.rootfs.libc.version)
    if theirs is not None and theirs < _EARLY_INIT:
        return _dies("always", why, mechanisms.NO_EARLY_INIT)
    if theirs is None or mine is None:
        return _untold(f"libnss_{loaded[0]}.so.2 is loaded, and the version of one of the two glibcs is not known")
    effect = _new_in_same(entry, loaded, why) if theirs == mine else _new_in_other(entry, loaded, why)
    strange = [module for module in loaded if module not in _RUN_MODULES]
    if effect.outcome is None and not effect.unknown and strange:
        return _strange(entry, strange[0], why, effect)
    return effect


def _strange(entry: Entry, module: str, why: str, effect: Effect) -> Effect:
    """A module that was never run lives with what others live with, if its file shows no thread-local data."""
    tls = entry.rootfs.nss_tls
    if tls is None or module in tls:
        return _untold(f"{why}; what libnss_{module}.so.2 does in such a process was never run")
    return replace(effect, confidence="inferred")


def _new_in_other(entry: Entry, loaded: list[str], why: str) -> Effect:
    machine = entry.binary.machine
    if machine not in _KNOWN_MACHINES | {"386"}:
        return _untold(f"two different glibcs in one process were never run on {machine}")
    if (
        machine in {"x86-64", "386"}
        and (version_of(entry.binary.libc.version) or _RELR) < _RELR
        and _has_relr(entry.rootfs)
    ):
        return _dies("always", why, mechanisms.not_relocated())
    if machine in _TRAPS:
        return _dies("always", why, mechanisms.DIVISION)
    if "compat" in loaded:
        return _dies("always", why, mechanisms.COMPAT)
    if machine == "aarch64":
        return _lives("on arm64 the division by zero in __libc_early_init gives 0 and does not trap")
    if _declines_early(entry, loaded):
        return _lives("the module declines the look-up before it touches what only the loading thread has")
    return _dies("rare", why, mechanisms.OTHER_THREADS)


def _declines_early(entry: Entry, loaded: list[str]) -> bool:
    """On ppc64le: modules that have nothing to say and so do nothing.

    mdns modules look at names in .local alone, hesiod wants /etc/hesiod.conf first, and libnss_systemd's initgroups
    function comes back at once: none of some 200 many-threaded runs died, while of other look-ups up to 7 in 10 did.
    """
    if entry.operation == "groupids":
        return set(loaded) <= {"systemd"}
    if entry.operation not in {"host", "addr"} or entry.local:
        return False
    # For an address the full mdns modules ask the avahi daemon; the minimal ones want 169.254/16.
    silent = ("_minimal",) if entry.operation == "addr" else ("mdns", "mdns4", "mdns6", "_minimal")
    return all(name == "hesiod" or (name.startswith("mdns") and name.endswith(silent)) for name in loaded)


def _new_in_same(entry: Entry, loaded: list[str], why: str) -> Effect:
    machine, mine = entry.binary.machine, version_of(entry.binary.libc.version) or (2, 34)
    if machine not in _KNOWN_MACHINES | {"386"}:
        return _untold(f"a second glibc in the process was never run on {machine}")
    known_tls = entry.rootfs.nss_tls
    uses_tls = "systemd" in known_tls if known_tls is not None else machine not in {"aarch64", "ppc64le"}
    # Group ids ask a source's initgroups function, and libnss_systemd's comes back without touching its own data.
    if "systemd" in loaded and uses_tls and entry.operation != "groupids":
        return _dies("always", why, mechanisms.thread_local(machine))
    if "compat" in loaded and mine < _COMPAT_LIVES_SINCE and not (entry.own and entry.present):
        return _dies("sooner-or-later", why, mechanisms.COMPAT)
    if entry.local and "mdns4_minimal" in loaded:
        return _dies("rare", why, "seen for .local names asked from many threads: SIGSEGV in 4 of some 60 runs")
    return _lives("the modules reached belong to the very glibc that is inside the binary")
