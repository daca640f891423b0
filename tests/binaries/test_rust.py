"""Real Rust programs: no Go facts, and everything else that is told of a C program.

rustc calls libc through the global offset table, in a static file too, where Debian's 1.63 lets no linker relax it.
"""

import importlib.metadata
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest
import toolchains

from inspector.binaries import examine
from inspector.facts import BinaryFacts

SOURCES = Path(__file__).parent / "sources" / "rust"
MODELS = {"static": "static", "static-pie": "pic"}
"""Linkage, and the relocation model by which rustc comes to it."""


def compiled(source: str, model: str, directory: Path) -> Path:
    """Compile a program with glibc inside, by Debian's rustc in a root of its own, which wants /proc."""
    root = toolchains.debian_root("bookworm", (*toolchains.COMPILER, "rustc"))
    (root / "proc").mkdir(exist_ok=True)
    (root / "build").mkdir(exist_ok=True)
    inside = Path(tempfile.mkdtemp(dir=root / "build"))  # directories of several workers have one name
    (inside / source).write_bytes((SOURCES / source).read_bytes())
    place = inside.relative_to(root)
    command = ["rustc", "-O", "-C", "linker=gcc", "-C", "codegen-units=1", "-C", "target-feature=+crt-static"]
    command += ["-C", f"relocation-model={model}", "-o", f"/{place}/program", f"/{place}/{source}"]
    mounted = 'mount --rbind /proc "$0/proc" && exec chroot "$0" /usr/bin/env -i PATH=/usr/bin:/bin "$@"'
    toolchains.run(["unshare", "--mount", "sh", "-c", mounted, root, *command])
    program = (inside / "program").rename(directory / "program")
    shutil.rmtree(inside)
    return program


def facts_of(program: Path) -> BinaryFacts:
    facts = examine(program.read_bytes(), "/usr/bin/program")
    assert isinstance(facts, BinaryFacts)
    assert facts.go is None and facts.machine == "x86-64" and facts.interpreter is None and not facts.needed
    return facts


@pytest.mark.needs("root", "strip")
@pytest.mark.parametrize("linkage", MODELS)
def test_a_rust_program_that_looks_names_up_calls_into_glibc(linkage: str, tmp_path: Path) -> None:
    program = compiled("asks.rs", MODELS[linkage], tmp_path)
    facts = facts_of(program)
    assert facts.linkage == linkage and not facts.problems
    assert (facts.libc.kind, facts.libc.version, facts.libc.era) == ("glibc", "2.36", "2.34-or-later")
    (exposure,) = facts.exposures or ()
    (evidence,) = exposure.evidence
    assert exposure.kind == "clib" and "LookupHost" in evidence and evidence.endswith(" calls getaddrinfo")
    toolchains.run(["strip", program])
    stripped = facts_of(program)
    assert stripped.stripped and stripped.libc == facts.libc
    assert [exposure.kind for exposure in stripped.exposures or ()] == ["clib"]
    assert stripped.problems == ("it is stripped: which of its functions enter NSS cannot be told",)


@pytest.mark.needs("root", "strip")
@pytest.mark.parametrize("linkage", MODELS)
def test_a_rust_program_that_asks_nobody_has_no_way_in(linkage: str, tmp_path: Path) -> None:
    program = compiled("plain.rs", MODELS[linkage], tmp_path)
    for _ in range(2):
        facts = facts_of(program)
        assert facts.linkage == linkage and facts.libc.kind == "glibc" and facts.exposures == () and not facts.problems
        toolchains.run(["strip", program])


def test_a_rust_program_with_musl_inside(tmp_path: Path) -> None:
    """ruff's own, which nobody here built: static, position independent, stripped."""
    pinned = f"ruff=={importlib.metadata.version('ruff')}"
    home = toolchains.cache() / f"{pinned}-musl"
    with toolchains.making(home) as work:
        if work:
            wheel = toolchains.download_wheel(pinned, work, "--only-binary=:all:", "--platform", "musllinux_1_2_x86_64")
            with zipfile.ZipFile(wheel) as archive:
                (name,) = (name for name in archive.namelist() if name.endswith("/scripts/ruff"))
                (work / "ruff").write_bytes(archive.read(name))
            wheel.unlink()
    facts = facts_of(home / "ruff")
    assert (facts.linkage, facts.libc.kind, facts.stripped) == ("static-pie", "musl", True)
    assert facts.exposures == () and not facts.problems
