"""What services of Compose files will see: networks, DNS options, mounts, names, each with its place."""

from pathlib import Path

import pytest

from inspector.environments.compose import load_project, workloads_of
from inspector.environments.docker import Engine
from inspector.environments.hosts import HOSTS, Host, host_of
from inspector.facts import Environment
from inspector.judging import Wishes
from inspector.rollouts import judge_workloads

PLAIN, UBUNTU, ALIBABA = HOSTS
SEED = host_of("nameserver 192.0.2.1\noptions timeout:2 attempts:3 rotate single-request-reopen\n", "seed")


def environment(
    directory: Path, service: str, *, host: Host = PLAIN, name: str = "a", also: str = "", engine: int = 20
) -> Environment:
    path = directory / "compose.yaml"
    path.write_text(f"services:\n  a:\n    image: i\n{service}{also}")
    project = load_project([str(path)], variables={})
    workloads = workloads_of(project, project.services.values(), [host], Engine(major=engine))
    return next(w for w in workloads if w.name == f"compose:{name}").environments[0]


def resolv_conf(directory: Path, service: str, host: Host = SEED, **more: object) -> str | None:
    return environment(directory, service, host=host, **more).files["resolv.conf"].text  # type: ignore[arg-type]


SEED_OPTIONS = "options timeout:2 attempts:3 rotate single-request-reopen"


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("", f"nameserver 127.0.0.11\n{SEED_OPTIONS} ndots:0\n"),
        ("    networks: [n]\n", f"nameserver 127.0.0.11\n{SEED_OPTIONS} ndots:0\n"),
        ("    network_mode: host\n", f"nameserver 192.0.2.1\n{SEED_OPTIONS}\n"),
        ("    network_mode: bridge\n", f"nameserver 192.0.2.1\n{SEED_OPTIONS}\n"),
        ("    network_mode: none\n", f"nameserver 192.0.2.1\n{SEED_OPTIONS}\n"),
        ("    dns_opt: [use-vc]\n", "nameserver 127.0.0.11\noptions use-vc ndots:0\n"),
        ("    dns: 192.0.2.9\n    dns_search: s.example\n", f"search s.example\nnameserver 127.0.0.11\n{SEED_OPTIONS} ndots:0\n"),
    ],
)  # fmt: skip
def test_networks_and_options(tmp_path: Path, service: str, text: str) -> None:
    assert resolv_conf(tmp_path, service) == text


def test_the_engines_generation_decides_what_a_host_with_several_lines_gives(tmp_path: Path) -> None:
    host = host_of("nameserver 192.0.2.1\noptions rotate\noptions edns0\nsortlist 192.0.2.0\n", "h")
    assert resolv_conf(tmp_path, "", host) == "nameserver 127.0.0.11\noptions edns0 ndots:0\n"
    assert (resolv_conf(tmp_path, "", host, engine=28) or "").endswith(
        "nameserver 127.0.0.11\noptions rotate edns0 ndots:0\nsortlist 192.0.2.0\n"
    )


def test_systemd_resolved_keeps_its_options_on_the_projects_network_only(tmp_path: Path) -> None:
    assert resolv_conf(tmp_path, "", UBUNTU) == "nameserver 127.0.0.11\noptions edns0 trust-ad ndots:0\n"
    assert "options" not in (resolv_conf(tmp_path, "    network_mode: bridge\n", UBUNTU) or "")
    assert "options edns0 trust-ad\n" in (resolv_conf(tmp_path, "    network_mode: host\n", UBUNTU) or "")


OTHER = "  b:\n    image: i\n    container_name: bee\n    dns_opt: [edns0]\n    hostname: bee.example\n    extra_hosts: ['x.example:192.0.2.5']\n"


@pytest.mark.parametrize("mode", ["service:b", "container:bee"])
def test_another_containers_network_brings_its_files(tmp_path: Path, mode: str) -> None:
    found = environment(tmp_path, f"    network_mode: {mode}\n", also=OTHER)
    assert found.files["resolv.conf"].text == "nameserver 127.0.0.11\noptions edns0 ndots:0\n"
    assert "192.0.2.5\tx.example\n" in (found.files["hosts"].text or "")


def test_a_container_of_elsewhere_has_an_unknown_file(tmp_path: Path) -> None:
    found = environment(tmp_path, "    network_mode: container:far\n")
    assert "resolv.conf" not in found.files
    assert "other container" in found.unknown_files["resolv.conf"]


def test_services_that_share_each_others_network_are_unknown_not_endless(tmp_path: Path) -> None:
    also = "  b:\n    image: i\n    network_mode: service:a\n"
    assert "resolv.conf" in environment(tmp_path, "    network_mode: service:b\n", also=also).unknown_files


