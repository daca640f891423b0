"""Processes that really die, and what is said of what they print: in a chroot, and by ``docker logs``."""

import dataclasses
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parts
import pytest
import toolchains
from toolchains import Build

from inspector.crashlog import Diagnosis, diagnose, read_crashes

SAMPLES = parts.ROOT / "samples"
STATIC = "-linkmode external -extldflags '-static'"
MANY = ("-many", "64", "orderer.example.com")
ETC = {
    "resolv.conf": "nameserver 127.0.0.1\noptions edns0 trust-ad timeout:1 attempts:1\n",
    "hosts": "127.0.0.1\tlocalhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
    "passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "group": "root:x:0:\n",
}


def sample_peer() -> Path:
    """Return the static peer of the samples: Go 1.15, glibc 2.31."""
    home = toolchains.cache() / "builds" / "sample-peer-static-glibc"
    with toolchains.making(home) as work:
        if work:
            work.mkdir()
            with tarfile.open(parts.PEER) as archive:
                top = json.load(archive.extractfile("manifest.json"))[0]["Layers"][-1]
                with tarfile.open(fileobj=archive.extractfile(top)) as layer:
                    parts.extract(layer, work, ["usr/local/bin/peer"])
    return home / "usr/local/bin/peer"


def run_in(
    release: str, program: Path, root: Path, etc: dict[str, str], arguments: tuple[str, ...], godebug: str = ""
) -> str:
    """Run a program in a Debian release's root until it dies; return what it printed."""
    shutil.copytree(
        toolchains.debian_root(release, ("libc6",)), root, symlinks=True, ignore=shutil.ignore_patterns("null")
    )
    shutil.copy(program, root / "program")
    for name, text in (ETC | etc).items():
        (root / "etc" / name).write_text(text)
    command = ["/usr/bin/unshare", "-n", "/usr/sbin/chroot", root, "/program", *arguments]
    for _ in range(15):  # races: a look-up may also hang or live
        try:
            done = subprocess.run(
                command, env={"GODEBUG": godebug}, capture_output=True, text=True, timeout=20, check=False
            )
        except subprocess.TimeoutExpired:
            continue
        if done.returncode not in {0, 1}:
            return done.stdout + done.stderr
    raise AssertionError("it did not die")


def explain(log: str, *flags: str, **settings: Any) -> dict[str, Any]:
    done = parts.inspector("explain", "-", "-f", "json", *flags, input=log, **settings)
    document = json.loads(done.stdout)
    assert done.returncode == {"certain": 1, "likely": 1, "possible": 4}.get(document["worst"], 0)
    return document["crashes"][0] if document["crashes"] else {"sure": None}


@pytest.mark.needs("root", "unshare", "chroot")
@pytest.mark.parametrize(
    ("release", "arguments", "exposure", "addresses"),
    [
        ("bookworm", MANY, "dns", {"0x270e0"}),
        ("bookworm", ("-user", "nobody"), "user", {"0x270e0"}),
        ("bullseye", MANY, "dns", {"0x63"}),
        ("bullseye", ("-many", "64", "-user", "nobody"), "user", {"0xe5"}),
    ],
)
def test_static_glibc_2_31(
    release: str, arguments: tuple[str, ...], exposure: str, addresses: set[str], tmp_path: Path
) -> None:
    found = explain(run_in(release, sample_peer(), tmp_path / "root", {}, arguments))
    assert (found["sure"], found["exposure"], found["signal"]) == ("certain", exposure, "SIGSEGV")
    # A Debian point release may move the unrelocated pointer; that nothing is mapped there stays.
    assert found["address"] in addresses or found["address"] == found["pc"]
    assert found["go"]["since"] <= 15 <= found["go"]["until"]


@pytest.mark.needs("root", "unshare", "chroot", "gcc")
@pytest.mark.parametrize("go", ["1.19", "1.27"])
@pytest.mark.parametrize(
    ("release", "arguments", "exposure", "signal"),
    [
        ("trixie", MANY, "dns", "SIGFPE"),
        ("bullseye", MANY, "dns", "SIGABRT"),
        ("trixie", ("-user", "nobody"), "user", "SIGFPE"),
    ],
)
def test_static_glibc_of_this_machine_with_a_foreign_module(
    go: str, release: str, arguments: tuple[str, ...], exposure: str, signal: str, tmp_path: Path
) -> None:
    program = toolchains.build(SAMPLES / "probe", Build(go=go, ldflags=STATIC))
    etc = {"nsswitch.conf": "passwd: compat\nhosts: files hesiod dns\n"}
    found = explain(run_in(release, program, tmp_path / "root", etc, arguments, godebug="netdns=cgo"))
    assert (found["sure"], found["exposure"], found["signal"]) == ("certain", exposure, signal)
    minor = int(go.split(".")[1])
    assert found["go"]["since"] <= minor <= (found["go"]["until"] or 99)
    assert [remedy["kind"] for remedy in found["remedies"]][:2] in (["env", "nsswitch"], ["nsswitch", "rebuild"])


