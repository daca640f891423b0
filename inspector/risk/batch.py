"""One JSON case of ``inspector judge --batch`` to its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from inspector.errors import InspectorError, UsageError
from inspector.facts import (
    BinaryFacts,
    Call,
    Exposure,
    ExposureKind,
    GlibcEra,
    GoBuild,
    ImageLibc,
    Libc,
    LibcKind,
    Linkage,
    RootFsFacts,
)
from inspector.resolver.batch import call_of, context_of, reason_of, tags_of, text_of
from inspector.risk.judgement import judge
from inspector.risk.remembering import remembered

_CALLS: frozenset[str] = frozenset(get_args(Call))


def answer(case: object) -> dict[str, Any]:
    """Answer one case; a case that cannot be understood is answered with ``id`` and ``error``."""
    if not isinstance(case, dict):
        return {"id": None, "error": "a case is a JSON object"}
    return {"id": case.get("id"), **_answer({key: value for key, value in case.items() if key != "id"})}


@remembered(size=8192)
def _answer(case: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        binary = _binary(_object(case, "binary"))
        rootfs = _rootfs(_object(case, "rootfs"))
        verdict = judge(binary, rootfs, context_of(case), call=call_of(case, _CALLS), name=text_of(case, "name"))
    except InspectorError as error:
        return {"error": str(error)}
    return {
        "rule": verdict.rule,
        "level": verdict.level,
        "outcome": verdict.outcome,
        "likelihood": verdict.likelihood,
        "confidence": verdict.confidence,
        "decision": verdict.decision,
        "order": verdict.order,
        "reasons": [reason_of(reason) for reason in verdict.reasons],
        "flips": [{"change": flip.change, "level": flip.level} for flip in verdict.flips],
        "remedies": [{"kind": remedy.kind, "text": remedy.text} for remedy in verdict.remedies],
    }


def _object(case: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = case.get(key)
    if not isinstance(value, dict):
        raise UsageError(f"'{key}' must be an object")
    return value


@remembered(size=2048)
def _binary(fields: Mapping[str, Any]) -> BinaryFacts:
    linkage, machine = fields.get("linkage"), fields.get("machine")
    if linkage not in get_args(Linkage):
        raise UsageError(f"'linkage' must be one of {', '.join(get_args(Linkage))}")
    if not isinstance(machine, str):
        raise UsageError("'machine' must be text")
    kinds = fields.get("exposures")
    if not (kinds is None or (isinstance(kinds, list) and all(kind in get_args(ExposureKind) for kind in kinds))):
        raise UsageError("'exposures' must be null or a list of dns, user, clib")
    return BinaryFacts(
        path=text_of(fields, "path") or "",
        size=0,
        machine=machine,
        linkage=cast("Linkage", linkage),
        interpreter=text_of(fields, "interpreter"),
        needs_glibc=text_of(fields, "needs_glibc"),
        stripped=False,
        libc=_libc(fields.get("libc")),
        go=_go(fields.get("go")),
        exposures=None
        if kinds is None
        else tuple(Exposure(kind=cast("ExposureKind", kind), evidence=()) for kind in kinds),
        dl_var_init=_flag(fields, "dl_var_init"),
    )


def _libc(fields: object) -> Libc:
    if fields is None:
        return Libc()
    if not isinstance(fields, dict) or fields.get("kind") not in get_args(LibcKind):
        raise UsageError("'libc' must be an object with a kind: glibc, musl, none or unknown")
    era = fields.get("era")
    if not (era is None or era in get_args(GlibcEra)):
        raise UsageError(f"'era' must be null, {' or '.join(get_args(GlibcEra))}")
    return Libc(kind=fields["kind"], version=text_of(fields, "version"), era=era)


def _go(fields: object) -> GoBuild | None:
    if fields is None:
        return None
    if not isinstance(fields, dict) or not isinstance(fields.get("version"), str):
        raise UsageError("'go' must be null or an object with a version")
    return GoBuild(
        version=fields["version"],
        cgo=_flag(fields, "cgo"),
        tags=tags_of(fields),
        default_godebug=text_of(fields, "default_godebug"),
        runtime_cgo=_flag(fields, "runtime_cgo"),
    )


@remembered(size=2048)
def _rootfs(fields: Mapping[str, Any]) -> RootFsFacts:
    libc = fields.get("libc")
    image = _libc(libc)
    relr = _flag(libc, "relr") if isinstance(libc, dict) else None
    return RootFsFacts(
        libc=ImageLibc(kind=image.kind, version=image.version, relr=relr),
        nss=_words(fields, "nss"),
        libresolv=_flag(fields, "libresolv"),
        ld_so_cache=_flag(fields, "ld_so_cache"),
        interpreters=_words(fields, "interpreters"),
        loader_dl_var_init=_flag(fields, "loader_dl_var_init"),
        nss_tls=_words(fields, "nss_tls"),
    )


def _words(fields: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UsageError(f"'{key}' must be null or a list of words")
    return tuple(value)


def _flag(fields: Mapping[str, Any], key: str) -> bool | None:
    value = fields.get(key)
    if not (value is None or isinstance(value, bool)):
        raise UsageError(f"'{key}' must be true, false or null")
    return value
