"""Which look-ups live although a second libc comes in: each beside its neighbour that does not."""

import pytest

from inspector.facts import BinaryFacts, ContextFile, Exposure, GoBuild, ImageLibc, Libc, ResolverContext, RootFsFacts
from inspector.risk import judge

MODULES = ("dns", "files", "hesiod", "mdns4", "mdns4_minimal", "myhostname", "systemd")


def outcome(
    call: str, name: str, nsswitch: str, *, machine: str, inside: str, image: str, services: str | None
) -> object:
    binary = BinaryFacts(
        path="/srv/server", size=1, machine=machine, linkage="static", libc=Libc(kind="glibc", version=inside),
        go=GoBuild(version="1.15"), exposures=(Exposure(kind="dns", evidence=()), Exposure(kind="user", evidence=())),
    )  # fmt: skip
    texts = {
        "resolv.conf": "nameserver 192.0.2.53\n",
        "nsswitch.conf": nsswitch,
        "mdns.allow": None,
        "hosts": "127.0.0.1 localhost\n",
        "passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "group": "root:x:0:\n",
        "services": services,
    }
    files = {key: ContextFile(text=text) for key, text in texts.items()}
    context = ResolverContext(files=files, env={"GODEBUG": "netdns=cgo"}, uid=0, system_hostname="box")
    root = RootFsFacts(libc=ImageLibc(kind="glibc", version=image), nss=MODULES)
    verdict = judge(binary, root, context, call=call, name=name)  # type: ignore[arg-type]
    assert verdict.level != "unknown"
    return verdict.outcome if verdict.level == "crash" else None


@pytest.mark.parametrize(
    ("services", "expected"), [(None, None), ("https 443/tcp\n", "dies"), ("http 80/tcp\n", "dies")]
)
def test_a_port_dies_only_where_there_is_a_file_of_them_to_read(services: str | None, expected: str | None) -> None:
    said = outcome(
        "port", "https", "services: files\n", machine="x86-64", inside="2.31", image="2.31", services=services
    )
    assert said == expected


@pytest.mark.parametrize(
    ("call", "name", "line", "expected"),
    [
        ("host", "peer0.example.com", "hosts: files mdns4_minimal [NOTFOUND=return] dns", None),
        ("host", "peer0.local", "hosts: files mdns4_minimal [NOTFOUND=return] dns", "dies"),
        ("host", "peer0.example.com", "hosts: files hesiod dns", None),
        ("host", "peer0.example.com", "hosts: files myhostname dns", "dies"),
        ("addr", "192.0.2.9", "hosts: files mdns4_minimal [NOTFOUND=return] dns", None),
        ("addr", "192.0.2.9", "hosts: files mdns4 dns", "dies"),
        ("groupids", "root", "group: files systemd", None),
        ("group", "nobody", "group: files systemd", "dies"),
    ],
)
def test_on_ppc64le_a_module_that_declines_does_no_harm(call: str, name: str, line: str, expected: str | None) -> None:
    said = outcome(call, name, f"{line}\n", machine="ppc64le", inside="2.36", image="2.41", services=None)
    assert said == expected
    if expected is None and call != "groupids":
        there = outcome(call, name, f"{line}\n", machine="x86-64", inside="2.36", image="2.41", services=None)
        assert there == "dies", "where the division traps, loading alone kills"