WAYS = ("nil-pointer", "nil-map", "index", "divide", "type-assertion", "own-panic", "closed-channel", "concurrent-maps",
        "stack-overflow", "out-of-memory", "c-fault", "c-abort", "c-divide", "c-free", "quit", "fault")  # fmt: skip


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("go", ["1.19", "1.27"])
def test_who_dies_of_something_else_is_told_so(go: str) -> None:
    program = toolchains.build(SAMPLES / "crasher", Build(go=go))
    for way in WAYS:
        done = subprocess.run([program, way], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode != 0, way
        (found,) = map(diagnose, read_crashes([done.stderr.encode()]).crashes)
        assert found.sure == "no", way
        assert found.title, way


@pytest.mark.needs("root", "unshare", "chroot", "gcc")
def test_a_c_library_of_its_own(tmp_path: Path) -> None:
    program = toolchains.build(SAMPLES / "crasher", Build(go="1.19", ldflags=STATIC))
    etc = {"nsswitch.conf": "hosts: files hesiod dns\n"}
    old = explain(run_in("bullseye", program, tmp_path / "old", etc, ("c-look-up",)))
    assert (old["sure"], old["signal"]) == ("certain", "SIGABRT")
    # In a thread that C made, Go prints nothing at all: the exit status is all there is.
    silent = run_in("trixie", program, tmp_path / "new", etc, ("c-threads",))
    assert silent == ""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("docker")
    with parts.docker_engine(directory) as address:
        loaded = parts.docker(address, "load", "-i", str(parts.plain_archive(directory)))
        assert loaded.returncode == 0, loaded.stderr
        yield address


@pytest.mark.needs("root", "dockerd", "docker")
def test_what_docker_logs_of_a_container_that_died(engine: str, tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(ETC["resolv.conf"])
    image = "samples/peer-static-glibc:1"
    command = ("run", "--network", "none", "--name", "peer", "-v", f"{conf}:/etc/resolv.conf:ro", image)
    assert parts.docker(engine, *command).returncode == 2
    log = parts.docker(engine, "logs", "-t", "peer")
    env = parts.environment(DOCKER_HOST=engine)
    found = explain(log.stdout + log.stderr, "--image", f"docker:{image}", "--no-cache", env=env)
    assert (found["sure"], found["exposure"]) == ("certain", "dns")
    assert found["checks"][0]["fit"] == "fits"
    held = explain(log.stdout + log.stderr, "--image", "container:peer", "--no-cache", env=env)
    assert held["checks"][0]["fit"] == "fits"
    assert held["checks"][0]["text"].endswith("a crash is what inspector expects of it in container:peer")


def run_peer(engine: str, conf: Path, name: str, *arguments: str) -> tuple[int, bytes, str]:
    """Run the samples' peer in a container; return its status, the engine's own file of its log, and what it shows."""
    conf.write_text(ETC["resolv.conf"])
    command = ("run", "--network", "none", "--name", name, "-v", f"{conf}:/etc/resolv.conf:ro")
    status = parts.docker(engine, *command, "samples/peer-static-glibc:1", *arguments).returncode
    path = parts.docker(engine, "inspect", "-f", "{{.LogPath}}", name).stdout.strip()
    shown = parts.docker(engine, "logs", name)
    return status, Path(path).read_bytes(), shown.stdout + shown.stderr


def told(log: bytes) -> list[Diagnosis]:
    return [dataclasses.replace(diagnose(crash), line=0) for crash in read_crashes([log]).crashes]


@pytest.mark.needs("root", "dockerd", "docker")
def test_the_file_of_an_engine_that_cuts_long_lines(engine: str, tmp_path: Path) -> None:
    """A crash in one long line, which the engine cuts within the name of the function that matters."""
    text = json.dumps((SAMPLES / "logs" / "go1.5-user.log").read_text())
    function = "os/user._Cfunc_mygetpwuid_r"
    # An address is no name to look up, whatever its zone is; the peer prints it, twice in one line.
    zone = "." * (16 * 1024 - len("host fe80::1%") - text.index(function) - len(function) // 2) + text
    zone += "x" * (40 * 1024 - len(zone))
    status, raw, shown = run_peer(engine, tmp_path / "resolv.conf", "long-line", f"fe80::1%{zone}")
    assert status == 0
    records = [json.loads(line)["log"] for line in raw.splitlines()]
    assert [record.endswith("\n") for record in records] == [False] * 5 + [True]
    assert records[0].endswith(function[: len(function) // 2])
    assert [(found.sure, found.frame) for found in told(raw)] == [("certain", function)] * 2
    assert told(raw) == told(shown.encode())


@pytest.mark.needs("root", "dockerd", "docker")
def test_a_crash_beside_a_line_that_an_engine_cut(engine: str, tmp_path: Path) -> None:
    arguments = ("fe80::1%" + "." * 40 * 1024, *MANY)
    status, raw, shown = run_peer(engine, tmp_path / "resolv.conf", "cut-line", *arguments)
    assert status == 2
    assert sum(not json.loads(line)["log"].endswith("\n") for line in raw.splitlines()) == 5
    (found,) = told(raw)
    assert (found.sure, found.exposure, found.signal) == ("certain", "dns", "SIGSEGV")
    assert [found] == told(shown.encode())
