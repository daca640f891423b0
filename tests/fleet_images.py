"""Synthetic images for a store: few builds on few bases, in many images."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product

from inspector.facts import (
    BinaryFacts,
    Exposure,
    GoBuild,
    ImageConfig,
    ImageLibc,
    LayerId,
    Libc,
    RootFsFacts,
    Target,
)

RELEASES = ("1.9.7", "1.10.8", "1.11.5", "1.13.12", "1.14.15", "1.15.15", "1.16.7", "1.17.13", "1.18.7", "1.19.13",
            "1.20.14", "1.21.9", "1.22.5", "1.23.4", "1.24.2")  # fmt: skip
LIBCS = ("2.24", "2.28", "2.31", "2.36")
NSSWITCH = (
    None,
    "hosts: files dns\n",
    "passwd: files\nhosts: files dns\n",
    "passwd: files systemd\nhosts: files mymachines dns myhostname\n",
    "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
    "hosts: dns files\n",
    "passwd: compat\nhosts: files resolve [!UNAVAIL=return] dns\n",
)
PASSWD = "root:x:0:0:root:/root:/bin/sh\n" + "".join(f"u{n}:x:{n}:{n}::/home/u{n}:/bin/sh\n" for n in range(1, 20))
SERVICES = "".join(f"service{n}\t{n}/tcp\n" for n in range(1, 300)) + "https\t443/tcp\n"


def builds() -> Iterator[BinaryFacts]:
    """Yield builds as images have them: static with cgo, static without, dynamic, and C programs."""
    for release, libc in product(RELEASES, LIBCS):
        go = GoBuild(version=release, cgo=True, tags=(), ldflags=None)
        kinds: list[tuple[str, tuple[Exposure, ...]]] = [
            ("static", (Exposure(kind="dns", evidence=("net._C2func_getaddrinfo",)),
                        Exposure(kind="user", evidence=("os/user._Cfunc_mygetpwuid_r",)))),
            ("static", (Exposure(kind="dns", evidence=("net._C2func_getaddrinfo",)),)),
            ("dynamic", (Exposure(kind="dns", evidence=("net._C2func_getaddrinfo",)),)),
        ]  # fmt: skip
        for linkage, exposures in kinds:
            dynamic = linkage == "dynamic"
            yield BinaryFacts(
                path="", size=40_000_000, machine="x86-64", byte_order="little", bits=64, linkage=linkage, go=go,
                interpreter="/lib64/ld-linux-x86-64.so.2" if dynamic else None,
                needed=("libc.so.6",) if dynamic else (), needs_glibc="2.14" if dynamic else None,
                libc=Libc(kind="glibc", version=None if dynamic else libc), exposures=exposures, stripped=False,
            )  # fmt: skip
        yield BinaryFacts(
            path="", size=9_000_000, machine="x86-64", byte_order="little", bits=64, linkage="static",
            go=replace(go, cgo=False), libc=Libc(kind="none"), exposures=(), stripped=True,
        )  # fmt: skip


def bases() -> Iterator[Target]:
    """Yield what images give their programs."""
    for libc, nsswitch, user in product((*LIBCS, None), NSSWITCH, (None, "1000")):
        glibc = libc is not None
        yield Target(
            reference="",
            platform="linux/amd64",
            config=ImageConfig(env={"PATH": "/usr/bin"}, user=user, entrypoint=("/app",)),
            rootfs=RootFsFacts(
                libc=ImageLibc(kind="glibc", version=libc, relr=libc == "2.36") if glibc else ImageLibc(kind="none"),
                nss=("compat", "dns", "files") if glibc else (),
                libresolv=glibc,
                ld_so_cache=glibc,
                interpreters=("/lib64/ld-linux-x86-64.so.2",) if glibc else (),
                files={"nsswitch.conf": nsswitch, "mdns.allow": None, "passwd": PASSWD if glibc else None,
                       "group": "root:x:0:\n" if glibc else None, "services": SERVICES if glibc else None},
            ),
        )  # fmt: skip


def images(number: int, pairs: int) -> Iterator[Target]:
    """Yield ``number`` images of one binary each, spread over ``pairs`` distinct builds × bases."""
    # Builds and bases are taken in turn, so that any number of pairs has builds and bases of every kind.
    unique, grounds = list(dict.fromkeys(builds())), list(bases())
    every = ((build, grounds[(place + shift) % len(grounds)]) for shift in range(len(grounds))
             for place, build in enumerate(unique))  # fmt: skip
    chosen = list(islice(every, pairs))
    if len(chosen) < pairs:
        raise ValueError(f"there are {len(chosen)} pairs only")
    for count in range(number):
        build, base = chosen[count % pairs]
        yield replace(
            base,
            reference=f"registry.example.com/team{count % 400}/service{count // 400}:1.{count}",
            digest=f"sha256:{count:064x}",
            layers=(LayerId(digest=f"sha256:{count % pairs:064x}", diff_id=None),),
            binaries=(replace(build, path="/usr/local/bin/app", build_id=f"{count:040x}"),),
        )
