"""Lines that an engine cut to pieces: Docker's json-file and the CRI's format, held against the same log uncut."""

import json
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.crashlog import Diagnosis, diagnose, read_crashes
from inspector.crashlog.joining import MAX_HELD, PIECE
from inspector.crashlog.lines import MAX_LINE

LOGS = Path(__file__).parents[2] / "samples" / "logs"
TIME = "2026-11-25T16:24:{:02d}.123456789Z"
SIGNATURES = (("go1.27-user-unrelocated", "os/user._Cfunc_mygetpw"), ("go1.5-user", "os/user._Cfunc_mygetpw"))
NOISE = '{"level":"info","msg":"committed block [17] with 1 transaction(s)"}'


def trace(name: str) -> str:
    return (LOGS / f"{name}.log").read_text()


def found_in(content: bytes) -> list[Diagnosis]:
    return [replace(diagnose(crash), line=0, stream="") for crash in read_crashes([content]).crashes]


def cut(line: bytes, size: int) -> list[bytes]:
    return [line[start : start + size] for start in range(0, len(line), size)] or [b""]


def docker_records(output: bytes, stream: str = "stderr", size: int = PIECE) -> list[bytes]:
    """Return what json-file writes: a newline ends a line's last piece only; bytes that are no text come as U+FFFD."""
    records = []
    for line in output.split(b"\n")[:-1]:
        pieces = cut(line, size)
        for number, piece in enumerate(pieces):
            text = piece.decode("utf-8", "replace") + ("\n" if number == len(pieces) - 1 else "")
            record = {"log": text, "stream": stream, "time": TIME.format(number % 60)}
            records.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())
    return records


def cri_lines(output: bytes, stream: str = "stderr", size: int = PIECE, tags: str = "", pod: str = "") -> list[bytes]:
    lines = []
    for line in output.split(b"\n")[:-1]:
        pieces = cut(line, size)
        for number, piece in enumerate(pieces):
            tag = "F" if number == len(pieces) - 1 else "P"
            lines.append(f"{pod}{TIME.format(number % 60)} {stream} {tag}{tags} ".encode() + piece)
    return lines


WRITERS = {"docker": docker_records, "cri": cri_lines}


def joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def woven(one: list[bytes], other: list[bytes]) -> bytes:
    """Put a line of ``other`` behind each of ``one``."""
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return joined(line for n, each in enumerate(longer) for line in (each, *shorter[n : n + 1]))


def structured(name: str, split_within: str) -> bytes:
    """Return a trace as a supervisor logs it, in one record; Docker's cut falls into the name of a function."""
    beginning = '{"level":"error","dump":"'
    message = '","msg":' + json.dumps("process died:\n" + trace(name)) + "}"
    filling = PIECE - len(beginning) - message.index(split_within) - len(split_within) // 2
    return (beginning + "." * filling + message + "\n").encode()


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(("name", "function"), SIGNATURES)
def test_a_structured_record_with_a_whole_trace(name: str, function: str, writer: str) -> None:
    output = structured(name, function)
    lines = WRITERS[writer](output)
    assert len(lines) == 2
    assert not any(function.encode() in line for line in lines)
    expected = found_in(trace(name).encode())
    assert [found.sure for found in expected] == ["certain"]
    assert found_in(joined(lines)) == found_in(output) == expected


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", [name for name, _ in SIGNATURES])
def test_a_head_behind_a_line_that_never_ended(name: str, writer: str) -> None:
    """As of a program that draws its progress with dots: the crash's first line is not at a line's beginning."""
    filling = b"." * (PIECE - 8)
    output = filling + trace(name).encode()
    lines = WRITERS[writer](output)
    assert found_in(joined(lines)) == found_in(trace(name).encode())


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", [name for name, _ in SIGNATURES])
@pytest.mark.parametrize("size", [40, 57])
def test_pieces_of_the_two_streams_are_woven(name: str, size: int, writer: str) -> None:
    small = {"docker": PIECE, "cri": size}[writer]
    output = structured(name, SIGNATURES[0][1]) if writer == "docker" else trace(name).encode()
    err = WRITERS[writer](output, "stderr", small)
    out = WRITERS[writer]((NOISE * 1000 + "\n").encode() * 3, "stdout", PIECE if writer == "docker" else size)
    assert found_in(woven(err, out)) == found_in(trace(name).encode())


