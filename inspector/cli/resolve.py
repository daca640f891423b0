"""``inspector resolve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from inspector.cli.delivery import write
from inspector.cli.options import read_context_file, terminal_width, wants_colour
from inspector.facts import Call, ContextFile, ResolverBuild, ResolverContext

if TYPE_CHECKING:
    from inspector.facts import Decision, Flip
    from inspector.reports import TextStyle

_CALLS = tuple(call for call in get_args(Call) if call not in {"current", "user", "uid", "group", "groupids", "clib"})


@click.command()
@click.option("--go", "version", metavar="VERSION", help="Go release of the binary, as 1.15.")
@click.option("--name", default="peer0.example.com", show_default=True, help="What is looked up.")
@click.option("--call", type=click.Choice(_CALLS), default="host", show_default=True, help="How.")
@click.option("--no-cgo", is_flag=True, help="Built without cgo.")
@click.option("--tags", default="", metavar="TAG,...", help="Build tags (netgo, netcgo).")
@click.option("--default-godebug", metavar="TEXT", help="GODEBUG embedded by //go:debug.")
@click.option("--resolv-conf", type=click.Path(path_type=Path), help="The resolv.conf it sees; without: none.")
@click.option("--nsswitch", type=click.Path(path_type=Path), help="The nsswitch.conf it sees; without: none.")
@click.option("--mdns-allow", type=click.Path(path_type=Path), help="The mdns.allow it sees; without: none.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable it sees.")
@click.option("--hostname", default="container", show_default=True, help="The machine's own name.")
@click.option("--uid", type=click.IntRange(min=0), default=0, show_default=True, help="The user's number.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there.")
@click.option("--batch", metavar="FILE|-", help="Answer one JSON case a line instead.")
@click.option("--table", is_flag=True, help="Print what each Go release knows instead.")
@click.pass_context
def resolve(ctx: click.Context, /, **flags: Any) -> None:
    """Say which resolver a Go binary takes for a name, why, and what would change it."""
    if flags["batch"] is not None:
        from inspector.cli.json_lines import answer_lines
        from inspector.resolver.batch import answer

        ctx.exit(answer_lines(flags["batch"], answer, flags["output"]))
    if flags["table"]:
        write(_table(flags).encode(), flags["output"])
        return
    if not flags["version"]:
        raise click.UsageError("give the binary's Go release with --go, or use --batch or --table")
    from inspector.resolver import decide, flips

    _check_release(flags["version"])
    build, context = _build(flags), _context(flags)
    decision = decide(build, context, flags["name"], flags["call"])
    changes = flips(build, context, flags["name"], flags["call"])
    if flags["form"] == "json":
        write(_json(decision, changes), flags["output"])
    else:
        write(_text(decision, changes, context, flags).encode(), flags["output"])


def _check_release(version: str) -> None:
    """Say that no release of Go is meant, or none that chooses; in a line of ``--batch`` it is that line's error.

    Raises:
        click.UsageError: if it is none.
    """
    from inspector.resolver.versions import VersionUnknown, release_of

    try:
        release_of(version.removeprefix("go"))
    except VersionUnknown as error:
        raise click.UsageError(f"--go: {error}") from None


def _build(flags: dict[str, Any]) -> ResolverBuild:
    return ResolverBuild(
        version=flags["version"].removeprefix("go"),
        cgo=not flags["no_cgo"],
        tags=tuple(flags["tags"].replace(",", " ").split()),
        default_godebug=flags["default_godebug"],
    )


def _context(flags: dict[str, Any]) -> ResolverContext:
    env = {}
    for variable in flags["variables"]:
        name, equals, value = variable.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--env '{variable}': give NAME=VALUE")
        env[name] = value
    files = {
        "resolv.conf": read_context_file(flags["resolv_conf"]) or ContextFile(),
        "nsswitch.conf": read_context_file(flags["nsswitch"]) or ContextFile(),
        "mdns.allow": read_context_file(flags["mdns_allow"]) or ContextFile(),
    }
    return ResolverContext(files=files, env=env, uid=flags["uid"], system_hostname=flags["hostname"])


def _json(decision: Decision, changes: tuple[Flip, ...]) -> bytes:
    from inspector.reports.encoding import encode
    from inspector.resolver.batch import decision_of

    document = {**decision_of(decision), "flips": [{"change": flip.change, "until": flip.until} for flip in changes]}
    return encode(document)


def _style(flags: dict[str, Any]) -> TextStyle:
    from inspector.reports import TextStyle

    return TextStyle(width=terminal_width(), colour=wants_colour(to_file=flags["output"] is not None))


def _text(decision: Decision, changes: tuple[Flip, ...], context: ResolverContext, flags: dict[str, Any]) -> str:
    from inspector.reports.decision import render_decision

    question = f"Go {flags['version']}, {flags['call']}({flags['name']})"
    text = render_decision(question, decision, changes, context, _style(flags))
    names = (("resolv.conf", "resolv_conf"), ("nsswitch.conf", "nsswitch"))
    missing = [name for name, flag in names if not flags[flag]]
    if missing:
        text += f"\n  taken not to exist, because no flag names it: {', '.join(missing)}\n"
    return text


def _table(flags: dict[str, Any]) -> str:
    import json

    from inspector.reports.decision import render_table
    from inspector.resolver.table import ALL

    if flags["form"] != "json":
        return render_table(ALL, _style(flags))
    rows = [
        {
            "kind": entry.kind,
            "word": entry.word,
            "prefix": entry.prefix,
            "number": entry.number,
            "meaning": entry.meaning,
            "since": f"1.{entry.since}",
            "until": None if entry.until is None else f"1.{entry.until}",
            "source": entry.source,
        }
        for entry in ALL
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
