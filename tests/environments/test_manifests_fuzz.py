"""Whatever stands in a manifest, it is read or refused in one line; nothing else is raised."""

from pathlib import Path

import parts
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.environments.compose import load_project
from inspector.environments.compose import workloads_of as services_of
from inspector.environments.docker import Engine
from inspector.environments.hosts import HOSTS
from inspector.environments.kubernetes import workloads_of
from inspector.environments.manifests import load_manifests
from inspector.errors import InspectorError

COMPOSE = (parts.ROOT / "samples/compose/network.yaml").read_text()
PODS = (parts.ROOT / "samples/kubernetes/peer.yaml").read_text()
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "  ",
    "'",
    '"',
    "&a ",
    "*a",
    "<<: ",
    "!reset ",
    "null",
    "${",
    "}",
    "$",
    "~",
    "0x",
    "|",
    ">",
    "\t",
    "#",
]


def mangled(text: str) -> st.SearchStrategy[str]:
    """Return texts with some slices cut out, doubled or exchanged for what YAML and Compose take to be special."""
    places = st.integers(0, len(text))
    changes = st.lists(st.tuples(places, st.integers(0, 40), st.sampled_from(["", *PIECES])), min_size=1, max_size=4)

    def change(steps: list[tuple[int, int, str]]) -> str:
        done = text
        for place, length, piece in steps:
            done = done[:place] + piece + done[place + length :]
        return done

    return changes.map(change)


def told_in_one_line(error: InspectorError) -> bool:
    return "\n" not in f"{error}{error.advice}"


@settings(max_examples=40)
@given(mangled(COMPOSE))
def test_compose_files(text: str) -> None:
    try:
        project = load_project(["x.yaml"], variables={}, texts={"x.yaml": text}, directory=Path("/nonexistent"))
        services_of(project, project.services.values(), HOSTS, Engine())
    except InspectorError as error:
        assert told_in_one_line(error)


@settings(max_examples=40)
@given(mangled(PODS))
def test_kubernetes_manifests(text: str) -> None:
    try:
        workloads_of(load_manifests(["x.yaml"], {"x.yaml": text}), HOSTS)
    except InspectorError as error:
        assert told_in_one_line(error)
