"""What a store keeps, the same in SQLite and in PostgreSQL; and what it does with damage, other processes, and kill -9."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import postgres
import pytest
from fleet_images import images

import inspector.store.encoding
from inspector.errors import StoreUnavailable
from inspector.facts import ANALYSER, BinaryFacts, ImageConfig, LayerFacts, LayerId, Target
from inspector.store import Store, open_store, place_of
from inspector.store.upkeep import Pruning, describe_store, prune, verify

TESTS = Path(__file__).parent.parent
KEY = "sha256:" + "a" * 64
FACTS = LayerFacts(files=("/bin/ü", "/etc/passwd"), texts={"/etc/passwd": "root:x:0:0\n"}, problems=("a problem",))


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    with Store.open(place_of(place)) as opened:
        yield opened


def image(name: str = "registry.example.com/a:1", digest: str = "sha256:" + "1" * 64, **facts: object) -> Target:
    target = next(images(1, 1))
    return replace(target, reference=name, digest=digest, **facts)  # type: ignore[arg-type]


def bare(target: Target | None) -> Target | None:
    return None if target is None else replace(target, reference="")


def put(store: Store, statement: str, **values: object) -> None:
    with store.database.writing() as writing:
        writing.run(statement, **values)


# ── layers and documents ─────────────────────────────────────────────────────────────────────────────────────────


def test_facts_come_back_as_they_were(store: Store) -> None:
    assert store.facts(KEY) is None and not store.has(KEY)
    store.save(KEY, FACTS)
    assert store.facts(KEY) == FACTS and store.has(KEY)
    again = replace(FACTS, problems=())
    store.save(KEY, again)
    assert store.facts(KEY) == again


def test_facts_of_another_analyser_are_not_used(store: Store) -> None:
    store.save(KEY, FACTS)
    store.remember(image(), verified=True)
    put(store, "update facts set analyser = :other", other=ANALYSER + 1)
    put(store, "update images set analyser = :other", other=ANALYSER + 1)
    put(store, "update binaries set analyser = :other", other=ANALYSER + 1)
    assert store.facts(KEY) is None and not store.has(KEY)
    assert store.image("sha256:" + "1" * 64, "linux/amd64") is None
    assert list(store.inventory()) == [] and store.pairs() == [] and store.stale() == 1


def test_facts_are_found_by_an_alias(store: Store) -> None:
    alias = "sha256:" + "b" * 64
    store.alias(alias, KEY)
    assert not store.has(alias) and store.facts(alias) is None
    store.save(KEY, FACTS)
    store.alias(alias, KEY)
    assert store.has(alias) and store.facts(alias) == FACTS
    prune(store, Pruning(unused=True))
    assert describe_store(store).rows["aliases"] == 0


def test_a_document_is_given_out_by_its_digest_only(store: Store) -> None:
    content = b'{"a": 1}'
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    store.save_document(digest, content)
    assert store.load_document(digest) == content
    store.save_document(KEY, content)
    assert store.load_document(KEY) is None
    assert store.load_document("md5:" + hashlib.md5(content).hexdigest()) is None


# ── images, names, runs ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_verified_image_comes_back(store: Store) -> None:
    target = image(notes=("a note",), layers=(LayerId(digest=KEY, diff_id=None),))
    store.remember(target, verified=True)
    known = store.image(target.digest or "", target.platform)
    assert known == replace(target, reference="", notes=())
    assert store.image(target.digest or "", "linux/arm64") is None
    (stored,) = store.inventory()
    assert (stored.reference, stored.digest, stored.status) == (target.reference, target.digest, "analysed")
    assert [binary.path for binary in stored.binaries] == ["/usr/local/bin/app"]


def test_what_an_engine_claims_never_stands_in_for_what_was_read(store: Store) -> None:
    claimed, read = image(status="incomplete"), image()
    store.remember(claimed, verified=False)
    assert store.image(read.digest or "", read.platform) is None
    assert [each.status for each in store.inventory()] == ["incomplete"]
    store.remember(read, verified=True)
    store.remember(claimed, verified=False)
    assert bare(store.image(read.digest or "", read.platform)) == bare(read)
    assert [each.status for each in store.inventory()] == ["analysed"]


@pytest.mark.parametrize("facts", [{"digest": None}, {"status": "failed"}, {"inferred": "it was not read"}])
def test_what_was_not_read_is_not_stored(store: Store, facts: dict[str, str]) -> None:
    store.remember(image(**facts), verified=True)  # type: ignore[arg-type]
    assert list(store.inventory()) == [] and describe_store(store).rows["tags"] == 0


def test_a_name_leads_to_what_it_led_to_last(store: Store) -> None:
    first, second = image(), image(digest="sha256:" + "2" * 64)
    store.remember(first, verified=True)
    store.remember(second, verified=True, run="batch")
    assert store.database.rows("select digest, run from tags") == [(second.digest, "batch")]
    assert [(each.reference, each.digest) for each in store.inventory()] == [
        (None, first.digest),
        (second.reference, second.digest),
    ]


def test_fabric_images_are_known_by_name(store: Store) -> None:
    store.remember(image("docker.io/hyperledger/fabric-peer:1.4.12"), verified=True)
    assert [each.fabric for each in store.inventory()] == ["fabric-peer:1.4.12"]


def test_names_are_ordered_by_their_bytes(store: Store) -> None:
    names = ["b", "B", "é", "a b", "a-b", "ab", "Z", "z", "_", "a\0b"]
    for number, name in enumerate(names):
        store.remember(image(name, digest=f"sha256:{number:064x}"), verified=True)
    expected = sorted((name.replace("\0", "\ufffd") for name in names), key=str.encode)
    assert [each.reference for each in store.inventory()] == expected


def test_names_of_any_length_are_kept_apart(store: Store) -> None:
    """PostgreSQL has no long text in an index; a path in an image, and its config's platform, may be of any length."""
    chance = random.Random(3)

    def name(number: int) -> str:
        return "/" + "".join(chance.choices("abcdefghé", k=5000)) + str(number)

    binary = image().binaries[0]
    binaries = tuple(replace(binary, path=path) for path in ("/" + "x" * 4000, "/" + "x" * 4001, name(1), name(2)))
    target = image(name(3), platform=f"linux/{name(4)}", binaries=binaries)
    store.remember(target, verified=True)
    known = store.image(target.digest or "", target.platform)
    assert known is not None and known.binaries == binaries
    (stored,) = store.inventory()
    assert stored.reference is not None
    assert len({each.path for each in stored.binaries}) == 4
    scope = name(5)
    run = store.begin_run(scope)
    assert [each.id for each in store.runs(scope)] == [run]


