"""Our overlay against a real unpacking of the same layers by umoci."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from stacks import Entry, directory, file, hard, link, listing, opaque, overlay, tar, whiteout, write_layout

NAMES = ["a", "b", "c"]
PATHS = [
    *NAMES,
    *(f"{x}/{y}" for x in NAMES for y in NAMES),
    *(f"{x}/{y}/{z}" for x in "ab" for y in "ab" for z in "ab"),
]
TARGETS = [
    *(f"/{path}" for path in PATHS[:8]),
    "a",
    "b",
    "../a",
    "../b/c",
    "a/b",
    "/",
    ".",
    "../../..",
    "/nowhere",
    "/..",
]


@st.composite
def layers(draw: st.DrawFn) -> list[Entry]:
    """One layer as a differ writes it: each path once, parents before children, targets of hard links before them.

    No member goes through a link of its own layer: what a differ reads below a link belongs to where it leads.
    """
    chosen = sorted(draw(st.sets(st.sampled_from(PATHS), min_size=1, max_size=7)))
    found: list[Entry] = []
    kinds: dict[str, str] = {}
    for path in chosen:
        parents = [path.rsplit("/", 1)[0], path.split("/", 1)[0]]
        if any(kinds.get(parent) in {"file", "hard", "gone", "link"} for parent in parents):
            continue
        kind = draw(st.sampled_from(["file", "file", "dir", "dir", "link", "hard", "gone", "opaque"]))
        if kind == "file":
            found.append(file(path, f"{path} {draw(st.integers(0, 9))}"))
        elif kind == "dir":
            found.append(directory(path))
        elif kind == "link":
            found.append(link(path, draw(st.sampled_from(TARGETS))))
        elif kind == "hard":
            found.append(hard(path, draw(st.sampled_from(PATHS))))
        elif kind == "gone":
            found.append(whiteout(path))
        else:
            found += [directory(path), opaque(path)]
        kinds[path] = kind
    # Hard links last, as their targets must be there.
    return sorted(found, key=lambda entry: entry.kind == "hard")


def unpacked(stack: list[list[Entry]]) -> dict[str, str] | None:
    """Return what umoci makes of the layers, or None where it refuses them."""
    with tempfile.TemporaryDirectory() as place:
        write_layout(Path(place) / "image", [tar(entries) for entries in stack])
        command = ["umoci", "raw", "unpack", "--image", f"{place}/image:x", f"{place}/root"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        root = Path(place) / "root"
        found: dict[str, str] = {}
        for here, directories, files in os.walk(root):
            for name in directories + files:
                path = Path(here) / name
                inside = "/" + str(path.relative_to(root))
                if path.is_symlink():
                    found[inside] = f"link {path.readlink()}"
                else:
                    found[inside] = "dir" if path.is_dir() else f"file {path.read_text()}"
        return found


def ours(stack: list[list[Entry]]) -> dict[str, str]:
    contents = {
        (number, "/" + entry.path): entry.value
        for number, entries in enumerate(stack)
        for entry in entries
        if entry.kind == "file"
    }
    found = listing(overlay(*stack))
    for path, told in found.items():
        if told.startswith("file"):
            _, number, origin = told.split(" ", 2)
            found[path] = f"file {contents.get((int(number), origin), '?')}"
    return found


@pytest.mark.needs("root", "umoci")
@settings(max_examples=max(150, settings.default.max_examples))
@given(st.lists(layers(), min_size=1, max_size=4))
def test_the_overlay_is_what_a_real_unpacking_gives(stack: list[list[Entry]]) -> None:
    mine, theirs = ours(stack), unpacked(stack)
    event("refused" if theirs is None else "unpacked")
    if theirs is not None:
        assert mine == theirs
