"""Every exit code, through the installed command."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from policy.running import COMMAND, run, sample_facts, verdicts, write

CRASH, LATENT = ("-e", "docker-network-ubuntu"), ("-e", "docker-network")


@pytest.fixture
def facts(tmp_path: Path) -> str:
    return write(tmp_path / "facts.json", sample_facts())


@pytest.fixture
def blind(tmp_path: Path) -> str:
    """Facts of a binary whose ways into libc could not be told."""
    document = sample_facts()
    document["targets"][0]["binaries"][0]["exposures"] = None
    return write(tmp_path / "blind.json", document)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (CRASH, 1),
        (LATENT, 0),
        ((*CRASH, "--fail-on", "never"), 0),
        ((*LATENT, "--fail-on", "wrong"), 0),
        ((*LATENT, "--fail-on", "latent"), 1),
        ((*LATENT, "--fail-on", "unknown"), 1),
        ((*CRASH, "--exit-code", "7"), 7),
        ((*CRASH, "--exit-code", "0"), 0),
        ((*LATENT, "--exit-code", "7"), 0),
        ((*CRASH, "--only-fixable"), 1),
        ((*CRASH, "--only-fixable", "--all-findings"), 1),
        ((*CRASH, "--exit-code", "256"), 2),
        ((*CRASH, "--fail-on", "sometimes"), 2),
        ((*CRASH, "--waivers", "absent.toml"), 2),
        ((*CRASH, "--baseline", "absent.json"), 2),
    ],
)
def test_the_flags_decide(tmp_path: Path, facts: str, flags: tuple[str, ...], code: int) -> None:
    done = run(tmp_path, "judge", facts, *flags)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_what_only_a_rebuild_cures_is_told_and_not_counted(tmp_path: Path, facts: str) -> None:
    every = run(tmp_path, "judge", facts, *LATENT, "--call", "current", "--fail-on", "crash", "-f", "json")
    crashes = [v for v in verdicts(json.loads(every.stdout)) if v["level"] == "crash"]
    assert every.returncode == 1
    assert {r["kind"] for v in crashes for r in v["remedies"]} <= {"rebuild", "base-image"}, "os/user has no setting"
    done = run(tmp_path, "judge", facts, *LATENT, "--call", "current", "--only-fixable")
    assert done.returncode == 0
    assert f"{len(crashes)} finding" in done.stderr
    assert "CRASH" in done.stdout


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ((), 4),
        (("--fail-on", "never"), 4),
        (("--only-fixable",), 4),
        (("--fail-on", "unknown", "--only-fixable"), 4),
        (("--exit-code", "9"), 4),
        (("--fail-on", "unknown"), 1),
        (("--allow-incomplete",), 0),
        (("--allow-incomplete", "--no-allow-incomplete"), 4),
        (("--allow-incomplete", "--fail-on", "unknown"), 1),
    ],
)
def test_unknown_never_passes_silently(tmp_path: Path, blind: str, flags: tuple[str, ...], code: int) -> None:
    assert run(tmp_path, "judge", blind, *CRASH, *flags).returncode == code


def test_findings_outweigh_what_is_incomplete(tmp_path: Path) -> None:
    document = sample_facts()
    document["targets"][0]["status"] = "incomplete"
    facts = write(tmp_path / "facts.json", document)
    assert run(tmp_path, "judge", facts, *CRASH).returncode == 1
    assert run(tmp_path, "judge", facts, *LATENT).returncode == 4
    assert run(tmp_path, "judge", facts, *LATENT, "--allow-incomplete").returncode == 0


def test_nothing_found_is_3_and_an_interrupt_130(tmp_path: Path) -> None:
    assert run(tmp_path, "scan", "docker-archive:absent.tar").returncode == 3
    assert run(tmp_path, "scan", "docker-archive:absent.tar", "--allow-incomplete").returncode == 3
    with subprocess.Popen(
        [COMMAND, "judge", "--batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(b"0\n" * 500)  # more answers than are buffered, and fewer than a pipe holds
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        errors = process.stderr.read()
        assert process.wait() == 130
    assert errors.strip() == b"inspector: interrupted"


def test_compose_and_k8s_obey_the_same_flags(tmp_path: Path) -> None:
    import parts

    image = f"samples/peer-static-glibc:1=docker-archive:{parts.PEER}"
    common: Any = (str(parts.ROOT / "samples/compose/peer.yaml"), "--image", image)
    assert run(tmp_path, "compose", *common).returncode == 1
    assert run(tmp_path, "compose", *common, "--exit-code", "5").returncode == 5
    assert run(tmp_path, "compose", *common, "--fail-on", "never").returncode == 0
    assert run(tmp_path, "compose", *common, INSPECTOR_FAIL_ON="never").returncode == 0
