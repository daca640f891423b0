"""The command line: one module a verb. The only place that exits or owns a console."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import click

from inspector import __version__
from inspector.errors import InspectorError
from inspector.escaping import printable

_VERBS = {
    "scan": "Scan images and say whether their binaries would crash, and why.",
    "batch": "Scan whole registries: every image, each layer once.",
    "chaincode": "Judge the Go chaincode image that a Fabric peer would build.",
    "facts": "Print what an image holds, as JSON, without judging it.",
    "judge": "Judge stored facts again, without the image.",
    "convert": "Render a saved report in other formats, without scanning.",
    "resolve": "Say which resolver a Go binary takes, and why.",
    "compose": "Judge every service of Compose files where it will run.",
    "k8s": "Judge every container of Kubernetes manifests where it will run.",
    "fix": "Write the smallest remedy into Compose files and Kubernetes manifests.",
    "containers": "Judge every running container where it runs.",
    "snapshot": "Write what processes see on this host or in a container to a file.",
    "compare": "Compare two places: what differs, who reads it, which binaries come out otherwise.",
    "explain": "Say whether a crash in a log is that of a static glibc in NSS, and what stops it.",
    "rules": "List the rules.",
    "rule": "Print a rule's page: what it says, when it fires, what helps, and its sources.",
    "query": "List stored images by Go release, linkage, libc, exposure, Fabric line or verdict.",
    "cache": "Look after the store of facts: info, prune, verify.",
    "config": "Show every setting and where it is from.",
    "completion": "Print the script that completes commands in bash, zsh or fish.",
    "version": "Print the versions of the tool, its facts and its report schema.",
}

_GARBAGE = 50_000
"""Objects made until cycles among them are looked for: by the usual 700 a scan's start alone would have them looked for
a hundred times, and find none."""
_TURN = 0.0005
"""Seconds until a thread that computes lets another one go on: those that hash and inflate ask for a moment only."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
INTERRUPTED = 130
READER_GONE = 141
"""What a shell tells of a program that SIGPIPE ended."""


class _ReaderGone(Exception):
    """Nobody reads any more what is written."""


@contextmanager
def _reader_may_go() -> Iterator[None]:
    """Turn the error of a pipe without a reader into our own: click ends with 1, which stands for findings."""
    try:
        yield
    except BrokenPipeError:
        raise _ReaderGone from None


class _Verbs(click.Group):
    """A group that imports a verb's module when the verb is used, so that ``--help`` starts fast."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _reader_may_go():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with _reader_may_go():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _VERBS:
            return None
        command = getattr(import_module(f"inspector.cli.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _VERBS, 1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(_VERBS)}"
            ctx.fail(f"no such command '{printable(args[0], limit=40)}'{hint}")
        name, command, rest = super().resolve_command(ctx, args)
        # Help and completion must work whatever is in the files of the directory.
        if name and command and not ctx.resilient_parsing and not {"-h", "--help"} & {*rest}:
            from inspector.cli.configuration import default_map

            given = ctx.params
            ctx.default_map = {
                name: default_map(name, command, file=given.get("config_file"), files=not given.get("no_config"))
            }
        return name, command, rest


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="inspector", message="%(prog)s %(version)s")
@click.option("--config", "config_file", type=click.Path(path_type=Path), envvar="INSPECTOR_CONFIG", metavar="FILE",
              help="Read settings from this file in the place of all others.")  # fmt: skip
@click.option("--no-config", is_flag=True, envvar="INSPECTOR_NO_CONFIG", help="Read settings from no file.")
def inspector(**_flags: object) -> None:
    """Look into container images before the rollout.

    Says whether a binary in an image will crash in a given environment, why, and what is the smallest change that
    stops it.

    \N{BACKSPACE}
    Exit codes: 0 nothing at or above --fail-on, 1 findings at or above it, 2 usage, 3 no target found or
    reached, 4 incomplete or unknown, 130 interrupted.
    """


class _Terminated(BaseException):
    """SIGTERM or SIGHUP came: everything is unwound (a container removed, a cursor shown again) before it counts."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the documented code; never show a traceback."""
    _open_closed_streams()
    gc.set_threshold(_GARBAGE)
    sys.setswitchinterval(_TURN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)
    try:
        try:
            code = _run(arguments)
        except (_ReaderGone, BrokenPipeError):
            code = _end_quietly()
        gc.freeze()  # what ends with the process needs no search for cycles first
        sys.exit(code)
    except _Terminated as ended:
        number = ended.args[0]
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _open_closed_streams() -> None:
    """Put nothing where a caller closed a standard stream (``>&-``): what is opened next would else be taken for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - for as long as the process lasts


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise _Terminated(number)


def _run(arguments: list[str] | None) -> int:
    """Run a verb and return its exit code."""
    try:
        code = inspector.main(args=arguments, prog_name="inspector", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.ctx.get_help() if shown.ctx else str(shown))
        code = 2
    except click.ClickException as error:
        code = _fail(f"{error.format_message()}", 2)
    except (click.Abort, KeyboardInterrupt):
        code = _fail("interrupted", INTERRUPTED)
    except InspectorError as error:
        code = fail_with(error)
    except _ReaderGone:
        raise
    except Exception as error:  # the last line of defence: one line instead of a traceback
        if os.environ.get("INSPECTOR_DEBUG"):
            raise
        code = _fail_unforeseen(error)
    return code if isinstance(code, int) else 0


def _fail_unforeseen(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _FULL:
        _drop_output(sys.stdout)
        return _fail(f"cannot write: {error.strerror}", 2)
    return _fail(f"internal error: {type(error).__name__}: {error} (set INSPECTOR_DEBUG=1 to see where)", 4)


def _end_quietly() -> int:
    """Let what is not written yet go nowhere, and return the exit code."""
    _drop_output(sys.stdout, sys.stderr)
    return READER_GONE


def _drop_output(*streams: TextIO) -> None:
    """Let what is not written yet to these go nowhere: Python would complain of it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


def fail_with(error: InspectorError) -> int:
    """Print one line for an error on stderr and return its exit code."""
    return _fail(error.line, error.exit_code)


def _fail(message: str, code: int) -> int:
    click.echo(f"inspector: {printable(message, limit=2000)}", err=True)
    return code
