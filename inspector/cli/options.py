"""Flags that several verbs share, and what they mean as data."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inspector.cli.flags import Command, add_flags, engine_flag
from inspector.cli.gate import policy_options
from inspector.cli.pairs import format_options
from inspector.cli.reading import read_whole
from inspector.escaping import printable
from inspector.facts import Call, ContextFile

if TYPE_CHECKING:
    from inspector.facts import Environment, Snapshot
    from inspector.judging import Wishes
    from inspector.scanning import ScanOptions

_MAX_CONTEXT_FILE = 16 * 1024 * 1024
_OF_HOST = {"docker-bridge": "bridge", "docker-network": "network"}
"""Presets that are made of a given host's resolv.conf, by the network that they stand for."""


class _Seconds(click.FloatRange):
    """A time to wait: click lets nan through, which lies in no range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if seconds != seconds:  # noqa: PLR0124  # so is nan alone
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


SECONDS = _Seconds(min=0.1, max=86_400)
"""A day: longer than any answer takes, and short enough for every system's clock."""


def image_options(command: Command) -> Command:
    """Add the flags that say how to reach an image."""
    return add_flags(
        command,
        click.option(
            "--from", "source", metavar="SOURCE", help="Read from this source only: docker, podman, registry."
        ),
        click.option("--platform", metavar="OS/ARCH[/VARIANT]", help="Platform to take.  [default: linux/amd64]"),
        click.option("--all-platforms", is_flag=True, help="Take every platform of an index."),
        click.option("--path", "paths", multiple=True, metavar="PATH", help="Look at this path of the image only."),
        click.option("--layers", is_flag=True, help="From an engine: read layer by layer (slower, names layers)."),
        click.option("--hash", "hash_binaries", is_flag=True, help="Give the sha256 of each binary."),
        click.option(
            "--witness",
            is_flag=True,
            help="Have pyelftools and lief read each program too; where they differ it is unknown.",
        ),
        click.option("--offline", is_flag=True, help="Never use the network."),
        click.option("--insecure", is_flag=True, help="Allow plain HTTP to any registry."),
        click.option("--ca-cert", type=click.Path(path_type=Path), help="CA certificates to trust, PEM."),
        click.option("--timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds."),
        click.option("--cache-dir", type=click.Path(path_type=Path, file_okay=False), help="Where facts are kept."),
        click.option("--store", metavar="URL|FILE", help="The store of facts: postgresql://… or a file of SQLite's."),
        click.option("--no-cache", is_flag=True, help="Neither use stored facts nor store any."),
    )


def context_options(command: Command) -> Command:
    """Add the flags that say where it will run."""
    return add_flags(
        command,
        click.option(
            "--environment",
            "-e",
            "environments",
            multiple=True,
            metavar="NAME",
            help="Judge there: a preset, host, container:NAME, or a snapshot's file.",
        ),
        click.option(
            "--host-resolv-conf",
            type=click.Path(path_type=Path),
            help="The resolv.conf of the host, for -e host, docker-bridge and docker-network.",
        ),
        engine_flag("Major version of the Docker engine on that host."),
        click.option("--resolv-conf", type=click.Path(path_type=Path), help="The resolv.conf it will see."),
        click.option("--nsswitch", type=click.Path(path_type=Path), help="The nsswitch.conf it will see."),
        click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable it will see."),
        click.option("--name", "names", multiple=True, metavar="HOST", help="A host name it will look up."),
        click.option("--call", "calls", multiple=True, type=click.Choice(get_args(Call)), help="A call it makes."),
    )


def output_options(command: Command) -> Command:
    """Add the flags that say what to print, where, and with which exit code."""
    return add_flags(
        command,
        format_options(),
        policy_options,
        click.option("--quiet", "-q", is_flag=True, help="Print the result only."),
        click.option("--verbose", "-v", is_flag=True, help="Show every reason, piece of evidence and remedy."),
    )


def scan_options(flags: dict[str, Any], *, names_only: bool = False) -> ScanOptions:
    """Turn the flags of ``image_options`` into options of a scan; ``names_only``: plain words are never paths."""
    hear_warnings(quiet=bool(flags.get("quiet")))
    from inspector.scanning import ScanOptions
    from inspector.sources import SourceOptions

    source = SourceOptions(
        platform=flags["platform"],
        all_platforms=flags["all_platforms"],
        source=flags["source"],
        offline=flags["offline"],
        insecure=flags["insecure"],
        ca_cert=flags["ca_cert"],
        layers=flags["layers"],
        timeout=flags["timeout"],
        names_only=names_only,
    )
    return ScanOptions(
        source=source,
        store=flags["store"],
        cache_dir=flags["cache_dir"],
        use_cache=not flags["no_cache"],
        hash_binaries=flags["hash_binaries"],
        witness=flags["witness"],
        paths=tuple(flags["paths"]),
    )


