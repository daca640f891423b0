"""The store: facts of layers, documents, images, tags and runs, over either database.

Every statement stands here once, in the SQL that SQLite and PostgreSQL share. Layers, documents and images are kept
under digests that were verified when they were read; what an engine merely claims is kept as such, is judged and
listed, and never stands in for reading.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from inspector.errors import StoreUnavailable
from inspector.fabric import identify
from inspector.facts import ANALYSER, BinaryFacts, DocumentStore, LayerFacts, Target
from inspector.store.database import Database, Writing, open_database
from inspector.store.encoding import Damaged, clean, decoded, encoded, has_digest, inflated, named, packed
from inspector.store.grouping import base_of, build_of, digest_of
from inspector.store.nouns import (
    Base,
    Contents,
    Pair,
    Run,
    RunState,
    StoredBinary,
    StoredImage,
)
from inspector.store.places import Place, place_of

_LOG = logging.getLogger(__name__)
_DAY = 86_400
_FACTS = "from facts where digest in (:key, (select digest from aliases where alias = :key)) and analyser = :analyser"
"""By their own digest or an alias."""
_Value = TypeVar("_Value")


class FactStore(DocumentStore, Protocol):
    """What a scan asks of a store; opened as a context manager."""

    def __enter__(self) -> Self:
        """Return the store."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...

    def facts(self, key: str) -> LayerFacts | None:
        """Return the facts stored under a digest by this version of the analyser."""
        ...

    def has(self, key: str) -> bool:
        """Whether there are such facts."""
        ...

    def save(self, key: str, facts: LayerFacts) -> None:
        """Store facts under a verified digest."""
        ...

    def alias(self, alias: str, key: str) -> None:
        """Let facts be found by another digest, verified against the same bytes."""
        ...

    def image(self, digest: str, platform: str | None) -> Target | None:
        """Return the facts of an image whose layers were all read by verified digests."""
        ...

    def remember(self, target: Target, *, verified: bool, run: str | None = None) -> None:
        """Store an image's facts, and that its reference led to it."""
        ...


