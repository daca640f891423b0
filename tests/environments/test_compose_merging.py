"""The merged view of Compose files: held against docker-compose where it knows the syntax, else against the
specification's own examples."""

import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from inspector.environments.compose import Project, load_project, workloads_of
from inspector.environments.docker import Engine
from inspector.environments.hosts import host_named
from inspector.errors import InspectorError

SHELL = {"TAG": "1.4.3", "EMPTY": "", "WORD": "w o r d", "HOME": "/root", "PATH": "/usr/bin:/bin"}


def is_version_one() -> bool:
    """Whether docker-compose is the one that prints files as they are merged (Debian 12's); later ones add to them."""
    program = shutil.which("docker-compose")
    return (
        program is None or " version 1." in subprocess.run([program, "version"], capture_output=True, text=True).stdout
    )


version_one = pytest.mark.skipif(not is_version_one(), reason="docker-compose is not version 1")


def load(directory: Path, **files: str) -> Project:
    return load_project(
        [str(directory / write(directory, name, text)) for name, text in files.items()], variables=SHELL
    )


def write(directory: Path, name: str, text: str) -> str:
    path = directory / f"{name}.yaml"
    path.write_text(text)
    return path.name


def view(project: Project) -> dict[str, dict[str, Any]]:
    """Return what is compared, as docker-compose config would have it."""
    found = {}
    for service in project.services.values():
        words = {"command": service.command, "entrypoint": service.entrypoint}
        single = {
            key: getattr(service, key)
            for key in ("image", "user", "hostname", "domainname", "container_name", "network_mode")
        }
        lists = {key: getattr(service, key) for key in ("dns", "dns_search", "dns_opt")}
        found[service.name] = {
            **{key: [word.text for word in value] for key, value in words.items() if value is not None},
            **{key: value.text for key, value in single.items() if value is not None},
            **{key: [word.text for word in value] for key, value in lists.items() if value},
            "environment": {name: variable.value for name, variable in service.environment.items()},
            "extra_hosts": {host: word.text for host, word in service.extra_hosts},
            "networks": sorted(service.networks or {}),
            "mounts": sorted(service.mounts),
        }
    return found


