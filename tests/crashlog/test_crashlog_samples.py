"""The sample logs, and the same crashes in every wrapping that engines, shippers and people put around them."""

import codecs
import contextlib
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import parts
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.cli.explain import explain as verb
from inspector.crashlog import Diagnosis, diagnose, read_crashes
from inspector.reports import explanation_schema

LOGS = Path(__file__).parents[2] / "samples" / "logs"
EXPECTED = LOGS.parent / "expected" / "logs"
NAMES = sorted(path.stem for path in LOGS.glob("*.log"))
BARE = (
    "go1.5-user",
    "go1.19-module-sigfpe",
    "go1.21-dns-no-address",
    "go1.27-user-unrelocated",
    "not-nil-pointer",
    "not-c-fault",
)


def explain(*arguments: str) -> Result:
    """Run the verb in this process, as from the project's directory."""
    with contextlib.chdir(parts.ROOT):
        return CliRunner().invoke(verb, arguments)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_a_sample_is_what_was_looked_at(name: str) -> None:
    done = explain("-v", f"samples/logs/{name}.log")
    assert done.stdout == (EXPECTED / f"{name}.txt").read_text(), "look at it, then run: make samples"
    assert done.stderr == ""
    assert done.exit_code == (0 if name.startswith("not-") else 4 if name.startswith("unclear-") else 1)


def test_every_log_has_its_line() -> None:
    text = (LOGS.parent / "README.md").read_text()
    assert [name for name in NAMES if f"`logs/{name}.log`" not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_document_fits_its_schema(name: str) -> None:
    document = json.loads(explain("-f", "json", f"samples/logs/{name}.log").stdout)
    shipped = json.loads(files("inspector.reports").joinpath("explanation.schema.json").read_text())
    assert shipped == explanation_schema(), "run: make schema"
    jsonschema.Draft202012Validator(shipped).validate(document)
    assert document["worst"] in {"certain", "likely", "possible", "no"}


def diagnoses(content: bytes) -> list[Diagnosis]:
    return [diagnose(crash) for crash in read_crashes([content]).crashes]


def essence(content: bytes) -> list[Diagnosis]:
    """Return the diagnoses without line and stream, which a wrapping may change."""
    return [replace(found, line=0, stream="") for found in diagnoses(content)]


def bare(name: str) -> list[str]:
    return (LOGS / f"{name}.log").read_text().splitlines()


def each(form: Callable[[int, str], str]) -> Callable[[list[str]], bytes]:
    return lambda lines: "".join(form(number, line) + "\n" for number, line in enumerate(lines)).encode()


TIME = "2026-11-25T16:24:{0:02d}.123456789Z"
WRAPPINGS: dict[str, Callable[[list[str]], bytes]] = {
    "docker logs -t": each(lambda i, line: f"{TIME.format(i % 60)} {line}"),
    "docker json-file": each(lambda i, line: json.dumps({"log": line + "\n", "stream": "stderr", "time": TIME.format(i % 60)})),
    "docker compose": each(lambda i, line: f"peer0.org1.example.com  | {line}".rstrip()),
    "docker compose in colour": each(lambda i, line: f"\x1b[36mpeer0-1  |\x1b[0m {line}"),
    "docker service": each(lambda i, line: f"net_peer.1.x7k2@node-3    | {line}"),
    "docker raw stream": lambda lines: b"".join(b"\x02\0\0\0" + len(x + "\n").to_bytes(4, "big") + (x + "\n").encode() for x in lines),
    "cri": each(lambda i, line: f"{TIME.format(i % 60)} stderr F {line}"),
    "cri, lines in parts": each(lambda i, line: "\n".join(
        f"{TIME.format(i % 60)} stderr {tag} {part}" for tag, part in (("P", line[:9]), ("P", line[9:20]), ("F", line[20:])))),
    "kubectl --prefix --timestamps": each(lambda i, line: f"[pod/peer-0/peer] {TIME.format(i % 60)} {line}"),
    "journald": each(lambda i, line: f"Nov 25 16:24:{i % 60:02d} node3 dockerd[812]: {line}"),
    "journald short-iso": each(lambda i, line: f"2026-11-25T16:24:{i % 60:02d}+0000 node3 peer[4711]: {line}"),
    "journald json": each(lambda i, line: json.dumps({"MESSAGE": line, "_SYSTEMD_UNIT": "peer.service", "PRIORITY": "3"})),
    "journald json, numbers": each(lambda i, line: json.dumps({"MESSAGE": list(f"\x1b[31m{line}".encode())}, separators=(",", ":"))),
    "structured": each(lambda i, line: json.dumps({"level": "error", "ts": i, "msg": line, "pod": "peer-0"})),
    "compose around json": each(lambda i, line: f"peer0 | {json.dumps({'message': line})}"),
    "mail": each(lambda i, line: f"> {line}"),
    "windows": lambda lines: "\r\n".join(lines).encode() + b"\r\n",
    "powershell": lambda lines: codecs.BOM_UTF16_LE + "\r\n".join(lines).encode("utf-16-le"),
    "one line, escaped": lambda lines: ('level=error msg="peer died: ' + "\\n".join(lines).replace("\t", "\\t") + '"\n').encode(),
    "one json record": lambda lines: json.dumps({"message": "\n".join(lines)}).encode() + b"\n",
    "unknown prefix": each(lambda i, line: f"module.peer.null_resource[0] (remote-exec {i:04d}): {line}"),
    "spaces for tabs": each(lambda i, line: line.replace("\t", "        ")),
    "no indent": each(lambda i, line: line.strip()),
    "noise around": lambda lines: b"INFO started\n" * 500 + "\n".join(lines).encode() + b"\n" + b"INFO restarted\n" * 500,
}  # fmt: skip


@pytest.mark.parametrize("name", BARE)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_wrapping_changes_nothing(wrapping: str, name: str) -> None:
    expected = essence((LOGS / f"{name}.log").read_bytes())
    found = essence(WRAPPINGS[wrapping](bare(name)))
    assert [d.sure for d in found] == [d.sure for d in expected]
    assert found == expected


@settings(max_examples=25)
@given(st.data())
def test_interleaved_logs_come_apart(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(BARE), min_size=2, max_size=4, unique=True))
    queues = {f"service-{number}": bare(name) for number, name in enumerate(names)}
    lines = []
    while any(queues.values()):
        service = data.draw(st.sampled_from([key for key, queue in queues.items() if queue]))
        take = data.draw(st.integers(1, 30))
        lines += [f"{service}  | {line}" for line in queues[service][:take]]
        queues[service] = queues[service][take:]
    found = {d.stream: replace(d, line=0, stream="") for d in diagnoses("\n".join(lines).encode())}
    assert found == {
        f"service-{number}": essence((LOGS / f"{name}.log").read_bytes())[0] for number, name in enumerate(names)
    }


