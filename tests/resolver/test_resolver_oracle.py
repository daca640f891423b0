"""What real Go toolchains decided: 46,935 decisions of 15 releases in 10 build flavours."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from inspector.resolver.batch import answer

ORACLE = Path(__file__).parent.parent / "oracle"


def observed() -> Iterator[tuple[dict[str, object], str | None, str]]:
    """Yield (case, order that Go printed, label)."""
    flavours = json.loads((ORACLE / "flavours.json").read_text())
    with gzip.open(ORACLE / "resolver.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            for flavour, by_release in row.pop("decisions").items():
                build = flavours[flavour]
                for release, order in by_release.items():
                    case = {
                        **row,
                        "go": release,
                        "cgo": build["cgo"],
                        "tags": build["tags"],
                        "default_godebug": build.get("godebug_default"),
                    }
                    yield case, order, f"{row['id']} {flavour} {release}"


def test_oracle_is_whole() -> None:
    with gzip.open(ORACLE / "resolver.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert (len(rows), len({row["id"] for row in rows})) == (883, 690)


def test_every_decision_is_the_one_that_go_took() -> None:
    misses = []
    count = 0
    for case, order, label in observed():
        count += 1
        reply = answer(case)
        if "error" in reply or reply["order"] != order:
            misses.append(f"{label}: Go {order}, model {reply.get('order', reply.get('error'))}")
    assert count == 46_935
    assert not misses, "\n".join([f"{len(misses)} of {count} differ", *misses[:50]])
