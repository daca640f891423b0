"""Places → repositories → tags → images → unique layers → facts.

One thread, the caller's, holds all that is known and decides what is begun; threads ask registries, an executor reads
layers, and both only tell of what they found. So a layer is begun once, whatever many images share it, and what is
done is in the store before anything else is begun.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from inspector.errors import InspectorError, RateLimited, TargetAbsent, TargetDamaged
from inspector.escaping import printable
from inspector.facts import Layer, LayerFacts, Target
from inspector.fleet.catalogue import Interface, find_repositories, find_tags, newest
from inspector.fleet.executors import Executor
from inspector.fleet.places import Place, Selection
from inspector.fleet.registries import Registries
from inspector.fleet.tasks import LayerOutcome, LayerTask
from inspector.fleet.threads import Threads
from inspector.references import RegistryName
from inspector.scanning import describe_image, facts_key, failed_image, layer_key, refused_image, stored_image
from inspector.sources.images import SourcedImage
from inspector.sources.registry import images
from inspector.store import FactStore

_LOG = logging.getLogger(__name__)
MAX_IMAGES = 2_000_000
_THREADS = 32
"""Most threads that ask registries."""
_WAITING = 2000
"""Images that may wait for layers before further ones are asked for."""
_LOST = 3
"""How often a layer may take its worker with it."""
_LIMITED = 100
_PLACES = 8
"""Repositories in which a layer is asked for."""
_REMEMBERED = 48
"""Layers whose facts are kept decoded: bases are shared by most images."""
_LOOK = 0.25
"""Seconds between looks at whether all is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """What is wanted of the images."""

    platform: str | None = None
    all_platforms: bool = False
    hash_binaries: bool = False


@dataclass(slots=True)
class Counts:
    """How far a batch is."""

    repositories: int = 0
    tags: int = 0
    """Wanted tags, and images that were named."""
    resolved: int = 0
    """Of those: whose manifests are known."""
    images: int = 0
    """Images, one a platform."""
    done: int = 0
    failed: int = 0
    layers: int = 0
    """Unique layers."""
    layers_known: int = 0
    """Of those: which the store had."""
    layers_read: int = 0
    layers_failed: int = 0
    bytes_read: int = 0
    """Stored bytes of the layers that were read."""
    bytes_wanted: int = 0
    """Stored bytes of the layers that were not known."""
    requests: int = 0
    pauses: int = 0
    """How often a registry wanted to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One end: an image whose facts are known, or one that could not be had."""

    host: str
    repository: str
    tag: str | None
    target: Target
    created: str | None = None
    exit_code: int = 0
    """Of one that could not be had: what it means for the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A place or repository that could not be listed."""

    where: str
    message: str
    exit_code: int


@dataclass(slots=True, eq=False)
class _Waiting:
    """An image whose layers are not all known."""

    item: Item
    image: SourcedImage
    keys: list[str]
    missing: set[str]
    failure: str | None = None


@dataclass(slots=True, eq=False)
class _LayerState:
    task: LayerTask
    images: list[_Waiting] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    """(host, repository) where it is as well, and was not asked for."""
    tried: set[tuple[str, str]] = field(default_factory=set)
    """Those, and where it was asked for."""
    stranded: LayerOutcome | None = None
    """It is not to be had where it was asked for, and nobody knows where else."""
    given_up: bool = False
    lost: int = 0
    limited: int = 0


