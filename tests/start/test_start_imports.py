"""What a start imports: heavy modules are left to those who use them. No clock: a slow machine proves nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = frozenset({
    "asyncio", "backports", "docker", "elftools", "http", "isal", "jsonschema", "lief", "msgspec", "requests", "rich", "ruamel",
    "sqlite3", "ssl", "urllib3",
})  # fmt: skip
RESOLVE = (
    "resolve", "--go", "1.15", "--resolv-conf", "samples/resolv.conf/ubuntu.conf", "--name", "peer0.example.com",
)  # fmt: skip


def imported(*arguments: str) -> frozenset[str]:
    """Return the modules that a run of the command imports."""
    script = (
        "import sys\n"
        "from inspector.cli import main\n"
        f"try: main({list(arguments)!r})\n"
        "except SystemExit as done: assert done.code in (0, 1, None), done.code\n"
        "print('\\n' + 'MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return frozenset(done.stdout.rpartition("MODULES ")[2].split())


def rooms(modules: frozenset[str]) -> set[str]:
    return {name.split(".")[1] for name in modules if name.startswith("inspector.")}


@pytest.mark.parametrize("arguments", [("--help",), ("version",), RESOLVE])
def test_a_start_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not {name.partition(".")[0] for name in imported(*arguments)} & HEAVY


def test_help_imports_none_of_the_rooms() -> None:
    assert rooms(imported("--help")) == {"cli", "errors", "escaping"}


def test_resolve_imports_the_resolver_and_how_to_print_alone() -> None:
    assert rooms(imported(*RESOLVE)) == {"cli", "errors", "escaping", "facts", "records", "reports", "resolver"}


def test_resolve_makes_the_nouns_of_a_decision_alone() -> None:
    nouns = {name.split(".")[2] for name in imported(*RESOLVE) if name.startswith("inspector.facts.")}
    assert nouns == {"change", "context", "decision"}


def test_a_scan_of_an_archive_imports_neither_engines_nor_networks() -> None:
    modules = {name.partition(".")[0] for name in imported("scan", "--no-cache", "samples/images/peer-netgo.tar")}
    assert not modules & {"docker", "elftools", "lief", "requests", "rich", "ssl", "urllib3"}
