"""The facts of the samples are the committed ones, whatever changes in the code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = {
    path.name.partition(".")[0]: f"samples/images/{path.name}" for path in (ROOT / "samples" / "images").iterdir()
}


def test_there_are_samples() -> None:
    assert len(IMAGES) >= 4
    assert sorted(IMAGES) == sorted(path.stem for path in (ROOT / "samples" / "expected").glob("*.json"))


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_facts_are_the_expected_ones(name: str) -> None:
    command = [sys.executable, "-m", "inspector", "facts", "--no-cache", IMAGES[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    expected = json.loads((ROOT / "samples" / "expected" / f"{name}.json").read_text())
    assert json.loads(done.stdout)["targets"] == expected["targets"], "look at it, then run: make samples"


def test_every_sample_has_its_line() -> None:
    text = (ROOT / "samples" / "README.md").read_text()
    kinds = ("images", "resolv.conf", "nsswitch", "compose")
    files = [path for kind in kinds for path in (ROOT / "samples" / kind).iterdir()]
    missing = [str(path) for path in files if f"`{path.parent.name}/{path.name}`" not in text]
    assert not missing
