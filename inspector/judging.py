"""Image facts × environments to verdicts. Pure: what it is given decides, so stored facts can be judged again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import chain
from typing import Protocol

from inspector.environments import context_of, options_snippet, preset, presets, variable_snippet
from inspector.fabric import known_calls, place_of_variables
from inspector.facts import (
    BinaryFacts,
    Call,
    ContextFile,
    Environment,
    EnvironmentVerdicts,
    Flip,
    Level,
    ManifestPlace,
    Remedy,
    Report,
    ResolverContext,
    RootFsFacts,
    Summary,
    Target,
    Verdict,
)
from inspector.records import dataclass
from inspector.risk import Situation, netdns_go, resolv_conf_cure
from inspector.risk import judge as judge_call


class Ask(Protocol):
    """Judges one call of one binary, as ``inspector.risk.judge`` does."""

    def __call__(
        self,
        binary: BinaryFacts,
        rootfs: RootFsFacts,
        context: ResolverContext,
        *,
        call: Call,
        name: str | None,
        known: bool = True,
        platform: str | None = None,
    ) -> Verdict:
        """Return the verdict."""
        ...


SEVERITY: Mapping[Level, int] = {"safe": 0, "unknown": 1, "latent": 2, "wrong": 3, "crash": 4}
"""Order of levels as thresholds see it: crash > wrong > latent > unknown > safe."""

NOT_HAD = "image"
"""The stage of the problem of a target that stands for an image that could not be had at all."""
DEFAULT_NAME = "orderer.example.com"
_MAX_SNIPPET = 1500
"""Characters; what is longer would be cut where it is shown, and be another text."""
_DEFAULT_PORT = "https"
"""What a port is taken to be looked up by: for a number nobody is asked, so it would tell nothing of the call."""
_OPTION = re.compile(r"'options (\S+)' in resolv\.conf")
_USER_CALLS: tuple[Call, ...] = ("current", "user", "uid", "group", "groupids")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller knows besides the environment; it outranks both environment and image."""

    resolv_conf: ContextFile | None = None
    nsswitch_conf: ContextFile | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    """Calls known to be made, besides the host look-up that every server makes."""


def judge(
    facts: Target,
    context: ResolverContext,
    *,
    names: Sequence[str] = (),
    calls: Sequence[Call] = (),
    ask: Ask = judge_call,
) -> tuple[Verdict, ...]:
    """Judge every binary of one target in one context.

    Args:
        facts: a target as ``collect`` returns it.
        context: the whole of what the process will see.
        names: host names that will be looked up.
        calls: calls known to be made besides host look-ups.
        ask: what judges one call of one binary.

    Returns:
        One verdict for each binary, call and name, in the order of the binaries.
    """
    root = facts.rootfs or RootFsFacts()
    return tuple(
        _placed(ask(binary, root, context, call=call, name=name, known=known, platform=facts.platform), binary.path)
        for binary in facts.binaries
        for call, name, known in _calls_of(binary, context, tuple(names) or (DEFAULT_NAME,), tuple(calls))
    )


def _placed(verdict: Verdict, path: str) -> Verdict:
    return verdict if verdict.path == path else replace(verdict, path=path)


def _calls_of(
    binary: BinaryFacts, context: ResolverContext, names: tuple[str, ...], calls: tuple[Call, ...]
) -> Iterator[tuple[Call, str | None, bool]]:
    """Yield (call, name, known to be made): a symbol proves that a way exists, not that it is taken."""
    for name in names:
        yield "host", name, True
    if not binary.linkage.startswith("static"):
        # A loader that sets libc up as a whole makes every call alike.
        return
    kinds = {exposure.kind for exposure in binary.exposures or ()}
    known = {*calls, *(known_calls(binary) if kinds & {"user"} else ())}
    if "user" in kinds:
        taken = [call for call in _USER_CALLS if call in known]
        for call in taken or ["user"]:
            yield call, None, bool(taken)
        if "current" not in taken and _has_no_passwd_entry(context):
            # Files cannot answer for such a uid, and every source after them is asked. What has os/user in it is taken
            # to ask who it runs as: nothing else in the image tells.
            yield "current", None, True
    if "dns" in kinds:
        yield "port", _DEFAULT_PORT, "port" in known
    if "clib" in kinds:
        yield "clib", None, "clib" in known


def _has_no_passwd_entry(context: ResolverContext) -> bool:
    passwd = context.files.get("passwd")
    if context.uid is None or passwd is None or passwd.special is not None:
        return False
    return all(line.split(":")[2:3] != [str(context.uid)] for line in (passwd.text or "").split("\n"))


