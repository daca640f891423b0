"""``--witness``: what pyelftools and lief read otherwise than we is not known, and what kills them is told."""

import os
import signal
import struct
import subprocess
from pathlib import Path

import parts
import pytest

from inspector.binaries import examine
from inspector.binaries.elf import read_elf
from inspector.facts import BinaryFacts
from inspector.witnesses import ASK, Witnesses

IMAGES = [parts.ROOT / "samples/images" / name for name in ("peer-static-glibc.tar.gz", "peer-dynamic.tar.gz")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("program") / "program"
    subprocess.run(["gcc", "-x", "c", "-o", made, "-"], input=b"int main(void) { return 0; }", check=True)
    return made


def lying(program: Path, place: Path) -> Path:
    """Write the program with section headers that lead to other names of libraries than its dynamic section does."""
    data = bytearray(program.read_bytes())
    sections, _ = read_elf(bytes(data)).sections()
    number = next(n for n, section in enumerate(sections) if section.name == ".dynstr")
    (start,) = struct.unpack_from("<Q", data, 40)
    offset = start + 64 * number + 24
    (there,) = struct.unpack_from("<Q", data, offset)
    struct.pack_into("<Q", data, offset, there + 1)
    place.write_bytes(data)
    place.chmod(0o755)
    return place


@pytest.mark.parametrize("image", IMAGES, ids=[image.name for image in IMAGES])
def test_the_samples_are_what_the_witnesses_say(image: Path) -> None:
    asked, plain = (parts.inspector("facts", *flags, str(image)) for flags in (["--witness"], ["--no-cache"]))
    assert (asked.returncode, asked.stdout) == (plain.returncode, plain.stdout)


@pytest.mark.needs("gcc")
def test_section_headers_that_lie_make_a_program_unknown(program: Path, tmp_path: Path) -> None:
    liar = lying(program, tmp_path / "liar")
    assert subprocess.run([liar], check=False).returncode == 0  # the loader does not look at them
    plain = parts.inspector("scan", "--no-cache", f"file:{liar}")
    asked = parts.inspector("scan", "--witness", f"file:{liar}")
    assert asked.returncode == 4, asked.stdout
    assert "reads otherwise what libraries it needs: ibc.so.6, not libc.so.6" in " ".join(asked.stdout.split())
    assert "reads otherwise" not in plain.stdout


@pytest.mark.needs("gcc")
def test_a_witness_that_dies_is_told_and_asked_again(program: Path) -> None:
    data = program.read_bytes()
    facts = examine(data, "/program")
    assert isinstance(facts, BinaryFacts)
    with Witnesses() as witnesses:
        assert witnesses.question(facts, data) == facts
        running = [process.pid for process in witnesses._running.values()]
        assert len(running) == len(ASK)
        os.kill(running[0], signal.SIGSEGV)
        told = witnesses.question(facts, data)
        assert told.exposures is None
        assert told.problems == (f"{next(iter(ASK))} cannot read it: ended by SIGSEGV",)
        assert witnesses.question(facts, data) == facts
        running += [process.pid for process in witnesses._running.values()]
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.needs("gcc")
def test_nothing_of_the_directory_is_imported(program: Path, tmp_path: Path) -> None:
    (tmp_path / "lief.py").write_text("open('imported', 'w').close()\n")
    asked = parts.inspector("scan", "--witness", f"file:{program}", cwd=tmp_path)
    assert "cannot read it" not in asked.stdout
    assert not (tmp_path / "imported").exists()
