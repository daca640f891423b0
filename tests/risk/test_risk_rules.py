"""Every rule: a case in which it speaks, and one that differs in a single thing and in which it does not."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from inspector.environments import preset
from inspector.facts import (
    BinaryFacts,
    Call,
    ContextFile,
    Exposure,
    ExposureKind,
    GoBuild,
    ImageLibc,
    Libc,
    ResolverContext,
    RootFsFacts,
    Target,
    Verdict,
)
from inspector.judging import Wishes
from inspector.judging import judge as judge_target
from inspector.judging import judge_target as judge_in
from inspector.risk import RULES, judge

LOADER = "/lib64/ld-linux-x86-64.so.2"
PASSWD = "root:x:0:0:root:/root:/bin/sh\n"


def program(version: str = "1.15.15", glibc: str | None = "2.31", *kinds: ExposureKind, **changes: Any) -> BinaryFacts:
    """A static Go program with a glibc inside and the cgo resolver, unless changed."""
    exposures = tuple(Exposure(kind=kind, evidence=(f"{kind} symbol",)) for kind in kinds or ("dns", "user"))
    facts = BinaryFacts(
        path="/srv/server",
        size=1,
        machine="x86-64",
        linkage="static",
        libc=Libc(kind="glibc", version=glibc),
        go=GoBuild(version=version),
        exposures=exposures,
    )
    return replace(facts, **changes)


def image(glibc: str | None = "2.36", *modules: str, kind: Any = "glibc", **changes: Any) -> RootFsFacts:
    facts = RootFsFacts(
        libc=ImageLibc(kind=kind, version=glibc), nss=("dns", "files", *modules), interpreters=(LOADER,), libresolv=True
    )
    return replace(facts, **changes)


def context(
    resolv: str = "", nsswitch: str | None = "hosts: files dns\n", uid: int | None = 0, **env: str
) -> ResolverContext:
    texts = {
        "resolv.conf": f"nameserver 127.0.0.11\n{resolv}",
        "nsswitch.conf": nsswitch,
        "hosts": "127.0.0.1 localhost\n",
        "passwd": PASSWD,
        "group": "root:x:0:\n",
        "services": "http 80/tcp\n",
        "mdns.allow": None,
    }
    files = {name: ContextFile(text=text) for name, text in texts.items()}
    return ResolverContext(files=files, env=env, uid=uid, system_hostname="container")


SERVER, BOOKWORM, PLAIN = program(), image(), context()


@dataclass(frozen=True)
class Sample:
    """One thing judged, and what is to come of it."""

    rule: str
    says: str
    """Level and outcome, ``crash/dies``, ``safe``…"""
    binary: BinaryFacts = SERVER
    root: RootFsFacts = BOOKWORM
    context: ResolverContext = PLAIN
    call: Call = "host"
    name: str | None = "orderer.example.com"
    known: bool = True
    platform: str | None = "linux/amd64"

    def judged(self) -> Verdict:
        return judge(
            self.binary,
            self.root,
            self.context,
            call=self.call,
            name=self.name,
            known=self.known,
            platform=self.platform,
        )


FIRES = {"crash", "wrong", "unknown"}
FORCED = context(GODEBUG="netdns=cgo")
DYNAMIC = program(
    "1.21.0", None, linkage="dynamic", libc=Libc(kind="glibc"), interpreter=LOADER, needs_glibc="2.34",
    needed=("libc.so.6",), missing=(),
)  # fmt: skip
PIE = replace(DYNAMIC, linkage="dynamic-pie")
ALPINE = image(None, kind="musl", nss=(), interpreters=("/lib/ld-musl-x86_64.so.1",))
CLIB = program("1.21.0", "2.31", "clib", go=None)
SYSTEMD = context(nsswitch="hosts: files dns\npasswd: files systemd\ngroup: files systemd\n", uid=12345)
NEW = program("1.27.3", "2.36")

SAMPLES = {
    "an option that Go does not know": Sample("static-glibc-dns", "crash/dies", context=context("options edns0\n")),
    "the option once Go knows it": Sample(
        "static-glibc-dns", "latent", program("1.20.0"), context=context("options edns0\n")
    ),
    "the option and GODEBUG": Sample(
        "static-glibc-dns", "latent", context=context("options edns0\n", GODEBUG="netdns=go")
    ),
    "old glibc, no libc in the image": Sample(
        "static-glibc-dns", "crash/cannot-resolve", root=image(None, kind="none", nss=()), context=FORCED
    ),
    "an address, which nobody is asked for": Sample(
        "static-glibc-dns", "safe", context=context("options edns0\n"), call="ip", name="192.0.2.1"
    ),
    "a module of another glibc": Sample(
        "static-glibc-dns", "crash/dies", NEW, image("2.41", "mdns4_minimal"),
        context(nsswitch="hosts: files mdns4_minimal [NOTFOUND=return] dns\n", GODEBUG="netdns=cgo"),
    ),
    "a module of the same glibc": Sample(
        "static-glibc-dns", "latent", NEW, image("2.36", "mdns4_minimal"),
        context(nsswitch="hosts: files mdns4_minimal [NOTFOUND=return] dns\n", GODEBUG="netdns=cgo"),
    ),
    "a module that is not in the image": Sample(
        "static-glibc-dns", "latent", NEW, image("2.41"),
        context(nsswitch="hosts: files mdns4_minimal [NOTFOUND=return] dns\n", GODEBUG="netdns=cgo"),
    ),
    "which modules the image has is not known": Sample(
        "static-glibc-dns", "unknown", root=image(nss=None), context=FORCED
    ),
    "os/user, whatever GODEBUG says": Sample(
        "static-glibc-user", "crash/dies", context=context(GODEBUG="netdns=go"), call="user", name="root"
    ),
    "os/user as a symbol only": Sample("static-glibc-user", "latent/dies", call="user", name="root", known=False),
    "os/user for its own user in the same glibc": Sample(
        "static-glibc-user", "latent", root=image("2.31"), call="uid", name="0"
    ),
    "a uid without a passwd entry, systemd": Sample(
        "static-glibc-user", "crash/dies", NEW, image("2.36", "systemd"), SYSTEMD, "current", None
    ),
    "the uid has its entry": Sample(
        "static-glibc-user", "safe", NEW, image("2.36", "systemd"), replace(SYSTEMD, uid=0), "current", None
    ),
    "os/user in Go itself": Sample(
        "no-way-in", "safe", program("1.15.15", "2.31", "dns"), call="user", name="root"
    ),
    "C code's own look-up, whatever GODEBUG says": Sample(
        "static-glibc-clib", "crash/dies", CLIB, context=context(GODEBUG="netdns=go"), call="clib"
    ),
    "C code as a symbol only": Sample("static-glibc-clib", "latent/dies", CLIB, call="clib", known=False),
    "C code with a newer glibc inside": Sample(
        "static-glibc-clib", "safe", program("1.21.0", "2.36", "clib", go=None), call="clib"
    ),
    "a named port": Sample("static-glibc-ports", "crash/dies", context=FORCED, call="port", name="http"),
    "a named port by Go": Sample("static-glibc-ports", "latent", call="port", name="http"),
    "a port that Go 1.21 has in its own list": Sample(
        "static-glibc-ports", "safe", program("1.21.0"), image(None, kind="none", nss=()), FORCED, "port", "http"
    ),
    "the same before Go 1.21": Sample(
        "static-glibc-ports", "crash/cannot-resolve", program("1.20.0"), image(None, kind="none", nss=()), FORCED,
        "port", "http",
    ),
    "glibc program on Alpine": Sample("cannot-start", "crash/cannot-start", DYNAMIC, ALPINE),
    "a newer GLIBC_x.y": Sample("cannot-start", "crash/cannot-start", DYNAMIC, image("2.31")),
    "the very GLIBC_x.y": Sample("no-way-in", "safe", DYNAMIC, image("2.34")),
    "dynamic-pie of a newer glibc": Sample("cannot-start", "crash/cannot-start", PIE, image("2.31")),
    "dynamic-pie of this glibc": Sample("no-way-in", "safe", PIE, image("2.36")),
    "dynamic-pie of musl in an image of glibc": Sample(
        "cannot-start", "crash/cannot-start",
        replace(PIE, libc=Libc(kind="musl"), interpreter="/lib/ld-musl-x86_64.so.1", needs_glibc=None),
    ),
    "a library that is missing": Sample(
        "cannot-start", "crash/cannot-start", replace(DYNAMIC, missing=("libltdl.so.7",))
    ),
    "another machine": Sample("cannot-start", "crash/cannot-start", program(machine="aarch64")),
    "another machine, nothing says for which the image is": Sample(
        "static-glibc-dns", "latent", program(machine="aarch64"), platform=None
    ),
    "32 bits on a machine that runs them": Sample("static-glibc-dns", "latent", program(machine="386")),
    "something in the place of glibc's loader": Sample(
        "cannot-start", "unknown", DYNAMIC, image(None, kind="musl", nss=())
    ),
    "Go before 1.21, linked by the C linker without a way into libc": Sample(
        "cannot-start", "unknown", program("1.19.8", None, exposures=())
    ),
    "the same, without runtime/cgo": Sample(
        "cannot-start", "crash/cannot-start",
        program("1.19.8", None, exposures=(), go=GoBuild(version="1.19.8", runtime_cgo=False)),
    ),
    "the same, without runtime/cgo, on a machine where it was never run": Sample(
        "cannot-start", "unknown",
        program("1.19.8", None, exposures=(), go=GoBuild(version="1.19.8", runtime_cgo=False), machine="aarch64"),
        platform="linux/arm64",
    ),
    "the same, with runtime/cgo": Sample(
        "no-way-in", "safe", program("1.19.8", None, exposures=(), go=GoBuild(version="1.19.8", runtime_cgo=True))
    ),
    "without runtime/cgo since Go 1.21": Sample(
        "no-way-in", "safe", program("1.21.0", None, exposures=(), go=GoBuild(version="1.21.0", runtime_cgo=False))
    ),
    "the same since Go 1.21": Sample("no-way-in", "safe", program("1.21.13", None, exposures=())),
    "a module that was never run": Sample(
        "static-glibc-user", "unknown", NEW, image("2.36", "sss"),
        context(nsswitch="hosts: files dns\npasswd: files sss\n"), "uid", "999",
    ),
    "the same with a file that shows no thread-local data": Sample(
        "static-glibc-user", "latent", NEW, image("2.36", "sss", nss_tls=()),
        context(nsswitch="hosts: files dns\npasswd: files sss\n"), "uid", "999",
    ),
    "which interpreters there are is not known": Sample("cannot-start", "unknown", DYNAMIC, image(interpreters=None)),
    "Go before 1.16 without nsswitch.conf": Sample(
        "dns-before-files", "wrong/wrong-answer", program("1.15.15", None, libc=Libc(kind="musl")),
        ALPINE, context(nsswitch=None),
    ),
    "Go before 1.16, a file without a line for hosts": Sample(
        "dns-before-files", "wrong/wrong-answer", program("1.15.15", None, libc=Libc(kind="musl")),
        ALPINE, context(nsswitch="passwd: files\n"),
    ),
    "Go 1.16 without nsswitch.conf": Sample(
        "no-way-in", "safe", program("1.16.0", None, libc=Libc(kind="musl")), ALPINE, context(nsswitch=None)
    ),
    "Go before 1.16 that is told dns first": Sample(
        "no-way-in", "safe", program("1.15.15", None, libc=Libc(kind="musl")), ALPINE,
        context(nsswitch="hosts: dns files\n"),
    ),
    "NOTFOUND=return": Sample(
        "notfound-return", "wrong/wrong-answer", NEW, image(),
        context(nsswitch="hosts: files [NOTFOUND=return] dns\n"),
    ),
    "NOTFOUND=continue": Sample(
        "static-glibc-dns", "safe", NEW, image("2.41", "mdns4"),
        context(nsswitch="hosts: files [NOTFOUND=continue] dns\n"),
    ),
    "a debug level over an embedded netdns=go": Sample(
        "debug-switch", "wrong/wrong-answer",
        program("1.24.0", None, libc=Libc(kind="musl"), go=GoBuild(version="1.24.0", default_godebug="netdns=go")),
        ALPINE, context("options no-aaaa\n", GODEBUG="netdns=2"),
    ),
    "a debug level that names the resolver": Sample(
        "no-way-in", "safe",
        program("1.24.0", None, libc=Libc(kind="musl"), go=GoBuild(version="1.24.0", default_godebug="netdns=go")),
        ALPINE, context("options no-aaaa\n", GODEBUG="netdns=go+2"),
    ),
    "what the file can do is not known": Sample("not-analysed", "unknown", program(exposures=None)),
    "which libc is inside is not known": Sample("not-analysed", "unknown", program(libc=Libc())),
    "which libc is inside is not known, and nothing enters it": Sample(
        "no-way-in", "safe", program(libc=Libc(), exposures=())
    ),
    "static musl": Sample("no-way-in", "safe", program("1.20.0", None, libc=Libc(kind="musl")), context=FORCED),
    "netgo and osusergo": Sample("no-way-in", "safe", program(exposures=()), context=FORCED),
}  # fmt: skip


def says(verdict: Verdict) -> str:
    return f"{verdict.level}/{verdict.outcome}" if verdict.outcome else verdict.level


@pytest.mark.parametrize("title", SAMPLES)
def test_sample(title: str) -> None:
    sample = SAMPLES[title]
    verdict = sample.judged()
    assert (verdict.rule, says(verdict)) == (sample.rule, sample.says), verdict


def test_every_rule_has_a_sample_that_fires_and_a_near_miss() -> None:
    """``no-way-in`` fires where it says safe; every other rule where it says anything else."""
    judged = [(sample.rule, sample.judged().level) for sample in SAMPLES.values()]
    for rule in (rule.id for rule in RULES):
        assert [level for said, level in judged if said == rule and (level in FIRES or rule == "no-way-in")], rule
        assert [level for said, level in judged if said != rule or level not in FIRES], rule
    assert {rule for rule, _ in judged} == {rule.id for rule in RULES}


def test_rules_give_only_the_levels_that_they_name() -> None:
    levels = {rule.id: {*rule.levels, "latent"} if "safe" in rule.levels else set(rule.levels) for rule in RULES}
    for title, sample in SAMPLES.items():
        assert sample.judged().level in levels[sample.rule], title


@pytest.mark.parametrize("call", ["user", "clib"])
def test_a_symbol_does_not_prove_a_call(call: Call) -> None:
    sample = replace(SAMPLES["os/user as a symbol only" if call == "user" else "C code as a symbol only"])
    latent, crash = sample.judged(), replace(sample, known=True).judged()
    assert latent.level == "latent"
    assert [flip.change for flip in latent.flips if "makes the call" in flip.change]
    assert crash.level == "crash"


def calls_of(binary: BinaryFacts, where: ResolverContext, calls: tuple[Call, ...] = ()) -> dict[str | None, str]:
    target = Target(reference="x", platform="linux/amd64", rootfs=image(), binaries=(binary,))
    return {verdict.call: verdict.level for verdict in judge_target(target, where, calls=calls)}


def test_a_static_peer_is_known_to_ask_for_the_owners_of_what_it_packs() -> None:
    fabric = GoBuild(version="1.15.15", module="github.com/hyperledger/fabric/cmd/peer")
    peer = program(path="/usr/local/bin/peer", go=fabric)
    assert calls_of(peer, context())["uid"] == "crash"
    other = program(path="/usr/local/bin/server")
    assert calls_of(other, context()) == {"host": "latent", "user": "latent", "port": "safe"}


def test_a_port_is_taken_to_be_looked_up_by_name() -> None:
    """Of a number nobody is asked: judged by one, no binary would ever meet static-glibc-ports."""
    target = Target(reference="x", platform="linux/amd64", rootfs=image("2.36"), binaries=(program("1.21.0"),))
    ports = [v for v in judge_target(target, context(), calls=("port",)) if v.call == "port"]
    assert [(v.rule, v.name, v.level, v.decision) for v in ports] == [("static-glibc-ports", "https", "crash", "cgo")]


def test_calls_that_the_user_names_are_known() -> None:
    assert calls_of(program(), context(), ("group",)) == {"host": "latent", "group": "crash", "port": "safe"}


def test_a_uid_without_a_passwd_entry_is_known_to_be_looked_up() -> None:
    target = Target(reference="x", rootfs=image("2.36", "systemd"), binaries=(NEW,))

    def current(where: ResolverContext) -> list[tuple[str, str | None]]:
        return [(v.level, v.outcome) for v in judge_target(target, where) if v.call == "current"]

    assert current(SYSTEMD) == [("crash", "dies")]
    assert current(replace(SYSTEMD, uid=0)) == []
    in_go = replace(target, binaries=(replace(NEW, exposures=(Exposure(kind="dns", evidence=()),)),))
    assert [v.call for v in judge_target(in_go, SYSTEMD)] == ["host", "port"]
    assert current(context(nsswitch="hosts: files dns\npasswd: files\n", uid=12345)) == [("latent", None)]


def test_flips_name_the_presets_in_which_they_are_so() -> None:
    target = Target(
        reference="x",
        platform="linux/amd64",
        rootfs=replace(image(), files={"nsswitch.conf": "hosts: files dns\n"}),
        binaries=(program(),),
    )
    judged = judge_in(target, [preset("docker-network")], Wishes())
    (verdict,) = [verdict for verdict in judged.environments[0].verdicts if verdict.call == "host"]
    first = "'options edns0' in resolv.conf (already so in docker-network-ubuntu, docker-host-ubuntu)"
    assert verdict.flips[0].change == first