def judge_target(target: Target, environments: Sequence[Environment] | None, wishes: Wishes) -> Target:
    """Return ``target`` with the verdicts of every environment.

    ``environments`` None stands for the common presets, or, where ``wishes`` bring a resolv.conf, for that file alone.
    """
    if target.status == "failed":
        return target
    chosen = list(default_environments(wishes) if environments is None else environments)
    judged = [EnvironmentVerdicts(name=e.name, verdicts=_judge_in(target, e, wishes)) for e in chosen]
    uncommon = [] if environments is not None or wishes.resolv_conf else [e for e in presets() if not e.common]
    omens = {e.name: (e, _worst_by_path(_judge_in(target, e, wishes))) for e in uncommon}
    return replace(target, environments=tuple(_with_omens(each, omens) for each in judged))


def as_inferred(target: Target) -> Target:
    """Return a judged target whose facts are inferred themselves: no verdict on it was observed."""

    def infer(verdict: Verdict) -> Verdict:
        return replace(verdict, confidence="inferred") if verdict.confidence == "observed" else verdict

    return replace(
        target,
        environments=tuple(replace(e, verdicts=tuple(map(infer, e.verdicts))) for e in target.environments),
    )


def judge_by(target: Target, environments: Iterable[Environment], wishes: Wishes, ask: Ask) -> Target:
    """As ``judge_target``, each call judged by ``ask``, and without the uncommon presets that would be worse."""
    judged = (EnvironmentVerdicts(name=e.name, verdicts=_judge_in(target, e, wishes, ask)) for e in environments)
    return replace(target, environments=tuple(judged))


def default_environments(wishes: Wishes) -> Iterable[Environment]:
    """Return what is judged where no environment is named: the common presets, or the files that were given."""
    if wishes.resolv_conf is not None:
        # Engines and kubelets always give a host name, and a hosts file with that name; a name that is looked up is
        # taken to be another one.
        title = "the files given on the command line"
        hosts = {"hosts": preset("docker-bridge").files["hosts"]}
        return [Environment(name="given", title=title, files=hosts, system_hostname="container")]
    return [environment for environment in presets() if environment.common]


def judge_in(
    target: Target,
    environment: Environment,
    wishes: Wishes,
    ask: Ask = judge_call,
    *,
    beside: Sequence[Environment] = (),
) -> tuple[ResolverContext, tuple[Verdict, ...]]:
    """Return what an environment makes a target's binaries see, and the verdicts there.

    ``beside`` are the other hosts on which the same manifest may run: what it is to have must cure there too.
    """
    context = context_in(target, environment, wishes)
    verdicts = judge(target, context, names=wishes.names or environment.names, calls=wishes.calls, ask=ask)
    patched = (_with_patches(verdict, environment.manifest, context) for verdict in verdicts)
    return context, tuple(_with_options(verdict, target, environment, beside, wishes) for verdict in patched)


def context_in(target: Target, environment: Environment, wishes: Wishes) -> ResolverContext:
    """Return what an environment makes a target's programs see."""
    return context_of(
        environment,
        rootfs=target.rootfs,
        config=target.config,
        script_variables=target.script_variables,
        script_files=target.script_files,
        env=wishes.env,
        resolv_conf=wishes.resolv_conf,
        nsswitch_conf=wishes.nsswitch_conf,
    )


def _judge_in(target: Target, environment: Environment, wishes: Wishes, ask: Ask = judge_call) -> tuple[Verdict, ...]:
    return judge_in(target, environment, wishes, ask)[1]


def _with_patches(verdict: Verdict, manifest: ManifestPlace | None, context: ResolverContext) -> Verdict:
    """Return a verdict of which the remedy by GODEBUG is also told as its manifest has it.

    The variables of a chaincode container are written in no manifest: its remedy has further words.
    """
    if manifest is None or not verdict.remedies:
        return verdict
    value = netdns_go(context.env.get("GODEBUG"))
    snippet = variable_snippet(manifest, "GODEBUG", value, elsewhere="GODEBUG" in context.env_unknown)

    def patched(remedy: Remedy) -> Remedy:
        sets_it = remedy.kind == "env" and remedy.text.endswith(f" GODEBUG={value}")
        return replace(remedy, patch=snippet) if sets_it and len(snippet) <= _MAX_SNIPPET else remedy

    return replace(verdict, remedies=tuple(map(patched, verdict.remedies)))


