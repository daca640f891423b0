"""What ``inspector judge --store`` found: as text for a person, as a JSON document. Render only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from inspector.escaping import printable
from inspector.facts import Level, SchemaId, Status, Tool, Verdict
from inspector.judging import SEVERITY
from inspector.rejudging import Group, JudgedImage, PairKey, Rejudgement, Survey, shift_of
from inspector.reports.encoding import harmless
from inspector.reports.text import TextStyle, wrap
from inspector.reports.wording import LEVELS, describe_binary, describe_outcome, describe_rootfs

_SCHEMA = SchemaId(name="inspector-store-judgement", version="1.0.0")
_GROUPS = 10
NAMES = 5
"""Images of a group that are named; all of them with --verbose."""


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDocument:
    """A build on a base: what is said here holds for every binary that names it."""

    binaries: int
    build: str | None
    """In words; None: the stored facts cannot be read."""
    base: str | None
    go: str | None = None
    linkage: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    """The gravest in each environment, without flips and remedies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDocument:
    """One image under one of its names."""

    reference: str | None
    digest: str
    platform: str | None
    status: Status
    levels: tuple[Level, ...]
    """In each environment."""
    untold: tuple[bool, ...]
    """In each: whether anything could not be told, beside whatever is graver."""
    binaries: Mapping[str, int]
    """Path → place in ``pairs``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonDocument:
    """Images that come out otherwise in the second of two environments."""

    worse: int
    better: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryDocument:
    """Counts of images, of binaries in all of them, and of distinct pairs."""

    images: int
    binaries: int
    pairs: int
    incomplete: int
    stale: int
    """Images of another version of the analyser, which were not judged."""
    levels: Mapping[str, Mapping[str, int]]
    """Environment → level → images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejudgementDocument:
    """A store, judged."""

    schema: SchemaId = _SCHEMA
    tool: Tool
    store: str = ""
    environments: tuple[str, ...] = ()
    summary: SummaryDocument
    comparison: ComparisonDocument | None = None
    """Where two environments are compared: then ``images`` are those that come out otherwise."""
    pairs: tuple[PairDocument, ...] = ()
    images: tuple[ImageDocument, ...] = ()


def encode_rejudgement(
    judged: Rejudgement, found: Survey, images: list[JudgedImage], *, tool: Tool, paired: bool
) -> bytes:
    """Return the judgement as one JSON document with a final newline, a line for each image."""
    places = {(pair.build, pair.base): place for place, pair in enumerate(judged.pairs)}
    pairs = [_pair_document(judged, (pair.build, pair.base), pair.count) for pair in judged.pairs]
    for image in images:
        for binary, answer in zip(image.image.binaries, image.answers, strict=True):
            key = (binary.build, binary.base)
            if key not in places:  # stored while the store was judged
                places[key] = len(pairs)
                pairs.append(PairDocument(binaries=1, build=None, base=None, verdicts=answer.verdicts))
    document = RejudgementDocument(
        tool=tool,
        store=str(judged.store.place),
        environments=tuple(each.name for each in judged.environments),
        summary=SummaryDocument(
            images=found.images,
            binaries=found.binaries,
            pairs=len(judged.pairs),
            incomplete=found.incomplete,
            stale=judged.stale,
            levels={
                each.name: {level: found.counts[place][level] for level in LEVELS}
                for place, each in enumerate(judged.environments)
            },
        ),
        comparison=ComparisonDocument(worse=found.worse, better=found.better) if paired else None,
        pairs=tuple(pairs),
    )
    head = msgspec.json.format(msgspec.json.encode(document), indent=2).rstrip()
    lines = b",\n".join(b"    " + msgspec.json.encode(_image_document(image, places)) for image in images)
    return harmless(head.removesuffix(b"[]\n}") + b"[\n" + lines + b"\n  ]\n}\n")


def _pair_document(judged: Rejudgement, key: PairKey, count: int) -> PairDocument:
    build, base = judged.facts(key)
    return PairDocument(
        binaries=count,
        build=describe_binary(build) if build else None,
        base=describe_rootfs(base.rootfs) if base else None,
        go=build.go.version if build and build.go else None,
        linkage=build.linkage if build else None,
        verdicts=tuple(replace(verdict, path=None) for verdict in judged.answers[key].verdicts),
    )


