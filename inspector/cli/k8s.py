"""``inspector k8s``."""

from __future__ import annotations

from typing import Any

import click

from inspector.cli.compose import chosen_hosts, deliver_workloads, host_options
from inspector.cli.options import image_options, output_options


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
@host_options
@image_options
@output_options
@click.pass_context
def k8s(ctx: click.Context, /, files: tuple[str, ...], **flags: Any) -> None:
    """Judge every container of Kubernetes manifests where it will run.

    FILE is YAML or JSON, several documents and lists too; '-' is standard input: helm template … | inspector k8s -.
    --host and --host-resolv-conf speak of the nodes.
    """
    from inspector.environments.kubernetes import workloads_of
    from inspector.environments.manifests import load_manifests

    hosts = chosen_hosts(flags)
    workloads = workloads_of(load_manifests(files), hosts)
    if not workloads:
        click.echo("inspector: no pod and no template of one in the manifests", err=True)
    ctx.exit(deliver_workloads(workloads, flags))
