"""What is remembered is what is worked out anew: no answer depends on those that were asked before it."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InspectorError
from inspector.facts import Call, ContextFile, Decision, ResolverBuild, ResolverContext
from inspector.resolver import decide, decide_remembered
from inspector.risk.batch import answer

ORACLE = Path(__file__).parent.parent / "oracle" / "crash.jsonl.gz"
NAMES = (
    "", ".", "a", "peer0.example.com", "PEER0.Example.COM.", "peer0.local", "peer0.LOCAL.", "x.localhost", "localhost",
    "x.localdomain", "localhost.localdomain", "gateway", "_gateway", "_outbound", "box", "box.example.com", "Box", "10.0.0.1",
    "1.2.3.4.in-addr.arpa", "fe80::1", "fe80::1%eth0", "a%b.example.com", "a\\b.example.com", "10.0.0.x1", "é.example.com",
    "x.ſ", "orderer.example.com",
)  # fmt: skip


def told(build: ResolverBuild, context: ResolverContext, name: str | None, call: Call, how: Any) -> Any:
    try:
        decision: Decision = how(build, context, name, call)
    except InspectorError as error:
        return str(error)
    return decision.decision, decision.order, decision.reasons, decision.assumed


@given(
    version=st.sampled_from(["1.7", "1.9.2", "1.15.15", "1.20", "1.21.1", "1.27", "1.29", "devel"]),
    cgo=st.booleans(),
    resolv=st.sampled_from([None, "", "options edns0\n", "options no-aaaa\nnameserver 10.0.0.1\n", "x" * 20_000]),
    nsswitch=st.sampled_from(
        [
            None,
            "hosts: files dns\n",
            "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
            "hosts: files myhostname dns\n",
        ]
    ),
    env=st.sampled_from([{}, {"GODEBUG": "netdns=go"}, {"GODEBUG": "netdns=cgo"}, {"LOCALDOMAIN": ""}]),
    hostname=st.sampled_from([None, "box", "box.example.com", "orderer.example.com"]),
    names=st.lists(st.sampled_from(NAMES), min_size=2, max_size=6),
    call=st.sampled_from(["host", "ip", "dial", "port", "cname", "addr", "txt"]),
)
def test_a_remembered_decision_is_the_decision(
    version: str, cgo: bool, resolv: str | None, nsswitch: str | None, env: dict[str, str], hostname: str | None,
    names: list[str], call: Call,
) -> None:  # fmt: skip
    build = ResolverBuild(version=version, cgo=cgo)
    texts = {"resolv.conf": resolv, "nsswitch.conf": nsswitch, "mdns.allow": None}
    files = {name: ContextFile(text=text) for name, text in texts.items()}
    context = ResolverContext(files=files, env=env, system_hostname=hostname)
    for name in names:
        assert told(build, context, name, call, decide_remembered) == told(build, context, name, call, decide)


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    with gzip.open(ORACLE, "rt") as lines:
        return [json.loads(line)["case"] for line in lines][::37]


def test_answers_do_not_depend_on_those_before_them(cases: list[dict[str, Any]]) -> None:
    there = [answer(case) for case in cases]
    for case, said in anew(cases):
        assert answer(case) == said
    assert [answer(case) for case in cases] == there


def anew(cases: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each case with its answer from a process that has forgotten all others, in another order."""
    from inspector.resolver import remembered
    from inspector.risk import batch, entering

    shuffled = random.Random(6).sample(cases, len(cases))
    for case in shuffled:
        remembered._answer.cache_clear()
        entering._enter.cache_clear()
        said = batch._answer.__wrapped__({key: value for key, value in case.items() if key != "id"})  # type: ignore[attr-defined]
        yield case, {"id": case["id"], **said}


def test_what_differs_in_the_id_alone_is_answered_alike_under_its_own(cases: list[dict[str, Any]]) -> None:
    case = cases[0]
    other = answer({**case, "id": "other"})
    assert other == {**answer(case), "id": "other"}
    assert answer({key: value for key, value in case.items() if key != "id"})["id"] is None
