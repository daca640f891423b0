"""Images of real engines: Docker's, and Podman's by the same API."""

import contextlib
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

NAME = "samples/peer-static-glibc:1"


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a directory with a path short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="gate", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


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
    found = parts.facts(*flags, f"docker:{NAME}", env=parts.environment(DOCKER_HOST=engine))
    assert parts.content(found) == expected
    assert (found["binaries"][0]["layer"] is None) == (not flags)
    assert parts.docker(engine, "ps", "-aq").stdout == "", "no container is left behind"


@pytest.mark.needs("root", "dockerd", "docker")
def test_a_plain_name_is_the_engines_if_it_has_it(engine: str) -> None:
    found = parts.facts("samples/peer-static-glibc:1", env=parts.environment(DOCKER_HOST=engine))
    assert found["reference"] == f"docker:{NAME}"


@pytest.mark.needs("root", "dockerd", "docker")
def test_what_docker_saves_is_read_from_a_file_and_from_standard_input(
    engine: str, expected: dict[str, object], tmp_path: Path
) -> None:
    saved = tmp_path / "saved.tar"
    assert parts.docker(engine, "save", "samples/peer-static-glibc:1", "-o", str(saved)).returncode == 0
    assert parts.content(parts.facts(f"docker-archive:{saved}")) == expected
    with saved.open("rb") as stream:
        assert parts.content(parts.facts("-", stdin=stream)) == expected


CREATE, EXPORT, REMOVE = b"/containers/create", b"/export HTTP", b"DELETE "


@contextlib.contextmanager
def started(*arguments: str, engine: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(Path(sys.executable).parent / "inspector"), *arguments]
    env = parts.environment(DOCKER_HOST=engine)
    # A test run under nohup has SIGHUP ignored, and would hand that on.
    command = ["env", "--default-signal=HUP", *command]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.needs("root", "dockerd", "docker")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
@pytest.mark.parametrize("stage", ["create", "export", "remove"])
def test_no_signal_at_any_time_leaves_a_container(
    engine: str, stage: str, number: signal.Signals, code: int, short: Path
) -> None:
    stages = {"create": CREATE, "export": EXPORT, "remove": REMOVE}
    with (
        parts.engine_gate(engine, short, **{stage: stages[stage]}) as gate,
        started("facts", "--no-cache", f"docker:{NAME}", engine=gate.address) as process,
    ):
        assert gate.reached[stage].wait(60)
        process.send_signal(number)
        time.sleep(0.3)  # the signal is there while the engine has acted and its answer has not come
        gate.released[stage].set()
        _, error = process.communicate(timeout=60)
    assert b"Traceback" not in error
    assert process.returncode == code
    assert parts.docker(engine, "ps", "-aq").stdout == ""


@pytest.mark.needs("root", "dockerd", "docker")
def test_a_second_interrupt_does_not_break_the_clean_up(engine: str, short: Path) -> None:
    with (
        parts.engine_gate(engine, short, export=EXPORT, remove=REMOVE) as gate,
        started("facts", "--no-cache", f"docker:{NAME}", engine=gate.address) as process,
    ):
        assert gate.reached["export"].wait(60)
        process.send_signal(signal.SIGINT)
        assert gate.reached["remove"].wait(60), "an interrupt during the export is obeyed at once"
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
            time.sleep(0.2)
        gate.released["remove"].set()
        process.communicate(timeout=60)
    assert parts.docker(engine, "ps", "-aq").stdout == ""


@pytest.mark.needs("root", "dockerd", "docker")
def test_a_lost_answer_leaves_no_container(engine: str, short: Path) -> None:
    # The engine has made the container, and the answer does not come in time: its name is known all the same.
    with parts.engine_gate(engine, short, create=CREATE) as gate:
        done = parts.inspector(
            "facts", "--no-cache", "--timeout", "2", f"docker:{NAME}", env=parts.environment(DOCKER_HOST=gate.address)
        )
    assert done.returncode == 4
    assert "broke off" in json.loads(done.stdout)["targets"][0]["problems"][0]["message"]
    assert parts.docker(engine, "ps", "-aq").stdout == ""


