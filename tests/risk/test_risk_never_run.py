"""What nobody saw live is not said to live, and what nobody ran is not said to have been seen."""

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


def said(binary: BinaryFacts, image: ImageLibc, call: str = "host") -> Verdict:
    texts = {
        "resolv.conf": "nameserver 192.0.2.53\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "group": "root:x:0:\n",
        "hosts": "127.0.0.1 localhost\n",
    }
    files = {key: ContextFile(text=text) for key, text in texts.items()}
    context = ResolverContext(files=files, uid=0, system_hostname="box")
    root = RootFsFacts(libc=image, nss=("dns", "files"))
    return judge(binary, root, context, call=call, name="peer0.example.com")  # type: ignore[arg-type]


def static(inside: str, machine: str = "x86-64") -> BinaryFacts:
    return BinaryFacts(
        path="/srv/server", size=1, machine=machine, linkage="static", libc=Libc(kind="glibc", version=inside),
        go=GoBuild(version="1.15"), exposures=(Exposure(kind="user", evidence=()),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("inside", "image", "machine"),
    [("2.17", "2.28", "x86-64"), ("2.28", "2.31", "x86-64"), ("2.27", "2.28", "x86-64"), ("2.23", "2.31", "386")],
)
def test_an_old_glibc_lives_in_another_one_only_where_it_was_run(inside: str, image: str, machine: str) -> None:
    verdict = said(static(inside, machine), ImageLibc(kind="glibc", version=image), "current")
    assert (verdict.level, verdict.confidence) == ("unknown", "unknown")


def test_where_it_was_run_it_lives() -> None:
    verdict = said(static("2.23"), ImageLibc(kind="glibc", version="2.31"), "current")
    assert verdict.outcome is None
    assert (verdict.level, verdict.confidence) == ("latent", "observed")


@pytest.mark.parametrize(
    ("machine", "go", "expected"),
    [("x86-64", GoBuild(version="1.22.5"), "observed"), ("riscv64", GoBuild(version="1.22.5"), "inferred"),
     ("x86-64", None, "inferred")],
)  # fmt: skip
def test_what_has_no_way_in_was_seen_on_amd64_as_a_go_program(machine: str, go: GoBuild | None, expected: str) -> None:
    binary = BinaryFacts(
        path="/srv/server", size=1, machine=machine, linkage="static", libc=Libc(kind="none"), go=go, exposures=()
    )
    verdict = said(binary, ImageLibc(kind="musl"))
    assert (verdict.rule, verdict.level, verdict.confidence) == ("no-way-in", "safe", expected)


@pytest.mark.parametrize(("go", "expected"), [("1.9.7", "inferred"), ("1.15.15", "observed"), ("1.19.8", "observed")])
def test_a_program_that_cannot_start_was_seen_with_two_releases(go: str, expected: str) -> None:
    binary = BinaryFacts(
        path="/srv/server", size=1, machine="x86-64", linkage="static", libc=Libc(kind="glibc"),
        go=GoBuild(version=go, runtime_cgo=False), exposures=(),
    )  # fmt: skip
    verdict = said(binary, ImageLibc(kind="glibc", version="2.36"))
    assert (verdict.rule, verdict.level, verdict.confidence) == ("cannot-start", "crash", expected)
