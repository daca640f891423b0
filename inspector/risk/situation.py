"""One binary, one context, one call: what rules look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from inspector.errors import InspectorError
from inspector.facts import BinaryFacts, Call, Decision, ResolverBuild, ResolverContext, RootFsFacts
from inspector.resolver import ContextUnknown, decide_remembered, embedded_godebug, minor_of
from inspector.risk.entering import Effect, Entry, Operation, enter, era_of
from inspector.risk.nss import Asked, answered_by_files, sources_of
from inspector.risk.observed import DATABASES

_READ_BY_LIBC = ("nsswitch.conf", "hosts", "passwd", "group", "services")
_FILES = {"hosts": "hosts", "services": "services", "passwd": "passwd", "group": "group", "initgroups": "group"}
_OWN_PORTS_SINCE = 21
"""Go 1.21 answers a port from its own list where libc cannot (net/lookup_unix.go, lookupPort)."""
USER_CALLS: frozenset[Call] = frozenset({"current", "user", "uid", "group", "groupids"})
HOST_CALLS: frozenset[Call] = frozenset({"host", "ip", "dial"})
GO_UNKNOWN = ContextUnknown("which Go release built it is not known, and its choice of resolver depends on it")
_BINARY = frozenset({"binary"})
_DEPENDS_ON: Mapping[str, frozenset[str]] = {
    "is_static_glibc": _BINARY,
    "kinds": _BINARY,
    "minor": _BINARY,
    "build": _BINARY,
    "decision": frozenset({"binary", "context", "Go's part of the context", "call", "name"}),
    "effects": frozenset({"binary", "rootfs", "context", "name"}),
}
"""What is worked out once → the parts of a situation that it depends on."""
_NEEDS_NAME = HOST_CALLS | {"addr", "cname", "port"}


@dataclass(frozen=True)
class Situation:
    """What is judged. Properties are worked out once."""

    binary: BinaryFacts
    rootfs: RootFsFacts
    context: ResolverContext
    call: Call
    name: str | None
    known: bool = True
    """The call is known to be made."""
    platform: str | None = None
    """The image's, ``linux/amd64``; None where it is not known."""

    def changed(self, **changes: object) -> Situation:
        """Return the situation with some part of it exchanged; what does not depend on that part stays worked out."""
        after = replace(self, **changes)  # type: ignore[arg-type]
        exchanged = set(changes)
        if "context" in exchanged and _is_alike_to_libc(self.context, after.context):
            exchanged = exchanged - {"context"} | {"Go's part of the context"}
        for key, parts in _DEPENDS_ON.items():
            if key in self.__dict__ and parts.isdisjoint(exchanged):
                after.__dict__[key] = self.__dict__[key]
        return after

    @cached_property
    def is_static_glibc(self) -> bool:
        """Whether a glibc is inside the binary."""
        return self.binary.linkage.startswith("static") and self.binary.libc.kind == "glibc"

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The binary's ways into NSS."""
        return frozenset(exposure.kind for exposure in self.binary.exposures or ())

    @property
    def evidence(self) -> tuple[str, ...]:
        """What shows the way that the call takes."""
        kind = "user" if self.call in USER_CALLS else "clib" if self.call == "clib" else "dns"
        return tuple(
            item for exposure in self.binary.exposures or () if exposure.kind == kind for item in exposure.evidence
        )

    @cached_property
    def minor(self) -> int | None:
        """N of Go 1.N, or None where it is not known."""
        if self.binary.go is None:
            return None
        try:
            return minor_of(self.binary.go.version)
        except InspectorError:
            return None

    @cached_property
    def build(self) -> ResolverBuild | None:
        """What decides Go's choice; None for a program that is none of Go's."""
        go = self.binary.go
        if go is None:
            return None
        tags = go.tags or ()
        return ResolverBuild(
            version=go.version, cgo="dns" in self.kinds, tags=tags, default_godebug=embedded_godebug(go)
        )

    @cached_property
    def decision(self) -> Decision | InspectorError | None:
        """Go's choice, why it cannot be told, or None where Go has none to make."""
        if self.build is None or self.call in USER_CALLS or self.call == "clib":
            return None
        if self.name is None and self.call in _NEEDS_NAME:
            return ContextUnknown("the name that is looked up is not known, and Go's choice of resolver depends on it")
        try:
            return decide_remembered(self.build, self.context, self.name, self.call)
        except InspectorError as error:
            return error

    @cached_property
    def effects(self) -> dict[Operation, Effect]:
        """What ``effect_of`` has worked out."""
        return {}

    def effect_of(self, operation: Operation) -> Effect:
        """Return what happens when libc is entered by this operation here.

        Where no name is given, any may be looked up, and the worse of both ways counts; where the file that would have
        it, or the process's own user, is not known, both ways must agree.
        """
        if operation not in self.effects:
            self.effects[operation] = self._effect_of(operation)
        return self.effects[operation]

    def _effect_of(self, operation: Operation) -> Effect:
        if self.context.uid is None and self.name is not None and operation in {"user", "uid"}:
            own, other = (self._effect(operation, own=own) for own in (True, False))
            if (own.outcome, own.likelihood, own.unknown) == (other.outcome, other.likelihood, other.unknown):
                return own
            why = "which user the process has is not known, and a look-up of its own goes another way"
            return Effect(outcome=None, why=why, confidence="unknown", unknown=True)
        return self._effect(operation, own=operation == "current" or self._is_own(operation))

    def _effect(self, operation: Operation, *, own: bool) -> Effect:
        try:
            asked = self.asked(DATABASES[operation])
        except ContextUnknown as error:
            return Effect(outcome=None, why=str(error), confidence="unknown", unknown=True)
        key, file = self._key(operation), self.context.files.get(_FILES[DATABASES[operation]])
        if operation in {"groupids", "cname"} or (key is not None and file is not None):
            present = None
            if key is not None and file is not None and operation not in {"groupids", "cname"}:
                present = answered_by_files(file.text or "", operation, key)
            return enter(self._entry(operation, asked, present, own))
        there, absent = (enter(self._entry(operation, asked, present, own)) for present in (True, False))
        if there.outcome == absent.outcome and there.unknown == absent.unknown:
            return there if there.likelihood != "always" else absent
        if key is None and not (there.unknown or absent.unknown):
            return there if there.outcome else absent
        why = f"whether {key or 'the name'} is in /etc/{_FILES[DATABASES[operation]]} is not known, and that decides"
        return Effect(outcome=None, why=why, confidence="unknown", unknown=True)

    def _entry(self, operation: Operation, asked: tuple[Asked, ...], present: bool | None, own: bool) -> Entry:
        file = self.context.files.get(_FILES[DATABASES[operation]])
        return Entry(
            binary=self.binary,
            rootfs=self.rootfs,
            operation=operation,
            asked=asked,
            present=present,
            own=own,
            local=(self.name or "").lower().rstrip(".").endswith(".local"),
            go_has_own_list=(self.minor or 0) >= _OWN_PORTS_SINCE,
            first=((file.text if file else None) or "")[:1] or None,
        )

    def _key(self, operation: Operation) -> str | None:
        if operation == "current":
            return None if self.context.uid is None else str(self.context.uid)
        return self.name

    def asked(self, database: str) -> tuple[Asked, ...]:
        """Return the sources that glibc asks.

        Raises:
            ContextUnknown: if nsswitch.conf is not known.
        """
        file = self.context.files.get("nsswitch.conf")
        if file is None:
            raise ContextUnknown("nsswitch.conf is not known, and which NSS modules are loaded depends on it")
        readable = file.special is None or (file.special == "mode000" and not self.context.uid)
        return sources_of(file.text if readable else None, database, era_of(self.binary))

    def _is_own(self, operation: Operation) -> bool:
        """Whether the process's own user is looked up."""
        if self.context.uid is None:
            return False
        uid, key = str(self.context.uid), self.name
        if operation == "uid":
            return key == uid
        file = self.context.files.get("passwd")
        if operation != "user" or file is None:
            return False
        return any(line.split(":")[0:3:2] == [key, uid] for line in (file.text or "").split("\n"))


def _is_alike_to_libc(one: ResolverContext, other: ResolverContext) -> bool:
    """Whether libc's NSS sees the same in both; it reads none of Go's variables, nor resolv.conf for its sources."""
    return one.uid == other.uid and all(one.files.get(name) is other.files.get(name) for name in _READ_BY_LIBC)
