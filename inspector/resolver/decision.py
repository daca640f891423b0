"""``decide()``: which resolver Go takes for one call, and every reason, in the order in which Go meets them.

Two eras: Go 1.5 to 1.20 compute a fallback (``cgo``, or Go's own where cgo cannot be used) and return it at the first
obstacle; Go 1.21 rewrote the procedure with an explicit order of precedence (net/conf.go at both releases).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from inspector.errors import InspectorError
from inspector.facts import Call, ContextFile, Decision, Reason, Resolver, ResolverBuild, ResolverContext
from inspector.resolver.names import equal_fold, is_ip_literal, is_local, is_localhost, without_root_dot
from inspector.resolver.nsswitch import NssSwitch, Source, parse_nsswitch
from inspector.resolver.resolv_conf import ResolvConf, parse_resolv_conf
from inspector.resolver.table import holds, option_known_since
from inspector.resolver.versions import minor_of

REWRITE = 21
"""Go 1.21 rewrote the choice (golang/go#24796 and its follow-ups)."""
_FORCING = ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")
_OWN_CLIENT: frozenset[Call] = frozenset({"txt", "srv", "mx", "ns"})
_LITERAL_CALLS: frozenset[Call] = frozenset({"host", "ip", "dial"})
_FALLBACK_DNS = "files,dns"
_ABSENT = ContextFile()


class ContextUnknown(InspectorError):
    """The decision depends on something of the context that is not known."""


@dataclass(frozen=True, slots=True)
class Mode:
    """What GODEBUG and its embedded default ask for."""

    mode: Literal["go", "cgo"] | None
    where: str | None
    replaced_default: bool = False
    """A ``netdns=`` in the environment put an embedded one out of force without naming a mode."""


def decide(build: ResolverBuild, context: ResolverContext, name: str | None, call: Call) -> Decision:
    """Return which resolver a Go program takes.

    Args:
        build: the binary's Go version, whether net's C resolver is compiled in, its tags and embedded GODEBUG.
        context: the files, variables, user and host name that the process will see.
        name: what is looked up; None or empty for calls without a name.
        call: the function of package net (``host`` for LookupHost, ``dial`` for Dial by name, …).

    Returns:
        The resolver, the lookup order as Go's own debug output writes it (None where Go prints none), the reasons.

    Raises:
        VersionUnknown: if the Go version is no known release.
        ContextUnknown: if the decision depends on a file or variable that is not known.
    """
    minor = minor_of(build.version)
    unknown = [variable for variable in context.env_unknown if variable in {"GODEBUG", *_FORCING}]
    decision = _Choice(minor, build, context).decide(name or "", call)
    for variable in unknown:
        for value in _alternatives(variable):
            other = _Choice(minor, build, _with_variable(context, variable, value)).decide(name or "", call)
            if (other.decision, other.order) != (decision.decision, decision.order):
                raise ContextUnknown(
                    f"the value of {variable} cannot be told, and the choice of resolver depends on it"
                )
    return decision


def _alternatives(variable: str) -> tuple[str | None, ...]:
    return (None, "netdns=go", "netdns=cgo") if variable == "GODEBUG" else (None, "x")


def _with_variable(context: ResolverContext, variable: str, value: str | None) -> ResolverContext:
    env = {key: text for key, text in context.env.items() if key != variable}
    if value is not None:
        env[variable] = value
    return replace(context, env=env, env_unknown=())


def netdns_mode(build: ResolverBuild, context: ResolverContext, minor: int) -> Mode:
    """Return what ``netdns`` asks for.

    The value is split at its first ``+``; a part that begins with a digit is the debug level, else the mode. Up to Go
    1.19 the first ``netdns=`` of GODEBUG counts, from 1.20 the last; any ``netdns=`` in the environment replaces an
    embedded one wholly (net/conf.go, goDebugNetDNS; internal/godebug).
    """
    default = _netdns(build.default_godebug or "", last=True) if minor >= 20 else None
    given = _netdns(context.env.get("GODEBUG", ""), last=holds_last(minor))
    value, where = (given, "env GODEBUG") if given is not None else (default, "embedded GODEBUG")
    if value is None:
        return Mode(None, None)
    mode: Literal["go", "cgo"] | None = None
    head, _, tail = value.partition("+")
    for part in (head, tail):
        if part and not part[0].isdigit():
            mode = "go" if part == "go" else "cgo" if part == "cgo" else None
    return Mode(mode, where if mode else None, given is not None and default is not None and mode is None)


def holds_last(minor: int) -> bool:
    """Whether of several ``netdns=`` the last one counts."""
    return minor >= 20


def _netdns(godebug: str, *, last: bool) -> str | None:
    values = [item[7:] for item in godebug.split(",") if item.startswith("netdns=")]
    if not last:
        # Up to 1.19 the scan stops short of a key without a value at the very end (net/parse.go, goDebugString).
        values = [value for index, value in enumerate(values) if value or index + 1 < len(values)] or values
    return (values[-1] if last else values[0]) if values else None


@dataclass
class _Choice:
    """One walk through Go's procedure; collects reasons on its way."""

    minor: int
    build: ResolverBuild
    context: ResolverContext
    reasons: list[Reason] = field(default_factory=list)

    def decide(self, name: str, call: Call) -> Decision:
        if call in _OWN_CLIENT:
            self._say(f"Lookup{call.upper()} always uses Go's own DNS client", source="net/lookup_unix.go")
            return self._result("go", None)
        if call == "port":
            return self._decide_port(name)
        if call in _LITERAL_CALLS and is_ip_literal(name, self.minor):
            self._say("an address is taken as it is; no resolver is asked", source="net/lookup.go")
            return self._result("none", None)
        if call in {*_LITERAL_CALLS, "cname"} and name == "" and not (call == "cname" and self.minor < 20):
            self._say("an empty name is an error before any resolver is chosen", source="net/lookup.go")
            return self._result("none", None)
        asked = "" if call == "addr" or (call == "cname" and self.minor < 20) else name
        order = self._order(asked)
        return self._result("cgo" if order == "cgo" else "go", order)

    def _decide_port(self, name: str) -> Decision:
        if name and name.lstrip("+-").isdigit():
            self._say("a numeric port is not looked up", source="net/port.go")
            return self._result("none", None)
        if self.minor >= REWRITE:
            if self._must_use_go():
                return self._result("go", None)
            self._say(
                "since Go 1.21 a named port is looked up by cgo wherever cgo may be used", source="net/lookup_unix.go"
            )
            return self._result("cgo", None)
        order = self._order("")
        return self._result("cgo" if order == "cgo" else "go", order)

    def _result(self, resolver: Resolver, order: str | None) -> Decision:
        return Decision(decision=resolver, order=order, reasons=tuple(self.reasons))

    def _say(self, text: str, where: str | None = None, source: str | None = None) -> None:
        self.reasons.append(Reason(text=text, where=where, source=source))

    # ── what is compiled in and asked for ────────────────────────────────────────────────────────────────────

    @property
    def _mode(self) -> Mode:
        return netdns_mode(self.build, self.context, self.minor)

    @property
    def _has_cgo(self) -> bool:
        return self.build.cgo and "netgo" not in self.build.tags

    def _must_use_go(self) -> bool:
        if not self._has_cgo:
            self._say("the cgo resolver is not compiled in", source="net/netgo.go")
            return True
        mode = self._mode
        if mode.mode == "go":
            self._say("netdns=go asks for Go's own resolver", mode.where, "net/conf.go")
            return True
        return False

    def _asks_for_cgo(self) -> bool:
        mode = self._mode
        # Up to 1.20 the file that sets the flag needs cgo; since 1.21 the flag is set, and cgo missing all the same.
        if "netcgo" in self.build.tags and (self.build.cgo or self.minor >= REWRITE):
            self._say("built with tag netcgo", source="net/netcgo.go")
            return True
        if mode.mode == "cgo":
            self._say("netdns=cgo asks for the cgo resolver", mode.where, "net/conf.go")
            return True
        return False

    def _forcing_variable(self) -> bool:
        for variable in _FORCING:
            value = self.context.env.get(variable)
            if value is not None and (value or variable == "LOCALDOMAIN"):
                text = f"{variable} is set, which Go leaves to the C library"
                self._say(text, f"env {variable}", "net/conf.go")
                return True
        return False

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────

    def _file(self, name: str) -> ContextFile:
        file = self.context.files.get(name)
        if file is None:
            raise ContextUnknown(f"{name} is not known, and the choice of resolver depends on it")
        return file

    def _is_denied(self, file: ContextFile) -> bool:
        return file.special == "mode000" and (self.context.uid or 0) != 0

    def _resolv_conf(self) -> ResolvConf | Literal["error"]:
        file = self._file("resolv.conf")
        if file.special == "loop":
            return "error"
        # Missing and unreadable files give defaults; a directory opens and reads as if it were empty.
        if file.special in {"dir", "dangling"} or file.text is None or self._is_denied(file):
            return ResolvConf()
        return parse_resolv_conf(file.text, self.minor)

    def _nsswitch(self) -> NssSwitch | Literal["missing", "error"]:
        file = self._file("nsswitch.conf")
        if file.special == "loop" or self._is_denied(file):
            return "error"
        if file.special == "dir":
            return "missing" if self.minor >= 20 else "error"
        if file.special == "dangling" or file.text is None:
            return "missing"
        return parse_nsswitch(file.text, self.minor)

    def _mdns_allowed(self) -> bool:
        file = self._file("mdns.allow")
        if file.special == "loop":
            return self.minor >= REWRITE
        return file.special in {"dir", "mode000"} or (file.special is None and file.text is not None)

    def _say_unknown_words(self, conf: ResolvConf) -> None:
        for word in conf.unknown:
            what = "option" if word in conf.unknown_options else "keyword"
            since = option_known_since(word.text) if what == "option" else None
            until = f"; Go 1.{since} and later know it" if since is not None and since > self.minor else ""
            self._say(
                f"Go 1.{self.minor} does not know {what} '{word.text}'{until}",
                f"resolv.conf:{word.line}:{word.column}",
                "net/dnsconfig_unix.go",
            )

    # ── the order ────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, name: str) -> str:
        return self._order_since_121(name) if self.minor >= REWRITE else self._order_until_120(name)

    def _order_until_120(self, name: str) -> str:
        must_go = self._must_use_go()
        fallback = _FALLBACK_DNS if must_go else "cgo"
        if must_go and self.minor < 7:
            return fallback
        if self._asks_for_cgo() or self._forcing_variable():
            return fallback
        conf = self._resolv_conf()
        if conf == "error":
            self._say("resolv.conf cannot be opened", "resolv.conf", "net/conf.go")
            return fallback
        if conf.unknown:
            self._say_unknown_words(conf)
            return fallback
        plain = without_root_dot(name)
        if self._special_characters(name) or self._is_local(plain):
            return fallback
        return self._order_by_nsswitch_until_120(name if self.minor < 8 else plain, fallback)

    def _order_by_nsswitch_until_120(self, name: str, fallback: str) -> str:
        sources = self._hosts_sources()
        if isinstance(sources, str):
            return fallback if sources == "error" else self._order_without_sources()
        mdns: Source | None = None
        kept: list[str] = []
        for source in sources:
            if source.name == "myhostname":
                if self._is_special_to_myhostname(name, source):
                    return fallback
            elif source.name in {"files", "dns"}:
                if self._has_odd_criteria(source):
                    return fallback
                kept.append(source.name)
            elif source.name.startswith("mdns"):
                mdns = mdns or source
            else:
                self._say_unknown_source(source)
                return fallback
        if mdns is not None and self._mdns_allowed():
            self._say("/etc/mdns.allow exists, so mdns sources are left to the C library", _at(mdns), "net/conf.go")
            return fallback
        return self._named_order(kept, fallback)

    def _order_since_121(self, name: str) -> str:
        must_go = self._must_use_go()
        fallback = _FALLBACK_DNS if must_go else "cgo"
        if not must_go and (self._asks_for_cgo() or self._forcing_variable() or self._special_characters(name)):
            return "cgo"
        conf = self._resolv_conf() if not must_go else ResolvConf()
        if conf == "error":
            self._say("resolv.conf cannot be opened", "resolv.conf", "net/conf.go")
            return "cgo"
        if conf.unknown:
            self._say_unknown_words(conf)
            return "cgo"
        plain = without_root_dot(name)
        if not must_go and self._is_local(plain):
            return "cgo"
        sources = self._hosts_sources()
        if isinstance(sources, str):
            return fallback if sources == "error" else self._order_without_sources()
        if must_go:
            return self._named_order(list(_without_others(sources)), fallback)
        for source in sources:
            if self._goes_to_cgo_since_121(source, plain):
                return "cgo"
        return self._named_order([s.name for s in sources if s.name in {"files", "dns"}], fallback)

    def _goes_to_cgo_since_121(self, source: Source, name: str) -> bool:
        if source.name in {"files", "dns"}:
            return self._has_odd_criteria(source)
        if name and source.name == "myhostname":
            return self._is_special_to_myhostname(name, source)
        if name and source.name.startswith("mdns"):
            if self.minor >= 23 and is_local(name):
                self._say(f"'{name}' ends in .local, and {source.name} is listed", _at(source), "net/conf.go")
                return True
            if self._mdns_allowed():
                self._say("/etc/mdns.allow exists, so mdns sources are left to the C library", _at(source))
                return True
            return False
        self._say_unknown_source(source)
        return True

    # ── the steps that both eras share ───────────────────────────────────────────────────────────────────────

    def _special_characters(self, name: str) -> bool:
        if "\\" in name or "%" in name:
            self._say(f"'{name}' contains a backslash or a percent sign", "name", "net/conf.go")
            return True
        return False

    def _is_local(self, name: str) -> bool:
        if holds("name", ".local", self.minor) and is_local(name):
            self._say(f"'{name}' ends in .local", "name", "net/conf.go")
            return True
        return False

    def _hosts_sources(self) -> tuple[Source, ...] | Literal["missing", "error"]:
        switch = self._nsswitch()
        if switch == "missing":
            self._say("there is no nsswitch.conf", "nsswitch.conf", "net/conf.go")
            return "missing"
        if switch == "error":
            self._say("nsswitch.conf cannot be read", "nsswitch.conf", "net/conf.go")
            return "error"
        if switch.malformed is not None:
            word = switch.malformed
            where = f"nsswitch.conf:{word.line}:{word.column}"
            self._say(f"nsswitch.conf is malformed at '{word.text}'", where, "net/nss.go")
            return "error"
        sources = switch.sources.get("hosts", ())
        if not sources:
            self._say("nsswitch.conf names no source for hosts", "nsswitch.conf", "net/conf.go")
            return "missing"
        return sources

    def _order_without_sources(self) -> str:
        return "dns,files" if self.minor < 16 else "files,dns"

    def _named_order(self, kept: list[str], fallback: str) -> str:
        firsts = list(dict.fromkeys(kept))
        if not firsts:
            self._say("hosts names neither files nor dns", "nsswitch.conf", "net/conf.go")
            return fallback
        order = ",".join(firsts)
        self._say(f"nothing here that Go's own resolver cannot do: {order}", "nsswitch.conf", "net/conf.go")
        return order

    def _has_odd_criteria(self, source: Source) -> bool:
        if source.has_standard_criteria:
            return False
        text = f"the criteria after '{source.name}' are not the usual ones, which Go leaves to the C library"
        self._say(text, _at(source), "net/nss.go")
        return True

    def _say_unknown_source(self, source: Source) -> None:
        self._say(f"Go does not know source '{source.name}'", _at(source), "net/conf.go")

    def _is_special_to_myhostname(self, name: str, source: Source) -> bool:
        if self.minor < 8:
            # The name still has its trailing dot here, and that dot counts.
            special = "." not in name and (name != "" or self.minor < 7)
            why = f"myhostname is listed and '{name}' has no dot"
        elif name == "" and self.minor < REWRITE:
            return False
        else:
            special, why = self._is_own_name(name)
        if special:
            self._say(why, _at(source), "net/conf.go")
        return special

    def _is_own_name(self, name: str) -> tuple[bool, str]:
        gateways = [word for word in ("gateway", "_gateway", "_outbound") if holds("name", word, self.minor)]
        if is_localhost(name) or any(equal_fold(name, word) for word in gateways):
            return True, f"myhostname is listed and answers '{name}'"
        own = self.context.system_hostname
        if own is None:
            return True, "myhostname is listed and the machine's own name cannot be read"
        return equal_fold(name, own), f"myhostname is listed and '{name}' is the machine's own name"


def _without_others(sources: tuple[Source, ...]) -> Iterator[str]:
    """What a Go-forced binary makes of the line since 1.21: other sources stand for a dns that is missing."""
    has_dns = any(source.name == "dns" for source in sources)
    for source in sources:
        if source.name in {"files", "dns"}:
            yield source.name
        elif not has_dns:
            yield "dns"


def _at(source: Source) -> str:
    return f"nsswitch.conf:{source.word.line}:{source.word.column}"
