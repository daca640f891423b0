"""The Dockerfile, built in a real engine on a base of Debian's packages, and run as people run it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import parts
import pytest
import toolchains

pytestmark = pytest.mark.needs("root", "dockerd", "docker", "docker-registry", "skopeo")

BASE = ("base-files", "bash", "ca-certificates", "coreutils", "dash", "libc-bin", "python3", "python3-venv")
NAME, SAMPLE = "inspector-tests/inspector:1", "samples/peer-static-glibc:1"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def import_base(engine: str, directory: Path) -> None:
    """Import Debian's Python as an image; what may be spoken to, and how pip gets there, is this machine's own."""
    root = directory / "root"
    shutil.copytree(toolchains.debian_root("trixie", BASE), root, symlinks=True, ignore=shutil.ignore_patterns("dev"))
    shutil.copyfile(CERTIFICATES, root / CERTIFICATES.lstrip("/"))
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            ["docker", "-H", engine, "import", "-", "base:1"], stdin=tar.stdout, check=True, capture_output=True
        )
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An engine that has the image, built by the project's Dockerfile, and a sample."""
    directory = tmp_path_factory.mktemp("docker")
    with parts.docker_engine(directory, storage=None) as address:
        import_base(address, directory)
        build = ["build", "--network", "host", "--build-arg", "BASE=base:1", "--tag", NAME, str(parts.ROOT)]
        built = parts.docker(address, *build)
        assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
        loaded = parts.docker(address, "load", "-i", str(parts.plain_archive(directory)))
        assert loaded.returncode == 0, loaded.stderr
        yield address


def run(engine: str, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return parts.docker(engine, "run", "--rm", "--network", "host", *options, NAME, *words)


def test_the_base_is_pinned_by_digest() -> None:
    text = (parts.ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=[a-z0-9:.-]+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    gitlab = (parts.ROOT / "templates/gitlab-ci.yml").read_text()
    assert re.findall(r"python:\S+@sha256:[0-9a-f]{64}", gitlab) == re.findall(r"^ARG BASE=(\S+)", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}


def test_it_runs_as_nobody_and_has_nothing_that_builds(engine: str) -> None:
    assert "Look into container images before the rollout" in run(engine, "--help").stdout
    version = run(engine, "version")
    assert (version.returncode, version.stderr) == (0, "")
    who = run(engine, options=("--entrypoint", "id"))
    assert who.stdout.startswith("uid=65532 gid=65532"), who
    held = run(engine, "/opt", options=("--entrypoint", "ls", "--user", "0"))
    assert held.stdout.split() == ["home", "inspector"]
    script = "from importlib.metadata import distributions as d; print(*sorted(x.name.lower() for x in d(path=[p for p in __import__('sys').path if '/opt/' in p])))"
    found = run(engine, "-c", script, options=("--entrypoint", "/opt/inspector/bin/python")).stdout.split()
    assert "rollout-inspector" in found and "msgspec" in found
    assert not {"pip", "hatchling", "pytest"} & {*found}
    sizes = [int(parts.docker(engine, "image", "inspect", "-f", "{{.Size}}", name).stdout) for name in (NAME, "base:1")]
    assert sizes[0] - sizes[1] < 80_000_000


def test_it_scans_what_the_engine_has_through_the_mounted_socket(engine: str) -> None:
    socket = engine.removeprefix("unix://")
    mounted = ("--volume", f"{socket}:/var/run/docker.sock", "--group-add", str(Path(socket).stat().st_gid))
    done = run(engine, "scan", f"docker:{SAMPLE}", "-f", "json", options=(*mounted, "--read-only"))
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["targets"][0]["reference"] == f"docker:{SAMPLE}"
    assert document["summary"]["worst"] == "crash"
    refused = run(engine, "scan", f"docker:{SAMPLE}", options=mounted[:2])
    assert refused.returncode == 3, "nobody but the group may speak to the engine"
    assert refused.stderr.startswith("inspector: ") and "Traceback" not in refused.stderr


def test_it_scans_a_registry_on_a_root_that_cannot_be_written(engine: str, tmp_path: Path) -> None:
    with parts.registry(tmp_path) as registry:
        registry.push(f"docker-archive:{parts.plain_archive(tmp_path)}", "fabric/peer:1")
        words = ("scan", f"registry:{registry.host}/fabric/peer:1")
        for options in (("--read-only",), ("--read-only", "--user", "1234:1234", "--cap-drop", "ALL")):
            done = run(engine, *words, options=options)
            assert done.returncode == 1, done.stderr
            assert "would crash" in done.stdout and "Traceback" not in done.stderr
        kept = ("--read-only", "--volume", "facts:/opt/home/.cache")
        for _ in range(2):
            before = len(registry.requests("/blobs/"))
            done = run(engine, *words, options=kept)
            assert (done.returncode, done.stderr) == (1, "")
        assert len(registry.requests("/blobs/")) == before, "the facts are kept in the volume"


def test_it_judges_a_manifest_of_the_mounted_directory(engine: str, tmp_path: Path) -> None:
    shutil.copy(parts.ROOT / "samples/compose/peer.yaml", tmp_path)
    shutil.copy(parts.PEER, tmp_path / "peer.tar.gz")
    tmp_path.chmod(0o755)
    mounted = ("--read-only", "--volume", f"{tmp_path}:/opt/home/work:ro")
    words = ("compose", "peer.yaml", "--image", f"{SAMPLE}=docker-archive:peer.tar.gz")
    done = run(engine, *words, options=(*mounted, "--tmpfs", "/tmp"))
    assert done.returncode == 1, done.stderr
    assert "GODEBUG=netdns=go" in done.stdout
    nowhere = run(engine, *words, options=mounted)
    assert nowhere.returncode == 3
    assert "no directory for temporary files can be written; name one by TMPDIR" in nowhere.stdout + nowhere.stderr
