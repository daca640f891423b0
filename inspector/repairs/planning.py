"""What is to be written into manifests, and what no variable can cure.

A workload needs ``GODEBUG=netdns=go`` where it makes the verdict of some binary better. What is written is read again:
nothing but GODEBUG may have changed, else it is not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inspector.escaping import printable
from inspector.fabric import line_of
from inspector.facts import Environment, Level, Target, Verdict, Workload
from inspector.judging import SEVERITY, Wishes
from inspector.repairs.godebug import add_netdns_go, has_netdns_go
from inspector.rollouts import Collect, judge_workload, read_images, unmatched

VARIABLE = "GODEBUG"
_CARE: Mapping[Level, int] = {"safe": 0, "latent": 1, "unknown": 2, "wrong": 3, "crash": 4}
"""How much a level leaves to care for: what is not known is worse than what is known to be safe today."""
Variables = Mapping[str, Mapping[str, str]]
"""Workload → its variables, as far as the manifests tell."""


@dataclass(frozen=True, slots=True)
class Need:
    """One workload after judgement."""

    workload: Workload
    cured: tuple[Verdict, ...]
    """Verdicts that netdns=go makes better."""
    left: tuple[Verdict, ...]
    """Verdicts that stay at crash, wrong or unknown with it."""
    hindered: tuple[tuple[str | None, str | None], ...] = ()
    """Path and call of those that it would cure, if nothing that runs before the program changed it again."""
    hindrance: str = ""
    """What does: the workload's command, or the entrypoint and scripts of its image."""


@dataclass(slots=True)
class Plan:
    """Texts before and after, and what there is to say."""

    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """File → (before, after), of files that change."""
    changed: list[str] = field(default_factory=list)
    """Workloads that get the variable."""
    told: list[str] = field(default_factory=list)
    """What GODEBUG cannot do, and what is left to the reader."""
    left: Level | None = None
    """The gravest level that is left when everything is written."""
    pending: bool = False
    """Something needs the variable and could not be given it."""


def needs_of(
    workloads: Iterable[Workload],
    collect: Collect,
    wishes: Wishes,
    *,
    elsewhere: Mapping[str, str],
    latent: bool,
    plan: Plan,
) -> list[Need]:
    """Judge workloads as they are and with the variable; tell into ``plan`` what could not be judged.

    Args:
        workloads: what the manifests start.
        collect: reads an image.
        wishes: what outranks environment and image.
        elsewhere: image as the manifest names it → reference to read in its place.
        latent: what is safe here and one change from a crash needs it as well.
        plan: takes what there is to say.
    """
    workloads = tuple(workloads)
    plan.told += unmatched(elsewhere, workloads)
    gathered: dict[str, Need] = {}
    for target, group in read_images(workloads, collect, elsewhere):
        for problem in target.problems:
            plan.told.append(f"{printable(target.reference)}: {printable(problem.message)}")
        if target.status == "failed" or not all(workload.environments for workload in group):
            plan.left = _graver(plan.left, "unknown")
        if target.status == "failed":
            continue
        for workload in group:
            need = _need(target, workload, wishes, latent=latent)
            known = gathered.get(workload.name)
            both = need if known is None else _both(known, need)
            gathered[workload.name] = both
    for need in gathered.values():
        if need.cured and any(VARIABLE in each.env_elsewhere for each in need.workload.environments):
            plan.told.append(
                f"{_label(need.workload)}: what sets GODEBUG elsewhere, if anything does, no longer counts"
            )
    _tell_of_chaincode(gathered.values(), plan)
    return list(gathered.values())


def _need(target: Target, workload: Workload, wishes: Wishes, *, latent: bool) -> Need:
    before = judge_workload(target, workload, wishes).verdicts
    given = replace(workload, environments=tuple(_with_variable(e, target) for e in workload.environments))
    after = judge_workload(target, given, wishes).verdicts
    worth = {"crash", "wrong", "unknown"} | ({"latent"} if latent else set())
    better: dict[tuple[str | None, str | None], int] = {}
    for v in after:
        better[v.path, v.call] = max(_CARE[v.level], better.get((v.path, v.call), 0))
    cured = tuple(v for v in before if v.level in worth and better.get((v.path, v.call), 9) < _CARE[v.level])
    left = tuple(v for v in after if v.level in {"crash", "wrong", "unknown"})
    hindrance = _hindrance(target, given)
    if not left or not hindrance:
        return Need(workload, cured, left)
    free = judge_workload(_unhindered(target), _heeding(given), wishes).verdicts
    levels = {(v.path, v.call): _CARE[v.level] for v in free}
    hindered = tuple((v.path, v.call) for v in left if levels.get((v.path, v.call), 9) < _CARE[v.level])
    return Need(workload, cured, left, hindered, hindrance)


def _both(one: Need, other: Need) -> Need:
    return Need(
        one.workload,
        one.cured + other.cured,
        one.left + other.left,
        one.hindered + other.hindered,
        one.hindrance or other.hindrance,
    )


