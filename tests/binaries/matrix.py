"""Go binaries of every make, each with what must be found in it: known from how it was built, never from reading it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import toolchains
from toolchains import Build, build

PROBE = Path(__file__).parents[2] / "samples" / "probe"

GO = ("1.15", "1.19", "1.21", "1.22", "1.23", "1.24", "1.25", "1.26", "1.27")
MACHINES = ("amd64", "arm64", "ppc64le", "s390x", "arm", "riscv64", "386")
LINKINGS = (
    "static-2.31", "static-2.36", "static-2.41", "static-pie", "musl", "dynamic", "pie", "nocgo", "nocgo-pie",
)  # fmt: skip
TAGS = ("", "netgo", "osusergo", "netgo,osusergo", "netcgo")
STATES = ("kept", "-s -w", "strip", "no buildinfo", "no buildinfo, strip")

CROSS = {
    "arm64": "aarch64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "riscv64": "riscv64-linux-gnu",
}
_CROSS_LIBC = tuple(f"libc6-dev-{name}-cross" for name in ("arm64", "armhf", "ppc64el", "riscv64", "s390x"))
_ROOTS = {"static-2.31": "bullseye", "static-2.36": "bookworm", "static-2.41": "trixie"}
_REPORTED = {"amd64": "x86-64", "arm64": "aarch64"}
_LOADERS = {
    "amd64": "/lib64/ld-linux-x86-64.so.2",
    "arm64": "/lib/ld-linux-aarch64.so.1",
    "ppc64le": "/lib64/ld64.so.2",
    "s390x": "/lib/ld64.so.1",
    "arm": "/lib/ld-linux.so.3",
    "riscv64": "/lib/ld-linux-riscv64-lp64d.so.1",
    "386": "/lib/ld-linux.so.2",
}
"""The interpreter that Go's own linker writes into a position-independent file (cmd/link/internal/ARCH/obj.go)."""


@dataclass(frozen=True, order=True)
class Cell:
    """One make of the probe."""

    go: str
    machine: str
    linking: str
    tags: str
    state: str

    def __str__(self) -> str:
        return f"go{self.go} {self.machine} {self.linking} tags={self.tags or '-'} {self.state}"

    @property
    def root(self) -> str | None:
        """The Debian release in whose root it is built; None: on this machine, if that is bookworm itself."""
        if self.go == "1.15":
            return "bullseye"
        if self.go == "1.19":
            return None if _host() == "bookworm" else "bookworm"
        release = _ROOTS.get(self.linking, "bookworm")
        is_here = release == _host() or self.linking.startswith("nocgo")
        return None if is_here else release


@cache
def _host() -> str:
    """Return the Debian release of this machine."""
    found = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(encoding="utf-8"))
    return found[1] if found else ""


def is_possible(cell: Cell) -> bool:
    """Whether a cell can be built: Debian's own Go is tied to its release, and so to its glibc and its cross compilers."""
    if cell.go == "1.15" and cell.linking in {"static-2.36", "static-2.41"}:
        return False
    if cell.go == "1.19" and cell.linking in {"static-2.31", "static-2.41"}:
        return False
    if cell.state == "-s -w" and cell.tags not in {"", "netgo,osusergo"}:
        return False  # it is linked anew, and costs as much as all else
    if cell.machine == "amd64":
        return True
    if cell.linking.startswith("nocgo") and cell.tags:
        return False  # nothing that a tag could take away
    if cell.linking == "nocgo":
        return True
    if cell.linking == "nocgo-pie":
        # Those that Go's linker makes without a C compiler (InternalLinkPIESupported in cmd/internal/sys, internal/platform).
        since = {"arm64": "1.15", "ppc64le": "1.19", "s390x": "1.27"}.get(cell.machine)
        return since is not None and GO.index(cell.go) >= GO.index(since)
    # Of cross compilers' older glibc only what differs is tried: its loader looks _dl_var_init up on some machines.
    releases = {"static-2.31": ("1.15",), "static-2.36": GO[1:]}.get(cell.linking, ())
    has_cgo = (cell.go, cell.machine) != ("1.15", "riscv64")  # since 1.16
    return cell.machine in CROSS and cell.go in releases and has_cgo


