"""Fresh random cases, decided by real Go programs and by the model.

The programs are built here. ``make soak`` runs many more cases over all toolchains; ``RESOLVER_CASES``,
``RESOLVER_TOOLCHAINS`` and ``RESOLVER_SEED`` say how many, over which, and where to begin.
"""

import os
import random

import pytest

from inspector.resolver.batch import answer
from resolver import observing, random_cases

CASES = int(os.environ.get("RESOLVER_CASES", "250"))
TOOLCHAINS = os.environ.get("RESOLVER_TOOLCHAINS", "1.19 1.21 1.27").split()
SEED = int(os.environ.get("RESOLVER_SEED") or random.randrange(1 << 32))


def flavours(go: str) -> list[str]:
    """The flavours that a release can have; up to 1.19 it has no embedded GODEBUG."""
    return [name for name in observing.FLAVOURS if not name.startswith("X") or go not in {"1.15", "1.19"}]


@pytest.mark.needs("root", "unshare", "gcc")
@pytest.mark.parametrize("go", TOOLCHAINS)
def test_model_decides_as_go_does(go: str) -> None:
    programs = [observing.build(go, flavour) for flavour in flavours(go)]
    cases = [random_cases.case(SEED, number) for number in range(CASES)]
    misses = []
    orders = 0
    for case, observed in zip(cases, observing.observe(programs, cases), strict=True):
        for program in programs:
            reply = answer(program.case(case))
            order = observed[program.label]
            orders += order is not None
            if "error" in reply or reply["order"] != order:
                misses.append(f"{program.label}: Go {order}, model {reply.get('order', reply.get('error'))}: {case}")
    assert orders > len(cases), "hardly any order was seen"
    assert not misses, "\n".join([f"seed {SEED}: {len(misses)} of {len(cases) * len(programs)} differ", *misses[:20]])
