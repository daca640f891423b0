"""``inspector compose``, ``k8s`` and ``fix`` through the installed command, on the samples."""

import gzip
import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import parts
import pytest

COMPOSE = parts.ROOT / "samples/compose"
NETWORK = (str(COMPOSE / "network.yaml"), str(COMPOSE / "network-engine.yaml"))
FABLO = str(COMPOSE / "fablo/docker-compose.yaml")
PEER_YAML = parts.ROOT / "samples/kubernetes/peer.yaml"


def report(*arguments: str, code: int = 1, **settings: Any) -> dict[str, Any]:
    done = parts.inspector(*arguments, "--offline", "--no-cache", "--format", "json", **settings)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def dns_levels(document: dict[str, Any]) -> dict[str, str]:
    """Return workload → level of its first binary's host look-up."""
    return {
        environment["name"]: next(v["level"] for v in environment["verdicts"] if v["call"] == "host")
        for target in document["targets"]
        for environment in target["environments"]
    }


def test_a_network_of_the_usual_shape() -> None:
    document = report("compose", *NETWORK, "--profile", "tools")
    assert dns_levels(document) == {
        "compose:orderer.example.com": "crash",
        "compose:peer0.org1.example.com": "crash",
        "compose:peer0.org2.example.com": "crash",
        "compose:peer0.org3.example.com": "safe",
        "compose:cli": "crash",
    }
    verdicts = [v for t in document["targets"] for e in t["environments"] for v in e["verdicts"]]
    assert {v["confidence"] for v in verdicts} == {"inferred"}
    assert all("not read" in target["inferred"] for target in document["targets"])
    peers = next(t for t in document["targets"] if t["reference"].endswith("fabric-peer:1.4.3"))
    assert [e["where"] for e in peers["environments"]] == [f"{NETWORK[0]}:27", f"{NETWORK[0]}:42"]
    assert any(
        "single-request-reopen" in r["text"] or "edns0" in r["text"]
        for r in peers["environments"][0]["verdicts"][0]["reasons"]
    )


def test_a_generated_network_has_godebug_on_the_peers_alone() -> None:
    assert dns_levels(report("compose", FABLO)) == {
        "compose:ca.org1.example.com": "crash",
        "compose:orderer0.group1.example.com": "crash",
        "compose:peer0.org1.example.com": "latent",
    }


TEST_NETWORK = str(COMPOSE / "test-network/compose.yaml")


def test_a_network_in_parts() -> None:
    latest = [
        f"--image=hyperledger/fabric-{part}:latest=hyperledger/fabric-{part}:2.5.3"
        for part in ("orderer", "peer", "tools")
    ]
    levels = {
        "compose:orderer.example.com": "safe",
        "compose:peer0.org1.example.com": "safe",
        "compose:peer0.org2.example.com": "crash",
        "compose:ca_org1": "crash",
    }
    document = report("compose", TEST_NETWORK, *latest)
    assert dns_levels(document) == levels
    authority = next(t for t in document["targets"] if "fabric-ca" in t["reference"])
    assert authority["reference"].endswith("hyperledger/fabric-ca:1.4.3")
    names = {v["name"] for v in authority["environments"][0]["verdicts"] if v["call"] == "host"}
    assert "db.org1.example.com" in names
    # No release is guessed: what is not known is not safe.
    document = report("compose", TEST_NETWORK, "--profile", "*")
    assert sorted(t["reference"] for t in document["targets"] if t["status"] == "failed") == [
        "hyperledger/fabric-orderer:latest",
        "hyperledger/fabric-peer:latest",
        "hyperledger/fabric-tools:latest",
    ]


