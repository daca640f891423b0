"""``inspector chaincode``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.options import (
    chosen_environments,
    context_options,
    image_options,
    output_options,
    read_context_file,
    variables_of,
    wishes,
)
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.fabric import CoreSettings
    from inspector.facts import Environment, Target

_NAME = "peer0.org1.example.com"
"""What chaincode looks up first: the peer that it belongs to (CORE_PEER_ADDRESS)."""


@click.command(context_settings={"show_default": False})
@click.option("--ccenv", metavar="REF", help="The builder's image; else core.yaml's chaincode.builder.")
@click.option("--baseos", metavar="REF", help="The runtime's image; else core.yaml's chaincode.golang.runtime.")
@click.option("--fabric", metavar="VERSION", help="The peer's version, which the images of core.yaml are named by.")
@click.option("--core-yaml", type=click.Path(path_type=Path), help="The peer's core.yaml.")
@click.option("--peer-env", "peer_variables", multiple=True, metavar="NAME=VALUE", help="A variable of the peer's.")
@click.option("--go", "go", metavar="RELEASE", help="The Go that builds it, if it is not ccenv's own.")
@image_options
@context_options
@output_options
@click.pass_context
def chaincode(ctx: click.Context, /, ccenv: str | None, baseos: str | None, **flags: Any) -> None:
    """Judge the Go chaincode image that a Fabric peer would build, before it exists.

    Go and the C library come from the ccenv image, the root filesystem from the baseos image; the peer links statically
    unless dynamicLink is true in its core.yaml, or CORE_CHAINCODE_GOLANG_DYNAMICLINK in its environment. REF is as in
    'inspector scan'.
    """
    from inspector.cli.delivery import deliver
    from inspector.cli.gate import open_gate
    from inspector.fabric import chaincode_target
    from inspector.judging import as_inferred, judge_target
    from inspector.scanning import report_of

    if flags["paths"]:
        raise click.UsageError("--path has no meaning here: the image to be holds one program")
    gate = open_gate(flags)
    settings = _settings(flags)
    release = _release(flags["go"])
    known = wishes(flags)
    known = replace(known, names=known.names or (_NAME,))
    environments = _environments(settings, flags)
    ccenv = ccenv or _image(settings.builder, "--ccenv", "chaincode.builder", flags)
    baseos = baseos or _image(settings.runtime, "--baseos", "chaincode.golang.runtime", flags)
    builder, errors = _collect(ccenv, flags)
    runtime, more = _collect(baseos, flags)
    errors += more
    targets = []
    if builder is not None and runtime is not None:
        target = chaincode_target(builder, runtime, settings, go=release, calls=known.calls)
        targets.append(as_inferred(judge_target(target, environments, known)))
    report = gate.mark(report_of(targets))
    deliver(report, flags)
    ctx.exit(gate.exit_code(report, errors))


def _image(template: str | None, flag: str, setting: str, flags: dict[str, Any]) -> str:
    """Return the image that the peer's configuration names.

    Raises:
        click.UsageError: if it names none.
        UsageError: if the name cannot be expanded.
    """
    from inspector.fabric import image_named

    if template is None:
        raise click.UsageError(f"give {flag}, or a --core-yaml that has {setting}")
    platform = (flags.get("platform") or "").split("/")
    architecture = platform[1] if len(platform) > 1 else "amd64"
    return image_named(template, version=flags["fabric"], architecture=architecture)


def _environments(settings: CoreSettings, flags: dict[str, Any]) -> Sequence[Environment] | None:
    """Return the environments to judge in: those named, else, where chaincode is on the host's network, every host's.

    With a resolv.conf of the caller's there is no other.
    """
    chosen = chosen_environments(flags)
    if chosen is not None or settings.network_mode != "host" or flags["resolv_conf"] is not None:
        return chosen
    from inspector.environments.docker import Engine
    from inspector.environments.hosts import HOSTS
    from inspector.environments.presets import docker_on

    return [docker_on("host", host, Engine()) for host in HOSTS]


def _collect(reference: str, flags: dict[str, Any]) -> tuple[Target | None, list[InspectorError]]:
    """Return the facts of one image for one platform."""
    from inspector.cli.scan import collect_all
    from inspector.errors import UsageError

    targets, errors = collect_all((reference,), {**flags, "paths": ()})
    if len(targets) > 1:
        raise UsageError(f"{reference} stands for {len(targets)} images", advice="take one by --platform")
    return (targets[0] if targets else None), errors


def _settings(flags: dict[str, Any]) -> CoreSettings:
    """Return what core.yaml and the peer's variables say.

    Raises:
        UsageError: if they cannot be read or understood.
    """
    from inspector.fabric import CoreSettings, read_core_yaml, with_peer_environment

    file = read_context_file(flags["core_yaml"])
    settings = CoreSettings() if file is None else read_core_yaml(file.text or "", str(flags["core_yaml"]))
    return with_peer_environment(settings, variables_of(flags["peer_variables"], "--peer-env"))


def _release(text: str | None) -> str | None:
    """Return a Go release as facts have it: ``1.26.4``.

    Raises:
        UsageError: if it is none.
    """
    if text is None:
        return None
    from inspector.errors import UsageError
    from inspector.resolver import minor_of

    release = text.removeprefix("go")
    try:
        minor_of(release)
    except InspectorError as error:
        raise UsageError(f"--go: {error}") from None
    return release
