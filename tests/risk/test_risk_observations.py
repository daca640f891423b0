"""The table of cells that were run is the oracle's, not somebody's hand's."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_committed_table_is_what_the_oracle_gives() -> None:
    written = subprocess.run(
        [sys.executable, ROOT / "script" / "observations"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    committed = (ROOT / "inspector" / "risk" / "observations.py").read_text()
    assert written == committed, "run: make observations"
