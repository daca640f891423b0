"""One reference to the facts of its images: source → layers → store → overlay.

``collect`` gives facts only; ``scan`` judges them too and is the library's front door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inspector import __version__
from inspector.environments import preset
from inspector.environments.mounts import hidden
from inspector.errors import InspectorError
from inspector.escaping import printable
from inspector.fabric import describe as describe_as_fabric
from inspector.facts import (
    Environment,
    Image,
    ImageConfig,
    Layer,
    LayerFacts,
    LayerId,
    Mounted,
    Problem,
    Report,
    RootFsFacts,
    Start,
    Target,
    Tool,
)
from inspector.judging import NOT_HAD, Wishes, judge_target, summarise
from inspector.layers import RootFs, Selection, merge, read_layer, select_binaries
from inspector.records import dataclass
from inspector.references import parse
from inspector.sources import SourceOptions, is_analysed, open_images
from inspector.store import FactStore, NullStore, open_store, place_of

if TYPE_CHECKING:
    from inspector.witnesses import Witnesses

Progress = Callable[[str, int, int | None], None]
"""Told (layer's name, bytes read so far, bytes in all or None) while a blob is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """How to reach images and where to keep facts."""

    source: SourceOptions = field(default_factory=SourceOptions)
    store: str | None = None
    """Where facts are kept: ``postgresql://…`` or a file; None: by ``cache_dir``."""
    cache_dir: Path | None = None
    """The directory of the store's file; None: inspector's in the user's cache."""
    use_cache: bool = True
    hash_binaries: bool = False
    witness: bool = False
    """Have pyelftools and lief read each program too; stored facts are not used then, and none are stored."""
    paths: tuple[str, ...] = ()
    """Report these paths of the image only; empty: everything of interest."""
    workers: int = 1
    """Layers read at the same time."""
    shared: dict[str, LayerFacts] = field(default_factory=dict, repr=False, compare=False)
    """Facts of an engine's merged images, which no digest was verified for: for the runs that have these options."""


def scan(
    reference: str,
    *,
    environments: Sequence[Environment | str] | None = None,
    options: ScanOptions | None = None,
    wishes: Wishes | None = None,
) -> Report:
    """Scan one reference and judge what it holds.

    Args:
        reference: as on the command line (``repo:tag``, ``docker-archive:PATH``, ``dir:PATH``…).
        environments: where it will run, presets by their names; None: the presets marked common.
        options: how to reach the image.
        wishes: what the caller knows besides: files, variables, names and calls.

    Returns:
        A report with a target for each image that the reference stands for. What could not be read is a target
        with status ``failed`` or ``incomplete`` and its problems.

    Raises:
        InspectorError: if the reference cannot be parsed, found or reached, or if there is no such preset.
    """
    chosen = None if environments is None else [preset(e) if isinstance(e, str) else e for e in environments]
    targets = [judge_target(target, chosen, wishes or Wishes()) for target in collect(reference, options=options)]
    return report_of(targets)


def report_of(targets: Iterable[Target]) -> Report:
    """Put targets into a report, with its summary."""
    kept = tuple(targets)
    return Report(tool=Tool(version=__version__), targets=kept, summary=summarise(kept))


def unreached(reference: str, error: InspectorError) -> Target:
    """Return the target that stands for a reference that could not be had."""
    problem = Problem(stage=NOT_HAD, message=printable(error.line, limit=2000))
    return Target(reference=reference, status="failed", problems=(problem,))


def store_of(options: ScanOptions) -> FactStore:
    """Open the store that options name; one that keeps nothing where they want none, or it cannot be opened.

    Raises:
        UsageError: for a URL of another kind.
    """
    if not options.use_cache or options.witness:
        return NullStore()
    return open_store(place_of(options.store, options.cache_dir))


def collect(
    reference: str,
    *,
    options: ScanOptions | None = None,
    progress: Progress | None = None,
    store: FactStore | None = None,
) -> tuple[Target, ...]:
    """Return the facts of every image that ``reference`` stands for, without verdicts; the store remembers them.

    Args:
        reference: as for ``scan``.
        options: how to reach the image.
        progress: told while a layer is read.
        store: an open one, for many references; None: that of ``options``, opened for this one.

    Raises:
        InspectorError: if the reference cannot be parsed, found or reached. Damage met while an image is read is
            not raised: it is that target's status and problems.
    """
    found = collect_started(reference, (Start(),), options=options, progress=progress, store=store)
    return tuple(target for _, target in found)


def collect_started(
    reference: str,
    starts: Sequence[Start],
    *,
    options: ScanOptions | None = None,
    progress: Progress | None = None,
    store: FactStore | None = None,
) -> tuple[tuple[Start, Target], ...]:
    """Return, for each image and each way to start it, what is started then; arguments and errors as for ``collect``.

    The facts of a start that is not the image's own are not remembered: they are the workload's, not the image's.
    """
    options = options or ScanOptions()
    parsed = parse(reference)
    with store_of(options) if store is None else nullcontext(store) as known:
        images = open_images(parsed, replace(options.source, paths=options.paths), known)
        # What runs may have changed its files: a container's are not its image's.
        is_image = parsed.scheme != "container"
        read = (_read_image(image, starts, known, options, progress, remember=is_image) for image in images)
        return tuple(pair for _, *found in read for pair in zip(starts, found, strict=True))


def started_config(config: ImageConfig | None, start: Start) -> ImageConfig:
    """Return an image's config as if it said itself what a workload starts.

    An entrypoint takes the image's cmd away with the image's entrypoint; an empty one leaves the cmd, and so does an
    empty command (moby, daemon/images/image_builder.go and commit.go, ``merge``; containerd, internal/cri/opts,
    ``WithProcessArgs``).
    """
    own = config or ImageConfig()
    entrypoint, cmd = own.entrypoint, start.command or own.cmd
    if start.entrypoint is not None:
        entrypoint = start.entrypoint
        cmd = (start.command or ()) if entrypoint else cmd
    given = {"PATH": start.search_path, "BASH_ENV": start.bash_env}
    env = {**own.env, **{name: value for name, value in given.items() if value is not None}}
    return replace(own, entrypoint=entrypoint, cmd=cmd, env=env, working_dir=start.working_dir or own.working_dir)


def read_image(
    image: Image,
    store: FactStore,
    options: ScanOptions,
    progress: Progress | None = None,
    *,
    run: str | None = None,
    remember: bool = True,
) -> Target:
    """Return one image's facts: as the store has them, or from its layers' facts, reading those that are not stored.

    Args:
        image: as a source gives it.
        store: what is known.
        options: as for ``collect``.
        progress: told while a layer is read.
        run: the batch that asks, for the store.
        remember: let the store remember the image, and that its reference leads to it.
    """
    return _read_image(image, (), store, options, progress, run=run, remember=remember)[0]


def _read_image(
    image: Image,
    starts: Sequence[Start],
    store: FactStore,
    options: ScanOptions,
    progress: Progress | None,
    *,
    run: str | None = None,
    remember: bool,
) -> list[Target]:
    """Return an image's facts, and behind them those of each way to start it."""
    every = (Start(), *starts)
    # The store has what an image starts by itself.
    asked = options.paths or options.hash_binaries or any(start != Start() for start in starts)
    known = None if asked else stored_image(image, store)
    found = _targets(image, every, store, options, progress) if known is None else [known] * len(every)
    if remember and image.has_root and not options.paths:
        store.remember(found[0], verified=not image.claimed, run=run)
    return found


def stored_image(image: Image, store: FactStore) -> Target | None:
    """Return what the store has of an image that was read by verified digests."""
    if image.digest is None or image.claimed or not image.has_root:
        return None
    known = store.image(image.digest, image.platform)
    if known is None:
        return None
    fabric = describe_as_fabric(image.reference, image.config.env, known.rootfs or RootFsFacts(), known.binaries)
    return replace(
        known,
        reference=image.reference,
        notes=(*image.notes, *fabric),
        layers=_layer_ids(image.layers),
        config=image.config,
    )


def _targets(
    image: Image, starts: Sequence[Start], store: FactStore, options: ScanOptions, progress: Progress | None
) -> list[Target]:
    """Read an image's layers, and return what it holds, once for each way to start it."""
    if image.layered is not None and _is_known(image.layered, store, options):
        image = image.layered
    refused = refused_image(image)
    if refused is not None:
        return [refused] * len(starts)
    try:
        found = _describe(image, starts, _read_layers(image.layers, store, options, progress), options.paths)
    except InspectorError as error:
        return [failed_image(image, error)] * len(starts)
    if image.whole is not None and any(_lacks_something(target) for target in found):
        return _targets(image.whole, starts, store, options, progress)
    return found


def describe_image(image: Image, facts: Sequence[LayerFacts], paths: tuple[str, ...] = ()) -> Target:
    """Return what an image holds, without verdicts.

    Args:
        image: which; its layers are not read.
        facts: of its layers, lowest first.
        paths: report these paths only; empty: everything of interest.

    Raises:
        InspectorError: if the image is not what it says.
    """
    return _describe(image, (Start(),), facts, paths)[0]


def refused_image(image: Image) -> Target | None:
    """Return the target of an image that is not looked into, or None."""
    if is_analysed(image.platform):
        return None
    why = f"it is an image for {printable(str(image.platform))}: only images for linux are analysed"
    return replace(_target_of(image), status="failed", problems=(Problem(stage="platform", message=why),))


def failed_image(image: Image, error: InspectorError) -> Target:
    """Return the target of an image that could not be read."""
    return replace(_target_of(image), status="failed", problems=(Problem(stage="layers", message=error.line),))


def _target_of(image: Image) -> Target:
    return Target(
        reference=image.reference,
        digest=image.digest,
        platform=image.platform,
        notes=tuple(image.notes),
        config=image.config,
    )


def _is_known(image: Image, store: FactStore, options: ScanOptions) -> bool:
    """Whether the store has the facts of every layer, so that nothing needs to be read."""
    keys = [layer_key(layer, hash_binaries=options.hash_binaries) for layer in image.layers]
    return bool(keys) and all(key is not None and store.has(key) for key in keys)


def _lacks_something(target: Target) -> bool:
    """Whether what was asked for leads to what was not: a loader or a library elsewhere, a path that is not there."""
    interpreters = (target.rootfs.interpreters if target.rootfs else None) or ()
    return bool(target.problems) or any(
        binary.missing or (binary.interpreter is not None and binary.interpreter not in interpreters)
        for binary in target.binaries
    )


def _layer_ids(layers: Sequence[Layer]) -> tuple[LayerId, ...]:
    return tuple(
        LayerId(digest=layer.digest, diff_id=layer.diff_id) for layer in layers if layer.digest or layer.diff_id
    )


def _read_layers(
    layers: Sequence[Layer], store: FactStore, options: ScanOptions, progress: Progress | None
) -> list[LayerFacts]:
    with _witnesses(options) as witnesses:

        def read(layer: Layer) -> LayerFacts:
            return _read_one(layer, store, options, progress, witnesses)

        if options.workers <= 1 or len(layers) <= 1:
            return [read(layer) for layer in layers]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=options.workers) as pool:
            return list(pool.map(read, layers))


