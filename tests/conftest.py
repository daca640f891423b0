"""What the whole suite shares: parts of the machine that a test needs, and hypothesis profiles."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

import postgres

STRICT = os.environ.get("INSPECTOR_TESTS_STRICT") == "1"

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@functools.cache
def _may_mount() -> bool:
    command = ["unshare", "--mount", "--propagation", "unchanged", "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def is_there(part: str) -> bool:
    """Whether this machine has a part: a program by name, ``root``, who may mount and make namespaces, or ``postgresql``."""
    if part == "root":
        return _may_mount()
    if part == "postgresql":
        return postgres.is_there()
    return shutil.which(part, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose part is missing, by name; in CI that is a failure."""
    missing = [part for marker in item.iter_markers("needs") for part in marker.args if not is_there(part)]
    if missing:
        text = f"this machine lacks {', '.join(missing)}"
        if STRICT:
            pytest.fail(text)
        pytest.skip(text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI nothing may be skipped, whatever skips it; the reasons stand above."""
    skipped = terminalreporter.stats.get("skipped", [])
    if STRICT and skipped and not hasattr(terminalreporter.config, "workerinput"):
        terminalreporter.write_line(
            f"{len(skipped)} tests were skipped, which INSPECTOR_TESTS_STRICT forbids", red=True
        )
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache, credentials or settings."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("DOCKER_CONFIG", str(home / "docker"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of the tests' own; the test asks for it by ``needs("postgresql")`` too."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be made, as ``--store`` takes it: in a file, and in a database."""
    if request.param == "sqlite":
        return str(tmp_path / "facts.sqlite")
    running: postgres.Cluster = request.getfixturevalue("cluster")
    return running.database()
