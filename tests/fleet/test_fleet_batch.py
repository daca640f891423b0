"""Whole registries by the installed command: what is asked for, what is read, and what is done again after an end."""

import contextlib
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleets
import jsonschema
import parts
import pytest
from batches import COMMAND, Real, batch, essence

pytestmark = pytest.mark.needs("docker-registry")

ROOT = Path(__file__).parents[2]


@dataclass
class Warm:
    """A store that knows the whole fleet, and how it came to know it."""

    cache: Path
    report: dict[str, Any]
    blobs: Counter[str]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with parts.registry(tmp_path_factory.mktemp("registry")) as running:
        yield Real(running, fleets.generate(running.host))


@pytest.fixture
def log(real: Real) -> fleets.Log:
    """The registry's log from now on."""
    return fleets.Log(real.registry)


def names(report: dict[str, Any]) -> set[str]:
    return {f"{image['repository']}:{tag}" for image in report["images"] for tag in image["tags"]}


# ── the whole of it ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def warm(real: Real, tmp_path_factory: pytest.TempPathFactory) -> Warm:
    """A first run over the whole registry."""
    cache, log = tmp_path_factory.mktemp("warm"), fleets.Log(real.registry)
    return Warm(cache, batch(cache, real.host, workers=None), log.blobs())


def test_each_blob_is_fetched_once_and_a_second_run_fetches_none(real: Real, warm: Warm, log: fleets.Log) -> None:
    assert real.fleet.tags >= 300
    assert len(real.fleet.repositories) >= 30
    first = warm.report
    assert real.fleet.layers <= set(warm.blobs)
    assert set(warm.blobs.values()) == {1}, "each blob once: layers, and configs"
    assert first["summary"]["images"] == real.fleet.tags
    assert first["work"]["layers"] == first["work"]["layers_read"] == len(real.fleet.layers)
    assert first["summary"]["crash"] == 100
    assert {image["status"] for image in first["images"]} == {"analysed"}
    jsonschema.validate(first, json.loads((ROOT / "inspector/reports/fleet.schema.json").read_text()))

    second = batch(warm.cache, real.host, "--trend", "last", workers=None)
    assert not log.blobs()
    asked = log.lines("/manifests/")
    assert len(asked) == real.fleet.tags, "a tag that is known costs one request"
    assert all('"HEAD ' in line for line in asked)
    assert second["work"]["layers_read"] == 0
    assert second["work"]["layers_known"] == len(real.fleet.layers)
    assert essence(second) == essence(first)
    assert second["trend"]["same"] == real.fleet.tags
    assert second["trend"]["differences"] == []


def test_a_prefix_is_a_part_and_a_scan_uses_the_same_store(real: Real, warm: Warm, log: fleets.Log) -> None:
    found = batch(warm.cache, f"{real.host}/team-0/service-00")
    assert names(found) == {f"team-0/service-00:1.{tag}" for tag in range(10)}
    done = parts.inspector(
        "facts", "--from", "registry", "--cache-dir", str(warm.cache), f"{real.host}/team-0/service-00:1.3"
    )
    assert done.returncode == 0, done.stderr
    assert not log.blobs()
    target = json.loads(done.stdout)["targets"][0]
    image = next(image for image in found["images"] if image["tags"] == ["1.3"])
    assert target["digest"] == image["digest"]
    assert [binary["path"] for binary in target["binaries"]] == [binary["path"] for binary in image["binaries"]]


def test_what_a_batch_says_of_an_image_is_what_a_scan_says(real: Real, warm: Warm) -> None:
    name = f"{real.host}/team-0/service-00:1.0"
    found = batch(warm.cache, name)
    done = parts.inspector("scan", "--from", "registry", "--no-cache", "--format", "json", name)
    target = json.loads(done.stdout)["targets"][0]
    rank = ["safe", "unknown", "latent", "wrong", "crash"]
    wanted = [
        max((verdict["level"] for verdict in environment["verdicts"]), key=rank.index)
        for environment in target["environments"]
    ]
    assert found["environments"] == [environment["name"] for environment in target["environments"]]
    assert [cell["level"] for cell in found["images"][0]["cells"]] == wanted


