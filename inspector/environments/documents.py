"""YAML and JSON documents as trees that remember the file, line and column of every piece.

ruamel.yaml reads the text into events; the tree is made from them without recursion and without copying what aliases
refer to, so neither nesting nor aliases can blow it up. Merge keys (``<<``, yaml.org/type/merge.html) are resolved once
for each mapping. Scalars keep their text: what a manifest's field means, its reader decides.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias, overload

from inspector.errors import InspectorError, LimitExceeded, TargetDamaged, UsageError
from inspector.escaping import printable
from inspector.facts import WaiverText, Workload

MAX_BYTES = 2 * 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 100
MAX_MERGED = 100_000
"""Entries that merge keys may bring into all mappings of one text."""
MAX_EXPANDED = 1_000_000
"""Values of one input, those of aliases counted as often as they are repeated; a hundred characters are one more."""
MAX_DOCUMENTS = 10_000
MAX_FAULTS = 20
"""Documents of one text that may be no YAML before it is taken for none as a whole."""
_KEPT = 2 * MAX_BYTES
"""Characters of the texts whose trees are kept: two of the largest."""
_KEPT_TEXTS = 256
_OF_COMPOSE = frozenset({"services", "include", "networks", "volumes", "configs", "secrets"})
"""Top-level keys of the Compose Specification that no Kubernetes object has."""
_MARK = re.compile(r"^---(?:\s|$)", re.MULTILINE)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands; lines and columns from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{printable(self.file, limit=200)}:{self.line}"

    @property
    def named_file(self) -> str | None:
        """The file, None where it is none that has a name."""
        return None if self.file == "standard input" else self.file


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Piece:
    place: Place
    start: int = 0
    """Offset of the first character in the text."""
    end: int = 0
    """Offset behind the last character; of a block collection, behind its last item."""
    tag: str | None = None
    weight: int = 1
    """Values in it, with those of aliases and merge keys."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scalar(_Piece):
    """A single value. ``style`` is the quote or block mark, empty for a plain one."""

    text: str
    style: str = ""

    @property
    def is_null(self) -> bool:
        """Whether it is YAML's null."""
        return not self.style and self.text in _NULLS

    @property
    def is_true(self) -> bool:
        """Whether it is a true of YAML 1.2 or 1.1 (Kubernetes reads 1.1)."""
        return not self.style and self.text.lower() in {"true", "yes", "on"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sequence(_Piece):
    """A list of nodes."""

    items: tuple[Node, ...]
    flow: bool = False
    inner: int = 0
    """Offset of the first item."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Entry:
    """One key of a mapping and what it stands for."""

    key: Scalar
    value: Node
    start: int
    """Offset of the value, or of the alias that stands for it."""
    end: int
    alias: bool = False
    """The value is written elsewhere."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mapping(_Piece):
    """Keys and nodes. ``entries`` has what merge keys bring as well, ``own`` has what is written here."""

    entries: Dictionary[str, Entry]
    own: tuple[Entry, ...] = ()
    flow: bool = False
    inner: int = 0
    """Offset of the first key."""

    def get(self, key: str) -> Node | None:
        """Return a key's node, None where the key is absent or its value is null."""
        entry = self.entries.get(key)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
            return None
        return entry.value


Node: TypeAlias = Scalar | Sequence | Mapping


class Spending:
    """What all parts of one input come to as they are read, however often one refers to another."""

    def __init__(self) -> None:
        self._spent = 0

    def take(self, text: str = "", number: int = 1) -> None:
        """Count values, or one with its text.

        Raises:
            LimitExceeded: if there are more than ``MAX_EXPANDED``.
        """
        self._spent += number + weight_of(text)
        if self._spent > MAX_EXPANDED:
            raise LimitExceeded(f"more than {MAX_EXPANDED} values, counted as often as they are referred to")


def weight_of(text: str) -> int:
    """Return how many values more a long text counts for."""
    return len(text) // 100


class ManifestDamaged(TargetDamaged):
    """Something at a place of a manifest cannot be understood."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.place, self.what = place, what


def damage(place: Place, text: str) -> ManifestDamaged:
    """Return the error that something at a place cannot be understood."""
    return ManifestDamaged(place, text)


def unread(name: str, where: Place, error: InspectorError) -> Workload:
    """Return what stands for a part of a manifest that cannot be understood, so that the others can be judged.

    Args:
        name: what it would have been.
        where: its place, where the error has none.
        error: why not.
    """
    place, what = (error.place, error.what) if isinstance(error, ManifestDamaged) else (where, str(error))
    return Workload(name=name, where=str(place), image=None, problems=(what,))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read_text(name: str) -> str:
    """Return the text of a file of this machine, or of standard input for ``-``.

    Raises:
        UsageError: if it cannot be opened or is no regular file.
        LimitExceeded: if it is larger than ``MAX_BYTES``.
        TargetDamaged: if it is not UTF-8 text.
    """
    content = sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else _read_regular(name)
    if len(content) > MAX_BYTES:
        raise LimitExceeded(f"{printable(name)}: larger than {MAX_BYTES // 1024**2} MiB, which no manifest is")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TargetDamaged(
            f"{printable(name)}: not UTF-8 text (byte {error.start} is 0x{content[error.start]:02x})"
        ) from None
    return text


def _read_regular(name: str) -> bytes:
    # Without blocking, so that a pipe in a file's place does not hang; whatever is no regular file is refused.
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) and not name.startswith("/dev/fd/"):
                raise UsageError(f"{printable(name)} is no regular file")
            os.set_blocking(descriptor, True)
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {printable(name)}: {reason}") from None


def parse_documents(text: str, file: str) -> tuple[Node, ...]:
    """Return the documents of a YAML or JSON text, empty ones left out.

    Raises:
        TargetDamaged: with file and line, for what is no YAML, for duplicate keys, unknown or enclosing anchors.
        LimitExceeded: for more than ``MAX_NODES`` nodes, ``MAX_DEPTH`` levels or ``MAX_MERGED`` merged entries.
    """
    found: list[Node] = []
    for document in read_documents(text, file):
        if isinstance(document, ManifestDamaged):
            raise document
        found.append(document)
    return tuple(found)


def read_documents(text: str, file: str) -> tuple[Node | ManifestDamaged, ...]:
    """Return the documents of a text, empty ones left out, and in the place of a damaged one what is wrong with it.

    What follows a document that is no YAML is read on from the next line that begins with ``---``, as kubectl splits
    its input before it reads it (apimachinery, pkg/util/yaml/decoder.go).

    Raises:
        TargetDamaged: for what cannot be told apart into documents, or where more than ``MAX_FAULTS`` are no YAML.
        LimitExceeded: as ``parse_documents``.
    """
    with _trees_lock:
        found = _trees.pop((text, file), None)
    if found is None:
        found = _read(text, file)
    with _trees_lock:
        _trees[text, file] = found
        while len(_trees) > _KEPT_TEXTS or sum(len(kept) for kept, _ in _trees) > _KEPT:
            _trees.popitem(last=False)
    return found


_trees: OrderedDict[tuple[str, str], tuple[Node | ManifestDamaged, ...]] = OrderedDict()
"""By text and name, the last used last: one run asks for a text's kind, its workloads and each place to be changed, and
YAML takes a second for 100 KiB."""
_trees_lock = threading.Lock()


def _read(text: str, file: str) -> tuple[Node | ManifestDamaged, ...]:
    if text.lstrip()[:1] in {"{", "["}:
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML not; within JSON's strings they are escaped
    builder = _Builder(file)
    index = line = 0
    for _ in range(MAX_FAULTS):
        fault = _read_on(text[index:], builder, file, index, line)
        if fault is None:
            return tuple(builder.documents)
        builder.documents.append(fault[0])
        following = _next_document(text, index, line, fault[1])
        if following is None:
            return tuple(builder.documents)
        index, line = following
    raise TargetDamaged(f"{printable(file)}: more than {MAX_FAULTS} documents that are not YAML")


def _read_on(text: str, builder: _Builder, file: str, index: int, line: int) -> tuple[ManifestDamaged, int] | None:
    """Read a text that begins at a place of the whole one; return what ended it before its time, and on which line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError

    builder.begin(index, line)
    parser = YAML(typ="safe", pure=True)
    parser.Scanner = _scanner()
    try:
        for event in parser.parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = line + (mark.line if mark else 0)
        what = printable(" ".join(str(error.problem or error.context or "not YAML").split()), limit=200)
        return damage(Place(file, at + 1, 1), f"not YAML: {what}"), at
    except (YAMLError, YAMLStreamError, ValueError, RecursionError) as error:
        raise TargetDamaged(
            f"{printable(file)}: not YAML: {printable(str(error).splitlines()[0], limit=200)}"
        ) from None
    return None


@lru_cache(maxsize=1)
def _scanner() -> Any:
    """Return ruamel.yaml's scanner, taking tabs between tokens as go-yaml does (scannerc.go, "Tabs are allowed").

    Docker Compose and kubectl read by go-yaml: within flow collections, and elsewhere but at a line's beginning and
    behind a dash.
    """
    from ruamel.yaml.scanner import Scanner

    class TabScanner(Scanner):  # type: ignore[misc, unused-ignore]
        def scan_to_next_token(self) -> Any:
            peek, forward = self.reader.peek, self.reader.forward
            while True:
                found = super().scan_to_next_token()
                if peek() != "\t" or (self.allow_simple_key and not self.flow_level):
                    return found
                while peek() in " \t":
                    forward()

    return TabScanner


def _next_document(text: str, index: int, line: int, at: int) -> tuple[int, int] | None:
    """Return index and line of the next document's mark on line ``at`` or below it, but below the one begun at."""
    for mark in _MARK.finditer(text, index + 1):
        line += text.count("\n", index, mark.start())
        index = mark.start()
        if line >= at:
            return index, line
    return None


def kind_of(text: str, file: str) -> Literal["compose", "kubernetes"] | None:
    """Return which kind of manifest a text is, by the keys that it has; None for one without documents.

    Raises:
        TargetDamaged: for what is neither.
        LimitExceeded: as ``parse_documents``.
    """
    documents = read_documents(text, file)
    for document in documents:
        if not isinstance(document, Mapping):
            continue
        if "kind" in document.entries or "items" in document.entries:
            return "kubernetes"
        if _OF_COMPOSE & set(document.entries):
            return "compose"
    for document in documents:
        if isinstance(document, ManifestDamaged):
            raise document
    if not documents:
        return None
    raise TargetDamaged(f"{printable(file)}: neither a Compose file nor a Kubernetes manifest")


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    event: Any
    nodes: list[Node] = field(default_factory=list)
    spans: list[tuple[int, int, bool]] = field(default_factory=list)
    """Of each node: where it, or the alias for it, starts and ends, and whether it is an alias."""


class _Builder:
    """Makes trees from events; the state is a stack, not the call stack."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents: list[Node | ManifestDamaged] = []
        self._index = self._line = 0
        self._fault: ManifestDamaged | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0
        self._merged = self._weight = self._started = 0

    def begin(self, index: int, line: int) -> None:
        """Take events of a text that begins there from now on; what stands open is left."""
        self._index, self._line = index, line
        self._open = []

    def take(self, event: Any) -> None:
        """Take the parser's next event. What is wrong with a document stands in its place; the others are read.

        Raises:
            LimitExceeded: beyond the bounds, which hold for all documents together.
        """
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self._started += 1
            if self._started > MAX_DOCUMENTS:
                raise LimitExceeded(f"{self._place(event)}: more than {MAX_DOCUMENTS} documents")
            self._anchors, self._open, self._fault = {}, [], None
        elif self._fault is None:
            try:
                self._take(kind, event)
            except ManifestDamaged as fault:
                self._fault = fault
                self.documents.append(fault)

    def _take(self, kind: str, event: Any) -> None:
        if kind == "AliasEvent":
            self._add(self._aliased(event), alias=self._span(event))
        elif kind == "ScalarEvent":
            self._add(self._scalar(event), event.anchor)
        elif kind in {"SequenceStartEvent", "MappingStartEvent"}:
            self._begin(event)
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            self._end(event)

    def _place(self, event: Any) -> Place:
        return Place(self.file, self._line + event.start_mark.line + 1, event.start_mark.column + 1)

    def _span(self, event: Any) -> tuple[int, int]:
        return self._index + event.start_mark.index, self._index + event.end_mark.index

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LimitExceeded(f"{self._place(event)}: more than {MAX_NODES} values")

    def _scalar(self, event: Any) -> Scalar:
        self._count(event)
        tag = str(event.tag) if event.tag else None
        start, end = self._span(event)
        return Scalar(
            text=event.value, style=event.style or "", tag=tag, place=self._place(event), start=start, end=end,
            weight=1 + weight_of(event.value),
        )  # fmt: skip

    def _aliased(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            raise damage(
                self._place(event), f"alias '*{printable(event.anchor, limit=60)}' without an anchor before it"
            )
        node = self._anchors[event.anchor]
        if node is None:
            raise damage(self._place(event), f"alias '*{printable(event.anchor, limit=60)}' to what it stands in")
        self._count(event)
        return node

    def _begin(self, event: Any) -> None:
        self._count(event)
        if len(self._open) >= MAX_DEPTH:
            raise LimitExceeded(f"{self._place(event)}: nested deeper than {MAX_DEPTH} levels")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(event))

    def _end(self, event: Any) -> None:
        opened = self._open.pop()
        begin = opened.event
        flow = bool(begin.flow_style)
        start, begun = self._span(begin)
        last = opened.spans[-1][1] if opened.spans else begun
        inner = opened.spans[0][0] if opened.spans else start
        end = self._span(event)[1] if flow else max(last, begun)
        place, tag = self._place(begin), str(begin.tag) if begin.tag else None
        node: Node
        if type(begin).__name__ == "SequenceStartEvent":
            weight = self._weigh(place, opened.nodes)
            node = Sequence(
                items=tuple(opened.nodes), flow=flow, inner=inner, place=place, start=start, end=end, tag=tag,
                weight=weight,
            )  # fmt: skip
        else:
            own = self._pairs(opened)
            entries = self._merge(own)
            weight = self._weigh(place, (entry.value for entry in entries.values()))
            node = Mapping(
                entries=entries, own=own, flow=flow, inner=inner, place=place, start=start, end=end, tag=tag,
                weight=weight,
            )  # fmt: skip
        self._add(node, begin.anchor)

    def _weigh(self, place: Place, nodes: Iterable[Node]) -> int:
        weight = 1 + sum(node.weight for node in nodes)
        if self._weight + weight > MAX_EXPANDED:
            raise LimitExceeded(
                f"{place}: more than {MAX_EXPANDED} values, those of aliases counted wherever they stand"
            )
        return weight

    def _add(self, node: Node, anchor: str | None = None, alias: tuple[int, int] | None = None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].nodes.append(node)
            start, end = alias or (node.start, node.end)
            self._open[-1].spans.append((start, end, alias is not None))
        elif not (isinstance(node, Scalar) and node.is_null):
            self._weight += node.weight
            self.documents.append(node)

    def _pairs(self, opened: _Open) -> tuple[Entry, ...]:
        pairs: list[Entry] = []
        seen: dict[str, Place] = {}
        nodes, spans = opened.nodes, opened.spans[1::2]
        for key, value, (start, end, alias) in zip(nodes[::2], nodes[1::2], spans, strict=True):
            if not isinstance(key, Scalar):
                raise damage(key.place, "a key that is no single word")
            if key.text in seen:
                raise damage(
                    key.place, f"duplicate key '{printable(key.text, limit=60)}' (also on line {seen[key.text].line})"
                )
            if key.text != "<<":
                seen[key.text] = key.place
            pairs.append(Entry(key=key, value=value, start=start, end=end, alias=alias))
        return tuple(pairs)

    def _merge(self, own: tuple[Entry, ...]) -> dict[str, Entry]:
        """Return the mapping's entries: its own first, then what merge keys bring, the first of a list winning."""
        entries = {entry.key.text: entry for entry in own if not _is_merge(entry)}
        for entry in own:
            for mapping in _merged(entry) if _is_merge(entry) else ():
                self._merged += len(mapping.entries)
                if self._merged > MAX_MERGED:
                    raise LimitExceeded(f"{entry.key.place}: merge keys bring more than {MAX_MERGED} entries")
                for name, brought in mapping.entries.items():
                    entries.setdefault(name, brought)
        return entries


def _is_merge(entry: Entry) -> bool:
    return entry.key.text == "<<" and not entry.key.style


def _merged(entry: Entry) -> Iterator[Mapping]:
    nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    for node in nodes:
        if isinstance(node, Mapping):
            yield node
        elif not (isinstance(node, Scalar) and node.is_null):
            raise damage(entry.key.place, "a merge key takes a mapping or a list of mappings")


# ── looking at nodes ─────────────────────────────────────────────────────────────────────────────────────────────


@overload
def mapping_of(node: Node, what: str) -> Mapping: ...
@overload
def mapping_of(node: Node | None, what: str) -> Mapping | None: ...
def mapping_of(node: Node | None, what: str) -> Mapping | None:
    """Return a node as a mapping, None for None.

    Raises:
        TargetDamaged: if it is something else.
    """
    if node is None or isinstance(node, Mapping):
        return node
    raise damage(node.place, f"{what} must be a mapping")


def items_of(node: Node | None, what: str) -> tuple[Node, ...]:
    """Return the items of a list; a single value is a list of one, None an empty one.

    Raises:
        TargetDamaged: for a mapping.
    """
    if node is None:
        return ()
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Scalar):
        return (node,)
    raise damage(node.place, f"{what} must be a list")


def scalar_of(node: Node | None, what: str) -> Scalar | None:
    """Return a node as a single value, None for None.

    Raises:
        TargetDamaged: if it is a list or a mapping.
    """
    if node is None or isinstance(node, Scalar):
        return node
    raise damage(node.place, f"{what} must be a single value")


def waivers_in(node: Node | None, what: str, place: Place | None = None) -> tuple[WaiverText, ...]:
    """Return the waivers of a mapping or of a list of mappings, unread.

    Args:
        node: where they are.
        what: what to call it in an error.
        place: where they are told to be; None: each where it stands.

    Raises:
        TargetDamaged: for anything else.
    """
    found = []
    for item in items_of(node, what):
        mapping = mapping_of(item, what)
        if mapping is not None:
            fields = {key: scalar.text for key in mapping.entries if (scalar := scalar_of(mapping.get(key), what))}
            found.append(WaiverText(fields=fields, where=str(place or mapping.place)))
    return tuple(found)
