"""The smallest single changes that would make Go take the other resolver, each tried by deciding again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inspector.errors import InspectorError
from inspector.facts import Call, ContextFile, Decision, Flip, ResolverBuild, ResolverContext
from inspector.resolver.decision import decide
from inspector.resolver.resolv_conf import parse_resolv_conf
from inspector.resolver.table import option_known_since
from inspector.resolver.versions import minor_of

_FORCING = ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")
_OPTIONS = ("edns0", "single-request-reopen", "no-aaaa")
"""Options that hosts are known to have; no release up to Go 1.27 knows the last."""

_Tried = tuple[str, ResolverBuild, ResolverContext, str | None]


def flips(build: ResolverBuild, context: ResolverContext, name: str | None, call: Call) -> tuple[Flip, ...]:
    """Return the single changes to files, environment, name or Go release after which the other resolver is taken.

    Args:
        build: as for ``decide``.
        context: as for ``decide``.
        name: as for ``decide``.
        call: as for ``decide``.

    Raises:
        VersionUnknown, ContextUnknown: as ``decide``.
    """
    now = decide(build, context, name, call)
    if now.decision == "none":
        return ()
    return tuple(
        Flip(change=text)
        for text, other_build, other_context, other_name in _candidates(build, context, name, now)
        if _is_other(now, other_build, other_context, other_name, call)
    )


def _is_other(now: Decision, build: ResolverBuild, context: ResolverContext, name: str | None, call: Call) -> bool:
    try:
        then = decide(build, context, name, call)
    except InspectorError:
        return False
    return then.decision not in {now.decision, "none"}


def _candidates(build: ResolverBuild, context: ResolverContext, name: str | None, now: Decision) -> Iterator[_Tried]:
    for variable in _FORCING:
        if variable in context.env:
            yield f"unset {variable}", build, _with_env(context, variable, None), name
    for text, godebug in (("GODEBUG=netdns=go", "netdns=go"), ("GODEBUG=netdns=cgo", "netdns=cgo")):
        yield f"set {text}", build, _with_env(context, "GODEBUG", godebug), name
    if "GODEBUG" in context.env:
        yield "unset GODEBUG", build, _with_env(context, "GODEBUG", None), name
    yield from _file_candidates(build, context, name, now)
    if now.decision == "go":
        yield "set LOCALDOMAIN", build, _with_env(context, "LOCALDOMAIN", ""), name
        if name:
            yield f"look up a name in .local ('{name}' is none)", build, context, "peer.local"


def _file_candidates(
    build: ResolverBuild, context: ResolverContext, name: str | None, now: Decision
) -> Iterator[_Tried]:
    file = context.files.get("resolv.conf")
    minor = minor_of(build.version)
    if file is not None and file.special is None:
        text = file.text or ""
        unknown = parse_resolv_conf(text, minor).unknown
        if unknown:
            words = ", ".join(f"'{word.text}' (resolv.conf:{word.line})" for word in unknown)
            yield f"take {words} out", build, _with_file(context, "resolv.conf", _without(text, minor)), name
            since = max((option_known_since(word.text) or 99 for word in unknown), default=99)
            if since < 99:
                yield (
                    f"rebuild with Go 1.{since} or later, which knows them",
                    replace(build, version=f"1.{since}"),
                    context,
                    name,
                )
        for option in _OPTIONS if now.decision == "go" else ():
            changed = f"{text.rstrip()}\noptions {option}\n"
            yield f"'options {option}' in resolv.conf", build, _with_file(context, "resolv.conf", changed), name
    switch = context.files.get("nsswitch.conf")
    if switch is not None:
        plain = _with_file(context, "nsswitch.conf", "hosts: files dns\n")
        yield "'hosts: files dns' as the only hosts line of nsswitch.conf", build, plain, name
        other = _with_file(context, "nsswitch.conf", "hosts: files resolve dns\n")
        yield "a source such as 'resolve' in the hosts line of nsswitch.conf", build, other, name


def _without(text: str, minor: int) -> str:
    """Return the file without the words that this release does not know."""
    lines = text.split("\n")
    parsed = parse_resolv_conf(text, minor)
    for word in reversed(parsed.unknown):
        line = lines[word.line - 1]
        is_keyword = word in parsed.unknown_keywords
        lines[word.line - 1] = "" if is_keyword else line[: word.column - 1] + line[word.column - 1 + len(word.text) :]
    return "\n".join(lines)


def _with_env(context: ResolverContext, name: str, value: str | None) -> ResolverContext:
    env = {key: text for key, text in context.env.items() if key != name}
    if value is not None:
        env[name] = value
    unknown = tuple(variable for variable in context.env_unknown if variable != name)
    return replace(context, env=env, env_unknown=unknown)


def _with_file(context: ResolverContext, name: str, text: str) -> ResolverContext:
    return replace(context, files={**context.files, name: ContextFile(text=text)})
