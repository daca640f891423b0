"""One JSON case of ``inspector resolve --batch`` to its answer; also the case's context, for ``judge --batch``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from inspector.errors import InspectorError, UsageError
from inspector.escaping import printable
from inspector.facts import Call, ContextFile, Decision, Reason, ResolverBuild, ResolverContext, Special
from inspector.resolver.decision import decide

CALLS: frozenset[str] = frozenset({"host", "ip", "dial", "port", "cname", "addr", "txt", "srv", "mx", "ns"})
_FILES = ("resolv.conf", "nsswitch.conf", "mdns.allow", "hosts", "passwd", "group", "services")
_SPECIALS: frozenset[str] = frozenset(get_args(Special))


def answer(case: object) -> dict[str, Any]:
    """Answer one case; a case that cannot be understood is answered with ``id`` and ``error``."""
    if not isinstance(case, dict):
        return {"id": None, "error": "a case is a JSON object"}
    identity = case.get("id")
    try:
        build = build_of(case)
        call = call_of(case, CALLS)
        decision = decide(build, context_of(case), text_of(case, "name"), call)
    except InspectorError as error:
        return {"id": identity, "error": str(error)}
    return {"id": identity, **decision_of(decision)}


def decision_of(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON shows it."""
    return {
        "order": decision.order,
        "decision": decision.decision,
        "reasons": [reason_of(reason) for reason in decision.reasons],
        "further": [reason_of(reason) for reason in decision.further],
        "running": [reason_of(reason) for reason in decision.running],
        "assumed": decision.assumed,
    }


def reason_of(reason: Reason) -> dict[str, str | int | None]:
    """Return a reason as JSON shows it: ``where`` is the file and line, the column stands by itself."""
    where = reason.where
    if where is not None and reason.column is not None:
        where = where.removesuffix(f":{reason.column}")
    return {
        "text": reason.text,
        "where": where,
        "column": reason.column,
        "word": reason.word,
        "rule": reason.rule,
        "since": reason.since,
        "until": reason.until,
        "source": reason.source,
    }


def build_of(case: Mapping[str, Any]) -> ResolverBuild:
    """Return the build that a case describes (``go``, ``cgo``, ``tags``, ``default_godebug``).

    Raises:
        UsageError: if a field is missing or of the wrong type.
    """
    version, cgo = case.get("go"), case.get("cgo")
    if not isinstance(version, str):
        raise UsageError("'go' must be a Go version such as \"1.15.15\"")
    if not isinstance(cgo, bool):
        raise UsageError("'cgo' must be true or false")
    return ResolverBuild(
        version=version, cgo=cgo, tags=tags_of(case) or (), default_godebug=text_of(case, "default_godebug")
    )


def tags_of(fields: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return build tags, None where they are null or absent.

    Raises:
        UsageError: if they are no list of words.
    """
    tags = fields.get("tags")
    if not (tags is None or (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags))):
        raise UsageError("'tags' must be null or a list of words")
    return None if tags is None else tuple(tags)


def call_of(case: Mapping[str, Any], calls: frozenset[str]) -> Call:
    """Return a case's call.

    Raises:
        UsageError: if it is none of ``calls``.
    """
    call = case.get("call", "host")
    if not isinstance(call, str) or call not in calls:
        raise UsageError(f"'call' must be one of {', '.join(sorted(calls))}, not '{printable(str(call), limit=40)}'")
    return cast("Call", call)


def context_of(case: Mapping[str, Any]) -> ResolverContext:
    """Return the context that a case describes.

    A file that is null does not exist; one whose key is absent is not known. ``special`` overrides: ``dir``, ``loop``,
    ``dangling``, ``mode000``.

    Raises:
        UsageError: if a field is of the wrong type.
    """
    files, special = _object(case, "files"), _object(case, "special")
    found: dict[str, ContextFile] = {}
    for name in _FILES:
        if name not in files and name not in special:
            continue
        text, kind = files.get(name), special.get(name)
        if not (text is None or isinstance(text, str)):
            raise UsageError(f"file '{name}' must be text or null")
        if not (kind is None or (isinstance(kind, str) and kind in _SPECIALS)):
            raise UsageError(f"special '{name}' must be one of {', '.join(sorted(_SPECIALS))}")
        found[name] = ContextFile(text=text, special=cast("Special | None", kind))
    env = _object(case, "env")
    if not all(isinstance(value, str) for value in env.values()):
        raise UsageError("'env' must map names to texts")
    uid = case.get("uid")
    if not (uid is None or (isinstance(uid, int) and not isinstance(uid, bool) and 0 <= uid < 2**32)):
        raise UsageError("'uid' must be null or a number from 0 to 4294967295")
    return ResolverContext(files=found, env=env, uid=uid, system_hostname=text_of(case, "system_hostname"))


def text_of(case: Mapping[str, Any], key: str) -> str | None:
    """Return a field that is text or null.

    Raises:
        UsageError: if it is something else.
    """
    value = case.get(key)
    if not (value is None or isinstance(value, str)):
        raise UsageError(f"'{key}' must be text or null")
    return value


def _object(case: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = case.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"'{key}' must be an object")
    return value
