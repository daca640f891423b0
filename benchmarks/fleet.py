"""What a batch costs: requests, bytes and processor time, by layers and by tags; writes benchmarks/fleet.md.

    .venv/bin/python benchmarks/fleet.py [--tags N] --output benchmarks/fleet.md

A real docker-registry on loopback, filled with images of the samples' peer: bases shared by all, and, for some of the
tags, a layer of its own with a whole Go program in it. Processor time is what the children used (getrusage), so that a
busy machine changes it little; the time on the clock is told beside it.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "fleet")]

import fleets  # noqa: E402
import parts  # noqa: E402

from inspector.fleet.executors import Executor, ProcessExecutor, ThreadExecutor  # noqa: E402
from inspector.fleet.tasks import LayerOutcome, LayerTask  # noqa: E402

COMMAND = [sys.executable, "-m", "inspector", "batch", "--format", "json", "--quiet"]


@dataclass
class Cost:
    """What something took."""

    seconds: float = 0.0
    processor: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    cost, begun = Cost(), time.perf_counter()
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    yield cost
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cost.seconds = time.perf_counter() - begun
    cost.processor = sum(
        now.ru_utime + now.ru_stime - then.ru_utime - then.ru_stime for then, now in zip(before, after, strict=True)
    )


def fill(host: str, repositories: int, tags: int, own: int) -> list[tuple[str, fleets.Blob]]:
    """Push the images; ``own`` of each repository's tags have a program of their own, which is returned."""
    base = fleets.sample_layers("peer-static-glibc.tar.gz")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["tar", "xzf", fleets.PROGRAMS / "peer-static-glibc.tar.gz", "-C", directory], check=True)
        manifest = json.loads((Path(directory) / "manifest.json").read_text())[0]
        subprocess.run(["tar", "xf", Path(directory) / manifest["Layers"][-1], "-C", directory], check=True)
        program = next(Path(directory).glob("usr/local/bin/*")).read_bytes()
    unique = []
    with fleets.Pushing(host) as pushing:
        for number in range(repositories):
            name = f"bench-{number % 7}/service-{number:03}"
            for tag in range(tags):
                stack = list(base)
                if tag < own:
                    blob = fleets.layer({"usr/local/bin/peer": program + f"{number}.{tag}".encode()})
                    unique.append((name, blob))
                    stack = [base[0], blob]
                made = f"2026-01-01T00:{tag:02}:{number % 60:02}Z"
                pushing.image(name, f"1.{tag}", stack, entrypoint=["/usr/local/bin/peer"], created=made)
    return unique


def run(host: str, cache: Path, *words: str) -> tuple[dict[str, Any], Cost]:
    with measured() as cost:
        command = [*COMMAND, host, "--cache-dir", str(cache), *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise SystemExit(f"the batch ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout), cost


def read_all(executor: Executor, tasks: list[LayerTask]) -> None:
    """Give all tasks to an executor, and wait for their ends."""
    left = threading.Semaphore(0)
    failed: list[str] = []

    def told(_: LayerTask, outcome: LayerOutcome) -> None:
        if outcome.kind != "facts":
            failed.append(outcome.message)
        left.release()

    for task in tasks:
        executor.start(task, told)
    for _ in tasks:
        left.acquire()
    executor.close()
    if failed:
        raise SystemExit(failed[0])


def executors(host: str, unique: list[tuple[str, fleets.Blob]]) -> Iterator[str]:
    tasks = [
        LayerTask(key=blob.digest, digest=blob.digest, diff_id=blob.diff_id, media_type=blob.kind, size=len(blob.data),
                  host=host, repository=name)
        for name, blob in unique
    ]  # fmt: skip
    made = {
        "1 thread": lambda: ThreadExecutor(1),
        "2 threads": lambda: ThreadExecutor(2),
        "1 process": lambda: ProcessExecutor(1),
        "2 processes": lambda: ProcessExecutor(2),
    }
    size = sum(len(blob.data) for _, blob in unique)
    yield "| executor | on the clock | processor | a layer | layers/s | MB/s |"
    yield "|---|---:|---:|---:|---:|---:|"
    for label, make in made.items():
        with measured() as cost:
            read_all(make(), tasks)
        clock, rate = cost.seconds, len(tasks) / cost.seconds
        a_layer = cost.processor / len(tasks) * 1000
        speed = f"{rate:.1f} | {size / clock / 1e6:.1f}"
        yield f"| {label} | {clock:.1f} s | {cost.processor:.1f} s | {a_layer:.0f} ms | {speed} |"


def slope(host: str, cache: Path) -> Iterator[str]:
    """Cold and warm runs over growing parts of the registry."""
    yield "| tags | run | requests | read | layers read | on the clock | processor | a tag |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    for share in (1, 3, 7):
        places = [f"{host}/bench-{number}" for number in range(share)]
        for kind in ("cold", "warm"):
            report, cost = run(places[0], cache / str(share), *places[1:])
            work = report["work"]
            size, a_tag = work["bytes_read"] / 1e6, cost.processor / work["tags"] * 1000
            counts = f"{work['tags']:,} | {kind} | {work['requests']:,} | {size:.1f} MB | {work['layers_read']:,}"
            yield f"| {counts} | {cost.seconds:.1f} s | {cost.processor:.1f} s | {a_tag:.1f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, default=70)
    parser.add_argument("--tags", type=int, default=30)
    parser.add_argument("--own", type=int, default=2)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, parts.registry(Path(directory)) as registry:
        unique = fill(registry.host, given.repositories, given.tags, given.own)
        where = f"{len(os.sched_getaffinity(0))} processors, Python {platform.python_version()}"
        size = sum(len(blob.data) for _, blob in unique) / len(unique) / 1e6
        tags, load = given.repositories * given.tags, f"load {os.getloadavg()[0]:.1f} when it began"
        head = (
            f"`benchmarks/fleet.py`: {where}, a docker-registry on loopback, {load}.",
            f"{tags:,} tags, {given.repositories} repositories; {len(unique)} layers hold a Go program: {size:.1f} MB.",
        )
        lines = [
            "# A batch, measured",
            "",
            *head,
            "",
            "## Who reads layers",
            "",
            *executors(registry.host, unique[:60]),
        ]
        lines += ["", "## By tags", "", *slope(registry.host, Path(directory)), ""]
    text = "\n".join(lines)
    if given.output:
        given.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
