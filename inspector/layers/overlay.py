"""The overlay of layers: what is really there, and which layer put it there.

Layers are applied lowest first (OCI image-spec, layer.md, "Applying Changesets"): whiteouts take lower files away, a
file replaces whatever had its path, a directory keeps what lower layers put below it. A path below a symbolic link that
the layer itself does not replace by a directory lands where the link leads, as containerd and overlay mounts have it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from inspector.escaping import printable
from inspector.facts import BinaryFacts, LayerFacts, LibraryFacts, RootFsFacts, ScriptFacts, Special
from inspector.layers.recording import normalise
from inspector.records import dataclass

_MAX_HOPS = 40
"""Links followed for one path, as in path_resolution(7)."""


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    """One path of the merged file system."""

    kind: str
    layer: int
    origin: str = ""
    """The path under which the layer's facts know a file."""
    target: str = ""
    children: dict[str, Node] = field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class _Found:
    """What is found by a walk of everything, kept for the next who asks: an image may be started in many ways."""

    names: frozenset[str] | None = None
    binaries: tuple[BinaryFacts, ...] | None = None
    facts: RootFsFacts | None = None


@dataclass(frozen=True, slots=True)
class RootFs:
    """The merged file system of an image."""

    top: Node
    layers: tuple[LayerFacts, ...]
    diff_ids: tuple[str | None, ...]
    problems: tuple[str, ...]
    _binaries: tuple[dict[str, BinaryFacts], ...]
    _libraries: tuple[dict[str, LibraryFacts], ...]
    _scripts: tuple[dict[str, ScriptFacts], ...]
    _found: _Found = field(default_factory=_Found, repr=False, compare=False)

    def find(self, path: str) -> tuple[str, Node] | None:
        """Return (real path, node) with every link followed, or None where nothing is there or links loop."""
        found = self._walk(path)
        return None if isinstance(found, str) else found

    def real(self, path: str) -> str:
        """Return where a path leads, as far as it is there; the rest of it as it is."""
        rest: list[str] = []
        above = path.rstrip("/")
        while above and len(rest) < _MAX_HOPS:
            found = self.find(above)
            if found is not None:
                return "/".join([found[0].rstrip("/"), *rest[::-1]]) or "/"
            above, _, name = above.rpartition("/")
            rest.append(name)
        return path

    def _walk(self, path: str) -> tuple[str, Node] | Special:
        """As ``find``, telling a loop from a link that leads nowhere."""
        hops = 0
        rest = [part for part in path.split("/") if part not in {"", "."}][::-1]
        trail: list[tuple[str, Node]] = [("", self.top)]
        while rest:
            part = rest.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                # Above the root is the root: a link cannot lead out of the image.
                trail = trail[:-1] or trail
                continue
            here, node = trail[-1]
            below = node.children.get(part)
            if below is None:
                return "dangling"
            if below.kind != "link":
                trail.append((f"{here}/{part}", below))
                continue
            hops += 1
            if hops > _MAX_HOPS:
                return "loop"
            if below.target.startswith("/"):
                trail = trail[:1]
            rest += below.target.split("/")[::-1]
        return trail[-1][0] or "/", trail[-1][1]

    def binary(self, path: str) -> BinaryFacts | None:
        """Return the executable at a path, links followed, under its real path."""
        found = self.find(path)
        return None if found is None else self._binary_of(*found)

    def _binary_of(self, path: str, node: Node) -> BinaryFacts | None:
        facts = self._binaries[node.layer].get(node.origin)
        return None if facts is None else replace(facts, path=path, layer=self.diff_ids[node.layer])

    def script(self, path: str) -> ScriptFacts | None:
        """Return the shell script at a path, links followed."""
        found = self.find(path)
        return None if found is None else self._scripts[found[1].layer].get(found[1].origin)

    def library(self, path: str) -> LibraryFacts | None:
        """Return the library at a path, links followed."""
        found = self.find(path)
        return None if found is None else self._libraries[found[1].layer].get(found[1].origin)

    def text(self, path: str) -> str | Special | None:
        """Return the text kept of a file: None where there is none, ``Special`` kinds where it is no plain file.

        Raises:
            KeyError: if a file is there whose text was not kept.
        """
        found = self._walk(path)
        if isinstance(found, str):
            parent = self.find(path.rpartition("/")[0])
            there = parent is not None and path.rpartition("/")[2] in parent[1].children
            return found if there else None
        node = found[1]
        if node.kind == "directory":
            return "dir"
        return _Text(self.layers[node.layer].texts[node.origin])

    def binaries(self) -> tuple[BinaryFacts, ...]:
        """Return every executable that is really there, by path."""
        if self._found.binaries is None:
            self._found.binaries = tuple(self._walk_binaries())
        return self._found.binaries

    def _walk_binaries(self) -> Iterator[BinaryFacts]:
        if not any(self._binaries):
            return
        stack = [("", self.top)]
        while stack:
            path, node = stack.pop()
            if node.kind == "file":
                facts = self._binary_of(path, node)
                if facts is not None:
                    yield facts
            stack += [(f"{path}/{name}", below) for name, below in sorted(node.children.items(), reverse=True)]

    def names(self) -> frozenset[str]:
        """Return the last part of every path that is there."""
        if self._found.names is None:
            self._found.names = self._walk_names()
        return self._found.names

    def _walk_names(self) -> frozenset[str]:
        found: set[str] = set()
        stack = [self.top]
        while stack:
            children = stack.pop().children
            found.update(children)
            stack += [below for below in children.values() if below.children]
        return frozenset(found)

    def facts(self) -> RootFsFacts:
        """Return what the file system offers a loader and a resolver."""
        from inspector.layers.offering import describe_rootfs

        if self._found.facts is None:
            self._found.facts = describe_rootfs(self)
        return self._found.facts


