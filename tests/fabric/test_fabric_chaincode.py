"""The chaincode image that a peer would build, judged before it exists."""

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import parts
import pytest
import toolchains
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import UsageError
from inspector.fabric import CoreSettings, chaincode_target, image_named, read_core_yaml, with_peer_environment
from inspector.facts import BinaryFacts, GoBuild, ImageConfig, ImageLibc, Problem, RootFsFacts, Target

SAMPLES = parts.ROOT / "samples"
NO_AAAA = ("--resolv-conf", str(SAMPLES / "resolv.conf" / "no-aaaa.conf"))

CORE = """
chaincode:
  builder: $(DOCKER_NS)/fabric-ccenv:$(TWO_DIGIT_VERSION)
  golang:
    runtime: registry.example.com/our-baseos:7
    dynamicLink: {link}
vm:
  docker:
    hostConfig:
      NetworkMode: fabric_test
"""


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_core_yaml_says_how_chaincode_is_linked_and_on_what() -> None:
    settings = read_core_yaml(CORE.format(link="true"), "core.yaml")
    assert settings.dynamic_link
    assert settings.runtime == "registry.example.com/our-baseos:7"
    assert settings.network_mode == "fabric_test"


@pytest.mark.parametrize(
    ("text", "dynamic"),
    [
        ("", False),
        ("chaincode: {}", False),
        ("chaincode: {golang: {dynamicLink: false}}", False),
        ('chaincode: {golang: {dynamicLink: "true"}}', True),
        ("CHAINCODE: {Golang: {DYNAMICLINK: True}}", True),
        ("chaincode: {golang: {dynamicLink: 1}}", True),
        ("chaincode: {golang: [1, 2]}", False),
    ],
)
def test_settings_are_read_as_the_peer_reads_them(text: str, dynamic: bool) -> None:
    assert read_core_yaml(text, "core.yaml").dynamic_link is dynamic


@pytest.mark.parametrize(
    "text",
    [
        "chaincode: {golang: {dynamicLink: perhaps}}",
        "a: b: c",
        "- 1\n- 2\n",
        "[" * 5000,
        "a: " * 3,
        "x: " + "y" * (1024 * 1024),
        "chaincode: !!python/object/apply:os.system [echo]",
        "\x00",
    ],
)
def test_what_is_no_core_yaml_is_one_clear_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_core_yaml(text, "core.yaml")
    assert str(caught.value).startswith("core.yaml: ")
    assert "\n" not in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_usage_error(text: str) -> None:
    try:
        read_core_yaml(text, "core.yaml")
    except UsageError as error:
        assert "\n" not in str(error)


def test_aliases_do_not_multiply() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    assert not read_core_yaml("\n".join(lines), "core.yaml").dynamic_link


def test_the_peers_variable_outranks_core_yaml() -> None:
    settings = read_core_yaml(CORE.format(link="true"), "core.yaml")
    assert not with_peer_environment(settings, {"CORE_CHAINCODE_GOLANG_DYNAMICLINK": "false"}).dynamic_link
    with pytest.raises(UsageError):
        with_peer_environment(settings, {"CORE_CHAINCODE_GOLANG_DYNAMICLINK": "maybe"})


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def go_command(version: str) -> BinaryFacts:
    return BinaryFacts(
        path="/usr/local/go/bin/go",
        size=1,
        machine="x86-64",
        linkage="dynamic",
        stripped=False,
        go=GoBuild(version=version),
    )


def image(reference: str, libc: ImageLibc, *binaries: BinaryFacts) -> Target:
    return Target(
        reference=reference,
        platform="linux/amd64",
        config=ImageConfig(user="chaincode"),
        rootfs=RootFsFacts(libc=libc, nss=("dns", "files"), files={"nsswitch.conf": "hosts: files dns\n"}),
        binaries=binaries,
    )


FOCAL, JAMMY, MUSL = (
    ImageLibc(kind="glibc", version="2.31"),
    ImageLibc(kind="glibc", version="2.35"),
    ImageLibc(kind="musl"),
)


def test_go_and_libc_come_from_ccenv_and_the_root_from_baseos() -> None:
    ccenv = image("docker:hyperledger/fabric-ccenv:2.5.10", FOCAL, go_command("1.22.4"))
    baseos = image("docker:hyperledger/fabric-baseos:2.5.11", JAMMY)
    target = chaincode_target(ccenv, baseos, CoreSettings())
    (binary,) = target.binaries
    assert binary.go is not None and binary.go.version == "1.22.4"
    assert (binary.linkage, binary.libc.kind, binary.libc.version) == ("static", "glibc", "2.31")
    assert [exposure.kind for exposure in binary.exposures or ()] == ["dns"]
    assert target.rootfs == baseos.rootfs and target.config is not None and target.config.user == "chaincode"
    assert "hypothetical" in binary.found and any("does not exist yet" in note for note in target.notes)


