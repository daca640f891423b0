"""The smallest single changes that would make Go take the other resolver, each tried by deciding again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from inspector.errors import InspectorError
from inspector.facts import Call, ContextFile, Decision, Flip, ResolverBuild, ResolverContext
from inspector.records import dataclass
from inspector.resolver.decision import VARIABLES, decide
from inspector.resolver.lines import Word
from inspector.resolver.nsswitch import Source, parse_nsswitch
from inspector.resolver.resolv_conf import parse_resolv_conf
from inspector.resolver.table import Rules, option_known_since, rules
from inspector.resolver.versions import NEWEST, minor_of

_OPTIONS = ("single-request-reopen", "edns0", "trust-ad", "no-aaaa")
"""Options that hosts are known to have; no release up to Go 1.27 knows the last."""
_PLAIN_HOSTS = "hosts: files dns"
_MAX_TEXT = 16 * 1024
"""Characters of a file in which single words are tried."""
_MAX_WORDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change to what a process sees (or to how its binary is built), and the state after it."""

    text: str
    build: ResolverBuild
    context: ResolverContext
    name: str | None
    then: Decision | None = None
    """What is decided after it."""
    until: str | None = None
    """The first Go release from which on it makes no difference; None: it makes one in every known release."""


def flips(build: ResolverBuild, context: ResolverContext, name: str | None, call: Call) -> tuple[Flip, ...]:
    """Return the smallest single changes to files, environment, name or build after which the other resolver is taken.

    Takes and raises what ``decide`` does.
    """
    return tuple(Flip(change=change.text, until=change.until) for change in changes(build, context, name, call))


def changes(build: ResolverBuild, context: ResolverContext, name: str | None, call: Call) -> tuple[Change, ...]:
    """Return the changes behind ``flips``, with the state that each leads to.

    Larger changes to a file are tried only where no smaller one of that file helps. Takes and raises what ``decide``
    does.
    """
    now = decide(build, context, name, call)
    if now.decision == "none":
        return ()
    start = Change(text="", build=build, context=context, name=name)
    found: dict[str, Change] = {}
    for group in _candidates(start, now):
        for size in group:
            tried = [_try(change, start, now, call) for change in size]
            worked = [change for change in tried if change is not None]
            found.update((change.text, change) for change in worked)
            if worked:
                break
    return tuple(found.values())


def _try(change: Change, start: Change, now: Decision, call: Call) -> Change | None:
    """Return the change with what it leads to, or None where the resolver stays."""
    then = _decided(change, call)
    if then is None or then.decision in {now.decision, "none"}:
        return None
    return replace(change, then=then, until=_until(change, start, call))


def _decided(change: Change, call: Call) -> Decision | None:
    try:
        return decide(change.build, change.context, change.name, call)
    except InspectorError:
        return None


def _until(change: Change, start: Change, call: Call) -> str | None:
    """Return the first release from which on, to the newest known, the change makes no difference."""
    if change.build != start.build:
        return None
    until = None
    for minor in range(NEWEST, minor_of(start.build.version), -1):
        version = f"1.{minor}"
        before = _decided(replace(start, build=replace(start.build, version=version)), call)
        after = _decided(replace(change, build=replace(change.build, version=version)), call)
        if before is None or after is None or before.decision != after.decision:
            break
        until = version
    return until


_Sizes = tuple[tuple[Change, ...], ...]
"""Candidates, smallest changes first."""


def _candidates(start: Change, now: Decision) -> Iterator[_Sizes]:
    to_go = now.decision == "cgo"
    yield (tuple(_environment(start, to_go=to_go)),)
    known = rules(minor_of(start.build.version))
    yield _resolv_conf_to_go(start, known) if to_go else _resolv_conf_to_cgo(start)
    yield _nsswitch_to_go(start, known) if to_go else _nsswitch_to_cgo(start, known)
    yield (tuple(_mdns_allow(start, to_go=to_go)),)
    yield (tuple(_names(start, to_go=to_go)),)
    yield (tuple(_builds(start, known, to_go=to_go)),)


# ── environment ──────────────────────────────────────────────────────────────────────────────────────────────────