def _image_document(image: JudgedImage, places: Mapping[PairKey, int]) -> ImageDocument:
    stored = image.image
    return ImageDocument(
        reference=stored.reference,
        digest=stored.digest,
        platform=stored.platform,
        status=stored.status,
        levels=image.levels,
        untold=image.untold,
        binaries={binary.path: places[binary.build, binary.base] for binary in stored.binaries},
    )


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def render_rejudgement(judged: Rejudgement, found: Survey, style: TextStyle, *, paired: bool) -> str:
    """Return the judgement as text: counts, then what is worst, build by build, with the images that have it."""
    pairs = f"{found.binaries:,} binaries, {len(found.groups):,} distinct builds on distinct bases"
    lines = [style.strong(f"{found.images:,} images of {judged.store.place}: {pairs}"), ""]
    lines += _table(judged, found, style)
    if paired:
        lines += ["", *_flips(judged, found, style)]
    else:
        least: Level = "unknown" if style.verbose else "wrong"
        grave = {key: group for key, group in found.groups.items() if _rank(judged, key) >= SEVERITY[least]}
        lines += _groups(judged, grave, style)
    return "\n".join(lines) + "\n"


def _rank(judged: Rejudgement, key: PairKey) -> int:
    answer = judged.answers.get(key)
    return max((SEVERITY[verdict.level] for verdict in answer.verdicts), default=0) if answer else 0


def _table(judged: Rejudgement, found: Survey, style: TextStyle) -> Iterator[str]:
    width = max((len(each.name) for each in judged.environments), default=0)
    width = max(min(width, 60), len("environment"))
    yield f"{'environment':<{width}}  " + "".join(f"{level:>10}" for level in LEVELS)
    for place, each in enumerate(judged.environments):
        counts = found.counts[place]
        cells = (f"{counts[level]:>10,}" for level in LEVELS)
        painted = (
            style.level(level, cell) if counts[level] else cell for level, cell in zip(LEVELS, cells, strict=True)
        )
        yield f"{printable(each.name, limit=60):<{width}}  " + "".join(painted)


@dataclass(slots=True)
class _Alike:
    """Pairs of which the same is to be told."""

    key: PairKey
    title: str
    level: Level
    lines: tuple[str, ...]
    verdict: Verdict
    binaries: int = 0
    names: list[tuple[str, str]] = field(default_factory=list)


def _groups(judged: Rejudgement, groups: Mapping[PairKey, Group], style: TextStyle) -> Iterator[str]:
    told: dict[tuple[str, tuple[str, ...]], _Alike] = {}
    for key, group in groups.items():
        verdicts = judged.answers[key].verdicts
        worst = max(verdicts, key=lambda verdict: SEVERITY[verdict.level])
        places = [e.name for e, v in zip(judged.environments, verdicts, strict=True) if v.level == worst.level]
        where = "every environment" if len(places) == len(judged.environments) > 1 else ", ".join(places)
        _add(told, judged, key, group, f"{worst.level} in {printable(where, limit=300)}", worst, worst, style)
        if style.verbose and worst.level != "unknown":
            for verdict, where in _untold(judged, key):
                _add(told, judged, key, group, f"unknown in {printable(where, limit=300)}", verdict, verdict, style)
    ranked = sorted(told.values(), key=lambda each: (-SEVERITY[each.level], -each.binaries, each.title, each.lines))
    yield from _tell(judged, ranked, style, _GROUPS)


def _untold(judged: Rejudgement, key: PairKey) -> Iterator[tuple[Verdict, str]]:
    """Yield what could not be told of a pair beside what is graver, by each rule the first, and where it is so."""
    places: dict[str, list[str]] = {}
    first: dict[str, Verdict] = {}
    for each in judged.answers[key].environments:
        for verdict in each.verdicts:
            if verdict.level == "unknown":
                first.setdefault(verdict.rule, verdict)
                places.setdefault(verdict.rule, []).append(each.name)
                break
    yield from ((verdict, ", ".join(places[rule])) for rule, verdict in first.items())