def docker_compose(directory: Path, *files: str) -> dict[str, dict[str, Any]]:
    flags = [word for file in files for word in ("-f", str(directory / file))]
    done = subprocess.run(
        ["docker-compose", *flags, "config"], capture_output=True, text=True, env=SHELL, cwd=directory
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for name, service in YAML(typ="safe", pure=True).load(done.stdout)["services"].items():
        each: dict[str, Any] = {}
        for key in ("image", "user", "hostname", "domainname", "container_name", "network_mode"):
            if key in service:
                each[key] = undo(service[key])
        for key in ("command", "entrypoint"):
            if service.get(key) is not None:
                value = service[key]
                each[key] = [undo(part) for part in (shlex.split(value) if isinstance(value, str) else value)]
        for key in ("dns", "dns_search", "dns_opt"):
            if service.get(key):
                each[key] = [service[key]] if isinstance(service[key], str) else list(service[key])
        each["environment"] = {k: undo(str(v)) for k, v in (service.get("environment") or {}).items() if v is not None}
        hosts = service.get("extra_hosts") or {}
        each["extra_hosts"] = hosts if isinstance(hosts, dict) else dict(pair.split(":", 1) for pair in hosts)
        each["networks"] = sorted(service.get("networks") or {})
        each["mounts"] = sorted(target(volume) for volume in service.get("volumes") or [])
        found[name] = each
    return found


def undo(text: str) -> str:
    return text.replace("$$", "$")


def target(volume: Any) -> str:
    if isinstance(volume, dict):
        return str(volume["target"])
    parts = volume.split(":")
    return parts[0] if len(parts) == 1 else parts[1]


BASE = """
version: "3.9"
x-env: &env
  CORE_LOG: info
  CORE_VM_ENDPOINT: unix:///host/var/run/docker.sock
networks: {fabric: {}, other: {}}
volumes: {data: {}}
services:
  peer:
    image: hyperledger/fabric-peer:${TAG}
    container_name: peer0.org1.example.com
    environment:
      <<: *env
      CORE_PEER_ADDRESS: peer0.org1.example.com:7051
      HOME:
      NOWHERE:
      DOLLAR: a$$b
      NUMBER: 7051
    command: peer node start --note "two words" $$HOME
    networks: [fabric, other]
    dns: 192.0.2.1
    dns_search: [one.example]
    extra_hosts: ["first.example:192.0.2.7"]
    volumes: ["./nsswitch.conf:/etc/nsswitch.conf:ro", "data:/var/hyperledger", "/cache"]
    user: "1000:1000"
  cli:
    image: ${REGISTRY:-docker.io}/hyperledger/fabric-tools:${TAG:?give a tag}${EMPTY:-x}${EMPTY-y}
    entrypoint: ["/bin/sh", "-c"]
    environment:
      - GODEBUG=http2debug=1
      - HOME
      - NOWHERE
      - WITH=a=b
      - WORDS=${WORD}
    network_mode: host
"""
OVERRIDE = """
version: "3.9"
services:
  peer:
    environment:
      - GODEBUG=netdns=go
      - CORE_LOG=debug
    command: ["peer", "node", "start"]
    dns: [192.0.2.2]
    dns_search: two.example
    extra_hosts: {second.example: 192.0.2.8}
    volumes:
      - type: bind
        source: ./other.conf
        target: /etc/nsswitch.conf
  third:
    image: alpine
    hostname: third.example
    domainname: example.org
"""


@version_one
@pytest.mark.needs("docker-compose")
def test_docker_compose_agrees_on_two_files(tmp_path: Path) -> None:
    ours = view(load(tmp_path, base=BASE, override=OVERRIDE))
    assert ours == docker_compose(tmp_path, "base.yaml", "override.yaml")


@version_one
@pytest.mark.needs("docker-compose")
def test_docker_compose_agrees_on_extends_and_env_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# defaults\nTAG=9.9.9\nFROM_DOTENV=here\nQUOTED='x y'\n")
    (tmp_path / "a.env").write_text("A=1\nB=from a\n\n# comment\nCORE_PEER_ID=peer\n")
    (tmp_path / "b.env").write_text("B=from b\nHOME\n")
    (tmp_path / "base").mkdir()
    (tmp_path / "base/own.env").write_text("OWN=base\n")
    (tmp_path / "base/base.yaml").write_text(
        'version: "2.4"\nservices:\n  peer-base:\n    image: hyperledger/fabric-peer:${TAG}\n'
        "    env_file: own.env\n    environment: [A=base, C=base]\n    command: peer node start\n"
        '    volumes: ["./x:/x"]\n    dns: 192.0.2.1\n'
    )
    write(
        tmp_path,
        "main",
        'version: "2.4"\nservices:\n  peer0:\n    extends: {file: base/base.yaml, service: peer-base}\n'
        "    environment: {C: own, D: '${FROM_DOTENV}', E: '${QUOTED}'}\n    env_file: [a.env, b.env]\n"
        "  peer1:\n    extends: {service: peer0}\n    hostname: peer1\n    dns: 192.0.2.2\n",
    )
    ours = view(load_project([str(tmp_path / "main.yaml")], variables=SHELL))
    theirs = docker_compose(tmp_path, "main.yaml")
    assert ours == theirs


def generated(seed: int, services: int) -> tuple[str, str]:
    """Return two Compose files full of what both tools know, for merging."""
    pick = random.Random(seed)
    names = ["A", "B", "GODEBUG", "CORE_PEER_ADDRESS", "HOME", "NOWHERE"]
    values = ["x", "${TAG}", "${EMPTY:-d}", "${EMPTY-d}", "${NO:-a b}", "$$TAG", "'single'", "a=b", "7051", ""]

    def service(number: int) -> str:
        lines = [f"  s{number}:", f"    image: image{pick.randint(0, 3)}:${{TAG}}"]
        chosen = pick.sample(names, pick.randint(0, 4))
        if chosen and pick.random() < 0.5:
            lines += ["    environment:", *(f"      {name}: {quoted(pick.choice(values))}" for name in chosen)]
        elif chosen:
            lines += ["    environment:"]
            lines += [
                f"      - {quoted(name + '=' + pick.choice(values)) if pick.random() < 0.8 else name}"
                for name in chosen
            ]
        if pick.random() < 0.4:
            lines.append(pick.choice(["    dns: 192.0.2.1", "    dns: [192.0.2.2, 192.0.2.3]"]))
        if pick.random() < 0.4:
            lines.append(pick.choice(["    command: a 'b c' $$d", "    command: [a, b c]"]))
        if pick.random() < 0.3:
            lines.append(
                pick.choice(
                    ["    network_mode: host", "    networks: [one]", "    networks: {one: {}, two: {aliases: [x]}}"]
                )
            )
        if pick.random() < 0.3:
            lines.append(
                pick.choice(['    extra_hosts: ["h:192.0.2.1"]', "    extra_hosts: {h: 192.0.2.2, i: 192.0.2.3}"])
            )
        if pick.random() < 0.3:
            lines.append(pick.choice(['    volumes: ["./a:/etc/hosts"]', '    volumes: ["./b:/etc/hosts:ro", "v:/w"]']))
        return "\n".join(lines)

    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    head = 'version: "3.9"\nnetworks: {one: {}, two: {}}\nvolumes: {v: {}}\nservices:\n'
    first = head + "\n".join(service(number) for number in range(services)) + "\n"
    second = head + "\n".join(service(number) for number in range(0, services, 2)) + "\n"
    return first, second


@version_one
@pytest.mark.needs("docker-compose")
@pytest.mark.parametrize("seed", [1, 2])
def test_docker_compose_agrees_on_generated_files(tmp_path: Path, seed: int) -> None:
    first, second = generated(seed, 60)
    for name in ("networks", "network_mode"):
        # docker-compose refuses a service that has both after merging; Compose's own successor as well.
        second = "\n".join(line for line in second.split("\n") if not line.startswith(f"    {name}:"))
    ours = view(load(tmp_path, first=first, second=second))
    theirs = docker_compose(tmp_path, "first.yaml", "second.yaml")
    assert list(ours) == list(theirs) or sorted(ours) == sorted(theirs)
    assert {name: ours[name] for name in theirs} == theirs


# ── what docker-compose 1.29 does not know: the specification's own words ────────────────────────────────────────


def test_options_of_two_files_are_appended(tmp_path: Path) -> None:
    base = "services: {a: {image: i, dns_opt: [rotate]}}"
    project = load(tmp_path, base=base, over="services: {a: {dns_opt: [edns0]}}")
    assert [word.text for word in project.services["a"].dns_opt] == ["rotate", "edns0"]


def test_reset_and_override_tags(tmp_path: Path) -> None:
    base = (
        "services: {a: {image: i, dns: [192.0.2.1], dns_opt: [rotate], environment: {FOO: BAR, KEPT: k}, command: x}}"
    )
    over = (
        "services:\n  a:\n    dns: !reset []\n    dns_opt: !override [edns0]\n    command: !reset null\n"
        "    environment:\n      FOO: !reset null\n"
    )
    service = load(tmp_path, base=base, over=over).services["a"]
    assert service.dns == ()
    assert [word.text for word in service.dns_opt] == ["edns0"]
    assert service.command is None
    assert {name: variable.value for name, variable in service.environment.items()} == {"KEPT": "k"}


def test_the_specifications_example_of_include(tmp_path: Path) -> None:
    (tmp_path / "commons").mkdir()
    (tmp_path / "commons/.env").write_text("TAG=from-commons\nCOMMON=c\n")
    (tmp_path / "commons/compose.yaml").write_text(
        "services:\n  serviceB:\n    image: b:${COMMON}-${TAG}\n    volumes: ['./conf:/etc/nsswitch.conf']\n"
    )
    project = load(tmp_path, main="include: [commons/compose.yaml]\nservices: {serviceA: {image: a}}")
    included = project.services["serviceB"]
    assert included.image is not None
    assert included.image.text == "b:c-1.4.3", "the local project's environment has precedence"
    assert included.mounts["/etc/nsswitch.conf"].source == tmp_path / "commons/conf"


def test_include_in_its_long_form_merges_its_files_and_may_name_env_files(tmp_path: Path) -> None:
    write(tmp_path, "one", "services: {b: {image: 'b:${WHICH}', command: one}}")
    write(tmp_path, "two", "services: {b: {command: two}}")
    (tmp_path / "my.env").write_text("WHICH=mine\n")
    main = "include:\n  - path: [one.yaml, two.yaml]\n    env_file: my.env\nservices: {a: {image: a}}"
    service = load(tmp_path, main=main).services["b"]
    assert service.image is not None and service.command is not None
    assert (service.image.text, service.command[0].text) == ("b:mine", "two")


def test_profiles_choose_services(tmp_path: Path) -> None:
    project = load(tmp_path, main="services: {a: {image: a}, b: {image: b, profiles: [debug]}}")
    assert [service.name for service in project.active()] == ["a"]
    assert [service.name for service in project.active(["debug"])] == ["a", "b"]
    assert [service.name for service in project.active(["*"])] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("VAR=VAL", "VAL"), ('VAR="VAL"', "VAL"), ("VAR='VAL'", "VAL"), ("VAR=VAL # comment", "VAL"),
        ("VAR=VAL# not a comment", "VAL# not a comment"), ('VAR="VAL # not a comment"', "VAL # not a comment"),
        ('VAR="VAL" # comment', "VAL"), ("VAR='$TAG'", "$TAG"), ("VAR='${TAG}'", "${TAG}"), ("VAR=${TAG}", "1.4.3"),
        ('VAR="${TAG}"', "1.4.3"), (r"VAR='Let\'s go!'", "Let's go!"), (r'VAR="{\"hello\": \"json\"}"', '{"hello": "json"}'),
        (r'VAR="some\tvalue"', "some\tvalue"), (r"VAR='some\tvalue'", r"some\tvalue"), (r"VAR=some\tvalue", r"some\tvalue"),
        ("VAR=", ""), ("export VAR=x", "x"), ("OTHER=1\nVAR=${OTHER}2", "12"), ('VAR="two\nlines"', "two\nlines"),
    ],
)  # fmt: skip
def test_the_specifications_table_of_env_files(tmp_path: Path, text: str, value: str) -> None:
    (tmp_path / "v.env").write_text(text + "\n")
    project = load(tmp_path, main="services: {a: {image: a, env_file: v.env}}")
    assert project.services["a"].environment["VAR"].value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${TAG}", "1.4.3"), ("$TAG", "1.4.3"), ("${NO:-default}", "default"), ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""), ("${NO-default}", "default"), ("${TAG:+yes}", "yes"), ("${EMPTY:+yes}", ""),
        ("${EMPTY+yes}", "yes"), ("${NO:-${TAG}}", "1.4.3"), ("${NO:-${OTHER:-x}}", "x"), ("$$TAG", "$TAG"),
        ("$${TAG}", "${TAG}"), ("a $ b", "a $ b"), ("cost$", "cost$"), ("$NO", ""), ("$1", "$1"), ("${NO:-a}b}", "ab}"),
    ],
)  # fmt: skip
def test_substitution(tmp_path: Path, text: str, value: str) -> None:
    project = load(tmp_path, main=f"services: {{a: {{image: a, environment: ['V={text}']}}}}")
    assert project.services["a"].environment["V"].value == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: {a: {image: '${TAG/x/y}'}}", "no form of substitution"),
        ("services: {a: {image: '${TAG'}}", "write \\$\\$"),
        ("services: {a: {image: '${NO:?no tag}'}}", "NO is not set: no tag"),
        ("services: {a: {extends: {service: a}}}", "extends itself"),
        ("services: {a: {extends: {service: b}}}", "no service 'b'"),
        ("services: {a: {extends: {service: b, file: none.yaml}}}", "cannot read"),
        ("include: [main.yaml]\nservices: {a: {image: a}}", "includes itself"),
        ("services: [a]", "services must be a mapping"),
        ("services: {a: [image]}", "must be a mapping"),
        ("services: {a: {environment: {X: [y]}}}", "must be a single value"),
        ("services: {a: {image: a}, a: {image: b}}", "duplicate key 'a'"),
        ("services:\n  a:\n    command: 'x \"'\n", "cannot be split"),
        ("version: '2'", "no services"),
        ("a: 1\n---\nb: 2", "2 documents"),
        ("", "no services"),
        ("- a", "no mapping"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    error = fault_of(tmp_path, text)
    assert re.search(told, str(error))
    assert "\n" not in str(error)
    assert "main.yaml" in str(error)


def fault_of(directory: Path, text: str) -> InspectorError | None:
    try:
        project = load(directory, main=text)
    except InspectorError as error:
        return error
    return next((s.fault for s in project.services.values() if s.fault), None) or project.faults[0][1]


ODD = """services:
  good: {image: a}
  text: foo
  null:
  server: {image: b, dns: [not-an-address]}
  variables: {image: c, environment: [[3]]}
  heir: {image: d, extends: {service: nobody}}
  words: {image: e, command: {a: b}}
  over: {image: f}
configs: [a]
include: [absent.yaml]
"""


def test_what_is_odd_in_one_service_is_a_problem_of_that_service(tmp_path: Path) -> None:
    project = load(tmp_path, main=ODD, other="services: {good: {environment: {A: b}}, over: [x]}")
    workloads = workloads_of(project, project.active(), (host_named("plain"),), Engine())
    judged = {w.name for w in workloads if w.environments}
    assert judged == {"compose:good", "compose:null"}
    told = {w.name: (w.where.rsplit("/", 1)[-1], w.problems) for w in workloads if not w.environments}
    assert told == {
        "compose:text": ("main.yaml:3", ("service 'text' must be a mapping",)),
        "compose:server": ("main.yaml:5", ("'not-an-address' is no address of a nameserver: Docker refuses it",)),
        "compose:variables": ("main.yaml:6", ("environment of service 'variables' must be a single value",)),
        "compose:heir": ("main.yaml:7", (told["compose:heir"][1][0],)),
        "compose:words": ("main.yaml:8", ("command of service 'words' must be a list",)),
        "compose:over": ("other.yaml:1", ("service 'over' must be a mapping",)),
        "compose:configs": ("main.yaml:10", ("configs must be a mapping",)),
        "compose:include": ("main.yaml:11", (told["compose:include"][1][0],)),
    }
    assert "no service 'nobody'" in told["compose:heir"][1][0]
    assert "absent.yaml" in told["compose:include"][1][0]


def test_a_file_of_comments_alone_lays_nothing_over_the_others(tmp_path: Path) -> None:
    assert list(load(tmp_path, main="services: {a: {image: a}}", other="# nothing\n---\n").services) == ["a"]
