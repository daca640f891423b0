"""Completion in the shells themselves: keys typed into an interactive shell, the tab key among them."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from policy.running import COMMAND, run

PATH = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
LINES = {
    "inspector compl": "inspector completion",
    "inspector judge --only": "inspector judge --only-fixable",
    "inspector judge --fail-on la": "inspector judge --fail-on latent",
    "inspector scan --format htm": "inspector scan --format html",
    "inspector completion fi": "inspector completion fish",
}
"""What is typed before the tab key, and what stands there after it."""


def shell(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": PATH})
    assert done.returncode == 0, done.stderr
    return done.stdout


def typed(command: Sequence[str], setup: str, lines: Sequence[str]) -> list[str]:
    """Type lines into an interactive shell on a terminal, each with the tab key, and return what stands there then.

    Ctrl-A and ``echo`` before a line have the shell print it in the place of running it.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        env = {**os.environ, "PATH": PATH, "TERM": "dumb", "PS1": "", "COLUMNS": "200", "INPUTRC": "/dev/null"}
        os.execvpe(command[0], list(command), env)
    said = b""
    try:
        os.write(terminal, f"{setup}; echo READ''Y\n".encode())
        said = _read(terminal, b"READY\r\n")
        for number, line in enumerate(lines):
            os.write(terminal, f"{line}\t\x01echo 'LINE {number}' \x05 END''{number}\n".encode())
            said += _read(terminal, f"END{number}\r\n".encode())
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    found = []
    for number in range(len(lines)):
        shown = said.decode(errors="replace").rpartition(f"\nLINE {number} ")[2].partition(f"END{number}\r\n")[0]
        found.append(" ".join(shown.split()))
    return found


def _read(terminal: int, until: bytes) -> bytes:
    """Read until the shell has printed a text, a minute at most."""
    said, end = b"", time.monotonic() + 60
    while until not in said:
        assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], said
        said += os.read(terminal, 65536)
    return said


def test_bash_completes(tmp_path: Path) -> None:
    setup = 'eval "$(inspector completion bash)"'
    assert typed(["bash", "--norc", "--noprofile", "-i"], setup, list(LINES)) == list(LINES.values())
    (tmp_path / ".inspector.toml").write_text("nonsense")
    done = run(tmp_path, _INSPECTOR_COMPLETE="bash_complete", COMP_WORDS="inspector judge --fail-on n", COMP_CWORD="3")
    assert (done.stdout, done.stderr) == ("plain,never\n", "")


@pytest.mark.needs("zsh")
def test_zsh_completes() -> None:
    setup = 'autoload -U compinit; compinit -u -D; eval "$(inspector completion zsh)"'
    assert typed(["zsh", "-f", "-i"], setup, list(LINES)) == list(LINES.values())


@pytest.mark.needs("fish")
def test_fish_completes() -> None:
    asked = "; ".join(f'complete -C "{line}"' for line in LINES)
    shown = shell("fish", "--no-config", "-c", f"inspector completion fish | source; {asked}").splitlines()
    assert [line.partition("\t")[0] for line in shown] == [whole.split()[-1] for whole in LINES.values()]


def test_another_shell_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, "completion", "cmd").returncode == 2
