"""Which Go releases decide otherwise in two places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inspector.comparing.comparison import Place, Shift
from inspector.errors import InspectorError
from inspector.facts import Decision, ResolverBuild, ResolverContext
from inspector.resolver import decide
from inspector.resolver.versions import NEWEST, OLDEST


def shifts(a: Place, b: Place, name: str) -> Iterator[Shift]:
    """Yield runs of releases, with cgo, that take another resolver or order."""
    now: Shift | None = None
    for minor in range(OLDEST, NEWEST + 1):
        one, other = _decision(a, minor, name), _decision(b, minor, name)
        if one != other and now is not None and (now.a, now.b) == (one, other):
            now = replace(now, until=minor)
            continue
        if now is not None:
            yield now
        now = None if one == other else Shift(since=minor, until=minor, a=one, b=other)
    if now is not None:
        yield now


def _decision(place: Place, minor: int, name: str) -> str:
    context = ResolverContext(files=place.files, env=place.env, uid=0, system_hostname=place.system_hostname or "host")
    try:
        found: Decision = decide(ResolverBuild(version=f"1.{minor}", cgo=True), context, name, "host")
    except InspectorError as error:
        return f"unknown: {error}"
    return found.decision if found.order in {None, "cgo"} else f"{found.decision} ({found.order})"