@settings(max_examples=60)
@given(st.data())
def test_how_the_bytes_are_cut_changes_nothing(data: st.DataObject) -> None:
    content = (LOGS / "fabric-1.0-compose.log").read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=20)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert read_crashes(pieces) == read_crashes([content])


def test_the_classic_of_2017() -> None:
    (found,) = diagnoses((LOGS / "fabric-1.0-compose.log").read_bytes())
    assert (found.sure, found.exposure, found.call, found.address) == ("certain", "dns", "host", "0x63")
    assert (found.go.since, found.go.until) == (7, 7)
    assert "/etc/hosts was being read" in " ".join(reason.text for reason in found.reasons)
    assert found.remedies[0].kind == "env"


def test_a_container_that_dies_again_and_again_is_told_once() -> None:
    content = (LOGS / "go1.5-user.log").read_text() * 5
    done = parts.inspector("explain", "-", input=content)
    assert done.stdout.count("CERTAIN") == 1
    assert "5 times, last in line 81" in done.stdout


@pytest.mark.parametrize("text", ["fatal error: stdio.h: No such file or directory\n", "tx Aborted by peer\n", "exit status 2\n",
                                  "signal handled\n", "", "\n\n", "panic: \n", "HTTP 139 exit code 0\n"])  # fmt: skip
def test_words_that_are_no_crash(text: str) -> None:
    assert read_crashes([text.encode()]).crashes == ()


def test_a_goroutine_that_only_waits_in_the_resolver_does_not_make_it_this_crash() -> None:
    nil, dns = bare("not-nil-pointer"), bare("go1.27-user-unrelocated")
    waiting = "\n".join(nil) + "\n\n" + "\n".join(dns[4:30])
    assert diagnoses(waiting.encode())[0].sure == "no"