def test_a_run_is_kept_with_what_its_caller_keeps(store: Store) -> None:
    first = store.begin_run("registry.example.com")
    store.begin_run("another")
    assert [run.state for run in store.runs("registry.example.com")] == ["running"]
    assert store.run_content(first) is None
    store.end_run(first, "complete", b"what the caller keeps")
    (run,) = store.runs("registry.example.com")
    assert (run.id, run.state) == (first, "complete")
    assert run.ended is not None and run.ended >= run.started
    assert store.run_content(first) == b"what the caller keeps"


# ── upkeep ───────────────────────────────────────────────────────────────────────────────────────────────────────


def manifest(**content: object) -> tuple[str, bytes]:
    document = json.dumps(content).encode()
    return "sha256:" + hashlib.sha256(document).hexdigest(), document


def fill(store: Store) -> dict[str, str]:
    """An image with a name, one without, layers and documents of each, and an index that lists the first."""
    config, other_config = manifest(config="of the first"), manifest(config="of the second")
    first = manifest(config={"digest": config[0]})
    second = manifest(config={"digest": other_config[0]})
    index = manifest(manifests=[{"digest": first[0]}])
    for digest, content in (config, other_config, first, second, index):
        store.save_document(digest, content)
    used, lone = "sha256:" + "b" * 64, "sha256:" + "c" * 64
    for key in (used, f"{used}+sha256", lone):
        store.save(key, FACTS)
    kept = image(digest=first[0], layers=(LayerId(digest=used, diff_id=None),))
    store.remember(image(digest=second[0], layers=(LayerId(digest=lone, diff_id=None),)), verified=True)
    store.remember(kept, verified=True)  # the name leads here now
    return {"used": used, "lone": lone, "kept": first[0], "gone": second[0], "index": index[0], "config": config[0],
            "other config": other_config[0]}  # fmt: skip