def test_mounted_files_lie_over_the_engines_and_the_images(tmp_path: Path) -> None:
    (tmp_path / "nss").write_text("hosts: mdns4 files\n")
    (tmp_path / "rc").write_text("options edns0\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:\n")
    found = environment(tmp_path, "    volumes: ['./nss:/etc/nsswitch.conf:ro', './rc:/etc/resolv.conf']\n")
    assert found.files["nsswitch.conf"].text == "hosts: mdns4 files\n"
    assert found.files["resolv.conf"].text == "options edns0\n"
    assert "compose.yaml:4" in (found.files["resolv.conf"].origin or "")
    whole = environment(tmp_path, "    volumes: ['./etc:/etc']\n")
    assert whole.files["passwd"].text == "root:x:0:0::/:\n"
    assert whole.files["nsswitch.conf"].text is None
    assert whole.files["resolv.conf"].text


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("    volumes: ['./none:/etc/nsswitch.conf']\n", "cannot read"),
        ("    volumes: ['named:/etc/nsswitch.conf']\n", "is not known"),
        ("    volumes: ['/dev/zero:/etc/nsswitch.conf']\n", "outside the project's directory"),
        ("    configs: [{source: far, target: /etc/nsswitch.conf}]\n", "is not known"),
        ("    secrets: [{source: s, target: /etc/nsswitch.conf}]\n", "is not known"),
    ],
)
def test_what_is_mounted_and_not_here_is_unknown(tmp_path: Path, service: str, told: str) -> None:
    assert told in environment(tmp_path, service).unknown_files["nsswitch.conf"]


def test_configs_with_a_text_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "nss").write_text("hosts: files\n")
    service = "    configs: [{source: c, target: /etc/nsswitch.conf}, {source: d, target: /etc/mdns.allow}]\n"
    found = environment(tmp_path, service, also="configs:\n  c: {file: ./nss}\n  d: {content: local}\n")
    assert (found.files["nsswitch.conf"].text, found.files["mdns.allow"].text) == ("hosts: files\n", "local")


def test_names_come_from_variables_the_command_and_the_other_services(tmp_path: Path) -> None:
    service = (
        "    environment:\n      - CORE_PEER_ADDRESS=peer0.org1.example.com:7051\n      - CORE_PEER_LISTENADDRESS=l.example:7051\n"
        "      - CORE_PEER_GOSSIP_BOOTSTRAP=[peer1.org1.example.com:7051,192.0.2.1:7051]\n"
        "      - FABRIC_CA_SERVER_DB_DATASOURCE=host=db.example port=5432\n      - FABRIC_CA_CLIENT_URL=https://u:p@ca.example:7054/x\n"
        "      - CORE_VM_ENDPOINT=unix:///var/run/docker.sock\n      - ORDERER_HOST=o.example\n      - IMAGE=hyperledger/fabric-peer:2\n"
        "    command: peer channel fetch -o orderer.local:7050\n"
    )
    assert environment(tmp_path, service, also=OTHER).names == (
        "peer0.org1.example.com", "peer1.org1.example.com", "db.example", "ca.example", "o.example", "orderer.local", "bee",
    )  # fmt: skip


def test_an_env_file_that_is_not_here_leaves_the_resolvers_variables_unknown(tmp_path: Path) -> None:
    assert "GODEBUG" in environment(tmp_path, "    env_file: none.env\n").env_elsewhere
    optional = environment(tmp_path, "    env_file: [{path: none.env, required: false}]\n")
    assert optional.env_elsewhere == ()


def test_user_host_name_and_entrypoint(tmp_path: Path) -> None:
    found = environment(tmp_path, "    user: '7:8'\n    hostname: h.example\n    entrypoint: [peer]\n")
    assert (found.user, found.system_hostname) == ("7:8", "h.example")
    assert environment(tmp_path, "    command: sh -c 'export GODEBUG=x; peer'\n").env_unknown == ("GODEBUG",)


def test_every_service_that_names_no_image_is_told(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text("services:\n  a:\n  b: {user: x}\n  c: {build: .}\n  d: {image: null}\n")
    project = load_project([str(path)], variables={})
    workloads = workloads_of(project, project.services.values(), [PLAIN], Engine(major=28))
    targets = judge_workloads(workloads, lambda *_: (), Wishes()).targets
    assert [target.reference for target in targets] == [
        f"compose:{name} ({path}:{line})" for line, name in enumerate("abcd", start=2)
    ]
    assert all(target.status == "failed" and "names no image" in target.problems[0].message for target in targets)


def test_a_tmpfs_over_etc_leaves_nothing_of_the_images_files(tmp_path: Path) -> None:
    found = environment(tmp_path, "    tmpfs: /etc\n")
    assert found.files["nsswitch.conf"].text is None and found.files["nsswitch.conf"].special is None
    assert found.files["resolv.conf"].text


def test_a_file_in_a_mounted_directory_lies_over_it_in_whatever_order(tmp_path: Path) -> None:
    (tmp_path / "nss").write_text("hosts: files\n")
    found = environment(tmp_path, "    volumes: ['./nss:/etc/nsswitch.conf', 'named:/etc']\n")
    assert found.files["nsswitch.conf"].text == "hosts: files\n"
    assert "passwd" in found.unknown_files


@pytest.mark.parametrize("source", ["/etc/passwd", "../secret", "./link"])
def test_by_a_manifests_word_no_file_outside_its_project_is_read(tmp_path: Path, source: str) -> None:
    home = tmp_path / "project"
    home.mkdir()
    (tmp_path / "secret").write_text("hosts: secret\n")
    (home / "link").symlink_to(tmp_path / "secret")
    found = environment(home, f"    volumes: ['{source}:/etc/nsswitch.conf']\n")
    assert "outside the project's directory" in found.unknown_files["nsswitch.conf"]
    assert "nsswitch.conf" not in found.files
