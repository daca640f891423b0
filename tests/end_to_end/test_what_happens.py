"""What ``inspector scan`` says beforehand is what happens when the container is really started."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import rollouts
from rollouts import Engine, Prediction, Row
from rows import ROWS

CHOSEN = [row for row in ROWS if row.ci]
RUNS = 5
EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence.md"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with rollouts.engine(tmp_path_factory.mktemp("engine")) as one:
        yield one


@pytest.mark.needs("root", "dockerd", "docker", "iptables", "unshare", "chroot", "readelf")
@pytest.mark.parametrize("row", CHOSEN, ids=[row.id for row in CHOSEN])
def test_what_happens_is_what_was_said(engine: Engine, row: Row, tmp_path: Path) -> None:
    rollout = rollouts.plan(engine, row, tmp_path)
    said = rollouts.predict(engine, row, rollout, tmp_path)
    seen = rollouts.try_out(engine, row, rollout, RUNS)
    assert not rollouts.disagreement(said, seen), said.text
    if said.level == "crash":
        tried = dict(rollouts.cures(engine, row, rollout, said, RUNS))
        assert tried or said.outcome == "cannot-start", said.text
        assert set(tried.values()) <= {"cured"}, tried


def test_every_combination_has_its_line_of_evidence() -> None:
    text = EVIDENCE.read_text()
    assert len({row.id for row in ROWS}) == len(ROWS) >= 60
    assert not [row.id for row in ROWS if f"| {row.id} |" not in text], "run: make soak-rollouts"


def said(level: str, outcome: str | None = None, likelihood: str | None = None) -> Prediction:
    return Prediction(level, outcome, likelihood, "rule", (), "")


@pytest.mark.parametrize(
    ("prediction", "seen"),
    [
        (said("safe"), {"ok": 4, "dies": 1}),
        (said("latent", "dies", "always"), {"dies": 5}),
        (said("crash", "dies", "always"), {"ok": 1, "dies": 4}),
        (said("crash", "dies", "sooner-or-later"), {"ok": 5}),
        (said("crash", "dies", "sooner-or-later"), {"cannot-resolve": 4, "dies": 1}),
        (said("wrong", "wrong-answer"), {"ok": 5}),
        (said("unknown"), {"ok": 5}),
    ],
)
def test_a_disagreement_is_one(prediction: Prediction, seen: dict[str, int]) -> None:
    assert rollouts.disagreement(prediction, Counter(seen))


@pytest.mark.parametrize(
    ("prediction", "seen"),
    [
        (said("safe"), {"ok": 5}),
        (said("crash", "dies", "always"), {"dies": 5}),
        (said("crash", "dies", "sooner-or-later"), {"ok": 4, "dies": 1}),
        (said("crash", "dies", "rare"), {"ok": 5}),
        (said("wrong", "wrong-answer"), {"wrong-answer": 5}),
    ],
)
def test_an_agreement_is_one(prediction: Prediction, seen: dict[str, int]) -> None:
    assert not rollouts.disagreement(prediction, Counter(seen))