def _hindrance(target: Target, workload: Workload) -> str:
    """Return what changes the variable after it was given, nothing where that is not so."""
    if any(VARIABLE in each.env_unknown for each in workload.environments):
        return "its command"
    return "what it starts" if VARIABLE in target.script_variables else ""


def _unhindered(target: Target) -> Target:
    return replace(target, script_variables=tuple(name for name in target.script_variables if name != VARIABLE))


def _heeding(workload: Workload) -> Workload:
    """Return a workload whose command leaves the variable alone."""
    return replace(
        workload,
        environments=tuple(
            replace(each, env_unknown=tuple(name for name in each.env_unknown if name != VARIABLE))
            for each in workload.environments
        ),
    )


def _with_variable(environment: Environment, target: Target) -> Environment:
    held = environment.env.get(VARIABLE)
    if held is None and target.config is not None:
        held = target.config.env.get(VARIABLE)
    env = {**environment.env, VARIABLE: add_netdns_go(held or "")}
    elsewhere = tuple(name for name in environment.env_elsewhere if name != VARIABLE)
    return replace(environment, env=env, env_elsewhere=elsewhere)


def _graver(one: Level | None, other: Level) -> Level:
    return other if one is None or SEVERITY[other] > SEVERITY[one] else one


def tell_what_is_left(needs: Iterable[Need], plan: Plan) -> None:
    """Say plainly where GODEBUG cannot help, with the reason and what does."""
    for need in needs:
        for verdict in need.left:
            plan.left = _graver(plan.left, verdict.level)
            if (verdict.path, verdict.call) in need.hindered:
                plan.told.append(
                    f"{_label(need.workload)}: {printable(verdict.path or '')} needs GODEBUG=netdns=go for the call "
                    f"{verdict.call} ({verdict.level}), and {need.hindrance} may change GODEBUG itself: change it there"
                )
                continue
            why = verdict.reasons[0].text if verdict.reasons else verdict.rule
            cure = f"; instead: {verdict.remedies[0].text}" if verdict.remedies else ""
            plan.told.append(
                f"{_label(need.workload)}: GODEBUG cannot help {printable(verdict.path or '')} with the call "
                f"{verdict.call} ({verdict.level}): {printable(why)}{printable(cure)}"
            )


def _label(workload: Workload) -> str:
    return f"{printable(workload.name)} ({printable(workload.where)})"


_CHAINCODE = (
    "Go chaincode that a peer builds is linked statically against glibc, and peers do not hand GODEBUG on to it: "
    "set chaincode.golang.dynamicLink: true in core.yaml (or CORE_CHAINCODE_GOLANG_DYNAMICLINK=true) and install "
    "the chaincode anew"
)
_PEERS_NAMED = 5
_DYNAMIC_LINK = "CORE_CHAINCODE_GOLANG_DYNAMICLINK"


def _tell_of_chaincode(needs: Iterable[Need], plan: Plan) -> None:
    """Tell the operators of peers what the peer does to chaincode (fabric, core/chaincode/platforms/golang)."""
    peers = [need.workload for need in needs if _links_chaincode_statically(need.workload)]
    if peers:
        names = ", ".join(_label(peer) for peer in peers[:_PEERS_NAMED])
        more = f" and {len(peers) - _PEERS_NAMED} more" if len(peers) > _PEERS_NAMED else ""
        plan.told.append(f"{names}{more}: {_CHAINCODE}")


def _links_chaincode_statically(workload: Workload) -> bool:
    name, _, tag = (workload.image or "").rpartition("/")[2].partition(":")
    line = line_of(tag.partition("@")[0])
    values = workload.environments[0].env if workload.environments else {}
    is_static = line is None or line.chaincode == "static glibc"
    return name == "fabric-peer" and is_static and values.get(_DYNAMIC_LINK, "").lower() != "true"


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────


def check(before: Variables, after: Variables, wanted: Sequence[str]) -> Iterator[str]:
    """Yield what the new texts say otherwise than meant: nothing but GODEBUG may change, and it must be there."""
    if list(before) != list(after):
        yield "other services or containers would come out"
        return
    for name, values in after.items():
        old = before[name]
        if {k: v for k, v in values.items() if k != VARIABLE} != {k: v for k, v in old.items() if k != VARIABLE}:
            yield f"{printable(name)}: other variables would change"
        if name in wanted and not has_netdns_go(values.get(VARIABLE, "")):
            yield f"{printable(name)}: GODEBUG would not come out as meant"


Loader = Callable[[Mapping[str, str]], tuple[Workload, ...]]
"""Loads the workloads, some files' texts replaced."""


def variables_of(workloads: Iterable[Workload]) -> Variables:
    """Return what ``check`` compares."""
    return {
        w.name: {**(w.environments[0].env if w.environments else {}), "its image": w.image or ""} for w in workloads
    }
