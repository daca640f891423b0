"""Batches run by the installed command."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleets
import parts

COMMAND = str(Path(sys.executable).parent / "inspector")


@dataclass
class Real:
    """A real registry with a fleet in it."""

    registry: parts.Registry
    fleet: fleets.Fleet

    @property
    def host(self) -> str:
        return self.registry.host


def arguments(cache: Path, *words: str) -> list[str]:
    return ["batch", *words, "--cache-dir", str(cache), "--format", "json", "--quiet"]


def batch(cache: Path, *words: str, code: int = 1, workers: str | None = "1", **settings: Any) -> dict[str, Any]:
    """Run a batch, in one process unless told otherwise, and return its JSON report."""
    more = ["--workers", workers] if workers else []
    done = parts.inspector(*arguments(cache, *words), *more, **settings)
    assert done.returncode == code, (done.returncode, done.stderr, done.stdout[:2000])
    return json.loads(done.stdout)


def essence(report: dict[str, Any]) -> dict[str, Any]:
    """What must be the same however the images were read."""
    return {
        key: report[key] for key in ("summary", "environments", "images", "findings", "builds", "remedies", "problems")
    }
