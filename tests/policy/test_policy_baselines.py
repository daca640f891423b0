"""Baselines: a finding is the same one after a rebuild under another tag; what is new or worse fails the run."""

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inspector.facts import Report, Target
from inspector.policy import Baseline, counts
from policy.running import named, run, sample_facts, verdicts, write
from policy.test_policy_waivers import TARGETS, WAIVERS, flat


def baseline(directory: Path, *flags: str) -> str:
    facts = write(directory / "old.json", sample_facts())
    run(directory, "judge", facts, "--format", "json", "--output", "baseline.json", *flags)
    return "baseline.json"


def test_another_tag_digest_and_source_are_the_same_finding(tmp_path: Path) -> None:
    known = baseline(tmp_path)
    for reference in (
        "registry:registry.example.com/fabric/peer:1.4.3",
        "registry:registry.example.com/fabric/peer:2.0.0@sha256:" + "cd" * 32,
        "docker:registry.example.com/fabric/peer:latest",
    ):
        facts = write(tmp_path / "new.json", named(sample_facts(), reference, "sha256:" + "ef" * 32))
        assert run(tmp_path, "judge", facts).returncode == 1
        done = run(tmp_path, "judge", facts, "--baseline", known, "--format", "json")
        assert done.returncode == 0
        document = json.loads(done.stdout)
        assert {v["known"] for v in verdicts(document) if v["level"] != "safe"} == {True}
        assert {v["known"] for v in verdicts(document) if v["level"] == "safe"} <= {False}
        assert document["summary"]["known"] > 0
        text = run(tmp_path, "judge", facts, "--baseline", known).stdout
        assert "the baseline has it already" in text and "known from the baseline" in text
    junit = run(tmp_path, "judge", facts, "--baseline", known, "--format", "junit").stdout
    assert "<failure" not in junit and "the baseline has it already" in junit


def test_what_is_new_fails(tmp_path: Path) -> None:
    known = baseline(tmp_path, "-e", "docker-network-ubuntu")
    same = write(tmp_path / "new.json", sample_facts())
    assert run(tmp_path, "judge", same, "--baseline", known, "-e", "docker-network-ubuntu").returncode == 0
    assert run(tmp_path, "judge", same, "--baseline", known, "-e", "kubernetes").returncode == 1, "elsewhere"
    other = write(
        tmp_path / "other.json", named(sample_facts(), "registry:registry.example.com/fabric/orderer:1", None)
    )
    assert run(tmp_path, "judge", other, "--baseline", known, "-e", "docker-network-ubuntu").returncode == 1
    moved = sample_facts()
    moved["targets"][0]["binaries"][0]["path"] = "/usr/bin/peer"
    moved_facts = write(tmp_path / "moved.json", moved)
    assert run(tmp_path, "judge", moved_facts, "--baseline", known, "-e", "docker-network-ubuntu").returncode == 1
    asked = ("--baseline", known, "-e", "docker-network-ubuntu", "--name", "other.example.com")
    assert run(tmp_path, "judge", same, *asked).returncode == 1, "another name"


def test_what_got_worse_is_new_and_what_cannot_be_told_any_more_too(tmp_path: Path) -> None:
    plain = ("-e", "docker-network")
    known = baseline(tmp_path, *plain)
    facts = write(tmp_path / "new.json", sample_facts())
    assert run(tmp_path, "judge", facts, "--baseline", known, *plain, "--fail-on", "latent").returncode == 0
    # The same environment's host gained a word.
    worse = run(tmp_path, "judge", facts, "--baseline", known, *plain, "--env", "GODEBUG=netdns=cgo")
    assert worse.returncode == 1
    blind = sample_facts()
    blind["targets"][0]["binaries"][0]["exposures"] = None
    assert run(tmp_path, "judge", write(tmp_path / "b.json", blind), "--baseline", known, *plain).returncode == 4


def test_what_was_waived_in_the_baseline_is_not_grandfathered(tmp_path: Path) -> None:
    waivers = tmp_path / ".inspector-waivers.toml"
    waivers.write_text("[[waiver]]\nrule = '**'\nreason = 'r'\nexpires = 2999-01-01\n")
    known = baseline(tmp_path)
    facts = write(tmp_path / "new.json", sample_facts())
    assert run(tmp_path, "judge", facts, "--baseline", known).returncode == 0
    waivers.unlink()
    assert run(tmp_path, "judge", facts, "--baseline", known).returncode == 1


@given(st.lists(TARGETS, max_size=3), WAIVERS)
def test_a_report_is_its_own_baseline(targets: list[Target], waiver: object) -> None:
    old = Baseline.of(Report(targets=tuple(targets)))
    marked = tuple(old.mark(target) for target in targets)
    assert not any(counts(verdict) for _, _, verdict in flat(marked))
    for (_, _, verdict), (_, _, mark) in zip(flat(tuple(targets)), flat(marked), strict=True):
        assert replace(mark, known=False) == verdict
        assert mark.known == (verdict.level != "safe")
    nothing = Baseline.of(Report())
    assert not any(v.known for _, _, v in flat(tuple(nothing.mark(target) for target in targets)))