def test_what_nothing_needs_is_removed(store: Store) -> None:
    names = fill(store)
    gone = prune(store, Pruning(unused=True))
    assert gone == {"facts": 1, "documents": 2, "images": 1, "binaries": 1}
    assert store.has(names["used"]) and store.has(names["used"] + "+sha256") and not store.has(names["lone"])
    for name in ("kept", "index", "config"):
        assert store.load_document(names[name]) is not None, name
    for name in ("gone", "other config"):
        assert store.load_document(names[name]) is None, name
    assert store.image(names["kept"], "linux/amd64") is not None
    assert prune(store, Pruning(unused=True)) == {}


def test_facts_that_an_image_needs_by_an_alias_stay(store: Store) -> None:
    diff_id = "sha256:" + "d" * 64
    store.save(KEY, FACTS)
    store.alias(diff_id, KEY)
    store.remember(image(layers=(LayerId(digest=None, diff_id=diff_id),)), verified=False)
    assert prune(store, Pruning(unused=True)) == {}
    assert store.facts(diff_id) == FACTS


def test_what_is_old_is_removed_and_use_keeps_young(store: Store) -> None:
    names = fill(store)
    month = 30 * 86_400
    for table in ("facts", "documents", "images"):
        put(store, f"update {table} set used = :then", then=store.now() - 2 * month)
    put(store, "update tags set seen = :then", then=store.now() - 2 * month)
    store.begin_run("old")
    put(store, "update runs set started = :then", then=store.now() - 2 * month)
    assert store.facts(names["used"]) is not None
    store._note_use()
    gone = prune(store, Pruning(older_than=month))
    assert gone == {"facts": 2, "documents": 5, "images": 2, "builds": 1, "bases": 1, "binaries": 2, "tags": 1,
                    "runs": 1}  # fmt: skip
    assert store.has(names["used"])


def test_what_another_analyser_made_is_removed(store: Store) -> None:
    fill(store)
    put(store, "update facts set analyser = 1 where digest like '%+sha256'")
    put(store, "update images set analyser = 1 where digest = :digest", digest=fill(store)["gone"])
    assert prune(store, Pruning(analyser=True)) == {"facts": 1, "images": 1, "binaries": 1}


def test_everything_is_removed(store: Store) -> None:
    fill(store)
    prune(store, Pruning(everything=True))
    assert set(describe_store(store).rows.values()) == {0}


def test_a_store_tells_what_is_in_it(store: Store) -> None:
    fill(store)
    store.remember(image("docker:local", digest="sha256:" + "9" * 64), verified=False)
    found = describe_store(store)
    assert found.rows["images"] == 3 and found.rows["tags"] == 2 and found.unverified == 1
    assert found.analysers == {ANALYSER: 3} and found.bytes > 4096


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no zlib", id="no zlib"),
        pytest.param(zlib.compress(b"{no json"), id="no JSON"),
        pytest.param(zlib.compress(b'{"files": 7}'), id="another type"),
        pytest.param(zlib.compress(b'{"files": ["\xff"]}'), id="no UTF-8"),
        pytest.param(zlib.compress(b"[" * 100_000), id="deep"),
        pytest.param(zlib.compress(b'{"files": []}')[:-6], id="cut off"),
        pytest.param(zlib.compress(b" " * 2_000_000), id="larger than it may be"),
    ],
)
def test_damaged_facts_are_not_used_and_are_told(
    store: Store, content: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspector.store.encoding, "_MAX_PLAIN", 1_000_000)
    target = image()
    store.save(KEY, FACTS)
    store.remember(target, verified=True)
    for table in ("facts", "images", "builds", "bases"):
        put(store, f"update {table} set content = :content", content=content)
    assert store.facts(KEY) is None
    assert store.image(target.digest or "", target.platform) is None
    contents = store.contents()
    assert not contents.builds and not contents.bases
    assert "cannot be read" in caplog.text
    found = [(damage.table, damage.key) for damage in verify(store)]
    assert sorted(table for table, _ in found) == ["bases", "builds", "facts", "images"]


