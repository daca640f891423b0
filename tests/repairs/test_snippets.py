"""A remedy's YAML, laid over the manifest that it was made for, cures what it is a remedy of and changes nothing else."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import parts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inspector.environments import preset, variable_snippet
from inspector.environments.compose import load_project
from inspector.environments.compose import workloads_of as compose_workloads
from inspector.environments.docker import DockerHost, Engine
from inspector.environments.hosts import HOSTS, Host, host_named
from inspector.environments.kubernetes import workloads_of
from inspector.environments.manifests import load_manifests
from inspector.errors import TargetUnreachable
from inspector.fabric import stand_in
from inspector.facts import ContextFile, ManifestPlace, Report, Verdict
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
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
    return yaml.load(text)


def judged_compose(
    document: Mapping[str, Any], patch: str = "", *, engine: Engine | None = None, wishes: Wishes | None = None,
    hosts: Sequence[Host] = HOSTS,
) -> Report:  # fmt: skip
    """Judge a file and what is laid over it, as Compose reads both."""
    texts = {"compose.yaml": json.dumps(document, ensure_ascii=False)} | ({"patch.yaml": patch} if patch else {})
    project = load_project(list(texts), variables={}, texts=texts)
    workloads = compose_workloads(project, project.active(()), hosts, engine or Engine())
    return judge_workloads(workloads, unreachable, wishes or Wishes())


def judged_kubernetes(
    document: Mapping[str, Any], patch: str = "", *, wishes: Wishes | None = None, hosts: Sequence[Host] = HOSTS
) -> Report:
    """Judge an object, a strategic merge patch laid over it."""
    if patch:
        document = merged(copy.deepcopy(document), parsed(patch))
    manifests = load_manifests(["pod.yaml"], {"pod.yaml": json.dumps(document, ensure_ascii=False)})
    return judge_workloads(workloads_of(manifests, hosts), unreachable, wishes or Wishes())


def verdicts_of(report: Report) -> dict[tuple[str, str | None, str | None], Verdict]:
    return {(e.name, v.path, v.call): v for t in report.targets for e in t.environments for v in e.verdicts}


def patches_of(report: Report) -> list[tuple[tuple[str, str | None, str | None], str]]:
    return [(key, r.patch) for key, v in verdicts_of(report).items() for r in v.remedies if r.patch is not None]


def merged(base: Any, patch: Any) -> Any:
    """Lay a patch over a document: mappings by key, lists of named items by name (a strategic merge patch)."""
    if isinstance(base, dict) and isinstance(patch, dict):
        whole = {"options"}  # dnsConfig's is atomic
        both = {
            key: merged(base[key], value) if key in base and key not in whole else value for key, value in patch.items()
        }
        return {**base, **both}
    if isinstance(base, list) and isinstance(patch, list):
        named = {item["name"]: item for item in patch}
        kept = [merged(item, named.pop(item["name"])) if item["name"] in named else item for item in base]
        return [*kept, *named.values()]
    return patch


def check(document: Any, report: Report, judge: Any) -> None:
    before = copy.deepcopy(document)
    for key, patch in patches_of(report):
        after = judge(document, patch)
        assert document == before
        assert verdicts_of(after)[key].level in {"safe", "latent"}, patch
        assert patch.isascii()


def options_patches(report: Report) -> list[Any]:
    """Return what remedies by resolv.conf have as YAML; None where such a remedy has none."""
    return [
        r.patch and parsed(r.patch) for v in verdicts_of(report).values() for r in v.remedies if r.kind == "resolv-conf"
    ]


@given(NAMES, IMAGES, SETTINGS)
@settings(max_examples=30, deadline=None)
def test_of_a_service(name: str, image: str, held: str) -> None:
    document = {"services": {name: {"image": image, "environment": {"GODEBUG": held.replace("$", "$$"), "A": "1"}}}}
    report = judged_compose(document)
    check(document, report, judged_compose)
    for _, patch in patches_of(report):
        (service,) = parsed(patch)["services"].values()
        if "environment" not in service:
            continue
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
    [("docker-network-ubuntu", [{"environment": {"GODEBUG": "netdns=go"}}, {"dns_opt": ["ndots:0"]}]),
     ("docker-host-ubuntu", [{"environment": {"GODEBUG": "netdns=go"}}, {"dns_opt": ["ndots:1"]}]),
     ("kubernetes-use-vc", [{"env": [{"name": "GODEBUG", "value": "netdns=go"}]}, {"dnsConfig": {"options": []}}])],
)  # fmt: skip
def test_a_preset_gives_the_attribute_alone(name: str, expected: Any) -> None:
    target = stand_in("hyperledger/fabric-peer", "1.4.3")
    assert target is not None
    (environment,) = judge_target(target, [preset(name)], Wishes(names=("orderer.example.com",))).environments
    patches = [remedy.patch for verdict in environment.verdicts for remedy in verdict.remedies if remedy.patch]
    assert patches, environment
    assert [parsed(patch) for patch in dict.fromkeys(patches)] == expected


# ── options of resolv.conf ───────────────────────────────────────────────────────────────────────────────────────────

PEER = "hyperledger/fabric-peer:1.4.3"
"""Go 1.11: knows neither edns0 and trust-ad nor single-request-reopen."""
ORDERER = Wishes(names=("orderer.example.com",))
OPTIONS = st.lists(
    st.sampled_from(["edns0", "trust-ad", "rotate", "timeout:2", "ndots:2", "ndots:x", "no-aaaa", "a b", "$x", "é"]),
    max_size=3,
    unique=True,
)
LINES = st.lists(
    st.sampled_from(["options edns0", "options rotate edns0", "options timeout:1", "sortlist 10.0.0.0", "options"]),
    max_size=3,
)


def host(text: str) -> Host:
    return Host(name="given", title="given", files=DockerHost(resolv_conf=f"nameserver 192.0.2.1\n{text}"), source="")


def service(**attributes: Any) -> dict[str, Any]:
    return {"services": {"peer": {"image": PEER, **attributes}}}


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": PEER}], **spec},
    }  # fmt: skip


@given(
    OPTIONS,
    st.sampled_from([None, "host", "bridge", "none"]),
    st.lists(LINES.map(lambda lines: host("\n".join(lines))), min_size=1, max_size=2),
    st.sampled_from([20, 26]).map(lambda major: Engine(major=major)),
)
@settings(max_examples=60, deadline=None)
def test_options_of_a_service_cure_on_every_host(
    options: list[str], mode: str | None, hosts: list[Host], engine: Engine
) -> None:
    attributes: dict[str, Any] = {"dns_opt": [option.replace("$", "$$") for option in options]} if options else {}
    document = service(**attributes, **({"network_mode": mode} if mode else {}))

    def judge(document: Any, patch: str = "") -> Report:
        return judged_compose(document, patch, engine=engine, wishes=ORDERER, hosts=hosts)

    check(document, judge(document), judge)


@given(
    OPTIONS,
    st.sampled_from(["ClusterFirst", "Default", "None"]),
    st.lists(LINES.map(lambda lines: host("\n".join(lines))), min_size=1, max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_options_of_a_pod_cure_on_every_node(options: list[str], policy: str, hosts: list[Host]) -> None:
    pairs = [option.partition(":") for option in options]
    listed = [{"name": name, **({"value": value} if colon else {})} for name, colon, value in pairs]
    document = pod(dnsPolicy=policy, dnsConfig={"nameservers": ["192.0.2.1"], "options": listed})

    def judge(document: Any, patch: str = "") -> Report:
        return judged_kubernetes(document, patch, wishes=ORDERER, hosts=hosts)

    check(document, judge(document), judge)


@pytest.mark.parametrize(
    ("attributes", "named", "expected"),
    [
        ({}, "ubuntu", ["ndots:0"]),
        ({}, "alibaba", ["timeout:2", "attempts:3", "rotate", "ndots:0"]),
        ({"network_mode": "host"}, "ubuntu", ["ndots:1"]),
        ({"network_mode": "bridge"}, "alibaba", ["timeout:2", "attempts:3", "rotate"]),
        ({"dns_opt": ["edns0", "timeout:1"]}, "plain", ["timeout:1", "ndots:0"]),
    ],
)
def test_a_service_takes_an_option_out_by_a_list_of_the_others(
    attributes: dict[str, Any], named: str, expected: list[str]
) -> None:
    report = judged_compose(service(**attributes), wishes=ORDERER, hosts=[host_named(named)])
    assert options_patches(report) == [{"services": {"peer": {"dns_opt": expected}}}]
    (patch,) = (text for _, text in patches_of(report) if "dns_opt" in text)
    assert ("dns_opt: !override\n" in patch) == ("dns_opt" in attributes)


def test_what_a_service_appends_does_not_cure_so_its_list_is_replaced() -> None:
    """Compose appends one file's dns_opt to the other's: without the tag the option would stay."""
    document = service(dns_opt=["edns0"])
    report = judged_compose(document, wishes=ORDERER, hosts=HOSTS[:1])
    ((key, patch),) = ((key, text) for key, text in patches_of(report) if "dns_opt" in text)
    assert verdicts_of(judged_compose(document, patch, wishes=ORDERER))[key].level in {"safe", "latent"}
    appended = patch.replace(" !override", "")
    assert verdicts_of(judged_compose(document, appended, wishes=ORDERER))[key].level == "crash"


@pytest.mark.parametrize("policy", ["ClusterFirst", "None"])
def test_a_pod_drops_its_own_option_and_keeps_the_others(policy: str) -> None:
    options = [{"name": "edns0"}, {"name": "ndots", "value": "2"}]
    document = pod(dnsPolicy=policy, dnsConfig={"nameservers": ["192.0.2.1"], "options": options})
    expected = {"spec": {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}}}
    assert options_patches(judged_kubernetes(document, wishes=ORDERER)) == [expected]


def test_where_no_manifest_can_take_it_out_there_is_no_yaml() -> None:
    ubuntu = [host_named("ubuntu")]
    # A pod cannot take out what its node has, not even where it names the same option itself.
    for config in ({}, {"options": [{"name": "edns0"}]}):
        document = pod(dnsPolicy="Default", dnsConfig=config)
        node = [host("options edns0\n")]
        assert options_patches(judged_kubernetes(document, wishes=ORDERER, hosts=node)) == [None]
    # Its own one is all that one node lacks, and not the other.
    document = pod(dnsPolicy="Default", dnsConfig={"options": [{"name": "edns0"}]})
    nodes = [host("\n"), host("options trust-ad\n")]
    assert options_patches(judged_kubernetes(document, wishes=ORDERER, hosts=nodes)) == [None]
    assert options_patches(judged_kubernetes(document, wishes=ORDERER, hosts=nodes[:1])) != [None]
    # From 26 on Docker keeps lines that it does not know; before, it drops them where an option is given.
    unknown = [host("sortlist 10.0.0.0\n")]
    kept = judged_compose(service(network_mode="bridge"), wishes=ORDERER, hosts=unknown, engine=Engine(major=26))
    assert options_patches(kept) == [None]
    dropped = judged_compose(service(network_mode="bridge"), wishes=ORDERER, hosts=unknown)
    assert options_patches(dropped) == [{"services": {"peer": {"dns_opt": ["ndots:1"]}}}]
    # The network is another service's, and so is the file.
    document = {"services": {"peer": {"image": PEER, "network_mode": "service:db"}, "db": {"image": "postgres"}}}
    report = judged_compose(document, wishes=ORDERER, hosts=ubuntu)
    assert None in options_patches(report)
    # A file that was given outranks whatever a manifest says.
    given = Wishes(names=ORDERER.names, resolv_conf=ContextFile(text="options edns0\n"))
    assert options_patches(judged_compose(service(), wishes=given, hosts=ubuntu)) == [None]


def test_a_file_that_is_mounted_is_not_changed_by_options(tmp_path: Any) -> None:
    conf = tmp_path / "resolv.conf"
    document = service(volumes=[f"{conf}:/etc/resolv.conf"])
    conf.write_text(preset("docker-network-ubuntu").files["resolv.conf"].text or "")
    text = json.dumps(document)
    project = load_project([str(tmp_path / "c.yaml")], variables={}, texts={str(tmp_path / "c.yaml"): text})
    workloads = compose_workloads(project, project.active(()), [host_named("ubuntu")], Engine(major=26))
    assert options_patches(judge_workloads(workloads, unreachable, ORDERER)) == [None]


def test_chaincode_is_in_no_manifest() -> None:
    target = stand_in("hyperledger/fabric-peer", "1.4.3")
    assert target is not None
    (binary,) = (binary for binary in target.binaries if binary.path.endswith("/peer"))
    chaincode = replace(target, binaries=(replace(binary, path="/usr/local/bin/chaincode"),))
    for each, has in ((target, True), (chaincode, False)):
        (judged,) = judge_target(each, [preset("docker-network-ubuntu")], ORDERER).environments
        patches = [r.patch for v in judged.verdicts for r in v.remedies if r.kind == "resolv-conf"]
        assert patches
        assert all((patch is not None) == has for patch in patches)


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