@pytest.mark.needs("docker-registry", "skopeo")
def test_a_network_in_parts_by_images_of_a_registry(tmp_path: Path) -> None:
    names = {"orderer:latest": "peer-netgo.tar", "peer:latest": "peer-dynamic.tar.gz",
             "peer:1.4.3": "peer-static-glibc.tar.gz", "ca:1.4.3": "peer-musl.tar"}  # fmt: skip
    with parts.registry(tmp_path) as registry:
        images = []
        for name, file in names.items():
            archive = tmp_path / "image.tar"
            content = (parts.ROOT / "samples/images" / file).read_bytes()
            archive.write_bytes(gzip.decompress(content) if file.endswith(".gz") else content)
            with tarfile.open(archive) as inside:
                scheme = "docker-archive" if "manifest.json" in inside.getnames() else "oci-archive"
            registry.push(f"{scheme}:{archive}", f"fabric-{name}")
            images.append(f"--image=hyperledger/fabric-{name}={registry.host}/fabric-{name}")
        done = parts.inspector("compose", TEST_NETWORK, *images, "--from", "registry", "--no-cache", "-f", "json")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert dns_levels(document) == {
        "compose:orderer.example.com": "safe",
        "compose:peer0.org1.example.com": "safe",
        "compose:peer0.org2.example.com": "crash",
        "compose:ca_org1": "safe",
    }
    assert {t["status"] for t in document["targets"]} == {"analysed"} and not any(
        t["inferred"] for t in document["targets"]
    )


@pytest.mark.needs("docker-registry", "skopeo")
def test_offline_an_image_by_its_digest_comes_from_the_store(tmp_path: Path) -> None:
    """A tag may have moved since it was scanned; what a digest names has not."""
    cache = ("--cache-dir", str(tmp_path / "cache"))
    with parts.registry(tmp_path) as registry:
        registry.push(f"docker-archive:{parts.plain_archive(tmp_path)}", "samples/peer:1")
        name = f"{registry.host}/samples/peer"
        digest = json.loads(parts.inspector("facts", *cache, f"{name}:1").stdout)["targets"][0]["digest"]
    (tmp_path / "compose.yaml").write_text(f"services: {{peer: {{image: '{name}@{digest}'}}}}\n")
    (tmp_path / "pod.yaml").write_text(
        "kind: Pod\nmetadata: {name: p}\nspec: {dnsConfig: {options: [{name: edns0}]}, containers: "
        f"[{{name: c, image: '{name}@{digest}'}}, {{name: tagged, image: '{name}:1'}}]}}\n"
    )
    for arguments in (("compose", "compose.yaml", "--host", "ubuntu"), ("k8s", "pod.yaml")):
        done = parts.inspector(*arguments, *cache, "--offline", "-f", "json", cwd=tmp_path)
        assert done.returncode == 1, done.stderr
        known, *tagged = json.loads(done.stdout)["targets"]
        assert (known["status"], known["digest"], known["inferred"]) == ("analysed", digest, None)
        assert {v["level"] for v in known["environments"][0]["verdicts"] if v["call"] == "host"} == {"crash"}
        assert all(t["status"] == "failed" and "not asked" in t["problems"][0]["message"] for t in tagged)


def test_a_host_chosen_or_given_decides(tmp_path: Path) -> None:
    assert set(dns_levels(report("compose", FABLO, "--host", "plain", code=1)).values()) == {"latent"}
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\noptions single-request-reopen\n")
    found = dns_levels(report("compose", FABLO, "--host-resolv-conf", str(tmp_path / "resolv.conf")))
    assert found["compose:orderer0.group1.example.com"] == "crash"


def test_manifests_through_a_pipe() -> None:
    document = report("k8s", "-", input=PEER_YAML.read_text())
    assert dns_levels(document) == {
        "k8s:StatefulSet/peer0/peer": "crash",
        "k8s:StatefulSet/peer0/enroll": "crash",
        "k8s:StatefulSet/peer0/newer": "safe",
        "k8s:CronJob/backup/tools": "crash",
    }
    targets = {e["name"]: e["where"] for t in document["targets"] for e in t["environments"]}
    assert targets["k8s:StatefulSet/peer0/peer"] == "standard input:36"


def test_images_are_read_where_they_are() -> None:
    name = "inspector-samples/peer-static-glibc-crashes"
    mine = COMPOSE / "peer.yaml"
    image = next(line.split("image:")[1].strip() for line in mine.read_text().splitlines() if "image:" in line)
    document = report("compose", str(mine), "--image", f"{image}=docker-archive:{parts.PEER}")
    assert dns_levels(document) == {"compose:peer0.org1.example.com": "crash"}, name
    verdict = document["targets"][0]["environments"][0]["verdicts"][0]
    assert verdict["confidence"] == "observed"
    assert any("not on every host" in reason["text"] for reason in verdict["reasons"])
    cured = report(
        "compose", str(COMPOSE / "peer-cured.yaml"), "--image", f"{image}=docker-archive:{parts.PEER}", code=0
    )
    assert dns_levels(cured) == {"compose:peer0.org1.example.com": "latent"}


