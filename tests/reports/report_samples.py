"""Reports for the renderers' tests: one with everything in it, and the same with other words put in every text."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from inspector.facts import (
    BinaryFacts,
    EnvironmentVerdicts,
    Exposure,
    Flip,
    GoBuild,
    ImageLibc,
    LayerId,
    Libc,
    Problem,
    Reason,
    Remedy,
    Report,
    RootFsFacts,
    Target,
    Tool,
    Verdict,
    Waiver,
)  # fmt: skip
from inspector.judging import summarise

DIGEST = "sha256:" + "ab" * 32
PEER = BinaryFacts(
    path="/usr/local/bin/peer", size=1, machine="x86-64", linkage="static", stripped=False, layer=DIGEST,
    libc=Libc(kind="glibc", version="2.31"), go=GoBuild(version="1.15.15", cgo=True),
    exposures=(Exposure(kind="dns", evidence=("net._C2func_getaddrinfo",)),),
)  # fmt: skip
TOOL = BinaryFacts(
    path="/usr/bin/tool", size=1, machine="aarch64", linkage="dynamic", stripped=True, needs_glibc="2.34"
)
CRASH = Verdict(
    rule="static-glibc-dns", path=PEER.path, call="host", name="orderer.example.com", level="crash", outcome="dies",
    likelihood="sooner-or-later", confidence="observed", decision="cgo", order="cgo", evidence=("net._C2func_getaddrinfo",),
    reasons=(
        Reason(text="Go 1.15 does not know option 'edns0'", where="resolv.conf:2:9", source="net/conf.go", word="edns0"),
        Reason(text="the static glibc loads libnss_files.so.2"),
    ),
    remedies=(Remedy(kind="env", text="set the environment variable GODEBUG=netdns=go", patch='environment:\n  A: "<b>```"\n  GODEBUG: netdns=go\n'), Remedy(kind="rebuild", text="rebuild")),
)  # fmt: skip
LATENT = Verdict(
    rule="static-glibc-user", path=PEER.path, call="user", level="latent", confidence="inferred",
    reasons=(Reason(text="os/user asks the C library"),), flips=(Flip(change="the program makes the call user"),),
)  # fmt: skip
SAFE = Verdict(rule="no-way-in", path=TOOL.path, call="host", name="a.example", level="safe", confidence="observed",
               reasons=(Reason(text="dynamic: the loader sets libc up as a whole"),))  # fmt: skip
WRONG = Verdict(rule="dns-before-files", path=TOOL.path, call="host", name="a.example", level="wrong",
                outcome="wrong-answer", confidence="observed", reasons=(Reason(text="DNS first", where="nsswitch.conf:1"),))  # fmt: skip
UNKNOWN = Verdict(rule="not-analysed", path=TOOL.path, level="unknown", reasons=(Reason(text="the file is cut short"),))


def everything() -> Report:
    """Return a report with every level, a manifest's line, a waiver, and images that could not be analysed."""
    from dataclasses import replace

    first = Target(
        reference="registry:ghcr.io/acme/peer:1.4.3", digest=DIGEST, platform="linux/amd64",
        notes=("index of 3 platforms, linux/amd64 taken",), layers=(LayerId(digest=DIGEST, diff_id=DIGEST),),
        rootfs=RootFsFacts(libc=ImageLibc(kind="glibc", version="2.36"), nss=("files",), files={}),
        binaries=(PEER, TOOL),
        environments=(
            EnvironmentVerdicts(name="docker-network-ubuntu", verdicts=(CRASH, LATENT, WRONG)),
            EnvironmentVerdicts(name="kubernetes", verdicts=(replace(CRASH, name="b.svc.cluster.local"), LATENT, SAFE)),
            EnvironmentVerdicts(name="docker-network", verdicts=(LATENT, UNKNOWN)),
            EnvironmentVerdicts(name="compose:peer0", verdicts=(CRASH, SAFE), where="deploy/compose file.yaml:12"),
            EnvironmentVerdicts(name="compose:peer1", verdicts=(waive(CRASH), SAFE), where="deploy/compose file.yaml:30"),
        ),
    )  # fmt: skip
    second = Target(
        reference="docker-archive:build/tool.tar", platform="linux/arm64", status="incomplete", binaries=(TOOL,),
        problems=(Problem(stage="layers", message="layer 3 is encrypted"),),
        environments=(EnvironmentVerdicts(name="kubernetes", verdicts=(SAFE,)),),
    )  # fmt: skip
    third = Target(
        reference="ghcr.io/acme/gone:2", status="failed", problems=(Problem(stage="image", message="no such tag"),)
    )
    fourth = Target(reference="dir:rootfs")
    targets = (first, second, third, fourth)
    return Report(tool=Tool(version="0.1.0"), targets=targets, summary=summarise(targets))


def waive(verdict: Verdict) -> Verdict:
    """Return a verdict that is waived."""
    return replace(verdict, waived=Waiver(reason="accepted until the move", expires="2027-01-31", owner="ops"))


_FIXED = {"level", "outcome", "likelihood", "confidence", "decision", "call", "status", "kind", "linkage", "era", "source",
          "analyser", "schema"}  # fmt: skip


def with_texts(report: Report, change: Callable[[str], str]) -> Report:
    """Return a report in which every text that may come from outside is changed; words of the schema are kept."""

    def walk(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: each if name in _FIXED and not isinstance(each, (dict, list, tuple)) else walk(each, name)
                    for name, each in value.items() if name != "schema"}  # fmt: skip
        if isinstance(value, (list, tuple)):
            return [walk(each, key) for each in value]
        return change(value) if isinstance(value, str) and key not in _FIXED | {"digest", "worst", "expires"} else value

    return msgspec.convert(walk(msgspec.to_builtins(report), ""), Report)
