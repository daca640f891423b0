"""Completion in the shells themselves, and the hooks of pre-commit as pre-commit starts them."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import parts
import pytest

from policy.running import COMMAND, run

PATH = f"{Path(COMMAND).parent}:{os.environ['PATH']}"


def shell(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": PATH})
    assert done.returncode == 0, done.stderr
    return done.stdout


BASH = 'eval "$(inspector completion bash)"; COMP_WORDS=(inspector {words}); COMP_CWORD={at}; _inspector_completion inspector; echo "${{COMPREPLY[@]}}"'


def test_bash_completes_verbs_flags_and_choices(tmp_path: Path) -> None:
    assert shell("bash", "-c", BASH.format(words="comp", at=1)).split()[:1] == ["compose"]
    assert "--fail-on" in shell("bash", "-c", BASH.format(words="judge --fail", at=2)).split()
    assert shell("bash", "-c", BASH.format(words="judge --fail-on la", at=3)).split() == ["latent"]
    (tmp_path / ".inspector.toml").write_text("nonsense")
    done = run(tmp_path, _INSPECTOR_COMPLETE="bash_complete", COMP_WORDS="inspector judge --fail-on n", COMP_CWORD="3")
    assert (done.stdout, done.stderr) == ("plain,never\n", "")


@pytest.mark.needs("zsh")
def test_zsh_loads_it() -> None:
    loaded = 'autoload -U compinit; compinit -u -D; eval "$(inspector completion zsh)"; print $_comps[inspector]'
    assert shell("zsh", "-f", "-c", loaded).strip() == "_inspector_completion"


@pytest.mark.needs("fish")
def test_fish_completes() -> None:
    script = 'inspector completion fish | source; complete -C "inspector judge --fail-on la"'
    assert shell("fish", "--no-config", "-c", script).split() == ["latent"]


def test_another_shell_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, "completion", "cmd").returncode == 2


def hooks() -> dict[str, dict[str, str]]:
    from inspector.environments.documents import Mapping, Scalar, Sequence, parse_documents

    (node,) = parse_documents((parts.ROOT / ".pre-commit-hooks.yaml").read_text(), "hooks")
    assert isinstance(node, Sequence)
    found = [{k: e.value.text for k, e in h.entries.items() if isinstance(e.value, Scalar)} for h in node.items if isinstance(h, Mapping)]  # fmt: skip
    return {hook["id"]: hook for hook in found}


def test_hooks_pick_their_files() -> None:
    compose, k8s = (re.compile(hooks()[name]["files"]) for name in ("inspector-compose", "inspector-k8s"))
    for name in ("compose.yaml", "net/docker-compose.yml", "docker-compose.ca.yaml", "compose-test.yaml"):
        assert compose.search(name), name
    assert not compose.search("composer.yaml") and not compose.search("compose.json")
    assert k8s.search("deploy/peer.yaml") and not k8s.search("peer.yaml")


@pytest.mark.parametrize(("name", "verb"), [("inspector-compose", "compose"), ("inspector-k8s", "kubernetes")])
def test_hooks_judge_each_file_by_itself(tmp_path: Path, name: str, verb: str) -> None:
    archive = f"docker-archive:{parts.PEER}"
    (tmp_path / "bad.yaml").write_text("{")
    sample = parts.ROOT / "samples" / verb / "peer.yaml"
    # The command that pre-commit runs is the hook's entry, split as a shell splits it, and the names of the files.
    command = shlex.split(hooks()[name]["entry"])
    env = {**os.environ, "PATH": PATH, "INSPECTOR_IMAGE": f"samples/peer-static-glibc:1={archive}"}
    good = subprocess.run([*command, str(sample)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert good.returncode in {1, 3, 4} and "peer" in good.stdout + good.stderr
    both = subprocess.run([*command, "bad.yaml", str(sample)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert "bad.yaml:1" in both.stderr and good.stdout in both.stdout
    none = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert none.returncode == 0
