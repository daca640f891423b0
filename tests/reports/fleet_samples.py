"""Fleet reports made up for the formats' tests: as large and as hostile as wanted."""

from dataclasses import replace
from typing import get_args

from inspector.facts import Level, Reason, Remedy, Tool
from inspector.fleet.report import (
    Build,
    Cell,
    Difference,
    FleetBinary,
    FleetFinding,
    FleetImage,
    FleetProblem,
    FleetReport,
    Trend,
    Work,
)
from inspector.fleet.verdicts import rank_remedies, summarise
from inspector.judging import SEVERITY

LEVELS: tuple[Level, ...] = get_args(Level)
ENVIRONMENTS = (
    "docker-bridge", "docker-network", "docker-bridge-ubuntu", "docker-network-ubuntu", "docker-host-ubuntu",
    "docker-bridge-alibaba", "docker-network-alibaba", "kubernetes",
)  # fmt: skip
VARIABLE = Remedy(kind="env", text="set the environment variable GODEBUG=netdns=go")
REBUILD = Remedy(kind="rebuild", text="rebuild: CGO_ENABLED=0 go build")
OPTIONS = Remedy(kind="resolv-conf", text="take 'edns0', 'trust-ad' out of the resolv.conf that it sees")


def finding(level: Level, text: str, *remedies: Remedy) -> FleetFinding:
    outcome = {"crash": "dies", "wrong": "wrong-answer"}.get(level)
    reasons = (Reason(text=text, where="resolv.conf:2:9"), Reason(text="the glibc 2.31 inside loads libnss_files.so.2"))
    return FleetFinding(
        rule="static-glibc-dns", path="/usr/local/bin/peer", level=level, call="host",
        outcome=outcome,  # type: ignore[arg-type]
        likelihood="always" if outcome else None, confidence="observed", reasons=reasons, remedies=remedies,
    )  # fmt: skip


FINDINGS = (
    finding("crash", "Go 1.15 does not know option 'edns0'", VARIABLE, OPTIONS, REBUILD),
    finding("crash", "os/user asks the C library", REBUILD),
    finding("wrong", "dns stands before files", OPTIONS),
    finding("latent", "safe as long as nothing changes", VARIABLE),
    finding("unknown", "its entrypoint's script sets GODEBUG"),
)
BY_LEVEL: dict[Level, tuple[int, ...]] = {"crash": (0, 1), "wrong": (2,), "latent": (3,), "unknown": (4,), "safe": ()}

_GRAVER = ("crash", "wrong", "latent")


def fleet(number: int, *, prefix: str = "") -> FleetReport:
    """Return a report of so many images, of every level and kind."""
    builds = (
        Build(linkage="static", machine="x86-64", libc="glibc 2.31", go="1.15.15", exposures=("dns", "user")),
        Build(linkage="dynamic", machine="x86-64", go="1.22.5", exposures=()),
    )
    images = [_image(each, prefix) for each in range(number)]
    images.sort(key=lambda image: (-SEVERITY[image.level], image.name))
    findings = tuple(
        replace(each, images=sum(any(place in cell.findings for cell in image.cells) for image in images))
        for place, each in enumerate(FINDINGS)
    )
    return FleetReport(
        tool=Tool(version="0.0.0", analyser=1),
        started="2026-01-02T03:04:05Z",
        finished="2026-01-02T03:14:05Z",
        places=("registry.example.com", "docker.io/hyperledger"),
        environments=ENVIRONMENTS,
        summary=summarise(images, ENVIRONMENTS),
        work=Work(repositories=max(number // 10, 1), tags=number, layers=3 * number, layers_known=number, layers_read=2 * number,
                  bytes_read=number * 12_345_678, requests=5 * number, seconds=600.0),
        problems=(FleetProblem(where="registry.example.com/closed", message="not authorised"),) if number else (),
        remedies=rank_remedies(images, findings),
        builds=builds,
        findings=findings,
        images=tuple(images),
        trend=Trend(against="2026-01-01T03:14:05Z", before=summarise(images, ENVIRONMENTS), worse=1, better=1, same=number, differences=(
            Difference(change="worse", name="registry.example.com/team-0/service-000:1.0", before="safe", after="crash", rebuilt=True),
            Difference(change="better", name="registry.example.com/team-1/service-001:1.0", before="crash", after="safe"),
        )),
    )  # fmt: skip


def _image(number: int, prefix: str) -> FleetImage:
    kind = number % 11
    name = f"{prefix}team-{number % 7}/service-{number // 10:03}"
    common = {
        "registry": "registry.example.com",
        "repository": name,
        "digest": f"sha256:{number:064x}",
        "platform": "linux/amd64",
    }
    tags = (f"1.{number % 10}",) if number % 13 else tuple(f"1.{number % 10}-{more}" for more in range(5))
    if kind == 10:
        return FleetImage(
            **common, tags=tags, status="failed", level="unknown", problems=("layer sha256:00 is encrypted",)
        )  # type: ignore[arg-type]
    levels: list[Level] = ["safe"] * len(ENVIRONMENTS)
    if kind < 5:
        levels = [LEVELS[(kind + place * (number % 3)) % 5] for place in range(len(ENVIRONMENTS))]
    hides = number % 8 == 3
    cells = tuple(
        Cell(
            level=level, findings=BY_LEVEL[level][: 1 + number % 2] + (BY_LEVEL["unknown"] if hides and level in _GRAVER else ()),
            unknown=hides and level in _GRAVER, excused=level == "crash" and number % 17 == 0,
        )
        for level in levels
    )  # fmt: skip
    level = max((cell.level for cell in cells), key=SEVERITY.__getitem__)
    binary = FleetBinary(path="/usr/local/bin/peer", build=number % 2, fabric="peer")
    return FleetImage(**common, tags=tags, level=level, cells=cells, binaries=(binary,), libc="glibc 2.36", layers=3)  # type: ignore[arg-type]


def with_texts(value: object, change: object) -> object:
    """Return a report in which every text from outside was changed; what only the program writes stays."""
    ours = {
        "level",
        "status",
        "change",
        "before",
        "after",
        "confidence",
        "outcome",
        "likelihood",
        "call",
        "started",
        "finished",
    }

    def walk(each: object, key: str = "") -> object:
        if isinstance(each, str):
            return each if key in ours else change(each)  # type: ignore[operator]
        if isinstance(each, tuple):
            return tuple(walk(part, key) for part in each)
        if isinstance(each, dict):
            return (
                {change(name): walk(part, "counts") for name, part in each.items()} if key == "environments" else each
            )  # type: ignore[operator]
        if hasattr(each, "__dataclass_fields__") and key not in {"tool", "schema"}:
            return replace(each, **{name: walk(getattr(each, name), name) for name in each.__dataclass_fields__})  # type: ignore[type-var]
        return each

    return walk(value)
