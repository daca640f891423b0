"""Which look-ups live although a second libc comes in: each beside its neighbour that does not."""

import pytest

from inspector.facts import (
    BinaryFacts,
    ContextFile,
    Exposure,
    GoBuild,
    ImageLibc,
    Libc,
    ResolverContext,
    RootFsFacts,
    Verdict,
)
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


def of(inside: str, image: str, call: str, name: str, *, machine: str = "x86-64", relr: bool | None = None) -> Verdict:
    binary = BinaryFacts(
        path="/srv/server", size=1, machine=machine, linkage="static", libc=Libc(kind="glibc", version=inside),
        go=GoBuild(version="1.21"), exposures=(Exposure(kind="dns", evidence=()), Exposure(kind="user", evidence=())),
    )  # fmt: skip
    texts = {"resolv.conf": "nameserver 192.0.2.53\n", "nsswitch.conf": "passwd: files\nhosts: files dns\n", "hosts": "",
             "passwd": "root:x:0:0:root:/root:/bin/sh\n", "services": "https 443/tcp\n", "mdns.allow": None}  # fmt: skip
    context = ResolverContext(
        files={key: ContextFile(text=text) for key, text in texts.items()},
        env={"GODEBUG": "netdns=cgo"}, uid=0, system_hostname="box",
    )  # fmt: skip
    root = RootFsFacts(libc=ImageLibc(kind="glibc", version=image, relr=relr), nss=("dns", "files"))
    return judge(binary, root, context, call=call, name=name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("inside", "image", "machine", "call", "level", "confidence"),
    [
        ("2.23", "2.31", "x86-64", "host", "crash", "observed"),
        ("2.31", "2.23", "x86-64", "host", "crash", "observed"),
        ("2.28", "2.17", "x86-64", "host", "crash", "inferred"),
        ("2.23", "2.31", "aarch64", "host", "crash", "inferred"),
        ("2.31", "2.33", "x86-64", "host", "unknown", "unknown"),
        ("2.32", "2.31", "x86-64", "host", "unknown", "unknown"),
        ("2.23", "2.31", "x86-64", "user", "latent", "observed"),
        ("2.23", "2.31", "aarch64", "user", "unknown", "unknown"),
    ],
)
def test_two_different_old_glibcs(
    inside: str, image: str, machine: str, call: str, level: str, confidence: str
) -> None:
    said = of(inside, image, call, "root" if call == "user" else "peer0.example.com", machine=machine)
    assert (said.level, said.confidence) == (level, confidence)
    if level == "crash":
        assert (said.outcome, said.likelihood) == ("dies", "sooner-or-later")


@pytest.mark.parametrize(
    ("inside", "relr", "expected"),
    [("2.31", True, "too old to relocate"), ("2.31", False, "character tables"),
     ("2.35", True, None), ("2.35", False, None)],
)  # fmt: skip
def test_how_an_old_one_dies_in_a_newer_image_is_read_from_its_libc(
    inside: str, relr: bool, expected: str | None
) -> None:
    said = of(inside, "2.36", "host", "peer0.example.com", relr=relr)
    assert said.level == ("crash" if expected else "safe")
    if expected:
        assert (said.outcome, said.likelihood) == ("dies", "always")
        assert expected in " ".join(reason.text for reason in said.reasons)


def test_a_new_libc_without_relr_is_no_ground_for_safety_on_amd64() -> None:
    assert of("2.31", "2.41", "user", "root", relr=False).level == "unknown"
    assert of("2.31", "2.41", "user", "root", machine="s390x").level != "unknown"


def test_a_port_that_services_lacks_kills_whatever_list_go_has() -> None:
    said = of("2.31", "2.31", "port", "nosuchsvc")
    assert (said.level, said.outcome, said.likelihood) == ("crash", "dies", "sooner-or-later")