# ── bad images ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bad_image_is_a_line_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with parts.registry(tmp_path / "registry") as running, contextlib.ExitStack() as stack:
        pushing = stack.enter_context(fleets.Pushing(running.host))
        good = fleets.layer({"bin/good": b"#!/bin/sh\n"})
        noise = fleets.Blob(b"\x1f\x8b" + b"not gzip at all" * 50, good.diff_id)
        pushing.image("a/good", "1", [good])
        pushing.image("a/noise", "1", [good, noise])
        pushing.image("a/noise", "2", [noise])
        pushing.manifest("a/artifact", "1", {
            "schemaVersion": 2, "mediaType": fleets.MANIFEST,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": pushing.blob("a/artifact", b"{}"), "size": 2},
            "layers": [{"mediaType": "text/plain", "digest": pushing.blob("a/artifact", b"hello"), "size": 5}],
        })  # fmt: skip
        log = fleets.Log(running)
        found = batch(tmp_path / "cache", running.host, f"{running.host}/a/absent:9", f"{running.host}/b", code=4)
        fetched = log.blobs()
    by_name = {f"{image['repository']}:{tag}": image for image in found["images"] for tag in image["tags"]}
    assert by_name["a/good:1"]["status"] == "analysed"
    assert by_name["a/noise:1"]["status"] == by_name["a/noise:2"]["status"] == "failed"
    assert by_name["a/artifact:1"]["status"] == "failed"
    assert (
        "manifest unknown" in by_name["a/absent:9"]["problems"][0]
        or "there is none" in by_name["a/absent:9"]["problems"][0]
    )
    assert all(image["level"] == "unknown" for image in by_name.values() if image["status"] == "failed")
    assert [problem["where"] for problem in found["problems"]] == [f"{running.host}/b"]
    assert fetched[noise.digest] == 1, "what is damaged is not fetched for each image anew"
    assert found["summary"]["failed"] == 4


def test_a_layer_that_is_gone_in_one_repository_is_taken_from_another(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with parts.registry(tmp_path / "registry") as running, contextlib.ExitStack() as stack:
        pushing = stack.enter_context(fleets.Pushing(running.host))
        shared = fleets.layer({"etc/shared": b"1"})
        pushing.image("a/one", "1", [shared])
        pushing.image("b/two", "1", [shared])

        def before(request: Any) -> tuple[int, dict[str, str], bytes] | None:
            return (404, {}, b"") if f"/v2/a/one/blobs/{shared.digest}" in request.path else None

        with fleets.front(running.host, before) as way:
            found = batch(tmp_path / "cache", way.host, "--jobs", "1", code=0)
    assert {image["status"] for image in found["images"]} == {"analysed"}


# ── what is wanted ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--tag", "1.[12]"], {"1.1", "1.2"}),
        (["--tag", "1.1", "--tag", "*.9"], {"1.1", "1.9"}),
        (["--exclude", "team-0/service-00:1.[0-7]"], {"1.8", "1.9"}),
        (["--newest", "2"], {"1.9", "1.8"}),
        (["--newest", "1", "--tag", "1.[0-4]"], {"1.4"}),
        (["--since", "2026-01-09"], {"1.8", "1.9"}),
        (["--since", "2026-01-05", "--newest", "1"], {"1.9"}),
    ],
)
def test_tags_are_chosen(real: Real, warm: Warm, words: list[str], wanted: set[str]) -> None:
    found = batch(warm.cache, f"{real.host}/team-0/service-00", *words)
    assert names(found) == {f"team-0/service-00:{tag}" for tag in wanted}


def test_a_tag_whose_age_was_asked_for_is_not_asked_for_again(real: Real, warm: Warm, log: fleets.Log) -> None:
    batch(warm.cache, f"{real.host}/team-0/service-00", "--newest", "2")
    assert len(log.lines("/manifests/")) == 10, "one request a tag"


def test_repositories_are_left_out(real: Real, warm: Warm) -> None:
    words = ["--exclude", "team-0/service-[12]*", "--tag", "1.0"]
    assert {name.partition(":")[0] for name in names(batch(warm.cache, f"{real.host}/team-0", *words))} == {
        "team-0/service-00", "team-0/service-05",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["-f FILE", "-f -", "-"])
def test_a_list_may_name_them(real: Real, warm: Warm, tmp_path: Path, how: str) -> None:
    lines = (
        f"# what we run\n{real.host}/team-1/service-01:1.1\n\nregistry:{real.host}/team-1/service-01:1.2  # twice\n"
        f"{real.host}/team-1/service-01:1.2\n{real.host}/team-1/service-06\n"
    )
    file = tmp_path / "list"
    file.write_text(lines)
    words = {"-f FILE": ["-f", str(file)], "-f -": ["-f", "-"], "-": ["-"]}[how]
    found = batch(warm.cache, *words, input=lines)
    assert names(found) == {"team-1/service-01:1.1", "team-1/service-01:1.2"} | {
        f"team-1/service-06:1.{tag}" for tag in range(10)
    }


