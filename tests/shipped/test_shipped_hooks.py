"""The hooks, installed and started by pre-commit itself, in a repository with a registry's images."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import parts
import pytest

pytestmark = pytest.mark.needs("git", "docker-registry", "skopeo")

BIN = Path(sys.executable).parent
SHIPPED = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


def git(directory: Path, *words: str) -> str:
    settings = (
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgsign=false",
    )
    return subprocess.run(
        ["git", "-C", str(directory), *settings, *words], check=True, capture_output=True, text=True
    ).stdout


class Repository:
    """Somebody's repository that uses the hooks; pre-commit's own environments are kept between runs."""

    def __init__(self, directory: Path, project: Path, home: Path) -> None:
        self.directory = directory
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("INSPECTOR_", "GIT_"))}
        self.env |= {"PRE_COMMIT_HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}
        directory.mkdir()
        git(directory, "init", "-q")
        self.write(
            ".pre-commit-config.yaml",
            f"repos:\n- repo: {project}\n  rev: {git(project, 'rev-parse', 'HEAD').strip()}\n"
            "  hooks:\n  - id: inspector-compose\n  - id: inspector-k8s\n    args: [--fail-on=latent, --host=ubuntu]\n",
        )

    def write(self, name: str, text: str) -> None:
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        git(self.directory, "add", "--", name)

    def run(self, hook: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "pre-commit"), "run", "--all-files", "--color=never", "--verbose", hook]
        return subprocess.run(command, cwd=self.directory, env=self.env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what of this one a hook's environment is made of."""
    directory = tmp_path_factory.mktemp("project")
    for name in SHIPPED:
        shutil.copy(parts.ROOT / name, directory)
    shutil.copytree(parts.ROOT / "inspector", directory / "inspector", ignore=shutil.ignore_patterns("__pycache__"))
    git(directory, "init", "-q")
    git(directory, "add", "--all")
    git(directory, "commit", "-q", "-m", "the project")
    return directory


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image that would crash, in a registry."""
    directory = tmp_path_factory.mktemp("registry")
    with parts.registry(directory) as registry:
        registry.push(f"docker-archive:{parts.plain_archive(directory)}", "fabric/peer:1")
        yield f"{registry.host}/fabric/peer:1"


@pytest.fixture
def repository(tmp_path: Path, project: Path, home: Path) -> Repository:
    return Repository(tmp_path / "repository", project, home)


def compose(image: str, godebug: str = "") -> str:
    return f"services:\n  peer0:\n    image: {image}\n    environment:\n      GODEBUG: '{godebug}'\n    command: [orderer.example.com]\n"


def test_a_compose_file_fails_until_it_is_cured_each_by_itself(repository: Repository, image: str) -> None:
    repository.write("net/docker-compose.yaml", compose(image))
    repository.write("compose-test.yml", compose(image, "netdns=go"))
    repository.write("composer.yaml", "{")
    repository.write("net/docker-compose.override.yaml", "{")
    failed = repository.run("inspector-compose")
    assert failed.returncode == 1, failed.stdout
    assert "Failed" in failed.stdout and "- exit code: 1" in failed.stdout
    assert failed.stdout.count("Verdict: ") == 2
    assert "net/docker-compose.yaml:2" in failed.stdout and "would crash" in failed.stdout
    repository.write("net/docker-compose.yaml", compose(image, "netdns=go"))
    passed = repository.run("inspector-compose")
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout
    repository.write(".inspector.toml", "fail-on = 'latent'\n")
    assert repository.run("inspector-compose").returncode == 1, "settings are the repository's"
    repository.write("compose-bad.yaml", "{")
    broken = repository.run("inspector-compose")
    assert broken.returncode == 1
    assert "compose-bad.yaml:1" in broken.stdout and broken.stdout.count("Verdict: ") == 2


def test_manifests_fail_and_pass_and_take_arguments(repository: Repository, image: str) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {{name: peer}}\nspec:\n  containers:\n  - {{name: peer, image: '{image}'{more}}}\n"
    repository.write("k8s/peer.yaml", pod.format(image=image, more=""))
    repository.write("peer.yaml", "{")
    repository.write("deploy/chart/templates/peer.yaml", "{{ if }}")
    repository.write("deploy/compose.yaml", compose(image))
    failed = repository.run("inspector-k8s")
    assert failed.returncode == 1, failed.stdout
    assert "k8s:Pod/peer/peer" in failed.stdout and "k8s/peer.yaml:" in failed.stdout
    cured = ", env: [{name: GODEBUG, value: netdns=go}]"
    repository.write("k8s/peer.yaml", pod.format(image=image, more=cured))
    latent = repository.run("inspector-k8s")
    assert latent.returncode == 1 and "no crash today" in latent.stdout, "the hook's arguments say what fails"
    repository.write("k8s/peer.yaml", pod.format(image=f"{image.rpartition('/')[0]}/absent:1", more=""))
    absent = repository.run("inspector-k8s")
    assert absent.returncode == 1 and "- exit code: 3" in absent.stdout
    repository.write("k8s/peer.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\n")
    assert "Passed" in repository.run("inspector-k8s").stdout
