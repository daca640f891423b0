"""What a merged file system offers a loader: libc, loaders, NSS modules, and the files under /etc that decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from inspector.facts import ImageLibc, LibraryFacts, RootFsFacts, Special
from inspector.layers.overlay import is_text

if TYPE_CHECKING:
    from inspector.layers.overlay import RootFs

FILES = ("nsswitch.conf", "mdns.allow", "passwd", "group", "services", "os-release")
_CACHE = "/etc/ld.so.cache"
_MAX_CACHED = 10_000
_DIRECTORIES = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib32", "/usr/lib32")
_MULTIARCH = re.compile(r"[a-z0-9_]+-linux-(?:gnu|musl)[a-z0-9]*")
_NSS = re.compile(r"libnss_([\w-]+)\.so\.2")
_LOADER = re.compile(r"ld-linux[\w.-]*\.so\.\d|ld64\.so\.[12]|ld\.so\.1|ld-musl-[\w-]+\.so\.1")
_LIBC = re.compile(r"libc\.so\.6(?:\.1)?")
_MUSL = re.compile(r"ld-musl-[\w-]+\.so\.1|libc\.musl-[\w-]+\.so\.1")
_VERSIONED = re.compile(r"libc-(2\.\d+)\.so")


def describe_rootfs(root: RootFs) -> RootFsFacts:
    """Return the facts of a merged file system."""
    entries = dict(_library_paths(root))
    nss = {match[1]: path for path in entries if (match := _NSS.fullmatch(_base(path)))}
    loaders = [path for path in entries if _LOADER.fullmatch(_base(path))]
    loader = next((facts for path in loaders if (facts := entries[path]) and facts.libc.kind == "glibc"), None)
    files, special = _etc_files(root)
    return RootFsFacts(
        libc=_libc(root, entries),
        nss=tuple(sorted(nss)),
        libresolv=any(_base(path) == "libresolv.so.2" for path in entries),
        ld_so_cache=root.find("/etc/ld.so.cache") is not None,
        interpreters=tuple(sorted({*loaders, *_named_interpreters(root)})),
        loader_dl_var_init=loader.dl_var_init if loader else None,
        nss_tls=tuple(sorted(name for name, path in nss.items() if (facts := entries[path]) and facts.tls)),
        files=files,
        special=special,
    )


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _library_paths(root: RootFs) -> Iterator[tuple[str, LibraryFacts | None]]:
    """Yield (path as a loader would name it, facts) of the libraries in the directories that a loader searches."""
    places = list(_DIRECTORIES)
    for directory in _DIRECTORIES[:2]:
        found = root.find(directory)
        if found is not None:
            places += [f"{directory}/{name}" for name in found[1].children if _MULTIARCH.fullmatch(name)]
    for place in places:
        found = root.find(place)
        if found is None:
            continue
        for name in sorted(found[1].children):
            if _matters(name) and _is_file(root, f"{place}/{name}"):
                yield f"{place}/{name}", root.library(f"{place}/{name}")
    for path in _cached(root):
        if (
            path.startswith("/")
            and path.rpartition("/")[0] not in places
            and _matters(_base(path))
            and _is_file(root, path)
        ):
            yield path, root.library(path)


def _matters(name: str) -> bool:
    return name == "libresolv.so.2" or any(pattern.fullmatch(name) for pattern in (_NSS, _LOADER, _LIBC, _MUSL))


def _is_file(root: RootFs, path: str) -> bool:
    found = root.find(path)
    return found is not None and found[1].kind == "file"


def _cached(root: RootFs) -> list[str]:
    """Return the paths that ld.so.cache holds of libraries that matter."""
    try:
        text = root.text(_CACHE)
    except KeyError:
        return []
    return str(text).splitlines()[:_MAX_CACHED] if text is not None and is_text(text) else []


def _named_interpreters(root: RootFs) -> Iterator[str]:
    """Yield the interpreters that executables name and that are there, wherever that is."""
    names = {binary.interpreter for layer in root.layers for binary in layer.binaries if binary.interpreter}
    for name in names:
        if name.startswith("/") and _is_file(root, name):
            yield name


def _libc(root: RootFs, entries: dict[str, LibraryFacts | None]) -> ImageLibc:
    glibc = next((path for path in entries if _LIBC.fullmatch(_base(path))), None)
    if glibc is not None:
        facts = entries[glibc]
        version = facts.libc.version if facts else None
        if version is None:
            found = root.find(glibc)
            match = _VERSIONED.fullmatch(_base(found[0])) if found else None
            version = match[1] if match else None
        return ImageLibc(kind="glibc", version=version, relr=facts.relr if facts else None)
    musl = next((path for path in entries if _MUSL.fullmatch(_base(path))), None)
    if musl is not None:
        facts = entries[musl]
        return ImageLibc(kind="musl", version=facts.libc.version if facts else None)
    return ImageLibc(kind="none")


def _etc_files(root: RootFs) -> tuple[dict[str, str | None], dict[str, Special]]:
    """Return the texts under /etc; a file whose text was not kept has no key: it is not known."""
    files: dict[str, str | None] = {}
    special: dict[str, Special] = {}
    for name in FILES:
        try:
            value = root.text(f"/etc/{name}")
        except KeyError:
            continue
        if value is None or is_text(value):
            files[name] = None if value is None else str(value)
        else:
            files[name] = None
            special[name] = cast("Special", value)
    return files, special
