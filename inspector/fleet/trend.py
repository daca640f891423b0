"""This run against an earlier one: which images came out otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from inspector.facts import Level
from inspector.fleet.report import Change, Difference, FleetImage, FleetReport, Trend
from inspector.judging import SEVERITY

_ORDER: dict[Change, int] = {"worse": 0, "better": 1, "new": 2, "gone": 3}


def compare_runs(before: FleetReport, after: FleetReport) -> Trend:
    """Return what changed, image by image: by registry, repository, tag and platform.

    Where either run was interrupted, an image that only the other one has is not said to be new or gone.
    """
    old, new = dict(_named(before)), dict(_named(after))
    differences = []
    counts: Counter[str] = Counter()
    for key in dict.fromkeys((*new, *old)):
        then, now = old.get(key), new.get(key)
        change = _change(then, now)
        if (change == "new" and before.interrupted) or (change == "gone" and after.interrupted):
            continue
        counts[change or "same"] += 1
        if change is not None:
            differences.append(_difference(change, key, then, now))
    differences.sort(key=lambda each: (_ORDER[each.change], -SEVERITY[each.after or each.before or "safe"], each.name))
    return Trend(
        against=before.finished,
        before=before.summary,
        new=counts["new"],
        gone=counts["gone"],
        worse=counts["worse"],
        better=counts["better"],
        same=counts["same"],
        differences=tuple(differences),
    )


_Key = tuple[str, str]


def _named(report: FleetReport) -> Iterator[tuple[_Key, FleetImage]]:
    for image in report.images:
        name = f"{image.registry}/{image.repository}"
        for tag in image.tags:
            yield (f"{name}:{tag}", image.platform or ""), image
        if not image.tags and image.digest:
            yield (f"{name}@{image.digest}", image.platform or ""), image


def _change(then: FleetImage | None, now: FleetImage | None) -> Change | None:
    if then is None:
        return "new"
    if now is None:
        return "gone"
    before, after = SEVERITY[then.level], SEVERITY[now.level]
    return None if before == after else "worse" if after > before else "better"


def _difference(change: Change, key: _Key, then: FleetImage | None, now: FleetImage | None) -> Difference:
    before: Level | None = then.level if then else None
    after: Level | None = now.level if now else None
    rebuilt = then is not None and now is not None and then.digest != now.digest
    return Difference(change=change, name=key[0], platform=key[1] or None, before=before, after=after, rebuilt=rebuilt)