def test_pieces_of_two_pods_are_woven() -> None:
    one, other = (trace(name).encode() for name, _ in SIGNATURES)
    lines = woven(cri_lines(one, size=50, pod="node-1 | "), cri_lines(other, size=50, pod="node-2 | "))
    found = {crash.stream: replace(diagnose(crash), line=0, stream="") for crash in read_crashes([lines]).crashes}
    assert found == {"node-1": found_in(one)[0], "node-2": found_in(other)[0]}


def test_a_tag_may_be_followed_by_others() -> None:
    output = trace("go1.5-user").encode()
    assert found_in(joined(cri_lines(output, size=30, tags=":x"))) == found_in(output)


def test_a_crash_stands_where_its_line_begins() -> None:
    name, function = SIGNATURES[0]
    before = [b'{"log":"started\\n","stream":"stderr","time":"2026-11-25T16:24:00Z"}'] * 4
    (crash,) = read_crashes([joined([*before, *docker_records(structured(name, function))])]).crashes
    assert crash.line == 5


@pytest.mark.parametrize("writer", WRITERS)
def test_a_log_that_ends_within_a_line_is_read_to_its_end(writer: str) -> None:
    name, _ = SIGNATURES[0]
    last = json.dumps(trace(name)).encode()
    output = b'{"msg":"' + b"." * (2 * PIECE - len(last) - 200) + last + b"." * PIECE + b"\n"
    lines = WRITERS[writer](output)
    assert [found.frame for found in found_in(joined(lines[:-1]))] == [found_in(trace(name).encode())[0].frame]


def test_records_of_shippers_that_take_newlines_off_are_lines() -> None:
    for name, _ in SIGNATURES:
        records = [
            json.dumps({"log": line, "stream": "stderr", "time": TIME.format(1)}, separators=(",", ":")).encode()
            for line in ["x" * (PIECE - 1), *trace(name).splitlines()]
        ]
        assert found_in(joined(records)) == found_in(trace(name).encode())


def test_what_a_process_wrote_last_is_not_joined_with_the_next_one() -> None:
    """Docker ends what is left at the end of a stream with no newline either; then the container starts again."""
    bye = b'{"log":"shutting down","stream":"stderr","time":"2026-11-25T16:24:00Z"}'
    output = trace("go1.5-user").encode()
    assert found_in(joined([bye, *docker_records(output)])) == found_in(output)


@settings(max_examples=40)
@given(st.data())
def test_how_the_bytes_are_cut_changes_nothing(data: st.DataObject) -> None:
    content = joined([
        *docker_records((NOISE + "\n").encode() * 20),
        *docker_records(structured(*SIGNATURES[0])),
        *cri_lines(structured(*SIGNATURES[1])),
    ])  # fmt: skip
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=20)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert read_crashes(pieces) == read_crashes([content])
    assert len(read_crashes(pieces).crashes) == 2


@settings(max_examples=100)
@given(
    st.lists(
        st.fixed_dictionaries({
            "log": st.one_of(st.text(max_size=20), st.just("x" * PIECE), st.just("\ud800" * PIECE), st.integers()),
            "stream": st.sampled_from(["stdout", "stderr", [], {}, None]), "time": st.just("x"),
        }).map(lambda record: json.dumps(record, separators=(",", ":")).encode())
        | st.sampled_from([b"stdout P SIGSEGV: ", b" stdout P: ", b"stderr F goroutine 1 [running]:", b"stdout P"]),
        max_size=20,
    )
)  # fmt: skip
def test_hostile_pieces_are_read(lines: list[bytes]) -> None:
    assert read_crashes([joined(lines)]).lines == len(lines)


def test_pieces_without_end_need_no_memory() -> None:
    """More streams than are held, each with more pieces than are kept, and none that ends."""

    def endless() -> Iterable[bytes]:
        for stream in range(2 * MAX_HELD):
            for _ in range(MAX_LINE // PIECE + 4):
                yield f"pod-{stream} | {TIME.format(1)} stderr P SIGSEGV: ".encode() + b"x" * PIECE + b"\n"
        for _ in range(100):
            yield joined(docker_records(b"y" * (PIECE + 1) + b"\n")[:1])
        yield trace("go1.5-user").encode()

    tracemalloc.start()
    try:
        found = read_crashes(endless())
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_HELD * MAX_LINE
    finally:
        tracemalloc.stop()
    assert [diagnose(crash).sure for crash in found.crashes] == ["certain"]