def _flips(judged: Rejudgement, found: Survey, style: TextStyle) -> Iterator[str]:
    before, after = judged.environments
    alike = found.images - found.worse - found.better
    yield style.strong(
        f"from {printable(before.name)} to {printable(after.name)}: {found.worse:,} images worse, "
        f"{found.better:,} better, {alike:,} alike"
    )
    told: dict[tuple[str, tuple[str, ...]], _Alike] = {}
    for key, group in found.groups.items():
        answer = judged.answers[key]
        old, new = answer.verdicts
        move = shift_of(answer)
        if move:
            levels = " → ".join(map(_levels, answer.verdicts, answer.untold))
            title = f"{'worse' if move > 0 else 'better'}: {levels}"
            _add(told, judged, key, group, title, new if move > 0 else old, new, style)
    worse = [each for each in told.values() if each.title.startswith("worse")]
    better = [each for each in told.values() if not each.title.startswith("worse")]
    for some in (worse, better):
        ranked = sorted(some, key=lambda each: (-SEVERITY[each.verdict.level], -each.binaries, each.title, each.lines))
        yield from _tell(judged, ranked, style, _GROUPS)


def _levels(verdict: Verdict, untold: bool) -> str:
    return f"{verdict.level}, unknown" if untold and verdict.level != "unknown" else verdict.level


def _add(
    told: dict[tuple[str, tuple[str, ...]], _Alike],
    judged: Rejudgement,
    key: PairKey,
    group: Group,
    title: str,
    verdict: Verdict,
    now: Verdict,
    style: TextStyle,
) -> None:
    lines = tuple(_describe(judged, key, verdict, style))
    alike = told.setdefault((title, lines), _Alike(key=key, title=title, level=now.level, lines=lines, verdict=verdict))
    alike.binaries += group.binaries
    if style.verbose or len(alike.names) < NAMES:
        alike.names += group.names


def _tell(judged: Rejudgement, ranked: list[_Alike], style: TextStyle, most: int) -> Iterator[str]:
    shown = ranked if style.verbose else ranked[:most]
    for each in shown:
        word = "binary" if each.binaries == 1 else "binaries"
        yield from ("", style.level(each.level, f"{each.title}, {each.binaries:,} {word}"), *each.lines)
        for remedy in _remedies(judged, each)[: None if style.verbose else 1]:
            yield from wrap("  remedy   ", printable(remedy), style)
        names = sorted(each.names)[: None if style.verbose else NAMES]
        yield from (f"    {printable(name, limit=200)}  {printable(path, limit=200)}" for name, path in names)
        if each.binaries > len(names):
            yield f"    … and {each.binaries - len(names):,} more"
    if len(ranked) > len(shown):
        left = ranked[len(shown) :]
        number = sum(each.binaries for each in left)
        yield from ("", f"… and {len(left):,} more kinds of them, {number:,} binaries (--verbose)")


def _describe(judged: Rejudgement, key: PairKey, verdict: Verdict, style: TextStyle) -> Iterator[str]:
    build, base = judged.facts(key)
    if build is not None and base is not None:
        yield from wrap("  what     ", f"{describe_binary(build)}; {describe_rootfs(base.rootfs)}", style)
    outcome = describe_outcome(verdict)
    yield from wrap("  verdict  ", f"{outcome} ({verdict.rule})" if outcome else verdict.rule, style)
    for reason in verdict.reasons[: None if style.verbose else 3]:
        where = f" ({printable(reason.where)})" if reason.where else ""
        yield from wrap("  because  ", printable(reason.text) + where, style)


def _remedies(judged: Rejudgement, alike: _Alike) -> list[str]:
    verdict = alike.verdict
    texts = (
        remedy.text
        for each in judged.in_full(alike.key)
        for full in each.verdicts
        if full.level == verdict.level and full.rule == verdict.rule
        for remedy in full.remedies
    )
    return list(dict.fromkeys(texts))
