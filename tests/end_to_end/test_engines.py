"""Images of real engines: Docker's, and Podman's by the same API."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import parts
import pytest


@pytest.fixture(scope="module")
def expected() -> dict[str, object]:
    return parts.content(parts.facts(str(parts.PEER)))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("docker")
    with parts.docker_engine(directory) as address:
        loaded = parts.docker(address, "load", "-i", str(parts.plain_archive(directory)))
        assert loaded.returncode == 0, loaded.stderr
        yield address


@pytest.mark.needs("root", "dockerd", "docker")
@pytest.mark.parametrize("flags", [(), ("--layers",)])
def test_docker_gives_the_same_facts_as_the_archive(
    engine: str, expected: dict[str, object], flags: tuple[str, ...]
) -> None:
    found = parts.facts(*flags, "docker:samples/peer-static-glibc:1", env=parts.environment(DOCKER_HOST=engine))
    assert parts.content(found) == expected
    assert (found["binaries"][0]["layer"] is None) == (not flags)
    assert parts.docker(engine, "ps", "-aq").stdout == "", "no container is left behind"


@pytest.mark.needs("root", "dockerd", "docker")
def test_a_plain_name_is_the_engines_if_it_has_it(engine: str) -> None:
    found = parts.facts("samples/peer-static-glibc:1", env=parts.environment(DOCKER_HOST=engine))
    assert found["reference"] == "docker:samples/peer-static-glibc:1"


@pytest.mark.needs("root", "dockerd", "docker")
def test_what_docker_saves_is_read_from_a_file_and_from_standard_input(
    engine: str, expected: dict[str, object], tmp_path: Path
) -> None:
    saved = tmp_path / "saved.tar"
    assert parts.docker(engine, "save", "samples/peer-static-glibc:1", "-o", str(saved)).returncode == 0
    assert parts.content(parts.facts(f"docker-archive:{saved}")) == expected
    with saved.open("rb") as stream:
        assert parts.content(parts.facts("-", stdin=stream)) == expected


@pytest.mark.needs("root", "dockerd", "docker")
def test_an_interrupt_leaves_no_container(engine: str) -> None:
    command = [
        str(Path(sys.executable).parent / "inspector"),
        "facts",
        "--no-cache",
        "docker:samples/peer-static-glibc:1",
    ]
    for delay in (0.3, 0.45, 0.6):
        with subprocess.Popen(
            command, env=parts.environment(DOCKER_HOST=engine), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
        assert process.returncode in {0, 130, -2}
        assert b"Traceback" not in error or process.returncode == -2
        assert parts.docker(engine, "ps", "-aq").stdout == ""


@pytest.mark.needs("root", "dockerd", "docker")
def test_an_absent_image_and_an_absent_engine_are_told_in_one_line(engine: str, tmp_path: Path) -> None:
    absent = parts.inspector("scan", "docker:no/such:1", env=parts.environment(DOCKER_HOST=engine))
    gone = parts.inspector(
        "scan", "docker:no/such:1", env=parts.environment(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    )
    for done in (absent, gone):
        assert done.returncode == 3
        assert done.stderr.count("\n") == 1


@pytest.mark.needs("root", "podman")
def test_podman_gives_the_same_facts_as_the_archive(expected: dict[str, object]) -> None:
    # Podman wants a short path for its state.
    with tempfile.TemporaryDirectory(prefix="pod", ignore_cleanup_errors=True) as short:
        check_podman(expected, Path(short))


def check_podman(expected: dict[str, object], tmp_path: Path) -> None:
    archive = parts.plain_archive(tmp_path)
    loaded = subprocess.run(
        parts.podman(tmp_path, "load", "-i", str(archive)), capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    with parts.podman_service(tmp_path) as address:
        env = parts.environment(CONTAINER_HOST=address)
        found = parts.facts("podman:samples/peer-static-glibc:1", env=env)
        assert parts.content(found) == expected
        assert parts.content(parts.facts("--layers", "podman:samples/peer-static-glibc:1", env=env)) == expected


def test_the_report_of_a_merged_file_system_names_no_layer() -> None:
    # A merged file system has neither digest nor diff ID, so nothing may be listed as if it had.
    report = json.loads(parts.inspector("facts", "--no-cache", "dir:/etc").stdout)
    assert report["targets"][0]["layers"] == []
