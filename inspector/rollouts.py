"""Workloads of a manifest to a report: each one's image read once, each of its binaries judged where it will run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from inspector.environments import context_of
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
    Target,
    Verdict,
    Workload,
)  # fmt: skip
from inspector.judging import SEVERITY, Wishes, judge, with_patches
from inspector.references import RegistryName, parse_name
from inspector.scanning import report_of

_MAX_REFERENCE = 600
"""Characters of what is no image's name that are shown; a name has fewer."""
_IMAGES_TOLD = 5
Collect = Callable[[str], Sequence[Target]]
"""Return the facts of an image's platforms; raise InspectorError where it cannot be had."""


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
        A report with one target for each image, and in it one environment for each workload. Of a workload's hosts
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
    by_image: dict[str, list[Workload]] = {}
    for workload in workloads:
        if workload.image is None:
            yield _without_image(workload), [workload]
        else:
            by_image.setdefault(workload.image, []).append(workload)
    for image, group in by_image.items():
        for target in _targets_of(image, group, collect, elsewhere or {}):
            yield target, group


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
    image: str, group: Sequence[Workload], collect: Collect, elsewhere: Mapping[str, str]
) -> Iterator[Target]:
    problems = tuple(
        Problem(stage="manifest", message=f"{workload.name} ({workload.where}): {text}")
        for workload in group
        for text in workload.problems
    )
    for target in _read(image, group, collect, elsewhere):
        status = "incomplete" if problems and target.status == "analysed" else target.status
        yield replace(target, problems=target.problems + problems, status=status)


def _read(image: str, group: Sequence[Workload], collect: Collect, elsewhere: Mapping[str, str]) -> Iterable[Target]:
    where = f"{group[0].name} ({group[0].where})"
    given = elsewhere.get(image)
    try:
        name = _name_of(given) if given else parse_name(image)
        return collect(given or image)
    except ReferenceInvalid as error:
        return [_failed(printable(image, limit=_MAX_REFERENCE) or where, f"{error} (in {where})")]
    except TargetUnavailable as error:
        known = None if name is None else _inferred(name, error)
        return [known or _failed(printable(image, limit=_MAX_REFERENCE), _told(error))]
    except InspectorError as error:
        return [_failed(printable(image, limit=_MAX_REFERENCE), _told(error))]


def _told(error: InspectorError) -> str:
    return f"{error}; {error.advice}" if error.advice else str(error)


def _name_of(reference: str) -> RegistryName | None:
    """Return the name that a reference is, None where it is something else."""
    try:
        return parse_name(reference)
    except ReferenceInvalid:
        return None


def _inferred(name: RegistryName, error: InspectorError) -> Target | None:
    known = stand_in(name.repository, name.tag) if name.digest is None else None
    if known is None:
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
        for verdict in _judge_in(target, environment, wishes):
            found.setdefault((verdict.path, verdict.call), []).append((verdict, environment.title))
    verdicts = [_gravest(each, len(workload.environments)) for each in found.values()]
    if target.inferred:
        verdicts = [_as_inferred(verdict, target.inferred) for verdict in verdicts]
    return EnvironmentVerdicts(name=workload.name, verdicts=tuple(verdicts), where=workload.where)


def _gravest(verdicts: Sequence[tuple[Verdict, str]], hosts: int) -> Verdict:
    """Return the gravest of one call's verdicts, with the places where it holds if they are not all."""
    worst, _ = max(verdicts, key=lambda pair: SEVERITY[pair[0].level])
    holds = list(dict.fromkeys(title for verdict, title in verdicts if verdict.level == worst.level))
    if hosts == 1 or len(holds) == hosts:
        return worst
    place = Reason(text=f"so it is with {'; '.join(holds)}, not on every host asked")
    return replace(worst, reasons=(*worst.reasons, place))


def _as_inferred(verdict: Verdict, why: str) -> Verdict:
    confidence = verdict.confidence if verdict.confidence == "unknown" else "inferred"
    return replace(verdict, confidence=confidence, reasons=(*verdict.reasons, Reason(text=why)))


def _judge_in(target: Target, environment: Environment, wishes: Wishes) -> Iterator[Verdict]:
    context = context_of(
        environment,
        rootfs=target.rootfs,
        config=target.config,
        script_variables=target.script_variables,
        env=wishes.env,
        resolv_conf=wishes.resolv_conf,
        nsswitch_conf=wishes.nsswitch_conf,
    )
    for verdict in judge(target, context, names=wishes.names or environment.names, calls=wishes.calls):
        told = with_patches(verdict, environment.manifest, context)
        yield replace(told, reasons=tuple(_located(reason, context) for reason in verdict.reasons))


def _located(reason: Reason, context: ResolverContext) -> Reason:
    """Return a reason whose place also says where the file or the variable comes from."""
    where = reason.where or ""
    kind, _, name = where.partition(" ")
    origin = context.env_origin.get(name) if kind == "env" else None
    file = context.files.get(where.partition(":")[0])
    if file is not None and file.origin not in {None, "image"}:
        origin = file.origin
    return replace(reason, where=f"{where}, {origin}") if origin else reason