def _with_options(
    verdict: Verdict, target: Target, environment: Environment, beside: Sequence[Environment], wishes: Wishes
) -> Verdict:
    """Return a verdict of which the remedy by resolv.conf is also told as its manifest has it, where that cures.

    What the manifest can have is judged anew, here and on the other hosts that it may run on: a pod cannot take a
    node's options out, nor a service other lines of a host's. Nothing is told where the file comes from elsewhere than
    the manifest, and for chaincode, whose containers no manifest has.
    """
    options, manifest, call = environment.options, environment.manifest, verdict.call
    if options is None or manifest is None or call is None or wishes.resolv_conf is not None:
        return verdict
    binary = next((binary for binary in target.binaries if binary.path == verdict.path), None)
    if binary is None or place_of_variables(binary) or all(each.kind != "resolv-conf" for each in verdict.remedies):
        return verdict
    rootfs = target.rootfs or RootFsFacts()
    removed, after = resolv_conf_cure(
        Situation(binary, rootfs, context_in(target, environment, wishes), call, verdict.name)
    )
    left = [words[1:] for line in after.split("\n") if (words := line.split())[:1] == ["options"]]
    wanted = options.without(removed, tuple(chain.from_iterable(left)))
    snippet = options_snippet(manifest, wanted, replaces=bool(options.own))
    for place in (environment, *beside):
        file = place.files.get("resolv.conf")
        if place.options is None or file is None or file.text != place.options.resolv_conf:
            return verdict
        made = ContextFile(text=place.options.naming(wanted).resolv_conf)
        changed = context_in(target, replace(place, files={**place.files, "resolv.conf": made}), wishes)
        level = judge_call(
            binary, rootfs, changed, call=call, name=verdict.name, platform=target.platform, brief=True
        ).level
        if level not in {"safe", "latent"}:
            return verdict
    if len(snippet) > _MAX_SNIPPET:
        return verdict
    remedies = (replace(each, patch=snippet) if each.kind == "resolv-conf" else each for each in verdict.remedies)
    return replace(verdict, remedies=tuple(remedies))


def _worst_by_path(verdicts: Iterable[Verdict]) -> dict[str | None, Level]:
    worst: dict[str | None, Level] = {}
    for verdict in verdicts:
        if SEVERITY[verdict.level] >= SEVERITY[worst.get(verdict.path, "safe")]:
            worst[verdict.path] = verdict.level
    return worst


def _with_omens(
    judged: EnvironmentVerdicts, omens: Mapping[str, tuple[Environment, Mapping[str | None, Level]]]
) -> EnvironmentVerdicts:
    """Add the uncommon presets that are worse than here as flips of the host look-up."""

    def add(verdict: Verdict) -> Verdict:
        if verdict.call != "host" or verdict.level not in {"safe", "latent"}:
            return verdict
        flips = tuple(replace(flip, change=flip.change + _already_so(flip.change)) for flip in verdict.flips)
        extra = tuple(
            Flip(change=f"run it in environment {name} ({environment.title})", level="crash")
            for name, (environment, levels) in omens.items()
            if levels.get(verdict.path) == "crash"
        )
        return replace(verdict, flips=flips + extra)

    return replace(judged, verdicts=tuple(add(verdict) for verdict in judged.verdicts))


def _already_so(change: str) -> str:
    """Name the common presets in which an option that a flip names is there already."""
    option = _OPTION.match(change)
    if option is None:
        return ""
    common = [environment for environment in presets() if environment.common]
    there = [e.name for e in common if option[1] in (e.files["resolv.conf"].text or "").split()]
    return f" (already so in {', '.join(there)})" if there else " (in no common preset)"


def summarise(targets: Iterable[Target]) -> Summary:
    """Count binaries × environments by their worst verdict, and as unknown too where any verdict is."""
    counts: Counter[Level] = Counter()
    waived = known = 0
    for target in targets:
        for environment in target.environments:
            levels = _worst_by_path(environment.verdicts)
            counts.update(levels.values())
            untold = {verdict.path for verdict in environment.verdicts if verdict.level == "unknown"}
            counts["unknown"] += sum(levels[path] != "unknown" for path in untold)
            all_waived, all_known = _excused(environment.verdicts)
            waived += all_waived
            known += all_known
    worst = max(filter(counts.__getitem__, counts), key=lambda level: SEVERITY[level], default=None)
    return Summary(
        worst=worst,
        crash=counts["crash"],
        wrong=counts["wrong"],
        latent=counts["latent"],
        safe=counts["safe"],
        unknown=counts["unknown"],
        waived=waived,
        known=known,
    )


def is_unread(report: Report) -> bool:
    """Whether nothing of it could be had: no target, or only such as stand for what could not."""
    return all(
        target.status == "failed" and any(problem.stage == NOT_HAD for problem in target.problems)
        for target in report.targets
    )


def _excused(verdicts: Iterable[Verdict]) -> tuple[int, int]:
    """Count the binaries of which every finding is waived, and those of which the rest is in the baseline."""
    findings: dict[str | None, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.level != "safe":
            findings.setdefault(verdict.path, []).append(verdict)
    waived = sum(all(v.waived for v in each) for each in findings.values())
    excused = sum(all(v.waived or v.known for v in each) for each in findings.values())
    return waived, excused - waived
