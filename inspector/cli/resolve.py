"""``inspector resolve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from inspector.cli.delivery import write
from inspector.cli.options import read_context_file, wants_colour
from inspector.facts import Call, ContextFile, Decision, Flip, Reason, ResolverBuild, ResolverContext

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
        from inspector.cli.batch import run_batch
        from inspector.resolver.batch import answer

        ctx.exit(run_batch(flags["batch"], answer, flags["output"]))
    if flags["table"]:
        write(_table(flags["form"]).encode(), flags["output"])
        return
    if not flags["version"]:
        raise click.UsageError("give the binary's Go release with --go, or use --batch or --table")
    from inspector.resolver import decide
    from inspector.resolver.flips import flips

    build, context = _build(flags), _context(flags)
    decision = decide(build, context, flags["name"], flags["call"])
    changes = flips(build, context, flags["name"], flags["call"])
    if flags["form"] == "json":
        write(_json(decision, changes), flags["output"])
    else:
        text = _text(decision, changes, context, flags, colour=wants_colour(to_file=flags["output"] is not None))
        write(text.encode(), flags["output"])


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
    import msgspec

    document = {
        "decision": decision.decision,
        "order": decision.order,
        "reasons": [{"text": r.text, "where": r.where, "source": r.source} for r in decision.reasons],
        "flips": [{"change": flip.change} for flip in changes],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


_WORDS = {"go": "Go's own resolver", "cgo": "the C library's resolver (cgo)", "none": "no resolver"}


def _text(
    decision: Decision, changes: tuple[Flip, ...], context: ResolverContext, flags: dict[str, Any], *, colour: bool
) -> str:
    from inspector.escaping import printable

    head = f"Go {printable(flags['version'])}, {flags['call']}({printable(flags['name'])}): {_WORDS[decision.decision]}"
    order = f", order {decision.order}" if decision.order else ""
    lines = [(f"\x1b[1m{head}\x1b[0m" if colour else head) + order]
    for reason in decision.reasons:
        lines += ["", f"  because {printable(reason.text)}" + (f"  [{reason.source}]" if reason.source else "")]
        lines += _quote(reason, context, colour=colour)
    if changes:
        lines += ["", "  the other resolver would be taken after any of these:"]
        lines += [f"    - {printable(flip.change)}" for flip in changes]
    missing = [
        name for name, flag in (("resolv.conf", "resolv_conf"), ("nsswitch.conf", "nsswitch")) if not flags[flag]
    ]
    if missing:
        lines += ["", f"  taken not to exist, because no flag names it: {', '.join(missing)}"]
    return "\n".join(lines) + "\n"


def _quote(reason: Reason, context: ResolverContext, *, colour: bool) -> list[str]:
    """Return the line that a reason is about, with a caret under the word."""
    from inspector.escaping import printable

    parts = (reason.where or "").split(":")
    file = context.files.get(parts[0])
    if len(parts) != 3 or file is None or file.text is None:
        return [f"    {reason.where}"] if reason.where else []
    line = file.text.split("\n")[int(parts[1]) - 1]
    column = int(parts[2]) - 1
    before, word = (
        printable(line[:column], limit=4000),
        printable(line[column:].split()[0] if line[column:].split() else ""),
    )
    shown = f"{file.origin or parts[0]}:{parts[1]}: "
    caret = "^" * max(len(word), 1)
    marked = f"\x1b[31m{caret}\x1b[0m" if colour else caret
    return [f"    {shown}{printable(line, limit=4000)}", "    " + " " * (len(shown) + len(before)) + marked]


def _table(form: str) -> str:
    import json

    from inspector.resolver.table import ALL

    if form == "json":
        rows = [
            {
                "kind": entry.kind,
                "word": entry.word,
                "prefix": entry.prefix,
                "meaning": entry.meaning,
                "since": f"1.{entry.since}",
                "until": None if entry.until is None else f"1.{entry.until}",
                "source": entry.source,
            }
            for entry in ALL
        ]
        return json.dumps(rows, indent=2) + "\n"
    lines = [f"{'kind':<12} {'word':<28} {'from':<6} {'before':<7} meaning [source]"]
    for entry in ALL:
        word = entry.word + ("…" if entry.prefix else "")
        until = "" if entry.until is None else f"1.{entry.until}"
        lines.append(f"{entry.kind:<12} {word:<28} 1.{entry.since:<4} {until:<7} {entry.meaning} [{entry.source}]")
    return "\n".join(lines) + "\n"
