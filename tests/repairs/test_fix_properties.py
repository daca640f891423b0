"""Whatever a manifest looks like: only the lines meant to change change, it says the same but for GODEBUG, twice is once."""

import copy
import difflib
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inspector.environments.documents import kind_of
from inspector.environments.hosts import HOSTS
from inspector.errors import TargetUnreachable
from inspector.repairs import Plan, plan_compose, plan_kubernetes

NEEDS = "hyperledger/fabric-peer:1.4.3"
SAFE = "hyperledger/fabric-peer:2.5.3"


def unreachable(reference: str, *_: object) -> tuple[()]:
    raise TargetUnreachable(f"{reference}: there is no network in this test")


def plan_of(text: str) -> Plan:
    if kind_of(text, "f.yaml") == "compose":
        return plan_compose({"f.yaml": text}, HOSTS, unreachable, variables={}, elsewhere={})
    return plan_kubernetes({"f.yaml": text}, HOSTS, unreachable, elsewhere={})


def fixed(text: str) -> str:
    plan = plan_of(text)
    return plan.texts["f.yaml"][1] if plan.texts else text


def parsed(text: str) -> list[Any]:
    # Copied, so that what anchors share is not changed twice.
    return [copy.deepcopy(document) for document in YAML(typ="safe", pure=True).load_all(text)]


def without_godebug(node: Any) -> Any:
    """Return a document without GODEBUG, and without variables where none is left."""
    if isinstance(node, dict):
        kept = {key: without_godebug(value) for key, value in node.items() if key != "GODEBUG"}
        return {key: value for key, value in kept.items() if not (key in {"environment", "env"} and not value)}
    if isinstance(node, list):
        return [without_godebug(item) for item in node if not is_godebug(item)]
    return node


def is_godebug(item: Any) -> bool:
    if isinstance(item, dict):
        return item.get("name") == "GODEBUG"
    return isinstance(item, str) and (item == "GODEBUG" or item.startswith("GODEBUG="))


def check(text: str) -> None:
    after = fixed(text)
    check_change(text, after)
    assert fixed(after) == after, "twice is once"


def check_change(text: str, after: str) -> None:
    """Nothing but the variable is another, line ends included."""
    assert without_godebug(parsed(after)) == without_godebug(parsed(text))
    assert ("\r\n" in after) == ("\r\n" in text)
    assert after.count("\n") - after.count("\r\n") == 0 or "\r\n" not in after
    for line in difflib.ndiff(text.splitlines(), after.splitlines()):
        if line.startswith(("+ ", "- ")):
            assert re.search(r"GODEBUG|environment:|\benv:|value: |<<: \*", line), (
                f"{line!r} has nothing to do with it\n{text}\n→\n{after}"
            )


comments = st.sampled_from(["", "", "  # why", " #"])
values = st.sampled_from(["http2debug=1", "netdns=cgo", "netdns=go", "netdns=2,x=1", "", "a b", "${EXTRA-}", "it's"])
blank_lines = st.sampled_from(["", "", "\n", "    # a comment\n", "\n# another\n"])


def quote(value: str, style: str) -> str:
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or re.search(r"[ '{}]|^$", value):
        return '"' + value + '"'
    return value


styles = st.sampled_from(["", "'", '"'])


@st.composite
def environments(draw: st.DrawFn) -> str:
    """Return the lines of a service's variables, in one of the many ways to write them."""
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(["A", "CORE_PEER_ADDRESS", "GODEBUG"]), values),
            max_size=3,
            unique_by=lambda p: p[0],
        )
    )
    style, comment = draw(styles), draw(comments)
    form = draw(
        st.sampled_from(
            ["none", "mapping", "list", "flow mapping", "flow list", "merge", "alias", "null", "list alias"]
        )
    )
    if form == "none":
        return ""
    if form == "null":
        return f"    environment:{comment}\n"
    if form in {"alias", "list alias"}:
        return f"    environment: {'*env' if form == 'alias' else '*items'}{comment}\n"
    if form == "flow mapping":
        return (
            "    environment: {"
            + ", ".join(f"{k}: {quote(v, style or chr(34))}" for k, v in pairs)
            + "}"
            + comment
            + "\n"
        )
    if form == "flow list":
        return "    environment: [" + ", ".join(quote(f"{k}={v}", '"') for k, v in pairs) + "]" + comment + "\n"
    lines = ["    environment:" + comment]
    if form == "list":
        indent = draw(st.sampled_from(["    ", "      "]))
        lines += [f"{indent}- {quote(f'{k}={v}', style)}{draw(comments)}" for k, v in pairs]
        return "\n".join(lines) + "\n" if pairs else ""
    lines += ["      <<: *env"] if form == "merge" else []
    lines += [f"      {k}: {quote(v, style)}{draw(comments)}" for k, v in pairs]
    return "\n".join(lines) + "\n" if len(lines) > 1 else ""


