"""What real processes did: probe programs in root filesystems of several glibcs, on five machines.

``crash`` are the observations that the rules were made from; ``ubuntu`` those of script/observe-old, on amd64: static
glibc 2.23, 2.27 and 2.31 in each other's images, and Ubuntu's builds of 2.35 and 2.39.

The confusion table is printed, by machine: ``pytest -s tests/risk/test_risk_oracle.py``.
"""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inspector.risk.batch import answer

ORACLE = Path(__file__).parent.parent / "oracle"
ROWS = {"crash": 6_749, "ubuntu": 1_156}
RARE = 0.15
"""What goes wrong in more of its runs than this must be called crash; less is a race that ten runs cannot measure."""
ALARMS_ALLOWED = 0.02
ENOUGH_RUNS = 10

MISSED = {
    "15e1d583ffbc-64": "s390x, 2.31 in 2.41, group(root): one SIGABRT in ten runs, under emulation; none in the other "
    "cells of its row",
}
"""Rarer deaths than RARE that the model does not foresee."""

_LOCAL = "mdns4_minimal asked for a .local name from many threads dies in 4 of some 60 runs; not in these ten"
_ABSENT = "'Temporary failure' for a name that does not exist counts as an answer; for one that exists it is a failure"
_RACE = "ppc64le, two glibcs, a module reached: few of many-threaded runs die, and none of these ten did"
ALARMS = {
    "c78eb0337d6f": _LOCAL, "9d4ade8a61ab-64": _LOCAL, "f0774379fb5b-64": _LOCAL, "b9092f9eb11a-64": _LOCAL,
    "f9bc0721d568-64": _LOCAL, "e0e337ae3064-64": _LOCAL, "31d4423bf371-64": _LOCAL,
    "c1ded73bc5ae-64": _ABSENT, "8d71615e3534-64": _ABSENT, "4a7af1ebbd02-64": _ABSENT,
    "6d99aacfd199-64": _RACE, "46748ee6b620-64": _RACE,
}  # fmt: skip
"""Cells that lived in every one of ten and more many-threaded runs and are called crash all the same, and why."""


@dataclass(frozen=True)
class Cell:
    """One row: a case, what was seen of it in its runs, and what is said of it."""

    case: dict[str, Any]
    observed: dict[str, Any]
    origin: dict[str, Any]
    said: dict[str, Any]

    @property
    def bad(self) -> int:
        return int(self.observed["dies"] + self.observed["fails"])

    @property
    def seen(self) -> str:
        """As it is held against an answer; a tie of deaths and failures asks for neither."""
        if self.bad <= RARE * self.observed["runs"]:
            return "rarely bad" if self.bad else "lived"
        dies, fails = self.observed["dies"], self.observed["fails"]
        return "died" if dies > fails else "failed" if fails > dies else "died or failed"

    @property
    def many_threads(self) -> bool:
        return bool(self.observed["goroutines"] > 1)

    def __str__(self) -> str:
        binary, seen, said = self.case["binary"], self.observed, self.said
        return (
            f"{self.case['id']}: {binary['machine']} {binary['linkage']} {binary['libc']['version']} in "
            f"{self.origin['rootfs']}, Go {self.origin['go']}, {self.case['call']}({self.case['name']}), "
            f"nsswitch.conf {self.case['files']['nsswitch.conf']!r}, {seen['goroutines']} goroutines: dies {seen['dies']} "
            f"fails {seen['fails']} ok {seen['ok']} {seen['outcomes']}; said {said.get('level')} {said.get('outcome')} "
            f"{said.get('likelihood')} {said.get('error', '')}"
        )


Groups = list[list[Cell]]


