"""Every fact of a Go binary is the one that it was built with. `make matrix` runs all cells; here a pairwise cover."""

import itertools
from pathlib import Path

import matrix
import pytest
from matrix import Cell


@pytest.mark.needs("root", "gcc", "objcopy", "musl-gcc", *(f"{prefix}-gcc" for prefix in matrix.CROSS.values()))
@pytest.mark.parametrize("cell", matrix.ci_cells(), ids=str)
def test_facts_are_those_of_the_build(cell: Cell, tmp_path: Path) -> None:
    assert not matrix.differences(cell, matrix.make(cell, tmp_path))


def test_the_cover_has_every_pair_and_is_small() -> None:
    among = [cell for cell in matrix.cells() if cell.go in matrix.CI_GO and cell.machine == "amd64"]
    chosen = matrix.cover(among)
    wanted = {pair for cell in among for pair in matrix._pairs(cell)}
    assert wanted == {pair for cell in chosen for pair in matrix._pairs(cell)}
    assert len(chosen) < len(among) / 8


def test_the_matrix_has_every_value_of_every_factor() -> None:
    values = [
        {getattr(cell, name) for cell in matrix.cells()} for name in ("go", "machine", "linking", "tags", "state")
    ]
    assert values == [set(v) for v in (matrix.GO, matrix.MACHINES, matrix.LINKINGS, matrix.TAGS, matrix.STATES)]


@pytest.mark.skipif(not matrix.TABLE.exists(), reason="make matrix has not been run")
def test_the_committed_table_is_of_this_matrix_and_right() -> None:
    assert matrix.TABLE.read_text() == matrix.table({}), "run: make matrix"


def test_an_expectation_speaks_of_the_build_alone() -> None:
    """A near miss: the same program with another tag must not satisfy the expectation."""
    cells = [cell for cell in matrix.cells() if cell.linking == "static-2.36" and cell.machine == "amd64"]
    for one, other in itertools.pairwise([cell for cell in cells if cell.go == "1.27" and cell.state == "kept"]):
        assert matrix.expectation(one) != matrix.expectation(other)
