"""Stored images judged again: as a scan judges them, the same by either database, image by image and by command."""

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import parts
import postgres
import pytest
from fleet_images import images

import inspector
from inspector.environments import presets
from inspector.facts import ContextFile, ImageConfig, Target, Tool, Verdict
from inspector.judging import SEVERITY, Wishes, judge_target
from inspector.querying import Question, Versions, select
from inspector.rejudging import Answer, judge_store, shift_of, survey
from inspector.reports.rejudgement import encode_rejudgement
from inspector.scanning import read_image
from inspector.sources import SourceOptions, open_images
from inspector.store import Store, place_of

SAMPLES = sorted((parts.ROOT / "samples" / "images").iterdir())
PEER = parts.ROOT / "samples" / "images" / "peer-static-glibc.tar.gz"
PATHS = ("/usr/local/bin/peer", "/usr/local/bin/app", "/opt/hyperledger/ccaas_builder/bin/build", "/chaincode")


def fleet(number: int, pairs: int) -> list[Target]:
    """Images with several binaries each, some with variables, scripts and names of Fabric's."""
    chance = random.Random(9)
    every = list(images(number * 3, pairs))
    found = []
    for place in range(number):
        target, others = every[place * 3], every[place * 3 + 1 : place * 3 + 3]
        paths = chance.sample(PATHS, 3)
        binaries = tuple(
            replace(each.binaries[0], path=path) for path, each in zip(paths, (target, *others), strict=True)
        )
        env = chance.choice([{}, {"GODEBUG": "netdns=go"}, {"GODEBUG": "netdns=cgo"}, {"LOCALDOMAIN": "x"}])
        user = chance.choice([None, "0", "1000", "u3", "nobody"])
        found.append(
            replace(
                target,
                binaries=binaries,
                config=ImageConfig(env={"PATH": "/bin", **env}, user=user),
                script_variables=chance.choice([(), (), ("GODEBUG",)]),
                status=chance.choice(["analysed", "analysed", "incomplete"]),
                platform=chance.choice(["linux/amd64", None]),
            )
        )
    return found


def stored(place: str, targets: list[Target]) -> Store:
    store = Store.open(place_of(place))
    for target in targets:
        store.remember(target, verified=True)
    return store


def worst(target: Target) -> dict[tuple[str, str | None], int]:
    found: dict[tuple[str, str | None], int] = {}
    for environment in target.environments:
        for verdict in environment.verdicts:
            key = (environment.name, verdict.path)
            found[key] = max(found.get(key, 0), SEVERITY[verdict.level])
    return found


@pytest.mark.parametrize("calls", [(), ("user", "port")], ids=["no calls known", "calls known"])
def test_every_binary_has_the_level_that_a_scan_gives_it(tmp_path: Path, calls: Any) -> None:
    """Whatever the pair leaves out decides nothing, and a brief judgement has the levels of a full one."""
    targets = fleet(40, 100)
    wishes = Wishes(calls=calls)
    with stored(str(tmp_path / "f"), targets) as store:
        judged = judge_store(store, presets(), wishes)
        seen = 0
        for each in judged.images():
            (target,) = [t for t in targets if t.digest == each.image.digest]
            levels = worst(judge_target(target, presets(), wishes))
            for binary, answer in zip(each.image.binaries, each.answers, strict=True):
                for environment, verdict in zip(judged.environments, answer.verdicts, strict=True):
                    assert SEVERITY[verdict.level] == levels[environment.name, binary.path], (target, environment.name)
                    seen += 1
        assert seen == 40 * 3 * len(presets())


def test_flips_and_remedies_of_a_pair_are_those_of_the_image(tmp_path: Path) -> None:
    (target,) = inspector.collect(str(PEER), options=inspector.ScanOptions(use_cache=False))
    with stored(str(tmp_path / "f"), [target]) as store:
        judged = judge_store(store, presets(), Wishes())
        (pair,) = judged.pairs
        full = judged.in_full((pair.build, pair.base))
    expected = judge_target(target, presets(), Wishes()).environments
    assert [replace(e, verdicts=tuple(replace(v, path="") for v in e.verdicts)) for e in full] == [
        replace(e, verdicts=tuple(replace(v, path="") for v in e.verdicts)) for e in expected
    ]


