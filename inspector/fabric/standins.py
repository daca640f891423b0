"""What an official Fabric image holds, by its name and tag: stands in where the image itself cannot be had.

Inferred from the release lines (``releases.py``). A rebuilt image under the same name may hold something else, so every
verdict is marked inferred.
"""

from __future__ import annotations

from inspector.fabric.releases import line_of
from inspector.facts import (
    BinaryFacts,
    Exposure,
    GoBuild,
    ImageConfig,
    ImageLibc,
    Libc,
    RootFsFacts,
    Target,
)  # fmt: skip
from inspector.records import dataclass

_TOOLS = ("peer", "configtxgen", "configtxlator", "cryptogen", "discover", "idemixgen")
_CA = ("fabric-ca-server", "fabric-ca-client")
_DNS = Exposure(kind="dns", evidence=("net._C2func_getaddrinfo",))
_USER = Exposure(kind="user", evidence=("os/user._Cfunc_mygetpwuid_r",))
_PLAIN_NSSWITCH = "hosts: files dns\n"
_DEBIAN_NSSWITCH = (
    "passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nprotocols: db files\nservices: db files\n"
)
_XENIAL_NSSWITCH = _DEBIAN_NSSWITCH.replace("passwd: files\ngroup: files", "passwd: compat\ngroup: compat")
_USERS = "root:x:0:0:root:/root:/bin/bash\n"
_GROUP = "root:x:0:\n"
_LOADER = "/lib64/ld-linux-x86-64.so.2"
_MUSL_LOADER = "/lib/ld-musl-x86_64.so.1"


@dataclass(frozen=True, slots=True)
class _Make:
    """How an image's programs are linked, and on what they run."""

    linkage: str
    """static glibc, dynamic glibc, dynamic musl."""
    go: str
    inside: str | None
    """Version of the glibc inside a static program."""
    image: str | None
    """Version of the image's glibc; None: musl."""
    writes_nsswitch: bool
    source: str


def stand_in(repository: str, tag: str | None) -> Target | None:
    """Return what an official image is known to hold, or None where nothing is known of it.

    Args:
        repository: path of the repository without the registry: ``hyperledger/fabric-peer``.
        tag: as ``1.4.3``, ``amd64-1.4.3`` or ``x86_64-1.0.6``; ``latest`` and ``2.5`` name no release.
    """
    owner, _, name = repository.rpartition("/")
    programs = {"fabric-peer": ("peer",), "fabric-orderer": ("orderer",), "fabric-tools": _TOOLS, "fabric-ca": _CA}
    if owner.rpartition("/")[2] != "hyperledger" or name not in programs or tag is None:
        return None
    make = _make_of(name, tag)
    if make is None:
        return None
    return Target(
        reference=f"{repository}:{tag}",
        platform="linux/amd64",
        config=ImageConfig(cmd=(programs[name][0],)),
        rootfs=_rootfs(make),
        binaries=tuple(_binary(program, make) for program in programs[name]),
        inferred=f"inferred from Fabric's releases, the image was not read ({make.source})",
    )


def _make_of(name: str, tag: str) -> _Make | None:
    line = line_of(tag, "fabric-ca" if name == "fabric-ca" else "fabric-peer")
    if line is None or line.linkage in {"static musl", "static pure Go"}:  # of two pre-releases only
        return None
    linkage: str = line.linkage
    if name == "fabric-tools" and line.at_risk and line.first >= (1, 2, 0):
        linkage = "dynamic glibc"  # built in a Docker stage with other flags: d3e8c0068, FAB-8551
    inside = (line.builder_glibc or line.base_glibc) if "static" in linkage else None
    return _Make(linkage, line.go[0], inside, line.base_glibc, line.writes_nsswitch, line.source)


def _binary(program: str, make: _Make) -> BinaryFacts:
    minor = int(make.go.split(".")[1])
    # archive/tar asks os/user from Go 1.10 on (golang/go#24787); builds of 1.0.6 and 1.1.1 have no such code.
    exposures = (_DNS, _USER) if minor >= 10 and program != "orderer" else (_DNS,)
    static = make.linkage == "static glibc"
    interpreter = {"dynamic glibc": _LOADER, "dynamic musl": _MUSL_LOADER}.get(make.linkage)
    return BinaryFacts(
        path=f"/usr/local/bin/{program}",
        size=0,
        machine="x86-64",
        linkage="static" if static else "dynamic",
        interpreter=interpreter,
        missing=(),
        stripped=False,
        libc=Libc(kind="musl" if make.linkage == "dynamic musl" else "glibc", version=make.inside),
        go=GoBuild(version=make.go),
        exposures=exposures,
        dl_var_init=False,
        found=(f"fabric:{program}",),
    )


def _rootfs(make: _Make) -> RootFsFacts:
    musl = make.image is None
    nsswitch = _XENIAL_NSSWITCH if make.image == "2.23" else _DEBIAN_NSSWITCH
    if musl or make.writes_nsswitch:
        nsswitch = _PLAIN_NSSWITCH
    has_nsswitch = not musl or make.writes_nsswitch
    return RootFsFacts(
        libc=ImageLibc(kind="musl" if musl else "glibc", version=make.image),
        nss=() if musl else ("compat", "dns", "files", "hesiod"),
        libresolv=not musl,
        ld_so_cache=not musl,
        interpreters=(_MUSL_LOADER,) if musl else (_LOADER,),
        loader_dl_var_init=False,
        nss_tls=(),
        files={
            "nsswitch.conf": nsswitch if has_nsswitch else None,
            "mdns.allow": None,
            "passwd": _USERS,
            "group": _GROUP,
            "services": None,
        },
    )