def test_facts_under_a_digest_that_is_not_theirs_are_not_used(store: Store) -> None:
    """Two builds are exchanged: each decodes, and neither may answer for the other."""
    first, second = image(), image("b:1", digest="sha256:" + "2" * 64)
    other = replace(second.binaries[0], linkage="dynamic", exposures=())
    store.remember(first, verified=True)
    store.remember(replace(second, binaries=(other,)), verified=True)
    rows = store.database.rows("select digest, content from builds")
    assert len(rows) == 2
    put(store, "update builds set content = :content where digest = :digest", digest=rows[0][0], content=rows[1][1])
    assert set(store.contents().builds) == {rows[1][0]}
    assert [damage.key for damage in verify(store)] == [rows[0][0]]


def test_documents_and_lost_rows_are_verified(store: Store) -> None:
    store.save_document(KEY, b"something else")
    store.remember(image(), verified=True)
    put(store, "delete from bases")
    assert [(damage.table, damage.key == KEY) for damage in verify(store)] == [("documents", True), ("bases", False)]


def test_a_column_of_another_type_is_damage(tmp_path: Path) -> None:
    """SQLite keeps any type in any column."""
    with Store.open(place_of(str(tmp_path / "f"))) as store:
        store.save(KEY, FACTS)
        put(store, "update facts set content = 'text'")
        assert store.facts(KEY) is None
        assert [damage.table for damage in verify(store)] == ["facts"]


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "facts.sqlite"
    file.write_bytes(b"this is no database, and it is long enough to be one" * 100)
    with Store.open(place_of(str(file))) as store:
        store.save(KEY, FACTS)
        assert store.facts(KEY) == FACTS
    assert (tmp_path / "facts.damaged").read_bytes().startswith(b"this is no database")


def test_a_scan_goes_on_where_nothing_can_be_stored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    with open_store(place_of(str(tmp_path / "file" / "facts.sqlite"))) as store:
        store.save(KEY, FACTS)
        assert store.facts(KEY) is None
    assert "nothing is stored" in caplog.text
    file = tmp_path / "facts.sqlite"
    with open_store(place_of(str(file))) as store, sqlite3.connect(file) as other:
        other.execute("drop table facts")
        other.commit()
        store.save(KEY, FACTS)
        store.save(KEY, FACTS)
        assert store.facts(KEY) is None
    assert caplog.text.count("goes on without the store") == 1


# ── several processes ────────────────────────────────────────────────────────────────────────────────────────────

WRITER = """
import sys
from fleet_images import images
from inspector.facts import LayerFacts
from inspector.store import Store, place_of
with Store.open(place_of(sys.argv[1])) as store:
    print("open", flush=True)
    for number, target in enumerate(images(int(sys.argv[2]), 20)):
        store.save(f"sha256:{number:064x}", LayerFacts(files=(f"/{number}",) * 500))
        store.remember(target, verified=True, run=sys.argv[3])
        print(number, flush=True)
"""


def writer(place: str, number: int, run: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, place, str(number), run]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_two_processes_write_the_same_at_once(place: str) -> None:
    """From the very making of the store on."""
    writers = [writer(place, 60, run) for run in ("one", "two")]
    for process in writers:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    with Store.open(place_of(place)) as store:
        rows = describe_store(store).rows
        assert {name: rows[name] for name in ("facts", "images", "binaries", "tags")} == dict.fromkeys(
            ("facts", "images", "binaries", "tags"), 60
        )
        assert sum(pair.count for pair in store.pairs()) == 60 and len(store.pairs()) == 20
        assert list(verify(store)) == []


