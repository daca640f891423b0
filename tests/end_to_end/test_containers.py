"""Containers that a real engine runs, judged where they run; and the snapshots of them and of this host."""

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
UBUNTU = "nameserver 192.0.2.53\noptions edns0 trust-ad\n"
NSSWITCH = "hosts: files mdns4_minimal dns\n"


@dataclass
class Running:
    """An engine with containers: dies (a resolv.conf that Go 1.15 does not know), cured, switched (an nsswitch.conf)."""

    address: str
    directory: Path

    def inspector(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return parts.inspector(*arguments, env=parts.environment(DOCKER_HOST=self.address))

    def document(self, *arguments: str) -> Any:
        done = self.inspector(*arguments)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def docker(self, *arguments: str) -> str:
        done = parts.docker(self.address, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def inside(self, name: str, path: str) -> str:
        """Read a file as the container's process sees it."""
        pid = self.docker("inspect", "-f", "{{.State.Pid}}", name)
        return Path(f"/proc/{pid}/root{path}").read_text()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("containers")
    (directory / "pause.c").write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    subprocess.run(["gcc", "-static", "-o", directory / "pause", directory / "pause.c"], check=True)
    (directory / "ubuntu.conf").write_text(UBUNTU)
    (directory / "nsswitch.conf").write_text(NSSWITCH)
    conf = ("-v", f"{directory}/ubuntu.conf:/etc/resolv.conf:ro", "--network", "none")
    with parts.docker_engine(directory) as address:
        engine = Running(address, directory)
        engine.docker("load", "-i", str(parts.plain_archive(directory)))
        wanted = {
            "dies": (*conf, "-e", "CA_PASSWORD=adminpw"),
            "cured": (*conf, "-e", "GODEBUG=netdns=go"),
            "switched": ("--network", "host", "-v", f"{directory}/nsswitch.conf:/etc/nsswitch.conf:ro"),
        }
        for name, flags in wanted.items():
            engine.docker("create", "--name", name, "--entrypoint", "/pause", *flags, IMAGE)
            engine.docker("cp", str(directory / "pause"), f"{name}:/pause")
            engine.docker("start", name)
        yield engine
        engine.docker("rm", "-f", *wanted)


pytestmark = pytest.mark.needs("root", "dockerd", "docker", "gcc")


def levels(target: dict[str, Any]) -> dict[str, set[str]]:
    return {
        e["name"]: {v["level"] for v in e["verdicts"] if v["path"] == "/usr/local/bin/peer"}
        for e in target["environments"]
    }


def test_a_container_is_judged_where_it_runs(running: Running) -> None:
    report = running.document("scan", "container:dies", "--no-cache", "-f", "json")
    (target,) = report["targets"]
    assert target["reference"] == "container:dies"
    assert target["platform"] == "linux/amd64"
    assert list(levels(target)) == ["container:dies"]
    assert "crash" in levels(target)["container:dies"]
    host = next(v for v in target["environments"][0]["verdicts"] if v["level"] == "crash")
    assert host["reasons"][0]["where"] == "resolv.conf:2:9"


def test_its_own_file_system_is_read(running: Running) -> None:
    (target,) = running.document("facts", "container:dies", "--no-cache")["targets"]
    peer = next(b for b in target["binaries"] if b["path"] == "/usr/local/bin/peer")
    expected = parts.facts(str(parts.PEER))
    assert peer == {**expected["binaries"][0], "layer": None, "found": peer["found"]}
    assert target["config"]["entrypoint"] == ["/pause"]
    assert "/pause" in {binary["path"] for binary in target["binaries"]}, "what was put into the container counts"
    assert target["rootfs"]["files"] == expected["rootfs"]["files"]


def test_what_a_container_changed_is_not_remembered_as_its_image_s(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  a: {image: 'x:1'}\n")
    store = ("--store", str(tmp_path / "store.db"))
    done = running.inspector("compose", str(file), "--image=x:1=container:cured", *store, "-f", "json")
    assert "/pause" in done.stdout, done.stderr
    found = running.inspector("query", *store, "-f", "csv")
    assert (found.returncode, "/pause" in found.stdout) == (0, False), found


def test_every_running_container(running: Running) -> None:
    done = running.inspector("containers", "--no-cache", "-f", "json")
    assert done.returncode == 1, done.stderr
    found = {target["reference"]: levels(target) for target in json.loads(done.stdout)["targets"]}
    assert list(found) == ["container:cured", "container:dies", "container:switched"]
    assert "crash" in found["container:dies"]["container:dies"]
    assert "crash" not in found["container:cured"]["container:cured"]
    assert running.docker("ps", "-aq").count("\n") == 2, "no container is left behind"


def test_a_new_image_is_judged_where_the_old_one_runs(running: Running) -> None:
    image = "samples/images/peer-netgo.tar"
    report = running.document(
        "scan", image, "samples/images/peer-static-glibc.tar.gz", "-e", "container:dies", "--no-cache", "-f", "json"
    )
    safe, dies = (levels(target)["container:dies"] for target in report["targets"])
    assert "crash" not in safe
    assert "crash" in dies


@pytest.mark.parametrize("name", ["dies", "switched"])
def test_a_snapshot_has_the_files_that_the_process_sees(running: Running, name: str, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    done = running.inspector("snapshot", f"container:{name}", "-o", str(path))
    assert done.returncode == 0, done.stderr
    snapshot = json.loads(path.read_text())["snapshot"]
    for file in ("resolv.conf", "nsswitch.conf", "hosts", "passwd", "group"):
        assert snapshot["files"][file]["text"] == running.inside(name, f"/etc/{file}"), file
    assert snapshot["files"]["mdns.allow"]["text"] is None
    assert snapshot["given"] == ["resolv.conf", *["nsswitch.conf"] * (name == "switched"), "hosts"]
    assert "adminpw" not in path.read_text(), "of the variables only the resolver's are kept"
    assert snapshot["image"] == IMAGE


def test_a_snapshot_is_an_environment(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "dies.json"
    running.inspector("snapshot", "container:dies", "-o", str(path))
    report = json.loads(parts.inspector("scan", str(parts.PEER), "--no-cache", "-e", str(path), "-f", "json").stdout)
    assert "crash" in levels(report["targets"][0])["container:dies"]


def test_a_mount_over_a_binary_is_told(running: Running) -> None:
    mount = ("-v", f"{running.directory}/pause:/usr/local/bin/peer:ro", "--network", "none")
    running.docker("run", "-d", "--name", "mounted", "--entrypoint", "/usr/local/bin/peer", *mount, IMAGE)
    try:
        done = running.inspector("scan", "container:mounted", "--no-cache", "-f", "json")
        (target,) = json.loads(done.stdout)["targets"]
        assert target["status"] == "incomplete"
        assert any("/usr/local/bin/peer is hidden" in problem["message"] for problem in target["problems"])
        assert done.returncode in {1, 4}
    finally:
        running.docker("rm", "-f", "mounted")


def never_safe(done: subprocess.CompletedProcess[str]) -> None:
    """What the engine will write is not known: no verdict stands on the empty file that is there."""
    (target,) = json.loads(done.stdout)["targets"]
    assert (done.returncode, target["status"]) == (4, "incomplete"), done.stderr
    assert any("/etc/resolv.conf: the engine writes it" in problem["message"] for problem in target["problems"])
    hosts = {v["level"] for e in target["environments"] for v in e["verdicts"] if v["call"] == "host"}
    assert hosts == {"unknown"}


def test_a_container_that_was_never_started_is_not_safe(running: Running) -> None:
    running.docker("create", "--name", "idle", "--network", "host", IMAGE)
    try:
        never_safe(running.inspector("scan", "container:idle", "--no-cache", "-f", "json"))
    finally:
        running.docker("rm", "-f", "idle")


@pytest.mark.needs("podman")
def test_podmans_containers_are_read_too() -> None:
    with tempfile.TemporaryDirectory(prefix="pod", ignore_cleanup_errors=True) as short:  # a socket's path is short
        directory = Path(short)
        load = parts.podman(directory, "load", "-i", str(parts.plain_archive(directory)))
        create = parts.podman(directory, "create", "--name", "idle", "--network", "host", f"localhost/{IMAGE}")
        for command in (load, create):
            subprocess.run(command, check=True, capture_output=True)
        with parts.podman_service(directory) as address:
            env = parts.environment(CONTAINER_HOST=address)
            words = ("scan", "--from", "podman", "container:idle", "--no-cache", "-f", "json")
            done = parts.inspector(*words, env=env)
            never_safe(done)
            (target,) = json.loads(done.stdout)["targets"]
            expected = parts.facts(str(parts.PEER))
            assert target["binaries"][0]["exposures"] == expected["binaries"][0]["exposures"]


def test_what_is_not_there_is_told_in_one_line(running: Running) -> None:
    for arguments in (
        ("scan", "container:absent"),
        ("snapshot", "container:absent"),
        ("scan", IMAGE, "-e", "container:absent"),
    ):
        done = running.inspector(*arguments)
        assert done.returncode == 3, arguments
        assert done.stderr.count("\n") == 1, done.stderr
    done = parts.inspector("containers", env=parts.environment(DOCKER_HOST="unix:///absent.sock"))
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
