"""The commands that the documents show are run, in a directory of their own, and end as the documents say.

A block of a page is run where its language is ``sh``: in a directory that has ``samples/``, one logical line after the
other; ``sh engine`` with a Docker engine that has images of the names that the pages use, a container
``peer0`` that has died and one ``peer1`` that runs. A
line ends with 0, or with 1 for findings, unless a comment in it says ``exit code N``. What needs a program or a cluster
that no test has is ``sh example``: there the arguments of ``inspector`` must be understood.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import parts
import pytest
import toolchains

from inspector.cli import inspector as program

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "images"
PAGES = sorted([ROOT / "README.md", ROOT / "samples" / "README.md", *(ROOT / "docs").glob("*.md")])
IMAGES = {
    "hyperledger/fabric-peer:1.4.3": "peer-static-glibc.tar.gz",
    "hyperledger/fabric-peer:2.5.3": "peer-dynamic.tar.gz",
    "hyperledger/fabric-orderer:1.4.3": "peer-static-glibc.tar.gz",
    "hyperledger/fabric-ca:1.4.2": "peer-static-glibc.tar.gz",
    "hyperledger/fabric-tools:x86_64-1.1.0": "peer-static-glibc.tar.gz",
    "hyperledger/fabric-baseos:2.5": "chaincode-old-glibc.tar.gz",
}
"""What stands for the images that the pages name."""


@dataclass(frozen=True)
class Block:
    """A block of commands in a page."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> list[str]:
        """Return its logical lines."""
        lines = self.text.replace("\\\n", " ").split("\n")
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks() -> Iterator[Block]:
    """Yield every block of commands."""
    for page in PAGES:
        text = page.read_text()
        for found in re.finditer(r"^```sh ?(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def run_lines(block: Block, directory: Path, **settings: str) -> None:
    """Run a block's lines in a directory with the samples."""
    shutil.copytree(ROOT / "samples", directory / "samples", dirs_exist_ok=True)
    home = directory / "home"
    env = parts.environment(
        PATH=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", HOME=str(home), **settings
    )
    for line in block.commands():
        done = subprocess.run(["sh", "-c", line], cwd=directory, env=env, capture_output=True, text=True, timeout=120)
        said = re.search(r"#.*\bexit code (\d+)", line)
        allowed = {int(said[1])} if said else {0, 1}
        assert done.returncode in allowed, f"{block}: {line}\n{done.stdout}\n{done.stderr}"
        assert "not found" not in done.stderr, f"{block}: {line}\n{done.stderr}"
        assert done.stdout or re.search(r"-o |--output |>", line), f"{block}: {line} printed nothing\n{done.stderr}"


@pytest.mark.parametrize("block", [block for block in blocks() if not block.kind], ids=str)
def test_commands_that_need_nothing(block: Block, tmp_path: Path) -> None:
    run_lines(block, tmp_path)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An engine with the images and the container that the pages name."""
    directory = tmp_path_factory.mktemp("engine")
    with parts.docker_engine(directory) as address:

        def docker(*arguments: str) -> str:
            done = parts.docker(address, *arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        loaded = {name: docker("load", "-i", str(SAMPLES / name)).split()[-1] for name in {*IMAGES.values()}}
        for tag, name in IMAGES.items():
            docker("tag", loaded[name], tag)
        (directory / "go" / "bin").mkdir(parents=True)
        shutil.copy(toolchains.go_root("1.21") / "bin" / "go", directory / "go" / "bin" / "go")
        docker("create", "--name", "ccenv", "hyperledger/fabric-baseos:2.5", "go")
        docker("cp", str(directory / "go"), "ccenv:/usr/local/")
        docker("commit", "ccenv", "hyperledger/fabric-ccenv:2.5")
        docker("rm", "ccenv")
        settings = ("--network", "none", "--dns-opt", "edns0")
        docker("run", "-d", "--name", "peer0", *settings, "hyperledger/fabric-peer:1.4.3", "orderer.example.com")
        program = directory / "pause"
        source = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"
        compile_c = ["gcc", "-static", "-x", "c", "-o", str(program), "-"]
        subprocess.run(compile_c, input=source, text=True, check=True)
        docker("create", "--name", "peer1", *settings, "--entrypoint", "/pause", "hyperledger/fabric-peer:1.4.3")
        docker("cp", str(program), "peer1:/pause")
        docker("start", "peer1")
        yield address


@pytest.mark.needs("root", "dockerd", "docker", "gcc")
@pytest.mark.parametrize("block", [block for block in blocks() if block.kind == "engine"], ids=str)
def test_commands_that_need_an_engine(block: Block, tmp_path: Path, engine: str) -> None:
    run_lines(block, tmp_path, DOCKER_HOST=engine)


def test_commands_that_cannot_be_run_here_are_understood() -> None:
    for block in blocks():
        for line in block.commands() if block.kind == "example" else ():
            for command in re.findall(r"(?:^|[\s(|])inspector ([^|;>&#)]*)", line):
                understand(shlex.split(command), f"{block}: {line}")


def understand(arguments: list[str], where: str) -> None:
    """Parse a command line as the program does, without running it."""
    group = click.Context(program, info_name="inspector")
    verb = program.get_command(group, arguments[0])
    assert verb is not None, where
    names = {name for parameter in verb.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = [argument.partition("=")[0] for argument in arguments[1:] if re.match(r"-\w|--\w", argument)]
    assert {*given} <= names, where


def test_blocks_are_of_a_known_kind() -> None:
    found = list(blocks())
    assert {block.kind for block in found} <= {"", "engine", "example"}
    assert sum(1 for block in found if block.kind != "example") > 15
