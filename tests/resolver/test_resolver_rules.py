"""Statements about Go's choice, one by one: a case, and what each era decides in it.

The expectations were read off the source of the release named, or seen of a Go program; the oracle and the random cases
hold the same statements against Go itself where a toolchain is there. ``1.5-`` is every release; eras are given as
``{first release: order}``, up to the next one.
"""

from typing import Any

import pytest

from inspector.resolver.batch import answer

RELEASES = range(5, 28)
CGO = {"cgo": True, "tags": []}
FORCED = {"cgo": False, "tags": []}
LONG = "search " + "x" * 4089  # 4096 bytes: one more than fits with its newline


def case(**changes: Any) -> dict[str, Any]:
    """A case in which Go's own resolver is taken, but for the changes; a file's name stands with _ for dots."""
    files = {"resolv.conf": "nameserver 127.0.0.1\n", "nsswitch.conf": "hosts: files dns\n", "mdns.allow": None}
    special = {}
    for key in [key for key in changes if key in {"resolv", "nsswitch", "mdns"}]:
        name = {"resolv": "resolv.conf", "nsswitch": "nsswitch.conf", "mdns": "mdns.allow"}[key]
        value = changes.pop(key)
        if value in {"DIR", "LOOP", "DANGLING"}:
            special[name] = value.lower()
        files[name] = None if name in special else value
    plain = {"id": 1, **CGO, "uid": 0, "env": {}, "call": "host", "name": "peer0.example.com", "system_hostname": "m7"}
    return {**plain, "files": files, "special": special, **changes}


def hosts(line: str, **changes: Any) -> dict[str, Any]:
    return case(nsswitch=f"hosts: {line}\n", **changes)