def test_a_writer_that_is_killed_leaves_a_store_of_whole_rows(place: str) -> None:
    process = writer(place, 100_000, "killed")
    assert process.stdout is not None
    written = 0
    for line in process.stdout:
        written = int(line) if line.strip().isdigit() else 0
        if written >= 25:
            break
    time.sleep(0.013)  # somewhere in a write
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    with Store.open(place_of(place)) as store:
        assert list(verify(store)) == []
        rows = describe_store(store).rows
        assert rows["images"] == rows["tags"] == rows["binaries"] >= written
        store.save(KEY, FACTS)
        assert store.facts(KEY) == FACTS


# ── schema ───────────────────────────────────────────────────────────────────────────────────────────────────────


def schema_of(file: Path) -> tuple[list[object], ...]:
    with sqlite3.connect(file) as connection:
        tables = connection.execute("select name, sql from sqlite_master order by name").fetchall()
        version = connection.execute("pragma user_version").fetchall()
        revision = connection.execute("select version_num from alembic_version").fetchall()
    kept = [(name, "".join(sql.split()).lower()) for name, sql in tables if sql and name != "alembic_version"]
    return kept, version, revision


def test_alembic_and_the_store_make_the_same_schema(tmp_path: Path) -> None:
    import sqlalchemy

    from inspector.store.migrations import upgrade

    own, migrated = tmp_path / "own", tmp_path / "migrated"
    Store.open(place_of(str(own))).close()
    engine = sqlalchemy.create_engine(f"sqlite:///{migrated}")
    upgrade(engine)
    upgrade(engine)
    engine.dispose()
    assert schema_of(own) == schema_of(migrated)
    with Store.open(place_of(str(migrated))) as store:
        store.save(KEY, FACTS)
        assert store.facts(KEY) == FACTS


@pytest.mark.needs("postgresql")
def test_both_databases_have_the_same_columns(cluster: postgres.Cluster, tmp_path: Path) -> None:
    with Store.open(place_of(str(tmp_path / "own"))) as store:
        names = [row[0] for row in store.database.rows("select name from sqlite_master where type = 'table'")]
        own = {
            (
                name,
                row[1],
                {"text": "text", "integer": "bigint", "blob": "bytea"}.get(row[2].lower(), row[2]),
                bool(row[5]),
            )
            for name in names
            for row in store.database.rows(f"pragma table_info({name})")
        }
    with Store.open(place_of(cluster.database())) as store:
        rows = store.database.rows(
            "select c.table_name, c.column_name, c.data_type, exists (select 1 from information_schema.key_column_usage"
            " k where k.table_name = c.table_name and k.column_name = c.column_name) from information_schema.columns c"
            " where c.table_schema = 'public'"
        )
        indexes = store.database.rows("select indexname from pg_indexes where schemaname = 'public'")
    shared = {(*row[:2], "varchar(32)" if row[2] == "character varying" else row[2], row[3]) for row in rows}
    assert own == shared
    assert {"binaries_by_pair", "tags_by_digest"} <= {row[0] for row in indexes}


OLD = """
create table facts (digest text, analyser integer, content blob not null, primary key (digest, analyser)) without rowid;
create table documents (digest text primary key, content blob not null) without rowid;
pragma user_version = 1;
"""
SECOND = "create table aliases (alias text primary key, digest text not null) without rowid; pragma user_version = 2;"