def test_the_same_image_under_two_tags_is_one_image_with_two_tags(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with parts.registry(tmp_path / "registry") as running, contextlib.ExitStack() as stack:
        pushing = stack.enter_context(fleets.Pushing(running.host))
        for tag in ("1.0", "latest"):
            pushing.image("a/one", tag, [fleets.layer({"etc/x": b"1"})])
        found = batch(tmp_path / "cache", running.host, code=0)
    assert [sorted(image["tags"]) for image in found["images"]] == [["1.0", "latest"]]


def test_platforms(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with parts.registry(tmp_path / "registry") as running, contextlib.ExitStack() as stack:
        pushing = stack.enter_context(fleets.Pushing(running.host))
        entries = []
        for architecture in ("amd64", "arm64"):
            digest = pushing.image("a/many", architecture, [fleets.layer({"etc/x": architecture.encode()})],
                                   architecture=architecture)  # fmt: skip
            size = int(
                pushing.request("HEAD", f"/v2/a/many/manifests/{digest}", Accept=fleets.MANIFEST)["content-length"]
            )
            entries.append({"mediaType": fleets.MANIFEST, "digest": digest, "size": size,
                            "platform": {"os": "linux", "architecture": architecture}})  # fmt: skip
        pushing.manifest("a/many", "all", {"schemaVersion": 2, "mediaType": fleets.INDEX, "manifests": entries})
        name = f"{running.host}/a/many:all"
        one = batch(tmp_path / "cache", name, code=0)
        other = batch(tmp_path / "cache", name, "--platform", "linux/arm64", code=0)
        both = batch(tmp_path / "cache", name, "--all-platforms", code=0)
        running.log.write_bytes(b"")
        batch(tmp_path / "cache", name, "--all-platforms", code=0)
        asked = [
            line for line in running.log.read_text().splitlines() if "/v2/a/many/" in line and 'HTTP/1.1" ' in line
        ]
    assert [image["platform"] for image in one["images"]] == ["linux/amd64"]
    assert [image["platform"] for image in other["images"]] == ["linux/arm64"]
    assert sorted(image["platform"] for image in both["images"]) == ["linux/amd64", "linux/arm64"]
    assert len(asked) == 1, "a tag that is known costs one request, with every platform"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a REGISTRY"),
        (["alpine"], "docker.io/library/alpine"),
        (["https://registry.example.com"], "leave out the scheme"),
        (["registry.example.com/UPPER"], "in lower case"),
        (
            ["docker-archive:samples/images/peer-netgo.tar"],
            "inspector scan docker-archive:samples/images/peer-netgo.tar",
        ),
        (["samples/images/peer-netgo.tar"], "inspector scan samples/images/peer-netgo.tar"),
        (["registry.example.com", "--since", "yesterday"], "not a time"),
        (["registry.example.com", "--platform", "amd64"], "not a platform"),
        (["registry.example.com", "--trend", "/nowhere/report.json"], "cannot read"),
        (["registry.example.com", "-f", "/nowhere/list"], "cannot read"),
        (["registry.example.com", "--cluster", "tcp://x"], "dask://HOST:PORT"),
        (["registry.example.com", "--baseline", "x.json"], "--trend"),
    ],
)
def test_words_that_cannot_be_meant_are_refused_in_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    done = parts.inspector("batch", *words, "--cache-dir", str(tmp_path), "--quiet")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") <= 4  # click adds usage and a hint
    assert "Traceback" not in done.stderr


def test_a_registry_that_is_not_there_is_3(tmp_path: Path) -> None:
    done = parts.inspector("batch", f"127.0.0.1:{parts.free_port()}", "--cache-dir", str(tmp_path), "--quiet")
    assert done.returncode == 3
    assert "Connection refused" in done.stdout


def test_waivers_count_in_a_fleet(real: Real, warm: Warm, tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\nrule = "static-glibc-dns"\nreason = "moves next year"\nexpires = "2999-12-31"\n')
    found = batch(warm.cache, f"{real.host}/team-0/service-00", "--waivers", str(waivers), code=0)
    assert found["summary"]["crash"] == 10
    assert found["summary"]["excused"] == 10


def test_metrics_are_written_whole(real: Real, warm: Warm, tmp_path: Path) -> None:
    file = tmp_path / "inspector.prom"
    batch(warm.cache, f"{real.host}/team-0/service-00", "--metrics", str(file))
    lines = file.read_text().splitlines()
    assert 'inspector_batch_images{level="crash"} 10' in lines
    samples = [line for line in lines if not line.startswith("#")]
    assert all(len(line.rpartition(" ")) == 3 and float(line.rpartition(" ")[2]) >= 0 for line in samples)
    named = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    assert {line.partition(" ")[0].partition("{")[0] for line in samples} <= named
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.needs("script")
def test_progress_is_told_on_stderr_and_not_with_quiet(real: Real, tmp_path: Path) -> None:
    script = f"{COMMAND} batch {real.host}/team-0/service-00 --cache-dir {tmp_path} --format json -o {tmp_path}/r.json"
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    environment.pop("CI", None)
    shown = subprocess.run(
        ["script", "-qec", script, "/dev/null"], capture_output=True, text=True, env=environment, timeout=120
    )
    assert "images" in shown.stdout and "requests" in shown.stdout
    quiet = subprocess.run(
        ["script", "-qec", f"{script} --quiet", "/dev/null"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert quiet.stdout == ""