def _witnesses(options: ScanOptions) -> AbstractContextManager[Witnesses | None]:
    if not options.witness:
        return nullcontext()
    from inspector.witnesses import Witnesses

    return Witnesses()


def _read_one(
    layer: Layer, store: FactStore, options: ScanOptions, progress: Progress | None, witnesses: Witnesses | None
) -> LayerFacts:
    key, shared = layer_key(layer, hash_binaries=options.hash_binaries), layer.shared
    known = store.facts(key) if key else options.shared.get(shared or "")
    if known is not None:
        return known
    name = layer.digest or layer.diff_id or "file system"
    told = None if progress is None else lambda done: progress(name, done, layer.size)
    others: list[str] = []
    verified = others.append if options.use_cache else None
    facts = read_layer(
        layer, hash_binaries=options.hash_binaries, witnesses=witnesses, progress=told, verified=verified
    )
    if key:
        store.save(key, facts)
        for other in others:
            store.alias(facts_key(other, hash_binaries=options.hash_binaries), key)
    elif shared:
        options.shared[shared] = facts
    return facts


def layer_key(layer: Layer, *, hash_binaries: bool = False) -> str | None:
    """Return the name under which the layer's facts are stored: the digest that is verified when it is read."""
    digest = layer.digest or layer.diff_id
    return None if digest is None else facts_key(digest, hash_binaries=hash_binaries)


