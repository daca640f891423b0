"""A remedy's YAML, laid over the manifest that it was made for, cures what it is a remedy of and changes nothing else."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import parts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inspector.environments import preset, variable_snippet
from inspector.environments.compose import load_project
from inspector.environments.compose import workloads_of as compose_workloads
from inspector.environments.docker import Engine
from inspector.environments.hosts import HOSTS
from inspector.environments.kubernetes import load_manifests, workloads_of
from inspector.errors import TargetUnreachable
from inspector.fabric import stand_in
from inspector.facts import ManifestPlace, Report, Verdict
from inspector.judging import Wishes, judge_target
from inspector.rollouts import judge_workloads

IMAGES = st.sampled_from(
    ["hyperledger/fabric-peer:1.4.3", "hyperledger/fabric-orderer:1.0.6", "hyperledger/fabric-ca:1.4.9"]
)
NAMES = st.text("abz09 :#'\"\\-_.é😀", min_size=1, max_size=12) | st.sampled_from(
    ["yes", "null", "1", "1.5", "~", "a: b"]
)
SETTINGS = st.lists(
    st.sampled_from(["http2debug=1", "netdns=cgo", "netdns=cgo+2", "x=$Y", "x=$(Y)", 'q="', "k=a:b", "é=#", "p=a\\b"]),
    max_size=3,
).map(",".join)


def unreachable(reference: str, *_: object) -> tuple[()]:
    raise TargetUnreachable(f"{reference}: there is no network in this test")


def parsed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def judged_compose(document: Mapping[str, Any], tmp: str = "compose.yaml") -> Report:
    project = load_project([tmp], variables={}, texts={tmp: json.dumps(document, ensure_ascii=False)})
    return judge_workloads(compose_workloads(project, project.active(()), HOSTS, Engine()), unreachable, Wishes())


def judged_kubernetes(document: Mapping[str, Any]) -> Report:
    manifests = load_manifests(["pod.yaml"], {"pod.yaml": json.dumps(document, ensure_ascii=False)})
    return judge_workloads(workloads_of(manifests, HOSTS), unreachable, Wishes())


def verdicts_of(report: Report) -> dict[tuple[str, str | None, str | None], Verdict]:
    return {(e.name, v.path, v.call): v for t in report.targets for e in t.environments for v in e.verdicts}


def patches_of(report: Report) -> list[tuple[tuple[str, str | None, str | None], str]]:
    return [(key, r.patch) for key, v in verdicts_of(report).items() for r in v.remedies if r.patch is not None]


def merged(base: Any, patch: Any) -> Any:
    """Lay a patch over a document: mappings by key, lists of named items by name (a strategic merge patch)."""
    if isinstance(base, dict) and isinstance(patch, dict):
        both = {key: merged(base[key], value) if key in base else value for key, value in patch.items()}
        return {**base, **both}
    if isinstance(base, list) and isinstance(patch, list):
        named = {item["name"]: item for item in patch}
        kept = [merged(item, named.pop(item["name"])) if item["name"] in named else item for item in base]
        return [*kept, *named.values()]
    return patch


def check(document: Any, report: Report, judge: Any) -> None:
    before = copy.deepcopy(document)
    for key, patch in patches_of(report):
        after = merged(copy.deepcopy(document), parsed(patch))
        assert document == before
        assert verdicts_of(judge(after))[key].level in {"safe", "latent"}, patch
        assert patch.isascii()


@given(NAMES, IMAGES, SETTINGS)
@settings(max_examples=30, deadline=None)
def test_of_a_service(name: str, image: str, held: str) -> None:
    document = {"services": {name: {"image": image, "environment": {"GODEBUG": held.replace("$", "$$"), "A": "1"}}}}
    report = judged_compose(document)
    check(document, report, judged_compose)
    for _, patch in patches_of(report):
        (service,) = parsed(patch)["services"].values()
        value = service["environment"]["GODEBUG"].replace("$$", "$")
        kept = [item for item in held.split(",") if item and not item.startswith("netdns=")]
        assert value.split(",") == [*kept, "netdns=go"]


@given(
    IMAGES,
    SETTINGS,
    st.sampled_from(["Pod", "Deployment", "CronJob", "PodTemplate"]),
    st.sampled_from(["containers", "initContainers"]),
    st.sampled_from(["Default", "ClusterFirst"]),
)
@settings(max_examples=30, deadline=None)
def test_of_a_container(image: str, held: str, kind: str, listed: str, policy: str) -> None:
    one = {"name": "one", "image": image, "env": [{"name": "GODEBUG", "value": held.replace("$(", "$$(")}]}
    other = {"name": "other", "image": "hyperledger/fabric-peer:2.5.3"}
    spec: dict[str, Any] = {"dnsPolicy": policy, "containers": [other]}
    spec[listed] = [*spec.get(listed, ()), one]
    for key in {
        "Pod": ("spec",), "Deployment": ("spec", "template", "spec"), "PodTemplate": ("template", "spec"),
        "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    }[kind][::-1]:  # fmt: skip
        spec = {key: spec}
    document = {"kind": kind, "metadata": {"name": "p"}, **spec}
    check(document, judged_kubernetes(document), judged_kubernetes)


def test_the_generated_manifests_have_patches_at_all() -> None:
    compose = {"services": {"peer": {"image": "hyperledger/fabric-peer:1.4.3"}}}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"dnsPolicy": "Default", "containers": [{"name": "c", "image": "hyperledger/fabric-peer:1.4.3"}]},
    }
    assert patches_of(judged_compose(compose))
    assert patches_of(judged_kubernetes(pod))


def test_a_value_from_elsewhere_does_not_stay_beside_it() -> None:
    env = [{"name": "GODEBUG", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
    container = {"name": "c", "image": "hyperledger/fabric-peer:1.4.3", "env": env}
    place = ManifestPlace(kind="kubernetes", name="c", way=("spec",))
    patch = parsed(variable_snippet(place, "GODEBUG", "netdns=go", elsewhere=True))
    after = merged({"spec": {"containers": [container]}}, patch)
    assert after["spec"]["containers"][0]["env"] == [{"name": "GODEBUG", "value": "netdns=go", "valueFrom": None}]


def test_a_file_is_named_to_a_shell_and_standard_input_is_not() -> None:
    place = ManifestPlace(kind="compose", name="a", file="a b\n.yaml")
    first = variable_snippet(place, "GODEBUG", "netdns=go").splitlines()[0]
    assert first == r"# the same is written by: inspector fix --write 'a b\x0a.yaml'"
    assert parsed(variable_snippet(place, "A", "b")) == {"services": {"a": {"environment": {"A": "b"}}}}
    bare = ManifestPlace(kind="compose", name="a")
    assert variable_snippet(bare, "A", "b").startswith("services:")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("docker-network-ubuntu", {"environment": {"GODEBUG": "netdns=go"}}),
     ("kubernetes-use-vc", {"env": [{"name": "GODEBUG", "value": "netdns=go"}]})],
)  # fmt: skip
def test_a_preset_gives_the_attribute_alone(name: str, expected: Any) -> None:
    target = stand_in("hyperledger/fabric-peer", "1.4.3")
    assert target is not None
    (environment,) = judge_target(target, [preset(name)], Wishes()).environments
    patches = [remedy.patch for verdict in environment.verdicts for remedy in verdict.remedies if remedy.patch]
    assert patches, environment
    assert all(parsed(patch) == expected for patch in patches)


def test_the_installed_command_tells_it_in_each_format(tmp_path: Any) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  peer:\n    image: hyperledger/fabric-peer:1.4.3\n    environment: [GODEBUG=a=1]\n")
    options = [
        "--host",
        "alibaba",
        "--image",
        "hyperledger/fabric-peer:1.4.3=127.0.0.1:9/hyperledger/fabric-peer:1.4.3",
    ]
    outputs = {
        name: parts.inspector("compose", str(file), *options, *flags).stdout
        for name, flags in {
            "json": ["--format", "json"], "html": ["--format", "html"], "markdown": ["--format", "markdown"],
            "text": ["-v"], "brief": [],
        }.items()
    }  # fmt: skip
    report = json.loads(outputs["json"])
    patches = [
        remedy["patch"]
        for environment in report["targets"][0]["environments"]
        for verdict in environment["verdicts"]
        for remedy in verdict["remedies"]
        if remedy["patch"]
    ]
    line = "GODEBUG: a=1,netdns=go"
    assert line in patches[0]
    assert all(line in outputs[name] for name in ("html", "markdown", "text"))
    assert line not in outputs["brief"]
    assert f"inspector fix --write {file}" in patches[0]