def test_alpines_ccenv_gives_static_musl() -> None:
    target = chaincode_target(image("ccenv:2.2", MUSL, go_command("1.21.6")), image("baseos:2.2", MUSL), CoreSettings())
    assert target.binaries[0].libc.kind == "musl"


def test_chaincode_of_1_x_has_os_user_and_later_ones_where_it_is_said() -> None:
    old = image("docker:hyperledger/fabric-ccenv:amd64-1.4.12", FOCAL, go_command("1.14.12"))
    new = image("docker:hyperledger/fabric-ccenv:2.5.16", FOCAL, go_command("1.26.4"))
    kinds = [
        [
            exposure.kind
            for exposure in chaincode_target(ccenv, new, CoreSettings(), calls=calls).binaries[0].exposures or ()
        ]
        for ccenv, calls in ((old, ()), (new, ()), (new, ("current",)))
    ]
    assert kinds == [["dns", "user"], ["dns"], ["dns", "user"]]


def test_dynamic_chaincode_needs_what_its_builder_has() -> None:
    settings = CoreSettings(dynamic_link=True)
    (new,) = chaincode_target(image("c", JAMMY, go_command("1.23.5")), image("b", JAMMY), settings).binaries
    (old,) = chaincode_target(image("c", FOCAL, go_command("1.23.5")), image("b", FOCAL), settings).binaries
    assert (new.linkage, new.needs_glibc, new.interpreter) == ("dynamic", "2.34", "/lib64/ld-linux-x86-64.so.2")
    assert old.needs_glibc is None


@pytest.mark.parametrize(
    "ccenv",
    [
        image("ccenv", FOCAL),
        image("ccenv", ImageLibc(kind="none"), go_command("1.22.4")),
        image("ccenv", ImageLibc(), go_command("1.22.4")),
    ],
)
def test_a_builder_that_does_not_tell_gives_nothing_safe(ccenv: Target) -> None:
    target = chaincode_target(ccenv, image("baseos", FOCAL), CoreSettings())
    assert target.status == "incomplete"
    assert target.binaries[0].exposures is None


def test_damage_of_either_image_makes_the_answer_incomplete() -> None:
    from dataclasses import replace

    damaged = replace(image("baseos", FOCAL), status="incomplete", problems=(Problem(stage="layers", message="cut"),))
    target = chaincode_target(image("ccenv", FOCAL, go_command("1.22.4")), damaged, CoreSettings())
    assert target.status == "incomplete"
    assert any("cut" in problem.message for problem in target.problems)


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


