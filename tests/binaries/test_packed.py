"""What real UPX packed is unknown and says so, never a program without look-ups and never no program at all.

UPX 3.96 and 4.2.4, Debian's, on Go and C programs of four machines and of every linkage that it takes. It refuses
position-independent files of Go 1.27 ("bad e_shstrtab"), and 3.96 small dynamic ones.
"""

import json
from pathlib import Path

import matrix
import parts
import pytest
import toolchains
from matrix import Cell

from inspector.binaries import examine
from inspector.facts import BinaryFacts

SOURCES = Path(__file__).parent / "sources"
RELEASES = {"bullseye": "3.96", "trixie": "4.2.4"}
OTHER_MACHINES = ("386", "arm64")
LINKINGS = ("static-2.36", "dynamic", "static-pie")
C = {
    "static": ("gcc", "-static"), "static-pie": ("gcc", "-static-pie"),
    "arm64 static": ("aarch64-linux-gnu-gcc", "-static"), "arm64 static-pie": ("aarch64-linux-gnu-gcc", "-static-pie"),
    "arm static": ("arm-linux-gnueabihf-gcc", "-static"),
}  # fmt: skip
SMALL = {"dynamic": ("gcc", "-no-pie"), "dynamic-pie": ("gcc", "-pie"), "arm64 pie": ("aarch64-linux-gnu-gcc", "-pie")}
pytestmark = pytest.mark.needs("root", "gcc", "aarch64-linux-gnu-gcc", "arm-linux-gnueabihf-gcc")


def pack(release: str, program: Path, directory: Path) -> Path:
    """Pack a program by the UPX of a Debian release, started by its own loader."""
    root = toolchains.debian_root(release, ("upx-ucl",))
    loader = next(root.rglob("ld-linux-x86-64.so.2"))
    libraries = {str(path.parent) for path in root.rglob("lib*.so*")}
    upx = [loader, "--library-path", ":".join(sorted(libraries)), root / "usr/bin/upx-ucl"]
    assert f"upx {RELEASES[release]}" in toolchains.run([*upx, "--version"])
    packed = directory / "packed"
    toolchains.run([*upx, "-q", "-1", "-o", packed, program])
    assert packed.stat().st_size < program.stat().st_size
    return packed


def compiled(name: str, directory: Path) -> Path:
    compiler, linking = (C | SMALL)[name]
    program = directory / "program"
    toolchains.run([compiler, "-O2", "-w", linking, "-o", program, SOURCES / "callers.c"])
    return program


def assert_unknown(data: bytes, *words: str) -> None:
    found = examine(data, "/usr/bin/program")
    assert isinstance(found, BinaryFacts)
    assert found.exposures is None and found.go is None and found.libc.kind == "unknown"
    assert all(word in found.problems[-1] for word in words), found.problems


def disguised(packed: Path) -> bytes:
    """Return the file without what names the packer, as those do who do not want it unpacked."""
    data = packed.read_bytes()
    for mark in (b"UPX!", b"$Info: This file is packed with the UPX", b"$Id: UPX"):
        data = data.replace(mark, b"\0" * len(mark))
    return data


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", C)
def test_packed_c_programs_are_unknown(release: str, name: str, tmp_path: Path) -> None:
    packed = pack(release, compiled(name, tmp_path), tmp_path)
    assert_unknown(packed.read_bytes(), "packed by UPX")
    assert_unknown(disguised(packed), "may be packed")
    assert_unknown(packed.read_bytes() + b"data behind it" * 100, "packed by UPX")


@pytest.mark.parametrize("name", SMALL)
def test_packed_dynamic_programs_look_like_static_ones_and_are_unknown(name: str, tmp_path: Path) -> None:
    packed = pack("trixie", compiled(name, tmp_path), tmp_path)
    assert_unknown(packed.read_bytes(), "packed by UPX")
    assert_unknown(disguised(packed), "may be packed")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("linking", LINKINGS)
def test_packed_go_programs_are_unknown(release: str, linking: str, tmp_path: Path) -> None:
    program = matrix.make(Cell("1.27", "amd64", linking, "", "kept"), tmp_path)
    packed = pack(release, program, tmp_path)
    assert_unknown(packed.read_bytes(), "packed by UPX")
    assert_unknown(disguised(packed), "may be packed")


@pytest.mark.parametrize("machine", OTHER_MACHINES)
def test_packed_go_programs_of_other_machines_are_unknown(machine: str, tmp_path: Path) -> None:
    program = matrix.make(Cell("1.27", machine, "nocgo", "", "kept"), tmp_path, matrix.HELLO)
    assert_unknown(pack("trixie", program, tmp_path).read_bytes(), "packed by UPX")


def test_a_packed_program_is_never_judged_safe(tmp_path: Path) -> None:
    packed = pack("trixie", compiled("static-pie", tmp_path), tmp_path)
    done = parts.inspector("scan", "--no-cache", "--format", "json", f"file:{packed}")
    report = json.loads(done.stdout)
    levels = {
        verdict["level"]
        for target in report["targets"] for place in target["environments"] for verdict in place["verdicts"]
    }  # fmt: skip
    assert levels == {"unknown"} and done.returncode == 4, done.stderr