def hear_warnings(*, quiet: bool) -> None:
    """Tell on stderr, as all is told there, what the library warns of; nothing of it with ``--quiet``."""
    import logging

    class Told(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return f"inspector: {printable(record.getMessage(), limit=2000)}"

    log = logging.getLogger("inspector")
    handler = logging.StreamHandler()
    handler.setFormatter(Told())
    log.handlers = [handler]
    log.setLevel(logging.ERROR if quiet else logging.WARNING)


def wishes(flags: dict[str, Any]) -> Wishes:
    """Turn the flags of ``context_options`` into what outranks environment and image.

    Raises:
        click.UsageError: if a file cannot be read or a variable is not ``NAME=VALUE``.
    """
    from inspector.judging import Wishes

    env = variables_of(flags["variables"], "--env")
    return Wishes(
        resolv_conf=read_context_file(flags["resolv_conf"]),
        nsswitch_conf=read_context_file(flags["nsswitch"]),
        env=env,
        names=tuple(flags["names"]),
        calls=tuple(flags["calls"]),
    )


def variables_of(given: tuple[str, ...], option: str) -> dict[str, str]:
    """Turn ``NAME=VALUE`` words of an option into variables.

    Raises:
        click.UsageError: if one is not of that form.
    """
    env: dict[str, str] = {}
    for variable in given:
        name, equals, value = variable.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} '{variable}': give NAME=VALUE")
        env[name] = value
    return env


def read_context_file(path: Path | None) -> ContextFile | None:
    """Read a file of the process's context from this machine.

    Raises:
        click.UsageError: if it cannot be read.
    """
    if path is None:
        return None
    return ContextFile(text=read_whole(path, _MAX_CONTEXT_FILE), origin=str(path))


def chosen_environments(flags: dict[str, Any]) -> tuple[Environment, ...] | None:
    """Return the environments named by ``--environment``, or None where none was named.

    Raises:
        InspectorError: if there is none of a name, or a container or file cannot be read.
    """
    names = list(dict.fromkeys(flags["environments"]))
    if flags.get("host_resolv_conf") is not None and not {"host", *_OF_HOST} & set(names):
        names.append("host")
    return tuple(environment_named(name, flags) for name in names) if names else None


def environment_named(name: str, flags: dict[str, Any]) -> Environment:
    """Return a preset, this host, a container, or what a snapshot's file has.

    Raises:
        InspectorError: if there is none of that name, or it cannot be read.
    """
    from inspector.environments import environment_of, preset

    if name == "host" or name.startswith("container:"):
        return environment_of(taken_snapshot(name, flags), name=name)
    if "/" in name or name.endswith(".json"):
        from inspector.cli.snapshot import read_snapshot

        return environment_of(read_snapshot(Path(name)))
    if name in _OF_HOST and flags.get("host_resolv_conf") is not None:
        from inspector.environments.docker import Engine
        from inspector.environments.hosts import host_of
        from inspector.environments.presets import docker_on

        given = read_context_file(flags["host_resolv_conf"])
        text, origin = (given.text or "", given.origin) if given else ("", None)
        return docker_on(_OF_HOST[name], host_of(text, f"the host of {origin}"), Engine(major=flags.get("engine", 28)))
    return preset(name)


def taken_snapshot(name: str, flags: dict[str, Any]) -> Snapshot:
    """Return what is seen on this host (``host``) or in a container (``container:NAME``).

    Raises:
        InspectorError: if the engine does not answer or has no such container, or if the name is neither.
    """
    from inspector.environments import host_snapshot
    from inspector.references import parse

    if name == "host":
        taken = host_snapshot()
        given = read_context_file(flags.get("host_resolv_conf"))
        return taken if given is None else replace(taken, files={**taken.files, "resolv.conf": given})
    reference = parse(name)
    if reference.scheme != "container":
        raise click.UsageError(f"'{name}' is neither 'host' nor container:NAME")
    # A verb that reads no image has no flags that say how: an engine is found as ever.
    from inspector.sources import SourceOptions
    from inspector.sources.engine.running import container_snapshot

    return container_snapshot(reference.rest, scan_options(flags).source if "platform" in flags else SourceOptions())


def terminal_width() -> int:
    """Columns to use: the terminal's, within reason; 100 where there is no terminal."""
    if not sys.stdout.isatty():
        return 100
    return max(60, min(os.get_terminal_size(sys.stdout.fileno()).columns, 140))


def wants_colour(*, to_file: bool) -> bool:
    """Whether to colour: NO_COLOR and FORCE_COLOR first (no-color.org), then whether stdout is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return not to_file and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