@cache
def cells() -> tuple[Cell, ...]:
    """Return every cell that can be built."""
    every = (Cell(*values) for values in itertools.product(GO, MACHINES, LINKINGS, TAGS, STATES))
    return tuple(cell for cell in every if is_possible(cell))


def recipe(cell: Cell) -> Build:
    """Return how the cell's program is built; what happens to it afterwards is left to ``make``."""
    ldflags: list[str] = []
    if cell.linking == "static-pie":
        ldflags += ["-linkmode external", '-extldflags "-static-pie"']
    elif cell.linking.startswith("static-") or cell.linking == "musl":
        ldflags += ["-linkmode external", '-extldflags "-static"']
    if cell.state == "-s -w":
        ldflags.append("-s -w")
    how = Build(
        go=cell.go,
        root=cell.root,
        tags=cell.tags,
        ldflags=" ".join(ldflags),
        cgo=not cell.linking.startswith("nocgo"),
        goarch=cell.machine,
        buildmode="pie" if "pie" in cell.linking else "",
        packages=_packages(cell),
        cc="musl-gcc" if cell.linking == "musl" else "gcc",
    )
    if cell.machine in CROSS and how.cgo:
        how = replace(how, cc=f"{CROSS[cell.machine]}-gcc")
    return how


def _packages(cell: Cell) -> tuple[str, ...]:
    """Return what else than a C compiler for this machine the root must hold."""
    if not cell.root or cell.linking.startswith("nocgo"):
        return ()
    if cell.machine in CROSS:
        return tuple(f"gcc-{CROSS[machine]}" for machine in sorted(CROSS)) + tuple(_CROSS_LIBC)
    return ("musl-tools",) if cell.linking == "musl" else ()


def programs() -> list[Cell]:
    """Return one cell for each program that must be built; the others are made from these."""
    found = {repr(recipe(cell)): cell for cell in reversed(cells())}
    return sorted(found.values(), key=lambda cell: (cell.state == "-s -w", cell.machine != "amd64", cell))


def make(cell: Cell, directory: Path, source: Path = PROBE) -> Path:
    """Build the cell's program and do to it what its state says."""
    program = build(source, recipe(cell))
    if cell.state in {"kept", "-s -w"}:
        return program
    made = directory / "program"
    shutil.copyfile(program, made)
    prefix = f"{CROSS[cell.machine]}-" if cell.machine in CROSS else ""
    if cell.state.startswith("no buildinfo"):
        toolchains.run([f"{prefix}objcopy", "--remove-section", ".go.buildinfo", made])
    if cell.state.endswith("strip"):
        toolchains.run([f"{prefix}strip", made])
    return made


# ── what must be found ───────────────────────────────────────────────────────────────────────────────────────────

RELEASES = {"1.15": "1.15.15", "1.19": "1.19.8", **toolchains.WHEELS}


@cache
def cross_libc(machine: str) -> str:
    """Return the version of the C library that the machine's cross compiler links, by its headers."""
    command = [f"{CROSS[machine]}-gcc", "-E", "-dM", "-include", "features.h", "-x", "c", "/dev/null"]
    defined = re.findall(r"#define __GLIBC(?:_MINOR)?__ (\d+)", toolchains.run(command))
    return ".".join(defined)