def test_an_image_of_a_manifest_is_never_a_path(tmp_path: Path) -> None:
    (tmp_path / "peer").mkdir()
    (tmp_path / "compose.yaml").write_text("services: {a: {image: peer}}\n")
    document = report("compose", "compose.yaml", code=3, cwd=tmp_path)
    assert document["targets"][0]["status"] == "failed"


def test_no_line_is_as_long_as_what_a_manifest_writes_for_an_image(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{image: {'9' * 100_000}}}}}\n")
    for verb in (("compose",), ("fix",), ("compare", "compose.yaml")):
        done = parts.inspector(*verb, "compose.yaml", "--offline", "--no-cache", cwd=tmp_path)
        assert len(done.stdout + done.stderr) < 5000


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("hyperledger/fabric-peer:latest", "--offline"),
        ("'UPPER CASE'", "not an image name"),
        ("hyperledger/fabric-peer:9.9.9", "--offline"),
    ],
)
def test_an_image_that_cannot_be_had_is_not_safe(tmp_path: Path, image: str, told: str) -> None:
    (tmp_path / "compose.yaml").write_text(
        f"services: {{a: {{image: {image}}}, b: {{image: hyperledger/fabric-peer:2.5.3}}}}\n"
    )
    document = report("compose", str(tmp_path / "compose.yaml"), code=4)
    failed = [target for target in document["targets"] if target["status"] == "failed"]
    assert len(failed) == 1
    assert told in failed[0]["problems"][0]["message"]


def test_what_an_engine_makes_of_a_hosts_file_is_an_environment(tmp_path: Path) -> None:
    """Up to 25 the last line of options counts, from 26 on all of them do."""
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\noptions edns0\noptions timeout:2\n")
    host = ("--host-resolv-conf", str(tmp_path / "resolv.conf"), "-e", "docker-network")
    for engine, level, code in (("25", "latent", 0), ("26", "crash", 1)):
        document = report("scan", str(parts.PEER), *host, "--engine", engine, code=code)
        assert dns_levels(document) == {"docker-network": level}


def test_what_is_wrong_with_the_flags_is_usage(tmp_path: Path) -> None:
    for flags in (("--host", "nowhere"), ("--image", "x"), ("--call", "nothing"), ("--host-resolv-conf", "/none")):
        done = parts.inspector("compose", FABLO, *flags)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_variables_that_are_not_set_are_told() -> None:
    done = parts.inspector("compose", FABLO, "--offline", "--env-file", os.devnull)
    assert done.returncode == 2  # /dev/null is no regular file
    done = parts.inspector("compose", FABLO, "--offline", "--env-file", str(COMPOSE / "network-engine.yaml"))
    assert done.returncode == 4


# ── fix ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def fix(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return parts.inspector("fix", *arguments, "--offline", "--no-cache", **settings)


def test_fix_shows_a_diff_that_patch_takes_and_writes_nothing(tmp_path: Path) -> None:
    text = PEER_YAML.read_text()
    (tmp_path / "peer.yaml").write_text(text)
    done = fix("peer.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "peer.yaml").read_text() == text
    patched = subprocess.run(["git", "apply", "-"], input=done.stdout, cwd=tmp_path, text=True, capture_output=True)
    assert patched.returncode == 0, patched.stderr
    assert (tmp_path / "peer.yaml").read_text().count("netdns=go") == 3


def test_fix_writes_once_and_keeps_mode_and_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text((COMPOSE / "fablo/docker-compose.yaml").read_text())
    real.chmod(0o640)
    link.symlink_to("real.yaml")
    (tmp_path / ".env").write_text((COMPOSE / "fablo/.env").read_text())
    assert fix(str(link), "--write").returncode == 1, "os/user still crashes, and that is told"
    written = real.read_text()
    assert written.count("GODEBUG=netdns=go") == 3
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert link.is_symlink()
    again = fix(str(link), "--write")
    assert real.read_text() == written
    assert "nothing to change" in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "link.yaml", "real.yaml"]


def test_what_fix_wrote_is_judged_better(tmp_path: Path) -> None:
    path = tmp_path / "network.yaml"
    path.write_text(Path(NETWORK[0]).read_text())
    fix(str(path), "--write")
    assert "crash" not in dns_levels(report("compose", str(path), "--profile", "*")).values()