@pytest.mark.needs("root", "dockerd", "docker")
def test_the_export_is_the_default_and_the_save_is_asked_for(engine: str, short: Path) -> None:
    for flags, sent, not_sent in (
        ((), EXPORT, "/get HTTP"), (("--layers",), b"/get HTTP", "/export"),
        (("--path", "/usr/local/bin/peer"), b"/archive?", "/export"),
    ):  # fmt: skip
        with parts.engine_gate(engine, short) as gate:
            parts.facts(*flags, f"docker:{NAME}", env=parts.environment(DOCKER_HOST=gate.address))
        assert any(sent.decode() in line for line in gate.seen), flags
        assert not any(not_sent in line for line in gate.seen), flags
        (short / "gate.sock").unlink()


@pytest.mark.needs("root", "dockerd", "docker")
def test_nothing_is_read_where_the_store_has_every_layer(engine: str, tmp_path: Path, short: Path) -> None:
    # An archive of docker save names its layers by diff ID, as the engine does.
    first = parts.inspector("facts", "--cache-dir", str(tmp_path), str(parts.plain_archive(tmp_path)))
    assert first.returncode == 0
    with parts.engine_gate(engine, short) as gate:
        env = parts.environment(DOCKER_HOST=gate.address)
        second = parts.inspector("facts", "--cache-dir", str(tmp_path), f"docker:{NAME}", env=env)
    asked = [line for line in gate.seen if "/containers" in line or "/get" in line]
    assert asked == []
    known, found = (json.loads(done.stdout)["targets"][0] for done in (first, second))
    assert found["binaries"] == known["binaries"], "layers named included"


@pytest.mark.needs("root", "dockerd", "docker", "docker-registry", "skopeo")
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_nothing_is_read_of_the_engines_image_that_was_scanned_in_a_registry(
    engine: str, tmp_path: Path, short: Path, compression: str
) -> None:
    """The registry names layers by the digest of the compressed bytes, the engine by the diff ID."""
    with parts.registry(tmp_path) as registry:
        archive = f"docker-archive:{parts.plain_archive(tmp_path)}"
        registry.push(archive, "peer:1", "--dest-compress-format", compression)
        cache = ("--cache-dir", str(tmp_path / "cache"))
        first = parts.inspector("facts", *cache, f"registry:{registry.host}/peer:1")
    assert first.returncode == 0, first.stderr
    for flags in ((), ("--layers",), ("--path", "/usr/local/bin/peer")):
        with parts.engine_gate(engine, short) as gate:
            env = parts.environment(DOCKER_HOST=gate.address)
            second = parts.inspector("facts", *cache, *flags, f"docker:{NAME}", env=env)
        (short / "gate.sock").unlink()
        assert [line for line in gate.seen if "/containers" in line or "/get" in line] == []
        assert any("/images/" in line for line in gate.seen), "what the engine has was asked"
        known, found = (json.loads(done.stdout)["targets"][0] for done in (first, second))
        assert [b["layer"] for b in found["binaries"]] == [b["layer"] for b in known["binaries"]], (
            "layers named included"
        )
        assert flags[:1] == ("--path",) or found["binaries"] == known["binaries"]


@pytest.mark.needs("root", "dockerd", "docker")
def test_a_single_path_gives_what_the_whole_gives(engine: str) -> None:
    env = parts.environment(DOCKER_HOST=engine)
    whole = parts.content(parts.facts(f"docker:{NAME}", env=env))
    for path in ("/usr/local/bin/peer", "/usr/local/bin", "usr/local/bin/"):
        narrowed = parts.content(parts.facts("--path", path, f"docker:{NAME}", env=env))
        assert {**narrowed, "binaries": [{**b, "found": None} for b in narrowed["binaries"]]} == {
            **whole, "binaries": [{**b, "found": None} for b in whole["binaries"]],
        }  # fmt: skip
    absent = parts.inspector("scan", "--no-cache", "--path", "/no/such", f"docker:{NAME}", env=env)
    assert absent.returncode == 4
    assert "no executable at /no/such" in absent.stdout


