"""Changes to a manifest's text, made where they belong and nowhere else: the rest stays as it is, byte by byte.

The places come from the marks of the parsed document, so comments, anchors, order and quoting survive.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from inspector.environments.documents import Entry, Mapping, Scalar, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./=+-][A-Za-z0-9_./=+,${}()-]*")


@dataclass(frozen=True, slots=True, order=True)
class Patch:
    """One piece of text in the place of another; ``start`` == ``end`` inserts."""

    start: int
    end: int
    text: str


class PatchImpossible(Exception):
    """The place has a form that is not changed by machine; the text says which."""


def apply(text: str, patches: Iterable[Patch]) -> str:
    """Return the text with patches applied; equal ones count once."""
    done = text
    for patch in sorted(set(patches), reverse=True):
        done = done[: patch.start] + patch.text + done[patch.end :]
    return done


def diff(name: str, before: str, after: str) -> str:
    """Return a unified diff as ``patch -p1`` takes it.

    A name with a blank in it ends with a tab, by which patch knows where it ends (GNU diffutils, "Unified Format").
    """
    end = "\t" if " " in name else ""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}{end}", f"b/{name}{end}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Document:
    """A text whose nodes are to be changed."""

    text: str

    @property
    def is_json(self) -> bool:
        """Whether everything must be quoted."""
        return self.text.lstrip()[:1] in {"{", "["}

    @property
    def newline(self) -> str:
        """The text's own line end."""
        return "\r\n" if "\r\n" in self.text else "\n"

    def word(self, value: str, *, flow: bool) -> str:
        """Return a value as it is written: plain where YAML reads it back as the same text, else quoted."""
        safe = _PLAIN.fullmatch(value) is not None and not (flow and set(value) & set(",{}[]"))
        return value if safe and not self.is_json else json.dumps(value, ensure_ascii=False)

    def replace(self, start: int, end: int, value: str, *, like: Scalar, flow: bool) -> Patch:
        """Return the patch that writes another value in a scalar's place, in its own style.

        Raises:
            PatchImpossible: if the scalar has an anchor or a tag, or is a block of text.
        """
        if like.end > like.start and self.text[start : start + 1] in {"&", "!"}:
            raise PatchImpossible("its value has an anchor or a tag")
        if like.style in {"|", ">"}:
            raise PatchImpossible("its value is a block of text")
        if like.style == "'":
            return Patch(start, end, "'" + value.replace("'", "''") + "'")
        if like.style == '"':
            return Patch(start, end, json.dumps(value, ensure_ascii=False))
        return Patch(start, end, self.word(value, flow=flow))

    def after_line(self, offset: int, lines: Iterable[str]) -> Patch:
        """Return the patch that inserts whole lines below the line that ``offset`` ends in."""
        inserted = "".join(f"{line}{self.newline}" for line in lines)
        if offset > 0 and self.text[offset - 1] == "\n":
            return Patch(offset, offset, inserted)
        end = self.text.find("\n", offset)
        if end >= 0:
            return Patch(end + 1, end + 1, inserted)
        return Patch(len(self.text), len(self.text), self.newline + inserted.removesuffix(self.newline))

    def append(self, node: Sequence | Mapping, flow_text: str, block_lines: Iterable[str]) -> Patch:
        """Return the patch that adds an item or an entry at a collection's end."""
        has_items = bool(node.items if isinstance(node, Sequence) else node.own)
        if not node.flow:
            return self.after_line(node.end, block_lines)
        close = node.end - 1
        behind = len(self.text[:close].rstrip())
        if not has_items:
            return Patch(close, close, flow_text)
        comma = "" if self.text[behind - 1] == "," else ","
        return Patch(behind, behind, f"{comma} {flow_text}")

    def entry_after(self, mapping: Mapping, after: Entry, flow_text: str, block_lines: Iterable[str]) -> Patch:
        """Return the patch that adds an entry behind another of the same mapping."""
        if not mapping.flow:
            return self.after_line(after.end, block_lines)
        return Patch(after.end, after.end, f", {flow_text}")

    def column(self, node: Sequence | Mapping) -> int:
        """Return how many characters stand before a block collection's keys, or before its dashes."""
        place = node.inner if isinstance(node, Mapping) else self.text.rfind("-", 0, node.inner)
        return place - (self.text.rfind("\n", 0, place) + 1)

    def indent(self, node: Sequence | Mapping) -> str:
        """Return the blanks before a block collection's keys or dashes."""
        return " " * self.column(node)
