"""Many containers of one image, in real engines: the image is read once, and of each container what it changed."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parts
import pytest

IMAGE = "samples/peer-static-glibc:1"
PAUSE = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"
NAMES = {"docker": ("one", "two", "three", "four", "changed"), "podman": ("one", "two", "changed")}
"""Podman's service needs its seconds for each file that is asked for."""


@dataclass
class Engine:
    """An engine with some containers of one image, of which one changed files."""

    name: str
    command: list[str]
    socket: str
    directory: Path

    def run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip()

    def inspector(self, *arguments: str, at: str | None = None) -> subprocess.CompletedProcess[str]:
        variable = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}[self.name]
        return parts.inspector(*arguments, "--from", self.name, env=parts.environment(**{variable: at or self.socket}))


def start(engine: Engine) -> None:
    """Start what a chaincode's container may look like: the same image, with files of its own in one of them."""
    source, pause = engine.directory / "pause.c", engine.directory / "pause"
    source.write_text(PAUSE)
    subprocess.run(["gcc", "-static", "-o", pause, source], check=True)
    (engine.directory / "own").mkdir()
    # The limits of who runs the tests may be lower than those that Podman sets by default.
    flags = ["--network", "host", "--dns-opt", "edns0", "-v", f"{pause}:/mounted/pause:ro"]
    flags += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"] if engine.name == "podman" else []
    for name in NAMES[engine.name]:
        own = ("-v", f"{engine.directory}/own:/data:ro") if name == "two" else ()
        image = IMAGE if engine.name == "docker" else f"localhost/{IMAGE}"
        engine.run("create", "--name", name, *flags, *own, "--entrypoint", "/mounted/pause", image)
    engine.run("cp", str(pause), "changed:/usr/local/bin/peer")
    engine.run("cp", str(pause), "changed:/usr/local/bin/added")
    engine.run("start", *NAMES[engine.name])


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="many", ignore_cleanup_errors=True) as short:  # a socket's path is short
        directory = Path(short)
        archive = str(parts.plain_archive(directory))
        if request.param == "docker":
            with parts.docker_engine(directory) as address:
                found = Engine("docker", ["docker", "-H", address], address, directory)
                found.run("load", "-i", archive)
                start(found)
                yield found
                found.run("rm", "-f", *NAMES["docker"])
            return
        with parts.podman_service(directory) as address:
            found = Engine("podman", parts.podman(directory), address, directory)
            found.run("load", "-i", archive)
            try:
                start(found)
                yield found
            finally:
                found.run("rm", "-f", "-t", "0", *NAMES["podman"], check=False)


pytestmark = [
    pytest.mark.needs("root", "dockerd", "docker", "gcc"),
    pytest.mark.needs("podman"),
]


def targets_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {target["reference"]: target for target in json.loads(done.stdout)["targets"]}


def test_each_image_is_read_once_and_what_a_container_changed_counts(engine: Engine, tmp_path: Path) -> None:
    with parts.engine_gate(engine.socket, tmp_path) as gate:
        done = engine.inspector("containers", "--no-cache", "-f", "json", at=gate.address)
    assert done.returncode == 4, done.stderr  # what is started is mounted, and what it does with variables not known
    exports = [line for line in gate.seen if "/export" in line]
    assert len(exports) == 1, exports
    found = targets_of(done)
    assert list(found) == sorted(f"container:{name}" for name in NAMES[engine.name])
    # Alone, each is exported as it is.
    for name in ("two", "changed"):
        scanned = engine.inspector("scan", f"container:{name}", "--no-cache", "-f", "json")
        (expected,) = json.loads(scanned.stdout)["targets"]
        for key in ("binaries", "rootfs", "config", "problems", "status", "environments"):
            assert found[f"container:{name}"][key] == expected[key], f"{name}: {key}"
    for name, target in found.items():
        peers = [binary for binary in target["binaries"] if binary["path"] == "/usr/local/bin/peer" and binary["go"]]
        assert bool(peers) == (name != "container:changed"), name
        levels = {v["level"] for e in target["environments"] for v in e["verdicts"] if v["call"] == "host"}
        assert ("unknown" in levels) == (name != "container:changed"), name


def test_a_snapshot_has_what_the_process_sees(engine: Engine) -> None:
    snapshot = json.loads(engine.inspector("snapshot", "container:one").stdout)["snapshot"]
    assert "options edns0" in snapshot["files"]["resolv.conf"]["text"]
    pid = engine.run("inspect", "-f", "{{.State.Pid}}", "one")
    for file in ("resolv.conf", "hosts", "nsswitch.conf", "passwd"):
        assert snapshot["files"][file]["text"] == Path(f"/proc/{pid}/root/etc/{file}").read_text(), file
