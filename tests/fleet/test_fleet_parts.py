"""The parts of a batch by themselves: words, pace, slots, remedies, trend."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InspectorError, RateLimited
from inspector.facts import Remedy, Report, Target, Waiver
from inspector.fleet.catalogue import newest
from inspector.fleet.places import Selection, parse_lines, parse_place, parse_since, parse_time, version_key
from inspector.fleet.registries import Slots
from inspector.fleet.report import Cell, FleetFinding, FleetImage, FleetReport
from inspector.fleet.schedule import Counts, Item
from inspector.fleet.trend import compare_runs
from inspector.fleet.verdicts import Gathering, Mark, rank_remedies, summarise
from inspector.judging import Wishes, default_environments, judge_target
from inspector.policy import apply_waivers
from inspector.policy.thresholds import has_unknown
from inspector.reports.document import decode_report
from inspector.reports.fleet.metrics import render_metrics
from inspector.sources.registry.pace import Pace, retry_after

SAMPLES = Path(__file__).parents[2] / "samples" / "expected"

# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("word", "host", "prefix", "image"),
    [
        ("registry.example.com", "registry.example.com", "", None),
        ("registry.example.com:5000/", "registry.example.com:5000", "", None),
        ("localhost:5000", "localhost:5000", "", None),
        ("[::1]:5000/team", "[::1]:5000", "team", None),
        ("127.0.0.1:5000/team/app", "127.0.0.1:5000", "team/app", None),
        ("docker.io/hyperledger", "docker.io", "hyperledger", None),
        ("index.docker.io/hyperledger", "docker.io", "hyperledger", None),
        ("hyperledger/fabric-peer", "docker.io", "hyperledger/fabric-peer", None),
        ("registry:registry.example.com/team", "registry.example.com", "team", None),
        ("alpine:3", "docker.io", "library/alpine", "docker.io/library/alpine:3"),
        ("localhost:5000/app:1", "localhost:5000", "app", "localhost:5000/app:1"),
        (f"r.example.com/a@sha256:{'0' * 64}", "r.example.com", "a", f"r.example.com/a@sha256:{'0' * 64}"),
    ],
)
def test_a_place_is_a_registry_a_part_of_it_or_an_image(word: str, host: str, prefix: str, image: str | None) -> None:
    place = parse_place(word)
    assert (place.host, place.prefix, str(place.image) if place.image else None) == (host, prefix, image)


@pytest.mark.parametrize("word", ["", "alpine", "http://x", "r.example.com/UPPER", "r.example.com/a//b", "r.example.com/../x", "a b", "x" * 5000])  # fmt: skip
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(InspectorError):
        parse_place(word)


@given(st.text(max_size=60))
def test_any_word_is_a_place_or_refused(word: str) -> None:
    try:
        place = parse_place(word)
    except InspectorError as error:
        assert "\n" not in str(error)
    else:
        assert place.host


def test_a_list_tells_the_line_that_is_wrong() -> None:
    assert len(list(parse_lines(["r.example.com/a  # all of it", "", "# nothing"], "list"))) == 1
    with pytest.raises(InspectorError, match="list:2: "):
        list(parse_lines(["r.example.com", "http://x"], "list"))


@pytest.mark.parametrize("word", ["images/peer.tar", "./images/peer.tar", "images", "peer.example", "images/"])
def test_what_lies_on_this_machine_is_no_place(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for path in ("images/peer.tar", "peer.example"):
        (tmp_path / path).write_bytes(b"")
    with pytest.raises(InspectorError, match=rf"^list:3: '{word}' is a file or directory of this machine") as raised:
        list(parse_lines(["r.example.com", "", word], "list"))
    assert f"inspector scan {word}" in raised.value.line


def test_a_registry_may_be_meant_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.example.com").mkdir()
    assert parse_place("registry:registry.example.com").host == "registry.example.com"
    assert parse_place("registry.example.com/team").prefix == "team"


@pytest.mark.parametrize(
    "word",
    ["docker:24", "podman:localhost/a:1", "docker-archive:peer.tar", "oci-dir:x", "dir:/", "file:a", "container:c"],
)
def test_what_no_registry_has_is_no_place(word: str) -> None:
    with pytest.raises(InspectorError, match=rf"^list:2: '{word}' is in no registry") as raised:
        list(parse_lines(["r.example.com", word], "list"))
    assert f"inspector scan {word}" in raised.value.line
    assert ("docker.io/library/docker:24" in raised.value.line) == (word == "docker:24")


def test_times() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert parse_since("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert parse_since("2026-01-31T10:00:00Z") == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert parse_since("2w", now=now) == now - timedelta(days=14)
    assert parse_time("2026-01-31T10:00:00.123456789Z") == datetime(2026, 1, 31, 10, 0, 0, 123456, tzinfo=UTC)
    for nothing in (None, "", "yesterday", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1980-01-01T00:00:00Z"):
        assert parse_time(nothing) is None


def test_what_tells_no_time_is_kept_by_since_and_comes_last_in_newest() -> None:
    found = [
        ("old", "2020-01-01T00:00:00Z"),
        ("undated", None),
        ("epoch", "1970-01-01T00:00:00Z"),
        ("new", "2026-01-01T00:00:00Z"),
    ]
    since = Selection(since=datetime(2025, 1, 1, tzinfo=UTC))
    assert {tag for tag, _ in newest(found, since)} == {"undated", "epoch", "new"}
    assert [tag for tag, _ in newest(found, Selection(newest=2))] == ["new", "old"]
    versions = [(tag, None) for tag in ("1.9", "1.10", "1.2")]
    assert [tag for tag, _ in newest(versions, Selection(newest=2))] == ["1.10", "1.9"]


@given(st.lists(st.text(max_size=12), min_size=2, max_size=2))
def test_tags_have_an_order(tags: list[str]) -> None:
    one, other = map(version_key, tags)
    assert (one < other) or (other < one) or one == other


# ── pace ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Waiting(threading.Event):
    """An event of which to wait is to let a clock go on."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.now += timeout or 0
        return self.is_set()


