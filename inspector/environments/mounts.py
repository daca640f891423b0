"""What is mounted over an image: which of the resolver's files it brings, and what of the image it hides.

Compose, kubelet and engines alike mount the deepest place last (moby, volume/mounts/mounts.go, ``Parts``; containerd,
internal/cri/opts, ``orderedMounts``), so that a file in a directory lies over the directory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath

from inspector.escaping import printable
from inspector.facts import CONTEXT_FILES, BinaryFacts, ContextFile, Mounted

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_LOADED_BY = (*_LIBRARIES, "/etc/ld.so.cache", "/etc/ld.so.preload")
"""Where loaders look (ld.so(8), FILES; Debian's ld.so.conf.d adds /usr/local/lib)."""
_IN_LIBRARIES = re.compile(r"(?:[\w.]+-linux-\w+|glibc-hwcaps|tls)(?:/[^/]+)?|[^/]+\.so(?:\.[^/]*)?")
"""What counts of that which is mounted inside one of them: a library, or a directory of libraries."""
_WRITTEN_LAST = frozenset({"resolv.conf", "hosts"})
"""What engines and kubelets write themselves lies over a directory that is mounted on /etc."""
MAX_PATH = 4096
"""Characters of a place; Linux takes no longer one (PATH_MAX)."""


def clean(target: str) -> str:
    """Return a place without ``.``, ``..`` and needless slashes."""
    return normpath("/" + target.lstrip("/")[:MAX_PATH])


def covers(target: str, place: str) -> bool:
    """Whether what is mounted at ``target`` lies over a place."""
    return place == target or place.startswith(target.rstrip("/") + "/")


def lay_over(
    target: str, content: Callable[[str], ContextFile | str], files: dict[str, ContextFile], unknown: dict[str, str]
) -> None:
    """Put what is mounted over the files of the resolver that it covers.

    Args:
        target: where it is mounted.
        content: returns the file at a path inside of it (empty: what is mounted itself), or why it is not known.
        files: takes what is known.
        unknown: takes why the others are not.
    """
    for name in CONTEXT_FILES:
        path = f"/etc/{name}"
        if not covers(target, path):
            continue
        inside = path[len(target.rstrip("/")) :].lstrip("/")
        if inside and name in _WRITTEN_LAST:
            continue
        unknown.pop(name, None)
        files.pop(name, None)
        found = content(inside)
        if isinstance(found, ContextFile):
            files[name] = found
        else:
            unknown[name] = found


def hidden(
    mounts: Iterable[Mounted],
    binaries: Iterable[BinaryFacts],
    sought: Iterable[str] = (),
    real: Callable[[str], str] = clean,
) -> Iterator[str]:
    """Yield what of the image cannot be judged, as something lies over it: once for each mount.

    Args:
        mounts: what is mounted.
        binaries: those that are judged.
        sought: where what is started is looked for.
        real: returns where a path leads in the image.
    """
    kept = list(binaries)
    loads = any(_loads(binary) for binary in kept)
    places = dict.fromkeys(binary.path for binary in kept)
    places |= dict.fromkeys(binary.interpreter for binary in kept if binary.interpreter)
    places |= dict.fromkeys(_LOADED_BY if loads else ())
    places |= dict.fromkeys(sought)
    under: dict[str, str] = {}
    """Place of the container → the first of the places that what is mounted there hides."""
    for place in places:
        for each in dict.fromkeys((clean(place), real(place))):
            for above in _with_those_above(each):
                under.setdefault(above, place)
    libraries = {real(place) for place in _LIBRARIES} if loads else set()
    for mount in mounts:
        target, at = clean(mount.target), real(clean(mount.target))
        over = under.get(at) or under.get(target)
        if over is None and any(
            covers(library, at) and _IN_LIBRARIES.fullmatch(at[len(library) :].strip("/")) for library in libraries
        ):
            over = at
        if over is not None:
            where = f" ({mount.where})" if mount.where else ""
            shown = printable(target, limit=120)
            yield f"{printable(over, limit=120)} is hidden by what is mounted at {shown}{where}, which was not read"


def _with_those_above(place: str) -> Iterator[str]:
    while place not in {"", "/"}:
        yield place
        place = place.rpartition("/")[0]
    yield "/"


def _loads(binary: BinaryFacts) -> bool:
    """Whether it loads libraries: at its start, or by NSS."""
    return not binary.linkage.startswith("static") or binary.exposures is None or bool(binary.exposures)