@pytest.fixture(scope="module")
def groups() -> Groups:
    """The rows, those of the same case together: they differ in their ids, and get the same answer."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in ROWS:
        with gzip.open(ORACLE / f"{name}.jsonl.gz", "rt") as lines:
            for row in map(json.loads, lines):
                same = {key: value for key, value in row["case"].items() if key != "id"}
                rows[json.dumps(same, sort_keys=True)].append(row)
    found = []
    for group in rows.values():
        said = answer(group[0]["case"])
        found.append([Cell(row["case"], row["observed"], row["from"], said) for row in group])
    return found


def cells(groups: Groups) -> Iterator[Cell]:
    return (cell for group in groups for cell in group)


def expected(group: list[Cell], cell: Cell) -> str:
    """How most bad runs ended: of the many-threaded row of the case, where that went wrong at all."""
    lead = next((each for each in group if each.many_threads), cell)
    return lead.seen if lead.bad > RARE * lead.observed["runs"] else cell.seen


def test_the_oracle_is_whole_and_every_case_is_answered(groups: Groups) -> None:
    assert sum(map(len, groups)) == sum(ROWS.values())
    assert [str(cell) for cell in cells(groups) if "error" in cell.said or cell.said["level"] == "unknown"] == []


def test_what_goes_wrong_is_called_crash(groups: Groups) -> None:
    bad = [cell for cell in cells(groups) if cell.bad > RARE * cell.observed["runs"]]
    assert len(bad) > 1_900
    assert [str(cell) for cell in bad if cell.said["level"] != "crash"] == []


def test_the_outcome_is_that_of_most_bad_runs(groups: Groups) -> None:
    wrong = []
    for group in groups:
        for cell in group:
            how = expected(group, cell)
            said = "died" if cell.said["outcome"] == "dies" else "failed"
            if cell.bad > RARE * cell.observed["runs"] and how in {"died", "failed"} and how != said:
                wrong.append(str(cell))
    assert wrong == []


def test_rarer_deaths_that_are_missed_are_listed(groups: Groups) -> None:
    missed = {cell.case["id"]: str(cell) for cell in cells(groups) if cell.bad and cell.said["level"] != "crash"}
    assert missed.keys() == MISSED.keys(), "\n".join(missed.values())


def test_what_lived_once_is_not_said_to_happen_always(groups: Groups) -> None:
    lived = [group for group in groups if any(cell.observed["ok"] for cell in group)]
    assert [str(g[0]) for g in lived if g[0].said["level"] == "crash" and g[0].said["likelihood"] == "always"] == []


def test_few_that_live_are_called_crash_and_each_is_listed(groups: Groups) -> None:
    lived = [
        cell
        for cell in cells(groups)
        if cell.many_threads and cell.observed["runs"] >= ENOUGH_RUNS and cell.observed["ok"] == cell.observed["runs"]
    ]
    alarms = {cell.case["id"]: cell for cell in lived if cell.said["level"] == "crash"}
    assert alarms.keys() == ALARMS.keys(), "\n".join(map(str, alarms.values()))
    assert len(alarms) <= ALARMS_ALLOWED * len(lived)
    assert not [str(cell) for cell in alarms.values() if cell.said["likelihood"] == "always"]
    print(f"\n{len(alarms)} of {len(lived)} cells that lived in every many-threaded run are called crash:")
    for identity, why in ALARMS.items():
        print(f"  {alarms[identity]}\n    {why}")


def test_the_confusion_table_is_printed(groups: Groups) -> None:
    """Columns: what is said; rows: what was seen. Whatever stands outside of its right place is listed above."""
    table: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cell in cells(groups):
        said = f"crash/{cell.said['outcome']}" if cell.said["level"] == "crash" else cell.said["level"]
        table[cell.case["binary"]["machine"], cell.seen][said] += 1
    columns = sorted({said for counts in table.values() for said in counts})
    print(f"\n{'machine':<9}{'seen':<15}" + "".join(f"{column:>22}" for column in columns))
    for (machine, seen), counts in sorted(table.items()):
        print(f"{machine:<9}{seen:<15}" + "".join(f"{counts[column] or '.':>22}" for column in columns))
    assert sum(sum(counts.values()) for counts in table.values()) == sum(ROWS.values())
    assert len({machine for machine, _ in table}) == 5
