"""One workload on several hosts: the gravest verdict of a call, and beside it what could not be told."""

from dataclasses import replace
from pathlib import Path

from inspector.environments import preset
from inspector.facts import Environment, Target, Workload
from inspector.judging import Wishes, summarise
from inspector.reports import decode_report
from inspector.rollouts import judge_workload

EXPECTED = Path(__file__).parents[2] / "samples" / "expected" / "peer-static-glibc.json"


def judged(*environments: Environment) -> Target:
    (target,) = decode_report(EXPECTED.read_bytes(), name=EXPECTED.name).targets
    workload = Workload(name="compose:peer", where="compose.yaml:3", image="peer", environments=environments)
    return replace(target, environments=(judge_workload(target, workload, Wishes()),))


def test_what_one_host_leaves_open_is_told_beside_what_another_decides() -> None:
    plain = preset("docker-network")
    blind = replace(plain, title="a host of whose variables little is known", env_unknown=("GODEBUG",))
    target = judged(plain, blind)
    found = [verdict for verdict in target.environments[0].verdicts if verdict.call == "host"]
    assert [verdict.level for verdict in found] == ["latent", "unknown"]
    assert "a host of whose variables little is known" in found[1].reasons[-1].text
    assert summarise([target]).unknown == 1