@pytest.mark.parametrize("more", ["", SECOND], ids=["first", "second"])
def test_a_file_of_an_earlier_schema_keeps_its_facts(tmp_path: Path, more: str) -> None:
    import msgspec

    file, content = tmp_path / "facts.sqlite", b"a manifest"
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    with sqlite3.connect(file) as old:
        old.executescript(OLD + more)
        old.execute("insert into facts values (?, ?, ?)", (KEY, ANALYSER, zlib.compress(msgspec.json.encode(FACTS))))
        old.execute("insert into documents values (?, ?)", (digest, content))
    old.close()
    with Store.open(place_of(str(file))) as store:
        assert store.facts(KEY) == FACTS and store.load_document(digest) == content
        store.remember(image(), verified=True)
        assert len(list(store.inventory())) == 1
    Store.open(place_of(str(tmp_path / "new"))).close()
    assert schema_of(file) == schema_of(tmp_path / "new")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "facts.sqlite"
    with sqlite3.connect(file) as old:
        old.executescript(OLD + "create table tags (something text);")
    old.close()
    with pytest.raises(StoreUnavailable, match="tags"):
        Store.open(place_of(str(file)))
    with sqlite3.connect(file) as old:
        assert old.execute("pragma user_version").fetchone() == (1,)
        assert {row[1] for row in old.execute("pragma table_info(facts)")} == {"digest", "analyser", "content"}


def test_a_store_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "facts.sqlite"
    Store.open(place_of(str(file))).close()
    with sqlite3.connect(file) as connection:
        connection.execute("pragma user_version = 99")
    before = file.read_bytes()
    with pytest.raises(StoreUnavailable, match="newer inspector"):
        Store.open(place_of(str(file)))
    with open_store(place_of(str(file))) as store:
        store.save(KEY, FACTS)
    assert file.read_bytes() == before


@pytest.mark.needs("postgresql")
def test_a_database_of_a_newer_program_is_left_alone(cluster: postgres.Cluster) -> None:
    url = cluster.database()
    with Store.open(place_of(url)) as store:
        put(store, "update alembic_version set version_num = '0099'")
    with pytest.raises(StoreUnavailable, match="newer inspector"):
        Store.open(place_of(url))


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.needs("postgresql")
def test_no_password_is_told(cluster: postgres.Cluster, caplog: pytest.LogCaptureFixture) -> None:
    url = cluster.url("absent", password="geheim")
    with pytest.raises(StoreUnavailable) as failed:
        Store.open(place_of(url))
    open_store(place_of(f"{url}?password=geheim&sslmode=disable"))
    place = place_of(f"{url}?password=geheim")
    told = f"{failed.value!s} {failed.value!r} {place} {place!r} {caplog.text}"
    assert "geheim" not in told and "127.0.0.1" in told
    assert place.url is not None and "geheim" in place.url


def test_images_of_one_build_on_one_base_are_one_pair(store: Store) -> None:
    binary = next(images(1, 1)).binaries[0]
    others = (replace(binary, path="/opt/other", size=1, sha256="0" * 64, build_id="00", layer="x", found=("go",)),)
    store.remember(image(binaries=(binary,)), verified=True)
    config = ImageConfig(env={"PATH": "/elsewhere"}, entrypoint=("/other",), cmd=("a",))
    store.remember(
        image("b:1", digest="sha256:" + "2" * 64, binaries=others, config=config, notes=("b",)), verified=True
    )
    (pair,) = store.pairs()
    assert pair.count == 2


@pytest.mark.parametrize(
    "change",
    [
        {"go": None},
        {"linkage": "dynamic"},
        {"exposures": None},
        {"path": "/usr/bin/peer"},
        {"problems": ("a problem",)},
    ],
)
def test_what_verdicts_depend_on_is_another_pair(tmp_path: Path, change: dict[str, object]) -> None:
    with Store.open(place_of(str(tmp_path / "f"))) as store:
        binary = next(images(1, 1)).binaries[0]
        other: BinaryFacts = replace(binary, **change)  # type: ignore[arg-type]
        store.remember(image(binaries=(binary,)), verified=True)
        store.remember(image("b:1", digest="sha256:" + "2" * 64, binaries=(other,)), verified=True)
        assert len(store.pairs()) == 2
