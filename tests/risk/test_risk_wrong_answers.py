"""A static glibc program that does not enter libc may still answer otherwise than its owner means."""

from inspector.facts import BinaryFacts, ContextFile, Exposure, GoBuild, ImageLibc, Libc, ResolverContext, RootFsFacts
from inspector.risk import judge

PEER = BinaryFacts(
    path="/usr/local/bin/peer",
    size=1,
    machine="x86-64",
    linkage="static",
    stripped=False,
    libc=Libc(kind="glibc", version="2.31"),
    go=GoBuild(version="1.15.15"),
    exposures=(Exposure(kind="dns", evidence=("net._C2func_getaddrinfo",)),),
)
ROOT = RootFsFacts(libc=ImageLibc(kind="glibc", version="2.31"), nss=("dns", "files"))


def level(nsswitch: str, options: str = "") -> str:
    files = {
        "resolv.conf": ContextFile(text=f"nameserver 127.0.0.11\n{options}"),
        "nsswitch.conf": ContextFile(text=nsswitch),
    }
    context = ResolverContext(files=files, system_hostname="container")
    return judge(PEER, ROOT, context, call="host", name="orderer.example.com").level


def test_a_wrong_answer_outranks_a_latent_crash() -> None:
    assert level("hosts: files [NOTFOUND=return] dns\n") == "wrong"
    assert level("hosts: files dns\n") == "latent"


def test_a_crash_outranks_a_wrong_answer() -> None:
    assert level("hosts: files [NOTFOUND=return] dns\n", "options edns0\n") == "crash"
