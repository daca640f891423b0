"""Workloads of a manifest to a report: each one's image read once, each of its binaries judged where it will run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from inspector.environments.mounts import hidden
from inspector.errors import InspectorError, ReferenceInvalid, TargetUnavailable
from inspector.escaping import printable
from inspector.fabric import stand_in
from inspector.facts import (
    Environment,
    EnvironmentVerdicts,
    Problem,
    Reason,
    Report,
    ResolverContext,
    Start,
    Target,
    Verdict,
    Workload,
)  # fmt: skip
from inspector.judging import SEVERITY, Wishes, judge_in
from inspector.references import RegistryName, parse_name
from inspector.scanning import report_of

_MAX_REFERENCE = 600
"""Characters of what is no image's name that are shown; a name has fewer."""
_IMAGES_TOLD = 5
_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
"""What an image that was not read is taken to have, and what sets none of the resolver's variables by itself."""
Collect = Callable[[str, str | None, Sequence[Start]], Iterable[tuple[Start, Target]]]
"""Takes an image, the platform wanted (None: any) and ways to start it; returns the facts of each of its platforms for
each of the ways; raises InspectorError where it cannot be had."""


def judge_workloads(
    workloads: Iterable[Workload], collect: Collect, wishes: Wishes, *, elsewhere: Mapping[str, str] | None = None
) -> Report:
    """Judge every binary of every workload's image where the workload will run.

    Args:
        workloads: what manifests start.
        collect: reads an image.
        wishes: what outranks environment and image.
        elsewhere: image as the manifest names it → reference to read in its place.

    Returns:
        A report with one target for each image (for each way to start it, where that makes a difference), and in it
        one environment for each workload. Of a workload's hosts
        each call of a binary has the gravest verdict, and says on which of them it holds.
    """
    targets = []
    for target, group in read_images(workloads, collect, elsewhere):
        judged = tuple(judge_workload(target, workload, wishes) for workload in group)
        targets.append(replace(target, environments=() if target.status == "failed" else judged))
    return report_of(targets)


def read_images(
    workloads: Iterable[Workload], collect: Collect, elsewhere: Mapping[str, str] | None = None
) -> Iterator[tuple[Target, Sequence[Workload]]]:
    """Yield each image's targets with the workloads that run it; arguments as for ``judge_workloads``.

    An image that cannot be had is a failed target, or, where it is one of Fabric's, what is known of it.
    """
    by_image: dict[tuple[str, str | None], list[Workload]] = {}
    for workload in workloads:
        if workload.image is None:
            yield _without_image(workload), [workload]
        else:
            by_image.setdefault((workload.image, workload.platform), []).append(workload)
    for group in by_image.values():
        yield from _targets_of(group, collect, elsewhere or {})


def unmatched(elsewhere: Mapping[str, str], workloads: Iterable[Workload]) -> list[str]:
    """Return a line for each name in ``elsewhere`` that is no workload's image: a misspelt one would go unnoticed."""
    images = list(dict.fromkeys(workload.image for workload in workloads if workload.image is not None))
    shown = ", ".join(printable(image, limit=120) for image in images[:_IMAGES_TOLD]) or "no image at all"
    more = f" and {len(images) - _IMAGES_TOLD} more" if len(images) > _IMAGES_TOLD else ""
    return [
        f"--image {printable(name, limit=120)}: nothing that is judged has that image; there is {shown}{more}"
        for name in elsewhere
        if name not in images
    ]


def _without_image(workload: Workload) -> Target:
    """Return what stands for a workload that names no image, each one for itself: none of them may go unmentioned."""
    where = f"{workload.name} ({workload.where})"
    if not workload.environments:
        texts = [Problem(stage="manifest", message=text) for text in workload.problems]
        return Target(reference=where, status="incomplete", problems=tuple(texts))
    return _failed(where, "it names no image (one that is built on the spot?); --image cannot stand in for it")


def _targets_of(
    group: Sequence[Workload], collect: Collect, elsewhere: Mapping[str, str]
) -> Iterator[tuple[Target, Sequence[Workload]]]:
    """Yield the targets of an image; the workloads for which it is the same share one."""
    by_start: dict[Start, list[Workload]] = {}
    for workload in group:
        by_start.setdefault(workload.start, []).append(workload)
    shared: dict[Target, tuple[Target, list[Workload]]] = {}
    for start, target in _read(group, tuple(by_start), collect, elsewhere):
        # What is left out has mappings, which have no hash, and is the image's, however it is started.
        _, workloads = shared.setdefault(replace(target, config=None, rootfs=None), (target, []))
        workloads += by_start[start]
    for target, workloads in shared.values():
        problems = tuple(
            Problem(stage="manifest", message=f"{workload.name} ({workload.where}): {text}")
            for workload in workloads
            for text in workload.problems
        )
        status = "incomplete" if problems and target.status == "analysed" else target.status
        told = tuple(_placed(problem, workloads[0]) for problem in target.problems)
        yield replace(target, problems=told + problems, status=status), workloads


def _placed(problem: Problem, workload: Workload) -> Problem:
    """Return a problem of what a workload starts with the workload's name."""
    if problem.stage not in {"selection", "mounts"} or workload.start == Start():
        return problem
    return replace(problem, message=f"{workload.name} ({workload.where}): {problem.message}")


