"""Logs that mean harm: binary, endless, with long lines, many streams, many crashes."""

import resource
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.crashlog import diagnose, read_crashes
from inspector.crashlog.reading import MAX_CRASHES

LOGS = Path(__file__).parents[2] / "samples" / "logs"
PIECES = [line for path in sorted(LOGS.glob("*.log")) for line in path.read_bytes().splitlines(keepends=True)]


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from(PIECES)), max_size=60))
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    for crash in read_crashes(pieces).crashes:
        assert diagnose(crash).title


@settings(max_examples=100)
@given(st.text(alphabet='panic: SIGSEGV\n\t()[]{}.0x<>"\\|#', max_size=3000))
def test_text_of_a_traceback_s_letters_is_read(text: str) -> None:
    for crash in read_crashes([b"fatal error: x\n" + text.encode()]).crashes:
        diagnose(crash)


def test_long_lines_are_cut() -> None:
    for word in (
        b"a.b(",
        b"goroutine 1 [",
        b"x.(",
        b"((((",
        b'{"log":',
        b"\x1b[",
        b"> ",
        b"\\n",
        b"Assertion `",
        b"lookup x",
    ):
        content = b"SIGSEGV: segmentation violation\n" + word * 400_000 + b"\nPC=0x1 m=0 sigcode=1\n"
        assert read_crashes([content]).lines == 3


def test_many_streams_and_many_crashes_are_bounded() -> None:
    one = (LOGS / "go1.5-user.log").read_text().splitlines()
    lines = (f"s{number} | {line}\n".encode() for number in range(MAX_CRASHES + 50) for line in one)
    found = read_crashes(lines)
    assert len(found.crashes) == MAX_CRASHES
    assert found.left_out == 50


def test_a_stream_without_end_needs_no_more_memory() -> None:
    """A quarter of a gigabyte, in which a crash stands, one line without end, and one that is all words of crashes."""
    program = """if True:
        import sys
        out = sys.stdout.buffer
        line = b"2026-11-25 16:24:01.100 UTC [gossip/discovery] periodicalSendAlive -> DEBU 1b4 Sleeping 5s\\n"
        for _ in range(128): out.write(line * 10_000)
        out.write(open(sys.argv[1], "rb").read())
        for _ in range(64): out.write(b"x" * 1_000_000)
        out.write(b"\\n")
        for _ in range(64): out.write(b"\\x00\\xff\\x1b[" * 250_000)
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (400 * 1024 * 1024,) * 2)

    with subprocess.Popen([sys.executable, "-c", program, LOGS / "go1.5-user.log"], stdout=subprocess.PIPE) as writer:
        command = [Path(sys.executable).parent / "inspector", "explain", "-"]
        done = subprocess.run(
            command, stdin=writer.stdout, capture_output=True, text=True, preexec_fn=limit, check=False
        )
    assert done.returncode == 1, done.stderr
    assert "line 1280001" in done.stdout