class _Text(str):
    """Text of a file, told from the words for special files by its type."""

    __slots__ = ()


def is_text(value: str | None) -> bool:
    """Whether ``RootFs.text`` returned a file's text."""
    return isinstance(value, _Text)


def merge(layers: Sequence[tuple[LayerFacts, str | None]]) -> RootFs:
    """Overlay layers, lowest first; each comes with its diff ID."""
    top = Node("directory", -1)
    facts = tuple(layer for layer, _ in layers)
    root = RootFs(
        top,
        facts,
        tuple(diff_id for _, diff_id in layers),
        (),
        tuple({binary.path: binary for binary in layer.binaries} for layer in facts),
        tuple({library.path: library for library in layer.libraries} for layer in facts),
        tuple({script.path: script for script in layer.scripts} for layer in facts),
    )
    problems = [problem for number, layer in enumerate(facts) for problem in _apply(root, layer, number)]
    return replace(root, problems=tuple(problems[:20]))


def _apply(root: RootFs, layer: LayerFacts, number: int) -> Iterator[str]:
    directories = sorted(layer.directories)
    # A directory in the place of a lower file or link comes first: what the layer takes away below it is not to be
    # looked for where the link led.
    for path in directories:
        known = _entry(root, path)
        if known is not None and known.kind != "directory":
            _put(root, path, Node("directory", number))
    for path in layer.opaques:
        emptied = root.top if path == "/" else _entry(root, path)
        if emptied is not None:
            emptied.children.clear()
    for path in layer.whiteouts:
        parent = root.find(path.rpartition("/")[0])
        name = path.rpartition("/")[2]
        if parent is not None and name in parent[1].children and parent[1].children[name].layer != number:
            del parent[1].children[name]
    for path, target in layer.links.items():
        _put(root, path, Node("link", number, target=target))
    for path in directories:
        _put(root, path, Node("directory", number))
    for path in layer.files:
        _put(root, path, Node("file", number, origin=path))
    for path, target in layer.hardlinks.items():
        # A hard link to a symbolic link is that link again: link(2) does not follow it.
        found = _entry(root, target) if normalise(target) else None
        if found is None or found.kind == "directory":
            yield f"{printable(path)} is a hard link to {printable(target)}, which is not there"
            _put(root, path, Node("file", number, origin=path))
        else:
            _put(root, path, Node(found.kind, found.layer, found.origin, found.target))


def _entry(root: RootFs, path: str) -> Node | None:
    """Return what stands at a path, links followed but for the last."""
    above, _, name = path.rpartition("/")
    parent = root.find(above)
    return None if parent is None else parent[1].children.get(name)


def _put(root: RootFs, path: str, node: Node) -> None:
    above, _, name = path.rpartition("/")
    parent = _enter(root, above, node.layer)
    known = parent.children.get(name)
    if node.kind == "directory" and known is not None and known.kind == "directory":
        return
    parent.children[name] = node


def _enter(root: RootFs, path: str, layer: int) -> Node:
    """Return the directory at a path, links followed; what is missing or in the way of it is made a directory.

    A link that leads nowhere gets the directory that it names, as umoci and containerd unpack (containerd,
    archive/tar.go, mkparent).
    """
    trail = [root.top]
    rest = path.split("/")[1:]
    rest.reverse()
    hops = 0
    while rest:
        part = rest.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            trail = trail[:-1] or trail
            continue
        children = trail[-1].children
        below = children.get(part)
        if below is not None and below.kind == "link" and hops < _MAX_HOPS:
            hops += 1
            if below.target.startswith("/"):
                trail = trail[:1]
            rest += below.target.split("/")[::-1]
            continue
        if below is None or below.kind != "directory":
            below = children[part] = Node("directory", layer)
        trail.append(below)
    return trail[-1]
