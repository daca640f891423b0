"""Images to a fleet's report: each judged, boiled down at once, and forgotten; images alike are judged once."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TypeVar

from inspector.fabric import role_of
from inspector.facts import BinaryFacts, EnvironmentVerdicts, Level, Status, Target, Verdict
from inspector.fleet.places import version_key
from inspector.fleet.report import (
    Build,
    Cell,
    FleetBinary,
    FleetFinding,
    FleetImage,
    FleetProblem,
    FleetRemedy,
    FleetReport,
    FleetSummary,
    Work,
)
from inspector.fleet.schedule import Complaint, Counts, Item
from inspector.judging import SEVERITY

Judge = Callable[[Target], Target]
"""Facts to verdicts; depends on the target's facts alone."""
Mark = Callable[[Target], Target]
"""Marks what is waived or known; depends on the target's name too."""

_Key = tuple[str, str, str, str]
"""Registry, repository, digest and platform: what is one image, under whatever tags."""
_Named = TypeVar("_Named")
_ALIKE = 4096
"""Verdicts kept for images that are alike, and for those that further tags may name."""
_MAX_REASONS = 12
_MAX_REMEDIES = 12
_MAX_PROBLEMS = 20
_MAX_BINARIES = 400


@dataclass(frozen=True, slots=True)
class _Judged:
    environments: tuple[EnvironmentVerdicts, ...]
    cells: tuple[Cell, ...]


