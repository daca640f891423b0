"""A reader that goes away (``| head -1``) ends the command as it ends other Unix tools: at once, quietly, with 141."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSPECTOR = str(Path(sys.executable).parent / "inspector")
PIPE_GONE = 141
"""128 and the number of SIGPIPE, as a shell tells of what the signal ended."""


def cases(path: Path) -> Path:
    """Write so many cases that their answers fit into no pipe."""
    case = {
        "go": "1.15", "cgo": True, "tags": [], "files": {"resolv.conf": None, "nsswitch.conf": None}, "call": "host", "name": "a.b",
    }  # fmt: skip
    path.write_text("".join(json.dumps({"id": number, **case}) + "\n" for number in range(2000)))
    return path


@pytest.mark.parametrize("verb", ["resolve", "judge"])
def test_a_batch_whose_reader_goes_after_a_line_ends_quietly(verb: str, tmp_path: Path) -> None:
    command = [INSPECTOR, verb, "--batch", str(cases(tmp_path / "cases.jsonl"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert json.loads(process.stdout.readline())["id"] == 0
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == PIPE_GONE


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("resolve", "--help"),
        ("version",),
        ("rules",),
        ("resolve", "--table"),
        ("resolve", "--go", "1.15"),
        ("scan", "--no-cache", "--fail-on", "never", "samples/images/peer-netgo.tar"),
    ],
)
def test_what_nobody_reads_ends_quietly(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([INSPECTOR, *arguments], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", PIPE_GONE)


def test_an_error_that_nobody_reads_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([INSPECTOR, "scan", "oci-dir:/nowhere"], stdout=writing, stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == PIPE_GONE
