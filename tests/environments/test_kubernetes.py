"""Kubernetes manifests: pods of every kind, what kubelet makes of DNS settings, variables and mounted files."""

import json
from pathlib import Path
from typing import Any

import parts
import pytest

from inspector.environments.documents import Mapping
from inspector.environments.hosts import HOSTS, Host, host_named, host_of
from inspector.environments.kubernetes import workloads_of
from inspector.environments.manifests import load_manifests
from inspector.errors import InspectorError, TargetDamaged
from inspector.facts import Environment, Workload
from inspector.judging import Wishes
from inspector.rollouts import judge_workloads

PLAIN, UBUNTU, ALIBABA = HOSTS
CLUSTER = "search default.svc.cluster.local svc.cluster.local cluster.local{more}\nnameserver 10.96.0.10\noptions ndots:5{options}\n"


def load(text: str, *hosts: Host) -> tuple[Workload, ...]:
    return workloads_of(load_manifests(["m.yaml"], {"m.yaml": text}), hosts or (PLAIN,))


def pod(spec: str = "", container: str = "") -> str:
    lines = ["apiVersion: v1", "kind: Pod", "metadata: {name: p}", "spec:", *spec.splitlines()]
    lines += ["  containers:", "  - name: c", "    image: i", *container.splitlines()]
    return "\n".join(lines) + "\n"


def environment(spec: str = "", container: str = "", host: Host = PLAIN, also: str = "") -> Environment:
    (workload,) = load(pod(spec, container) + also, host)
    return workload.environments[0]


def resolv_conf(spec: str, host: Host = PLAIN) -> str | None:
    return environment(spec, host=host).files["resolv.conf"].text


NODE_SERVERS = "nameserver 100.100.2.136\nnameserver 100.100.2.138\n"
OPTIONS = "  dnsConfig: {options: [{name: single-request-reopen}, {name: ndots, value: '2'}]}"


@pytest.mark.parametrize(
    ("spec", "host", "text"),
    [
        ("", PLAIN, CLUSTER.format(more="", options="")),
        ("", ALIBABA, CLUSTER.format(more="", options="")),  # no options of the node
        ("  dnsPolicy: ClusterFirst", UBUNTU, CLUSTER.format(more=" .", options="")),  # but its search domains
        ("  hostNetwork: true", ALIBABA, "nameserver 100.100.2.136\nnameserver 100.100.2.138\noptions timeout:2 attempts:3 rotate single-request-reopen\n"),
        ("  hostNetwork: true\n  dnsPolicy: ClusterFirstWithHostNet", ALIBABA, CLUSTER.format(more="", options="")),
        ("  dnsPolicy: Default", PLAIN, "nameserver 192.0.2.53\n"),
        ("  dnsPolicy: Default", UBUNTU, "search .\nnameserver 192.0.2.53\n"),  # the uplink file has no options
        ("  dnsPolicy: None\n  dnsConfig: {nameservers: [192.0.2.1], searches: [a.example], options: [{name: use-vc}]}", ALIBABA,
         "search a.example\nnameserver 192.0.2.1\noptions use-vc\n"),
        (OPTIONS, PLAIN, CLUSTER.format(more="", options="").replace("ndots:5", "ndots:2 single-request-reopen")),
        (f"  dnsPolicy: Default\n{OPTIONS}", ALIBABA, f"{NODE_SERVERS}options timeout:2 attempts:3 rotate single-request-reopen ndots:2\n"),
        ("  dnsConfig: {nameservers: [192.0.2.1, 192.0.2.2, 192.0.2.3]}", PLAIN, CLUSTER.format(more="", options="").replace(
            "nameserver 10.96.0.10\n", "nameserver 10.96.0.10\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n")),
    ],
)  # fmt: skip
def test_policy_network_and_config(spec: str, host: Host, text: str) -> None:
    assert resolv_conf(spec, host) == text


def test_a_pod_that_takes_nothing_of_the_node_is_judged_once() -> None:
    assert len(load(pod(), *HOSTS)[0].environments) == 1
    assert len(load(pod("  dnsPolicy: Default"), *HOSTS)[0].environments) == 3


TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i"}], "initContainers": [{"name": "i", "image": "j"}]}}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Pod", TEMPLATE["spec"]),
        *[(kind, {"template": TEMPLATE}) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout")],
        ("CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}),
    ],
)  # fmt: skip
def test_every_kind_of_workload_and_its_init_containers(kind: str, spec: dict[str, Any]) -> None:
    item = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "n", "namespace": "org1"}, "spec": spec}
    expected = [(f"k8s:org1/{kind}/n/c", "i"), (f"k8s:org1/{kind}/n/i", "j")]
    assert [(w.name, w.image) for w in load(json.dumps(item))] == expected
    listed = {"apiVersion": "v1", "kind": "List", "items": [item, {"kind": "ConfigMap", "metadata": {"name": "x"}}]}
    assert [(w.name, w.image) for w in load(json.dumps(listed, indent="\t"))] == expected


def test_a_pod_template_object() -> None:
    item = {"kind": "PodTemplate", "metadata": {"name": "n"}, "template": TEMPLATE}
    assert [w.name for w in load(json.dumps(item))] == ["k8s:PodTemplate/n/c", "k8s:PodTemplate/n/i"]


def test_other_objects_and_empty_documents_are_passed_over() -> None:
    text = (
        "---\n# Source: chart/templates/service.yaml\n---\nkind: Service\nmetadata: {name: s}\nspec: {ports: []}\n---\n"
        + pod()
    )
    assert [w.name for w in load(text)] == ["k8s:Pod/p/c"]


@pytest.mark.parametrize("text", ["", "\n---\n", "# Source: chart\n---\n# nothing\n"])
def test_an_empty_input_is_damage(text: str) -> None:
    with pytest.raises(TargetDamaged, match=r"m\.yaml is empty"):
        load(text)
    with pytest.raises(TargetDamaged, match="standard input is empty"):
        load_manifests(["-", "map.yaml"], {"-": text, "map.yaml": "kind: ConfigMap"})
    assert load("kind: ConfigMap") == ()


def test_a_pipe_from_a_command_that_failed_does_not_pass_the_gate() -> None:
    done = parts.inspector("k8s", "-", input="")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("inspector: standard input is empty")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Pod", "kind: Pod\nspec:", "kind: Pod\nspec: {containers: []}", "kind: Pod\nspec: {initContainers: []}",
        "kind: Deployment\nspec: {template: {}}", "kind: CronJob\nspec: {jobTemplate: {spec: }}", "kind: PodTemplate",
        "kind: PodTemplate\ntemplate: {spec: {}}", "kind: List\nitems: [{kind: DaemonSet, spec: 1}]",
    ],
)  # fmt: skip
def test_a_workload_without_containers_is_incomplete(text: str) -> None:
    report = judge_workloads(load(f"kind: ConfigMap\n---\n{text}\n---\n{pod()}"), lambda *_: (), Wishes())
    assert [(target.status, target.problems[0].message) for target in report.targets] == [
        ("incomplete", "it has no containers: nothing of it could be judged")
    ]


def test_a_workload_without_containers_does_not_pass_the_gate() -> None:
    done = parts.inspector("k8s", "-", input="kind: Deployment\nmetadata: {name: peer}\n")
    assert done.returncode == 4, done.stderr
    assert "k8s:Deployment/peer (standard input:1)" in done.stdout and "it has no containers" in done.stdout


CONFIG_MAP = "---\nkind: ConfigMap\nmetadata: {name: m}\ndata: {GODEBUG: netdns=go, HOSTS: 'x'}\n"
SECRET = (
    "---\nkind: Secret\nmetadata: {name: s}\ndata: {GODEBUG: bmV0ZG5zPWdv}\nstringData: {PEER: 'secret.example:7051'}\n"
)


def test_variables_of_config_maps_and_secrets_in_the_input() -> None:
    container = "    envFrom: [{configMapRef: {name: m}}, {secretRef: {name: s}, prefix: S_}]\n    env:\n"
    container += "    - {name: A, value: $(GODEBUG)-$(NO)-$$(A)}\n    - {name: B, valueFrom: {configMapKeyRef: {name: m, key: HOSTS}}}\n"
    found = environment(container=container, also=CONFIG_MAP + SECRET)
    assert found.env == {
        "GODEBUG": "netdns=go", "HOSTS": "x", "S_GODEBUG": "netdns=go", "S_PEER": "secret.example:7051",
        "A": "netdns=go-$(NO)-$(A)", "B": "x",
    }  # fmt: skip
    assert found.env_origin["GODEBUG"] == "m.yaml:15"
    assert "secret.example" not in found.names, "a secret's content is not told"


