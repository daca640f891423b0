"""``--format`` and ``--output`` in pairs: what to render, and where to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from inspector.cli.flags import Command
from inspector.escaping import printable
from inspector.records import dataclass

FORMATS = ("text", "plain", "json", "sarif", "junit", "markdown", "html", "gitlab", "intoto")
"""What a report can be rendered as; ``inspector.reports.formats`` has a renderer for each."""

_ORDER = "inspector.order"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One format, and the file that it goes to; None is stdout."""

    form: str
    output: Path | None


class _Ordered(click.Option):
    """An option that notes how it and its like were mixed on the command line: an output belongs to its format."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        super().add_to_parser(parser, ctx)
        if _ORDER in ctx.meta:
            return
        ctx.meta[_ORDER] = []
        parse_args = parser.parse_args

        def noting(args: list[str]) -> Any:
            parsed = parse_args(args)
            ctx.meta[_ORDER] = [option.name for option in parsed[2] if isinstance(option, _Ordered)]
            return parsed

        parser.parse_args = noting


def format_options(forms: Sequence[str] = FORMATS, *, short: bool = True) -> Callable[[Command], Command]:
    """Return what adds ``--format`` and ``--output``, which may come in several pairs; ``pairs_of`` tells the pairs.

    Args:
        forms: the formats that the verb has.
        short: whether ``-f`` is short for ``--format``.
    """
    names = ("--format", "-f", "forms") if short else ("--format", "forms")
    outputs = click.option(
        "--output",
        "-o",
        "outputs",
        cls=_Ordered,
        multiple=True,
        callback=_check,
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where to write it; several pairs of --format and --output may be given.",
    )
    form = click.option(
        *names,
        cls=_Ordered,
        multiple=True,
        callback=_check,
        type=click.Choice(forms),
        help="How to show the result.  [default: text]",
    )
    return lambda command: form(outputs(command))


def _check(ctx: click.Context, option: click.Parameter, value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse pairs that cannot be meant before anything is scanned."""
    given = {**ctx.params, option.name: value}
    if "forms" in given and "outputs" in given:
        pairs_of(given["forms"], given["outputs"])
    return value


def pairs_of(forms: Sequence[str], outputs: Sequence[Path]) -> list[Delivery]:
    """Return the pairs of ``--format`` and ``--output``.

    An output belongs to the format before it, or, where none is waiting, to the one after it. A format without an
    output goes to stdout; an output without any format at all is text.

    Raises:
        click.UsageError: for an output without a format among several, two formats on stdout, or one file twice.
    """
    pairs = list(_pairs(forms, outputs))
    files = [pair.output.absolute() for pair in pairs if pair.output is not None]
    for file in files:
        if files.count(file) > 1:
            raise click.UsageError(f"two formats are to be written to {printable(str(file))}")
    on_stdout = [pair.form for pair in pairs if pair.output is None]
    if len(on_stdout) > 1:
        raise click.UsageError(f"{' and '.join(on_stdout)} would both go to stdout: give each an --output but one")
    return pairs


def _pairs(forms: Sequence[str], outputs: Sequence[Path]) -> Iterator[Delivery]:
    context = click.get_current_context(silent=True)
    order = list(context.meta.get(_ORDER, ())) if context else []
    if not forms:
        if len(outputs) > 1:
            raise click.UsageError(f"--output {printable(str(outputs[1]))} has no --format")
        yield Delivery("text", outputs[0] if outputs else None)
        return
    if order.count("forms") != len(forms) or order.count("outputs") != len(outputs):
        # Not all of them are from the command line (a variable or a configuration file sets them): pair as they come.
        order = ["forms"] * len(forms)
        for number in range(len(outputs)):
            order.insert(2 * number + 1, "outputs")
    yield from _in_order(order, list(forms), list(outputs))


def _in_order(order: Sequence[str], forms: list[str], outputs: list[Path]) -> Iterator[Delivery]:
    form: str | None = None
    output: Path | None = None
    for kind in order:
        if kind == "forms":
            if form is not None:
                yield Delivery(form, None)
            form = forms.pop(0)
        elif output is not None:
            break
        else:
            output = outputs.pop(0)
        if form is not None and output is not None:
            yield Delivery(form, output)
            form = output = None
    if output is not None:
        raise click.UsageError(f"--output {printable(str(output))} has no --format")
    if form is not None:
        yield Delivery(form, None)