@st.composite
def compose_files(draw: st.DrawFn) -> str:
    shared = draw(st.sampled_from(["{X: y}", "\n  X: y", "\n  X: y\n  GODEBUG: http2debug=1"]))
    parts = [f"x-env: &env {shared}\n", "x-items: &items\n  - X=y # kept\n", draw(blank_lines), "services:\n"]
    for number in range(draw(st.integers(1, 4))):
        image = draw(st.sampled_from([NEEDS, NEEDS, SAFE]))
        style = draw(styles)
        body = [f"    image: {quote(image, style)}{draw(comments)}\n", draw(environments()), "    tty: true\n"]
        if draw(st.booleans()):
            body[0], body[1] = body[1], body[0]
        parts += [f"  s{number}:{draw(comments)}\n", *body, draw(blank_lines)]
    text = "".join(parts)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return text.replace("\n", "\r\n") if draw(st.integers(0, 5)) == 0 else text


@settings(max_examples=60)
@given(compose_files())
def test_compose_files(text: str) -> None:
    check(text)


@st.composite
def overrides(draw: st.DrawFn) -> str:
    """Return a second file of the project: some of the services once more, and perhaps one of its own."""
    parts = ["x-env: &env {X: y}\n", "x-items: &items\n  - X=y\n", "services:\n"]
    for number in draw(st.sets(st.integers(0, 2), min_size=1)):
        parts += [f"  s{number}:\n", draw(environments()), "    tty: true\n"]
    if draw(st.booleans()):
        parts += ["  own:\n", f"    image: {NEEDS}\n", draw(environments())]
    text = "".join(parts)
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@settings(max_examples=40)
@given(compose_files(), overrides())
def test_several_compose_files_of_one_project(one: str, other: str) -> None:
    def write(texts: dict[str, str]) -> dict[str, str]:
        plan = plan_compose(texts, HOSTS, unreachable, variables={}, elsewhere={})
        return {**texts, **{file: after for file, (_, after) in plan.texts.items()}}

    before = {"f.yaml": one, "g.yaml": other}
    after = write(before)
    for file, text in before.items():
        check_change(text, after[file])
    assert write(after) == after, "twice is once"


@st.composite
def containers(draw: st.DrawFn, dash: str) -> str:
    inner = dash + "  "
    image = draw(st.sampled_from([NEEDS, NEEDS, SAFE]))
    lines = [
        f"{dash}- name: c{draw(st.integers(0, 9))}{draw(comments)}",
        f"{inner}image: {quote(image, draw(styles))}{draw(comments)}",
    ]
    form = draw(st.sampled_from(["none", "list", "flow", "empty"]))
    pairs = draw(
        st.lists(st.tuples(st.sampled_from(["A", "GODEBUG"]), values), min_size=1, max_size=2, unique_by=lambda p: p[0])
    )
    style = draw(styles)
    if form == "list":
        indent = draw(st.sampled_from(["", "  "]))
        lines.append(f"{inner}env:{draw(comments)}")
        for name, value in pairs:
            lines += [
                f"{inner}{indent}- name: {name}",
                f"{inner}{indent}  value: {quote(value, style)}{draw(comments)}",
            ]
    elif form == "flow":
        items = ", ".join(f"{{name: {name}, value: {quote(value, style or chr(34))}}}" for name, value in pairs)
        lines.append(f"{inner}env: [{items}]{draw(comments)}")
    elif form == "empty":
        lines.append(f"{inner}env: []")
    lines.append(f"{inner}tty: true")
    return "\n".join(lines) + "\n"


@st.composite
def kubernetes_files(draw: st.DrawFn) -> str:
    documents = []
    for number in range(draw(st.integers(1, 3))):
        dash = draw(st.sampled_from(["    ", "      "]))
        pod = "  containers:\n" + draw(containers(dash)).replace("\n" + dash, "\n" + dash)
        if draw(st.booleans()):
            pod = "  initContainers:\n" + draw(containers(dash)) + pod
        head = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}}}\nspec:\n  dnsConfig: {{options: [{{name: edns0}}]}}\n"
        documents.append(head + pod)
    text = "---\n".join(documents)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return text.replace("\n", "\r\n") if draw(st.integers(0, 5)) == 0 else text


@settings(max_examples=40)
@given(kubernetes_files())
def test_kubernetes_files(text: str) -> None:
    check(text)


def test_the_generated_files_are_fixed_at_all() -> None:
    """The properties would hold of a fixer that does nothing."""
    text = f"services:\n  s:\n    image: {NEEDS}\n"
    assert fixed(text) == f"services:\n  s:\n    image: {NEEDS}\n    environment:\n      GODEBUG: netdns=go\n"