def test_a_rate_spaces_requests_and_a_rest_stops_them() -> None:
    clock = Clock()
    pace = Pace("r", rate=10, clock=clock, stop=Waiting(clock))
    times = []
    for _ in range(5):
        pace.wait()
        times.append(round(clock.now, 3))
    assert times == [100.0, 100.1, 100.2, 100.3, 100.4]
    pace.rest(7)
    assert pace.take() == pytest.approx(7)
    pace.wait()
    assert clock.now == pytest.approx(107.4)
    assert pace.requests == 6
    assert pace.pauses == 1


def test_a_rest_longer_than_patience_is_refused_at_once_and_ends() -> None:
    clock = Clock()
    pace = Pace("r", patience=60, clock=clock, stop=Waiting(clock))
    pace.rest(3600)
    for ask in (pace.wait, pace.take):
        with pytest.raises(RateLimited, match="3600 s of rest"):
            ask()
    assert clock.now == 100, "nobody waited"
    clock.now += 3600
    pace.wait()


def test_who_waits_is_woken_at_the_end() -> None:
    stop = threading.Event()
    pace = Pace("r", stop=stop)
    pace.rest(500)
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            pace.wait()
        except RateLimited as error:
            failed.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    stop.set()
    waiting.join(30)
    assert len(failed) == 1


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("17") == 17
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert retry_after("Thu, 01 Jan 2026 00:00:30 GMT", now=lambda: now) == 30
    assert retry_after("Wed, 31 Dec 2025 23:00:00 GMT", now=lambda: now) == 0
    for nothing in ("", "soon", "-1", "1" * 20, "1.5"):
        assert retry_after(nothing) is None


def test_slots_leave_half_to_layers_that_wait_and_all_to_manifests_else() -> None:
    slots = Slots(4, threading.Event())
    with slots.for_manifest(), slots.for_manifest(), slots.for_manifest():
        slots.layers_wait(5)
        assert not slots._is_free(), "one is kept for a layer"
        assert slots.take_for_layer()
        assert not slots.take_for_layer(), "four at once"
        slots.give_back()
        slots.layers_wait(0)
        assert slots._is_free()
    for _ in range(4):
        assert slots.take_for_layer()
    assert not slots.take_for_layer()


def test_one_slot_alone_serves_both() -> None:
    slots = Slots(1, threading.Event())
    with slots.for_manifest():
        assert not slots.take_for_layer()
        slots.layers_wait(3)
    assert not slots._is_free(), "layers first"
    assert slots.take_for_layer()
    slots.give_back()
    slots.layers_wait(0)
    with slots.for_manifest():
        pass


# ── what is told of all together ─────────────────────────────────────────────────────────────────────────────────

ENV, RESOLV, REBUILD = (
    Remedy(kind="env", text="set X"),
    Remedy(kind="resolv", text="take y out"),
    Remedy(kind="rebuild", text="z"),
)
FINDINGS = (
    FleetFinding(rule="a", path="/a", level="crash", remedies=(ENV, REBUILD)),
    FleetFinding(rule="b", path="/b", level="crash", remedies=(RESOLV, REBUILD)),
    FleetFinding(rule="c", path="/c", level="latent", remedies=(RESOLV,)),
)


def image(name: str, *cells: Cell, **fields: object) -> FleetImage:
    rank = ["safe", "unknown", "latent", "wrong", "crash"]
    level = max((cell.level for cell in cells), key=rank.index, default="unknown")
    return FleetImage(registry="r", repository=name, tags=("1",), level=level, cells=cells, **fields)  # type: ignore[arg-type]


