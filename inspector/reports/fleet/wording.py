"""Words for a fleet's report that several formats use."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.facts import Level
from inspector.fleet.report import Build, Cell, Difference, FleetFinding, FleetImage, FleetReport
from inspector.reports.wording import LEVELS, describe_outcome

_NO_OUTCOME = {"latent": "safe as long as nothing changes", "unknown": "cannot be told"}


def count(number: int, noun: str) -> str:
    """``1 image``, ``12 images``, ``2 repositories``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def size(number: float) -> str:
    """``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def describe_finding(finding: FleetFinding) -> str:
    """``dies by a signal, sooner or later``; where it has no outcome, its level."""
    return describe_outcome(finding) or _NO_OUTCOME.get(finding.level, finding.level)


def describe_build(build: Build) -> str:
    """``static, glibc 2.31 inside, Go 1.15.15 with the cgo resolver, x86-64``."""
    parts = [build.linkage]
    if build.libc:
        parts.append(f"{build.libc} inside")
    if build.go:
        resolver = " with the cgo resolver" if "dns" in (build.exposures or ()) else ""
        parts.append(f"Go {build.go}{resolver}")
    return ", ".join((*parts, build.machine))


def describe_work(report: FleetReport) -> str:
    """What was asked for, read and known already, on one line."""
    work = report.work
    known = f", {work.layers_known:,} known" if work.layers_known else ""
    failed = f", {work.layers_failed:,} not readable" if work.layers_failed else ""
    return (
        f"{count(work.tags, 'tag')} of {count(work.repositories, 'repository')}; {count(work.layers, 'layer')}: "
        f"{work.layers_read:,} read ({size(work.bytes_read)}){known}{failed}; {count(work.requests, 'request')}; "
        f"{duration(work.seconds)}"
    )


def describe_interruption(report: FleetReport) -> str:
    """Say that the report is partial, or nothing."""
    if not report.interrupted:
        return ""
    left = f"; {report.unfinished:,} tags and images were not come to" if report.unfinished else ""
    return f"PARTIAL: the run was interrupted{left}; run it again: what is done is not done again"


def describe_difference(difference: Difference) -> str:
    """``crash → safe``."""
    before, after = difference.before or "not there", difference.after or "gone"
    return f"{before} → {after}{' (another image)' if difference.rebuilt else ''}"


def describe_cell(cell: Cell) -> str:
    """``latent, unknown`` where the graver level hides what could not be told, as a scan's table says it."""
    return f"{cell.level}, unknown" if cell.unknown else cell.level


@dataclass(frozen=True, slots=True)
class Group:
    """Images of which the same is to be said, in the same environments."""

    level: Level
    finding: FleetFinding
    environments: tuple[str, ...]
    images: list[FleetImage]


def group_images(report: FleetReport) -> list[Group]:
    """Return the images that are not safe by their gravest finding, the gravest and largest first.

    An image of which something cannot be told besides is in a group for that too. One without a finding of its level
    was not read in full: its problem says why.
    """
    found: dict[tuple[int, tuple[int, ...]], Group] = {}
    for image in report.images:
        for level in dict.fromkeys((image.level, "unknown")):
            told = {
                place: [number for number in cell.findings if report.findings[number].level == level]
                for place, cell in enumerate(image.cells)
            }
            places = tuple(place for place, numbers in told.items() if numbers)
            if not places:
                continue
            number = told[places[0]][0]
            names = tuple(report.environments[place] for place in places)
            group = found.setdefault((number, places), Group(level, report.findings[number], names, []))
            group.images.append(image)
    return sorted(found.values(), key=lambda group: (LEVELS.index(group.level), -len(group.images), group.finding.path))


def gravest(image: FleetImage, report: FleetReport) -> FleetFinding | None:
    """Return the first of an image's gravest findings."""
    for level in LEVELS:
        for cell in image.cells:
            for number in cell.findings:
                if report.findings[number].level == level:
                    return report.findings[number]
    return None
