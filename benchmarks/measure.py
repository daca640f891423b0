"""Measure a scan against its floor, and the start against a bare Python's: make bench.

    measure.py [--rounds N] [--output FILE]

Each round runs every program once, in turn, so that what the machine does besides falls on all of them alike; a ratio
is of two neighbours in one round. Wall time, processor time (user and system, of all threads) and peak memory are the
kernel's own figures for the process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]
import image  # noqa: E402
import parts  # noqa: E402

INSPECTOR = str(Path(sys.executable).parent / "inspector")
GO_115 = ("--go", "1.15", "--resolv-conf", str(ROOT / "samples/resolv.conf/ubuntu.conf"), "--name", "peer0.example.com")

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""An installed package has its bytecode. Ours is compiled by the first round; where none may be kept, each round would,
and a start take half as long again."""


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    wall: float
    cpu: float
    peak: float
    """MiB."""


@dataclass(frozen=True)
class Case:
    """A program and what it is held against."""

    name: str
    floor: list[str]
    program: list[str]


def run(command: list[str]) -> Cost:
    """Run a command to its end; it may find something (1), not fail."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stderr is not None
    if process.returncode not in {0, 1}:
        raise SystemExit(f"{' '.join(command)}: {process.stderr.read().decode()}")
    process.stderr.close()
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@contextmanager
def cases() -> Iterator[list[Case]]:
    """Yield the scans to measure, with a registry that runs."""
    layout, archive = image.image(), image.docker_archive()

    def case(name: str, floor: list[str], reference: str) -> Case:
        scan = [INSPECTOR, "scan", "--no-cache", "--quiet", "--fail-on", "never", reference]
        return Case(name, [sys.executable, str(ROOT / "benchmarks/floor.py"), *floor], scan)

    with tempfile.TemporaryDirectory() as directory, parts.registry(Path(directory)) as registry:
        registry.push(f"oci:{layout}:1", image.NAME)
        name, _, tag = image.NAME.partition(":")
        yield [
            case(
                "registry on loopback", ["registry", registry.host, name, tag], f"registry:{registry.host}/{image.NAME}"
            ),
            case("docker-archive", ["archive", str(archive)], f"docker-archive:{archive}"),
            case("OCI directory", ["oci-dir", str(layout)], f"oci-dir:{layout}"),
        ]


def starts() -> list[Case]:
    """Return what is held against a bare Python's start."""
    bare = [sys.executable, "-c", "pass"]
    return [
        Case("`inspector --help`", bare, [INSPECTOR, "--help"]),
        Case("`inspector resolve`", bare, [INSPECTOR, "resolve", *GO_115]),
    ]


def measure(measured: list[Case], rounds: int) -> dict[str, list[tuple[Cost, Cost]]]:
    """Return (floor, program) of each round."""
    found: dict[str, list[tuple[Cost, Cost]]] = {case.name: [] for case in measured}
    for number in range(rounds + 1):
        for case in measured:
            pair = (run(case.floor), run(case.program))
            if number:  # the first fills the page cache
                found[case.name].append(pair)
    return found


def spread(values: list[float], form: str) -> str:
    """Return median, and the quartiles around it."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:{form}} ({low:{form}}–{high:{form}})"


def row(name: str, *cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join((name, *cells))} |"


def scan_row(name: str, pairs: list[tuple[Cost, Cost]]) -> str:
    """Return a row of the table of scans."""
    return row(
        name,
        spread([floor.wall for floor, _ in pairs], ".2f"),
        spread([own.wall for _, own in pairs], ".2f"),
        f"**{spread([own.wall / floor.wall for floor, own in pairs], '.2f')}**",
        spread([own.cpu / floor.cpu for floor, own in pairs], ".2f"),
        f"{max(own.peak for _, own in pairs):.0f}",
    )


def start_row(name: str, pairs: list[tuple[Cost, Cost]]) -> str:
    """Return a row of the table of starts."""
    return row(
        name,
        spread([bare.wall for bare, _ in pairs], ".3f"),
        spread([own.wall for _, own in pairs], ".3f"),
        f"**{spread([own.wall - bare.wall for bare, own in pairs], '.3f')}**",
        spread([own.cpu - bare.cpu for bare, own in pairs], ".3f"),
    )


def report(scans: dict[str, list[tuple[Cost, Cost]]], short: dict[str, list[tuple[Cost, Cost]]], load: float) -> str:
    """Return the results as a page."""
    layout = image.image()
    stored = sum(path.stat().st_size for path in (layout / "blobs/sha256").iterdir()) / 1e6
    plain = image.docker_archive().stat().st_size / 1e6
    rounds = len(next(iter(scans.values())))
    rows = "\n".join(scan_row(name, pairs) for name, pairs in scans.items())
    start_rows = "\n".join(start_row(name, pairs) for name, pairs in short.items())
    return f"""# What a scan costs

Written by `make bench` on {dt.datetime.now(dt.UTC):%Y-%m-%d}: {os.cpu_count()} processors
({processor()}), Python {platform.python_version()}, {rounds} rounds in turn, load of the machine before {load:.1f}.
Figures are medians, with the quartiles around them; seconds and MiB.

The image: Debian {image.RELEASE}'s base and {len(image.PROGRAMS)} large Go programs, {plain:.0f} MB plain,
{stored:.0f} MB in a registry.
The floor is `benchmarks/floor.py`: one process that gets the bytes, hashes, inflates, walks the tar once, and searches
each ELF file once. It uses one thread; a scan hashes and reads ahead in others, so with a processor to spare its wall
time can come nearer to the floor than its processor time does.

| source | floor | scan | scan ÷ floor | of processor time | peak memory |
|---|---|---|---|---|---|
{rows}

The start, against `python -c pass`:

| command | bare | command | more than bare | of processor time |
|---|---|---|---|---|
{start_rows}

The goals are 1.5 × the floor, 150 MiB, and 0.12 s more than a bare start.
"""


def processor() -> str:
    """Return the processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a scan against its floor.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with cases() as measured:
        scans = measure(measured, arguments.rounds)
    text = report(scans, measure(starts(), 2 * arguments.rounds), load)
    if arguments.output:
        arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
