"""Time judging a store of 100,000 binaries: ``python benchmarks/store.py [--store URL] [--images N] [--pairs N]``.

The floor beside it: the same rows grouped and walked over, without any judging.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fleet_images import images

from inspector.environments import preset, presets
from inspector.judging import Wishes
from inspector.rejudging import Rejudgement, judge_store, survey
from inspector.store import Store, place_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", help="An empty store; default: a file of its own.")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=2_500)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        place = wanted.store or str(Path(directory) / "facts.sqlite")
        with Store.open(place_of(place)) as store:
            if not store.pairs():
                told("writing", lambda: fill(store, wanted.images, wanted.pairs))
            measure(store)


def fill(store: Store, number: int, pairs: int) -> str:
    for target in images(number, pairs):
        store.remember(target, verified=True)
    return f"{number:,} images, {store.database.size() / 1e6:.0f} MB"


def measure(store: Store) -> None:
    told("floor: rows grouped, facts decoded", lambda: f"{len(store.pairs()):,} pairs" if store.contents() else "")
    told("floor: every image walked over", lambda: f"{sum(1 for _ in store.inventory()):,} images")
    one = (preset("docker-network-ubuntu"),)
    judged: list[Rejudgement] = []
    for name, environments in (("one environment", one), ("the common ones", tuple(e for e in presets() if e.common))):
        told(f"judging, {name}", lambda e=environments: keep(judged, judge_store(store, e, Wishes())))
    told("counting all images, one environment", lambda: counts(judged[0]))


def keep(judged: list[Rejudgement], answer: Rejudgement) -> str:
    judged.append(answer)
    return f"{len(answer.answers):,} pairs × {len(answer.environments)}"


def counts(judged: Rejudgement) -> str:
    found = survey(judged, names=5)
    return ", ".join(f"{number:,} {level}" for level, number in Counter(found.counts[0]).most_common())


def told(what: str, act: object) -> None:
    """Print what something took: seconds on the clock, and of the processor."""
    clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    said = act()  # type: ignore[operator]
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what:<45} {time.perf_counter() - clock:8.2f} s {used:8.2f} s of processor  {said}", flush=True)


if __name__ == "__main__":
    main()
