"""The resolv.conf that containers of real engines see, held against what is predicted: equal, byte by byte."""

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker_hosts
import pytest
import toolchains

from inspector.environments.docker import DnsOptions, DockerHost, Engine, container_resolv_conf

HOSTS = {
    "plain": "nameserver 192.0.2.1\n",
    "alibaba": "nameserver 100.100.2.136\nnameserver 100.100.2.138\n"
    "options timeout:2 attempts:3 rotate single-request-reopen\n",
    "own ndots": "search one.example two.example\nnameserver 192.0.2.1\noptions ndots:3 rotate\n",
    "bad ndots": "nameserver 192.0.2.1\nnameserver 127.0.0.1\noptions ndots:many rotate\n",
    "loopback only": "nameserver 127.0.0.1\nnameserver ::1\noptions rotate\n",
    "messy": "# a comment\nsearch first.example\noptions timeout:2\nsortlist 192.0.2.0/24\nnameserver 2001:db8::1\n"
    "nameserver 192.0.2.1 # behind\nnameserver 192.0.2.2\n\noptions rotate edns0\nsearch last.example\n",
    "none": "",
}
MODES = {"bridge": [], "user": ["--network=own"], "host": ["--network=host"], "none": ["--network=none"]}
GIVEN = {
    "nothing": DnsOptions(),
    "servers": DnsOptions(servers=("192.0.2.9", "127.0.0.9")),
    "options": DnsOptions(options=("use-vc", "edns0")),
    "ndots": DnsOptions(options=("ndots:2",)),
    "search": DnsOptions(search=("given.example",)),
    "no search": DnsOptions(search=(".",)),
    "all": DnsOptions(servers=("192.0.2.9",), search=("given.example",), options=("rotate",)),
}
STUB = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan.example\n"
UPLINK = "nameserver 192.0.2.7\nsearch lan.example\n"
DAEMON = DnsOptions(servers=("192.0.2.8",), search=("daemon.example",), options=("attempts:5",))

SOAK = bool(os.environ.get("INSPECTOR_TESTS_SOAK"))
"""Every combination, and trixie's engine too: ``make soak``."""
RECORD = Path(__file__).parents[2] / "docs" / "engines.md"
"""Where a soak's results are written: every file that was read, with what it differed in."""
HEAD = """# What engines make of a host's resolv.conf: predicted, and read

Written by `make soak` (`tests/environments/test_docker_engines.py`). In each engine a container was started for each network mode,
option set and host file, its process printed its /etc/resolv.conf, and that was compared with the prediction, byte by byte (engines from
26 on write comments at the end, which are left out).

| engine | what | containers | otherwise than predicted |
|---|---|---|---|
"""
FOUND: list[str] = []
pytestmark = pytest.mark.needs("root", "dockerd", "docker", "gcc", "unshare")


@pytest.fixture(scope="module", autouse=True)
def record() -> Iterator[None]:
    yield
    if SOAK:
        RECORD.write_text(HEAD + "".join(FOUND))


def note(host: docker_hosts.Host, what: str, number: int, wrong: list[str]) -> None:
    FOUND.append(f"| Docker {host.version} | {what} | {number} | {len(wrong) or 'none'} |\n")


@pytest.fixture(scope="module", params=[None, "trixie"] if SOAK else [None], ids=str)
def root(request: pytest.FixtureRequest) -> Iterator[object]:
    if request.param is None:
        yield None
    else:
        yield toolchains.debian_root(request.param, ["docker.io", "iptables", "ca-certificates", "bash", "coreutils"])


def flags_of(given: DnsOptions) -> list[str]:
    listed = (("--dns", given.servers), ("--dns-search", given.search), ("--dns-opt", given.options))
    return [f"{flag}={value}" for flag, values in listed for value in values]


def without_end(text: str) -> str:
    """Take off the comments that engines from 26 on write at the end."""
    return text.partition("\n# Based on host file")[0]


def compare(host: docker_hosts.Host, files: DockerHost, cases: list[tuple[str, str]], engine: Engine) -> list[str]:
    """Start a container for each (mode, options) and return where it sees something else than predicted."""

    def differs(case: tuple[str, str]) -> str | None:
        mode, given = case
        expected = container_resolv_conf(files, mode, GIVEN[given], engine=engine)  # type: ignore[arg-type]
        seen = without_end(host.resolv_conf_in(*MODES[mode], *flags_of(GIVEN[given])))
        return None if seen == expected else f"{case}: predicted {expected!r}, seen {seen!r}"

    with ThreadPoolExecutor(3) as pool:
        return [text for text in pool.map(differs, cases) if text]


def test_every_network_mode_and_option_set(root: object) -> None:
    with docker_hosts.engine_host(HOSTS["plain"], root=root) as host:  # type: ignore[arg-type]
        engine = Engine(major=host.major)
        wrong, number = [], 0
        for name, text in HOSTS.items():
            host.resolv_conf.write_text(text)
            # Every option set on the messy host; elsewhere what differs by the host's own text.
            thorough = SOAK or name == "messy"
            given = (
                GIVEN
                if thorough
                else {"alibaba": ["nothing", "options"], "bad ndots": ["search"]}.get(name, ["nothing"])
            )
            cases = list(itertools.product(MODES, given))
            number += len(cases)
            wrong += [f"{name}: {text}" for text in compare(host, DockerHost(resolv_conf=text), cases, engine)]
        what = f"{len(HOSTS)} host files: {', '.join(HOSTS)}; networks {', '.join(MODES)}; options {', '.join(GIVEN)}"
        note(host, what, number, wrong)
        assert not wrong, "\n".join(wrong)


def test_the_container_mode_shares_the_file(root: object) -> None:
    with docker_hosts.engine_host(HOSTS["alibaba"], root=root) as host:  # type: ignore[arg-type]
        host.docker("run", "-d", "--name", "first", "--network=own", "--dns-opt=use-vc", "printer", "/printer", "wait")
        seen = host.resolv_conf_in("--network=container:first")
        expected = container_resolv_conf(
            DockerHost(resolv_conf=HOSTS["alibaba"]),
            "user",
            DnsOptions(options=("use-vc",)),
            engine=Engine(major=host.major),
        )
        note(host, "`container:NAME`", 1, [] if without_end(seen) == expected else [seen])
        assert without_end(seen) == expected
        host.docker("rm", "-f", "first")


def test_a_host_with_systemd_resolved_and_daemon_defaults(root: object) -> None:
    flags = docker_hosts.daemon_flags(dns=DAEMON.servers, dns_search=DAEMON.search, dns_opt=DAEMON.options)
    files = DockerHost(resolv_conf=STUB, resolved=UPLINK)
    for given, defaults in (([], DnsOptions()), (flags, DAEMON)):
        with docker_hosts.engine_host(STUB, UPLINK, flags=given, root=root) as host:  # type: ignore[arg-type]
            engine = Engine(major=host.major, defaults=defaults)
            cases = list(itertools.product(MODES, ["nothing", "options"]))
            wrong = compare(host, files, cases, engine)
            what = "systemd-resolved's stub, the daemon's own options" if given else "systemd-resolved's stub"
            note(host, what, len(cases), wrong)
            assert not wrong, "\n".join(wrong)
