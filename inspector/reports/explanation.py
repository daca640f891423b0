"""What ``inspector explain`` found: as text for a person, as a JSON document with its schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from inspector.crashlog import Diagnosis, Explanation, GoRelease, Sureness
from inspector.escaping import printable
from inspector.facts import Level
from inspector.reports.encoding import encode
from inspector.reports.text import TextStyle, wrap

_COLOURS: dict[Sureness, Level] = {"certain": "crash", "likely": "crash", "possible": "unknown", "no": "safe"}
_WORDS: dict[Sureness, str] = {"certain": "CERTAIN", "likely": "LIKELY", "possible": "POSSIBLE", "no": "not this"}
_KINDS = {"dns": "Go's cgo resolver", "user": "os/user", "clib": "a C library's own look-up"}
_OUTCOMES = {"dies": "died", "cannot-resolve": "could not resolve"}


def encode_explanation(explanation: Explanation) -> bytes:
    """Return the explanation as indented UTF-8 JSON with a final newline."""
    return encode(explanation)


def explanation_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the explanation, generated from the types."""
    generated = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Explanation)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{Explanation().schema.name} {Explanation().schema.version}",
        **generated,
    }


def render_explanation(explanation: Explanation, style: TextStyle) -> str:
    """Return the explanation as text with a final newline."""
    lines = [_head(explanation, style)]
    for group in _groups(explanation.crashes):
        lines += ["", *_render(group, style)]
    lines += ["", _conclude(explanation, style)]
    return "\n".join(lines) + "\n"


def _head(explanation: Explanation, style: TextStyle) -> str:
    count = len(explanation.crashes) + explanation.left_out
    crashes = "no crash" if not count else "1 crash" if count == 1 else f"{count} crashes"
    more = f", the first {len(explanation.crashes)} of them explained" if explanation.left_out else ""
    return f"{style.strong(printable(explanation.source))}: {explanation.lines} lines, {crashes}{more}"


@dataclass(frozen=True, slots=True)
class _Group:
    """Crashes that came out alike, as those of a container that is started again and again."""

    first: Diagnosis
    lines: list[int]


def _groups(crashes: tuple[Diagnosis, ...]) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    for crash in crashes:
        key = (crash.stream, crash.sure, crash.title, crash.frame, crash.signal, crash.caller, crash.exposure)
        groups.setdefault(key, _Group(crash, [])).lines.append(crash.line)
    return list(groups.values())


def _render(group: _Group, style: TextStyle) -> Iterator[str]:
    crash = group.first
    label = style.level(_COLOURS[crash.sure], _WORDS[crash.sure])
    where = f"line {crash.line}" + (f", {printable(crash.stream, limit=100)}" if crash.stream else "")
    again = f" ({len(group.lines)} times, last in line {group.lines[-1]})" if len(group.lines) > 1 else ""
    yield from wrap(f"{label}  ", f"{where}: {printable(crash.title)}{again}", style)
    yield from _rows("signal", [_signal(crash)], style)
    yield from _rows("call", [_call(crash)], style)
    if crash.sure != "no":
        yield from _rows("go", [describe_release(crash.go)], style)
    yield from _rows("because", [reason.text for reason in crash.reasons], style)
    yield from _rows("go clues", list(crash.go.clues) if style.verbose else [], style)
    checks = [f"{check.reference} {check.path} {check.fit}: {check.text}" for check in crash.checks]
    yield from _rows("image", checks, style)
    yield from _rows("fix", [remedy.text for remedy in crash.remedies], style)


def _rows(label: str, texts: list[str], style: TextStyle) -> Iterator[str]:
    kept = [text for text in texts if text]
    for number, text in enumerate(kept):
        yield from wrap(f"    {label if number == 0 else '':<9}", printable(text, limit=1000), style)


def _signal(crash: Diagnosis) -> str:
    parts = [crash.signal or ""]
    parts += [f"addr={crash.address}"] if crash.address else []
    parts += [f"pc={crash.pc}"] if crash.pc else []
    parts += [crash.machine] if crash.machine else []
    return ", ".join(part for part in parts if part)


def _call(crash: Diagnosis) -> str:
    parts = [crash.frame] if crash.frame else []
    parts += [f"called by {crash.caller}"] if crash.caller and crash.caller != crash.frame else []
    parts += [f"exposure {crash.exposure}"] if crash.exposure else []
    return ", ".join(parts)


def describe_release(release: GoRelease) -> str:
    """``1.7.5``, ``1.14 to 1.15``, ``1.23 or later``; empty where nothing tells."""
    if release.version:
        return release.version
    if release.since is None:
        return ""
    if release.until is None:
        return f"1.{release.since} or later"
    return f"1.{release.since}" if release.since == release.until else f"1.{release.since} to 1.{release.until}"


def _conclude(explanation: Explanation, style: TextStyle) -> str:
    worst = explanation.worst
    if worst is None:
        return f"Verdict: {style.level('safe', 'no crash was found in the log')}."
    if worst == "no":
        return f"Verdict: {style.level('safe', 'no crash of a static glibc in NSS')}."
    crash = next(crash for crash in explanation.crashes if crash.sure == worst)
    if worst == "possible":
        return (
            f"Verdict: {style.level('unknown', 'it could be a crash of a static glibc in NSS; the log does not tell')}."
        )
    how = _OUTCOMES.get(crash.outcome or "dies", "died")
    way = f" ({_KINDS[crash.exposure]})" if crash.exposure else ""
    cure = f"; smallest remedy: {printable(crash.remedies[0].text)}" if crash.remedies else ""
    sure = "" if worst == "certain" else ", in all likelihood"
    return f"Verdict: {style.level('crash', f'a static glibc {how} in NSS')}{way}{sure}{cure}."
