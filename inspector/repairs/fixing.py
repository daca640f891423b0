"""Plans for Compose files and for Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspector.environments.compose import Project, load_project
from inspector.environments.compose import workloads_of as services_of
from inspector.environments.docker import Engine
from inspector.environments.hosts import Host
from inspector.environments.kubernetes import containers_of
from inspector.environments.kubernetes import workloads_of as pods_of
from inspector.environments.manifests import load_manifests
from inspector.errors import InspectorError
from inspector.escaping import printable
from inspector.facts import Workload
from inspector.judging import Wishes
from inspector.repairs.compose import patch_service
from inspector.repairs.godebug import has_netdns_go
from inspector.repairs.kubernetes import patch_container
from inspector.repairs.patches import Document, Patch, PatchImpossible, apply
from inspector.repairs.planning import VARIABLE, Loader, Need, Plan, check, needs_of, tell_what_is_left, variables_of
from inspector.rollouts import Collect

_MAX_TRIED = 100
"""Patches that are tried one by one where all of them together do not hold."""


def plan_compose(
    texts: Mapping[str, str],
    hosts: Sequence[Host],
    collect: Collect,
    *,
    variables: Mapping[str, str],
    elsewhere: Mapping[str, str],
    wishes: Wishes | None = None,
    latent: bool = False,
    env_files: Sequence[str] = (),
    directory: Path | None = None,
    engine: Engine | None = None,
) -> Plan:
    """Plan what to write into Compose files, which are merged in the order given.

    Args:
        texts: file → its text.
        hosts: where the services may run.
        collect: reads an image.
        variables: what the shell has.
        elsewhere: image → reference to read in its place.
        wishes: names and calls that are known besides.
        latent: write it for what is safe here and one change from a crash too.
        env_files: in the place of ``.env``.
        directory: the project's; None: the first file's.
        engine: the one that starts the services.
    """
    files = list(texts)

    def load(changed: Mapping[str, str]) -> tuple[Project, tuple[Workload, ...]]:
        project = load_project(
            files, variables=variables, env_files=env_files, directory=directory, texts={**texts, **changed}
        )
        return project, services_of(project, project.services.values(), hosts, engine or Engine())

    plan = Plan()
    project, workloads = load({})
    needs = needs_of(workloads, collect, wishes or Wishes(), elsewhere=elsewhere, latent=latent, plan=plan)
    wanted = {need.workload.name.removeprefix("compose:"): need for need in needs if need.cured}
    # What extends a service that gets the variable has it from there, as a rule.
    heirs = [name for name in wanted if set(project.services[name].bases) & set(wanted)]
    placed = [
        found
        for name, need in wanted.items()
        if name not in heirs and (found := _place_in_compose(project, need, texts, plan))
    ]
    if heirs:
        inherited = variables_of(load(_applied(texts, placed))[1])
        for need in map(wanted.__getitem__, heirs):
            if not has_netdns_go(inherited[need.workload.name].get(VARIABLE, "")):
                found = _place_in_compose(project, need, texts, plan)
                placed += [found] if found else []
    _settle(plan, texts, placed, workloads, lambda changed: load(changed)[1])
    tell_what_is_left(needs, plan)
    return plan


def _place_in_compose(project: Project, need: Need, texts: Mapping[str, str], plan: Plan) -> _Placed | None:
    name = need.workload.name.removeprefix("compose:")
    service = project.services[name]
    held = service.environment.get(VARIABLE)
    # Where the variable is set, if that is in one of these files and in this service; else where the service is.
    order = [*([held.place.file] if held else []), service.place.file, *texts]
    for file in dict.fromkeys("-" if file == "standard input" else file for file in order):
        if file not in texts:
            continue
        patch, refused = patch_service(texts[file], file, name, (held.value or "") if held else "")
        if patch:
            return _Placed(need, file, patch)
        if refused:
            _refuse(need, refused, plan)
            return None
    _refuse(need, f"it is defined in {printable(service.place.file)}, which was not given", plan)
    return None


def _refuse(need: Need, why: str, plan: Plan) -> None:
    plan.pending = True
    plan.told.append(
        f"{printable(need.workload.name)} ({printable(need.workload.where)}): needs GODEBUG=netdns=go, and {why}: "
        "write it by hand"
    )


def plan_kubernetes(
    texts: Mapping[str, str],
    hosts: Sequence[Host],
    collect: Collect,
    *,
    elsewhere: Mapping[str, str],
    wishes: Wishes | None = None,
    latent: bool = False,
) -> Plan:
    """Plan what to write into Kubernetes manifests; arguments as for ``plan_compose``."""
    plan = Plan()
    manifests = load_manifests(texts, texts)
    found = tuple(containers_of(manifests, hosts))
    workloads = tuple(workload for workload, _ in found)
    needs = needs_of(workloads, collect, wishes or Wishes(), elsewhere=elsewhere, latent=latent, plan=plan)
    by_name = {need.workload.name: need for need in needs if need.cured}
    placed: list[_Placed] = []
    for workload, held in found:
        need = by_name.get(workload.name)
        if need is None or held is None:
            continue
        pod, container = held
        file = container.place.file if container.place.file in texts else "-"
        inherited = workload.environments[0].env.get(VARIABLE, "")
        try:
            placed.append(_Placed(need, file, patch_container(Document(texts[file]), pod.spec, container, inherited)))
        except PatchImpossible as error:
            _refuse(need, str(error), plan)

    def load(changed: Mapping[str, str]) -> tuple[Workload, ...]:
        return pods_of(load_manifests(texts, {**texts, **changed}), hosts)

    _settle(plan, texts, placed, workloads, load)
    tell_what_is_left(needs, plan)
    return plan


@dataclass(frozen=True, slots=True)
class _Placed:
    """A patch, and the workload that it is for."""

    need: Need
    file: str
    patch: Patch


def _settle(
    plan: Plan, texts: Mapping[str, str], placed: Sequence[_Placed], workloads: tuple[Workload, ...], load: Loader
) -> None:
    """Apply the patches and read the result again; what changes anything but the variable is left out and told."""
    before = variables_of(workloads)

    def fault(chosen: Sequence[_Placed]) -> str | None:
        try:
            after = variables_of(load(_applied(texts, chosen)))
        except InspectorError as error:
            return str(error)
        return next(check(before, after, [each.need.workload.name for each in chosen]), None)

    kept = list(placed)
    if fault(kept) is not None:
        kept = []
        for each in placed[:_MAX_TRIED]:
            why = fault([*kept, each])
            if why is None:
                kept.append(each)
            else:
                _refuse(each.need, f"what was tried does not hold ({why})", plan)
        for each in placed[_MAX_TRIED:]:
            _refuse(each.need, "too many others were in the way", plan)
    plan.changed = [each.need.workload.name for each in kept]
    plan.texts = {file: (texts[file], text) for file, text in _applied(texts, kept).items()}


def _applied(texts: Mapping[str, str], placed: Sequence[_Placed]) -> dict[str, str]:
    files = dict.fromkeys(each.file for each in placed)
    return {file: apply(texts[file], [each.patch for each in placed if each.file == file]) for file in files}
