"""Stored images judged again, without the images: each distinct build on each distinct base once.

Verdicts depend on a binary's build, on what its image gives it, and on the environment (``store/grouping.py``). Many
images hold few such pairs, so the answer for a hundred thousand binaries takes as long as that for their pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial

from inspector.facts import (
    CONTEXT_FILES,
    RESOLVER_VARIABLES,
    BinaryFacts,
    Call,
    Environment,
    EnvironmentVerdicts,
    Level,
    Reason,
    ResolverContext,
    RootFsFacts,
    Target,
    Verdict,
)
from inspector.judging import SEVERITY, Ask, Wishes, default_environments, judge_by, judge_target
from inspector.risk import judge as judge_call
from inspector.store import Base, Contents, Pair, Store, StoredBinary, StoredImage, target_of

_READ: Mapping[Call, tuple[str, ...]] = {
    "host": ("resolv.conf", "nsswitch.conf", "mdns.allow", "hosts"),
    "port": ("resolv.conf", "nsswitch.conf", "mdns.allow", "services"),
}
"""The files that decide of the calls that every image is asked of; of any other call, all may."""
_ROOT = tuple(
    each.name for each in fields(RootFsFacts) if each.name not in {"files", "special", "libresolv", "ld_so_cache"}
)
"""Files count as the context has them; the last two are told, and nothing goes by them."""
PairKey = tuple[str, str]
"""Digests of a build and of a base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said of every binary that is a certain pair, without flips and remedies."""

    environments: tuple[EnvironmentVerdicts, ...]
    verdicts: tuple[Verdict, ...]
    """The gravest in each environment."""
    untold: tuple[bool, ...] = ()
    """In each: whether anything could not be told, beside whatever is graver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudgement:
    """The whole store, judged. ``images`` is read anew each time it is asked for."""

    store: Store
    environments: tuple[Environment, ...]
    wishes: Wishes
    pairs: tuple[Pair, ...]
    contents: Contents
    answers: Mapping[PairKey, Answer]
    stale: int = 0
    """Images of which only another version of the analyser left facts: they are not judged."""
    _kept: dict[PairKey, Answer] = field(default_factory=dict)
    _unknown: Answer = field(default_factory=lambda: Answer(environments=(), verdicts=()))

    def answer(self, binary: StoredBinary) -> Answer:
        """Return what is said of a binary. One that was stored since the judgement began is unknown."""
        return self.answers.get((binary.build, binary.base), self._unknown)

    def images(self) -> Iterator[JudgedImage]:
        """Yield every stored image with what is said of it, once for each of its names, in their order."""
        for image in self.store.inventory():
            yield self.image(image)

    def image(self, image: StoredImage) -> JudgedImage:
        """Return what is said of one stored image."""
        answers = tuple(self.answer(binary) for binary in image.binaries)
        # What could not be read in full is at best unknown: nobody can say what else there is.
        whole = image.status == "analysed"
        return JudgedImage(
            image=image,
            answers=answers,
            levels=tuple(self._levels(answers, least="safe" if whole else "unknown")),
            untold=tuple(
                not whole or any(answer.untold[place] for answer in answers) for place in range(len(self.environments))
            ),
        )

    def _levels(self, answers: Sequence[Answer], *, least: Level) -> Iterator[Level]:
        for place in range(len(self.environments)):
            levels = (answer.verdicts[place].level for answer in answers)
            yield max((least, *levels), key=SEVERITY.__getitem__)

    def in_full(self, key: PairKey) -> tuple[EnvironmentVerdicts, ...]:
        """Return every verdict on a pair, with flips and remedies."""
        build, base = self.contents.builds.get(key[0]), self.contents.bases.get(key[1])
        if build is None or base is None:
            return ()
        return judge_target(target_of(build, base), self.environments, self.wishes).environments

    def full_answers(self, image: JudgedImage) -> tuple[Answer, ...]:
        """Return what is said of an image's binaries, with flips and remedies."""
        return tuple(
            self._full(binary, answer) for binary, answer in zip(image.image.binaries, image.answers, strict=True)
        )

    def _full(self, binary: StoredBinary, brief: Answer) -> Answer:
        key = (binary.build, binary.base)
        if key not in self._kept:
            self._kept[key] = replace(brief, environments=self.in_full(key) or brief.environments)
        return self._kept[key]

    def facts(self, key: PairKey) -> tuple[BinaryFacts | None, Base | None]:
        """Return the facts of a pair; None where the stored ones cannot be read."""
        return self.contents.builds.get(key[0]), self.contents.bases.get(key[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedImage:
    """A stored image, and what is said of it."""

    image: StoredImage
    answers: tuple[Answer, ...]
    """Of each of its binaries, in their order."""
    levels: tuple[Level, ...]
    """In each environment the gravest; at best unknown where the image could not be read in full."""
    untold: tuple[bool, ...] = ()
    """In each: whether anything of it could not be told, beside whatever is graver."""

    @property
    def name(self) -> str:
        """The reference, or the digest where no name leads to it."""
        return self.image.reference or self.image.digest

    def target(self, environments: Sequence[Environment], answers: Sequence[Answer] | None = None) -> Target:
        """Return it as a report has images, for what is held against a report; ``answers`` in the place of its own."""
        return Target(
            reference=self.image.reference or "",
            digest=self.image.digest,
            platform=self.image.platform,
            status=self.image.status,
            environments=tuple(
                EnvironmentVerdicts(
                    name=environment.name,
                    verdicts=tuple(
                        replace(verdict, path=binary.path)
                        for binary, answer in zip(self.image.binaries, answers or self.answers, strict=True)
                        for verdict in answer.environments[place].verdicts
                    ),
                )
                for place, environment in enumerate(environments)
            ),
        )


def judge_store(store: Store, environments: Sequence[Environment] | None, wishes: Wishes) -> Rejudgement:
    """Judge all that a store holds.

    Args:
        store: an open one.
        environments: where it will run; None: the common presets, or the files that ``wishes`` bring.
        wishes: what outranks environment and image.

    Raises:
        StoreUnavailable: if the store cannot be read.
    """
    chosen = tuple(default_environments(wishes) if environments is None else environments)
    pairs, contents = tuple(store.pairs()), store.contents()
    unreadable = _unreadable("its stored facts are damaged or missing", chosen)
    later = _unreadable("it was stored while the store was judged", chosen)
    with _without_collection():
        answers = {
            (pair.build, pair.base): answer or unreadable
            for pair, answer in zip(pairs, _answers(pairs, contents, chosen, wishes), strict=True)
        }
    return Rejudgement(
        store=store,
        environments=chosen,
        wishes=wishes,
        pairs=pairs,
        contents=contents,
        answers=answers,
        stale=store.stale(),
        _unknown=later,
    )


def _answers(
    pairs: Iterable[Pair], contents: Contents, environments: Sequence[Environment], wishes: Wishes
) -> Iterator[Answer | None]:
    """Yield what is said of each pair; None where its facts cannot be read."""
    memory = _Memory()
    for pair in pairs:
        build, base = contents.builds.get(pair.build), contents.bases.get(pair.base)
        if build is None or base is None:
            yield None
        else:
            yield _answer(judge_by(target_of(build, base), environments, wishes, memory.of(pair.build)))


@contextmanager
def _without_collection() -> Iterator[None]:
    """Let Python not look for cycles: there are none in verdicts, and looking takes a quarter of the time."""
    import gc

    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Memory:
    """Judges briefly, and gives the same answer where all that a call depends on is the same.

    A host look-up reads neither passwd nor group, say: what a call does not read is taken out of what is judged, so
    that the answer cannot depend on it. That it is the answer of a scan nevertheless is held by a test.
    """

    def __init__(self) -> None:
        self._verdicts: dict[tuple[object, ...], Verdict] = {}

    def of(self, build: str) -> Ask:
        """Return what judges calls of a build, given its digest."""
        return partial(self._ask, build)

    def _ask(
        self,
        build: str,
        binary: BinaryFacts,
        rootfs: RootFsFacts,
        context: ResolverContext,
        *,
        call: Call,
        name: str | None,
        known: bool = True,
        platform: str | None = None,
    ) -> Verdict:
        names = _READ.get(call, CONTEXT_FILES)
        files = {each: context.files[each] for each in names if each in context.files}
        env = {each: context.env[each] for each in RESOLVER_VARIABLES if each in context.env}
        # Who asks matters to what files say of users, and where not everybody may read.
        asks = call not in _READ or any(file.special for file in files.values())
        uid = context.uid if asks else None
        facts = [getattr(rootfs, each) for each in _ROOT]
        key = (build, call, name, known, platform, uid, context.system_hostname, context.env_unknown,
               *files.items(), *env.items(), *facts)  # fmt: skip
        verdict = self._verdicts.get(key)
        if verdict is None:
            seen = ResolverContext(
                files=files, env=env, env_unknown=context.env_unknown, uid=uid, system_hostname=context.system_hostname
            )
            root = replace(rootfs, files=None, special={})
            said = judge_call(binary, root, seen, call=call, name=name, known=known, platform=platform, brief=True)
            verdict = self._verdicts[key] = replace(said, path=binary.path)
        return verdict


def _answer(target: Target) -> Answer:
    return Answer(
        environments=target.environments,
        verdicts=tuple(gravest(each.verdicts) for each in target.environments),
        untold=tuple(any(verdict.level == "unknown" for verdict in each.verdicts) for each in target.environments),
    )


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the first of the gravest verdicts on one binary."""
    return max(verdicts, key=lambda verdict: SEVERITY[verdict.level])


def _unreadable(why: str, environments: Sequence[Environment]) -> Answer:
    reason = Reason(text=f"{why}: scan the image again")
    verdict = Verdict(rule="not-analysed", level="unknown", reasons=(reason,))
    return Answer(
        environments=tuple(EnvironmentVerdicts(name=each.name, verdicts=(verdict,)) for each in environments),
        verdicts=(verdict,) * len(environments),
        untold=(True,) * len(environments),
    )


# ── the survey ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Group:
    """The binaries that are one pair."""

    binaries: int = 0
    names: list[tuple[str, str]] = field(default_factory=list)
    """(image, path) of the first of them."""


@dataclass(slots=True)
class Survey:
    """What one walk over the judged images counted."""

    images: int = 0
    binaries: int = 0
    incomplete: int = 0
    """Images that could not be read in full."""
    counts: list[Counter[Level]] = field(default_factory=list)
    """Images by level, in each environment; as unknown too where anything could not be told."""
    groups: dict[PairKey, Group] = field(default_factory=dict)
    worse: int = 0
    """Of two environments: images with a binary that is worse in the second."""
    better: int = 0
    """Those with one that is better, and none that is worse."""


def survey(
    judged: Rejudgement, *, names: int, visit: Callable[[JudgedImage], None] | None = None, paired: bool = False
) -> Survey:
    """Walk once over all images.

    Args:
        judged: the store, judged.
        names: how many binaries of each pair are named.
        visit: is given each image.
        paired: two environments are compared.
    """
    found = Survey(counts=[Counter() for _ in judged.environments])
    for each in judged.images():
        found.images += 1
        found.binaries += len(each.image.binaries)
        found.incomplete += each.image.status != "analysed"
        for place, level in enumerate(each.levels):
            found.counts[place][level] += 1
            found.counts[place]["unknown"] += each.untold[place] and level != "unknown"
        for binary in each.image.binaries:
            group = found.groups.setdefault((binary.build, binary.base), Group())
            group.binaries += 1
            if len(group.names) < names:
                group.names.append((each.name, binary.path))
        if paired:
            moves = [shift_of(answer) for answer in each.answers]
            found.worse += any(move > 0 for move in moves)
            found.better += any(move < 0 for move in moves) and not any(move > 0 for move in moves)
        if visit is not None:
            visit(each)
    return found


def shift_of(answer: Answer) -> int:
    """Return by how much a binary is worse in the second of two environments than in the first; 0: nothing changes.

    What cannot be told there, and could here, is worse, whatever it was.
    """
    before, after = answer.verdicts
    was_untold, is_untold = answer.untold
    if is_untold and not was_untold:
        return 1
    return SEVERITY[after.level] - SEVERITY[before.level] or is_untold - was_untold
