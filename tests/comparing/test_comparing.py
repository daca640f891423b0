"""Two places compared through the installed command: files as they are, snapshots, Compose files."""

import json
import subprocess
import tarfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import parts
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.comparing import compare, place_of_file
from inspector.facts import ContextFile
from inspector.reports import comparison_schema, snapshot_schema

RESOLV, NSSWITCH, COMPOSE = "samples/resolv.conf", "samples/nsswitch", "samples/compose"


def run(*arguments: str, code: int | None = None, **settings: Any) -> subprocess.CompletedProcess[str]:
    done = parts.inspector("compare", *arguments, **settings)
    assert "Traceback" not in done.stderr
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def document(*arguments: str, code: int | None = None) -> dict[str, Any]:
    found = json.loads(run(*arguments, "-f", "json", code=code).stdout)
    jsonschema.validate(found, comparison_schema())
    return found


def spans(found: dict[str, Any]) -> list[tuple[int, int, str, str]]:
    return [(shift["since"], shift["until"], shift["a"], shift["b"]) for shift in found["shifts"]]


def options(found: dict[str, Any]) -> dict[str, tuple[str | None, str | None, str]]:
    return {item["a"] or item["b"]: (item["a"], item["b"], item["read"]) for item in found["differences"]
            if item["what"] == "resolv.conf options"}  # fmt: skip


@pytest.mark.parametrize("name", ["comparison", "snapshot"])
def test_the_schemas_are_what_the_types_say(name: str) -> None:
    shipped = json.loads(files("inspector.reports").joinpath(f"{name}.schema.json").read_text())
    assert shipped == {"comparison": comparison_schema, "snapshot": snapshot_schema}[name](), "run: make schema"


def test_options_that_releases_learnt() -> None:
    """edns0 and trust-ad: known from Go 1.20 on (net/dnsconfig_unix.go)."""
    found = document(f"{RESOLV}/plain.conf", f"{RESOLV}/ubuntu.conf", code=1)
    assert spans(found) == [(5, 19, "go (files,dns)", "cgo")]
    told = options(found)
    assert told["edns0"][:2] == (None, "edns0")
    assert "before 1.20" in told["edns0"][2]


def test_the_seed_case() -> None:
    """single-request-reopen: known from Go 1.13 on (golang/go#29644); rotate, timeout and attempts always."""
    found = document(f"{RESOLV}/plain.conf", f"{RESOLV}/alibaba.conf", code=1)
    assert spans(found) == [(5, 12, "go (files,dns)", "cgo")]
    told = options(found)
    assert "before 1.13" in told["single-request-reopen"][2]
    assert told["rotate"][2].startswith("every Go release knows it")


def test_an_option_that_no_release_knows() -> None:
    found = document(f"{RESOLV}/no-aaaa.conf", f"{RESOLV}/plain.conf", code=1)
    assert spans(found) == [(5, 27, "cgo", "go (files,dns)")]
    assert "no Go release" in options(found)["no-aaaa"][2]


