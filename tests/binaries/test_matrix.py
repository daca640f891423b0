"""Every fact of a Go binary is the one that it was built with. `make matrix` runs all cells; here a pairwise cover."""

import dataclasses
import itertools
import re
import signal
import subprocess
from pathlib import Path

import matrix
import pytest
import toolchains
from matrix import Cell

from inspector.binaries import examine
from inspector.facts import BinaryFacts


@pytest.mark.needs("root", "gcc", "objcopy", "musl-gcc")
@pytest.mark.parametrize("cell", matrix.ci_cells(), ids=str)
def test_facts_are_those_of_the_build(cell: Cell, tmp_path: Path) -> None:
    assert not matrix.differences(cell, matrix.make(cell, tmp_path))


@pytest.mark.needs("objcopy", *(f"{prefix}-objcopy" for prefix in matrix.CROSS.values()))
@pytest.mark.parametrize("cell", matrix.ci_hello(), ids=str)
def test_facts_of_every_release_and_machine_are_those_of_the_build(cell: Cell, tmp_path: Path) -> None:
    assert not matrix.differences(cell, matrix.make(cell, tmp_path, matrix.HELLO))


@pytest.mark.needs("root", "gcc")
@pytest.mark.parametrize(("go", "linking"), [("1.15", "static-2.31"), ("1.19", "static-2.36")])
@pytest.mark.parametrize(("pattern", "has_it"), [("", False), ("all=", True)])
def test_a_static_program_of_old_go_starts_only_with_runtime_cgo(
    go: str, linking: str, pattern: str, has_it: bool
) -> None:
    """``-linkmode external`` alone did not bring it in: see ``_has_threads``."""
    how = matrix.recipe(Cell(go, "amd64", linking, "netgo,osusergo", "-s -w"))
    program = toolchains.build(matrix.HELLO, dataclasses.replace(how, ldflags=pattern + how.ldflags))
    facts = examine(program.read_bytes(), "/bin/hello")
    assert isinstance(facts, BinaryFacts) and facts.go is not None
    assert facts.linkage == "static" and facts.exposures == () and facts.go.runtime_cgo is has_it
    ended = subprocess.run([program], capture_output=True, check=False).returncode
    assert ended == (0 if has_it else -signal.SIGTRAP)


def test_the_cover_has_every_pair_and_is_small() -> None:
    among = matrix.ci_newest()
    chosen = matrix.cover(among)
    wanted = {pair for cell in among for pair in matrix.pairs(cell)}
    assert wanted == {pair for cell in chosen for pair in matrix.pairs(cell)}
    assert len(chosen) < len(among) / 3


def test_ci_has_every_machine_and_every_release_and_layout_in_every_state() -> None:
    hello, probe = matrix.ci_hello(), matrix.ci_cells()
    assert {cell.machine for cell in hello} == set(matrix.MACHINES)
    for go, linking in itertools.product(matrix.GO, ("nocgo", "nocgo-pie")):
        states = {cell.state for cell in hello if (cell.go, cell.linking, cell.machine) == (go, linking, "amd64")}
        assert states == set(matrix.STATES)
    for go in (*matrix.CI_OLDER, "1.27"):
        assert {cell.state for cell in probe if cell.go == go} >= set(matrix.STATES) - {"-s -w"}


def test_the_matrix_has_every_value_of_every_factor() -> None:
    values = [
        {getattr(cell, name) for cell in matrix.cells()} for name in ("go", "machine", "linking", "tags", "state")
    ]
    assert values == [set(v) for v in (matrix.GO, matrix.MACHINES, matrix.LINKINGS, matrix.TAGS, matrix.STATES)]


def test_the_committed_table_is_of_this_matrix_with_no_fact_wrong() -> None:
    """What ``make matrix`` has checked so far, and how much is open; a cell that is wrong is never open."""
    text = matrix.TABLE.read_text()
    checked, total = 0, 0
    for field in re.findall(r"(?m)(?<=\| )\d+/\d+(?= \|)", text):
        done, of = map(int, field.split("/"))
        assert done <= of
        checked, total = checked + done, total + of
    assert total == len(matrix.cells())
    assert f"has checked {checked}; {total - checked} are open" in text
    assert "wrong: 0." in text and "Wrong:" not in text
    empty = matrix.table({})
    assert shape(text) == shape(empty), "the matrix has changed; run: make matrix"


def shape(text: str) -> list[str]:
    """Return the rows with how many files each has, without how many of them were checked."""
    return [re.sub(r"\d+/(?=\d)", "", line) for line in text.splitlines() if line.startswith("|")]


def test_a_wrong_or_a_missing_cell_is_seen_in_the_table() -> None:
    cell = matrix.cells()[0]
    assert "checked 1; " in matrix.table({cell: []})
    assert "wrong: 1." in matrix.table({cell: ["libc is wrong"]}) and "* libc is wrong" in matrix.table(
        {cell: ["libc is wrong"]}
    )


def test_an_expectation_speaks_of_the_build_alone() -> None:
    """A near miss: the same program with another tag must not satisfy the expectation."""
    cells = [cell for cell in matrix.cells() if cell.linking == "static-2.36" and cell.machine == "amd64"]
    for one, other in itertools.pairwise([cell for cell in cells if cell.go == "1.27" and cell.state == "kept"]):
        assert matrix.expectation(one) != matrix.expectation(other)
