"""The command as a person meets it, and the same as a library."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import parts
import pytest

import inspector
from inspector.facts import ContextFile, ResolverBuild, ResolverContext


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "inspector", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == parts.inspector("version").stdout


def at_a_terminal(*arguments: str, **variables: str) -> bytes:
    """Run the command with a terminal for stdout and stderr and return what it wrote there."""
    command = [str(Path(sys.executable).parent / "inspector"), *arguments]
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR", "FORCE_COLOR"}}
    here, there = pty.openpty()
    with subprocess.Popen(command, stdout=there, stderr=there, env={**env, "TERM": "xterm", **variables}) as process:
        os.close(there)
        written = b""
        while True:
            try:
                piece = os.read(here, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            written += piece
        process.wait()
    os.close(here)
    return written


COLOUR, CURSOR = b"\x1b[1;31m", b"\x1b[?25l"


def test_colour_and_progress_are_for_terminals_and_no_color_is_obeyed() -> None:
    shown = at_a_terminal("scan", "--no-cache", str(parts.PEER))
    assert COLOUR in shown
    assert CURSOR in shown, "a bar of progress"
    plain = at_a_terminal("scan", "--no-cache", str(parts.PEER), NO_COLOR="1")
    assert b"\x1b[1m" not in plain and COLOUR not in plain
    assert CURSOR not in at_a_terminal("scan", "--no-cache", "--quiet", str(parts.PEER))
    piped = parts.inspector("scan", "--no-cache", str(parts.PEER))
    assert "\x1b" not in piped.stdout
    assert piped.stderr == ""


def test_the_report_says_what_was_scanned_what_happens_why_and_what_helps() -> None:
    done = parts.inspector("scan", "--no-cache", str(parts.PEER))
    assert done.returncode == 1
    text = " ".join(done.stdout.split())
    for words in ("linux/amd64, sha256:", "docker-network-ubuntu crash", "because Go 1.15 does not know option 'edns0'", "(resolv.conf:2:9)",
                  "fix set the environment variable GODEBUG=netdns=go"):  # fmt: skip
        assert words in text
    assert done.stdout.splitlines()[-1].startswith("Verdict: ") or "Verdict: " in done.stdout.split("\n\n")[-1]


def test_flags_of_the_context_decide(tmp_path: Path) -> None:
    plain, option = tmp_path / "plain", tmp_path / "option"
    plain.write_text("nameserver 10.0.0.2\n")
    option.write_text("nameserver 10.0.0.2\noptions edns0\n")
    scan = ("scan", "--no-cache", "--format", "json", str(parts.PEER))
    assert parts.inspector(*scan, "--resolv-conf", str(plain)).returncode == 0
    crash = parts.inspector(*scan, "--resolv-conf", str(option))
    assert crash.returncode == 1
    (environment,) = json.loads(crash.stdout)["targets"][0]["environments"]
    assert any(
        r["where"] and r["where"].startswith("resolv.conf:2") for v in environment["verdicts"] for r in v["reasons"]
    )
    assert parts.inspector(*scan, "--resolv-conf", str(option), "--env", "GODEBUG=netdns=go").returncode == 0
    assert parts.inspector(*scan, "--resolv-conf", str(plain), "--name", "peer0.local").returncode == 1
    named = json.loads(parts.inspector(*scan, "-e", "docker-bridge", "-e", "kubernetes").stdout)
    assert [e["name"] for e in named["targets"][0]["environments"]] == ["docker-bridge", "kubernetes"]


@pytest.mark.parametrize(("flag", "code"), [("crash", 1), ("wrong", 1), ("latent", 1), ("unknown", 1), ("never", 0)])
def test_the_threshold_decides_the_code(flag: str, code: int) -> None:
    assert parts.inspector("scan", "--fail-on", flag, str(parts.PEER)).returncode == code


def test_output_goes_to_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = parts.inspector("scan", "-f", "json", "-o", str(path), str(parts.PEER))
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(path.read_text())["summary"]["worst"] == "crash"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


# ── the library ──────────────────────────────────────────────────────────────────────────────────────────────────

BRIDGE = ContextFile(text="nameserver 10.0.0.2\noptions edns0 trust-ad\n")


def test_the_library_gives_what_the_command_gives() -> None:
    options = inspector.ScanOptions(use_cache=False)
    report = inspector.scan(str(parts.PEER), options=options)
    told = json.loads(parts.inspector("scan", "--no-cache", "--format", "json", str(parts.PEER)).stdout)
    assert report.summary.worst == told["summary"]["worst"] == "crash"
    assert [e.name for e in report.targets[0].environments] == [e["name"] for e in told["targets"][0]["environments"]]
    (target,) = inspector.collect(str(parts.PEER), options=options)
    assert target.environments == ()
    context = ResolverContext(
        files={
            "resolv.conf": BRIDGE,
            "nsswitch.conf": ContextFile(),
            "mdns.allow": ContextFile(),
            "hosts": ContextFile(),
        }
    )
    verdicts = inspector.judge(target, context, names=["orderer.example.com"])
    assert {(v.path, v.level) for v in verdicts if v.call == "host"} == {("/usr/local/bin/peer", "crash")}
    cured = ResolverContext(files=context.files, env={"GODEBUG": "netdns=go"})
    assert {v.level for v in inspector.judge(target, cured, names=["orderer.example.com"]) if v.call == "host"} <= {
        "latent",
        "safe",
    }


def test_the_library_decides_without_an_image() -> None:
    context = ResolverContext(
        files={
            "resolv.conf": BRIDGE,
            "nsswitch.conf": ContextFile(),
            "mdns.allow": ContextFile(),
            "hosts": ContextFile(),
        }
    )
    old = inspector.decide(ResolverBuild(version="1.15.15", cgo=True), context, "peer0.example.com", "host")
    new = inspector.decide(ResolverBuild(version="1.21.0", cgo=True), context, "peer0.example.com", "host")
    assert (old.decision, new.decision) == ("cgo", "go")
    assert any("edns0" in reason.text for reason in old.reasons)


def test_the_library_raises_what_the_command_says() -> None:
    with pytest.raises(inspector.InspectorError) as caught:
        inspector.scan("dir:/no/such")
    assert (caught.value.exit_code, str(caught.value)) == (3, "/no/such is not a directory")