def test_what_decides_nothing(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_text("nameserver 192.0.2.53\n")
    other.write_text("# another resolver\nnameserver 192.0.2.54\nsearch example.com\n")
    found = document(str(one), str(other), code=0)
    assert [item["what"] for item in found["differences"]] == ["resolv.conf nameserver", "resolv.conf search"]
    assert all("does not decide" in item["read"] for item in found["differences"])
    assert not document(str(one), str(one), code=0)["differences"]


def test_nsswitch_is_known_by_its_content(tmp_path: Path) -> None:
    renamed = tmp_path / "switch"
    renamed.write_text((parts.ROOT / NSSWITCH / "desktop.conf").read_text())
    found = document(f"{NSSWITCH}/plain.conf", str(renamed))
    hosts = next(item for item in found["differences"] if item["what"] == "nsswitch.conf hosts")
    assert hosts["read"].startswith("Go")
    assert {item["what"] for item in found["differences"]} <= {
        f"nsswitch.conf {name}" for name in ("passwd", "group", "hosts", "services", "shadow", "gshadow", "networks",
                                             "protocols", "ethers", "rpc", "netgroup")}  # fmt: skip


def test_a_binary_flips_and_another_does_not(tmp_path: Path) -> None:
    images = [f"samples/images/peer-{name}" for name in ("static-glibc.tar.gz", "netgo.tar")]
    found = document(f"{RESOLV}/plain.conf", f"{RESOLV}/ubuntu.conf", *images, "--no-cache", code=1)
    (flip,) = found["binaries"]
    assert (flip["reference"], flip["a"], flip["b"]) == (images[0], "latent", "crash")
    assert found["unmoved"] == 1
    facts = tmp_path / "facts.json"
    facts.write_text(parts.inspector("facts", *images, "--no-cache").stdout)
    again = document(f"{RESOLV}/plain.conf", f"{RESOLV}/ubuntu.conf", str(facts), code=1)
    assert (again["binaries"], again["unmoved"]) == (found["binaries"], found["unmoved"])


def test_what_a_file_does_not_tell_is_the_image_s_own(tmp_path: Path) -> None:
    with tarfile.open(parts.PEER) as archive:
        for layer in json.load(archive.extractfile("manifest.json"))[0]["Layers"]:  # type: ignore[arg-type]
            with tarfile.open(fileobj=archive.extractfile(layer)) as inner:
                parts.extract(inner, tmp_path)
    (tmp_path / "etc/nsswitch.conf").write_text("hosts: files resolve dns\n")  # cgo, whatever resolv.conf says
    found = document(f"{RESOLV}/plain.conf", f"{RESOLV}/ubuntu.conf", f"dir:{tmp_path}", "--no-cache", code=1)
    assert (found["binaries"], found["unmoved"]) == ([], 1)


def test_an_mdns_source_is_decided_without_mdns_allow() -> None:
    arguments = (f"{NSSWITCH}/plain.conf", f"{NSSWITCH}/desktop.conf")
    assert spans(document(*arguments, code=0)) == []
    found = document(*arguments, "--name", "printer.local", code=1)
    assert spans(found) == [(23, 27, "go (files,dns)", "cgo")]
    assert "mdns.allow: (no file)" in found["assumed"]


def test_compose_files_by_their_own_images() -> None:
    image = f"samples/peer-static-glibc:1={parts.PEER}"
    one, other = f"{COMPOSE}/peer.yaml", f"{COMPOSE}/peer-cured.yaml"
    found = document(one, other, "--image", image, "--no-cache", code=1)
    assert [(item["what"], item["a"], item["b"]) for item in found["differences"]] == [
        ("env GODEBUG", None, "netdns=go")
    ]
    (flip,) = found["binaries"]
    assert (flip["service"], flip["a"], flip["b"]) == ("compose:peer0.org1.example.com", "crash", "latent")
    plain = document(one, other, "--image", image, "--host", "plain", "--no-cache", code=0)
    assert not plain["shifts"], "on a host without options nobody decides otherwise"


def test_compose_files_with_another_image_service_and_secret(tmp_path: Path) -> None:
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    service = "    image: samples/peer:{0}\n    environment: {{ADMIN_PASSWORD: secret{0}}}\n"
    one.write_text("services:\n  peer:\n" + service.format(1))
    other.write_text("services:\n  peer:\n" + service.format(2) + "  cli:\n    image: samples/peer:2\n")
    images = [f"--image=samples/peer:{n}=samples/images/peer-{name}" for n, name in
              ((1, "static-glibc.tar.gz"), (2, "netgo.tar"))]  # fmt: skip
    done = run(str(one), str(other), *images, "--no-cache", "-f", "json", code=1)
    found = json.loads(done.stdout)
    assert {(item["service"], item["what"]) for item in found["differences"]} == {
        ("compose:peer", "image"),
        ("compose:cli", "service"),
    }
    assert [(flip["a"], flip["b"]) for flip in found["binaries"]] == [("crash", "safe")]
    assert "secret" not in done.stdout


POD = """kind: Pod
metadata: {name: peer}
spec:
  dnsPolicy: POLICY
  containers:
  - {name: peer, image: samples/peer:1}
---
kind: Pod
metadata: {name: other}
spec: {containers: [{name: c, image: samples/peer:1}]}
"""
OPTION = "ClusterFirst\n  dnsConfig: {options: [{name: edns0}]}"


def test_kubernetes_manifests_container_by_container(tmp_path: Path) -> None:
    for name, policy in (("plain", "ClusterFirst"), ("option", OPTION), ("node", "Default")):
        (tmp_path / f"{name}.yaml").write_text(POD.replace("POLICY", policy))
    one, other, node = (str(tmp_path / f"{name}.yaml") for name in ("plain", "option", "node"))
    flags = (f"--image=samples/peer:1={parts.PEER}", "--no-cache", "--name", "orderer.example.com")
    found = document(one, other, *flags, code=1)
    assert [(d["service"], d["what"], d["a"], d["b"]) for d in found["differences"]] == [
        ("k8s:Pod/peer/peer", "resolv.conf options", None, "edns0")
    ]
    assert spans(found) == [(5, 19, "go (files,dns)", "cgo")]
    assert [(f["service"], f["a"], f["b"]) for f in found["binaries"]] == [("k8s:Pod/peer/peer", "latent", "crash")]
    assert found["unmoved"] == 1
    # One of the two takes the node's file, which differs from host to host; the other is the same on each.
    found = document(one, node, *flags, code=1)
    (shift,) = found["shifts"]
    assert (shift["since"], shift["until"], shift["on"]) == (5, 12, "the node's resolv.conf, an Alibaba Cloud ECS host")
    done = run(one, "-", *flags, input=Path(other).read_text(), code=1)
    assert "k8s:Pod/peer/peer" in done.stdout


def test_what_of_a_manifest_cannot_be_understood_is_not_compared_and_told(tmp_path: Path) -> None:
    fine, odd = tmp_path / "fine.json", tmp_path / "odd.json"
    pods = [
        {"kind": "Pod", "metadata": {"name": n}, "spec": {"containers": [{"name": "c", "image": "i"}]}} for n in "ab"
    ]
    fine.write_text(json.dumps({"kind": "List", "items": pods}))
    odd.write_text(json.dumps({"kind": "List", "items": [pods[0], None]}))
    done = run(str(fine), str(odd), "samples/images/peer-netgo.tar", "--no-cache", code=4)
    assert "k8s:item" in done.stderr and "k8s:Pod/b/c: service" in done.stdout


def test_manifests_of_two_kinds_are_not_compared(tmp_path: Path) -> None:
    done = run(f"{COMPOSE}/peer.yaml", "samples/kubernetes/peer.yaml", code=2)
    assert "both or neither" in done.stderr


def test_the_engines_version_and_its_daemon_decide_what_compose_files_see(tmp_path: Path) -> None:
    host = tmp_path / "resolv.conf"
    host.write_text("nameserver 192.0.2.1\noptions edns0\noptions timeout:2\n")
    for name, settings in (("user", ""), ("host", ", network_mode: host"), ("given", ", dns_opt: [rotate]")):
        (tmp_path / f"{name}.yaml").write_text(f"services: {{a: {{image: i{settings}}}}}\n")
    user, on_host, given = (str(tmp_path / f"{name}.yaml") for name in ("user", "host", "given"))
    flags = ("samples/images/peer-netgo.tar", "--no-cache", "--host-resolv-conf", str(host))

    def options(*arguments: str) -> set[tuple[str | None, str | None]]:
        found = document(*arguments, *flags)["differences"]
        return {(each["a"], each["b"]) for each in found if each["what"] == "resolv.conf options"}

    assert options(user, on_host, "--engine", "25") == {("ndots:0", None), (None, "edns0")}, "the last line counts"
    assert options(user, on_host, "--engine", "26") == {("ndots:0", None)}, "all lines do"
    daemon = tmp_path / "daemon.json"
    daemon.write_text(json.dumps({"dns-opts": ["use-vc"], "log-driver": "journald"}))
    assert options(user, given, "--daemon-json", str(daemon)) == {("use-vc", None), (None, "rotate")}
    for text in ("[]", "{", '{"dns": 1}', '{"dns": ["x"]}'):
        daemon.write_text(text)
        done = run(user, given, *flags, "--daemon-json", str(daemon), code=2)
        assert done.stderr.count("\n") == 1


def test_an_image_that_cannot_be_had_is_told() -> None:
    one, other = f"{COMPOSE}/peer.yaml", f"{COMPOSE}/peer-cured.yaml"
    done = run(one, other, "--host", "plain", "--offline", "--no-cache", code=4, env=parts.environment())
    assert "samples/peer-static-glibc:1" in done.stderr
    assert "Verdict: not everything could be compared." in done.stdout


def test_snapshots_of_roots_that_differ(tmp_path: Path) -> None:
    """What this host gives, and the same with another resolv.conf."""
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, conf in zip(paths, ("plain", "ubuntu"), strict=True):
        done = parts.inspector("snapshot", "--host-resolv-conf", f"{RESOLV}/{conf}.conf", "-o", str(path))
        assert done.returncode == 0, done.stderr
        jsonschema.validate(json.loads(path.read_text()), snapshot_schema())
    found = document(*map(str, paths))
    assert {item["what"] for item in found["differences"]} >= {"resolv.conf options"}
    assert (5, 19) in [(since, until) for since, until, *_ in spans(found)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("samples/compose/peer.yaml", "samples/resolv.conf/plain.conf"), "both or neither"),
        (("/nowhere/resolv.conf", "host"), "cannot read /nowhere/resolv.conf"),
        (("no-such-preset", "host"), "no-such-preset"),
        (("README.json", "host"), "README.json"),
        (("samples/compose/absent.yaml", "samples/compose/peer.yaml"), "absent.yaml"),
    ],
)
def test_bad_words_are_one_line(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert done.returncode in {2, 3, 4}
    assert says in done.stderr.strip().split("\n")[-1]
    assert not done.stdout


words = st.text(alphabet=" \n\t:;#[]=!abcdefhnoprstv0.-é\0", max_size=120)


@given(words, words, st.sampled_from(["resolv.conf", "nsswitch.conf"]))
def test_any_two_files_compare(a: str, b: str, name: str) -> None:
    """Nothing raises; alike is alike; turning the two round turns what is found round."""
    one, other = (place_of_file(f"{side}/{name}", ContextFile(text=text)) for side, text in (("a", a), ("b", b)))
    there, back = compare(one, other), compare(other, one)
    assert [(s.since, s.until, s.a, s.b) for s in there.shifts] == [(s.since, s.until, s.b, s.a) for s in back.shifts]
    assert {(d.what, d.a, d.b) for d in there.differences} == {(d.what, d.b, d.a) for d in back.differences}
    same = compare(one, one)
    assert not same.shifts
    assert not same.differences


def test_a_file_that_is_neither_is_usage(tmp_path: Path) -> None:
    text = tmp_path / "hosts.txt"
    text.write_text("127.0.0.1 localhost\n")
    done = run(str(text), f"{RESOLV}/plain.conf", code=2)
    assert "neither a resolv.conf nor an nsswitch.conf" in done.stderr
    named = tmp_path / "resolv.conf"
    named.write_text("127.0.0.1 localhost\n")
    run(str(named), f"{RESOLV}/plain.conf", code=1)
