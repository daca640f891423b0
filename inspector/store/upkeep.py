"""What the store's keeper asks: what is in it, what may go, and whether what is there is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.facts import ANALYSER, BinaryFacts, LayerFacts, Target
from inspector.records import dataclass
from inspector.store.database import Writing
from inspector.store.encoding import Damaged, decoded, has_digest, inflated, named
from inspector.store.nouns import Base
from inspector.store.schema import SCHEMA
from inspector.store.store import Store

_TABLES = ("facts", "aliases", "documents", "images", "builds", "bases", "binaries", "tags", "runs")
_MAX_DOCUMENT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """What is in a store."""

    dialect: str
    schema: int
    bytes: int
    rows: dict[str, int]
    """Of each table."""
    analysers: dict[int, int]
    """Layers' facts of each version of the analyser."""
    unverified: int
    """Images whose digest is an engine's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A row that is not what it must be."""

    table: str
    key: str
    message: str


def describe_store(store: Store) -> StoreInfo:
    """Return what is in a store.

    Raises:
        StoreUnavailable: if it cannot be read.
    """
    database = store.database
    count = "select count(*) from "
    analysers = database.rows("select analyser, count(*) from facts group by analyser order by analyser")
    return StoreInfo(
        dialect=database.dialect,
        schema=SCHEMA,
        bytes=database.size(),
        rows={table: int(database.rows(count + table)[0][0]) for table in _TABLES},
        analysers={int(version): int(number) for version, number in analysers},
        unverified=int(database.rows("select count(*) from images where verified = 0")[0][0]),
    )


# ── what may go ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What is to go; what several of these name goes by each of them."""

    older_than: int | None = None
    """Seconds for which nothing asked for it."""
    analyser: bool = False
    """What another version of the analyser made."""
    unused: bool = False
    """Images that no name leads to, and layers' facts and documents that no stored image needs."""
    everything: bool = False


def prune(store: Store, pruning: Pruning) -> dict[str, int]:
    """Remove rows, give their room back, and return how many rows of each table went.

    Raises:
        StoreUnavailable: if the store cannot be written.
    """
    gone = dict.fromkeys(_TABLES, 0)
    unused = list(_unused(store)) if pruning.unused else []
    with store.database.writing() as writing:
        for table, condition, values in _conditions(pruning, store.now()):
            gone[table] += writing.run(f"delete from {table} where {condition}", **values)  # noqa: S608 (our own words)
        for table, key in unused:
            gone[table] += writing.run(f"delete from {table} where digest = :key", key=key)  # noqa: S608 (our own words)
        _remove_orphans(writing, gone)
    store.database.reclaim()
    return {table: number for table, number in gone.items() if number}


