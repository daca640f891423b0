"""Batches that are ended in the middle, and registries that limit: nothing is lost, and little is done twice."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fleets
import parts
import pytest
from batches import COMMAND, Real, arguments, batch, essence

pytestmark = pytest.mark.needs("docker-registry")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with parts.registry(tmp_path_factory.mktemp("registry")) as running:
        yield Real(running, fleets.generate(running.host, repositories=6))


# ── ended in the middle ──────────────────────────────────────────────────────────────────────────────────────────


def hold(number: int, path: str = "/blobs/") -> tuple[Any, threading.Event, threading.Event]:
    """Return what holds back the blobs after the first few, the event that says so, and the one that lets go."""
    reached, released = threading.Event(), threading.Event()
    count = [0]
    lock = threading.Lock()

    def before(request: Any) -> None:
        if path not in request.path:
            return
        with lock:
            count[0] += 1
            held = count[0] > number
        if held:
            reached.set()
            released.wait(60)

    return before, reached, released


def test_after_kill_9_only_what_is_missing_is_read(real: Real, tmp_path: Path) -> None:
    before, reached, released = hold(40)
    with fleets.front(real.host, before) as way:
        place = way.host
        killed = subprocess.Popen([COMMAND, *arguments(tmp_path, place)], stdout=subprocess.DEVNULL)
        assert reached.wait(60)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        released.set()
        fetched = [line for line in way.seen if "/blobs/" in line]
        way.before = lambda _: None
        found = batch(tmp_path, place)
        again = [line for line in way.seen if "/blobs/" in line][len(fetched) :]
    assert found["summary"]["images"] == 60
    twice = set(again) & set(fetched)
    # What was under way when it was killed: held requests, and what had come and was not stored yet.
    assert len(twice) <= 12
    assert len(fetched) - len(twice) >= 28
    fresh = batch(tmp_path / "fresh", real.host)
    assert without_host(essence(found)) == without_host(essence(fresh))


def without_host(document: dict[str, Any]) -> Any:
    for image in document["images"]:
        image["registry"] = ""
    return document


@pytest.mark.needs("ps")
def test_workers_end_with_a_batch_that_is_killed(real: Real, tmp_path: Path) -> None:
    before, reached, released = hold(3)
    with fleets.front(real.host, before) as way:
        killed = subprocess.Popen([COMMAND, *arguments(tmp_path, way.host), "--workers", "2"])
        assert reached.wait(60)
        workers = descendants(killed.pid)
        assert workers
        killed.kill()
        killed.wait()
        released.set()
        parts.wait_for(lambda: not any(is_alive(pid) for pid in workers), "the end of the workers")


@pytest.mark.needs("ps")
def test_a_worker_that_dies_costs_another_try(real: Real, tmp_path: Path) -> None:
    before, reached, released = hold(60)
    output = tmp_path / "report.json"
    with fleets.front(real.host, before) as way:
        words = [*arguments(tmp_path, way.host), "--workers", "2", "--output", str(output)]
        running = subprocess.Popen([COMMAND, *words])
        assert reached.wait(60)
        workers = [pid for pid in descendants(running.pid) if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
        os.kill(workers[0], signal.SIGKILL)
        released.set()
        assert running.wait(120) == 1
    found = json.loads(output.read_text())
    assert found["summary"]["failed"] == 0
    assert found["summary"]["images"] == 60
    assert found["work"]["layers_read"] == found["work"]["layers"]


def descendants(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found] + [pid for child in found for pid in descendants(int(child))]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_a_partial_report_that_says_so(real: Real, tmp_path: Path, number: int) -> None:
    before, reached, released = hold(30)
    output = tmp_path / "report.json"
    with fleets.front(real.host, before) as way:
        place = way.host
        running = subprocess.Popen(
            [COMMAND, *arguments(tmp_path, place), "--output", str(output)], stderr=subprocess.PIPE, text=True
        )
        assert reached.wait(60)
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
        released.set()
        assert running.returncode == (130 if number == signal.SIGINT else -number)
        partial = json.loads(output.read_text())
        assert partial["interrupted"]
        assert partial["unfinished"] > 0
        assert "PARTIAL" in told
        assert "Traceback" not in told
        way.before = lambda _: None
        whole = batch(tmp_path, place)
    assert not whole["interrupted"]
    assert whole["summary"]["images"] == 60
    done = {image["digest"]: image for image in partial["images"]}
    assert all(image["level"] == done[image["digest"]]["level"] for image in whole["images"] if image["digest"] in done)


def test_two_batches_at_once_on_one_store_lose_nothing(real: Real, tmp_path: Path) -> None:
    command = [COMMAND, *arguments(tmp_path, real.host)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [1, 1], outputs
    assert outputs[0][1] == outputs[1][1] == b""
    reports = [essence(json.loads(output)) for output, _ in outputs]
    assert reports[0] == reports[1]
    assert reports[0]["summary"]["images"] == 60
    again = batch(tmp_path, real.host)
    assert again["work"]["layers_read"] == 0
    assert essence(again) == reports[0]


# ── registries that limit, and tokens that run out ───────────────────────────────────────────────────────────────


def test_a_limit_stops_everybody_and_nothing_is_lost(real: Real, tmp_path: Path) -> None:
    refused: list[float] = []
    after: list[float] = []
    lock = threading.Lock()
    closed = [0.0]

    def before(request: Any) -> tuple[int, dict[str, str], bytes] | None:
        with lock:
            count = len(way.seen)
            now = time.monotonic()
            if count in {20, 60, 100} or ("/blobs/" in request.path and len(refused) < 3 and count > 40):
                closed[0] = now + 1
                refused.append(now)
                return 429, {"Retry-After": "1"}, b""
            if now < closed[0]:
                after.append(now)
        return None

    with fleets.front(real.host, before) as way:
        found = batch(tmp_path, way.host, "--jobs", "4")
    assert found["summary"]["images"] == 60
    assert found["summary"]["failed"] == 0
    assert len(refused) >= 3
    assert found["work"]["pauses"] >= 3
    # Only what was under way already may come while the registry rests: at most the others of the four.
    assert len(after) <= 4 * len(refused)


def test_a_registry_that_wants_too_much_rest_is_a_line_for_each_image(real: Real, tmp_path: Path) -> None:
    def before(request: Any) -> tuple[int, dict[str, str], bytes] | None:
        return (429, {"Retry-After": "3600"}, b"") if "/manifests/" in request.path else None

    with fleets.front(real.host, before) as way:
        found = batch(tmp_path, f"{way.host}/team-3/service-03", code=3)
        asked = [line for line in way.seen if "/manifests/" in line]
    assert found["summary"]["failed"] == 10
    assert all("rate limit" in image["problems"][0] for image in found["images"])
    assert len(asked) <= 6, "once told, nobody asks again"


def test_tokens_that_run_out_in_the_middle_are_fetched_anew(real: Real, tmp_path: Path) -> None:
    given: list[str] = []
    used: dict[str, int] = {}
    lock = threading.Lock()

    def before(request: Any) -> tuple[int, dict[str, str], bytes] | None:
        if request.path.startswith("/token"):
            with lock:
                given.append(f"token-{len(given)}")
                return 200, {"Content-Type": "application/json"}, json.dumps({"token": given[-1]}).encode()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        with lock:
            used[token] = used.get(token, 0) + 1
            if token in given and used[token] <= 7:
                return None
        challenge = f'Bearer realm="http://127.0.0.1:{way.port}/token",service="test"'
        return 401, {"WWW-Authenticate": challenge}, b""

    with fleets.front(real.host, before) as way:
        found = batch(tmp_path, way.host)
    assert found["summary"]["images"] == 60
    assert found["summary"]["failed"] == 0
    assert max(used.values()) > 7, "tokens did run out"


def test_a_rate_is_kept(real: Real, tmp_path: Path) -> None:
    with fleets.front(real.host) as way:
        begun = time.monotonic()
        found = batch(tmp_path, f"{way.host}/team-0/service-00", "--rate", "20", "--tag", "1.[0-3]")
        lasted = time.monotonic() - begun
    # A slow machine only makes it longer.
    assert lasted >= (len(way.seen) - 2) / 20
    assert found["summary"]["images"] == 4


def test_no_more_is_asked_at_once_than_jobs_allow(real: Real, tmp_path: Path) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def before(_: Any) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1

    with fleets.front(real.host, before) as way:
        batch(tmp_path, way.host, "--jobs", "3", "--tag", "1.[0-4]", workers="2")
    # The catalogue is listed beside.
    assert 2 <= most[0] <= 4


def test_a_registry_that_is_ill_for_a_moment_costs_another_try(real: Real, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def before(request: Any) -> tuple[int, dict[str, str], bytes] | None:
        with lock:
            seen[request.path] += 1
            turn = seen[request.path]
        headers = {"Retry-After": "1"} if "service-00/blobs" in request.path else {}
        return (503, headers, b"") if turn == 1 and "service-0" in request.path else None

    with fleets.front(real.host, before) as way:
        found = batch(tmp_path, f"{way.host}/team-0/service-00", "--tag", "1.[0-2]")
    assert found["summary"]["failed"] == 0
    assert found["problems"] == []