def expectation(cell: Cell) -> dict[str, object]:
    """Return the facts that the build settings, the toolchain and the release of its libc lay down."""
    tags = set(filter(None, cell.tags.split(",")))
    cgo = not cell.linking.startswith("nocgo")
    dns, user = cgo and "netgo" not in tags, cgo and "osusergo" not in tags
    linkage = _linkage(cell, links_libc=dns or user)
    is_static, has_libc = linkage.startswith("static"), _has_libc(cell, linkage)
    recorded = not cell.state.startswith("no buildinfo")
    settings = recorded and cell.go != "1.15"
    return {
        "machine": _REPORTED.get(cell.machine, cell.machine),
        "byte_order": "big" if cell.machine == "s390x" else "little",
        "bits": 32 if cell.machine in {"386", "arm"} else 64,
        "linkage": linkage,
        "interpreter": None if is_static else _loader(cell),
        "stripped": cell.state in {"-s -w", "strip", "no buildinfo, strip"},
        "libc": _libc(cell, has_libc=has_libc) if is_static else ("glibc", None),
        "go": RELEASES[cell.go],
        "source": "buildinfo" if recorded else "strings" if cell.state.endswith("strip") else "symbol",
        "cgo": cgo if settings else None,
        "tags": tuple(sorted(tags)) if settings else None,
        "dl_var_init": _looks_up_dl_var_init(cell) if is_static and has_libc and cell.linking != "musl" else None,
        "runtime_cgo": dns or user or (has_libc and _has_threads(cell)),
        "dns": dns,
        "user": user,
        "clib": False,
    }


def _loader(cell: Cell) -> str:
    if cell.machine == "ppc64le" and cell.go == "1.19":
        return "/lib64/ld64.so.1"  # of big-endian ppc64, which Go's linker wrote for both
    return _LOADERS[cell.machine]


def _linkage(cell: Cell, *, links_libc: bool) -> str:
    if cell.linking == "nocgo":
        return "static"
    if cell.linking in {"pie", "nocgo-pie"}:
        return "dynamic-pie"
    if cell.linking == "static-pie":
        return "static-pie"
    if cell.linking == "dynamic":
        # Nothing is left that needs C: Go's linker makes a static file though cgo is on.
        return "dynamic" if links_libc else "static"
    return "static"


def _has_libc(cell: Cell, linkage: str) -> bool:
    return linkage.startswith("static") and cell.linking not in {"nocgo", "dynamic"}


def _libc(cell: Cell, *, has_libc: bool) -> tuple[str, str | None]:
    """Return kind and version of the C library inside a static file. musl's version is in its shared object only."""
    if not has_libc:
        return "none", None
    if cell.linking == "musl":
        return "musl", None
    if not _has_threads(cell):
        return "glibc", None
    if cell.machine in CROSS and cell.root is None:
        return "glibc", cross_libc(cell.machine)
    return "glibc", toolchains.LIBC[cell.root or "bookworm"]


def _looks_up_dl_var_init(cell: Cell) -> bool:
    """Whether the static loader is one that does (sysdeps/unix/sysv/linux/*/dl-static.c up to glibc 2.33)."""
    return cell.linking == "static-2.31" and cell.machine in {"arm64", "ppc64le"}


def _has_threads(cell: Cell) -> bool:
    """Whether libc's thread code, which carries the version, is linked in.

    Up to Go 1.20 the go command did not bring runtime/cgo in for ``-linkmode external`` (it asked for a package's flags
    before it knew that the package is the one they are for; ``-ldflags all=…`` works), and since 1.16 not for a position-independent file either, which Go's linker can make alone:
    without net's and os/user's C code libc then has nothing to do but to start the program.
    """
    if cell.tags != "netgo,osusergo":
        return True
    return cell.go not in {"1.15", "1.19"} or (cell.linking == "static-pie" and cell.go == "1.15")


def observed(program: Path) -> dict[str, object]:
    """Return what the analyser says, in the words of ``expectation``."""
    from inspector.binaries import examine
    from inspector.facts import BinaryFacts

    facts = examine(program.read_bytes(), "/usr/local/bin/probe")
    assert isinstance(facts, BinaryFacts)
    kinds = None if facts.exposures is None else {exposure.kind for exposure in facts.exposures}
    return {
        "machine": facts.machine,
        "byte_order": facts.byte_order,
        "bits": facts.bits,
        "linkage": facts.linkage,
        "interpreter": facts.interpreter,
        "stripped": facts.stripped,
        "libc": (facts.libc.kind, facts.libc.version),
        "go": facts.go and facts.go.version,
        "source": facts.go and facts.go.source,
        "cgo": facts.go and facts.go.cgo,
        "tags": facts.go and (None if facts.go.tags is None else tuple(sorted(facts.go.tags))),
        "dl_var_init": facts.dl_var_init,
        "runtime_cgo": facts.go and facts.go.runtime_cgo,
        **{kind: None if kinds is None else kind in kinds for kind in ("dns", "user", "clib")},
    }