def test_a_remedy_cures_an_image_only_if_every_crash_names_it() -> None:
    images = [
        image("one", Cell(level="crash", findings=(0,)), Cell(level="latent", findings=(2,))),
        image("both", Cell(level="crash", findings=(0,)), Cell(level="crash", findings=(1,))),
        image("excused", Cell(level="crash", findings=(0,), excused=True)),
        image("latent", Cell(level="latent", findings=(2,))),
    ]
    ranked = {remedy.text: (remedy.cures, remedy.helps) for remedy in rank_remedies(images, FINDINGS)}
    assert ranked == {"z": (2, 2), "set X": (1, 2), "take y out": (0, 1)}
    assert [remedy.text for remedy in rank_remedies(images, FINDINGS)] == ["z", "set X", "take y out"]


def test_a_summary_counts_images_and_environments() -> None:
    images = [
        image("one", Cell(level="crash", findings=(0,)), Cell(level="safe")),
        image("two", Cell(level="safe"), Cell(level="safe")),
        image("bad", status="failed"),
    ]
    summary = summarise(images, ("x", "y"))
    assert (summary.images, summary.crash, summary.safe, summary.unknown, summary.failed) == (3, 1, 1, 1, 1)
    assert summary.environments == {"x": {"crash": 1, "safe": 1, "unknown": 1}, "y": {"safe": 2, "unknown": 1}}
    assert summary.worst == "crash"


def test_what_a_graver_level_hides_is_counted_as_unknown_too() -> None:
    images = [
        image("hidden", Cell(level="latent", findings=(2,), unknown=True), Cell(level="safe")),
        image("elsewhere", Cell(level="crash", findings=(0,)), Cell(level="unknown")),
        image("told", Cell(level="unknown"), Cell(level="unknown")),
    ]
    summary = summarise(images, ("x", "y"))
    assert (summary.images, summary.crash, summary.latent, summary.unknown, summary.safe) == (3, 1, 1, 3, 0)
    assert summary.environments == {"x": {"latent": 1, "crash": 1, "unknown": 2}, "y": {"safe": 1, "unknown": 2}}


# ── images to cells ──────────────────────────────────────────────────────────────────────────────────────────────


def sample(name: str, **fields: object) -> Target:
    """Return the facts of one of the samples' images, otherwise where wanted."""
    file = SAMPLES / f"{name}.json"
    return replace(decode_report(file.read_bytes(), name=file.name).targets[0], **fields)  # type: ignore[arg-type]


def item(target: Target, tag: str = "1") -> Item:
    return Item(host="r", repository="a", tag=tag, target=replace(target, reference=f"r/a:{tag}"))


def judged(target: Target) -> Target:
    return judge_target(target, default_environments(Wishes()), Wishes())


def gathered(*items: Item, mark: Mark | None = None) -> FleetReport:
    gathering = Gathering(judged, mark)
    for each in items:
        gathering.add(each)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return gathering.report(Counts(), (), started=now, finished=now, places=("r",))


def test_what_a_finding_hides_cannot_be_told_in_the_report_either() -> None:
    target = sample("peer-static-glibc")
    binary = target.binaries[0]
    assert binary.go is not None
    target = replace(target, binaries=(replace(binary, go=replace(binary.go, version="devel")),))
    assert has_unknown(Report(targets=(judged(target),))), "the exit code is 4"
    report = gathered(item(target))
    hiding = [
        place
        for place, environment in enumerate(judged(target).environments)
        if {"latent", "unknown"} <= {verdict.level for verdict in environment.verdicts}
    ]
    assert hiding
    for place, cell in enumerate(report.images[0].cells):
        assert cell.unknown == (place in hiding)
    assert report.summary.unknown == 1
    for place in hiding:
        assert report.summary.environments[report.environments[place]]["unknown"] == 1


def test_an_image_that_was_not_read_in_full_is_safe_nowhere() -> None:
    report = gathered(item(sample("peer-netgo", status="incomplete")))
    assert report.images[0].level == "unknown"
    assert {cell.level for cell in report.images[0].cells} == {"unknown"}
    assert all(counts == {"unknown": 1} for counts in report.summary.environments.values())
    whole = gathered(item(sample("peer-netgo")))
    assert not any("unknown" in counts for counts in whole.summary.environments.values())
    graver = gathered(item(sample("peer-static-glibc", status="incomplete")))
    assert all(cell.unknown or cell.level == "unknown" for cell in graver.images[0].cells)
    assert graver.summary.crash == graver.summary.unknown == 1


