"""``inspector compose``, and the flags that it shares with ``inspector k8s``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.flags import Command, add_flags, engine_flag
from inspector.cli.options import image_options, output_options
from inspector.escaping import printable
from inspector.facts import Start, Target, Workload

if TYPE_CHECKING:
    from inspector.environments.docker import Engine
    from inspector.environments.hosts import Host
    from inspector.judging import Wishes
    from inspector.rollouts import Collect


def host_options(command: Command) -> Command:
    """Add the flags that say on which hosts it will run, and what is known besides the manifest."""
    options = (
        click.option("--host", "hosts", multiple=True, metavar="PRESET", help="plain, ubuntu or alibaba."),
        click.option("--host-resolv-conf", type=click.Path(path_type=Path), help="The host's /etc/resolv.conf."),
        click.option("--image", "images", multiple=True, metavar="NAME=REF", help="Read REF for the image NAME."),
        click.option("--name", "names", multiple=True, metavar="HOST", help="A host name that is looked up."),
        click.option("--call", "calls", multiple=True, metavar="CALL", help="A call they make, as for scan."),
    )  # fmt: skip
    return add_flags(command, *options)


def project_options(command: Command) -> Command:
    """Add the flags that say which project Compose files are, and which engine starts it."""
    options = (
        click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Variables, in the place of .env."),
        click.option(
            "--project-directory", type=click.Path(path_type=Path), help="In the place of the first file's directory."
        ),
        engine_flag("Major version of the Docker engine."),
        click.option("--daemon-json", type=click.Path(path_type=Path), help="The engine's daemon.json: dns, dns-opts."),
    )
    return add_flags(command, *options)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--profile", "profiles", multiple=True, metavar="NAME", help="Profile whose services are started; * is all."
)
@project_options
@host_options
@image_options
@output_options
@click.pass_context
def compose(ctx: click.Context, /, files: tuple[str, ...], **flags: Any) -> None:
    """Judge every service of Compose files where it will run.

    Several FILEs are merged as Docker Compose merges them; '-' is standard input. Images come from the engine or a
    registry; of Fabric's own images that cannot be had, the facts are inferred from name and tag.
    """
    from inspector.environments.compose import load_project, workloads_of

    hosts = chosen_hosts(flags)
    project = load_project(
        files, variables=dict(os.environ), env_files=flags["env_files"], directory=flags["project_directory"]
    )
    for name, place in list(project.unset.items())[:20]:
        click.echo(f"inspector: {place}: the variable {name} is not set: taken as empty", err=True)
    profiles = flags["profiles"] or tuple(filter(None, os.environ.get("COMPOSE_PROFILES", "").split(",")))
    services = project.active(profiles)
    idle = len(project.services) - len(services)
    if idle:
        click.echo(f"inspector: {idle} services of other profiles are not judged (--profile)", err=True)
    for service in services:
        if service.replicas is not None and service.replicas.text == "0":
            text = f"{service.replicas.place}: {printable(service.name)} has no replicas: judged as if it had one"
            click.echo(f"inspector: {text}", err=True)
    workloads = workloads_of(project, services, hosts, chosen_engine(flags))
    ctx.exit(deliver_workloads(workloads, flags))


def chosen_hosts(flags: dict[str, Any]) -> tuple[Host, ...]:
    """Return the hosts that flags name; all presets where they name none."""
    from inspector.cli.options import read_context_file
    from inspector.environments.hosts import HOSTS, host_named, host_of

    given = read_context_file(flags["host_resolv_conf"])
    chosen = tuple(host_named(name) for name in dict.fromkeys(flags["hosts"]))
    if given is not None:
        chosen += (host_of(given.text or "", f"the host of {given.origin}"),)
    return chosen or HOSTS


def chosen_engine(flags: dict[str, Any]) -> Engine:
    """Return the engine that the flags of ``project_options`` describe.

    Raises:
        UsageError: if its daemon.json cannot be read or is none.
    """
    from inspector.environments.docker import Engine, daemon_defaults
    from inspector.environments.documents import read_text

    path = flags["daemon_json"]
    if path is None:
        return Engine(major=flags["engine"])
    return Engine(major=flags["engine"], defaults=daemon_defaults(read_text(str(path)), str(path)))


def deliver_workloads(workloads: Iterable[Workload], flags: dict[str, Any]) -> int:
    """Judge workloads, print the report and return the exit code."""
    from inspector.cli.delivery import deliver
    from inspector.cli.gate import open_gate
    from inspector.policy import waiver_for
    from inspector.rollouts import judge_workloads, unmatched

    gate = open_gate(flags)
    chosen = list(workloads)
    for line in unmatched(elsewhere_of(flags), chosen):
        click.echo(f"inspector: {line}", err=True)
    waivers = [waiver_for(text, workload.name) for workload in chosen for text in workload.waivers]
    report = judge_workloads(chosen, reader_of(flags), wishes_of(flags), elsewhere=elsewhere_of(flags))
    report = gate.mark(report, more=waivers)
    deliver(report, flags)
    if report.targets and all(target.status == "failed" for target in report.targets):
        return 3
    return gate.exit_code(report, ())


def reader_of(flags: dict[str, Any]) -> Collect:
    """Return the function that reads an image by the flags of ``image_options``."""
    from inspector.cli.options import scan_options
    from inspector.cli.progress import progress_bar
    from inspector.scanning import collect_started, store_of

    given = set(elsewhere_of(flags).values())
    store = click.get_current_context().with_resource(store_of(scan_options(flags)))

    def read(reference: str, platform: str | None, starts: Sequence[Start]) -> Iterable[tuple[Start, Target]]:
        wanted = flags if platform is None else {**flags, "platform": platform, "all_platforms": False}
        options = scan_options(wanted, names_only=reference not in given)
        with progress_bar(wanted=not flags.get("quiet") and sys.stderr.isatty()) as progress:
            return collect_started(reference, starts, options=options, progress=progress, store=store)

    return read


def elsewhere_of(flags: dict[str, Any]) -> dict[str, str]:
    """Return image → reference to read in its place, as ``--image`` says.

    Raises:
        click.UsageError: for what is not NAME=REF.
    """
    found = {}
    for image in flags["images"]:
        name, equals, reference = image.partition("=")
        if not equals or not name or not reference:
            raise click.UsageError(f"--image '{image}': give NAME=REF")
        found[name] = reference
    return found


def wishes_of(flags: dict[str, Any]) -> Wishes:
    """Return the names and calls that flags give.

    Raises:
        click.UsageError: for a call that there is not.
    """
    from typing import get_args

    from inspector.facts import Call
    from inspector.judging import Wishes

    for call in flags["calls"]:
        if call not in get_args(Call):
            raise click.UsageError(f"--call '{call}': there are {', '.join(get_args(Call))}")
    return Wishes(names=tuple(flags["names"]), calls=tuple(flags["calls"]))
