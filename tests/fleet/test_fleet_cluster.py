"""A real Dask cluster of two worker processes: the same answers, and a worker that is killed loses nothing."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleets
import parts
import pytest

pytest.importorskip("distributed")
pytestmark = pytest.mark.needs("docker-registry")

BIN = Path(sys.executable).parent


@dataclass
class Cluster:
    address: str
    workers: list[subprocess.Popen[bytes]]


def start_worker(port: int, directory: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    words = ["--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(directory)]
    with directory.with_suffix(".log").open("wb") as log:
        command = [str(BIN / "dask"), "worker", f"tcp://127.0.0.1:{port}", *words]
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    port = parts.free_port()
    environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3"}
    words = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--dashboard-address", ":0"]
    with (tmp_path / "scheduler.log").open("wb") as output:
        scheduler = subprocess.Popen([BIN / "dask", "scheduler", *words], stdout=output, stderr=output, env=environment)
    workers: list[subprocess.Popen[bytes]] = []
    try:
        parts.wait_for(lambda: parts.is_listening(port), "the scheduler", 60)
        workers += [start_worker(port, tmp_path / f"worker{number}", environment) for number in range(2)]
        log = tmp_path / "scheduler.log"
        parts.wait_for(lambda: log.read_text().count("Register worker") >= 2, "the workers", 60)
        yield Cluster(f"dask://127.0.0.1:{port}", workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Registry]:
    with parts.registry(tmp_path_factory.mktemp("registry")) as running:
        fleets.generate(running.host, repositories=6, tags=4)
        yield running


def essence(report: dict[str, Any]) -> Any:
    return {
        key: report[key] for key in ("summary", "environments", "images", "findings", "builds", "remedies", "problems")
    }


def command(place: str, cache: Path, *words: str) -> list[str]:
    return [str(BIN / "inspector"), "batch", place, "--cache-dir", str(cache), "--format", "json", "--quiet", *words]


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing(
    cluster: Cluster, registry: parts.Registry, tmp_path: Path
) -> None:
    reached, released = threading.Event(), threading.Event()
    held: list[str] = []
    lock = threading.Lock()

    def before(request: Any) -> None:
        if "/blobs/" not in request.path:
            return
        with lock:
            layers = [line for line in way.seen if "/blobs/" in line]
            if len(layers) > 30 and not released.is_set():
                held.append(request.path)
                if len(held) >= 2:
                    reached.set()
            else:
                return
        released.wait(60)

    with fleets.front(registry.host, before) as way:
        running = subprocess.Popen(
            command(way.host, tmp_path / "cluster", "--cluster", cluster.address),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert reached.wait(90)
        cluster.workers[0].kill()
        cluster.workers[0].wait()
        released.set()
        output, told = running.communicate(timeout=120)
        assert running.returncode == 1, told
        found = json.loads(output)
        local = json.loads(subprocess.run(command(way.host, tmp_path / "local"), capture_output=True).stdout)
    assert essence(found) == essence(local)
    assert found["work"]["layers_read"] == local["work"]["layers_read"] == found["work"]["layers"]
    assert found["work"]["layers_failed"] == 0
    fetched = Counter(line.rpartition("/")[2] for line in way.seen if "/blobs/" in line)
    # Both runs fetch each blob once; the killed worker's layer, and one that it held ready, once more.
    assert set(fetched.values()) <= {2, 3}
    assert sum(number - 2 for number in fetched.values()) <= 2


def test_a_cluster_that_is_not_there_is_said_in_one_line(registry: parts.Registry, tmp_path: Path) -> None:
    address = f"dask://127.0.0.1:{parts.free_port()}"
    done = subprocess.run(command(registry.host, tmp_path, "--cluster", address), capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "no scheduler answers" in done.stderr