def facts_key(digest: str, *, hash_binaries: bool = False) -> str:
    """Return the name under which facts are stored that were read of the bytes of a digest."""
    return f"{digest}+sha256" if hash_binaries else digest


def _describe(
    image: Image, starts: Sequence[Start], facts: Sequence[LayerFacts], wanted: tuple[str, ...]
) -> list[Target]:
    root = merge([(fact, layer.diff_id) for fact, layer in zip(facts, image.layers, strict=True)])
    target = replace(_target_of(image), layers=_layer_ids(image.layers))
    known: dict[Start, tuple[Target, Selection]] = {}
    found = []
    for start in starts:
        words = replace(start, mounts=())
        if words not in known:
            # A lone file is asked for by its name: it is told of, whatever it is.
            paths = wanted if image.has_root or words != Start() else facts[0].files
            selection = select_binaries(root, started_config(image.config, start), paths=paths)
            known[words] = _described(target, image, facts, root, selection), selection
        described, selection = known[words]
        texts = hidden(start.mounts, described.binaries, selection.sought, root.real)
        problems = tuple(Problem(stage="mounts", message=text) for text in texts)
        if problems:
            described = replace(described, status="incomplete", problems=described.problems + problems)
        found.append(described)
    return found


def _described(target: Target, image: Image, facts: Sequence[LayerFacts], root: RootFs, selection: Selection) -> Target:
    config = target.config
    problems = tuple(Problem(stage="layers", message=text) for fact in facts for text in fact.problems)
    problems += tuple(Problem(stage="selection", message=text) for text in selection.problems)
    problems += tuple(
        Problem(stage="binaries", message=f"{binary.path}: {text}")
        for binary in selection.binaries
        if binary.exposures is None
        for text in binary.problems or ("could not be analysed",)
    )
    if image.mounts:
        mounts = [Mounted(target=mount) for mount in image.mounts]
        texts = hidden(mounts, selection.binaries, selection.sought, root.real)
        problems += tuple(Problem(stage="mounts", message=text) for text in texts)
    rootfs = root.facts() if image.has_root else RootFsFacts()
    fabric = describe_as_fabric(target.reference, config.env if config else {}, rootfs, selection.binaries)
    return replace(
        target,
        status="incomplete" if problems else "analysed",
        notes=(*target.notes, *fabric),
        problems=problems,
        rootfs=rootfs,
        script_variables=selection.script_variables,
        script_files=selection.script_files,
        binaries=selection.binaries if image.has_root else tuple(replace(b, missing=None) for b in selection.binaries),
    )