def unpack(sample: str, root: Path, *, only_base: bool = False) -> Path:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress((SAMPLES / "images" / sample).read_bytes()))) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        for layer in manifest[0]["Layers"][: 1 if only_base else None]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as inner:
                parts.extract(inner, root)
    return root


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return builder's and runtime's roots of both glibcs, each builder with Go 1.27."""
    found: dict[str, str] = {}
    for age in ("old", "new"):
        directory = tmp_path_factory.mktemp(age)
        found[f"{age} baseos"] = f"dir:{unpack(f'chaincode-{age}-glibc.tar.gz', directory / 'baseos', only_base=True)}"
        ccenv = unpack(f"chaincode-{age}-glibc.tar.gz", directory / "ccenv", only_base=True)
        (ccenv / "usr/local/go/bin").mkdir(parents=True)
        shutil.copy(toolchains.go_root("1.27") / "bin/go", ccenv / "usr/local/go/bin/go")
        found[f"{age} ccenv"] = f"dir:{ccenv}"
    return found


def judge(images: dict[str, str], age: str, *flags: str) -> tuple[int, dict[str, Any]]:
    words = ["chaincode", "--ccenv", images[f"{age} ccenv"], "--baseos", images[f"{age} baseos"], "-f", "json", *flags]
    done = parts.inspector(*words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["targets"][0]


def verdict_of(target: dict[str, Any], call: str = "host") -> dict[str, Any]:
    return next(v for v in target["environments"][0]["verdicts"] if v["call"] == call)


def test_the_command_judges_what_does_not_exist_yet(images: dict[str, str]) -> None:
    status, target = judge(images, "old", *NO_AAAA)
    verdict = verdict_of(target)
    assert status == 1
    assert target["binaries"][0]["go"]["version"] == "1.27.3"
    assert (verdict["level"], verdict["outcome"], verdict["confidence"]) == ("crash", "dies", "inferred")
    assert verdict["name"] == "peer0.org1.example.com"
    texts = [remedy["text"] for remedy in verdict["remedies"]]
    assert any("GODEBUG=netdns=go" in text and "chaincode.golang.runtime" in text for text in texts)
    assert any("dynamicLink: true" in text for text in texts)
    assert not any("go build" in text for text in texts), "the peer builds it"


def test_the_remedy_dynamic_link_is_no_crash(images: dict[str, str], tmp_path: Path) -> None:
    core = tmp_path / "core.yaml"
    core.write_text(CORE.format(link="true"))
    status, target = judge(images, "old", *NO_AAAA, "--core-yaml", str(core))
    assert (status, verdict_of(target)["level"]) == (0, "safe")
    assert any("another chaincode.golang.runtime" in note for note in target["notes"])
    forced = ("--peer-env", "CORE_CHAINCODE_GOLANG_DYNAMICLINK=false", "--core-yaml", str(core))
    status, target = judge(images, "old", *NO_AAAA, *forced)
    assert (status, verdict_of(target)["level"]) == (1, "crash")


@pytest.mark.parametrize(("age", "go"), [("old", "1.21.13"), ("new", "1.27.3")])
@pytest.mark.parametrize("resolv_conf", ["plain.conf", "no-aaaa.conf", "docker-network-ubuntu.conf"])
def test_beforehand_and_afterwards_agree(images: dict[str, str], age: str, go: str, resolv_conf: str) -> None:
    """What is said of the image to be is what is said of the sample, which was built that way."""
    context = ("--resolv-conf", str(SAMPLES / "resolv.conf" / resolv_conf), "--name", "peer0.org1.example.com")
    _, target = judge(images, age, "--go", go, *context)
    done = parts.inspector("scan", f"samples/images/chaincode-{age}-glibc.tar.gz", "-f", "json", *context)
    real = json.loads(done.stdout)["targets"][0]
    for call in ("host", "port"):
        said, seen = verdict_of(target, call), verdict_of(real, call)
        same = ("level", "outcome", "likelihood", "rule", "decision", "order", "remedies")
        assert {key: said[key] for key in same} == {key: seen[key] for key in same}


@pytest.mark.parametrize(
    ("flags", "status", "told"),
    [
        (("--ccenv", "dir:/nowhere", "--baseos", "dir:/nowhere"), 3, "nowhere"),
        (("--ccenv", "dir:/etc"), 2, "--baseos"),
        (("--baseos", "dir:/etc"), 2, "chaincode.builder"),
        (("--baseos", "dir:/etc", "--peer-env", "CORE_CHAINCODE_BUILDER=a:$(TWO_DIGIT_VERSION)"), 2, "--fabric"),
        (("--baseos", "dir:/etc", "--peer-env", "CORE_CHAINCODE_BUILDER=a:$(BASE_VERSION)"), 2, "$(BASE_VERSION)"),
        (("--baseos", "dir:/etc", "--peer-env", "CORE_CHAINCODE_BUILDER=a", "--fabric", "2"), 2, "no version"),
        (("--ccenv", "dir:/etc", "--baseos", "dir:/etc", "--go", "x.y"), 2, "--go"),
        (("--ccenv", "dir:/etc", "--baseos", "dir:/etc", "--core-yaml", "/nowhere"), 2, "/nowhere"),
        (("--ccenv", "dir:/etc", "--baseos", "dir:/etc", "--peer-env", "X"), 2, "NAME=VALUE"),
        (("--ccenv", "dir:/etc", "--baseos", "dir:/etc", "--path", "/x"), 2, "--path"),
    ],
)
def test_errors_are_told_as_scan_tells_them(flags: tuple[str, ...], status: int, told: str) -> None:
    done = parts.inspector("chaincode", *flags)
    assert done.returncode == status, done.stderr
    assert told in done.stderr and "Traceback" not in done.stderr
    assert all(line.startswith("inspector: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$(DOCKER_NS)/fabric-ccenv:$(TWO_DIGIT_VERSION)", "hyperledger/fabric-ccenv:2.5"),
        ("$(DOCKER_NS)/fabric-ccenv:$(PROJECT_VERSION)", "hyperledger/fabric-ccenv:2.5.4"),
        ("r.example.com/$(DOCKER_NS)/fabric-baseos:$(ARCH)-$(PROJECT_VERSION)", "r.example.com/hyperledger/fabric-baseos:arm64-2.5.4"),
        ("our/ccenv:7", "our/ccenv:7"),
        ("$DOCKER_NS/x:$(lower)", "$DOCKER_NS/x:$(lower)"),
    ],
)  # fmt: skip
def test_names_of_images_are_expanded_as_the_peer_expands_them(template: str, expected: str) -> None:
    assert image_named(template, version="2.5.4", architecture="arm64") == expected
    assert image_named(template, version="v2.5.4", architecture="arm64") == expected


def test_core_yaml_names_the_images_and_a_flag_outranks_it(images: dict[str, str], tmp_path: Path) -> None:
    core = tmp_path / "core.yaml"
    core.write_text(f"chaincode:\n  builder: {images['old ccenv']}\n  golang:\n    runtime: {images['old baseos']}\n")
    done = parts.inspector("chaincode", "--core-yaml", str(core), "-f", "json", *NO_AAAA)
    _, given = judge(images, "old", *NO_AAAA, "--core-yaml", str(core))
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["targets"] == [given]
    other = parts.inspector(
        "chaincode", "--core-yaml", str(core), "--ccenv", images["new ccenv"], "-f", "json", *NO_AAAA
    )
    assert json.loads(other.stdout)["targets"][0]["binaries"][0]["libc"]["version"] == "2.36"


def test_chaincode_on_the_hosts_network_is_judged_on_every_host(images: dict[str, str], tmp_path: Path) -> None:
    core = tmp_path / "core.yaml"
    core.write_text("vm: {docker: {hostConfig: {NetworkMode: host}}}\n")
    _, target = judge(images, "old", "--core-yaml", str(core))
    assert [e["name"] for e in target["environments"]] == ["docker-host", "docker-host-ubuntu", "docker-host-alibaba"]
    _, named = judge(images, "old", "--core-yaml", str(core), "--environment", "docker-bridge")
    assert [e["name"] for e in named["environments"]] == ["docker-bridge"]
    core.write_text("vm: {docker: {hostConfig: {NetworkMode: fabric_test}}}\n")
    _, network = judge(images, "old", "--core-yaml", str(core))
    assert len(network["environments"]) > 3


def test_a_builder_without_go_is_unknown(images: dict[str, str]) -> None:
    done = parts.inspector("chaincode", "--ccenv", images["old baseos"], "--baseos", images["old baseos"])
    assert done.returncode == 4
    assert "no go command" in done.stdout


# ── the samples ──────────────────────────────────────────────────────────────────────────────────────────────────


def scan(sample: str, *flags: str) -> dict[str, Any]:
    done = parts.inspector("scan", f"samples/images/{sample}.tar.gz", "-f", "json", "--fail-on", "never", *flags)
    assert done.returncode == 0, done.stderr
    return verdict_of(json.loads(done.stdout)["targets"][0])


def resolv_conf(name: str) -> tuple[str, str]:
    return "--resolv-conf", str(SAMPLES / "resolv.conf" / name)


def test_the_old_samples_verdict_and_remedies() -> None:
    verdict = scan("chaincode-old-glibc", *resolv_conf("no-aaaa.conf"))
    assert (verdict["level"], verdict["outcome"], verdict["likelihood"]) == ("crash", "dies", "sooner-or-later")
    assert [remedy["kind"] for remedy in verdict["remedies"]] == ["env", "resolv-conf", "fabric", "fabric"]
    assert scan("chaincode-old-glibc", *resolv_conf("docker-network-ubuntu.conf"))["level"] == "latent"


def test_the_new_sample_lives_with_files_and_dns() -> None:
    verdict = scan("chaincode-new-glibc", *resolv_conf("no-aaaa.conf"))
    assert (verdict["level"], verdict["decision"]) in {("safe", "cgo"), ("latent", "cgo")}


@pytest.mark.needs("root", "unshare", "chroot")
@pytest.mark.parametrize(
    ("sample", "options", "godebug", "dies"),
    [
        ("chaincode-old-glibc", "no-aaaa", "", True),
        ("chaincode-old-glibc", "no-aaaa", "netdns=go", False),
        ("chaincode-old-glibc", "edns0 trust-ad", "", False),
        ("chaincode-new-glibc", "no-aaaa", "", False),
    ],
)
def test_the_samples_do_what_is_said(sample: str, options: str, godebug: str, dies: bool, tmp_path: Path) -> None:
    root = unpack(f"{sample}.tar.gz", tmp_path)
    (root / "etc/resolv.conf").write_text(f"nameserver 127.0.0.11\noptions {options}\n")
    (root / "etc/hosts").write_text("127.0.0.1\tlocalhost\n")
    command = ["unshare", "-n", "/usr/bin/env", "-i", f"GODEBUG={godebug}", "/usr/sbin/chroot", str(root)]
    command += ["/usr/local/bin/chaincode", "-many", "64", "-peer.address", "localhost:7052"]
    ends = [subprocess.run(command, capture_output=True, timeout=60, check=False).returncode for _ in range(8)]
    assert any(ends) if dies else not any(ends), ends