def test_a_gzipped_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "peer.log.1.gz"
    path.write_bytes(gzip.compress((LOGS / "go1.5-user.log").read_bytes()))
    assert parts.inspector("explain", str(path)).returncode == 1


def test_a_log_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.log", tmp_path):
        done = parts.inspector("explain", str(path))
        assert done.returncode == 2
        assert re.fullmatch(r"inspector: .*\n", done.stderr)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 100])
def test_a_damaged_gzip_is_read_as_far_as_it_goes(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.gz"
    path.write_bytes(gzip.compress(b"nothing here\n" * 100_000)[:200] + damage)
    done = explain(str(path))
    assert done.exit_code == 4
    assert re.fullmatch(r"inspector: .* damaged or cut short; .*\n", done.stderr)


# ── where lines of the traceback are missing ─────────────────────────────────────────────────────────────────────────

HEAD = (
    "fatal error: unexpected signal during runtime execution\n"
    "[signal SIGSEGV: segmentation violation code=0x1 addr={} pc=0x7f9d15ded259]\n\n"
)
LOOKING_UP = (
    "goroutine 64 [{}]:\n"
    "net._C2func_getaddrinfo(0x7f9d000008c0, 0x0, 0xc420323110)\n\t??:0 +0x68\n"
    "net.cgoLookupIPCNAME(0xc420358a40, 0x13, 0x0)\n\t/opt/go/src/net/cgo_unix.go:146 +0x37c\n"
)


def test_what_the_page_shows_of_the_crash_is_known_for_it() -> None:
    page = (parts.ROOT / "docs" / "crash.md").read_text()
    (block,) = re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [(found.sure, found.exposure) for found in diagnoses(block.encode())] == [("certain", "dns")]
    assert explain("samples/logs/frames-left-out.log").exit_code == 1


@pytest.mark.parametrize(
    ("address", "state", "sure"),
    [
        ("0x63", "syscall, locked to thread", "certain"),
        ("0x0", "syscall", "likely"),
        ("0x63", "running", "possible"),
    ],
)
def test_a_call_of_libc_needs_no_frames_of_the_runtime(address: str, state: str, sure: str) -> None:
    (found,) = diagnoses((HEAD.format(address) + LOOKING_UP.format(state)).encode())
    assert (found.sure, found.exposure, found.call) == (sure, "dns", "host")


@pytest.mark.parametrize(
    ("rest", "sure"),
    [
        ("", "likely"),
        ("goroutine 64 [syscall]:\n", "likely"),
        ("goroutine 64 [syscall]:\nruntime.cgocall(0xb08d50)\n", "likely"),
        ("goroutine 64 [running]:\nruntime.mallocgc(0x10)\n", "possible"),
        ("goroutine 64 [running]:\nmain.serve(0x10)\n\t/src/main.go:10 +0x1\n", "possible"),
        ("goroutine 64 [syscall]:\nnet.cgoLookupHostIP(0x10)\n\t/src/net/cgo_unix.go:10 +0x1\n", "certain"),
        ("goroutine 64 [syscall]:\nmain._Cfunc_look_up(0x10)\n\t_cgo_gotypes.go:10 +0x1\n", "likely"),
    ],
)
def test_more_of_a_log_does_not_deny_what_its_address_says(rest: str, sure: str) -> None:
    (found,) = diagnoses((HEAD.format("0x63") + rest).encode())
    assert found.sure == sure
    (found,) = diagnoses((HEAD.format("0x10") + rest).encode())
    assert found.sure != "certain"


def test_two_services_without_prefixes_are_not_told_to_be_something_else() -> None:
    one = (HEAD.format("0x63") + LOOKING_UP.format("syscall")).splitlines()
    lines = [line for line in one for _ in range(2)]
    assert [found.sure for found in diagnoses("\n".join(lines).encode())] == ["likely"]


def test_a_fault_in_the_programs_own_code_is_not_this_for_its_address() -> None:
    content = HEAD.format("0x63").replace("0x7f9d15ded259", "0x464e50")
    (found,) = diagnoses((content + "goroutine 1 [running]:\nmain.serve(0x10)\n\t/src/main.go:10 +0x1\n").encode())
    assert found.sure == "no"
