"""What a workload starts and mounts over its image, through the installed command."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import parts
import pytest

NETGO = f"--image=netgo:1={parts.ROOT / 'samples/images/peer-netgo.tar'}"
DYNAMIC = f"--image=dynamic:1={parts.ROOT / 'samples/images/peer-dynamic.tar.gz'}"
OFFLINE = ("--offline", "--no-cache", "--host", "plain", "-f", "json")


def judge(verb: str, file: Path, *images: str, code: int) -> list[dict[str, Any]]:
    done = parts.inspector(verb, str(file), *images, *OFFLINE, cwd=file.parent)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)["targets"]


def compose(directory: Path, service: str, *images: str, code: int, image: str = "netgo:1") -> dict[str, Any]:
    file = directory / "compose.yaml"
    file.write_text(f"services:\n  a:\n    image: {image}\n{service}")
    (target,) = judge("compose", file, *(images or (NETGO, DYNAMIC)), code=code)
    return target


def told(target: dict[str, Any]) -> str:
    return " ".join(problem["message"] for problem in target["problems"])


@pytest.mark.parametrize(
    ("image", "service"),
    [
        ("netgo:1", "volumes: ['./peer:/usr/local/bin/peer']"),
        ("netgo:1", "volumes: ['bin:/usr/local/bin']"),
        ("netgo:1", "volumes: [{type: tmpfs, target: /usr/local/bin}]"),
        ("netgo:1", "tmpfs: [/usr/local/bin]"),
        ("netgo:1", "tmpfs: /usr/local/lib/../bin:size=1m"),
        ("netgo:1", "volumes_from: [b]"),
        ("netgo:1", "volumes: ['./other:/data/']\n    entrypoint: [/data/other]"),
        ("netgo:1", "volumes: ['./other:/data/']\n    entrypoint: []\n    command: exec /data/other"),
        ("dynamic:1", "volumes: ['./lib:/lib']"),
        ("dynamic:1", "volumes: ['./x:/usr/lib/x86_64-linux-gnu/libnss_x.so.2']"),
    ],
)
def test_what_lies_over_what_is_judged_is_not_known(tmp_path: Path, image: str, service: str) -> None:
    target = compose(tmp_path, f"    {service}\n", code=4, image=image)
    assert target["status"] == "incomplete" and "compose.yaml:4" in told(target)


@pytest.mark.parametrize(
    ("image", "service"),
    [
        ("netgo:1", "volumes: ['./lib:/lib']"),  # it loads none
        ("netgo:1", "volumes: ['./msp:/etc/hyperledger/fabric', '/run/docker.sock:/run/docker.sock']"),
        ("netgo:1", "tmpfs: /tmp"),
        ("netgo:1", "command: [-c, /data/core.yaml]\n    volumes: ['./data:/data']"),
        ("dynamic:1", "volumes: ['./fonts:/usr/lib/fonts']"),
    ],
)
def test_what_lies_elsewhere_hides_nothing(tmp_path: Path, image: str, service: str) -> None:
    assert compose(tmp_path, f"    {service}\n", code=0, image=image)["status"] == "analysed"


POD = "kind: Pod\nmetadata: {name: p}\nspec:\n  volumes: [{name: v, VOLUME}]\n  containers:\n  - name: c\n    image: netgo:1\n"


@pytest.mark.parametrize(
    ("volume", "container"),
    [
        ("hostPath: {path: /opt}", "volumeMounts: [{name: v, mountPath: /usr/local/bin}]"),
        ("emptyDir: {}", "command: [/vol/peer]\n    volumeMounts: [{name: v, mountPath: /vol}]"),
        ("emptyDir: {}", "command: [sh, -c, 'exec /vol/peer']\n    volumeMounts: [{name: v, mountPath: /vol}]"),
    ],
)
def test_volumes_of_a_pod_hide_as_well(tmp_path: Path, volume: str, container: str) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(POD.replace("VOLUME", volume) + f"    {container}\n")
    (target,) = judge("k8s", file, NETGO, code=4)
    assert "hidden by what is mounted at" in told(target) and "pod.yaml:" in told(target)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the sample peer's image with a script that sets GODEBUG, which nothing in its config starts."""
    path = tmp_path_factory.mktemp("scripted") / "image.tar"
    with tarfile.open(parts.PEER) as old, tarfile.open(path, "w") as new:
        (entry,) = json.load(old.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = json.load(old.extractfile(entry["Config"]))  # type: ignore[arg-type]
        for name in entry["Layers"]:
            member = old.getmember(name)
            new.addfile(member, old.extractfile(member))
        layer = _layer(
            {
                "env.sh": b"#!/bin/sh\nexport GODEBUG=netdns=cgo\n",
                "bash.sh": b"#!/bin/bash\nexec peer\n",
                "bin/bash": b"#!/usr/local/bin/peer\n",
                "run.sh": b"#!/bin/sh\nexport GODEBUG=netdns=cgo\nexec peer\n",
                "bin/sh": b"#!/usr/local/bin/peer\n",
            }
        )
        config["rootfs"]["diff_ids"].append(f"sha256:{_sha256(layer)}")
        config.pop("history", None)
        manifest = [{"Config": "config.json", "RepoTags": ["run:1"], "Layers": [*entry["Layers"], "more.tar"]}]
        for name, content in (
            ("more.tar", layer), ("config.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode()),
        ):  # fmt: skip
            _put(new, name, content)
    return f"--image=run:1=docker-archive:{path}"


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o755
    archive.addfile(member, io.BytesIO(content))


def _layer(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            _put(archive, name, content)
    return buffer.getvalue()


def _levels(target: dict[str, Any]) -> set[str]:
    return {v["level"] for e in target["environments"] for v in e["verdicts"] if v["call"] == "host"}


@pytest.mark.parametrize(
    "service", ["entrypoint: /run.sh", "entrypoint: []\n    command: ['/run.sh']", "entrypoint: [sh, /run.sh]"]
)
def test_a_script_that_a_service_starts_is_read(tmp_path: Path, scripted: str, service: str) -> None:
    target = compose(tmp_path, f"    {service}\n", scripted, code=4, image="run:1")
    assert target["script_variables"] == ["GODEBUG"] and _levels(target) == {"unknown"}


@pytest.mark.parametrize(
    ("command", "by"),
    [
        ("[sh, -c, exec /data/other]", "sh"),
        ("[sh, -c, /data/other --flag]", "sh"),
        ("[sh, -c, 'D=/data; $D/other']", "sh"),
    ],
)
def test_a_shell_is_no_program_where_what_it_starts_is_not_there(
    tmp_path: Path, scripted: str, command: str, by: str
) -> None:
    target = compose(tmp_path, f"    entrypoint: []\n    command: {command}\n", scripted, code=4, image="run:1")
    assert target["status"] == "incomplete" and f"cmd '{by}' starts" in told(target)


@pytest.mark.parametrize(
    "command", ["'$$WRAP peer'", "'exec $$(cat /prefix) peer'", "bwrap --clearenv peer", "cd /x; ./run"]
)
def test_what_cannot_be_followed_makes_godebug_unknown(tmp_path: Path, scripted: str, command: str) -> None:
    words = f"[sh, -c, {command}]" if command.startswith("'") else f"[sh, -c, '{command}; peer']"
    service = f"    entrypoint: []\n    command: {words}\n    environment: {{GODEBUG: netdns=go}}\n"
    target = compose(tmp_path, service, scripted, code=4, image="run:1")
    assert "GODEBUG" in target["script_variables"] and _levels(target) == {"unknown"}


@pytest.mark.parametrize(("value", "variables", "code"), [("/env.sh", ["GODEBUG"], 4), ("''", [], 0)])
def test_what_a_service_has_bash_read_first_is_read(
    tmp_path: Path, scripted: str, value: str, variables: list[str], code: int
) -> None:
    service = f"    entrypoint: /bash.sh\n    environment: {{BASH_ENV: {value}}}\n"
    assert compose(tmp_path, service, scripted, code=code, image="run:1")["script_variables"] == variables


def test_what_a_container_of_a_pod_has_bash_read_first_is_read(tmp_path: Path, scripted: str) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(
        POD.replace("VOLUME", "emptyDir: {}").replace("netgo:1", "run:1")
        + "    command: [/bash.sh]\n    env: [{name: BASH_ENV, value: /env.sh}]\n"
    )
    (target,) = judge("k8s", file, scripted, code=4)
    assert target["script_variables"] == ["GODEBUG"]


def test_a_script_that_the_image_has_and_nobody_starts_sets_nothing(tmp_path: Path, scripted: str) -> None:
    target = compose(tmp_path, "    entrypoint: peer\n", scripted, code=0, image="run:1")
    assert target["script_variables"] == [] and _levels(target) == {"latent"}


def test_a_script_that_a_container_of_a_pod_starts_is_read(tmp_path: Path, scripted: str) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(
        "kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        "  - {name: own, image: 'run:1'}\n"
        "  - {name: scripted, image: 'run:1', env: [{name: SCRIPT, value: run.sh}], command: [/$(SCRIPT)]}\n"
        "  - {name: absent, image: 'run:1', command: [/data/other]}\n"
    )
    own, read, absent = judge("k8s", file, scripted, code=1)
    assert (own["script_variables"], read["script_variables"]) == ([], ["GODEBUG"])
    assert "Pod/p/absent" in told(absent) and "'/data/other' is not in the image" in told(absent)


def test_services_that_start_the_same_share_a_target(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        "services:\n  a: {image: 'netgo:1'}\n  b: {image: 'netgo:1', volumes: ['./msp:/msp']}\n"
        "  c: {image: 'netgo:1', command: [/nothing], entrypoint: []}\n"
    )
    shared, other = judge("compose", file, NETGO, code=4)
    assert [e["name"] for e in shared["environments"]] == ["compose:a", "compose:b"]
    assert [e["name"] for e in other["environments"]] == ["compose:c"]
    assert "compose:c" in told(other) and "'/nothing' is not in the image" in told(other)


def test_an_image_is_read_once_however_many_ways_it_is_started() -> None:
    from inspector.facts import Start
    from inspector.scanning import ScanOptions, collect_started

    told: list[tuple[str, int]] = []
    starts = [Start(), *(Start(entrypoint=("/usr/local/bin/peer",), command=(word,)) for word in ("node", "channel"))]
    found = collect_started(
        str(parts.ROOT / "samples/images/peer-netgo.tar"),
        starts,
        options=ScanOptions(use_cache=False),
        progress=lambda layer, done, _size: told.append((layer, done)),
    )
    assert [start for start, _ in found] == starts and {target.status for _, target in found} == {"analysed"}
    assert told and len(told) == len(set(told)), "a second reading would tell of the same bytes again"


def test_a_program_that_stands_in_for_an_image_is_not_taken_for_what_a_command_starts(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  a: {image: 'x:1'}\n  b: {image: 'x:1', command: [/other]}\n")
    program = tmp_path / "true"
    program.write_bytes(Path("/bin/true").read_bytes())
    own, other = judge("compose", file, f"--image=x:1=file:{program}", code=4)
    assert (own["status"], told(own)) == ("analysed", "")
    assert (other["status"], "'/other' is not in the image" in told(other)) == ("incomplete", True)


# ── platform and replicas ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("platform", "code", "status"),
    [("linux/amd64", 0, "analysed"), ("linux/arm64", 3, "failed"), ("'no such thing'", 3, "failed")],
)
def test_the_platform_of_a_service_is_the_one_that_is_judged(
    tmp_path: Path, platform: str, code: int, status: str
) -> None:
    target = compose(tmp_path, f"    platform: {platform}\n", code=code)
    assert target["status"] == status
    assert status == "analysed" or "platform" in told(target) or "has no image for linux/arm64" in told(target)


def test_services_of_two_platforms_are_two_targets(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        "services:\n  a: {image: 'netgo:1'}\n  b: {image: 'netgo:1', platform: linux/arm64}\n"
        "  c: {image: 'hyperledger/fabric-peer:2.5.3', platform: linux/s390x}\n"
    )
    targets = judge("compose", file, NETGO, code=4)
    # What is known of Fabric's images that were not read is known of amd64 alone.
    assert [target["status"] for target in targets] == ["analysed", "failed", "failed"]


@pytest.mark.parametrize("service", ["deploy: {replicas: 0}", "scale: 0"])
def test_a_service_without_replicas_is_said_to_be_judged_all_the_same(tmp_path: Path, service: str) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(f"services:\n  a:\n    image: netgo:1\n    {service}\n")
    done = parts.inspector("compose", str(file), NETGO, *OFFLINE)
    assert done.returncode == 0 and "compose.yaml:4: a has no replicas" in done.stderr


def test_of_an_image_that_was_not_read_what_starts_and_hides_is_told(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    image = "image: 'hyperledger/fabric-peer:2.5.3'"
    file.write_text(
        f"services:\n  a: {{{image}, command: /bin/bash -c 'peer node start'}}\n  b: {{{image}, command: /run.sh}}\n"
        f"  c: {{{image}, volumes: ['./bin:/usr/local/bin']}}\n"
    )
    known, script, hidden = judge("compose", file, code=4)
    assert [target["status"] for target in (known, script, hidden)] == ["analysed", "incomplete", "incomplete"]
    assert "'/run.sh' is started, and the image was not read" in told(script)
    assert "compose.yaml:4" in told(hidden)