STATEMENTS: dict[str, tuple[dict[str, Any], dict[int, str | None]]] = {
    # ── resolv.conf ──
    "ndots, timeout, attempts and rotate are known, with a bad number too": (
        case(resolv="options ndots: ndots:x timeout:-1 attempts:99 rotate\n"), {5: "files,dns"}),
    "bare ndots is unknown": (case(resolv="options ndots\n"), {5: "cgo"}),
    "single-request is known since 1.13": (case(resolv="options single-request\n"), {5: "cgo", 13: "files,dns"}),
    "single-request-reopen is known since 1.13": (
        case(resolv="options timeout:2 attempts:3 rotate single-request-reopen ndots:0\n"), {5: "cgo", 13: "files,dns"}),
    "use-vc is known since 1.13": (case(resolv="options use-vc\n"), {5: "cgo", 13: "files,dns"}),
    "usevc is known since 1.13": (case(resolv="options usevc\n"), {5: "cgo", 13: "files,dns"}),
    "tcp is known since 1.13": (case(resolv="options tcp\n"), {5: "cgo", 13: "files,dns"}),
    "edns0 is known since 1.20": (case(resolv="options edns0\n"), {5: "cgo", 20: "files,dns"}),
    "trust-ad is known since 1.20": (case(resolv="options trust-ad\n"), {5: "cgo", 20: "files,dns"}),
    "no-reload is known since 1.20": (case(resolv="options no-reload\n"), {5: "cgo", 20: "files,dns"}),
    **{f"option {word} is never known": (case(resolv=f"options {word}\n"), {5: "cgo"}) for word in (
        "inet6", "ip6-bytestring", "ip6-dotint", "no-ip6-dotint", "debug", "no-tld-query", "no-check-names", "no-aaaa",
        "insecure1", "insecure2", "reload-period:5", "Rotate", "rotate,", "rotate;", "edns0:1", "#")},
    "an unknown option in a forced binary fixes files,dns up to 1.20, and is ignored since 1.21": (
        case(resolv="options foo\n", nsswitch="hosts: dns files\n", **FORCED), {5: "files,dns", 21: "dns,files"}),
    "lookup is known, whatever follows": (case(resolv="lookup yp foo\n"), {5: "files,dns"}),
    **{f"{line!r} begins with an unknown word": (case(resolv=line + "\n"), {5: "cgo"}) for line in (
        "sortlist 10.0.0.0", "family inet6", "nameserver: 127.0.0.1", "options: rotate", "OPTIONS rotate",
        "\ufeffnameserver 127.0.0.1", "\x00", " # indented", "\t; indented")},
    **{f"{line!r} is plain": (case(resolv=line + "\n"), {5: "files,dns"}) for line in (
        "# options foo", "; options foo", "nameserver 127.0.0.1 # x", "nameserver 127.0.0.1\r", "  options rotate",
        "options\t\trotate \t ndots:2", "options", "nameserver", "nameserver bogus", "search .", "domain", "",
        "nameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 1.1.1.1")},
    "several options lines add up": (case(resolv="options foo\noptions rotate\n"), {5: "cgo"}),
    "a missing resolv.conf is plain": (case(resolv=None), {5: "files,dns"}),
    "a dangling link is plain": (case(resolv="DANGLING"), {5: "files,dns"}),
    "a directory is plain": (case(resolv="DIR"), {5: "files,dns"}),
    "a loop of links is not": (case(resolv="LOOP"), {5: "cgo"}),
    "a loop in a forced binary": (
        case(resolv="LOOP", nsswitch="hosts: dns\n", **FORCED), {5: "files,dns", 21: "dns"}),
    "what root alone may read is plain to others": (
        case(resolv="options foo\n", special={"resolv.conf": "mode000"}, uid=65534), {5: "files,dns"}),
    "root reads it all the same": (case(resolv="options foo\n", special={"resolv.conf": "mode000"}), {5: "cgo"}),
    "a line of 4096 bytes ends reading up to 1.9": (
        case(resolv=f"{LONG}\noptions foo\n"), {5: "files,dns", 10: "cgo"}),
    "one of 4095 bytes does not": (case(resolv=f"{LONG[:-1]}\noptions foo\n"), {5: "cgo"}),
    "a last line of 4095 bytes without newline is read": (
        case(resolv="options foo " + "x" * 4083), {5: "cgo"}),
    "one of 4096 bytes is not, up to 1.9": (case(resolv="options foo " + "x" * 4084), {5: "files,dns", 10: "cgo"}),
    "a line of 65536 bytes ends reading": (
        case(resolv=f"search {'x' * 65529}\noptions foo\n"), {5: "files,dns"}),
    "bytes count, not characters": (case(resolv=f"search {'é' * 2045}\noptions foo\n"), {5: "files,dns", 10: "cgo"}),
    # ── nsswitch.conf ──
    **{f"{name}: no sources of hosts": (case(nsswitch=text), {5: "dns,files", 16: "files,dns"}) for name, text in {
        "missing": None, "dangling": "DANGLING", "empty": "", "comments only": "# hosts: dns\n", "no hosts": "passwd: files\n",
        "empty hosts": "hosts:\n", "HOSTS": "HOSTS: dns\n"}.items()},
    "missing, in a forced binary": (case(nsswitch=None, **FORCED), {5: "files,dns", 7: "dns,files", 16: "files,dns"}),
    "unreadable to the user": (
        case(nsswitch="hosts: dns\n", special={"nsswitch.conf": "mode000"}, uid=65534), {5: "cgo"}),
    "a loop of links ": (case(nsswitch="LOOP"), {5: "cgo"}),
    "a loop of links, forced": (case(nsswitch="LOOP", **FORCED), {5: "files,dns"}),
    "a directory is an error up to 1.19": (case(nsswitch="DIR"), {5: "cgo", 20: "files,dns"}),
    **{f"{line!r} spoils the file": (case(nsswitch=f"hosts: files dns\n{line}\n"), {5: "cgo"}) for line in (
        "garbage", "passwd: files [NOTFOUND=return", "passwd: files [NOTFOUND]", "passwd: files [a]", "passwd: files [!ab]")},
    "a spoilt file in a forced binary": (case(nsswitch="hosts: dns\nx\n", **FORCED), {5: "files,dns"}),
    **{f"hosts:{line!r} is files,dns": (case(nsswitch=f"hosts:{line}\n"), {5: "files,dns"}) for line in (
        "files dns", "   files   dns  ", "\tfiles dns", " files dns\r", " files dns # x", " files dns#x", " files files dns",
        " files [] dns", " files [NOTFOUND=return] dns", " files [NOTFOUND=return]dns", " files [notfound=Return] dns",
        " files [SUCCESS=return] dns", " files [NOTFOUND=continue] dns", " files [UNAVAIL=return] dns",
        " files [TRYAGAIN=return] dns", " files [NOTFOUND=continue UNAVAIL=return] dns", " files dns [NOTFOUND=return]",
        " files [ NOTFOUND=return ] dns", " files mdns dns", " files mdns_minimal [!NOTFOUND=foo] dns",
        " files mdnsAnything dns", " files mdns4_minimal\t[NOTFOUND=return] dns", " files\nhosts: dns")},
    **{f"hosts:{line!r} is cgo": (case(nsswitch=f"hosts:{line}\n"), {5: "cgo"}) for line in (
        " files\tdns", " files[NOTFOUND=return] dns", " [NOTFOUND=return] files dns", " files [NOTFOUND=return] [UNAVAIL=return] dns",
        " files [!UNAVAIL=return] dns", " files [!SUCCESS=continue] dns", " files [SUCCESS=continue] dns",
        " files [SUCCESS=merge] dns", " files [TRYAGAIN=3] dns", " files [FOO=return] dns", " files [NOTFOUND=foo] dns",
        " files [NOTFOUND=return UNAVAIL=continue] dns", " FILES dns", " files MDNS dns", " files resolve dns",
        " files dns ldap", " wins", " mdns", " files resolve [!UNAVAIL=return] dns")},
    "dns first": (hosts("dns files"), {5: "dns,files"}),
    "files alone": (hosts("files"), {5: "files"}),
    "dns alone": (hosts("dns"), {5: "dns"}),
    "mdns with mdns.allow": (hosts("files mdns dns", mdns=""), {5: "cgo"}),
    "mdns with a directory as mdns.allow": (hosts("files mdns dns", mdns="DIR"), {5: "cgo"}),
    "mdns with a dangling link as mdns.allow": (hosts("files mdns dns", mdns="DANGLING"), {5: "files,dns"}),
    "mdns with a loop as mdns.allow": (hosts("files mdns dns", mdns="LOOP"), {5: "files,dns", 21: "cgo"}),
    "mdns.allow without mdns": (case(mdns="*\n"), {5: "files,dns"}),
    "forced: an unknown source": (hosts("dns frob files", **FORCED), {5: "files,dns", 21: "dns,files"}),
    "forced: an unknown source stands for dns": (hosts("frob files", **FORCED), {5: "files,dns", 21: "dns,files"}),
    "forced: files, and one that stands for dns": (hosts("files frob", **FORCED), {5: "files,dns"}),
    "forced: an unknown source alone": (hosts("frob", **FORCED), {5: "files,dns", 21: "dns"}),
    "forced: not where dns is listed": (hosts("frob files dns", **FORCED), {5: "files,dns"}),
    "forced: mdns is skipped": (hosts("mdns dns files", **FORCED), {5: "files,dns", 7: "dns,files"}),
    "forced: mdns stands for dns": (hosts("mdns files", **FORCED), {5: "files,dns", 7: "files", 21: "dns,files"}),
    "forced: criteria": (hosts("dns [!UNAVAIL=return] files", **FORCED), {5: "files,dns", 21: "dns,files"}),
    "forced: mdns and mdns.allow": (hosts("dns mdns files", mdns="", **FORCED), {5: "files,dns", 21: "dns,files"}),
    "forced: myhostname": (
        hosts("dns myhostname files", name="localhost", **FORCED), {5: "files,dns", 21: "dns,files"}),
    "forced: nothing left": (hosts("mdns", **FORCED), {5: "files,dns", 21: "dns"}),
    "a line of 65536 bytes ends reading since 1.20": (
        case(nsswitch=f"hosts: dns files\npasswd: {'x' * 65528}\ngarbage\n"), {5: "cgo", 20: "dns,files"}),
    # ── variables and GODEBUG ──
    "LOCALDOMAIN, even empty": (case(env={"LOCALDOMAIN": ""}), {5: "cgo"}),
    "RES_OPTIONS": (case(env={"RES_OPTIONS": " "}), {5: "cgo"}),
    "HOSTALIASES": (case(env={"HOSTALIASES": "x"}), {5: "cgo"}),
    "RES_OPTIONS and HOSTALIASES, empty": (case(env={"RES_OPTIONS": "", "HOSTALIASES": ""}), {5: "files,dns"}),
    "ASR_CONFIG": (case(env={"ASR_CONFIG": "x"}), {5: "files,dns"}),
    "LOCALDOMAIN in a forced binary": (
        hosts("dns files", env={"LOCALDOMAIN": ""}, **FORCED), {5: "files,dns", 21: "dns,files"}),
    "netdns=go beats LOCALDOMAIN": (
        hosts("dns files", env={"LOCALDOMAIN": "", "GODEBUG": "netdns=go"}), {5: "files,dns", 21: "dns,files"}),
    **{f"GODEBUG={value!r} asks for cgo": (case(env={"GODEBUG": value}), {5: "cgo"}) for value in (
        "netdns=cgo", "netdns=cgo+2", "netdns=2+cgo", "x=1,netdns=cgo", "netdns=cgo,x=1", "netdns=go+cgo")},
    **{f"GODEBUG={value!r} asks for nothing": (case(env={"GODEBUG": value}), {5: "files,dns"}) for value in (
        "netdns=CGO", "netdns=bogus", "netdns=", "netdns", " netdns=cgo", "xnetdns=cgo", "netdns=cgo+bogus", "netdns=cgo ",
        "netdns=2cgo")},
    "of several netdns= the first counts up to 1.19": (
        case(env={"GODEBUG": "netdns=cgo,netdns=go"}), {5: "cgo", 20: "files,dns"}),
    "an empty first one counts too": (case(env={"GODEBUG": "netdns=,netdns=cgo"}), {5: "files,dns", 20: "cgo"}),
    "a # begins a pattern since 1.21": (case(env={"GODEBUG": "netdns=cgo#"}), {5: "files,dns", 21: "cgo"}),
    "netdns=cgo without cgo": (
        hosts("dns files", env={"GODEBUG": "netdns=cgo"}, **FORCED), {5: "files,dns", 21: "dns,files"}),
    "netdns=cgo with tag netgo": (
        hosts("dns files", env={"GODEBUG": "netdns=cgo"}, tags=["netgo"]), {5: "files,dns", 21: "dns,files"}),
    "netdns=cgo reads no file": (case(env={"GODEBUG": "netdns=cgo"}, nsswitch=None), {5: "cgo"}),
    "an embedded netdns counts since 1.20": (
        hosts("files", default_godebug="netdns=cgo"), {5: "files", 20: "cgo"}),
    "any netdns= in the environment replaces it": (
        hosts("files", default_godebug="netdns=cgo", env={"GODEBUG": "netdns="}), {5: "files"}),
    "another key does not": (
        hosts("files", default_godebug="netdns=cgo", env={"GODEBUG": "x=1"}), {5: "files", 20: "cgo"}),
    # ── builds ──
    "netcgo": (case(tags=["netcgo"]), {5: "cgo"}),
    "netcgo with netdns=go": (
        hosts("dns files", tags=["netcgo"], env={"GODEBUG": "netdns=go"}), {5: "files,dns", 21: "dns,files"}),
    "netcgo without cgo": (hosts("dns files", cgo=False, tags=["netcgo"]), {5: "files,dns", 7: "dns,files"}),
    "netcgo and netgo": (hosts("dns files", tags=["netcgo", "netgo"]), {5: "files,dns", 21: "dns,files"}),
    "forced binaries read nsswitch.conf since 1.7": (hosts("dns files", **FORCED), {5: "files,dns", 7: "dns,files"}),
    # ── names ──
    **{f"{name!r} is an address": (case(name=name, resolv="options foo\n"), {5: None}) for name in (
        "10.1.2.3", "::1", "::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4")},
    **{f"{name!r} is no address": (case(name=name), {5: "files,dns"}) for name in (
        "10.1.2", "1.2.3.256", "1.2.3.4.", "0x7f.1", ":::", "1:", "::1::", "1:2:3:4:5:6:7:8::", "1.2.3.4::", "::12345",
        "١.٢.٣.٤", "::1.2.3", "1:2:3:4:5:1.2.3.4")},
    "a zone is part of an address since 1.11": (case(name="fe80::1%eth0"), {5: "cgo", 11: None}),
    "for Dial it always was": (case(name="fe80::1%eth0", call="dial"), {5: None}),
    "an empty zone up to 1.20": (case(name="fe80::1%"), {5: "cgo", 11: None, 21: "cgo"}),
    "a zone begins at the last %, since 1.21 at the first": (case(name="fe80::1%a%b"), {5: "cgo", 21: None}),
    "leading zeros up to 1.16": (case(name="010.1.2.3"), {5: None, 17: "files,dns"}),
    "long groups up to 1.22": (case(name="00001::1"), {5: None, 23: "files,dns"}),
    "an empty name": (case(name=""), {5: None}),
    "a backslash": (case(name="a\\b"), {5: "cgo"}),
    "a percent sign": (case(name="a%b"), {5: "cgo"}),
    **{f"{name!r} ends in .local": (case(name=name), {5: "cgo", 23: "files,dns"}) for name in (
        "foo.local", "FOO.LOCAL", "foo.local.", ".local")},
    **{f"{name!r} does not": (case(name=name), {5: "files,dns"}) for name in ("local", "foo.locally", "foo.local..")},
    ".local with mdns": (hosts("files mdns4 dns", name="foo.local"), {5: "cgo"}),
    ".local in a forced binary": (hosts("dns files", name="foo.local", **FORCED), {5: "files,dns", 7: "files,dns", 21: "dns,files"}),
    "localhost is nothing special": (case(name="localhost"), {5: "files,dns"}),
    "up to 1.7 myhostname answers names without a dot": (
        hosts("files myhostname dns", name="peer0"), {5: "cgo", 8: "files,dns"}),
    "a trailing dot is a dot": (hosts("files myhostname dns", name="peer0."), {5: "files,dns"}),
    **{f"myhostname answers {name!r}": (hosts("files myhostname dns", name=name), {8: "cgo"}) for name in (
        "localhost", "LOCALHOST", "localhost.localdomain", "a.localhost", "a.localhost.localdomain", "m7", "M7.", "localhost.")},
    **{f"myhostname leaves {name!r}": (hosts("files myhostname dns", name=name), {8: "files,dns"}) for name in (
        "m7.example.com", "_localdnsstub", "_localdnsproxy", "gateway.example.com", "localdomain", "m7..")},
    "gateway up to 1.19": (hosts("files myhostname dns", name="Gateway."), {5: "files,dns", 8: "cgo", 20: "files,dns"}),
    "_gateway since 1.20": (hosts("files myhostname dns", name="_gateway"), {8: "files,dns", 20: "cgo"}),
    "_outbound since 1.20": (hosts("files myhostname dns", name="_Outbound"), {8: "files,dns", 20: "cgo"}),
    "a whole name can be the machine's own": (
        hosts("files myhostname dns", name="n.example.com", system_hostname="N.example.com"), {5: "files,dns", 8: "cgo"}),
    "the name '.' with myhostname": (hosts("files myhostname dns", name="."), {5: "files,dns", 21: "cgo"}),
    "the name '.' with mdns": (hosts("files mdns dns", name="."), {5: "files,dns", 21: "cgo"}),
    # ── calls ──
    **{f"{call}": (case(call=call, env={"LOCALDOMAIN": "", "GODEBUG": "netdns=cgo"}), {5: None}) for call in ("txt", "srv", "mx", "ns")},
    "cname up to 1.19 is decided without the name": (
        hosts("files dns", call="cname", name="a%b"), {5: "files,dns", 20: "cgo"}),
    "cname of an empty name": (case(call="cname", name=""), {5: "files,dns"}),
    "cname of an address": (case(call="cname", name="10.1.2.3"), {5: "files,dns"}),
    "addr is decided without the name": (case(call="addr", name="fe80::1%x"), {5: "files,dns"}),
    "addr with myhostname": (
        hosts("files myhostname dns", call="addr", name="10.1.2.3"), {5: "cgo", 7: "files,dns", 21: "cgo"}),
    "addr with mdns": (hosts("files mdns dns", call="addr", name="10.1.2.3"), {5: "files,dns", 21: "cgo"}),
    "addr, an empty host name": (
        hosts("files myhostname dns", call="addr", name="10.1.2.3", system_hostname=""),
        {5: "cgo", 7: "files,dns", 8: "cgo"}),
    "port": (case(call="port", name="http"), {5: "files,dns", 21: None}),
    "port with an unknown option": (case(call="port", name="http", resolv="options x\n"), {5: "cgo", 21: None}),
    "port by number": (case(call="port", name="80"), {5: "files,dns", 7: None}),
    "port by signs": (case(call="port", name="-"), {5: "files,dns", 7: None}),
    "port by two signs": (case(call="port", name="--1"), {5: "files,dns", 21: None}),
    "port by other digits": (case(call="port", name="٨٠"), {5: "files,dns", 21: None}),
    "port of nothing": (case(call="port", name=""), {5: "files,dns", 6: None}),
}  # fmt: skip
"""Statement → a case, and the order by the release from which on it is printed."""