class Schedule:
    """One run over some places. ``run`` yields what ends; ``complaints`` and ``counts`` tell the rest."""

    def __init__(
        self,
        places: list[Place],
        *,
        selection: Selection,
        interface: Interface,
        registries: Registries,
        store: FactStore,
        executor: Executor,
        options: BatchOptions,
        stop: threading.Event,
        run: str | None = None,
    ) -> None:
        self._run = run
        self._places, self._selection, self._interface = places, selection, interface
        self._by_name = {(place.host, place.prefix) for place in places if place.image is None}
        self._registries, self._store, self._executor = registries, store, executor
        self._options, self._stop = options, stop
        self._events: queue.SimpleQueue[Callable[[], Iterator[Item]]] = queue.SimpleQueue()
        self._asking = Threads(min(_THREADS, max(4, registries.reach.jobs)), "asking")
        self._documents = _Documents(store, stop)
        self._asked = 0
        self._unresolved: deque[RegistryName] = deque()
        self._resolved: dict[RegistryName, list[SourcedImage]] = {}
        self._unlisted: deque[tuple[str, str]] = deque()
        self._waiting: set[_Waiting] = set()
        self._layers: dict[str, _LayerState] = {}
        self._failed: dict[str, str] = {}
        self._known: set[str] = set()
        self._counted: set[str] = set()
        self._kept: dict[str, LayerFacts] = {}
        self._remembered: OrderedDict[str, LayerFacts] = OrderedDict()
        self._ready: dict[str, deque[str]] = {}
        self._suspects: deque[str] = deque()
        self._running: set[str] = set()
        self._named: set[tuple[str, str, str]] = set()
        self.counts = Counts()
        self.complaints: list[Complaint] = []

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> Iterator[Item]:
        """Yield each image when its facts are known, until nothing is left or ``stop`` is set."""
        try:
            for place in self._places:
                if place.image is not None:
                    self._want(place.image)
                else:
                    self._ask(partial(self._list_place, place))
            while not self._stop.is_set():
                pause = self._begin()
                self._give_up()
                if not self._asked and not self._running and not self._unresolved and not self._layers:
                    return
                try:
                    event = self._events.get(timeout=pause)
                except queue.Empty:
                    continue
                yield from event()
        finally:
            self._asking.close()
            self.counts.requests, self.counts.pauses = self._asked_for()

    @property
    def unfinished(self) -> int:
        """How many wanted tags and images have not ended."""
        return len(self._unresolved) + len(self._waiting) + self._asked + len(self._unlisted)

    def _asked_for(self) -> tuple[int, int]:
        paces = [registry.pace for registry in self._registries.all()]
        return sum(pace.requests for pace in paces), sum(pace.pauses for pace in paces)

    def _begin(self) -> float:
        """Begin what may be begun; return how long to wait for something to end."""
        while self._asked < 2 * self._asking.number:
            if self._unlisted:
                host, repository = self._unlisted.popleft()
                self._ask(partial(self._list_tags, host, repository))
            elif self._unresolved and len(self._waiting) < _WAITING:
                name = self._unresolved.popleft()
                self._ask(partial(self._resolve, name, self._resolved.pop(name, [])))
            else:
                break
        self.counts.requests, self.counts.pauses = self._asked_for()
        return self._begin_layers()

    def _ask(self, job: Callable[[], None]) -> None:
        self._asked += 1

        def run() -> None:
            try:
                job()
            finally:
                self._events.put(self._answered)

        self._asking.begin(run)

    def _answered(self) -> Iterator[Item]:
        self._asked -= 1
        return iter(())

    # ── in threads: ask registries, tell by events ───────────────────────────────────────────────────────────

    def _list_place(self, place: Place) -> None:
        def ask() -> None:
            for name in find_repositories(place, self._interface, self._registries):
                self._events.put(partial(self._found_repository, place.host, name))

        error = _failure(ask)
        if error is not None:
            self._events.put(lambda: self._complain(str(place), error))

    def _list_tags(self, host: str, repository: str) -> None:
        found: list[RegistryName] = []
        resolved: dict[RegistryName, list[SourcedImage]] = {}

        def made(tag: str) -> str | None:
            """Return when an image was made, by its config; None where that cannot be told: it is kept then."""
            name = RegistryName(host=host, repository=repository, tag=tag)
            try:
                sourced = self._images(name)
            except InspectorError:
                return None
            if len(resolved) < _WAITING:
                resolved[name] = sourced
            return max((image.created or "" for image in sourced), default="") or None

        def ask() -> None:
            with self._registries.of(host).slots.for_manifest():
                listed = list(find_tags(host, repository, self._selection, self._interface, self._registries))
            if self._selection.needs_dates and not any(time for _, time in listed):
                listed = newest([(tag, made(tag)) for tag, _ in listed], self._selection)
            found.extend(RegistryName(host=host, repository=repository, tag=tag) for tag, _ in listed)

        error = _failure(ask)
        self._events.put(lambda: self._found_tags(found, resolved))
        # A catalogue may name what has no manifest any more (distribution, docs/spec/api.md, "Listing Repositories");
        # who named the repository is told.
        if error is not None and ((host, repository) in self._by_name or not error.absent):
            self._events.put(lambda: self._complain(f"{host}/{repository}", error))

    def _resolve(self, name: RegistryName, found: list[SourcedImage]) -> None:
        """Tell of a name's images; ``found`` has them where they were asked for before."""
        error = None if found else _failure(lambda: found.extend(self._images(name)))
        if error is not None:
            self._events.put(lambda: self._failed_name(name, error))
        else:
            self._events.put(lambda: self._found_images(name, found))

    def _images(self, name: RegistryName) -> list[SourcedImage]:
        registry = self._registries.of(name.host)
        with registry.slots.for_manifest():
            return images(
                name,
                platform=self._options.platform,
                all_platforms=self._options.all_platforms,
                options=registry.transport.options,
                documents=self._documents,
                transport=registry.transport,
                ask_first=True,
            )

    # ── what was found ───────────────────────────────────────────────────────────────────────────────────────

    def _complain(self, where: str, error: _Failure) -> Iterator[Item]:
        self.complaints.append(Complaint(where=where, message=error.message, exit_code=error.exit_code))
        return iter(())

    def _found_repository(self, host: str, repository: str) -> Iterator[Item]:
        if self._selection.wants_repository(repository):
            self.counts.repositories += 1
            self._unlisted.append((host, repository))
        return iter(())

    def _found_tags(
        self, names: list[RegistryName], resolved: dict[RegistryName, list[SourcedImage]]
    ) -> Iterator[Item]:
        for name in names:
            self._want(name, resolved.get(name))
        return iter(())

    def _want(self, name: RegistryName, found: list[SourcedImage] | None = None) -> None:
        key = (name.host, name.repository, name.wanted)
        if key in self._named:
            return
        if len(self._named) >= MAX_IMAGES:
            if len(self._named) == MAX_IMAGES:
                self._named.add(key)
                limit = f"more than {MAX_IMAGES} images; the rest is left out"
                self.complaints.append(Complaint(where="this run", message=limit, exit_code=4))
            return
        self._named.add(key)
        self.counts.tags += 1
        self._unresolved.append(name)
        if found and len(self._resolved) < _WAITING:
            self._resolved[name] = found

    def _failed_name(self, name: RegistryName, error: _Failure) -> Iterator[Item]:
        self.counts.resolved += 1
        self.counts.images += 1
        image = SourcedImage(reference=str(name), digest=name.digest, platform=None)
        yield self._ended(
            Item(
                host=name.host,
                repository=name.repository,
                tag=name.tag,
                target=failed_image(image, error.error()),
                exit_code=error.exit_code,
            )
        )

    def _found_images(self, name: RegistryName, found: list[SourcedImage]) -> Iterator[Item]:
        self.counts.resolved += 1
        for image in found:
            self.counts.images += 1
            item = Item(
                host=name.host, repository=name.repository, tag=name.tag, target=Target(reference=str(name)),
                created=image.created,
            )  # fmt: skip
            keys = [layer_key(layer, hash_binaries=self._options.hash_binaries) or "" for layer in image.layers]
            refused = refused_image(image)
            if refused is not None:
                yield self._ended(replace(item, target=refused))
                continue
            known = None if self._options.hash_binaries else stored_image(image, self._store)
            if known is not None:
                yield self._ended(replace(item, target=known), keys)
                continue
            waiting = _Waiting(item, image, keys, set())
            for key, layer in zip(keys, image.layers, strict=True):
                self._need(key, layer, name, waiting)
            if waiting.missing:
                self._waiting.add(waiting)
            else:
                yield self._described(waiting)

    def _is_new(self, key: str) -> bool:
        """Whether a layer is met for the first time in this run; it is counted."""
        if key in self._counted:
            return False
        self._counted.add(key)
        self.counts.layers += 1
        return True

    def _need(self, key: str, layer: Layer, name: RegistryName, waiting: _Waiting) -> None:
        """Note that an image needs a layer, and, if nobody did before, that it is to be read."""
        if key in self._known:
            return
        if key in self._failed:
            waiting.failure = waiting.failure or self._failed[key]
            return
        state = self._layers.get(key)
        if state is None:
            new = self._is_new(key)
            if self._store.has(key):
                self.counts.layers_known += new
                self._known.add(key)
                return
            state = self._layers[key] = _LayerState(self._task(key, layer, name), tried={(name.host, name.repository)})
            self.counts.bytes_wanted += state.task.size or 0
            self._ready.setdefault(name.host, deque()).append(key)
        elif (name.host, name.repository) not in state.tried and len(state.tried) < _PLACES:
            state.tried.add((name.host, name.repository))
            state.others.append((name.host, name.repository))
            self._try_elsewhere(state)
        waiting.missing.add(key)
        state.images.append(waiting)

    def _task(self, key: str, layer: Layer, name: RegistryName) -> LayerTask:
        reach = self._registries.reach
        return LayerTask(
            key=key,
            digest=str(layer.digest),
            diff_id=layer.diff_id,
            media_type=layer.media_type,
            size=layer.size,
            host=name.host,
            repository=name.repository,
            hash_binaries=self._options.hash_binaries,
            insecure=reach.insecure,
            ca_cert=str(reach.ca_cert) if reach.ca_cert else None,
            timeout=reach.timeout,
        )

    # ── layers ───────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_layers(self) -> float:
        pause = _LOOK
        if self._suspects:
            # Where one death ends all, each suspect is read alone, so that the guilty one is known.
            if self._running:
                return pause
            self._start(self._suspects.popleft())
            return pause
        for host, ready in self._ready.items():
            registry = self._registries.of(host)
            registry.slots.layers_wait(len(ready))
            while ready and len(self._running) < self._executor.capacity:
                if not registry.slots.take_for_layer():
                    break
                try:
                    later = registry.pace.take()
                except RateLimited as error:
                    registry.slots.give_back()
                    self._tell(self._layers[ready.popleft()].task, LayerOutcome(kind="failed", message=error.line))
                    continue
                if later:
                    registry.slots.give_back()
                    pause = min(pause, later)
                    break
                self._start(ready.popleft(), slotted=True)
            registry.slots.layers_wait(len(ready))
        return pause

    def _start(self, key: str, *, slotted: bool = False) -> None:
        task = self._layers[key].task
        if self._store.has(key):  # another run on the same store has read it since
            if slotted:
                self._registries.of(task.host).slots.give_back()
            self.counts.layers_known += 1
            self.counts.bytes_wanted -= task.size or 0
            self._events.put(lambda: self._layer_ended(task, None))
            return
        self._running.add(key)

        def told(ended: LayerTask, outcome: LayerOutcome) -> None:
            if slotted:
                self._registries.of(ended.host).slots.give_back()
            self._tell(ended, outcome)

        self._executor.start(task, told)

    def _tell(self, task: LayerTask, outcome: LayerOutcome) -> None:
        self._events.put(lambda: self._layer_ended(task, outcome))

    def _layer_ended(self, task: LayerTask, outcome: LayerOutcome | None) -> Iterator[Item]:
        self._running.discard(task.key)
        state = self._layers[task.key]
        if outcome is not None and outcome.kind != "facts":
            if self._again(state, outcome):
                return iter(())
            self.counts.layers_failed += 1
            self._failed[task.key] = outcome.message
        elif outcome is not None:
            problem = self._keep(task, outcome)
            if problem is not None:
                self._failed[task.key] = problem
        else:
            self._known.add(task.key)
        del self._layers[task.key]
        return self._freed(state, self._failed.get(task.key))

    def _again(self, state: _LayerState, outcome: LayerOutcome) -> bool:
        """Whether a layer that could not be read is tried again, and if so, how."""
        task = state.task
        state.task = replace(task, attempt=task.attempt + 1)
        ready = self._ready.setdefault(task.host, deque())
        if outcome.kind == "limited" and state.limited < _LIMITED:
            state.limited += 1
            self._registries.of(task.host).pace.rest(outcome.wait)
            ready.appendleft(task.key)
            return True
        if outcome.kind == "lost" and state.lost < _LOST - 1:
            state.lost += 1
            (self._suspects if self._executor.shares_fate else ready).append(task.key)
            return True
        if outcome.kind == "unavailable" and not state.given_up:
            # It may be in another repository, or in one that is still to be met.
            state.stranded = outcome
            self._try_elsewhere(state)
            return True
        return False

    def _try_elsewhere(self, state: _LayerState) -> None:
        if state.stranded is None or not state.others:
            return
        host, repository = state.others.pop(0)
        state.stranded = None
        state.task = replace(state.task, host=host, repository=repository)
        self._ready.setdefault(host, deque()).append(state.task.key)

    def _give_up(self) -> None:
        """Give up layers that are in no repository that is known, once no further one can be met."""
        idle = not self._running and not self._suspects and not any(self._ready.values())
        if not idle or (self._asked + len(self._unresolved) + len(self._unlisted) and len(self._waiting) < _WAITING):
            return
        for state in list(self._layers.values()):
            if state.stranded is not None:
                state.given_up = True
                self._tell(state.task, state.stranded)
                state.stranded = None

    def _keep(self, task: LayerTask, outcome: LayerOutcome) -> str | None:
        """Store what a worker found; return what is wrong with it, if anything is."""
        import msgspec

        try:
            facts = msgspec.json.decode(outcome.facts, type=LayerFacts)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return f"layer {task.digest}: what the worker told is no facts: {printable(str(error), limit=200)}"
        self._store.save(task.key, facts)
        for other in outcome.verified:
            self._store.alias(facts_key(other, hash_binaries=task.hash_binaries), task.key)
        if not self._store.has(task.key):
            self._kept[task.key] = facts  # the store says why; this run goes on
        self._known.add(task.key)
        self._remember(task.key, facts)
        self.counts.layers_read += 1
        self.counts.bytes_read += task.size or 0
        return None

    def _freed(self, state: _LayerState, failure: str | None) -> Iterator[Item]:
        for waiting in state.images:
            waiting.missing.discard(state.task.key)
            waiting.failure = waiting.failure or failure
            if not waiting.missing and waiting in self._waiting:
                self._waiting.discard(waiting)
                yield self._described(waiting)

    def _facts(self, key: str) -> LayerFacts:
        found = self._remembered.get(key) or self._kept.get(key) or self._store.facts(key)
        if found is None:
            raise TargetDamaged(f"the facts of layer {key} are not in the store any more", advice="run it again")
        self._remember(key, found)
        return found

    def _remember(self, key: str, facts: LayerFacts) -> None:
        self._remembered[key] = facts
        self._remembered.move_to_end(key)
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    def _described(self, waiting: _Waiting) -> Item:
        if waiting.failure is not None:
            target = failed_image(waiting.image, TargetDamaged(waiting.failure))
            return self._ended(replace(waiting.item, target=target))
        try:
            target = describe_image(waiting.image, [self._facts(key) for key in waiting.keys])
        except InspectorError as error:
            target = failed_image(waiting.image, error)
        except Exception as error:  # noqa: BLE001 - one bad image is a line in the report
            _LOG.debug("%s", waiting.image.reference, exc_info=True)
            target = failed_image(waiting.image, _internal(error))
        return self._ended(replace(waiting.item, target=target))

    def _ended(self, item: Item, keys: Sequence[str] = ()) -> Item:
        """Note an end; ``keys`` are the layers of an image that the store knew as a whole."""
        self.counts.layers_known += sum(self._is_new(key) for key in keys)
        self._store.remember(item.target, verified=True, run=self._run)
        self.counts.done += 1
        self.counts.failed += item.target.status == "failed"
        return item


