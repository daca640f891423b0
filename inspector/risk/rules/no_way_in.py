"""What keeps a binary safe: no glibc inside, a loader that loads all of libc in order, or no way into NSS."""

from __future__ import annotations

from dataclasses import replace

from inspector.facts import Reason, Verdict
from inspector.risk.observed import was_kept_out
from inspector.risk.rules.metadata import Rule
from inspector.risk.rules.verdicts import plain_verdict
from inspector.risk.situation import Situation


def _judge(situation: Situation) -> Verdict:
    verdict = plain_verdict(RULE.id, situation, "safe", Reason(text=_why(situation)))
    was_run = was_kept_out(situation.binary, situation.rootfs)
    return verdict if was_run else replace(verdict, confidence="inferred")


def _why(situation: Situation) -> str:
    binary, rootfs = situation.binary, situation.rootfs
    if binary.linkage.startswith("dynamic"):
        libc = (
            f"{rootfs.libc.kind} {rootfs.libc.version or ''}".strip() if rootfs.libc.kind in {"glibc", "musl"} else ""
        )
        return f"dynamic{', ' + libc if libc else ''}: the loader sets libc up as a whole"
    if binary.libc.kind == "musl":
        return "static musl has no NSS modules to load"
    if not binary.exposures:
        return "static, without a way into libc's NSS"
    return f"the {situation.call} call does not enter libc's NSS"


RULE = Rule(
    id="no-way-in",
    title="No way into a second libc",
    levels=("safe",),
    sources=("musl libc, functional differences from glibc: NSS", "ld.so(8)"),
    remedies=(),
    judge=_judge,
)
