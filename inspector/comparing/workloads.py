"""Two manifests compared service by service, on each host on which they may run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from inspector.comparing.comparison import MAX_DIFFERENCES, Comparison, Difference, Flip, Shift
from inspector.comparing.differences import differences
from inspector.comparing.places import assumed_of, filled, place_of_environment, told
from inspector.comparing.releases import shifts
from inspector.facts import RESOLVER_VARIABLES, Environment, EnvironmentVerdicts, Level, Target, Verdict, Workload
from inspector.judging import SEVERITY, Wishes
from inspector.rollouts import Collect, judge_workload, read_images

_Key = tuple[str | None, str | None, str]
"""A binary: the reference where the same images are judged on both sides, the platform, the path."""


@dataclass
class _Found:
    differences: list[Difference] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    flips: list[Flip] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


def compare_workloads(
    a: Sequence[Workload],
    b: Sequence[Workload],
    collect: Collect,
    *,
    titles: tuple[str, str],
    name: str,
    wishes: Wishes,
    targets: Sequence[Target] = (),
) -> Comparison:
    """Compare two manifests, service by service.

    Args:
        a: what the one starts.
        b: what the other starts.
        collect: reads an image.
        titles: what the two are called.
        name: the host name that each release is asked for.
        wishes: names and calls for the binaries.
        targets: images to be judged in every service; none: each service's own image.
    """
    found = _Found()
    problems: list[str] = []
    own = {} if targets else _images([*a, *b], collect, problems)
    ones, others = (_named(side, problems) for side in (a, b))
    for service in dict.fromkeys([*ones, *others]):
        one, other = ones.get(service), others.get(service)
        if one is None or other is None:
            text = "nobody: the service is in one of the two only"
            found.differences.append(Difference(service=service, what="service", a=one.where if one else None,
                           b=other.where if other else None, read=text))  # fmt: skip
            continue
        _places(service, one, other, name, found)
        _binaries(service, (one, other), [targets or own.get(id(side), ()) for side in (one, other)], wishes, found)
    moved = tuple(flip for flip in found.flips if flip.a != flip.b)
    return Comparison(
        a=titles[0],
        b=titles[1],
        name=name,
        assumed=tuple(dict.fromkeys(found.assumed)),
        differences=tuple(found.differences[:MAX_DIFFERENCES]),
        left_out=max(0, len(found.differences) - MAX_DIFFERENCES),
        shifts=tuple(found.shifts),
        binaries=moved,
        unmoved=len(found.flips) - len(moved),
        problems=tuple(dict.fromkeys(problems)),
    )


def _named(workloads: Sequence[Workload], problems: list[str]) -> dict[str, Workload]:
    """Return workloads by their names, those of one name numbered; what could not be understood is noted."""
    found: dict[str, Workload] = {}
    for workload in workloads:
        if not workload.environments:
            problems += [f"{workload.name} ({workload.where}): {text}" for text in workload.problems]
            continue
        name, number = workload.name, 1
        while name in found:
            number += 1
            name = f"{workload.name} ({number})"
        found[name] = workload
    return found


def _images(workloads: Sequence[Workload], collect: Collect, problems: list[str]) -> dict[int, list[Target]]:
    """Return each workload's targets, by its identity; what could not be had is noted."""
    images: dict[int, list[Target]] = {}
    for target, group in read_images(workloads, collect):
        problems += [f"{target.reference}: {problem.message}" for problem in target.problems]
        if target.status != "failed":
            for workload in group:
                images.setdefault(id(workload), []).append(target)
    return images


def _places(service: str, a: Workload, b: Workload, name: str, found: _Found) -> None:
    """Note what differs for a service, once for all hosts on which it is the same."""
    noted: dict[Difference, list[str]] = {}
    moved: dict[Shift, list[str]] = {}
    for one, other in _pairs(a, b):
        mine, theirs = place_of_environment(one), place_of_environment(other)
        assumed = assumed_of(mine, theirs)
        title = one.title if len(a.environments) > 1 else other.title
        found.assumed += told(mine, theirs, assumed)
        found.assumed += [f"{service}: {text}" for side in (one, other) for text in _untold(side)]
        for difference in differences(mine, theirs):
            noted.setdefault(difference, []).append(title)
        for shift in shifts(filled(mine, assumed), filled(theirs, assumed), name):
            moved.setdefault(shift, []).append(title)
    every = max(len(a.environments), len(b.environments))
    if a.image != b.image:
        text = "whoever starts it; its binaries stand below"
        found.differences.append(Difference(service=service, what="image", a=a.image, b=b.image, read=text))
    found.differences += [replace(item, service=service, on=_on(titles, every)) for item, titles in noted.items()]
    found.shifts += [replace(item, service=service, on=_on(titles, every)) for item, titles in moved.items()]


def _pairs(a: Workload, b: Workload) -> Iterator[tuple[Environment, Environment]]:
    """Yield both environments on each host; one that takes nothing of the host stands for all of them."""
    every = max(len(a.environments), len(b.environments))
    ones, others = (w.environments * every if len(w.environments) == 1 else w.environments for w in (a, b))
    yield from zip(ones, others, strict=True)


def _on(titles: Sequence[str], every: int) -> str | None:
    return None if len(titles) == every else "; ".join(dict.fromkeys(titles))


def _untold(environment: Environment) -> Iterator[str]:
    yield from (f"{file}: {why}" for file, why in environment.unknown_files.items())
    for variable in (*environment.env_unknown, *environment.env_elsewhere):
        if variable in RESOLVER_VARIABLES:
            yield f"{variable} may be set by something that is not at hand"


# ── binaries ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _binaries(
    service: str,
    sides: tuple[Workload, Workload],
    images: Sequence[Sequence[Target]],
    wishes: Wishes,
    found: _Found,
) -> None:
    given = images[0] is images[1]
    one, other = (
        {key: worst for target in targets for key, worst in _worst(target, side, wishes, given=given)}
        for side, targets in zip(sides, images, strict=True)
    )
    if not one or not other:
        return  # an image that could not be had is told as a problem
    for key in dict.fromkeys([*one, *other]):
        a, b = one.get(key), other.get(key)
        worse = max((side for side in (a, b) if side is not None), key=lambda side: SEVERITY[side[0]])
        found.flips.append(
            Flip(
                service=service,
                reference=worse[2],
                path=key[2],
                a=a and a[0],
                b=b and b[0],
                why=worse[1],
            )
        )


def _worst(
    target: Target, workload: Workload, wishes: Wishes, *, given: bool
) -> Iterator[tuple[_Key, tuple[Level, str, str]]]:
    """Yield each binary's worst level there, why, and whose it is."""
    if given and workload.start.entrypoint is not None:
        target = replace(
            target, script_variables=(), script_files=()
        )  # the script of an image of the caller's choice is not run
    judged: EnvironmentVerdicts = judge_workload(target, workload, wishes)
    by_path: dict[str, Verdict] = {}
    for verdict in judged.verdicts:
        path = verdict.path or ""
        if path not in by_path or SEVERITY[verdict.level] > SEVERITY[by_path[path].level]:
            by_path[path] = verdict
    reference = target.reference if given else None
    for path, verdict in by_path.items():
        why = "; ".join(reason.text for reason in verdict.reasons[:2])
        yield (reference, target.platform, path), (verdict.level, why, target.reference)
