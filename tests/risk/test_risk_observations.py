"""The table of cells that were run is the oracle's, not somebody's hand's."""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from test_risk_changes import situation_of

from inspector.risk import entering
from inspector.risk.judgement import judge_situation

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


def test_no_verdict_hangs_on_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving cells out of the table, one group of them or all, makes what was observed inferred, and nothing else.

    So the oracle's 6,749 rows are held against rules that know mechanisms and versions, never a row.
    """
    with gzip.open(ROOT / "tests" / "oracle" / "crash.jsonl.gz", "rt") as lines:
        cases = [json.loads(line)["case"] for line in lines][::5]
    situations = [situation_of(case) for case in cases]
    before = [judge_situation(situation) for situation in situations]
    entering._enter.cache_clear()
    monkeypatch.setattr(entering, "was_entered", lambda *_: False)
    after = [judge_situation(situation_of(case)) for case in cases]
    entering._enter.cache_clear()
    assert [replace(verdict, confidence="inferred") for verdict in before] == [
        replace(verdict, confidence="inferred") for verdict in after
    ]
    observed = [verdict for verdict in before if verdict.confidence == "observed"]
    assert len(observed) > len(before) / 2 and before != after