def _read(
    group: Sequence[Workload], starts: Sequence[Start], collect: Collect, elsewhere: Mapping[str, str]
) -> Iterable[tuple[Start, Target]]:
    image, where = group[0].image or "", f"{group[0].name} ({group[0].where})"
    given = elsewhere.get(image)
    try:
        name = _name_of(given) if given else parse_name(image)
        return collect(given or image, group[0].platform, starts)
    except ReferenceInvalid as error:
        failed = _failed(printable(image, limit=_MAX_REFERENCE) or where, f"{error} (in {where})")
    except TargetUnavailable as error:
        known = None if name is None else _inferred(name, error, group[0].platform)
        if known is not None:
            return [(start, _started(known, start)) for start in starts]
        failed = _failed(printable(image, limit=_MAX_REFERENCE), error.line)
    except InspectorError as error:
        failed = _failed(printable(image, limit=_MAX_REFERENCE), error.line)
    return [(start, failed) for start in starts]


def _started(known: Target, start: Start) -> Target:
    """Return what is known of an image that was not read, where something lies over it: no link in it is known."""
    words = [word for word in (*(start.entrypoint or ()), *(start.command or ()))[:1] if "/" in word]
    texts = hidden(start.mounts, known.binaries, [word for word in words if word.startswith("/")])
    problems = tuple(Problem(stage="mounts", message=text) for text in texts)
    there = {binary.path for binary in known.binaries}
    problems += tuple(
        Problem(stage="selection", message=f"'{printable(word, limit=120)}' is started, and the image was not read")
        for word in words
        if word not in there and word.rpartition("/")[2] not in _SHELLS
    )
    return replace(known, status="incomplete", problems=known.problems + problems) if problems else known


def _name_of(reference: str) -> RegistryName | None:
    """Return the name that a reference is, None where it is something else."""
    try:
        return parse_name(reference)
    except ReferenceInvalid:
        return None


def _inferred(name: RegistryName, error: InspectorError, platform: str | None) -> Target | None:
    known = stand_in(name.repository, name.tag) if name.digest is None else None
    if known is None or platform not in {None, known.platform}:
        return None
    return replace(
        known, reference=str(name), notes=(*known.notes, f"{known.inferred}: {printable(str(error), limit=300)}")
    )


def _failed(reference: str, message: str) -> Target:
    return Target(reference=reference, status="failed", problems=(Problem(stage="image", message=message),))


# ── one workload ─────────────────────────────────────────────────────────────────────────────────────────────────


def judge_workload(target: Target, workload: Workload, wishes: Wishes) -> EnvironmentVerdicts:
    """Judge one target where one workload runs it."""
    found: dict[tuple[str | None, str | None], list[tuple[Verdict, str]]] = {}
    for environment in workload.environments:
        beside = [other for other in workload.environments if other is not environment]
        for verdict in _judge_in(target, environment, wishes, beside):
            found.setdefault((verdict.path, verdict.call), []).append((verdict, environment.title))
    verdicts = [verdict for each in found.values() for verdict in _gravest(each, len(workload.environments))]
    if target.inferred:
        verdicts = [_as_inferred(verdict, target.inferred) for verdict in verdicts]
    return EnvironmentVerdicts(name=workload.name, verdicts=tuple(verdicts), where=workload.where)


def _gravest(verdicts: Sequence[tuple[Verdict, str]], hosts: int) -> Iterator[Verdict]:
    """Yield the gravest of one call's verdicts, and what could not be told of the call beside something graver."""
    worst, _ = max(verdicts, key=lambda pair: SEVERITY[pair[0].level])
    yield _with_places(worst, verdicts, hosts)
    untold = next((verdict for verdict, _ in verdicts if verdict.level == "unknown"), worst)
    if untold.level != worst.level:
        yield _with_places(untold, verdicts, hosts)


def _with_places(worst: Verdict, verdicts: Sequence[tuple[Verdict, str]], hosts: int) -> Verdict:
    """Return a verdict with the hosts whose resolv.conf gives its level, if they are not all."""
    holds = list(dict.fromkeys(title for verdict, title in verdicts if verdict.level == worst.level))
    if hosts == 1 or len(holds) == hosts:
        return worst
    place = Reason(text=f"so it is with {'; '.join(holds)}, not on every host asked")
    return replace(worst, reasons=(*worst.reasons, place))


def _as_inferred(verdict: Verdict, why: str) -> Verdict:
    confidence = verdict.confidence if verdict.confidence == "unknown" else "inferred"
    return replace(verdict, confidence=confidence, reasons=(*verdict.reasons, Reason(text=why)))


def _judge_in(
    target: Target, environment: Environment, wishes: Wishes, beside: Sequence[Environment]
) -> Iterator[Verdict]:
    context, verdicts = judge_in(target, environment, wishes, beside=beside)
    for verdict in verdicts:
        yield replace(verdict, reasons=tuple(_located(reason, context) for reason in verdict.reasons))


def _located(reason: Reason, context: ResolverContext) -> Reason:
    """Return a reason whose place also says where the file or the variable comes from."""
    where = reason.where or ""
    kind, _, name = where.partition(" ")
    origin = context.env_origin.get(name) if kind == "env" else None
    file = context.files.get(where.partition(":")[0])
    if file is not None and file.origin not in {None, "image"}:
        origin = file.origin
    return replace(reason, where=f"{where}, {origin}") if origin else reason
