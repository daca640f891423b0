"""What ``inspector compare`` found: as text for a person, as a JSON document with its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from inspector.comparing import Comparison, Shift
from inspector.escaping import printable
from inspector.facts import Level
from inspector.reports.encoding import encode
from inspector.reports.text import TextStyle, wrap


def encode_comparison(comparison: Comparison) -> bytes:
    """Return the comparison as indented UTF-8 JSON with a final newline."""
    return encode(comparison)


def comparison_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a comparison, generated from the types."""
    generated = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Comparison)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{Comparison().schema.name} {Comparison().schema.version}",
        **generated,
    }


def render_comparison(comparison: Comparison, style: TextStyle) -> str:
    """Return the comparison as text with a final newline."""
    lines = [style.strong(f"A  {printable(comparison.a)}"), style.strong(f"B  {printable(comparison.b)}")]
    lines += [f"   taken for both, as it is not given: {printable(text)}" for text in comparison.assumed]
    lines += ["", *_differences(comparison, style)]
    lines += ["", *_shifts(comparison, style)]
    if comparison.binaries or comparison.unmoved:
        lines += ["", *_binaries(comparison, style)]
    lines += ["", _conclude(comparison, style)]
    return "\n".join(lines) + "\n"


def _of(service: str | None) -> str:
    return f"{printable(service)}: " if service else ""


def _differences(comparison: Comparison, style: TextStyle) -> Iterator[str]:
    if not comparison.differences:
        yield "nothing differs that a resolver reads"
        return
    yield "what differs"
    for item in comparison.differences:
        yield f"  {_of(item.service)}{printable(item.what)}"
        if item.on:
            yield from wrap("    on    ", printable(item.on), style)
        yield from wrap("    A     ", printable(item.a) if item.a is not None else "-", style)
        yield from wrap("    B     ", printable(item.b) if item.b is not None else "-", style)
        yield from wrap("    read  ", printable(item.read), style)
    if comparison.left_out:
        yield f"  … and {comparison.left_out} more"


def _shifts(comparison: Comparison, style: TextStyle) -> Iterator[str]:
    asked = f"for {printable(comparison.name)}, built with cgo"
    if not comparison.shifts:
        yield f"every Go release takes the same resolver in A and B ({asked})"
        return
    yield f"Go releases that decide otherwise ({asked})"
    for shift in comparison.shifts:
        text = f"{_of(shift.service)}A {printable(shift.a)}, B {printable(shift.b)}"
        yield from wrap(f"  {_releases(shift):<14}", text + (f" (on {printable(shift.on)})" if shift.on else ""), style)


def _releases(shift: Shift) -> str:
    return f"1.{shift.since}" if shift.since == shift.until else f"1.{shift.since} to 1.{shift.until}"


def _binaries(comparison: Comparison, style: TextStyle) -> Iterator[str]:
    yield f"binaries: {len(comparison.binaries)} come out otherwise, {comparison.unmoved} alike"
    for flip in comparison.binaries:
        levels = f"A {_level(flip.a, style)}, B {_level(flip.b, style)}"
        yield f"  {_of(flip.service)}{printable(flip.reference)} {printable(flip.path)}: {levels}"
        if flip.why:
            yield from wrap("    because  ", printable(flip.why), style)


def _level(level: Level | None, style: TextStyle) -> str:
    return "not there" if level is None else style.level(level)


def _conclude(comparison: Comparison, style: TextStyle) -> str:
    if comparison.binaries:
        worse = [flip.path.rsplit("/", 1)[-1] for flip in comparison.binaries if "crash" in {flip.a, flip.b}]
        if worse:
            names = printable(", ".join(dict.fromkeys(worse)), limit=200)
            return f"Verdict: {style.level('crash', f'{names} would crash in one of them and not in the other')}."
        return f"Verdict: {style.level('latent', 'binaries come out otherwise, none by a crash')}."
    if comparison.problems:
        return f"Verdict: {style.level('unknown', 'not everything could be compared')}."
    if comparison.shifts:
        return f"Verdict: {style.level('latent', 'some Go releases take another resolver')}."
    return f"Verdict: {style.level('safe', 'no Go release decides otherwise')}."
