"""Waivers: which findings they speak of, when they end, and that nothing but the exit code changes."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import parts
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.facts import EnvironmentVerdicts, Target, Verdict, Waiver
from inspector.policy import apply_waivers
from inspector.policy.waivers import fits, matches, names_of
from policy.running import DIGEST, run, sample_facts, verdicts, write

TODAY = datetime.now(UTC).date()
LATER, YESTERDAY = (TODAY + timedelta(days=30)).isoformat(), (TODAY - timedelta(days=1)).isoformat()
UBUNTU = ("-e", "docker-network-ubuntu")


@pytest.fixture
def facts(tmp_path: Path) -> str:
    return write(tmp_path / "facts.json", sample_facts())


def waive(directory: Path, *lines: str, expires: str = LATER) -> None:
    text = "\n".join(("[[waiver]]", *lines, "reason = 'moves in May'", f"expires = {expires}"))
    (directory / ".inspector-waivers.toml").write_text(f"# ours\n{text}\n")


@pytest.mark.parametrize(
    "line",
    [
        "rule = 'static-glibc-dns'",
        "rule = 'static-*'",
        "path = '/usr/local/bin/*'",
        "path = '**/peer'",
        "environment = 'docker-*'",
        "image = 'registry.example.com/fabric/peer'",
        "image = 'registry.example.com/fabric/peer:1.4.*'",
        "image = 'registry.example.com/**'",
        f"image = '{DIGEST}'",
    ],
)
def test_a_waived_finding_is_told_and_does_not_count(tmp_path: Path, facts: str, line: str) -> None:
    waive(tmp_path, line, "owner = 'netops'")
    done = run(tmp_path, "judge", facts, *UBUNTU, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    crash = next(v for v in verdicts(document) if v["level"] == "crash")
    assert crash["waived"]["reason"] == "moves in May"
    assert (crash["waived"]["expires"], crash["waived"]["owner"]) == (LATER, "netops")
    assert crash["waived"]["where"] == ".inspector-waivers.toml:2"
    assert document["summary"]["crash"] == 1
    text = run(tmp_path, "judge", facts, *UBUNTU).stdout
    assert "CRASH" in text
    assert f"waived   moves in May, until {LATER}, by netops (.inspector-waivers.toml:2)" in text
    assert run(tmp_path, "judge", facts, *UBUNTU, "--no-waivers").returncode == 1


@pytest.mark.parametrize(
    "line",
    [
        "rule = 'static-glibc-user'",
        "rule = 'static'",
        "path = '/usr/*/peer'",
        "path = 'peer'",
        "environment = 'kubernetes'",
        "image = 'fabric/peer'",
        "image = 'registry.example.com/*'",
        "image = 'registry.example.com/fabric/peer:1.4'",
        "image = 'sha256:" + "cd" * 32 + "'",
    ],
)
def test_a_near_miss_waives_nothing_and_says_so(tmp_path: Path, facts: str, line: str) -> None:
    waive(tmp_path, line)
    if "user" in line:
        done = run(tmp_path, "judge", facts, *UBUNTU)
        assert (done.returncode, done.stderr) == (1, "")
        return
    done = run(tmp_path, "judge", facts, *UBUNTU)
    assert done.returncode == 1
    assert done.stderr == "inspector: the waiver at .inspector-waivers.toml:2 waives nothing in this run\n"


def test_an_ended_waiver_brings_its_findings_back_with_a_warning(tmp_path: Path, facts: str) -> None:
    waive(tmp_path, "rule = 'static-glibc-dns'", expires=TODAY.isoformat())
    assert run(tmp_path, "judge", facts, *UBUNTU).returncode == 0, "it holds until the end of its day"
    waive(tmp_path, "rule = 'static-glibc-dns'", expires=YESTERDAY)
    for flags in ((), ("--quiet",)):
        done = run(tmp_path, "judge", facts, *UBUNTU, *flags)
        assert done.returncode == 1
        assert done.stderr == (
            f"inspector: warning: the waiver at .inspector-waivers.toml:2 ended on {YESTERDAY}: 1 finding counts again\n"
        )


def test_what_could_not_be_told_may_be_waived_by_name_and_what_was_not_read_may_not(tmp_path: Path) -> None:
    document = sample_facts()
    document["targets"][0]["binaries"][0]["exposures"] = None
    waive(tmp_path, "path = '/usr/local/bin/peer'")
    assert run(tmp_path, "judge", write(tmp_path / "f.json", document), *UBUNTU).returncode == 0
    document["targets"][0]["status"] = "incomplete"
    assert run(tmp_path, "judge", write(tmp_path / "f.json", document), *UBUNTU).returncode == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[waiver]]\nrule = 'x'\nexpires = 2030-01-01", ":1: a waiver without reason"),
        ("\n[[waiver]]\nrule = 'x'\nreason = 'y'", ":2: a waiver without expires"),
        ("[[waiver]]\nrule = 'x'\nreason = ' '\nexpires = 2030-01-01", ":3: reason is ' '"),
        ("[[waiver]]\nrule = 'x'\nreason = 'y'\nexpires = 'soon'", ":4: expires is 'soon'; allowed: a date as 2030-12-31"),
        ("[[waiver]]\nrule = 'x'\nreason = 'y'\nexpires = '2030-02-30'", ":4: expires is '2030-02-30'"),
        ("[[waiver]]\nrule = 'x'\nreason = 'y'\nexpires = 2030-01-01T00:00:00", ":4: expires is"),
        ("[[waiver]]\nreason = 'y'\nexpires = 2030-01-01", ":1: a waiver of everything"),
        ("[[waiver]]\nrules = 'x'\nreason = 'y'\nexpires = 2030-01-01", ":2: unknown key 'rules'; did you mean 'rule'?"),
        ("[[waiver]]\nrule = ['x']\nreason = 'y'\nexpires = 2030-01-01", ":2: rule is"),
        ("[[waiver]]\nimage = 'sha256:abc'\nreason = 'y'\nexpires = 2030-01-01", ":2: image is not a whole digest"),
        ("[[waivers]]\nrule = 'x'", "unknown key 'waivers'; did you mean 'waiver'?"),
        ("[waiver]\nrule = 'x'", ".toml: waiver is not a list"),
        ("waiver = [1]", ".toml: a waiver is a table"),
        ("[[waiver]\n", ":1: not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_of_waivers_is_told_with_its_line(
    tmp_path: Path, facts: str, text: str, told: str
) -> None:
    (tmp_path / ".inspector-waivers.toml").write_text(text)
    done = run(tmp_path, "judge", facts)
    assert done.returncode == 2
    assert told in done.stderr and done.stderr.count("\n") == 1


# ── manifests ────────────────────────────────────────────────────────────────────────────────────────────────────

IMAGE = ("--image", f"samples/peer-static-glibc:1=docker-archive:{parts.PEER}")
COMPOSE = """services:
  peer0:
    image: samples/peer-static-glibc:1
    x-inspector-waive:
      - rule: static-glibc-*
        reason: "moves in May"
        expires: {expires}
  peer1:
    image: samples/peer-static-glibc:1
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: peer
  annotations:
    {key}: '[{{"rule": "static-glibc-*", "reason": "moves in May", "expires": "{expires}"}}]'