@pytest.mark.needs("postgresql")
def test_both_databases_answer_the_same(cluster: postgres.Cluster, tmp_path: Path) -> None:
    targets = fleet(60, 150)
    random.Random(1).shuffle(targets)
    resolv_conf = ContextFile(text="nameserver 10.0.0.1\noptions edns0 no-aaaa\n", origin="given")
    questions = [
        Question(),
        Question(go=Versions("<1.15", what="--go"), linkage="static"),
        Question(libc="glibc", libc_versions=Versions("<=2.28", what="--libc"), exposures=("dns",)),
        Question(names=("*team1*",), paths=("*/peer",), levels=("crash",)),
        Question(fabric=Versions("any", what="--fabric")),
    ]
    answers = []
    for place in (str(tmp_path / "f"), cluster.database()):
        with stored(place, targets) as store:
            judged = judge_store(store, None, Wishes(resolv_conf=resolv_conf))
            kept: list[Any] = []
            found = survey(judged, names=3, visit=kept.append)
            document = json.loads(encode_rejudgement(judged, found, kept, tool=Tool(version="0"), paired=False))
            del document["store"]
            rows = [list(select(judged, question)) for question in questions]
            answers.append((document, found, rows, list(store.inventory()), store.pairs()))
    assert answers[0] == answers[1]
    assert answers[0][0]["summary"]["images"] == 60
    assert all(rows for rows in answers[0][2][:3])


# ── scanning ─────────────────────────────────────────────────────────────────────────────────────────────────────


def scanned(store: Path, *flags: str, image: Path = PEER) -> dict[str, Any]:
    done = parts.inspector("facts", "--store", str(store), *flags, str(image))
    assert done.returncode == 0, done.stderr
    (target,) = json.loads(done.stdout)["targets"]
    return dict(target)


def without_layers(file: Path) -> None:
    with Store.open(place_of(str(file))) as store, store.database.writing() as writing:
        writing.run("delete from facts")


