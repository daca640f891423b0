"""One binary, one context, one call: what rules look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from inspector.errors import InspectorError
from inspector.facts import BinaryFacts, Call, Decision, ResolverBuild, ResolverContext, RootFsFacts
from inspector.resolver import ContextUnknown, decide, embedded_godebug, minor_of
from inspector.risk.entering import Effect, Entry, Operation, enter, era_of
from inspector.risk.nss import Asked, answered_by_files, sources_of

_DATABASES: dict[Operation, str] = {
    "host": "hosts", "addr": "hosts", "cname": "hosts", "port": "services", "user": "passwd", "uid": "passwd",
    "current": "passwd", "group": "group", "groupids": "initgroups",
}  # fmt: skip
_FILES = {"hosts": "hosts", "services": "services", "passwd": "passwd", "group": "group", "initgroups": "group"}
USER_CALLS: frozenset[Call] = frozenset({"current", "user", "uid", "group", "groupids"})
HOST_CALLS: frozenset[Call] = frozenset({"host", "ip", "dial"})


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

    def changed(self, **changes: object) -> Situation:
        """Return the situation with some part of it exchanged."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def is_static_glibc(self) -> bool:
        """Whether a glibc is inside the binary."""
        return self.binary.linkage.startswith("static") and self.binary.libc.kind == "glibc"

    @property
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

    @property
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
        try:
            return decide(self.build, self.context, self.name, self.call)
        except InspectorError as error:
            return error

    def effect_of(self, operation: Operation) -> Effect:
        """Return what happens when libc is entered by this operation here."""
        try:
            return enter(self._entry(operation))
        except ContextUnknown as error:
            return Effect(outcome=None, why=str(error), confidence="unknown", unknown=True)

    def _entry(self, operation: Operation) -> Entry:
        key = self._key(operation)
        return Entry(
            binary=self.binary,
            rootfs=self.rootfs,
            operation=operation,
            asked=self.asked(_DATABASES[operation]),
            present=self._is_present(operation, key),
            own=operation == "current" or self._is_own(operation, key),
            local=(self.name or "").lower().rstrip(".").endswith(".local"),
            go_has_own_list=(self.minor or 0) >= 21,
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

    def _is_present(self, operation: Operation, key: str | None) -> bool | None:
        file = self.context.files.get(_FILES[_DATABASES[operation]])
        if file is None or key is None or operation == "groupids":
            return None
        return answered_by_files(file.text or "", operation, key)

    def _is_own(self, operation: Operation, key: str | None) -> bool:
        """Whether the process's own user or group is looked up."""
        uid = str(self.context.uid or 0)
        if operation == "uid":
            return key == uid
        file = self.context.files.get("passwd")
        if operation != "user" or file is None:
            return False
        return any(line.split(":")[0:3:2] == [key, uid] for line in (file.text or "").split("\n"))