def test_an_image_that_could_not_be_had_is_unknown_in_every_environment() -> None:
    report = gathered(item(sample("peer-netgo")), item(Target(reference="r/a:2", status="failed"), "2"))
    assert report.summary.failed == report.summary.unknown == 1
    assert {counts.get("unknown") for counts in report.summary.environments.values()} == {1}
    for name in report.environments:
        sample_line = f'inspector_batch_environment_images{{environment="{name}",level="unknown"}} 1'
        assert sample_line in render_metrics(report).splitlines()


@pytest.mark.parametrize("waived", [("1",), ("2",), ("1", "2"), ()])
@pytest.mark.parametrize("order", [("1", "2"), ("2", "1")])
def test_an_image_is_waived_where_it_is_under_every_tag_whichever_came_first(
    waived: tuple[str, ...], order: tuple[str, ...]
) -> None:
    waivers = [Waiver(rule="**", image=f"r/a:{tag}", reason="known", expires="2999-12-31") for tag in waived]

    def mark(target: Target) -> Target:
        return apply_waivers([target], waivers).targets[0]

    found = gathered(*(item(sample("peer-static-glibc"), tag) for tag in order), mark=mark)
    assert [each.tags for each in found.images] == [("1", "2")]
    assert found.summary.excused == (len(waived) == 2)
    risky = [cell.excused for cell in found.images[0].cells if cell.level != "safe"]
    assert risky and set(risky) == {len(waived) == 2}


def test_a_further_tag_of_a_digest_is_neither_judged_nor_encoded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[object] = []
    encode = msgspec.json.encode
    monkeypatch.setattr(msgspec.json, "encode", lambda value: encoded.append(value) or encode(value))
    found = gathered(*(item(sample("peer-static-glibc"), str(tag)) for tag in range(5)))
    assert len(encoded) == 1
    assert [len(each.tags) for each in found.images] == [5]
    elsewhere = replace(sample("peer-static-glibc"), digest="sha256:" + "1" * 64)
    found = gathered(item(sample("peer-static-glibc")), item(elsewhere, "2"))
    assert len(found.images) == 2
    assert found.images[0].cells == found.images[1].cells


def report(*images: FleetImage, interrupted: bool = False) -> FleetReport:
    return FleetReport(finished="2026-01-01T00:00:00Z", images=images, environments=("x",), interrupted=interrupted)


def test_a_trend_says_what_came_out_otherwise() -> None:
    crash, safe = Cell(level="crash", findings=(0,)), Cell(level="safe")
    before = report(image("a", crash), image("b", safe, digest="1"), image("c", safe), image("d", crash))
    after = report(image("a", crash), image("b", crash, digest="2"), image("c", safe), image("e", safe))
    trend = compare_runs(before, after)
    assert (trend.worse, trend.better, trend.new, trend.gone, trend.same) == (1, 0, 1, 1, 2)
    assert [(each.change, each.name, each.before, each.after, each.rebuilt) for each in trend.differences] == [
        ("worse", "r/b:1", "safe", "crash", True),
        ("new", "r/e:1", None, "safe", False),
        ("gone", "r/d:1", "crash", None, False),
    ]
    partial = compare_runs(before, report(image("a", crash), interrupted=True))
    assert partial.gone == 0, "an interrupted run does not tell what is gone"


def test_what_cannot_be_told_any_more_is_worse() -> None:
    crash, latent, unknown, safe = (Cell(level=level) for level in ("crash", "latent", "unknown", "safe"))
    for before, after, change in (
        (crash, unknown, "worse"), (latent, unknown, "worse"), (safe, unknown, "worse"), (unknown, unknown, None),
        (unknown, safe, "better"), (unknown, latent, "worse"), (crash, latent, "better"),
    ):  # fmt: skip
        trend = compare_runs(report(image("a", before)), report(image("a", after)))
        assert [each.change for each in trend.differences] == ([change] if change else []), (before, after)


def test_a_tag_that_fails_outright_is_neither_new_nor_gone() -> None:
    safe = Cell(level="safe")
    whole = report(*(image("a", safe, platform=f"linux/{machine}", digest=machine) for machine in ("amd64", "arm64")))
    failed = report(image("a", status="failed"))
    trend = compare_runs(whole, failed)
    assert (trend.worse, trend.better, trend.new, trend.gone, trend.same) == (2, 0, 0, 0, 0)
    assert [(each.platform, each.before, each.after, each.rebuilt) for each in trend.differences] == [
        ("linux/amd64", "safe", "unknown", False),
        ("linux/arm64", "safe", "unknown", False),
    ]
    trend = compare_runs(failed, whole)
    assert (trend.worse, trend.better, trend.new, trend.gone, trend.same) == (0, 2, 0, 0, 0)
    assert compare_runs(failed, failed).same == 1
    assert compare_runs(report(), failed).new == compare_runs(failed, report()).gone == 1
    other = report(image("b", safe, platform="linux/amd64"), image("a", status="failed"))
    assert (compare_runs(whole, other).new, compare_runs(whole, other).worse) == (1, 2)