PORTS = {
    "cgo wherever it may be": (case(call="port", name="http"), "cgo"),
    "not without cgo": (case(call="port", name="http", **FORCED), "go"),
    "not with netdns=go": (case(call="port", name="http", env={"GODEBUG": "netdns=go"}), "go"),
    "a number asks nobody": (case(call="port", name="+80"), "none"),
}


def expected(eras: dict[int, str | None], minor: int) -> str | None:
    return eras[max(since for since in eras if since <= minor)]


def rows() -> list[tuple[str, dict[str, Any], int, str | None]]:
    """Every statement in every release that it speaks of."""
    return [
        (statement, {**row, "go": f"1.{minor}"}, minor, expected(eras, minor))
        for statement, (row, eras) in STATEMENTS.items()
        for minor in RELEASES
        if minor >= min(eras)
    ]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statement_holds_in_every_release(statement: str) -> None:
    row, eras = STATEMENTS[statement]
    seen = {minor: answer({**row, "go": f"1.{minor}"}) for minor in RELEASES if minor >= min(eras)}
    errors = {minor: reply["error"] for minor, reply in seen.items() if "error" in reply}
    assert not errors
    assert {minor: reply["order"] for minor, reply in seen.items()} == {minor: expected(eras, minor) for minor in seen}


@pytest.mark.parametrize("statement", PORTS)
def test_ports_since_121(statement: str) -> None:
    row, decision = PORTS[statement]
    for minor in range(21, 28):
        assert answer({**row, "go": f"1.{minor}"})["decision"] == decision


