"""What a layer's members leave behind, the later member of a path in force."""

from __future__ import annotations

from typing import Any, Literal

from inspector.facts import BinaryFacts, LayerFacts, LibraryFacts, ScriptFacts

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
"""Names that take lower layers' files away (OCI image-spec, layer.md, "Whiteouts")."""
_MAX_PROBLEMS = 20
_MAX_PATH = 4096
_MAX_DEPTH = 256


def normalise(name: str) -> str | None:
    """Return a member's name as an absolute path, or None where it leads outside or is absurd."""
    if len(name) > _MAX_PATH or "\0" in name:
        return None
    name = name.removeprefix("./")
    if "//" not in name and "/." not in name and not name.startswith((".", "/")):
        path = "/" + name.rstrip("/")
        return path if path.count("/") <= _MAX_DEPTH else None
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or len(parts) > _MAX_DEPTH:
        return None
    return "/" + "/".join(parts)


class Recorder:
    """Collects members into LayerFacts."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._targets: dict[str, str] = {}
        self._whiteouts: dict[str, None] = {}
        self._opaques: dict[str, None] = {}
        self._binaries: dict[str, BinaryFacts] = {}
        self._libraries: dict[str, LibraryFacts] = {}
        self._scripts: dict[str, ScriptFacts] = {}
        self._others: dict[str, Literal["elf", "unread"]] = {}
        self._texts: dict[str, str] = {}
        self._unexecutable: dict[str, None] = {}
        self._described: tuple[dict[str, Any], ...] = (
            self._binaries, self._libraries, self._scripts, self._others, self._texts, self._targets,
            self._unexecutable,
        )  # fmt: skip
        self._problems: list[str] = []
        self._replaced_directories: list[str] = []

    def problem(self, text: str) -> None:
        """Record what could not be read; the first twenty are kept."""
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(text)

    def add_file(self, path: str, *, whiteouts: bool = True) -> bool:
        """Record a file or a whiteout; return whether there is content to look at."""
        parent, _, name = path.rpartition("/")
        if whiteouts and name.startswith(WHITEOUT):
            if name == OPAQUE:
                self._opaques[parent or "/"] = None
            elif len(name) > len(WHITEOUT) and not name.startswith(".wh..wh."):
                self._whiteouts[f"{parent}/{name[len(WHITEOUT) :]}"] = None
            return False
        self._put(path, "file")
        return True

    def add_directory(self, path: str) -> None:
        """Record a directory."""
        if path != "/":
            self._put(path, "directory")

    def add_link(self, path: str, target: str) -> None:
        """Record a symbolic link."""
        self._put(path, "link")
        self._targets[path] = target[:_MAX_PATH]

    def add_hardlink(self, path: str, target: str) -> None:
        """Record a hard link; its target is a path of the image."""
        where = normalise(target)
        if where is None:
            self.problem("a hard link leads outside")
            self._put(path, "file")
            return
        if where == path:
            return
        self._put(path, "hardlink")
        self._targets[path] = where

    def add_binary(self, facts: BinaryFacts) -> None:
        """Record an executable."""
        self._binaries[facts.path] = facts

    def add_library(self, facts: LibraryFacts) -> None:
        """Record a library that a loader needs."""
        self._libraries[facts.path] = facts

    def add_script(self, facts: ScriptFacts) -> None:
        """Record a script."""
        self._scripts[facts.path] = facts

    def add_other(self, path: str, kind: Literal["elf", "unread"]) -> None:
        """Record a file of which nothing is told and that may be a program all the same."""
        self._others[path] = kind

    def add_unexecutable(self, path: str) -> None:
        """Record that nobody may execute a program or a script."""
        self._unexecutable[path] = None

    def add_text(self, path: str, text: str) -> None:
        """Record the text of a file that decides."""
        self._texts[path] = text

    def _put(self, path: str, kind: str) -> None:
        known = self._kinds.get(path)
        if known is not None:
            if known == "directory" and kind != "directory":
                self._replaced_directories.append(path)
                self._drop_below(path)
            for facts in self._described:
                facts.pop(path, None)
        self._kinds[path] = kind

    def _drop_below(self, path: str) -> None:
        """A file in the place of a directory takes what stood below it in the same layer with it."""
        prefix = path + "/"
        if len(self._replaced_directories) > 1000:
            self.problem("more than 1000 directories replaced by files")
            return
        for below in [known for known in self._kinds if known.startswith(prefix)]:
            del self._kinds[below]
            for facts in self._described:
                facts.pop(below, None)

    def facts(self) -> LayerFacts:
        """Return everything recorded."""
        by_kind: dict[str, list[str]] = {"file": [], "directory": [], "link": [], "hardlink": []}
        for path, kind in self._kinds.items():
            by_kind[kind].append(path)
        return LayerFacts(
            files=tuple(by_kind["file"]),
            directories=tuple(by_kind["directory"]),
            links={path: self._targets[path] for path in by_kind["link"]},
            hardlinks={path: self._targets[path] for path in by_kind["hardlink"]},
            whiteouts=tuple(self._whiteouts),
            opaques=tuple(self._opaques),
            binaries=tuple(self._binaries.values()),
            libraries=tuple(self._libraries.values()),
            scripts=tuple(self._scripts.values()),
            others=self._others,
            texts=self._texts,
            unexecutable=tuple(self._unexecutable),
            problems=tuple(self._problems),
        )
