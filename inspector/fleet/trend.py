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

    A tag that failed outright tells no platform: it stands for each that the other run has of that tag. Where either
    run was interrupted, an image that only the other one has is not said to be new or gone.
    """
    named_before, named_after = dict(_named(before)), dict(_named(after))
    old, new = _told_as(named_before, named_after), _told_as(named_after, named_before)
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


def _told_as(these: dict[_Key, FleetImage], those: dict[_Key, FleetImage]) -> dict[_Key, FleetImage]:
    """Return these with what tells no platform under each platform that the name has in the others, if it has any."""
    others: dict[str, list[_Key]] = {}
    for key in those:
        others.setdefault(key[0], []).append(key)
    spread = {key for key in these if not key[1] and key not in those and key[0] in others}
    told = {key: image for key, image in these.items() if key not in spread}
    for key in spread:
        for other in others[key[0]]:
            told.setdefault(other, these[key])
    return told


def _change(then: FleetImage | None, now: FleetImage | None) -> Change | None:
    if then is None:
        return "new"
    if now is None:
        return "gone"
    if now.level == "unknown" != then.level:
        return "worse"  # whatever it was: nobody knows any more
    before, after = SEVERITY[then.level], SEVERITY[now.level]
    return None if before == after else "worse" if after > before else "better"


def _difference(change: Change, key: _Key, then: FleetImage | None, now: FleetImage | None) -> Difference:
    before: Level | None = then.level if then else None
    after: Level | None = now.level if now else None
    rebuilt = then is not None and now is not None and then.digest != now.digest and bool(then.digest and now.digest)
    return Difference(change=change, name=key[0], platform=key[1] or None, before=before, after=after, rebuilt=rebuilt)
