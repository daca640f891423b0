"""What GODEBUG asks of package net: ``netdns`` from the environment and from what is embedded in the binary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from inspector.records import dataclass
from inspector.resolver.table import Rules, rules

if TYPE_CHECKING:
    from inspector.facts import GoBuild, ResolverBuild, ResolverContext

_KEY = "netdns="
_LINKER_VARIABLE = "runtime.godebugDefault="


@dataclass(frozen=True, slots=True)
class Mode:
    """What GODEBUG and its embedded default ask for."""

    mode: Literal["go", "cgo"] | None
    where: str | None
    replaced_default: bool = False
    """A ``netdns=`` in the environment put an embedded one out of force without naming a mode."""
    word: str | None = None
    """The value as written, where it names a mode."""


def netdns_mode(build: ResolverBuild, context: ResolverContext, minor: int) -> Mode:
    """Return what ``netdns`` asks for.

    The value is split at its first ``+``; a part that begins with a digit is the debug level, else the mode, of which
    the last counts (net/conf.go, goDebugNetDNS). Any ``netdns=`` in the environment replaces an embedded one wholly.
    """
    known = rules(minor)
    default = netdns_value(build.default_godebug or "", known) if known.has("godebug", "embedded") else None
    given = netdns_value(context.env.get("GODEBUG", ""), known)
    value, where = (given, "env GODEBUG") if given is not None else (default, "embedded GODEBUG")
    if value is None:
        return Mode(None, None)
    mode: Literal["go", "cgo"] | None = None
    head, _, tail = value.partition("+")
    for part in (head, tail):
        if part and part[0] not in "0123456789":
            mode = "go" if part == "go" else "cgo" if part == "cgo" else None
    if mode is None:
        return Mode(None, None, given is not None and default is not None)
    return Mode(mode, where, word=f"{_KEY}{value}")


def netdns_value(godebug: str, known: Rules) -> str | None:
    """Return the value of ``netdns`` that counts in a GODEBUG, or None where there is none."""
    values = [item[len(_KEY) :] for item in godebug.split(",") if item.startswith(_KEY)]
    if not values:
        return None
    first_counts = known.entry("godebug", "several").until is not None
    value = values[0 if first_counts else -1]
    return value.partition("#")[0] if known.has("godebug", "hash") else value


def embedded_godebug(go: GoBuild) -> str | None:
    """Return the GODEBUG that is embedded in a binary, as far as its build information records it.

    ``-ldflags -X=runtime.godebugDefault=…`` stands after what cmd/go sets for ``//go:debug``, and so replaces it
    (cmd/go/internal/work/gc.go; cmd/link takes the last ``-X`` of a variable). With -trimpath it is not recorded.
    """
    import shlex

    if not go.ldflags:
        return go.default_godebug
    try:
        flags = shlex.split(go.ldflags)
    except ValueError:
        flags = go.ldflags.split()
    found = go.default_godebug
    for number, flag in enumerate(flags):
        name, equals, value = flag.partition("=")
        if name not in {"-X", "--X"}:
            continue
        setting = value if equals else "".join(flags[number + 1 : number + 2])
        if setting.startswith(_LINKER_VARIABLE):
            found = setting[len(_LINKER_VARIABLE) :]
    return found