@pytest.mark.needs("root", "dockerd", "docker")
def test_dockers_current_context_is_asked(engine: str, tmp_path: Path) -> None:
    env = parts.environment(DOCKER_CONFIG=str(tmp_path))
    env.pop("DOCKER_HOST", None)
    made = ["docker", "context", "create", "test", "--docker", f"host={engine}"]
    subprocess.run(made, env=env, check=True, capture_output=True)
    assert parts.facts(f"docker:{NAME}", env={**env, "DOCKER_CONTEXT": "test"})["status"] == "analysed"
    subprocess.run(["docker", "context", "use", "test"], env=env, check=True, capture_output=True)
    assert parts.facts(f"docker:{NAME}", env=env)["status"] == "analysed"
    unknown = parts.inspector("scan", f"docker:{NAME}", env={**env, "DOCKER_CONTEXT": "nope"})
    assert unknown.returncode == 3
    assert "no context 'nope'" in unknown.stderr


@pytest.mark.needs("root", "dockerd", "docker", "openssl")
def test_a_contexts_certificates_are_used_and_the_engines_is_verified(engine: str, tmp_path: Path) -> None:
    env = parts.environment(DOCKER_CONFIG=str(tmp_path / "docker"))
    env.pop("DOCKER_HOST", None)
    crt, key = parts.certificate(tmp_path)
    (tmp_path / "other").mkdir()
    stranger, _ = parts.certificate(tmp_path / "other")
    with parts.tls_front(engine, crt, key) as port:
        for name, authority in (("good", crt), ("bad", stranger)):
            endpoint = f"host=tcp://127.0.0.1:{port},ca={authority},cert={crt},key={key}"
            made = ["docker", "context", "create", name, "--docker", endpoint]
            subprocess.run(made, env=env, check=True, capture_output=True)
        assert parts.facts(f"docker:{NAME}", env={**env, "DOCKER_CONTEXT": "good"})["status"] == "analysed"
        refused = parts.inspector("scan", f"docker:{NAME}", env={**env, "DOCKER_CONTEXT": "bad"})
        for name, file in (("ca", crt), ("cert", crt), ("key", key)):
            (tmp_path / f"{name}.pem").write_bytes(file.read_bytes())
        given = {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_CERT_PATH": str(tmp_path), "DOCKER_TLS_VERIFY": "1"}
        assert parts.facts(f"docker:{NAME}", env={**env, **given})["status"] == "analysed"
    assert refused.returncode == 3
    assert "does not answer" in refused.stderr and refused.stderr.count("\n") == 1


@pytest.mark.needs("root", "dockerd", "docker")
def test_offline_asks_a_local_engine_only(engine: str) -> None:
    assert parts.facts("--offline", f"docker:{NAME}", env=parts.environment(DOCKER_HOST=engine))["status"] == "analysed"
    away = parts.inspector("scan", "--offline", "docker:x", env=parts.environment(DOCKER_HOST="tcp://192.0.2.1:2375"))
    assert away.returncode == 3
    assert "--offline" in away.stderr


@pytest.mark.needs("root", "dockerd", "docker")
def test_another_platform_than_the_engines_is_told(engine: str) -> None:
    env = parts.environment(DOCKER_HOST=engine)
    done = parts.inspector("scan", "--platform", "linux/arm64", f"docker:{NAME}", env=env)
    assert done.returncode == 3
    assert "is for linux/amd64, not linux/arm64" in done.stderr


@pytest.mark.needs("root", "dockerd", "docker")
def test_every_source_that_was_tried_is_told(engine: str) -> None:
    env = parts.environment(DOCKER_HOST=engine)
    done = parts.inspector("scan", "127.0.0.1:1/no/such:1", env=env)
    assert done.returncode == 3
    assert "docker: " in done.stderr and "registry: " in done.stderr
    assert done.stderr.count("\n") == 1


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
        found = parts.facts(f"podman:{NAME}", env=env)
        assert parts.content(found) == expected
        assert parts.content(parts.facts("--layers", f"podman:{NAME}", env=env)) == expected


def test_the_report_of_a_merged_file_system_names_no_layer() -> None:
    # A merged file system has neither digest nor diff ID, so nothing may be listed as if it had.
    report = json.loads(parts.inspector("facts", "--no-cache", "dir:/etc").stdout)
    assert report["targets"][0]["layers"] == []