def test_fix_says_where_godebug_cannot_help_and_what_of_chaincode() -> None:
    done = fix(*NETWORK)
    assert "GODEBUG cannot help /usr/local/bin/peer with the call uid (crash)" in done.stderr
    assert "chaincode.golang.dynamicLink: true" in done.stderr
    assert (
        "-      GODEBUG: http2client=0 # for a proxy in between\n+      GODEBUG: http2client=0,netdns=go # for a proxy in between"
        in done.stdout
    )


def test_fix_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: b\n")
    assert fix(str(tmp_path / "x.yaml")).returncode == 4
    assert fix("-", "--write", input="services: {}").returncode == 2
    assert fix(FABLO, str(PEER_YAML)).returncode == 2


def test_help_has_its_exit_codes_on_a_line_of_their_own() -> None:
    assert "\n  Exit codes: 0 nothing to do" in fix("--help").stdout


def test_fix_of_standard_input_shows_the_change() -> None:
    done = fix("-", input="services: {a: {image: hyperledger/fabric-orderer:1.4.3}}\n")
    assert done.returncode == 1
    assert "+services: {a: {image: hyperledger/fabric-orderer:1.4.3, environment: {GODEBUG: netdns=go}}}" in done.stdout


MARKED = (
    b"\xef\xbb\xbfservices:\r\n  p:\r\n    image: hyperledger/fabric-peer:1.4.3\t# why\r\n"
    b'    environment: # c\r\n      - "A=b\tc"\r\n'
)


def test_fix_keeps_byte_order_mark_tabs_and_line_ends_in_diff_and_file(tmp_path: Path) -> None:
    (tmp_path / "written.yaml").write_bytes(MARKED)
    (tmp_path / "patched.yaml").write_bytes(MARKED)
    fix("written.yaml", "--write", cwd=tmp_path)
    assert (tmp_path / "written.yaml").read_bytes() == MARKED + b"      - GODEBUG=netdns=go\r\n"
    shown = subprocess.run(
        [str(Path(sys.executable).parent / "inspector"), "fix", "patched.yaml", "--offline", "-q"],
        capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    subprocess.run(["git", "apply", "-"], input=shown.stdout, cwd=tmp_path, check=True)
    assert (tmp_path / "patched.yaml").read_bytes() == (tmp_path / "written.yaml").read_bytes()
    assert fix("written.yaml", "-q", cwd=tmp_path).stdout == ""


def test_fix_sees_the_project_that_compose_sees(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  p:\n    image: hyperledger/fabric-peer:${TAG:?}\n    env_file: peer.env\n"
    )
    (tmp_path / "release.env").write_text("TAG=1.4.3\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/peer.env").write_text("GODEBUG=http2debug=1\n")
    assert fix("compose.yaml", cwd=tmp_path).returncode == 2
    flags = ("--env-file", "release.env", "--project-directory", "project")
    assert "GODEBUG: http2debug=1,netdns=go" in fix("compose.yaml", *flags, cwd=tmp_path).stdout
    fix("compose.yaml", *flags, "--write", cwd=tmp_path)
    assert fix("compose.yaml", *flags, "-q", cwd=tmp_path).stdout == ""
    assert dns_levels(report("compose", "compose.yaml", *flags, cwd=tmp_path)) == {"compose:p": "latent"}


def test_fix_passes_over_files_without_documents(tmp_path: Path) -> None:
    for name in ("empty.yaml", "other.yaml"):
        (tmp_path / name).write_text("# Source: chart\n---\n")
    (tmp_path / "peer.yaml").write_text(PEER_YAML.read_text())
    assert "netdns=go" in fix("empty.yaml", "peer.yaml", cwd=tmp_path).stdout
    done = fix("empty.yaml", "other.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)


def test_a_manifest_of_which_no_image_can_be_had_says_why() -> None:
    """No digest, no network: a person is told, and not by the exit code alone."""
    done = parts.inspector("compose", str(COMPOSE / "peer.yaml"), "--offline", "--no-cache")
    assert done.returncode == 3
    assert "not analysed: docker.io: samples/peer-static-glibc:1: not asked, because of --offline" in done.stdout