def test_env_outranks_env_from() -> None:
    container = "    env: [{name: GODEBUG, value: http2debug=1}]\n    envFrom: [{configMapRef: {name: m}}]"
    assert environment(container=container, also=CONFIG_MAP).env["GODEBUG"] == "http2debug=1"


def test_a_config_map_that_is_not_in_the_input_leaves_the_resolvers_variables_unknown() -> None:
    found = environment(container="    envFrom: [{configMapRef: {name: elsewhere}}]")
    assert set(found.env_elsewhere) == {"GODEBUG", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"}
    known = environment(
        container="    envFrom: [{configMapRef: {name: elsewhere}}]\n    env: [{name: GODEBUG, value: netdns=go}]"
    )
    assert "GODEBUG" not in known.env_elsewhere
    one = environment(container="    env: [{name: GODEBUG, valueFrom: {secretKeyRef: {name: x, key: y}}}]")
    assert one.env_elsewhere == ("GODEBUG",)


def test_a_command_that_sets_the_variable_leaves_it_unknown() -> None:
    assert environment(container="    command: [sh, -c, 'GODEBUG=netdns=go peer node start']").env_unknown == (
        "GODEBUG",
    )
    assert load(pod(container="    command: [peer]"))[0].start.entrypoint == ("peer",)
    assert load(pod(container="    args: [node, start]"))[0].start.entrypoint is None


def test_names_come_from_variables_command_and_services() -> None:
    container = (
        "    env: [{name: CORE_PEER_ADDRESS, value: 'peer0.local:7051'}, {name: CORE_PEER_LISTENADDRESS, value: 'no.example:1'}]\n"
        "    args: ['--orderer', 'orderer.default.svc.cluster.local:7050', 'http://u:p@ca.example:7054/x']"
    )
    service = "---\nkind: Service\nmetadata: {name: beside}\nspec: {}\n---\nkind: Service\nmetadata: {name: far, namespace: other}\nspec: {}\n"
    assert environment(container=container, also=service).names == (
        "peer0.local", "orderer.default.svc.cluster.local", "ca.example", "beside",
    )  # fmt: skip
    assert environment(also=service).names == (
        "beside",
        "beside.default.svc.cluster.local",
        "far.other.svc.cluster.local",
    )


def test_host_aliases_user_and_host_name() -> None:
    spec = "  hostname: h\n  securityContext: {runAsUser: 1000}\n  hostAliases: [{ip: 192.0.2.9, hostnames: [a.example, b.example]}]"
    found = environment(spec)
    assert (found.user, found.system_hostname) == ("1000", "h")
    assert "192.0.2.9\ta.example\tb.example\n" in (found.files["hosts"].text or "")
    assert environment(spec, "    securityContext: {runAsUser: 7}").user == "7"


MOUNTED = "---\nkind: ConfigMap\nmetadata: {name: etc}\ndata:\n  nsswitch.conf: 'hosts: mdns4 files'\n  other: x\n"


@pytest.mark.parametrize(
    ("volume", "mount", "text"),
    [
        ("configMap: {name: etc}", "mountPath: /etc/nsswitch.conf, subPath: nsswitch.conf", "hosts: mdns4 files"),
        ("configMap: {name: etc}", "mountPath: /etc", "hosts: mdns4 files"),
        ("configMap: {name: etc, items: [{key: other, path: nsswitch.conf}]}", "mountPath: /etc/nsswitch.conf, subPath: nsswitch.conf", "x"),
    ],
)  # fmt: skip
def test_mounted_config_maps(volume: str, mount: str, text: str) -> None:
    found = environment(
        f"  volumes: [{{name: v, {volume}}}]", f"    volumeMounts: [{{name: v, {mount}}}]", also=MOUNTED
    )
    assert found.files["nsswitch.conf"].text == text
    assert found.files["resolv.conf"].text, "kubelet's own file lies over a mount on /etc"


@pytest.mark.parametrize(
    ("volume", "told"),
    [
        ("configMap: {name: elsewhere}", "the ConfigMap 'elsewhere'"),
        ("hostPath: {path: /etc/nsswitch.conf}", "not known from the manifests"),
        ("secret: {secretName: s}", "not known from the manifests"),
    ],
)
def test_what_is_mounted_from_elsewhere_is_unknown(volume: str, told: str) -> None:
    mount = "    volumeMounts: [{name: v, mountPath: /etc/nsswitch.conf, subPath: nsswitch.conf}]"
    assert told in environment(f"  volumes: [{{name: v, {volume}}}]", mount).unknown_files["nsswitch.conf"]
    assert "not among the pod's volumes" in environment("", mount).unknown_files["nsswitch.conf"]


@pytest.mark.parametrize("volume", ["configMap: {name: etc}", "emptyDir: {}"])
@pytest.mark.parametrize("place", ["/etc/nsswitch.conf", "/etc"])
def test_what_an_expression_picks_of_a_volume_is_unknown(volume: str, place: str) -> None:
    mount = f"    volumeMounts: [{{name: v, mountPath: {place}, subPathExpr: $(POD_NAME)}}]"
    found = environment(f"  volumes: [{{name: v, {volume}}}]", mount, also=MOUNTED)
    assert "subPathExpr" in found.unknown_files["nsswitch.conf"] and "nsswitch.conf" not in found.files


def test_an_empty_directory_over_etc_hides_the_images_files() -> None:
    found = environment("  volumes: [{name: v, emptyDir: {}}]", "    volumeMounts: [{name: v, mountPath: /etc}]")
    assert found.files["nsswitch.conf"].text is None


@pytest.mark.parametrize(
    "text",
    [
        "kind: Pod\nspec: {containers: [a]}", "kind: Pod\nspec: {containers: {a: b}}", "[1, 2]", "kind: [a]",
        pod(container="    env: [A=b]"), pod(container="    env: [{value: x}]"), pod("  dnsConfig: [a]"),
        "kind: List\nitems: [{kind: List, items: [{kind: List, items: [{kind: List, items: []}]}]}]",
    ],
)  # fmt: skip
def test_what_no_cluster_would_take_is_told_with_its_place(text: str) -> None:
    found = load(f"{pod()}---\n{text}")
    assert found[0].environments
    (odd,) = [workload for workload in found if not workload.environments]
    assert odd.where.startswith("m.yaml:")
    assert len(odd.problems) == 1 and "\n" not in odd.problems[0]


ODD_ITEMS = """null
---
# Source: chart/templates/nothing.yaml
---
kind: List
items:
- null
- kind: Pod
  metadata: {name: listed}
  spec: {containers: [{name: c, image: i}]}
---
kind: Pod
metadata: {name: odd}
spec:
  containers:
  - null
  - {name: fine, image: i, env: }
  - {name: image, image: [a]}
---
kind: Pod
metadata: {name: twice, name: twice}
spec: {containers: [{name: c, image: i}]}
---
kind: Pod
metadata: {name: 'not closed}
spec: {containers: [{name: c, image: i}]}
---
kind: Pod
metadata: {name: waived, annotations: {rollout-inspector/waive: '{'}}
spec: {containers: [{name: c, image: i}]}
---
"""


def test_what_is_odd_in_one_object_is_a_problem_of_that_object() -> None:
    """Charts write empty documents and nulls; and one object that is no YAML leaves the others to be judged."""
    found = load(ODD_ITEMS + pod(), *HOSTS)
    assert {w.name for w in found if w.environments} == {
        f"k8s:Pod/{name}" for name in ("listed/c", "odd/fine", "waived/c", "p/c")
    }
    told = [(w.name, w.where, w.problems[0]) for w in found if not w.environments]
    assert told == [
        ("k8s:Pod/odd/containers[0]", "m.yaml:16", "containers must be a mapping"),
        ("k8s:Pod/odd/image", "m.yaml:18", "image must be a single value"),
        ("k8s:item", "m.yaml:7", "this item must be a mapping"),
        ("k8s:document", "m.yaml:21", "duplicate key 'name' (also on line 21)"),
        ("k8s:document", told[4][1], told[4][2]),
    ]
    assert told[4][1] in {"m.yaml:25", "m.yaml:27"} and told[4][2].startswith("not YAML: ")
    (waived,) = [w for w in found if w.name == "k8s:Pod/waived/c"]
    assert "rollout-inspector/waive at m.yaml:29" in waived.problems[0]
    assert [w.where for w in found if w.name == "k8s:Pod/p/c"] == ["m.yaml:38"]


def test_one_odd_object_leaves_the_findings_and_the_exit_code_of_the_others(tmp_path: Path) -> None:
    crashes = pod("  dnsConfig: {options: [{name: edns0}]}").replace("image: i", "image: hyperledger/fabric-peer:1.4.3")
    for text, code in ((ODD_ITEMS, 4), (ODD_ITEMS + crashes, 1)):
        done = parts.inspector("k8s", "-", "--offline", "--no-cache", input=text)
        assert done.returncode == code, done.stderr
        assert "incomplete: duplicate key 'name'" in done.stdout
    (tmp_path / "m.yaml").write_text(ODD_ITEMS + crashes)
    done = parts.inspector("fix", "m.yaml", "--write", "--offline", "--no-cache", cwd=tmp_path)
    assert (tmp_path / "m.yaml").read_text() == ODD_ITEMS + crashes.replace(
        "fabric-peer:1.4.3\n", "fabric-peer:1.4.3\n    env:\n    - name: GODEBUG\n      value: netdns=go\n"
    ), done.stderr
    assert done.returncode == 1, "its os/user look-ups are left"
    assert "duplicate key 'name'" in done.stderr
    safe = crashes.replace("1.4.3", "2.5.3")
    assert parts.inspector("fix", "-", "--offline", "--no-cache", input=ODD_ITEMS + safe).returncode == 4


def test_a_text_that_is_no_yaml_at_all_is_refused_in_one_line() -> None:
    for text in ("a: [", "---\n{\n" * 1000, "kind: Pod\nkind: Pod"):
        with pytest.raises(TargetDamaged, match=r"m\.yaml") as caught:
            load(text)
        assert "\n" not in str(caught.value)


def test_hosts_by_name_and_by_file(tmp_path: Path) -> None:
    assert host_named("alibaba") is ALIBABA
    with pytest.raises(InspectorError, match="no host"):
        host_named("alibab")
    stub = host_of("nameserver 127.0.0.53\noptions edns0\n", "h")
    assert resolv_conf("  dnsPolicy: Default", stub) == "nameserver 192.0.2.53\n"
    assert isinstance(load_manifests(["m"], {"m": pod()}).pods[0].spec, Mapping)


JOB_SET = """kind: JobSet
metadata: {name: js, namespace: batch}
spec:
  replicatedJobs:
  - name: w
    template: {spec: {template: {spec: {dnsPolicy: Default, containers: [{name: c, image: i}]}}}}
  - name: x
    template:
      spec: {template: {spec: {initContainers: [{name: d, image: j}], containers: [{name: e, image: k}]}}}
"""


def test_pods_inside_of_kinds_that_are_not_known_are_judged() -> None:
    found = load(JOB_SET, PLAIN)
    assert [(workload.name, workload.where, workload.image) for workload in found] == [
        ("k8s:batch/JobSet/js/replicatedJobs[0]/c", "m.yaml:6", "i"),
        ("k8s:batch/JobSet/js/replicatedJobs[1]/e", "m.yaml:9", "k"),
        ("k8s:batch/JobSet/js/replicatedJobs[1]/d", "m.yaml:9", "j"),
    ]
    assert "the node's resolv.conf" in found[0].environments[0].title


@pytest.mark.parametrize(
    "text",
    [
        "kind: X\nspec: {containers: [{name: c, image: i}], more: {containers: [{image: j}]}}",
        "kind: X\nspec: {ephemeralContainers: [{name: c, image: i}]}\nother: [[{containers: [{image: j}]}]]",
        "spec: {containers: [{image: i}]}\nmore: &m {containers: [{image: j}]}\nagain: *m",
    ],
)
def test_no_container_with_an_image_goes_unmentioned(text: str) -> None:
    assert sorted(workload.image or "" for workload in load(text)) == ["i", "j"]


def test_what_is_called_containers_and_has_no_image_is_none() -> None:
    schema = "kind: X\nspec: {x: {properties: {containers: {type: array}, y: {containers: [a, {name: b}]}}}}\n"
    assert [workload.name for workload in load(f"{schema}---\n{pod()}")] == ["k8s:Pod/p/c"]


def test_a_policy_that_there_is_not_is_told() -> None:
    (found,) = load(pod("  dnsPolicy: Defualt"))
    assert not found.environments
    assert "dnsPolicy 'Defualt'" in found.problems[0] and found.where.startswith("m.yaml:")