def _environment(start: Change, *, to_go: bool) -> Iterator[Change]:
    env = start.context.env
    if to_go:
        for variable in VARIABLES:
            if variable in env:
                yield _with_env(start, f"unset {variable}", variable, None)
    else:
        yield _with_env(start, "set LOCALDOMAIN, to anything or nothing", "LOCALDOMAIN", "")
        for variable in VARIABLES[1:]:
            yield _with_env(start, f"set {variable} to anything", variable, "x")
    godebug = env.get("GODEBUG", "")
    others = [item for item in godebug.split(",") if item and not item.startswith("netdns=")]
    if "netdns=" in godebug:
        rest = ",".join(others)
        text = f"set GODEBUG={rest}" if others else "unset GODEBUG"
        yield _with_env(start, f"{text} (without netdns)", "GODEBUG", rest or None)
    value = ",".join([*others, "netdns=go" if to_go else "netdns=cgo"])
    yield _with_env(start, f"set GODEBUG={value}", "GODEBUG", value)


# ── resolv.conf ──────────────────────────────────────────────────────────────────────────────────────────────────


def _readable(start: Change, name: str) -> str | None:
    """Return a file's text where changes to single words can be tried."""
    file = start.context.files.get(name)
    if file is None or file.special is not None or (file.text is not None and len(file.text) > _MAX_TEXT):
        return None
    return file.text or ""


def _resolv_conf_to_go(start: Change, known: Rules) -> _Sizes:
    file = start.context.files.get("resolv.conf")
    if file is not None and file.special == "loop":
        mended = "make resolv.conf a file without options"
        return ((_with_file(start, mended, "resolv.conf", "nameserver 192.0.2.53\n"),),)
    text = _readable(start, "resolv.conf")
    if not text:
        return ()
    unknown = parse_resolv_conf(text, known.line_limit("resolv.conf")).unknown(known)
    if not unknown or len(unknown) > _MAX_WORDS:
        return ()
    words = ", ".join(f"'{word.text}' (resolv.conf:{word.line})" for _, word in unknown)
    return ((_with_file(start, f"take {words} out", "resolv.conf", _without_words(text, unknown)),),)


def _without_words(text: str, unknown: tuple[tuple[str, Word], ...]) -> str:
    """Return the file without words; a line with an unknown keyword goes whole."""
    lines = text.split("\n")
    for what, word in reversed(unknown):
        line = lines[word.line - 1]
        before, after = line[: word.column - 1], line[word.column - 1 + len(word.text) :]
        lines[word.line - 1] = "" if what == "keyword" else before + after.lstrip(" \t") if after else before.rstrip()
    return "\n".join(lines)


def _resolv_conf_to_cgo(start: Change) -> _Sizes:
    text = _readable(start, "resolv.conf")
    if text is None:
        return ()
    joint = "" if not text or text.endswith("\n") else "\n"
    added = [
        _with_file(start, f"'options {option}' in resolv.conf", "resolv.conf", f"{text}{joint}options {option}\n")
        for option in _OPTIONS
    ]
    return (tuple(added),)


# ── nsswitch.conf ────────────────────────────────────────────────────────────────────────────────────────────────


def _nsswitch_to_go(start: Change, known: Rules) -> _Sizes:
    file = start.context.files.get("nsswitch.conf")
    if file is None:
        return ()
    whole = (_with_file(start, f"'{_PLAIN_HOSTS}' as all of nsswitch.conf", "nsswitch.conf", f"{_PLAIN_HOSTS}\n"),)
    text = _readable(start, "nsswitch.conf")
    if not text:
        return (whole,)
    switch = parse_nsswitch(text, known.line_limit("nsswitch.conf"))
    if switch.malformed is not None:
        word = switch.malformed
        lines = text.split("\n")
        lines[word.line - 1] = ""
        taken = _with_file(start, f"take line {word.line} out of nsswitch.conf", "nsswitch.conf", "\n".join(lines))
        return ((taken,), whole)
    sources = switch.sources.get("hosts", ())
    single = list(_blanks_for_tabs(start, text, sources))
    for source in sources[:_MAX_WORDS]:
        at = f"(nsswitch.conf:{source.word.line})"
        if source.bracket is not None:
            text_after = _cut(text, source.bracket, source.bracket)
            told = f"take '{source.bracket.text}' after '{source.name}' out {at}"
            single.append(_with_file(start, told, "nsswitch.conf", text_after))
        if source.name not in {"files", "dns"}:
            text_after = _cut(text, source.word, source.bracket or source.word)
            single.append(_with_file(start, f"take '{source.name}' out {at}", "nsswitch.conf", text_after))
    return (tuple(single), (_with_hosts_line(start, text, sources),), whole)