class Gathering:
    """Takes images one by one and gives the report at the end."""

    def __init__(self, judge: Judge, mark: Mark | None = None) -> None:
        self._judge, self._mark = judge, mark
        self._alike: OrderedDict[bytes, _Judged] = OrderedDict()
        self._digests: OrderedDict[_Key, _Judged] = OrderedDict()
        self._images: dict[_Key, FleetImage] = {}
        self._builds: dict[Build, int] = {}
        self._findings: dict[FleetFinding, int] = {}
        self._environments: tuple[str, ...] = ()
        self.levels: Counter[Level] = Counter()

    def add(self, item: Item) -> Target:
        """Take one image; return it judged and marked."""
        target = item.target
        unique = target.digest if target.digest and target.status != "failed" else f"{item.tag}@{target.digest}"
        key = (item.host, item.repository, unique, target.platform or "")
        cells: tuple[Cell, ...] = ()
        if target.status != "failed":
            judged = self._digests.get(key) or self._judged(target)
            _keep(self._digests, key, judged)
            target, cells = replace(target, environments=judged.environments), judged.cells
            if self._mark is not None:
                target = self._mark(target)
                cells = self._cells(target.environments, target.status)
        image = self._image(item, target, cells)
        known = self._images.get(key)
        if known is None:
            self._images[key] = image
            self.levels[image.level] += 1
        else:
            self._images[key] = _joined(known, image)
        return target

    def _judged(self, target: Target) -> _Judged:
        """Judge a target, or take what was said of one with the same facts: neither its name nor its layers' decide."""
        import msgspec

        binaries = tuple(replace(binary, layer=None) for binary in target.binaries)
        facts = replace(target, reference="", digest=None, notes=(), layers=(), problems=(), binaries=binaries)
        key = hashlib.sha256(msgspec.json.encode(facts)).digest()
        found = self._alike.get(key)
        if found is None:
            environments = self._judge(target).environments
            if not self._environments:
                self._environments = tuple(each.name for each in environments)
            cells = self._cells(environments, target.status) if self._mark is None else ()
            found = _Judged(environments, cells)
        _keep(self._alike, key, found)
        return found

    # ── boiling down ─────────────────────────────────────────────────────────────────────────────────────────

    def _image(self, item: Item, target: Target, cells: tuple[Cell, ...]) -> FleetImage:
        libc = target.rootfs.libc if target.rootfs else None
        named = f"{libc.kind} {libc.version or ''}".strip() if libc else None
        return FleetImage(
            registry=item.host,
            repository=item.repository,
            tags=(item.tag,) if item.tag else (),
            digest=target.digest,
            platform=target.platform,
            created=item.created,
            status=target.status,
            problems=tuple(problem.message for problem in target.problems[:_MAX_PROBLEMS]),
            libc=named,
            layers=len(target.layers),
            binaries=tuple(self._binary(each) for each in target.binaries[:_MAX_BINARIES]),
            level=max((cell.level for cell in cells), key=SEVERITY.__getitem__, default=_least(target.status)),
            cells=cells,
        )

    def _binary(self, binary: BinaryFacts) -> FleetBinary:
        static = binary.linkage.startswith("static") and binary.libc.kind != "none"
        build = Build(
            linkage=binary.linkage,
            machine=binary.machine,
            libc=f"{binary.libc.kind} {binary.libc.version or ''}".strip() if static else None,
            go=binary.go.version if binary.go else None,
            exposures=None if binary.exposures is None else tuple(each.kind for each in binary.exposures),
        )
        return FleetBinary(
            path=binary.path, build=self._builds.setdefault(build, len(self._builds)), fabric=role_of(binary.path)
        )

    def _cells(self, environments: Sequence[EnvironmentVerdicts], status: Status) -> tuple[Cell, ...]:
        return tuple(self._cell(environment, status) for environment in environments)

    def _cell(self, environment: EnvironmentVerdicts, status: Status) -> Cell:
        risky = sorted(
            (verdict for verdict in environment.verdicts if verdict.level != "safe"),
            key=lambda verdict: -SEVERITY[verdict.level],
        )
        numbers = dict.fromkeys(self._finding(verdict) for verdict in risky)
        levels = {_least(status), *(verdict.level for verdict in risky)}
        level = max(levels, key=SEVERITY.__getitem__)
        return Cell(
            level=level,
            findings=tuple(numbers),
            unknown=level != "unknown" and "unknown" in levels,
            excused=bool(risky)
            and all(verdict.waived or verdict.known for verdict in risky if verdict.level == risky[0].level),
        )

    def _finding(self, verdict: Verdict) -> int:
        finding = FleetFinding(
            rule=verdict.rule,
            path=verdict.path or "",
            level=verdict.level,
            call=verdict.call,
            outcome=verdict.outcome,
            likelihood=verdict.likelihood,
            confidence=verdict.confidence,
            reasons=verdict.reasons[:_MAX_REASONS],
            remedies=verdict.remedies[:_MAX_REMEDIES],
        )
        return self._findings.setdefault(finding, len(self._findings))

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────

    def report(self, counts: Counts, complaints: Sequence[Complaint], *, started: datetime, places: Sequence[str],
               finished: datetime, unfinished: int | None = None) -> FleetReport:  # fmt: skip
        """Return what was gathered.

        Args:
            counts: what the schedule did.
            complaints: what could not be listed.
            started: when the run began.
            finished: when it ended.
            places: what was asked for.
            unfinished: tags and images that were not come to; None: the run went to its end.
        """
        gathered = sorted(
            self._images.values(),
            key=lambda image: (
                -SEVERITY[image.level],
                image.registry,
                image.repository,
                min(map(version_key, image.tags), default=()),
                image.digest or "",
            ),
        )
        images, findings, builds = self._ordered(gathered)
        return FleetReport(
            started=_time(started),
            finished=_time(finished),
            interrupted=unfinished is not None,
            unfinished=unfinished or 0,
            places=tuple(places),
            environments=self._environments,
            summary=summarise(images, self._environments),
            work=Work(
                **{each.name: getattr(counts, each.name) for each in fields(Work) if each.name != "seconds"},
                seconds=round((finished - started).total_seconds(), 3),
            ),
            problems=tuple(FleetProblem(where=each.where, message=each.message) for each in complaints),
            remedies=rank_remedies(images, findings),
            builds=builds,
            findings=findings,
            images=images,
        )

    def _ordered(
        self, images: Sequence[FleetImage]
    ) -> tuple[tuple[FleetImage, ...], tuple[FleetFinding, ...], tuple[Build, ...]]:
        """Number what images share anew, so that the order in which they came makes no difference.

        Findings come gravest and most frequent first, and tell in how many images they are.
        """
        number: Counter[int] = Counter()
        for image in images:
            number.update({finding for cell in image.cells for finding in cell.findings})
        found, kinds = list(self._findings), list(self._builds)
        order = sorted(range(len(found)), key=lambda old: (-SEVERITY[found[old].level], -number[old], repr(found[old])))
        place = {old: new for new, old in enumerate(order)}
        kind_order = sorted(range(len(kinds)), key=lambda old: repr(kinds[old]))
        kind_place = {old: new for new, old in enumerate(kind_order)}

        def cell(old: Cell) -> Cell:
            return replace(old, findings=tuple(sorted(place[each] for each in old.findings))) if old.findings else old

        renumbered = tuple(
            replace(
                image,
                tags=tuple(sorted(image.tags, key=version_key)),
                cells=tuple(map(cell, image.cells)),
                binaries=tuple(replace(binary, build=kind_place[binary.build]) for binary in image.binaries),
            )
            for image in images
        )
        findings = tuple(replace(found[old], images=number[old]) for old in order)
        return renumbered, findings, tuple(kinds[old] for old in kind_order)