class _Documents:
    """The store as threads see it: what they are told after the end is not kept, for the store may be closed."""

    def __init__(self, store: FactStore, stop: threading.Event) -> None:
        self._store, self._stop = store, stop

    def load_document(self, digest: str) -> bytes | None:
        """Return a document."""
        return None if self._stop.is_set() else self._store.load_document(digest)

    def save_document(self, digest: str, content: bytes) -> None:
        """Keep a document."""
        if not self._stop.is_set():
            self._store.save_document(digest, content)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What was raised in a thread, without what its traceback holds."""

    message: str
    exit_code: int
    absent: bool = False

    def error(self) -> InspectorError:
        """Return it as an error to tell of."""
        return TargetDamaged(self.message)


def _failure(job: Callable[[], object]) -> _Failure | None:
    """Do something in a thread, above which nobody catches anything; return how it failed."""
    try:
        job()
    except InspectorError as error:
        return _Failure(error.line, error.exit_code, isinstance(error, TargetAbsent))
    except Exception as error:  # noqa: BLE001
        _LOG.debug("in a thread", exc_info=True)
        return _Failure(str(_internal(error)), TargetDamaged.exit_code)
    return None


def _internal(error: Exception) -> TargetDamaged:
    return TargetDamaged(f"internal error: {type(error).__name__}: {printable(str(error), limit=300)}")