def _conditions(pruning: Pruning, now: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if pruning.everything:
        yield from ((table, "1 = 1", {}) for table in _TABLES)
        return
    if pruning.analyser:
        yield from ((table, "analyser <> :analyser", {"analyser": ANALYSER}) for table in ("facts", "images"))
    if pruning.older_than is not None:
        before = {"before": now - pruning.older_than}
        yield from ((table, "used < :before", before) for table in ("facts", "documents", "images"))
        yield "tags", "seen < :before", before
        # One that was killed never ends: it goes by when it began.
        yield "runs", "coalesce(ended, started) < :before", before
    if pruning.unused:
        there = "select 1 from tags t where t.digest = images.digest and t.platform = images.platform"
        yield "images", f"not exists ({there})", {}


def _remove_orphans(writing: Writing, gone: dict[str, int]) -> None:
    """Remove what only stood for rows that went."""
    image = "select 1 from images i where i.digest = {0}.digest and i.platform = {0}.platform"
    gone["binaries"] += writing.run(
        f"delete from binaries where not exists ({image.format('binaries')} and i.analyser = binaries.analyser)"  # noqa: S608
    )
    gone["tags"] += writing.run(f"delete from tags where not exists ({image.format('tags')})")  # noqa: S608
    gone["aliases"] += writing.run("delete from aliases where digest not in (select digest from facts)")
    gone["builds"] += writing.run("delete from builds where digest not in (select build from binaries)")
    gone["bases"] += writing.run("delete from bases where digest not in (select base from binaries)")


def _unused(store: Store) -> Iterator[tuple[str, str]]:
    """Yield (table, key) of layers' facts and documents that no image with a name needs."""
    layers: set[str] = set()
    needed: set[str] = set()
    rows = store.database.stream(
        "select i.digest, i.content from images i"
        " where exists (select 1 from tags t where t.digest = i.digest and t.platform = i.platform)"
    )
    for digest, content in rows:
        needed.add(digest)
        try:
            target = decoded(inflated(content), Target)
        except Damaged:
            continue
        layers |= {key for layer in target.layers for key in (layer.digest, layer.diff_id) if key}
    documents = dict(_references_of_documents(store))
    # An index is needed for the manifests that it lists, a config for the manifest that names it.
    needed |= {digest for digest, below in documents.items() if below & needed}
    needed |= {below for digest in tuple(needed) for below in documents.get(digest, ())}
    layers |= {digest for alias, digest in store.database.rows("select alias, digest from aliases") if alias in layers}
    for (key,) in store.database.rows("select distinct digest from facts"):
        if key.partition("+")[0] not in layers:
            yield "facts", key
    yield from (("documents", digest) for digest in documents if digest not in needed)


def _references_of_documents(store: Store) -> Iterator[tuple[str, set[str]]]:
    """Yield each document's digest with those of its config and of the manifests that it lists."""
    import json

    for digest, content in store.database.stream("select digest, content from documents"):
        found: set[str] = set()
        try:
            document = json.loads(bytes(content))
            below = [document.get("config"), *(document.get("manifests") or [])]
            found = {str(each.get("digest")) for each in below if isinstance(each, dict)}
        except (ValueError, AttributeError, TypeError, RecursionError):
            pass  # no manifest, or a damaged one: it names nothing
        yield digest, found


# ── whether it is whole ──────────────────────────────────────────────────────────────────────────────────────────


def verify(store: Store) -> Iterator[Damage]:
    """Yield every row that is not what its digest says, or cannot be decoded.

    Facts of other versions of the analyser are only inflated: their form is that version's.

    Raises:
        StoreUnavailable: if the store cannot be read, or SQLite says that the file is damaged.
    """
    database = store.database
    if database.dialect == "sqlite":
        for (line,) in database.rows("pragma integrity_check(20)"):
            if line != "ok":
                yield Damage(table="the file", key="-", message=str(line))
    for digest, content in database.stream("select digest, content from documents order by digest"):
        if not has_digest(content, digest):
            yield Damage(table="documents", key=str(digest), message="its bytes have another digest")
    shared: dict[str, type[Any]] = {"builds": BinaryFacts, "bases": Base}
    for table, kind in shared.items():
        for digest, content in database.stream(f"select digest, content from {table} order by digest"):  # noqa: S608
            yield from _damage(table, digest, lambda c=content, d=digest, k=kind: decoded(named(c, d), k))
    versioned: dict[str, type[Any]] = {"facts": LayerFacts, "images": Target}
    for table, kind in versioned.items():
        query = f"select digest, analyser, content from {table} order by digest, analyser"  # noqa: S608 (our own words)
        for digest, analyser, content in database.stream(query):
            own = analyser == ANALYSER
            yield from _damage(
                table, digest, lambda c=content, k=kind, o=own: decoded(inflated(c), k) if o else inflated(c)
            )
    yield from _lost(store)


def _lost(store: Store) -> Iterator[Damage]:
    """Yield binaries that lead nowhere."""
    for table, column in (("builds", "build"), ("bases", "base")):
        rows = store.database.rows(
            f"select distinct {column} from binaries where {column} not in (select digest from {table})"  # noqa: S608
        )
        for (digest,) in rows:
            yield Damage(table=table, key=str(digest), message="binaries name it, and it is not there")


def _damage(table: str, key: object, read: Any) -> Iterator[Damage]:
    try:
        read()
    except Damaged as error:
        yield Damage(table=table, key=str(key), message=str(error))
