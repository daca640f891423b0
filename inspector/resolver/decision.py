"""``decide()``: which resolver Go takes for one call, and every reason, in the order in which Go meets them.

Go looks for obstacles: things that its own resolver cannot or may not do. The first one decides: ``cgo``, or
``files,dns`` in a binary forced to Go's resolver (up to Go 1.20; since Go 1.21 obstacles do not count there).
Without an obstacle the sources of nsswitch.conf give the order. The table says what each release takes for an obstacle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from itertools import islice
from typing import Literal

from inspector.errors import InspectorError
from inspector.escaping import printable
from inspector.facts import Call, ContextFile, Decision, Reason, Resolver, ResolverBuild, ResolverContext
from inspector.records import dataclass
from inspector.resolver.godebug import Mode, netdns_mode
from inspector.resolver.lines import Word
from inspector.resolver.names import (
    equal_fold,
    is_ip_literal,
    is_local,
    is_localhost,
    is_port_number,
    without_root_dot,
)
from inspector.resolver.nsswitch import NssSwitch, Source, parse_nsswitch
from inspector.resolver.resolv_conf import ResolvConf, parse_resolv_conf
from inspector.resolver.table import Entry, Kind, Rules, option_known_since, rules
from inspector.resolver.versions import NEWEST, OLDEST, VersionUnknown, release_of

VARIABLES = ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")
"""Variables that leave every look-up to the C library; GODEBUG apart."""
_OWN_CLIENT: frozenset[Call] = frozenset({"txt", "srv", "mx", "ns"})
_LITERAL_CALLS: frozenset[Call] = frozenset({"host", "ip", "dial"})
_FALLBACK_DNS = "files,dns"
FILES = ("resolv.conf", "nsswitch.conf", "mdns.allow")
_SHOWN = 20
"""Unknown words of one file that are told."""


class ContextUnknown(InspectorError):
    """The decision depends on something of the context that is not known."""


def decide(
    build: ResolverBuild, context: ResolverContext, name: str | None, call: Call, *, brief: bool = False
) -> Decision:
    """Return which resolver a Go program takes.

    Args:
        build: the binary's Go version, whether net's C resolver is compiled in, its tags and embedded GODEBUG.
        context: the files, variables, user and host name that the process will see.
        name: what is looked up; None or empty for calls without a name.
        call: the function of package net (``host`` for LookupHost, ``dial`` for Dial by name, …).
        brief: leave out what does not decide: ``further`` and ``running`` stay empty.

    Returns:
        The resolver, the lookup order as Go's own debug output writes it (None where Go prints none), the reasons.

    Raises:
        VersionUnknown: if the Go version is no known release.
        ContextUnknown: if the decision depends on a file, variable or host name that is not known.
    """
    release = release_of(build.version)
    question = _Question(build, context, name or "", call, brief)
    decision = _decide_for_any(question) if release.minor is None else _decide_for(release.minor, question)
    if release.assumed is None:
        return decision
    text = f"{release.assumed}; it is taken to keep the rules of Go 1.{release.minor or NEWEST}"
    reason = Reason(text=text, rule="release:assumed", word=build.version)
    return replace(decision, reasons=(*decision.reasons, reason), assumed=release.assumed)


@dataclass(frozen=True, slots=True)
class _Question:
    build: ResolverBuild
    context: ResolverContext
    name: str
    call: Call
    brief: bool


def _decide_for_any(question: _Question) -> Decision:
    """Decide for a build of some release, if every release decides the same."""
    decisions = [_decide_for(minor, question) for minor in range(OLDEST, NEWEST + 1)]
    if len({(decision.decision, decision.order) for decision in decisions}) > 1:
        raise VersionUnknown(
            f"'{printable(question.build.version, limit=60)}' is a development build that does not say which release "
            "it came from, and releases decide differently here"
        )
    return decisions[-1]


def _decide_for(minor: int, question: _Question) -> Decision:
    build, context = question.build, question.context
    decision = _Choice(rules(minor), build, context, question.brief).decide(question.name, question.call)
    for variable in context.env_unknown:
        for value in _alternatives(variable):
            changed = _with_variable(context, variable, value)
            other = _Choice(rules(minor), build, changed, question.brief).decide(question.name, question.call)
            if (other.decision, other.order) != (decision.decision, decision.order):
                raise ContextUnknown(
                    f"the value of {variable} cannot be told, and the choice of resolver depends on it"
                )
    return decision


def _alternatives(variable: str) -> tuple[str | None, ...]:
    if variable == "GODEBUG":
        return (None, "netdns=go", "netdns=cgo")
    return (None, "x") if variable in VARIABLES else ()


def _with_variable(context: ResolverContext, variable: str, value: str | None) -> ResolverContext:
    env = {key: text for key, text in context.env.items() if key != variable}
    if value is not None:
        env[variable] = value
    return replace(context, env=env, env_unknown=())


@dataclasses.dataclass
class _Choice:
    """One walk through Go's procedure; collects reasons on its way."""

    rules: Rules
    build: ResolverBuild
    context: ResolverContext
    brief: bool
    reasons: list[Reason] = field(default_factory=list)
    further: tuple[Reason, ...] = ()
    running: list[Reason] = field(default_factory=list)

    def decide(self, name: str, call: Call) -> Decision:
        if call in _OWN_CLIENT:
            self._say("call", "txt srv mx ns", f"Lookup{call.upper()} always uses Go's own DNS client")
            return self._result("go", None)
        if call == "port":
            return self._decide_port(name)
        if call in _LITERAL_CALLS:
            if name == "":
                self._say("call", "no name", "without a name no resolver is asked")
                return self._result("none", None)
            if is_ip_literal(name, self.rules.literal_form(call)):
                word = "zone" if "%" in name and self.rules.has("literal", "zone") else "address"
                self._say("literal", word, "an address is taken as it is; no resolver is asked", "name", name)
                return self._result("none", None)
        return self._by_order(self._asked(name, call))

    def _asked(self, name: str, call: Call) -> str:
        """Return the name that the order is chosen for."""
        if call == "addr":
            self._say("call", "addr", "for an address the resolver is chosen as for an empty name")
            return ""
        if call == "cname" and self.rules.entry("call", "cname").until is not None:
            self._say("call", "cname", "for LookupCNAME the resolver is chosen as for an empty name")
            return ""
        return name

    def _by_order(self, asked: str) -> Decision:
        order = self._order(asked)
        return self._result("cgo" if order == "cgo" else "go", order)

    def _decide_port(self, name: str) -> Decision:
        empty = self.rules.has("call", "port, empty")
        if (name == "" and empty) or (name and is_port_number(name) and self.rules.has("call", "port, number")):
            word = "port, number" if name else "port, empty"
            self._say("call", word, "a port's number is taken as it is; nobody is asked", "name", name)
            return self._result("none", None)
        if self.rules.entry("call", "port").until is not None:
            self._say("call", "port", "for a port the resolver is chosen as for an empty name")
            return self._by_order("")
        if self._forced() is not None:
            return self._result("go", None)
        self._say("call", "port", "a named port is looked up by cgo wherever cgo may be used")
        return self._result("cgo", None)

    def _result(self, resolver: Resolver, order: str | None) -> Decision:
        return Decision(
            decision=resolver,
            order=order,
            reasons=tuple(self.reasons),
            further=self.further,
            running=tuple(self.running),
        )

    def _say(self, kind: Kind, rule: str, text: str, where: str | None = None, word: str | Word | None = None) -> None:
        self.reasons.append(self._reason(self.rules.entry(kind, rule), text, where, word))

    @staticmethod
    def _reason(entry: Entry, text: str, where: str | None = None, word: str | Word | None = None) -> Reason:
        """Return a reason with what the table says of its rule."""
        place = f"{where}:{word.line}:{word.column}" if isinstance(word, Word) else where
        return Reason(
            text=text,
            where=place,
            source=entry.source,
            rule=entry.rule,
            word=word.text if isinstance(word, Word) else word,
            column=word.column if isinstance(word, Word) else None,
            since=f"1.{entry.since}" if entry.since > OLDEST else None,
            until=f"1.{entry.until}" if entry.until is not None else None,
        )

    # ── the order ────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, name: str) -> str:
        forced = self._forced()
        fixed = self.rules.find("fallback", "forced: fixed")
        if forced and self.rules.has("fallback", "forced: at once"):
            self._say("fallback", "forced: at once", "a binary forced to Go's own resolver takes files,dns at once")
            return _FALLBACK_DNS
        if forced is None or fixed is not None:
            obstacles = self._obstacles(name)
            first = next(obstacles, None)
            if first is not None:
                self.reasons.extend(first)
                # What stands in no file stays as it is while the process runs.
                running = self.running[:] if (first[0].where or "").startswith(FILES) else []
                self.further = () if self.brief else tuple(islice(_known(obstacles), _SHOWN))
                self.running = running
                if forced and fixed:
                    text = "a binary forced to Go's own resolver takes files,dns where another would ask the C library"
                    self.reasons.append(self._reason(fixed, text))
                return _FALLBACK_DNS if forced else "cgo"
        return self._order_by_sources(forced is not None)

    def _obstacles(self, name: str) -> Iterator[tuple[Reason, ...]]:
        """Yield what Go's own resolver cannot or may not do, in the order in which this release looks."""
        steps = {
            "tags and GODEBUG": self._asked_for_cgo,
            "variables": self._variables,
            "characters": self._characters,
            "resolv.conf": self._resolv_conf_obstacles,
            ".local": self._local,
            "nsswitch.conf": self._nsswitch_obstacles,
        }
        for step in self.rules.steps:
            yield from steps[step](name)

    # ── what is compiled in and asked for ────────────────────────────────────────────────────────────────────

    @property
    def _mode(self) -> Mode:
        return netdns_mode(self.build, self.context, self.rules.minor)

    def _forced(self) -> Reason | None:
        """Return, and tell, what forces the binary to Go's own resolver."""
        if not self.build.cgo:
            self._say("build", "without cgo", "the cgo resolver is not compiled in")
        elif "netgo" in self.build.tags:
            self._say("build", "netgo", "the cgo resolver is not compiled in: built with tag netgo", "tags", "netgo")
        elif (mode := self._mode).mode == "go":
            self._say("godebug", "netdns=go", "netdns=go asks for Go's own resolver", mode.where, mode.word)
        else:
            if mode.replaced_default:
                text = "netdns in GODEBUG names no resolver, and puts the embedded one out of force"
                self._say("godebug", "embedded", text, "env GODEBUG", self.build.default_godebug)
            return None
        return self.reasons[-1]

    def _asked_for_cgo(self, _name: str) -> Iterator[tuple[Reason, ...]]:
        if "netcgo" in self.build.tags and self.build.cgo:
            entry = self.rules.entry("build", "netcgo")
            yield (self._reason(entry, "built with tag netcgo", "tags", "netcgo"),)
        if (mode := self._mode).mode == "cgo":
            entry = self.rules.entry("godebug", "netdns=cgo")
            yield (self._reason(entry, "netdns=cgo asks for the cgo resolver", mode.where, mode.word),)

    def _variables(self, _name: str) -> Iterator[tuple[Reason, ...]]:
        for variable in VARIABLES:
            value = self.context.env.get(variable)
            if value is not None and (value or variable == "LOCALDOMAIN"):
                text = f"{variable} is set, which Go leaves to the C library"
                entry = self.rules.entry("environment", variable)
                yield (self._reason(entry, text, f"env {variable}", value),)

    # ── the name ─────────────────────────────────────────────────────────────────────────────────────────────

    def _characters(self, name: str) -> Iterator[tuple[Reason, ...]]:
        for character in "\\%":
            if character in name:
                text = f"'{name}' contains a {'backslash' if character != '%' else 'percent sign'}"
                yield (self._reason(self.rules.entry("name", character), text, "name", name),)
                return

    def _local(self, name: str) -> Iterator[tuple[Reason, ...]]:
        entry = self.rules.find("name", ".local")
        if entry is not None and is_local(without_root_dot(name)):
            yield (self._reason(entry, f"'{name}' ends in .local", "name", name),)

    # ── resolv.conf ──────────────────────────────────────────────────────────────────────────────────────────

    def _file(self, name: str) -> ContextFile:
        file = self.context.files.get(name)
        if file is None:
            raise ContextUnknown(f"{name} is not known, and the choice of resolver depends on it")
        return file

    def _is_denied(self, file: ContextFile, name: str) -> bool:
        if file.special != "mode000":
            return False
        if self.context.uid is None:
            raise ContextUnknown(f"{name} can be read by root alone, and the process's user is not known")
        return bool(self.context.uid)

    def _resolv_conf(self) -> ResolvConf | Literal["error"]:
        file = self._file("resolv.conf")
        if file.special == "loop":
            return "error"
        # Missing and unreadable files give defaults; a directory opens and reads as if it were empty.
        if file.special in {"dir", "dangling"} or file.text is None or self._is_denied(file, "resolv.conf"):
            return ResolvConf()
        return parse_resolv_conf(file.text, self.rules.line_limit("resolv.conf"))

    def _resolv_conf_obstacles(self, _name: str) -> Iterator[tuple[Reason, ...]]:
        conf = self._resolv_conf()
        if conf == "error":
            self._notice("resolv.conf")
            entry = self.rules.entry("file", "resolv.conf error")
            yield (self._reason(entry, "resolv.conf cannot be opened", "resolv.conf"),)
            return
        self._notice_resolv_conf(conf)
        self._say_cut("resolv.conf", conf.cut)
        unknown = conf.unknown(self.rules)
        if unknown:
            yield tuple(self._unknown_word(what, word) for what, word in islice(unknown, _SHOWN))

    def _unknown_word(self, what: str, word: Word) -> Reason:
        since = option_known_since(word.text) if what == "option" else None
        later = f"; Go 1.{since} and later know it" if since is not None else ""
        source = self.rules.entry("keyword", "options").source
        return Reason(
            text=f"Go 1.{self.rules.minor} does not know {what} '{word.text}'{later}",
            where=f"resolv.conf:{word.line}:{word.column}",
            source=source,
            rule=f"{what}:unknown",
            word=word.text,
            column=word.column,
            until=None if since is None else f"1.{since}",
        )

    def _say_cut(self, file: str, line: int | None) -> None:
        if line is not None and not any(reason.rule == f"limit:{file}" for reason in self.reasons):
            text = f"line {line} of {file} is too long for Go 1.{self.rules.minor}, which reads no further"
            self._say("limit", file, text, file)

    # ── nsswitch.conf ────────────────────────────────────────────────────────────────────────────────────────

    def _nsswitch(self) -> NssSwitch | Literal["missing", "error"]:
        file = self._file("nsswitch.conf")
        if file.special == "loop" or self._is_denied(file, "nsswitch.conf"):
            return "error"
        if file.special == "dir":
            entry = self.rules.entry("file", "nsswitch.conf directory")
            return "missing" if entry.until is None else "error"
        if file.special == "dangling" or file.text is None:
            return "missing"
        return parse_nsswitch(file.text, self.rules.line_limit("nsswitch.conf"))

    def _hosts(self) -> tuple[tuple[Source, ...], Reason | None]:
        """Return the sources of hosts, or none and why: the rule ``no hosts sources``, or one that is an obstacle."""
        switch = self._nsswitch()
        if switch == "error":
            entry = self.rules.entry("file", "nsswitch.conf error")
            return (), self._reason(entry, "nsswitch.conf cannot be read", "nsswitch.conf")
        missing = self.rules.entry("fallback", "no hosts sources")
        if switch != "missing":
            self._say_cut("nsswitch.conf", switch.cut)
        if switch == "missing":
            return (), self._reason(missing, "there is no nsswitch.conf", "nsswitch.conf")
        if switch.malformed is not None:
            word = switch.malformed
            text = f"nsswitch.conf is malformed at '{word.text}'"
            return (), self._reason(self.rules.entry("criteria", "malformed"), text, "nsswitch.conf", word)
        sources = switch.sources.get("hosts", ())
        if not sources:
            return (), self._reason(missing, "nsswitch.conf names no source for hosts", "nsswitch.conf")
        return sources, None

    def _nsswitch_obstacles(self, name: str) -> Iterator[tuple[Reason, ...]]:
        plain = without_root_dot(name)
        self._notice("nsswitch.conf")
        sources, reason = self._hosts()
        if reason is not None:
            if reason.rule != "fallback:no hosts sources":
                yield (reason,)
            return
        at_once = self.rules.entry("source", "mdns").until is None
        mdns: Source | None = None
        for source in sources:
            found = self._source_obstacle(source, name, plain)
            if found is not None:
                yield (found,)
            if source.name.startswith("mdns") and not at_once:
                mdns = mdns or source
        if mdns is not None:
            found = self._mdns_allow_obstacle(mdns)
            if found is not None:
                yield (found,)
        if not any(source.name in {"files", "dns"} for source in sources):
            entry = self.rules.entry("fallback", "neither files nor dns")
            yield (self._reason(entry, "hosts names neither files nor dns", "nsswitch.conf", sources[0].word),)

    def _source_obstacle(self, source: Source, name: str, plain: str) -> Reason | None:
        if source.name in {"files", "dns"}:
            if source.has_standard_criteria:
                return None
            text = f"the criteria after '{source.name}' are not the usual ones, which Go leaves to the C library"
            entry = self.rules.entry("criteria", "standard")
            return self._reason(entry, text, "nsswitch.conf", source.bracket or source.word)
        if source.name != "myhostname" and not source.name.startswith("mdns"):
            text = f"Go does not know source '{source.name}'"
            if "\t" in source.name:
                text += " (a tab does not separate sources)"
            return self._reason(self.rules.entry("source", "any other"), text, "nsswitch.conf", source.word)
        nameless = self.rules.find("source", "no name")
        if nameless is not None and not plain:
            text = f"without a name, source '{source.name}' is left to the C library"
            return self._reason(nameless, text, "nsswitch.conf", source.word)
        if source.name == "myhostname":
            return self._myhostname_obstacle(source, name, plain)
        return self._mdns_obstacle(source, plain)

    def _mdns_obstacle(self, source: Source, plain: str) -> Reason | None:
        entry = self.rules.find("source", "mdns, .local")
        if entry is not None and is_local(plain):
            text = f"'{plain}' ends in .local, and {source.name} is listed"
            return self._reason(entry, text, "nsswitch.conf", source.word)
        if self.rules.entry("source", "mdns").until is None:
            return self._mdns_allow_obstacle(source)
        return None

    def _mdns_allow_obstacle(self, source: Source) -> Reason | None:
        file = self._file("mdns.allow")
        if not any(reason.rule == "reload:mdns.allow" for reason in self.running):
            self._notice("mdns.allow")
        if file.special == "loop":
            entry = self.rules.entry("file", "mdns.allow error")
            if entry.until is not None:
                return None
            text = "/etc/mdns.allow cannot be looked at, so mdns sources are left to the C library"
            return self._reason(entry, text, "nsswitch.conf", source.word)
        if file.special == "dangling" or (file.special is None and file.text is None):
            return None
        text = "/etc/mdns.allow exists, so mdns sources are left to the C library"
        return self._reason(self.rules.entry("file", "mdns.allow"), text, "nsswitch.conf", source.word)

    def _myhostname_obstacle(self, source: Source, name: str, plain: str) -> Reason | None:
        entry = self.rules.entry("source", "myhostname")
        if entry.until is not None:
            # The name still has its trailing dot here, and that dot counts.
            if "." in name or (name == "" and not self.rules.has("source", "myhostname, no name")):
                return None
            return self._reason(entry, f"myhostname is listed and '{name}' has no dot", "nsswitch.conf", source.word)
        special = self._special_name(plain)
        return None if special is None else self._reason(special[0], special[1], "nsswitch.conf", source.word)

    def _special_name(self, name: str) -> tuple[Entry, str] | None:
        answered = f"myhostname is listed and answers '{name}'"
        if is_localhost(name):
            return self.rules.entry("name", "localhost"), answered
        for word in ("gateway", "_gateway", "_outbound"):
            gateway = self.rules.find("name", word)
            if gateway is not None and equal_fold(name, word):
                return gateway, answered
        entry, own = self.rules.entry("name", "the machine's own"), self.context.system_hostname
        if own is None:
            if entry.until is None and name:
                raise ContextUnknown("the machine's own name is not known, and the choice of resolver depends on it")
            return (entry, "myhostname is listed and the machine's own name cannot be read") if entry.until else None
        if equal_fold(name, own):
            return entry, f"myhostname is listed and '{name}' is the machine's own name"
        return None

    # ── without an obstacle ──────────────────────────────────────────────────────────────────────────────────

    def _order_by_sources(self, forced: bool) -> str:
        obstacles_counted = not forced or self.rules.has("fallback", "forced: fixed")
        if not obstacles_counted:
            self._notice("nsswitch.conf")
        sources, reason = self._hosts()
        if reason is not None:
            self.reasons.append(reason)
            if reason.rule != "fallback:no hosts sources":
                return _FALLBACK_DNS
            return "dns,files" if self.rules.entry("fallback", "no hosts sources").until else _FALLBACK_DNS
        if not obstacles_counted:
            return self._order_by_all_sources(sources)
        return self._named_order([source for source in sources if source.name in {"files", "dns"}])

    def _order_by_all_sources(self, sources: tuple[Source, ...]) -> str:
        """Order of a forced binary since Go 1.21: another source stands for a dns that is nowhere in the line."""
        has_dns = any(source.name == "dns" for source in sources)
        others = [source for source in sources if source.name not in {"files", "dns"}]
        if others and not has_dns:
            text = f"source '{others[0].name}' stands for dns, which is not listed"
            self._say("fallback", "forced: nsswitch.conf decides", text, "nsswitch.conf", others[0].word)
        kept = [source for source in sources if source.name in {"files", "dns"} or not has_dns]
        return self._named_order(kept)

    def _named_order(self, kept: list[Source]) -> str:
        names = list(dict.fromkeys(source.name if source.name == "files" else "dns" for source in kept))
        order = ",".join(names)
        first = kept[0].word
        text = f"nothing here that Go's own resolver cannot do: {order}"
        entry = self.rules.entry("source", kept[0].name if kept[0].name == "files" else "dns")
        reason = self._reason(entry, text, "nsswitch.conf", first)
        self.reasons.append(replace(reason, rule="order:sources", word=" ".join(names)))
        return order

    # ── what a running process notices ───────────────────────────────────────────────────────────────────────

    def _notice(self, file: str) -> None:
        if self.brief:
            return
        entry = self.rules.entry("reload", file)
        verb = "looks for" if file == "mdns.allow" else "reads"
        text = f"Go 1.{self.rules.minor} {verb} {file} once: a change counts for new processes only"
        if entry.until is None:
            often = "at every look-up" if file == "mdns.allow" else "again, at most every 5 s"
            text = f"Go 1.{self.rules.minor} {verb} {file} {often}: a change changes the choice of a running process"
        self.running.append(self._reason(entry, text, file))

    def _notice_resolv_conf(self, conf: ResolvConf) -> None:
        if self.brief:
            return
        entry = self.rules.entry("reload", "resolv.conf")
        known = self.rules.has("option", "no-reload")
        frozen = next((word for word in conf.options if word.text == "no-reload" and known), None)
        if frozen is not None:
            text = "no-reload: what a running process has read of resolv.conf stays; a change counts for new ones only"
            self.running.append(self._reason(entry, text, "resolv.conf", frozen))
            return
        self._notice("resolv.conf")
        always = self.rules.find("reload", "resolv.conf without nameserver")
        form = self.rules.literal_form("host")
        if always is not None and not any(is_ip_literal(word.text, form) for word in conf.nameservers):
            text = "as long as resolv.conf names no nameserver, it is looked at again at every look-up"
            self.running.append(self._reason(always, text, "resolv.conf"))


def _known(obstacles: Iterable[tuple[Reason, ...]]) -> Iterator[Reason]:
    """Yield the rest of the obstacles as far as they are known."""
    try:
        for found in obstacles:
            yield from found
    except ContextUnknown:
        return