class NullStore:
    """Keeps nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def facts(self, key: str) -> LayerFacts | None:
        """Return None."""
        del key
        return None

    def has(self, key: str) -> bool:
        """Return False."""
        del key
        return False

    def save(self, key: str, facts: LayerFacts) -> None:
        """Do nothing."""

    def alias(self, alias: str, key: str) -> None:
        """Do nothing."""

    def load_document(self, digest: str) -> bytes | None:
        """Return None."""
        del digest
        return None

    def save_document(self, digest: str, content: bytes) -> None:
        """Do nothing."""

    def image(self, digest: str, platform: str | None) -> Target | None:
        """Return None."""
        del digest, platform
        return None

    def remember(self, target: Target, *, verified: bool, run: str | None = None) -> None:
        """Do nothing."""


class Store:
    """One store. Safe for several threads and several processes.

    A forgiving one (what a scan has) tells once by a warning what could not be read or written, and goes on as if
    nothing had been stored: a scan gives the same answer without a store, only later. Any other raises
    StoreUnavailable.
    """

    def __init__(
        self, database: Database, place: Place, *, forgiving: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self.database, self.place = database, place
        self._forgiving, self._told = forgiving, False
        self._clock = clock
        self._read: dict[str, set[str]] = {"facts": set(), "documents": set()}

    @classmethod
    def open(cls, place: Place | None = None, *, forgiving: bool = False, set_aside: bool = True) -> Store:
        """Open the store at a place (None: in the user's cache), bringing its schema up to date.

        A damaged file is set aside and a new one begun, unless it is only to be read (``set_aside``).

        Raises:
            StoreUnavailable: if it cannot be opened.
        """
        chosen = place or place_of()
        return cls(open_database(chosen, set_aside=set_aside), chosen, forgiving=forgiving)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Note what was used, and close."""
        try:
            self._note_use()
        except StoreUnavailable as error:
            _LOG.debug("what was used is not noted: %s", error)
        self.database.close()

    def now(self) -> int:
        """Return the time, in seconds since 1970."""
        return int(self._clock())

    # ── layers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def facts(self, key: str) -> LayerFacts | None:
        """Return the facts stored under a digest by this version of the analyser."""
        rows = self._rows(f"select content, used, digest {_FACTS}", key=key, analyser=ANALYSER)
        if not rows:
            return None
        self._use("facts", rows[0][2], rows[0][1])
        return self._decoded(rows[0][0], LayerFacts, f"facts of {key}")

    def has(self, key: str) -> bool:
        """Whether facts are stored under a digest by this version of the analyser."""
        return bool(self._rows(f"select 1 {_FACTS}", key=key, analyser=ANALYSER))

    def save(self, key: str, facts: LayerFacts) -> None:
        """Store facts under a verified digest."""
        self._run(
            "insert into facts (digest, analyser, content, used) values (:key, :analyser, :content, :now)"
            " on conflict (digest, analyser) do update set content = excluded.content, used = excluded.used",
            key=key, analyser=ANALYSER, content=packed(facts), now=self.now(),
        )  # fmt: skip

    def alias(self, alias: str, key: str) -> None:
        """Let facts be found by another digest, verified against the same bytes."""
        self._run(
            "insert into aliases (alias, digest) values (:alias, :key)"
            " on conflict (alias) do update set digest = excluded.digest",
            alias=alias, key=key,
        )  # fmt: skip

    # ── documents ────────────────────────────────────────────────────────────────────────────────────────────────

    def load_document(self, digest: str) -> bytes | None:
        """Return a document whose bytes have this digest."""
        rows = self._rows("select content, used from documents where digest = :digest", digest=digest)
        if not rows or not has_digest(rows[0][0], digest):
            return None
        self._use("documents", digest, rows[0][1])
        return bytes(rows[0][0])

    def save_document(self, digest: str, content: bytes) -> None:
        """Store a verified document."""
        self._run(
            "insert into documents (digest, content, used) values (:digest, :content, :now)"
            " on conflict (digest) do update set content = excluded.content, used = excluded.used",
            digest=digest, content=content, now=self.now(),
        )  # fmt: skip

    # ── images ───────────────────────────────────────────────────────────────────────────────────────────────────

    def image(self, digest: str, platform: str | None) -> Target | None:
        """Return the facts of an image whose layers were all read by verified digests, by this analyser.

        The target has no reference, no notes and no hashes of binaries.
        """
        rows = self._rows(
            "select content from images where digest = :digest and platform = :platform and analyser = :analyser"
            " and verified = 1",
            digest=digest, platform=clean(platform or ""), analyser=ANALYSER,
        )  # fmt: skip
        return self._decoded(rows[0][0], Target, f"facts of image {digest}") if rows else None

    def remember(self, target: Target, *, verified: bool, run: str | None = None) -> None:
        """Store an image's facts, and that its reference leads to it.

        Args:
            target: its facts; one that failed, has no digest, or is inferred is not stored.
            verified: every layer was read by a verified digest. What was merely claimed never replaces it.
            run: the batch that saw it.
        """
        if target.digest is None or target.status == "failed" or target.inferred is not None:
            return
        place = {"digest": target.digest, "platform": clean(target.platform or ""), "analyser": ANALYSER}
        now = self.now()

        def act(writing: Writing) -> None:
            if not (verified and _is_kept(writing, place, now)):
                _write_image(writing, target, place, verified=verified, now=now)
            _write_tag(writing, target, run, now)

        self._write(act)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def begin_run(self, scope: str) -> str:
        """Note that a batch begins, and return its id."""
        import uuid

        run = uuid.uuid4().hex
        self._run(
            "insert into runs (id, scope, state, started, counts) values (:id, :scope, 'running', :now, '{}')",
            id=run, scope=clean(scope), now=self.now(),
        )  # fmt: skip
        return run

    def end_run(self, run: str, state: RunState, content: bytes | None = None) -> None:
        """Note how a batch ended, and, packed, what the caller wants to keep of it."""
        self._run(
            "update runs set state = :state, ended = :now, content = :content where id = :id",
            id=run, state=state, now=self.now(), content=None if content is None else zlib.compress(content, 6),
        )  # fmt: skip

    def runs(self, scope: str) -> list[Run]:
        """Return the runs of a scope, the latest first."""
        rows = self._rows(
            "select id, scope, state, started, ended from runs where scope = :scope order by started desc, id",
            scope=clean(scope),
        )
        return [Run(id=row[0], scope=row[1], state=row[2], started=row[3], ended=row[4]) for row in rows]

    def run_content(self, run: str) -> bytes | None:
        """Return what ``end_run`` was given to keep."""
        rows = self._rows("select content from runs where id = :id", id=run)
        if not rows or rows[0][0] is None:
            return None
        try:
            return inflated(rows[0][0])
        except Damaged as error:
            self._tell(f"the run {run} cannot be read: {error}")
            return None

    # ── what verdicts depend on ──────────────────────────────────────────────────────────────────────────────────

    def pairs(self) -> list[Pair]:
        """Return the distinct builds × bases of all stored images of this analyser, with how many binaries are such."""
        rows = self._rows(
            "select build, base, count(*) from binaries where analyser = :analyser group by build, base"
            " order by build, base",
            analyser=ANALYSER,
        )
        return [Pair(build=row[0], base=row[1], count=row[2]) for row in rows]

    def contents(self) -> Contents:
        """Return the facts that ``pairs`` name; of a damaged row there are none."""
        return Contents(builds=self._all_of("builds", "build", BinaryFacts), bases=self._all_of("bases", "base", Base))

    def inventory(self) -> Iterator[StoredImage]:
        """Yield every stored image of this analyser, once for each of its names, in the order of names and digests."""
        rows = self.database.stream(
            "select t.reference, i.digest, i.platform, i.status, t.fabric, b.path, b.build, b.base from images i"
            " left join tags t on t.digest = i.digest and t.platform = i.platform"
            " left join binaries b on b.digest = i.digest and b.platform = i.platform and b.analyser = i.analyser"
            " where i.analyser = :analyser order by coalesce(t.reference, ''), i.digest, i.platform, b.path",
            analyser=ANALYSER,
        )
        for (reference, digest, platform, status, fabric), group in groupby(rows, key=lambda row: row[:5]):
            yield StoredImage(
                reference=reference,
                digest=digest,
                platform=platform or None,
                status=status,
                fabric=fabric,
                binaries=tuple(StoredBinary(*row[5:]) for row in group if row[5] is not None),
            )

    def stale(self) -> int:
        """Count the images whose facts only another version of the analyser stored."""
        rows = self._rows(
            "select count(*) from (select distinct digest, platform from images where analyser <> :analyser) o"
            " where not exists (select 1 from images i where i.digest = o.digest and i.platform = o.platform"
            " and i.analyser = :analyser)",
            analyser=ANALYSER,
        )
        return int(rows[0][0]) if rows else 0

    def _all_of(self, table: str, column: str, kind: type[_Value]) -> dict[str, _Value]:
        query = (
            f"select digest, content from {table} where digest in"  # noqa: S608 (our own names)
            f" (select distinct {column} from binaries where analyser = :analyser)"
        )
        found = {}
        for digest, content in self.database.stream(query, analyser=ANALYSER):
            try:
                found[digest] = decoded(named(content, digest), kind)
            except Damaged as error:
                self._tell(f"stored {table} {digest} cannot be read: {error}")
        return found

    # ── asking and writing ───────────────────────────────────────────────────────────────────────────────────────

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        try:
            return self.database.rows(query, **values)
        except StoreUnavailable as error:
            self._forgive(error)
            return []

    def _write(self, act: Callable[[Writing], object]) -> None:
        """Do something in one transaction."""
        try:
            with self.database.writing() as writing:
                act(writing)
        except StoreUnavailable as error:
            self._forgive(error)

    def _run(self, statement: str, **values: Any) -> None:
        self._write(lambda writing: writing.run(statement, **values))

    def _forgive(self, error: StoreUnavailable) -> None:
        if not self._forgiving:
            raise error
        if not self._told:
            _LOG.warning("the scan goes on without the store: %s", error)
        self._told = True

    def _decoded(self, content: object, kind: type[_Value], what: str) -> _Value | None:
        try:
            return decoded(inflated(content), kind)
        except Damaged as error:
            self._tell(f"stored {what} cannot be read: {error}")
            return None

    @staticmethod
    def _tell(message: str) -> None:
        _LOG.warning("%s", message)

    def _use(self, table: str, key: str, used: int) -> None:
        # Once a day is enough for ``cache prune --older-than``; a write for each read would not be.
        if used < self.now() - _DAY:
            self._read[table].add(key)

    def _note_use(self) -> None:
        if not any(self._read.values()):
            return
        with self.database.writing() as writing:
            for table, keys in self._read.items():
                writing.run_many(
                    f"update {table} set used = :now where digest = :key",  # noqa: S608 (our own names)
                    [{"now": self.now(), "key": key} for key in sorted(keys)],
                )


def open_store(place: Place | None = None) -> FactStore:
    """Open a store for a scan, which goes on without one where that fails."""
    try:
        return Store.open(place, forgiving=True)
    except StoreUnavailable as error:
        _LOG.warning("nothing is stored: %s", error.line)
        return NullStore()


def _is_kept(writing: Writing, place: Mapping[str, Any], now: int) -> bool:
    """Whether a verified image is stored already, whose facts cannot come out otherwise; note that it is used."""
    where = "digest = :digest and platform = :platform and analyser = :analyser and verified = 1"
    return writing.run(f"update images set used = :now where {where}", now=now, **place) > 0  # noqa: S608 (our own words)


def _write_image(writing: Writing, target: Target, place: Mapping[str, Any], *, verified: bool, now: int) -> None:
    kept = replace(
        target,
        reference="",
        notes=(),
        environments=(),
        binaries=tuple(replace(binary, sha256=None) for binary in target.binaries),
    )
    written = writing.run(
        "insert into images (digest, platform, analyser, verified, status, content, used)"
        " values (:digest, :platform, :analyser, :verified, :status, :content, :now)"
        " on conflict (digest, platform, analyser) do update set verified = excluded.verified,"
        " status = excluded.status, content = excluded.content, used = excluded.used"
        " where images.verified <= excluded.verified",
        verified=int(verified), status=target.status, content=packed(kept), now=now, **place,
    )  # fmt: skip
    if not written:
        return
    base = encoded(base_of(target))
    builds = {binary.path: encoded(build_of(binary)) for binary in target.binaries}
    contents = sorted({digest_of(content): content for content in builds.values()}.items())
    for table, rows in (("bases", [(digest_of(base), base)]), ("builds", contents)):
        writing.run_many(
            f"insert into {table} (digest, content) values (:name, :content) on conflict (digest) do nothing",  # noqa: S608 (our own names)
            [{"name": name, "content": zlib.compress(content, 1)} for name, content in rows],
        )
    writing.run(
        "delete from binaries where digest = :digest and platform = :platform and analyser = :analyser", **place
    )
    writing.run_many(
        "insert into binaries (digest, platform, analyser, path, build, base)"
        " values (:digest, :platform, :analyser, :path, :build, :base)"
        " on conflict (digest, platform, analyser, path) do nothing",
        [
            {**place, "path": clean(path), "build": digest_of(content), "base": digest_of(base)}
            for path, content in sorted(builds.items())
        ],
    )


def _write_tag(writing: Writing, target: Target, run: str | None, now: int) -> None:
    image = identify(target.reference, target.config.env if target.config else {}, target.binaries)
    writing.run(
        "insert into tags (reference, platform, digest, seen, run, fabric)"
        " values (:reference, :platform, :digest, :now, :run, :fabric)"
        " on conflict (reference, platform) do update set digest = excluded.digest, seen = excluded.seen,"
        " run = excluded.run, fabric = excluded.fabric",
        reference=clean(target.reference), platform=clean(target.platform or ""), digest=target.digest, now=now,
        run=run, fabric=clean(f"{image.repository}:{image.tag or 'unknown'}") if image else None,
    )  # fmt: skip


__all__ = ["FactStore", "NullStore", "Store", "open_store"]
