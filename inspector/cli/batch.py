"""``inspector batch``: whole registries."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.gate import policy_options
from inspector.cli.options import SECONDS, chosen_environments, context_options, hear_warnings, wishes
from inspector.cli.pairs import format_options
from inspector.cli.reading import read_bounded, read_whole
from inspector.escaping import printable

if TYPE_CHECKING:
    from inspector.cli.gate import Gate
    from inspector.facts import Target
    from inspector.fleet.places import Place
    from inspector.fleet.registries import Reach
    from inspector.fleet.report import FleetReport
    from inspector.fleet.schedule import Schedule
    from inspector.policy import Applied
    from inspector.store import Store

FORMATS = ("text", "json", "csv", "markdown", "html")
_MAX_LIST = 256 * 1024 * 1024
_LAST = "last"
_MAX_KEPT = 200 * 1024 * 1024
"""Bytes of a report that is stored for the trend."""
_KINDS = ("auto", "registry", "hub", "harbor", "gitlab")


@click.command()
@click.argument("places", nargs=-1, metavar="[REGISTRY[/PREFIX]|IMAGE]...")
@click.option("--file", "-f", "lists", multiple=True, metavar="FILE|-", help="A list of them, one a line; - is stdin.")
@click.option("--tag", "tags", multiple=True, metavar="GLOB", help="Tags that fit one of these only.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out repositories, or REPOSITORY:TAG, that fit.")
@click.option("--newest", type=click.IntRange(min=1), metavar="N", help="The newest N of each repository only.")
@click.option("--since", metavar="DATE|AGE", help="Images made since: 2026-01-31, or 30d. What tells no time is kept.")
@click.option("--platform", metavar="OS/ARCH[/VARIANT]", help="Platform to take.  [default: linux/amd64]")
@click.option("--all-platforms", is_flag=True, help="Take every platform of an index.")
@click.option(
    "--catalogue", type=click.Choice(_KINDS), default="auto", show_default=True, help="Where to ask for names."
)
@click.option("--catalogue-url", metavar="URL", help="Root of Docker Hub's, Harbor's or GitLab's interface.")
@click.option("--jobs", type=click.IntRange(1, 256), default=6, show_default=True, help="Requests at once, a registry.")
@click.option("--rate", type=click.FloatRange(min=0.01), metavar="N", help="Most requests a second, a registry.")
@click.option("--patience", type=click.FloatRange(min=0), default=900.0, show_default=True,
              help="Most seconds that a registry may tell us to wait.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that read layers.  [default: one a processor]")
@click.option("--cluster", metavar="dask://HOST:PORT", help="Let a Dask cluster read layers.")
@click.option("--hash", "hash_binaries", is_flag=True, help="Give the sha256 of each binary.")
@click.option("--insecure", is_flag=True, help="Allow plain HTTP to any registry.")
@click.option("--ca-cert", type=click.Path(path_type=Path), help="CA certificates to trust, PEM.")
@click.option("--timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds.")
@click.option("--cache-dir", type=click.Path(path_type=Path, file_okay=False), help="Where facts are kept.")
@click.option("--store", metavar="URL|FILE", help="Where facts are kept: postgresql://…, or a file.")
@click.option("--no-cache", is_flag=True, help="Neither use stored facts nor keep any after the run.")
@context_options
@format_options(FORMATS, short=False)
@policy_options
@click.option("--trend", metavar="REPORT|last", help="Compare with a JSON report, or with the last whole run stored.")
@click.option("--metrics", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write counts there for Prometheus's node exporter.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
@click.option("--verbose", "-v", is_flag=True, help="Name every image that is not safe.")
@click.pass_context
def batch(ctx: click.Context, /, places: tuple[str, ...], **flags: Any) -> None:
    r"""Scan whole registries: every image, each layer once, and judge what they hold.

    REGISTRY[/PREFIX] is a registry, an organisation or project of it, or a repository; IMAGE has a tag or digest.
    Facts are stored as they come: a run that was ended is taken up where it was, and a second one reads what is new.

    \b
    Exit codes: as scan's; 130 interrupted: what was found is reported, and marked as partial.
    """
    from inspector.cli.gate import open_gate

    if flags["baseline"] is not None:
        raise click.UsageError("--baseline takes a scan's report; a batch is compared by --trend")
    gate = open_gate(flags)
    wanted = list(_places(places, flags["lists"]))
    if not wanted:
        raise click.UsageError("name a REGISTRY[/PREFIX], or give a list with --file")
    run = _Run(wanted, flags, gate)
    run.check()
    report = run.go()
    run.deliver(report)
    ctx.exit(run.exit_code(report))


def _places(words: tuple[str, ...], lists: tuple[str, ...]) -> Iterator[Place]:
    from inspector.fleet.places import parse_lines, parse_place

    for word in words:
        if word == "-":
            yield from parse_lines(_lines("-"), "standard input")
        else:
            yield parse_place(word)
    for name in lists:
        yield from parse_lines(_lines(name), "standard input" if name == "-" else name)


def _lines(name: str) -> list[str]:
    return read_whole(name, _MAX_LIST).splitlines()


@dataclass(slots=True)
class _Run:
    """One batch, from its words to its exit code."""

    places: list[Place]
    flags: dict[str, Any]
    gate: Gate
    codes: list[int] = field(default_factory=list)
    findings: bool = False
    unknown: bool = False
    unfixable: int = 0
    applied: list[Applied] = field(default_factory=list)
    ended_by: int = 0
    """The signal that ended the run."""
    judge: Callable[[Target], Target] = field(init=False)
    earlier: FleetReport | None = field(init=False)
    """The report that this one is to be compared with, where a file was named."""

    def check(self) -> None:
        """Read everything that words name before anything is asked for.

        Raises:
            InspectorError: for what cannot be understood or read.
        """
        from inspector.fleet.places import parse_since
        from inspector.judging import judge_target
        from inspector.sources.manifests import parse_platform

        environments, known = chosen_environments(self.flags), wishes(self.flags)
        self.judge = lambda target: judge_target(target, environments, known)
        self.earlier = self._earlier()
        if self.flags["since"] is not None:
            parse_since(self.flags["since"])
        if self.flags["platform"] is not None:
            parse_platform(self.flags["platform"])

    def go(self) -> FleetReport:
        """Scan, judge and gather; an interrupt ends it early, with what there is."""
        from inspector.cli.progress import fleet_progress
        from inspector.fleet.registries import Registries
        from inspector.fleet.verdicts import Gathering

        flags, started = self.flags, datetime.now(UTC)
        stop = threading.Event()
        gathering = Gathering(self.judge, self._mark if self._marks else None)
        with ExitStack() as stack:
            store = stack.enter_context(self._store(stack))
            executor = self._executor()
            stack.callback(lambda: executor.close(now=stop.is_set()))
            run = store.begin_run(self._scope)
            schedule = self._schedule(Registries(self._reach(), stop), store, executor, stop, run)
            stack.enter_context(fleet_progress(schedule.counts, gathering.levels, wanted=not flags["quiet"]))
            stack.enter_context(self._interrupts(stop))
            for item in schedule.run():
                self._weigh(gathering.add(item), item.exit_code)
            report = gathering.report(
                schedule.counts,
                schedule.complaints,
                started=started,
                finished=datetime.now(UTC),
                places=[str(place) for place in self.places[:1000]],
                unfinished=schedule.unfinished if stop.is_set() else None,
            )
            report = self._compared(report, store)
            _keep(store, run, report)
        self.codes += [each.exit_code for each in schedule.complaints]
        return report

    @property
    def _scope(self) -> str:
        """What makes two runs comparable: what was asked for."""
        return " ".join(sorted(str(place) for place in self.places))[:4000]

    def _compared(self, report: FleetReport, store: Store) -> FleetReport:
        from inspector import __version__
        from inspector.facts import Tool
        from inspector.fleet.trend import compare_runs

        earlier = _last(store, self._scope) if self.flags["trend"] == _LAST else self.earlier
        return replace(report, tool=Tool(version=__version__), trend=compare_runs(earlier, report) if earlier else None)

    def _earlier(self) -> FleetReport | None:
        if self.flags["trend"] in {None, _LAST}:
            return None
        path = self.flags["trend"]
        from inspector.reports.fleet.document import MAX_DOCUMENT, decode_fleet

        return decode_fleet(read_bounded(Path(path), MAX_DOCUMENT), name=path)

    def _reach(self) -> Reach:
        from inspector.fleet.registries import Reach

        flags = self.flags
        return Reach(
            insecure=flags["insecure"], ca_cert=flags["ca_cert"], timeout=flags["timeout"], jobs=flags["jobs"],
            rate=flags["rate"], patience=flags["patience"],
        )  # fmt: skip

    def _store(self, stack: ExitStack) -> Store:
        """Open the store; a run that is to keep nothing has one of its own, which ends with it."""
        from inspector.store import Store, place_of

        flags = self.flags
        hear_warnings(quiet=flags["quiet"])
        if not flags["no_cache"]:
            return Store.open(place_of(flags["store"], flags["cache_dir"]), forgiving=True)
        import tempfile

        own = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inspector-")))
        return Store.open(place_of(None, own), forgiving=True)

    def _executor(self) -> Any:
        from inspector.fleet.executors import local_executor

        if self.flags["cluster"] is None:
            return local_executor(self.flags["workers"])
        from inspector.fleet.cluster import ClusterExecutor

        return ClusterExecutor(self.flags["cluster"])

    def _schedule(self, registries: Any, store: Store, executor: Any, stop: threading.Event, run: str) -> Schedule:
        from inspector.fleet.catalogue import Interface
        from inspector.fleet.places import Selection, parse_since
        from inspector.fleet.schedule import BatchOptions, Schedule

        flags = self.flags
        return Schedule(
            self.places,
            selection=Selection(
                tags=flags["tags"],
                exclude=flags["exclude"],
                newest=flags["newest"],
                since=parse_since(flags["since"]) if flags["since"] else None,
            ),
            interface=Interface(kind=flags["catalogue"], url=flags["catalogue_url"]),
            registries=registries,
            store=store,
            executor=executor,
            options=BatchOptions(
                platform=flags["platform"],
                all_platforms=flags["all_platforms"],
                hash_binaries=flags["hash_binaries"],
            ),
            stop=stop,
            run=run,
        )

    @contextmanager
    def _interrupts(self, stop: threading.Event) -> Iterator[None]:
        """Let a signal end the run and not the report; a second one ends everything."""

        def handle(number: int, _frame: object) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            self.ended_by = number
            stop.set()
            if not self.flags["quiet"]:
                click.echo("inspector: interrupted; writing what there is (again: at once)", err=True)

        kept = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    # ── judging ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _marks(self) -> bool:
        return self.gate.waiving and bool(self.gate.waivers)

    def _mark(self, target: Target) -> Target:
        from inspector.policy import apply_waivers

        applied = apply_waivers([target], self.gate.waivers)
        self.applied.append(replace(applied, targets=()))
        if len(self.applied) > 1000:
            self.applied = [_summed(self.applied)]
        return applied.targets[0]

    def _weigh(self, target: Target, code: int) -> None:
        """Note what a target means for the exit code."""
        from inspector.facts import Report
        from inspector.policy.thresholds import has_unknown

        alone = Report(targets=(target,))
        self.findings = self.findings or any(self.gate.threshold.findings(alone))
        self.unknown = self.unknown or has_unknown(alone)
        self.unfixable += sum(1 for _ in self.gate.threshold.unfixable(alone))
        if target.status != "analysed":
            self.codes.append(code or 4)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, report: FleetReport) -> None:
        """Write the report in every wanted format to where it is wanted, files first, and the metrics."""
        from inspector.cli.delivery import write
        from inspector.cli.options import terminal_width, wants_colour
        from inspector.cli.pairs import pairs_of
        from inspector.reports.fleet import render_fleet
        from inspector.reports.fleet.metrics import render_metrics
        from inspector.reports.text import TextStyle

        if self.applied:
            summed = _summed(self.applied)
            self.gate.tell(summed.expired, summed.unused)
        if self.unfixable and not self.flags["quiet"]:
            click.echo(
                f"inspector: {self.unfixable} findings that only a rebuild cures: not counted (--only-fixable)",
                err=True,
            )
        if self.flags["metrics"] is not None:
            write(render_metrics(report).encode(), self.flags["metrics"])
        pairs = pairs_of(self.flags["forms"], self.flags["outputs"])
        for delivery in sorted(pairs, key=lambda each: each.output is None):
            to_file = delivery.output is not None
            style = TextStyle(
                width=terminal_width(), colour=wants_colour(to_file=to_file), verbose=self.flags["verbose"]
            )
            write(render_fleet(report, delivery.form, style), delivery.output)
        if report.interrupted:
            click.echo(f"inspector: {printable(_interrupted(report))}", err=True)

    def exit_code(self, report: FleetReport) -> int:
        """Return the documented exit code."""
        if report.interrupted:
            if self.ended_by != signal.SIGINT:
                signal.raise_signal(self.ended_by)
            return 130
        if self.findings:
            return self.gate.findings_code
        if self.codes and report.summary.failed == report.summary.images:
            return self.codes[0] if len(set(self.codes)) == 1 else 4
        if (self.codes or self.unknown) and not self.gate.allow_incomplete:
            return 4
        return 0


def _keep(store: Store, run: str, report: FleetReport) -> None:
    """Note how the run ended, and its report, for the trend of a later one."""
    from inspector.reports.fleet.document import encode_fleet

    content = encode_fleet(replace(report, trend=None))
    kept = content if len(content) <= _MAX_KEPT else None
    store.end_run(run, "interrupted" if report.interrupted else "complete", kept)


def _last(store: Store, scope: str) -> FleetReport | None:
    """Return the report of the last whole run over the same places; None, and said so, where there is none."""
    from inspector.reports.fleet.document import decode_fleet

    for run in store.runs(scope):
        content = store.run_content(run.id) if run.state == "complete" else None
        if content is not None:
            return decode_fleet(content, name=f"run {run.id}")
    click.echo("inspector: no whole run over the same places is stored: nothing to compare with", err=True)
    return None


def _interrupted(report: FleetReport) -> str:
    from inspector.reports.fleet.wording import describe_interruption

    return describe_interruption(report)


def _summed(parts: list[Applied]) -> Applied:
    """Put together what single images told of waivers: one is of no use if no image needed it."""
    from inspector.policy import Applied

    expired: dict[Any, int] = {}
    for part in parts:
        for waiver, number in part.expired:
            expired[waiver] = expired.get(waiver, 0) + number
    unused = set(parts[0].unused).intersection(*(part.unused for part in parts))
    return Applied(targets=(), expired=tuple(expired.items()), unused=tuple(w for w in parts[0].unused if w in unused))