def test_a_stored_image_is_told_as_it_was_read(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    read = {image: scanned(file, image=image) for image in SAMPLES[2:5]}
    without_layers(file)
    for image, target in read.items():
        assert scanned(file, image=image) == target
    with Store.open(place_of(str(file))) as store:
        assert not store.database.rows("select 1 from facts")  # no layer was read again


def test_hashes_and_single_paths_are_read(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    plain = scanned(file)
    assert plain["binaries"][0]["sha256"] is None
    assert re.fullmatch(r"[0-9a-f]{64}", scanned(file, "--hash")["binaries"][0]["sha256"])
    assert scanned(file) == plain
    other = tmp_path / "other.sqlite"
    scanned(other, "--path", "/usr/local/bin/peer")
    with Store.open(place_of(str(other))) as store:
        assert list(store.inventory()) == []


def test_an_engines_word_is_kept_and_not_trusted(tmp_path: Path) -> None:
    from inspector.references import parse

    with Store.open(place_of(str(tmp_path / "s"))) as store:
        (image,) = open_images(parse(str(PEER)), SourceOptions(), store)
        options = inspector.ScanOptions()
        first = read_image(replace(image, claimed=True), store, options)  # type: ignore[type-var]
        assert store.image(first.digest or "", first.platform) is None
        assert [each.status for each in store.inventory()] == ["analysed"]
        read_image(image, store, options)
        assert store.image(first.digest or "", first.platform) is not None


def test_nothing_is_kept_without_a_cache(tmp_path: Path) -> None:
    scanned(tmp_path / "s.sqlite", "--no-cache")
    assert not list(tmp_path.iterdir())


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "samples.sqlite"
    for image in SAMPLES:
        scanned(file, image=image)
    return file


def judge(store: Path, *flags: str, code: int = 0, **settings: Any) -> str:
    done = parts.inspector("judge", "--store", str(store), *flags, **settings)
    assert done.returncode == code, (done.returncode, done.stderr, done.stdout)
    return done.stdout


def test_judging_a_store_fails_as_a_scan_does(samples: Path) -> None:
    judge(samples, "-e", "docker-bridge")
    judge(samples, "-e", "docker-bridge", "--fail-on", "latent", code=1)
    text = judge(samples, "-e", "docker-network-ubuntu", code=1)
    assert (
        "crash in docker-network-ubuntu, 1 binary" in text and "set the environment variable GODEBUG=netdns=go" in text
    )
    judge(samples, "-e", "docker-network-ubuntu", "--fail-on", "never")
    judge(samples, "-e", "docker-network-ubuntu", "--exit-code", "9", code=9)
    judge(samples, "-e", "docker-network-ubuntu", "--only-fixable", code=1)


def test_waivers_count_for_a_store(samples: Path, tmp_path: Path) -> None:
    with Store.open(place_of(str(samples))) as store:
        digests = {Path(image.reference or "").name.split(".")[0]: image.digest for image in store.inventory()}
    waivers = tmp_path / "waivers.toml"
    for name, code in (("peer-static-glibc", 0), ("peer-musl", 1)):
        waivers.write_text(f'[[waiver]]\nimage = "{digests[name]}"\nreason = "known"\nexpires = 2999-01-01\n')
        judge(samples, "-e", "docker-network-ubuntu", "--waivers", str(waivers), code=code)


def test_the_document_has_every_image(samples: Path) -> None:
    document = json.loads(judge(samples, "-e", "docker-network-ubuntu", "-f", "json", code=1))
    assert document["environments"] == ["docker-network-ubuntu"]
    assert document["summary"]["images"] == len(document["images"]) == len(SAMPLES)
    levels = {Path(image["reference"]).name.split(".")[0]: image["levels"] for image in document["images"]}
    assert levels["peer-static-glibc"] == ["crash"] and levels["peer-musl"] == ["safe"]
    for image in document["images"]:
        (place,) = image["binaries"].values()
        assert document["pairs"][place]["verdicts"][0]["level"] == image["levels"][0]


def test_what_flips_between_two_places_is_told(samples: Path, tmp_path: Path) -> None:
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("nameserver 10.0.0.1\noptions edns0\n")
    text = judge(samples, "--compare", "docker-bridge", str(resolv_conf), code=1)
    assert "1 images worse, 0 better, 5 alike" in text
    assert "worse: latent → crash, 1 binary" in text and "option 'edns0'" in text
    text = judge(samples, "--compare", str(resolv_conf), "docker-bridge")
    assert "0 images worse, 1 better, 5 alike" in text
    document = json.loads(judge(samples, "--compare", "docker-bridge", str(resolv_conf), "-f", "json", code=1))
    assert document["comparison"] == {"worse": 1, "better": 0}
    assert [Path(image["reference"]).name for image in document["images"]] == ["peer-static-glibc.tar.gz"]
    assert document["images"][0]["levels"] == ["latent", "crash"]
    # What was as bad before is no finding.
    judge(samples, "--compare", "docker-network-ubuntu", str(resolv_conf))


def test_what_cannot_be_told_is_not_hidden_behind_what_is_graver(tmp_path: Path) -> None:
    """Of a Go whose release is not known a host look-up is latent, a port unknown: a scan ends with 4, and so does this."""
    place = tmp_path / "facts.sqlite"
    (target,) = inspector.collect(str(PEER))
    (binary,) = target.binaries
    assert binary.go is not None
    odd = replace(binary, go=replace(binary.go, version="devel"))
    with Store.open(place_of(str(place))) as store:
        store.remember(replace(target, binaries=(odd,)), verified=True)
    text = judge(place, "-e", "docker-bridge", code=4)
    assert re.search(r"docker-bridge +0 +0 +1 +1 +0", text)
    judge(place, "-e", "docker-bridge", "--allow-incomplete")
    assert "unknown in docker-bridge, 1 binary" in judge(place, "-e", "docker-bridge", "-v", code=4)
    (image,) = json.loads(judge(place, "-e", "docker-bridge", "-f", "json", code=4))["images"]
    assert image["levels"] == ["latent"] and image["untold"] == [True]
    found = parts.inspector("query", "--store", str(place), "-e", "docker-bridge", "--level", "unknown")
    assert "/usr/local/bin/peer" in found.stdout, found.stderr


def test_what_cannot_be_told_any_more_is_not_better(tmp_path: Path) -> None:
    """From a crash to what nobody can tell is no cure."""
    told = Answer(environments=(), verdicts=(), untold=(False, True))
    crash, unknown, latent = (Verdict(rule="r", level=level) for level in ("crash", "unknown", "latent"))
    assert shift_of(replace(told, verdicts=(crash, unknown))) > 0
    assert shift_of(replace(told, verdicts=(latent, latent))) > 0
    assert shift_of(replace(told, verdicts=(latent, latent), untold=(True, False))) < 0
    assert shift_of(replace(told, verdicts=(unknown, crash), untold=(True, False))) > 0
    assert shift_of(replace(told, verdicts=(latent, latent), untold=(True, True))) == 0


def test_documents_are_harmless_on_a_terminal(tmp_path: Path) -> None:
    place = tmp_path / "facts.sqlite"
    (target,) = inspector.collect(str(PEER))
    odd = replace(target.binaries[0], path="/bin/\u202egnp.exe\x9b")
    with Store.open(place_of(str(place))) as store:
        store.remember(replace(target, binaries=(odd,)), verified=True)
    for words in (("query", "--store", str(place), "-f", "json"), ("judge", "--store", str(place), "-f", "json")):
        said = parts.inspector(*words).stdout
        assert "\\u202egnp.exe\\u009b" in said and "\u202e" not in said and "\x9b" not in said


def test_a_file_that_is_only_read_stays_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("{" * 5000)
    for words in (("query",), ("judge", "--store"), ("cache", "info")):
        flags = ("--store", str(file)) if "--store" not in words else (str(file),)
        done = parts.inspector(*words, *flags)
        assert done.returncode == 3 and str(file) in done.stderr, done.stderr
    assert file.read_text() == "{" * 5000 and sorted(tmp_path.iterdir()) == [file]


def test_what_cannot_be_judged_is_told_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    scanned(file, image=SAMPLES[0])
    with Store.open(place_of(str(file))) as store, store.database.writing() as writing:
        writing.run("update builds set content = :content", content=b"x")
    text = judge(file, "-e", "docker-bridge", "-v", code=4)
    assert "unknown in docker-bridge, 1 binary" in text and "damaged" in text
    judge(file, "-e", "docker-bridge", "--allow-incomplete")
    with Store.open(place_of(str(file))) as store, store.database.writing() as writing:
        for table in ("images", "binaries"):
            writing.run(f"update {table} set analyser = 1")
    done = parts.inspector("judge", "--store", str(file), "-e", "docker-bridge")
    assert done.returncode == 4 and "1 images were stored by another version of the analyser" in done.stderr


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        (("judge", "--store", "/nowhere/facts.sqlite"), 3, "there is no store at /nowhere/facts.sqlite"),
        (("judge", "--store", "mysql://u:geheim@h/d"), 2, "no such kind of store"),
        (("judge", "--store", "x", "report.json"), 2, "either FILE, --batch or --store"),
        (("judge", "--compare", "a", "b", "report.json"), 2, "--compare is for --store"),
        (("judge", "--store", "x", "-f", "sarif"), 2, "formats text and json"),
        (("judge", "--store", "x", "-e", "host", "--compare", "a", "b"), 2, "give either --compare"),
        (("query", "--go", "<=x"), 2, "no range of versions"),
        (("query", "--libc", "uclibc"), 2, "give glibc, musl"),
        (("query", "--store", "postgresql://u:geheim@127.0.0.1:1/d"), 3, "postgresql://u@127.0.0.1:1/d"),
        (("cache", "info"), 3, "there is no store"),
        (("query", "-e", "container:none"), 3, ""),
        (("cache", "prune", "--older-than", "soon"), 2, "30d, 12h or 8w"),
        (("cache", "prune"), 2, "say what is to go"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(flags: tuple[str, ...], code: int, told: str) -> None:
    done = parts.inspector(*flags)
    assert done.returncode == code and told in done.stderr, (done.returncode, done.stderr)
    assert "geheim" not in done.stderr and "Traceback" not in done.stderr


def test_an_empty_store_has_nothing_to_judge(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    Store.open(place_of(str(file))).close()
    done = parts.inspector("judge", "--store", str(file))
    assert done.returncode == 3 and "there is no image in the store" in done.stderr


def query(store: Path, *flags: str) -> list[dict[str, Any]]:
    done = parts.inspector("query", "--store", str(store), "-f", "json", *flags)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["rows"])


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {Path(row["reference"]).name.split(".")[0] for row in rows}


def test_binaries_are_listed_by_what_they_are(samples: Path) -> None:
    everything = {path.name.split(".")[0] for path in SAMPLES}
    assert names(query(samples)) == everything
    assert names(query(samples, "--go", "<1.20")) == {name for name in everything if name.startswith("peer")}
    assert names(query(samples, "--go", ">=1.21,<1.22")) == {"chaincode-old-glibc"}
    assert names(query(samples, "--linkage", "dynamic")) == {"peer-dynamic"}
    assert names(query(samples, "--libc", "musl")) == {"peer-musl"}
    assert names(query(samples, "--libc", "glibc>=2.32")) == {"chaincode-new-glibc"}
    assert names(query(samples, "--exposure", "none")) == {"peer-netgo"}
    assert "peer-static-glibc" in names(query(samples, "--exposure", "dns", "--exposure", "user"))
    assert names(query(samples, "*musl*", "*netgo*")) == {"peer-musl", "peer-netgo"}
    assert names(query(samples, "--level", "crash", "-e", "docker-network-ubuntu")) == {"peer-static-glibc"}
    assert query(samples, "--fabric", "any") == [] and query(samples, "--go", "unknown") == []
    assert len(query(samples, "--limit", "2")) == 2


def test_rows_are_a_table_or_csv(samples: Path) -> None:
    done = parts.inspector("query", "--store", str(samples), "--path-pattern", "*/peer", "-e", "docker-bridge")
    assert done.returncode == 0 and "4 binaries in 4 images" in done.stderr
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["image", "path", "go", "linkage", "libc", "exposures", "fabric", "worst"]
    assert len(lines) == 4 and lines[-1].split()[-1] == "latent"
    done = parts.inspector("query", "--store", str(samples), "-f", "csv", "-q", "-e", "docker-bridge")
    header, *lines = done.stdout.splitlines()
    assert header.startswith("reference,digest,") and header.endswith(",docker-bridge") and len(lines) == len(SAMPLES)
    assert done.stderr == ""


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    target = replace(next(images(1, 1)), reference="=cmd|' /C calc'!A0")
    with stored(str(tmp_path / "f"), [target]):
        pass
    done = parts.inspector("query", "--store", str(tmp_path / "f"), "-f", "csv", "-q")
    assert done.stdout.splitlines()[1].startswith("'=cmd")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<1.20", ["1.19.13", "1.9", "1.19rc1"], ["1.20", "1.20.1", "1.100", "unknown", "devel +abc", None]),
        ("<=1.20", ["1.20.14", "1.20", "1.5"], ["1.21"]),
        (">1.20", ["1.21", "2.0"], ["1.20.14", "1.20"]),
        (">=1.10,<1.20", ["1.10", "1.19.9"], ["1.9.7", "1.20"]),
        ("1.15", ["1.15", "1.15.15"], ["1.16", "1.150"]),
        ("=1.15.3", ["1.15.3"], ["1.15", "1.15.30"]),
        ("unknown", ["unknown", "devel +abc"], ["1.15", None]),
        ("any", ["1.15", "unknown"], [None]),
    ],
)
def test_ranges(text: str, inside: list[str | None], outside: list[str | None]) -> None:
    versions = Versions(text, what="--go")
    assert [each for each in inside if not versions.has(each)] == []
    assert [each for each in outside if versions.has(each)] == []


def test_the_store_is_set_by_variable_and_shown_without_its_password(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "s.sqlite"
    monkeypatch.setenv("INSPECTOR_STORE", str(file))
    assert parts.inspector("facts", str(SAMPLES[0])).returncode == 0
    assert file.exists()
    done = parts.inspector("cache", "info", "-f", "json")
    found = json.loads(done.stdout)
    assert found["place"] == str(file) and found["rows"]["images"] == 1 and found["schema"] == 3
    assert parts.inspector("judge", "--store", "-e", "docker-bridge").returncode == 0
    assert parts.inspector("cache", "verify").stdout == "all is whole\n"
    assert "removed nothing" in parts.inspector("cache", "prune", "--unused", "--older-than", "1d").stdout
    monkeypatch.setenv("INSPECTOR_STORE", "postgresql://u:geheim@127.0.0.1:1/d")
    for form in ("text", "json"):
        done = parts.inspector("config", "show", "-f", form)
        assert "postgresql://u@127.0.0.1:1/d" in done.stdout and "geheim" not in done.stdout
    done = parts.inspector("facts", str(SAMPLES[0]))
    assert done.returncode == 0 and "nothing is stored" in done.stderr and "geheim" not in done.stderr


def test_damage_is_found_by_the_command(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite"
    scanned(file, image=SAMPLES[0])
    with Store.open(place_of(str(file))) as store, store.database.writing() as writing:
        writing.run("update facts set content = :content", content=b"x")
    done = parts.inspector("cache", "verify", "--store", str(file))
    assert done.returncode == 4 and "damaged: facts sha256:" in done.stdout
    done = parts.inspector("cache", "prune", "--all", "--store", str(file))
    assert done.returncode == 0 and "removed" in done.stdout
    assert parts.inspector("cache", "verify", "--store", str(file)).returncode == 0
