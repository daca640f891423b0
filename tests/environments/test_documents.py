"""YAML from anywhere: what is well-formed is read with its places, what is hostile costs one line."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import parts
import pytest

from inspector.environments import documents
from inspector.environments.compose import load_project
from inspector.environments.compose import workloads_of as services_of
from inspector.environments.docker import Engine
from inspector.environments.documents import (
    MAX_BYTES,
    Mapping,
    Scalar,
    Sequence,
    items_of,
    parse_documents,
    read_text,
)
from inspector.environments.hosts import host_named
from inspector.environments.kubernetes import workloads_of
from inspector.environments.manifests import load_manifests
from inspector.errors import InspectorError, LimitExceeded, TargetDamaged, UsageError


def test_places_are_lines_and_columns_of_the_text() -> None:
    (root,) = parse_documents("a:\n  - b: c # d\n    e: 'f'\n", "x.yaml")
    assert isinstance(root, Mapping)
    items = root.get("a")
    assert isinstance(items, Sequence)
    inner = items.items[0]
    assert isinstance(inner, Mapping)
    assert str(inner.entries["e"].value.place) == "x.yaml:3"
    assert inner.entries["e"].value.place.column == 8


def test_merge_keys_bring_what_is_not_written() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n"
    root = parse_documents(text, "x.yaml")[0]
    assert isinstance(root, Mapping)
    merged = root.get("c")
    assert isinstance(merged, Mapping)
    found = {name: entry.value.text for name, entry in merged.entries.items() if isinstance(entry.value, Scalar)}
    assert found == {"x": "3", "y": "1", "z": "2"}


def test_json_may_be_indented_by_tabs() -> None:
    (root,) = parse_documents('{\n\t"a": [1, "b"]\n}\n', "x.json")
    assert isinstance(root, Mapping)
    assert isinstance(root.get("a"), Sequence)


def test_a_text_is_parsed_once_under_each_name() -> None:
    text = "a: 1  # read more than once in a run\n"
    (first,), (again,) = parse_documents(text, "x.yaml"), parse_documents(text, "x.yaml")
    (other,) = parse_documents(text, "y.yaml")
    assert first is again and str(other.place) == "y.yaml:1"


def test_few_trees_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_KEPT", 100)
    (kept,) = parse_documents("a: 1", "x.yaml")
    for number in range(20):
        parse_documents("b: 2", f"{number}.yaml")
        assert parse_documents("a: 1", "x.yaml")[0] is kept, "what is used stays"
    parse_documents("c: " + "3" * 96, "large.yaml")
    assert parse_documents("a: 1", "x.yaml")[0] is not kept
    large = "c: " + "3" * 200
    assert parse_documents(large, "x.yaml")[0] is not parse_documents(large, "x.yaml")[0], "too large to be kept"


def test_documents_are_told_apart_and_empty_ones_left_out() -> None:
    assert len(parse_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n", "x.yaml")) == 2


BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 60))
MERGE_BOMB = "a0: &a0 {k: x}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 10)}], k{i}: 1}}\n" for i in range(1, 400)
)
HOSTILE = {
    "deep flow": ("[" * 3000, "nested deeper"),
    "deep block": ("\n".join(" " * n + "a:" for n in range(1000)), "nested deeper"),
    "deep dashes": ("- " * 3000, "nested deeper"),
    "merge bomb": (MERGE_BOMB, "merge keys bring more"),
    "duplicate keys": ("a: 1\nb: 2\na: 3\n", "x.yaml:3: duplicate key 'a' .also on line 1."),
    "unknown alias": ("a: *b\n", "without an anchor"),
    "alias to itself": ("a: &a [*a]\n", "to what it stands in"),
    "merge of a list": ("a: {<<: [1]}\n", "a merge key takes"),
    "key that is a list": ("? [a]\n: b\n", "no single word"),
    "tab": ("a:\n\t- b\n", "x.yaml:2: not YAML"),
    "control characters": ("a: \x00\n", "not YAML"),
    "template": ("image: {{ .Values.image }}\n", "no single word|not YAML"),
    "unclosed": ('a: "b\n', "not YAML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_costs_one_line(name: str) -> None:
    text, told = HOSTILE[name]
    with pytest.raises(TargetDamaged, match=told) as caught:
        parse_documents(text, "x.yaml")
    assert "\n" not in str(caught.value)


def test_aliases_that_would_explode_are_told_where_they_do() -> None:
    """They are shared in memory; whoever walks over them would not come to an end."""
    with pytest.raises(LimitExceeded, match=r"x\.yaml:\d+: more than 1000000 values, those of aliases counted"):
        parse_documents(BOMB, "x.yaml")


REPEATED = {
    "a list in each service": "x: &e [" + ",".join(f"A{n}=b" for n in range(300)) + "]\nservices:\n"
    + "".join(f"  s{n}: {{image: i, environment: *e}}\n" for n in range(100)),
    "what each service extends": "services:\n  s: {image: i, environment: [" + ",".join(f"A{n}=b" for n in range(300)) + "]}\n"
    + "".join(f"  s{n}: {{extends: s}}\n" for n in range(100)),
    "a long text in each service": "x: &t '" + "x" * 30_000 + "'\nservices:\n"
    + "".join(f"  s{n}: {{image: *t}}\n" for n in range(100)),
    "a variable in each place": "services:\n  s:\n    environment:\n" + "".join(f"    - A{n}=$LONG\n" for n in range(300)),
}  # fmt: skip
REPEATED_OBJECTS = {
    "an annotation in each pod": "kind: List\nitems:\n- &p {kind: Pod, metadata: {annotations: {rollout-inspector/waive: '"
    + "[a]," * 5_000 + "'}}, spec: {containers: [{name: c, image: i}]}}\n" + "- *p\n" * 200,
    "variables of variables": "kind: Pod\nspec: {containers: [{name: c, image: i, env: [{name: A0, value: xxxxxxxx},"
    + ",".join(f"{{name: A{n}, value: $(A{n - 1})$(A{n - 1})}}" for n in range(1, 300)) + "]}]}\n",
    "a ConfigMap in each container": "kind: ConfigMap\nmetadata: {name: m}\ndata: {" + ",".join(f"A{n}: b" for n in range(300))
    + "}\n---\nkind: Pod\nspec:\n  containers:\n  - &c {name: c, image: i, envFrom: [{configMapRef: {name: m}}]}\n"
    + "  - *c\n" * 100,
}  # fmt: skip


@pytest.mark.parametrize("name", [*REPEATED, *REPEATED_OBJECTS])
def test_what_is_repeated_without_end_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_EXPANDED", 20_000)
    with pytest.raises(LimitExceeded, match="more than 20000 values") as caught:
        read_workloads(name)
    assert "\n" not in str(caught.value)


def read_workloads(name: str) -> None:
    hosts = (host_named("plain"),)
    if name in REPEATED_OBJECTS:
        workloads_of(load_manifests(["x.yaml"], {"x.yaml": REPEATED_OBJECTS[name]}), hosts)
        return
    project = load_project(["x.yaml"], variables={"LONG": "x" * 60_000}, texts={"x.yaml": REPEATED[name]})
    services_of(project, project.active(), hosts, Engine())


def test_documents_without_end_are_told() -> None:
    with pytest.raises(LimitExceeded, match="more than 10000 documents"):
        parse_documents("---\na\n" * 11_000, "x.yaml")


def test_what_is_no_text_or_no_file_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\x7fELF\x02\x01\xff\xfe")
    with pytest.raises(TargetDamaged, match="not UTF-8"):
        read_text(str(binary))
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(LimitExceeded, match=f"larger than {MAX_BYTES // 1024**2} MiB"):
        read_text(str(large))
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "absent"):
        with pytest.raises(UsageError):
            read_text(str(path))


@pytest.mark.parametrize(
    ("verb", "name"),
    [("compose", "deep flow"), ("compose", "merge bomb"), ("k8s", "duplicate keys"), ("fix", "control characters")],
)
def test_the_command_tells_it_in_one_line_with_little_memory(tmp_path: Path, verb: str, name: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(HOSTILE[name][0])
    command = [str(Path(sys.executable).parent / "inspector"), verb, "--offline", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("\n") == 1
    assert "x.yaml" in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_not_there_is_usage(tmp_path: Path) -> None:
    for verb in ("compose", "k8s", "fix"):
        done = parts.inspector(verb, str(tmp_path / "none.yaml"))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_every_error_is_the_projects_own() -> None:
    for text, _ in HOSTILE.values():
        with pytest.raises(InspectorError):
            parse_documents(text, "x.yaml")


def test_tabs_between_tokens_are_blanks_as_for_docker_and_kubectl() -> None:
    (root,) = parse_documents('a:\tb\t# c\nd: [\n\t1,\t2\n]\t\ne: "x\ty"\t\n', "f")
    assert isinstance(root, Mapping)
    values = [root.get(key) for key in "ae"]
    assert [value.text for value in values if isinstance(value, Scalar)] == ["b", "x\ty"]
    assert len(items_of(root.get("d"), "d")) == 2
    for text in ("a:\n\tb: c\n", "-\ta\n"):
        with pytest.raises(TargetDamaged, match="cannot start any token"):
            parse_documents(text, "f")
