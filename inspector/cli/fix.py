"""``inspector fix``."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.compose import (
    chosen_engine,
    chosen_hosts,
    elsewhere_of,
    host_options,
    project_options,
    reader_of,
    wishes_of,
)
from inspector.cli.options import image_options
from inspector.errors import TargetDamaged
from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.repairs import Plan


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--diff/--write", "shows", default=True, help="Show the change, or make it.  [default: --diff]")
@click.option("--latent", is_flag=True, help="Also where it is safe today and one change away from a crash.")
@click.option("--allow-incomplete", is_flag=True, help="Do not exit with 4 for what could not be told.")
@click.option("--quiet", "-q", is_flag=True, help="Print the diff only.")
@project_options
@host_options
@image_options
@click.pass_context
def fix(ctx: click.Context, /, files: tuple[str, ...], **flags: Any) -> None:
    """Write GODEBUG=netdns=go into Compose files and Kubernetes manifests, wherever it cures.

    FILE is one or more Compose files of one project, or manifests; '-' is standard input. Only the lines that change
    are touched. What GODEBUG cannot cure is told on stderr.

    \b
    Exit codes: 0 nothing to do or all done, 1 a change is shown or something is left that crashes, 4 something
    could not be told.
    """  # noqa: D301
    from inspector.environments.documents import kind_of, read_text
    from inspector.repairs import plan_compose, plan_kubernetes

    if "-" in files and not flags["shows"]:
        raise click.UsageError("--write needs a file: standard input cannot be written to")
    texts = {file: read_text(file) for file in dict.fromkeys(files)}
    kinds = {kind_of(text, "standard input" if file == "-" else file) for file, text in texts.items()}
    kinds.discard(None)
    if not kinds:
        raise TargetDamaged(f"{printable(files[0])} is empty: there is no manifest in it")
    if len(kinds) > 1:
        raise click.UsageError("give Compose files or Kubernetes manifests, not both at once")
    common: dict[str, Any] = {"elsewhere": elsewhere_of(flags), "wishes": wishes_of(flags), "latent": flags["latent"]}
    if kinds == {"compose"}:
        common |= {
            "env_files": flags["env_files"],
            "directory": flags["project_directory"],
            "engine": chosen_engine(flags),
        }
        plan = plan_compose(texts, chosen_hosts(flags), reader_of(flags), variables=dict(os.environ), **common)
    else:
        plan = plan_kubernetes(texts, chosen_hosts(flags), reader_of(flags), **common)
    _deliver(plan, flags)
    ctx.exit(_code(plan, flags))


def _deliver(plan: Plan, flags: dict[str, Any]) -> None:
    from inspector.repairs import diff

    for file, (before, after) in plan.texts.items():
        if flags["shows"]:
            mark = "" if file == "-" else _mark_of(Path(file))
            sys.stdout.write(diff("stdin" if file == "-" else _relative(file), mark + before, mark + after))
        else:
            _write(Path(file), before, after)
    sys.stdout.flush()
    if flags["quiet"]:
        return
    for line in dict.fromkeys(plan.told):
        click.echo(line, err=True)
    word = "would get" if flags["shows"] else "got"
    names = f"{len(plan.changed)} {'service' if len(plan.changed) == 1 else 'services'}"
    nothing = "nothing was changed, but not everything could be told" if plan.left == "unknown" else "nothing to change"
    click.echo(f"{names} {word} GODEBUG=netdns=go" if plan.changed else nothing, err=True)


def _code(plan: Plan, flags: dict[str, Any]) -> int:
    if plan.left == "crash" or plan.pending or (flags["shows"] and plan.texts):
        return 1
    return 4 if plan.left == "unknown" and not flags["allow_incomplete"] else 0


def _relative(path: str) -> str:
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path.lstrip("/")


def _mark_of(path: Path) -> str:
    """Return the byte order mark that a file begins with, which the diff needs to be applied."""
    with path.open("rb") as file:
        return "\ufeff" if file.read(3) == b"\xef\xbb\xbf" else ""


def _write(path: Path, before: str, after: str) -> None:
    """Replace a file's text, whole or not at all, with its owner and mode kept.

    Raises:
        click.UsageError: if it cannot be written, or was changed meanwhile.
    """
    real = path.resolve()  # a link stays a link
    try:
        content = real.read_bytes()
        mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
        if content != mark + before.encode():
            raise click.UsageError(f"{path} was changed meanwhile: nothing is written")
        status = real.stat()
        descriptor, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(mark + after.encode())
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), status.st_mode & 0o7777)
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise click.UsageError(f"cannot write {path}: {error.strerror}") from None