def _blanks_for_tabs(start: Change, text: str, sources: tuple[Source, ...]) -> Iterator[Change]:
    """Yield the change that parts sources which a tab has fused."""
    fused = {source.word.line for source in sources if "\t" in source.name}
    if fused:
        lines = text.split("\n")
        for number in fused:
            lines[number - 1] = lines[number - 1].replace("\t", " ")
        told = f"blanks for tabs between sources (nsswitch.conf:{min(fused)})"
        yield _with_file(start, told, "nsswitch.conf", "\n".join(lines))


def _with_hosts_line(start: Change, text: str, sources: tuple[Source, ...]) -> Change:
    """Replace the lines of hosts by a plain one that keeps the order of files and dns."""
    words = [word for source in sources for word in source.name.split() if word in {"files", "dns"}]
    order = list(dict.fromkeys(words)) or ["files", "dns"]
    plain = f"hosts: {' '.join(order)}"
    lines = text.split("\n")
    for number in {source.word.line for source in sources}:
        lines[number - 1] = ""
    if sources:
        lines[sources[0].word.line - 1] = plain
    return _with_file(start, f"'{plain}' in nsswitch.conf", "nsswitch.conf", "\n".join(lines))


def _cut(text: str, first: Word, last: Word) -> str:
    lines = text.split("\n")
    line = lines[first.line - 1]
    end = last.column - 1 + len(last.text)
    lines[first.line - 1] = (line[: first.column - 1].rstrip(" ") + " " + line[end:].lstrip(" ")).rstrip(" ")
    return "\n".join(lines)


def _nsswitch_to_cgo(start: Change, known: Rules) -> _Sizes:
    text = _readable(start, "nsswitch.conf")
    if text is None:
        return ()
    sources = parse_nsswitch(text, known.line_limit("nsswitch.conf")).sources.get("hosts", ())
    added = []
    for source in ("resolve", "myhostname"):
        told = f"source '{source}' in the hosts line of nsswitch.conf"
        if sources:
            lines = text.split("\n")
            word = sources[0].word
            line = lines[word.line - 1]
            lines[word.line - 1] = f"{line[: word.column - 1]}{source} {line[word.column - 1 :]}"
            added.append(_with_file(start, told, "nsswitch.conf", "\n".join(lines)))
        else:
            joint = "" if not text or text.endswith("\n") else "\n"
            added.append(_with_file(start, told, "nsswitch.conf", f"{text}{joint}hosts: files {source} dns\n"))
    return (tuple(added),)


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _mdns_allow(start: Change, *, to_go: bool) -> Iterator[Change]:
    file = start.context.files.get("mdns.allow")
    if file is None:
        return
    there = file.special in {"dir", "loop", "mode000"} or (file.special is None and file.text is not None)
    if to_go and there:
        yield _with_file(start, "remove /etc/mdns.allow", "mdns.allow", None)
    elif not to_go and not there:
        yield _with_file(start, "create /etc/mdns.allow", "mdns.allow", "")


def _names(start: Change, *, to_go: bool) -> Iterator[Change]:
    name = start.name or ""
    if not name:
        return
    if to_go:
        yield replace(start, text="look up a plain name such as 'peer0.example.com'", name="peer0.example.com")
        return
    yield replace(start, text="look up a name that ends in .local", name="peer0.local")
    yield replace(start, text="look up 'localhost'", name="localhost")
    yield replace(start, text="look up a name with a backslash or a percent sign", name="peer0\\.example.com")


def _builds(start: Change, known: Rules, *, to_go: bool) -> Iterator[Change]:
    build = start.build
    if not to_go:
        return
    text = _readable(start, "resolv.conf")
    if text:
        unknown = parse_resolv_conf(text, known.line_limit("resolv.conf")).unknown(known)
        needed = [option_known_since(word.text) if what == "option" else None for what, word in unknown]
        if needed and None not in needed:
            since = max(number for number in needed if number is not None)
            text = f"rebuild with Go 1.{since} or later, which knows every option of resolv.conf"
            yield replace(start, text=text, build=replace(build, version=f"1.{since}"))
    yield replace(start, text="build with CGO_ENABLED=0 or -tags netgo", build=replace(build, cgo=False))


def _with_env(start: Change, text: str, variable: str, value: str | None) -> Change:
    context = start.context
    env: Mapping[str, str] = {key: given for key, given in context.env.items() if key != variable}
    if value is not None:
        env = {**env, variable: value}
    unknown = tuple(name for name in context.env_unknown if name != variable)
    return replace(start, text=text, context=replace(context, env=env, env_unknown=unknown))


def _with_file(start: Change, text: str, file: str, content: str | None) -> Change:
    files = {**start.context.files, file: ContextFile(text=content)}
    return replace(start, text=text, context=replace(start.context, files=files))