def differences(cell: Cell, program: Path) -> list[str]:
    """Return what was found otherwise than it was built, one line a fact."""
    expected, found = expectation(cell), observed(program)
    return [
        f"{cell}: {key} is {found[key]!r}, built {expected[key]!r}" for key in expected if found[key] != expected[key]
    ]


# ── what CI runs ─────────────────────────────────────────────────────────────────────────────────────────────────

HELLO = Path(__file__).parent / "sources" / "hello"
"""Where only the headers, the build info and the function table are in question: a third of the probe's compiling."""
CI_OLDER = {
    "1.15": ("static-2.31", "dynamic", "nocgo"),
    "1.19": ("static-2.36", "nocgo"),
    "1.21": ("static-2.36", "nocgo"),
}
"""One release for each older way to write facts: pointers and the layout of 1.2; build info in place and the layout of
1.18; that of 1.20. 1.27 has a header without the start of the code, read-only in position-independent files."""
Pair = tuple[tuple[int, str], tuple[int, str]]


def pairs(cell: Cell) -> frozenset[Pair]:
    """Return the pairs of linking, tags and state that a cell shows."""
    return frozenset(itertools.combinations(enumerate((cell.linking, cell.tags, cell.state)), 2))


def cover(among: Sequence[Cell]) -> list[Cell]:
    """Return cells in which every pair of values that occurs in ``among`` occurs; greedy, the same every time.

    Of cells that add as many pairs, one that needs no further program is taken.
    """
    shown = {cell: pairs(cell) for cell in among}
    keys = {cell: repr(recipe(cell)) for cell in among}
    left: set[Pair] = set().union(*shown.values())
    chosen: list[Cell] = []
    built: set[str] = set()
    while left:
        best = max(among, key=lambda cell: (len(shown[cell] & left), keys[cell] in built))
        chosen.append(best)
        built.add(keys[best])
        left -= shown[best]
    return chosen


def ci_newest() -> list[Cell]:
    """Return what the cover is of: Go 1.27 on amd64, linked in every way; of glibc, static-2.31 is left to Go 1.15."""
    newest = [cell for cell in cells() if (cell.go, cell.machine) == ("1.27", "amd64")]
    return [cell for cell in newest if cell.linking != "static-2.31"]


def ci_cells() -> list[Cell]:
    """Return what CI runs of the probe.

    Every pair over linking, tags and state under the newest Go, and the older releases' layouts in every state without
    tags. A cover of releases by linkings too would compile Go's package net twenty times; ``make matrix`` does.
    """
    older = [
        cell
        for cell in cells()
        if cell.machine == "amd64"
        and cell.linking in CI_OLDER.get(cell.go, ())
        and not cell.tags
        and cell.state != "-s -w"
    ]
    return [*cover(ci_newest()), *older]


def ci_hello() -> list[Cell]:
    """Return what CI runs of the smaller program: every release, at a fixed place and not, in every state, and machine.

    Of machines the newest release, kept and without what is easy to read.
    """
    plain = [cell for cell in cells() if not cell.tags and cell.linking.startswith("nocgo")]
    releases = [cell for cell in plain if cell.machine == "amd64"]
    machines = [cell for cell in plain if cell.go == "1.27" and cell.machine != "amd64" and cell.linking == "nocgo"]
    return [*releases, *(cell for cell in machines if cell.state in {"kept", "no buildinfo, strip"})]


# ── make matrix ──────────────────────────────────────────────────────────────────────────────────────────────────

TABLE = Path(__file__).with_name("matrix.md")
_ANALYSER = Path(__file__).parents[2] / "inspector" / "binaries"
Results = Mapping[Cell, Sequence[str]]
"""What was found wrong of each cell that was checked."""


@cache
def _analyser() -> bytes:
    """Return the analyser's text: what another one found does not count."""
    return b"".join(path.read_bytes() for path in sorted(_ANALYSER.glob("*.py")))


