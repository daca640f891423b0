"""What real processes did: probe programs in root filesystems of several glibcs, on five machines."""

import gzip
import json
from pathlib import Path
from typing import Any

from inspector.risk.batch import answer

ORACLE = Path(__file__).parent.parent / "oracle" / "crash.jsonl.gz"
KNOWN_MISSES = {
    "96a3817b9334": "fails in one thread where libresolv is gone; dies in many",
    "216f27b63949-64": "one death in ten runs, where most others fail or live",
    "15e1d583ffbc-64": "one death in ten runs, where most others fail or live",
    "3b45976b1513-64": "one death in ten runs, where most others fail or live",
}
"""Cells that the model does not explain, with what was seen there."""
ALIVE = {"safe", "latent", "wrong"}


def cells() -> list[dict[str, Any]]:
    with gzip.open(ORACLE, "rt") as lines:
        return [json.loads(line) for line in lines]


def agrees(verdict: dict[str, Any], observed: dict[str, Any]) -> bool:
    """Whether a verdict is borne out.

    Nothing that was said to live may have died or failed. What was said to happen always must have happened, and in
    the way that was said more often than in the other; what was said to happen sooner or later, or rarely, may not have
    happened in the few runs of a cell.
    """
    dies, fails = observed["dies"], observed["fails"]
    if "error" in verdict:
        return False
    if verdict["level"] in ALIVE:
        return not dies and not fails
    if verdict["level"] != "crash":
        return False
    if verdict["likelihood"] != "always" and not dies and not fails:
        return True
    if verdict["outcome"] == "cannot-start":
        return bool(fails)
    return dies >= fails and dies > 0 if verdict["outcome"] == "dies" else fails >= dies and fails > 0


def test_every_verdict_is_borne_out_by_what_processes_did() -> None:
    rows = cells()
    assert len(rows) == 6_749
    misses = []
    for row in rows:
        verdict = answer(row["case"])
        if row["case"]["id"] in KNOWN_MISSES:
            continue
        if not agrees(verdict, row["observed"]):
            case, seen = row["case"], row["observed"]
            misses.append(
                f"{case['binary']['machine']} {case['binary']['libc']['version']} in {row['from']['rootfs']} "
                f"{case['call']}({case['name']}) nsswitch={case['files']['nsswitch.conf']!r} threads={seen['goroutines']} "
                f"go={case['binary']['go'] and case['binary']['go']['version']}: "
                f"dies={seen['dies']} fails={seen['fails']} ok={seen['ok']}, said {verdict.get('level')} "
                f"{verdict.get('outcome')} {verdict.get('likelihood')} {verdict.get('error', '')}"
            )
    assert not misses, "\n".join([f"{len(misses)} of {len(rows)} differ", *misses])