spec:
  template:
    spec:
      containers:
      - {{name: peer, image: "samples/peer-static-glibc:1", env: [{{name: A, value: orderer.local}}]}}
      - {{name: other, image: "samples/peer-static-glibc:1", env: [{{name: A, value: orderer.local}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: bare}}
spec:
  containers:
  - {{name: peer, image: "samples/peer-static-glibc:1", env: [{{name: A, value: orderer.local}}]}}
"""


def crashes(directory: Path, verb: str, text: str) -> tuple[dict[str, str | None], str]:
    (directory / "manifest.yaml").write_text(text)
    done = run(directory, verb, "manifest.yaml", *IMAGE, "--format", "json")
    environments = [e for t in json.loads(done.stdout)["targets"] for e in t["environments"]]
    found = {e["name"]: v["waived"] and v["waived"]["where"] for e in environments for v in e["verdicts"] if v["level"] == "crash"}  # fmt: skip
    assert done.returncode == (1 if None in found.values() else 0)
    return found, done.stderr


def test_compose_waives_for_one_service(tmp_path: Path) -> None:
    text = COMPOSE.format(expires=LATER)
    assert crashes(tmp_path, "compose", text) == ({"compose:peer0": "manifest.yaml:5", "compose:peer1": None}, "")
    ended, told = crashes(tmp_path, "compose", COMPOSE.format(expires=YESTERDAY))
    assert set(ended.values()) == {None} and "manifest.yaml:5 ended" in told
    bad = run(tmp_path, "compose", write_text(tmp_path, text.replace("reason", "because")), *IMAGE)
    assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)
    assert "manifest.yaml:5: unknown key 'because'" in bad.stderr
    wide = run(tmp_path, "compose", write_text(tmp_path, text.replace("rule: static-glibc-*", "environment: '**'")), *IMAGE)  # fmt: skip
    assert wide.returncode == 2


def write_text(directory: Path, text: str) -> str:
    (directory / "manifest.yaml").write_text(text)
    return "manifest.yaml"


def test_an_annotation_waives_for_its_pod(tmp_path: Path) -> None:
    text = DEPLOYMENT.format(key="rollout-inspector/waive", expires=LATER)
    found, told = crashes(tmp_path, "k8s", text)
    assert found == {
        "k8s:Deployment/peer/peer": "manifest.yaml:6",
        "k8s:Deployment/peer/other": "manifest.yaml:6",
        "k8s:Pod/bare/peer": None,
    }
    assert told == ""
    other, _ = crashes(tmp_path, "k8s", DEPLOYMENT.format(key="somebody.else/waive", expires=LATER))
    assert set(other.values()) == {None}


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────

LETTERS = st.text("ab/*?", max_size=8)


@given(LETTERS, st.text("ab/", max_size=8))
def test_patterns_mean_what_a_regular_expression_says(pattern: str, text: str) -> None:
    said = re.sub(
        r"\*\*|\*|\?|.", lambda m: {"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(m[0], re.escape(m[0])), pattern
    )
    assert fits(pattern, text) == bool(re.fullmatch(said, text))


def test_no_pattern_takes_long() -> None:
    assert not fits("*a" * 200 + "b", "a" * 4000)
    assert not fits("**a" * 150 + "b", "a" * 4000)


@given(st.text(max_size=40))
def test_any_reference_has_names(reference: str) -> None:
    assert reference in names_of(reference)


def test_an_image_may_be_called_as_people_write_it() -> None:
    names = names_of("docker:hyperledger/fabric-peer:1.4.3")
    assert {
        "hyperledger/fabric-peer",
        "hyperledger/fabric-peer:1.4.3",
        "docker.io/hyperledger/fabric-peer:1.4.3",
    } <= set(names)
    assert {"alpine", "alpine:latest", "docker.io/library/alpine"} <= set(names_of("registry:alpine"))


WORDS = st.sampled_from(["a", "b", "a*", "**", "?"])
LEVELS = st.sampled_from(["crash", "wrong", "latent", "unknown", "safe"])
VERDICTS = st.builds(
    Verdict, rule=st.sampled_from(["a", "b", "ab"]), path=st.sampled_from(["a", "b", None]), level=LEVELS
)
TARGETS = st.builds(
    Target,
    reference=st.sampled_from(["registry:a", "registry:b:1", "-"]),
    environments=st.lists(
        st.builds(EnvironmentVerdicts, name=st.sampled_from(["a", "b"]), verdicts=st.lists(VERDICTS, max_size=4).map(tuple)),
        max_size=2,
    ).map(tuple),
)  # fmt: skip
WAIVERS = st.builds(
    Waiver,
    rule=st.none() | WORDS, image=st.none() | WORDS, path=st.none() | WORDS, environment=st.none() | WORDS,
    reason=st.just("r"), expires=st.sampled_from(["2020-01-01", "2030-01-01"]), where=st.uuids().map(str),
)  # fmt: skip


def flat(targets: tuple[Target, ...]) -> list[tuple[Target, str, Verdict]]:
    return [(t, e.name, v) for t in targets for e in t.environments for v in e.verdicts]


@given(st.lists(TARGETS, max_size=2), st.lists(WAIVERS, max_size=4), WAIVERS)
def test_waivers_change_nothing_but_the_mark(targets: list[Target], waivers: list[Waiver], more: Waiver) -> None:
    today = date(2025, 1, 1)
    applied = apply_waivers(targets, waivers, today=today)
    before, after = flat(tuple(targets)), flat(applied.targets)
    for (target, environment, old), (_, _, new) in zip(before, after, strict=True):
        assert replace(new, waived=None) == old
        speaks = [w for w in waivers if w.expires >= "2025" and matches(w, target, environment, old)]
        assert new.waived == (speaks[0] if speaks and old.level != "safe" else None)
    used = {v.waived for _, _, v in after}
    live = [w for w in waivers if w.expires >= "2025"]
    assert {w for w, _ in applied.expired} == set(waivers) - set(live)
    assert not used & set(applied.unused) and set(applied.unused) <= set(live)
    wider = flat(apply_waivers(targets, [*waivers, more], today=today).targets)
    assert all(w.waived == v.waived or v.waived is None for (_, _, v), (_, _, w) in zip(after, wider, strict=True))