def test_patch_release_decides_nothing() -> None:
    row = case(resolv="options edns0\n")
    assert [answer({**row, "go": go})["order"] for go in ("1.19", "1.19.13", "1.20", "1.20.14")] == [
        "cgo", "cgo", "files,dns", "files,dns",
    ]  # fmt: skip


def test_machine_without_a_name() -> None:
    row = hosts("files myhostname dns", system_hostname=None)
    assert answer({**row, "go": "1.9"})["order"] == "cgo"
    assert "the machine's own name is not known" in answer({**row, "go": "1.12"})["error"]
    assert answer({**row, "go": "1.12", "name": "localhost"})["order"] == "cgo"


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"files": {"nsswitch.conf": None}}, "resolv.conf is not known"),
        ({"files": {"resolv.conf": None}}, "nsswitch.conf is not known"),
        ({"files": {"resolv.conf": None, "nsswitch.conf": "hosts: mdns files\n"}}, "mdns.allow is not known"),
        ({"special": {"resolv.conf": "mode000"}, "uid": None}, "the process's user is not known"),
    ],
)
def test_what_is_not_known_is_said(row: dict[str, Any], error: str) -> None:
    assert error in answer({**case(), "go": "1.22", **row})["error"]


def test_what_is_not_known_does_not_matter_where_it_is_not_asked() -> None:
    row = {**case(), "go": "1.22", "files": {}, "env": {"LOCALDOMAIN": ""}}
    assert answer(row)["decision"] == "cgo"
    assert answer({**row, "call": "txt"})["decision"] == "go"