def rank_remedies(images: Sequence[FleetImage], findings: Sequence[FleetFinding]) -> tuple[FleetRemedy, ...]:
    """Return remedies by the number of images that each alone cures: it is named by every crash of the image.

    Images whose findings are excused do not count.
    """
    cures: Counter[tuple[str, str]] = Counter()
    helps: Counter[tuple[str, str]] = Counter()
    offered = [{(each.kind, each.text) for each in finding.remedies} for finding in findings]
    for image in images:
        numbers = {
            number
            for cell in image.cells
            if not cell.excused
            for number in cell.findings
            if findings[number].level == "crash"
        }
        if not numbers:
            continue
        sets = [offered[number] for number in numbers]
        cures.update(set.intersection(*sets))
        helps.update(set.union(*sets))
    ranked = sorted(helps, key=lambda key: (-cures[key], -helps[key], key))
    return tuple(
        FleetRemedy(kind=kind, text=text, cures=cures[kind, text], helps=helps[kind, text]) for kind, text in ranked
    )


def summarise(images: Sequence[FleetImage], environments: Sequence[str]) -> FleetSummary:
    """Count images by their worst level, in all and in each environment, and as unknown too where that hides one."""
    counts = Counter(image.level for image in images)
    worst = max(counts, key=lambda level: SEVERITY[level], default=None)
    counts["unknown"] += sum(image.is_untold and image.level != "unknown" for image in images)
    return FleetSummary(
        worst=worst,
        images=len(images),
        crash=counts["crash"],
        wrong=counts["wrong"],
        latent=counts["latent"],
        unknown=counts["unknown"],
        safe=counts["safe"],
        failed=sum(image.status == "failed" for image in images),
        excused=sum(_is_excused(image) for image in images),
        environments={name: _count_in(place, images) for place, name in enumerate(environments)},
    )


def _joined(one: FleetImage, other: FleetImage) -> FleetImage:
    """Return one image under the names of both: it is excused where it is under each of them."""
    cells = one.cells
    if cells != other.cells:
        both = zip(one.cells, other.cells, strict=True)
        cells = tuple(replace(cell, excused=cell.excused and more.excused) for cell, more in both)
    return replace(one, tags=tuple(dict.fromkeys((*one.tags, *other.tags))), cells=cells)


def _keep(kept: OrderedDict[_Named, _Judged], key: _Named, judged: _Judged) -> None:
    """Keep what was said as the latest, and let go of the oldest."""
    kept[key] = judged
    kept.move_to_end(key)
    if len(kept) > _ALIKE:
        kept.popitem(last=False)


def _count_in(place: int, images: Sequence[FleetImage]) -> dict[str, int]:
    counts: Counter[str] = Counter(image.cells[place].level if image.cells else image.level for image in images)
    untold = sum(image.cells[place].unknown for image in images if image.cells)
    return dict(counts + Counter(unknown=untold))


def _least(status: Status) -> Level:
    """What could not be read in full is at best unknown: nobody can say what else there is."""
    return "safe" if status == "analysed" else "unknown"


def _is_excused(image: FleetImage) -> bool:
    worst = [cell for cell in image.cells if cell.level == image.level and cell.level != "safe"]
    return bool(worst) and all(cell.excused for cell in worst)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