def key(cell: Cell) -> str:
    """Return a digest of what a result depends on: how the cell is built, what is expected and what looks."""
    digest = hashlib.sha256(repr((recipe(cell), sorted(expectation(cell).items()))).encode() + _analyser())
    return digest.hexdigest()[:16]


def _kept() -> Path:
    return toolchains.cache() / "matrix.jsonl"


def finished() -> dict[Cell, list[str]]:
    """Return the results that earlier runs kept; a line that a killed run left half written is passed over."""
    found: dict[Cell, list[str]] = {}
    possible = set(cells())
    for line in _kept().read_text().splitlines() if _kept().exists() else ():
        with contextlib.suppress(ValueError):
            values, wrong, kept = json.loads(line)
            cell = Cell(*values)
            if cell in possible and kept == key(cell):
                found[cell] = wrong
    return {cell: found[cell] for cell in cells() if cell in found}


def _check(cell: Cell) -> tuple[Cell, list[str] | None]:
    """Return what is wrong with a cell, None where it could not be built: it stays open."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            return cell, differences(cell, make(cell, Path(directory)))
        except toolchains.Unavailable as error:
            print(f"{cell}: {str(error)[-300:]}", flush=True)
            return cell, None


def table(results: Results) -> str:
    """Return the matrix as Markdown: a row for each make, a column for each release."""
    open_cells = len(cells()) - len(results)
    wrong = [line for found in results.values() for line in found]
    lines = [
        "# The matrix of Go binaries",
        "",
        f"Of {len(cells())} files, made of {len(programs())} programs built from samples/probe,",
        f"`make matrix` has checked {len(results)}; {open_cells} are open.",
        f"{len(expectation(cells()[0]))} facts of each are held against how it was built; wrong: {len(wrong)}.",
        f"The states are {', '.join(STATES)}; `-s -w`, which is linked anew, is tried without tags and with both.",
        "A field says how many of a make's states were checked, of how many: `3/4`.",
        "",
        "| machine | linking | tags | " + " | ".join(GO) + " |",
        "|" + "---|" * (3 + len(GO)),
    ]
    rows: dict[tuple[str, str, str], dict[str, list[bool]]] = {}
    for cell in cells():
        row = rows.setdefault((cell.machine, cell.linking, cell.tags), {})
        row.setdefault(cell.go, []).append(cell in results)
    for (machine, linking, tags), row in rows.items():
        fields = [f"{sum(row[go])}/{len(row[go])}" if go in row else "" for go in GO]
        lines.append(f"| {machine} | {linking} | {tags or '–'} | " + " | ".join(fields) + " |")
    return "\n".join([*lines, *(["", "Wrong:", "", *(f"* {line}" for line in wrong)] if wrong else [])]) + "\n"


def main() -> int:
    """Run what is open of the matrix and write its table; ``table`` only writes it."""
    results = finished()
    order = [] if sys.argv[1:] == ["table"] else sorted(set(cells()) - results.keys(), key=_order)
    _kept().parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(int(os.environ.get("MATRIX_JOBS") or os.cpu_count() or 1)) as pool,
        _kept().open("a") as kept,
    ):
        for number, (cell, found) in enumerate(pool.map(_check, order, chunksize=len(STATES)), 1):
            if found is not None:
                results[cell] = found
                kept.write(json.dumps([astuple(cell), found, key(cell)]) + "\n")
                kept.flush()
            if found or number % 100 == 0:
                print(f"{number} of {len(order)}", *(found or ()), sep="\n  ", flush=True)
                TABLE.write_text(table(results))
    TABLE.write_text(table(results))
    return 1 if any(results.values()) or len(results) < len(cells()) else 0


def _order(cell: Cell) -> tuple[object, ...]:
    """Built programs first; then by toolchain, machine and position independence, which share what is compiled."""
    is_built = (toolchains.cache() / "builds" / recipe(cell).key(PROBE)).exists()
    return (
        not is_built,
        cell.state == "-s -w" and cell.machine != "amd64",
        GO.index(cell.go),
        cell.machine != "amd64",
        cell.root or "",
        cell.machine,
        "pie" in cell.linking,
        cell,
    )


if __name__ == "__main__":
    sys.exit(main())
