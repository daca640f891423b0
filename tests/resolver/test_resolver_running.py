"""What a running Go program notices of changed files: the model's word against real programs of three releases."""

import pytest

from inspector.facts import ContextFile, ResolverBuild, ResolverContext
from inspector.resolver import decide
from resolver import observing

PLAIN = "nameserver 127.0.0.1\n"
HOSTS = "hosts: files dns\n"
TOOLCHAINS = ("1.19", "1.22", "1.27")


def notices(go: str, file: str, files: dict[str, str]) -> bool:
    """Whether the model says that a running program notices a change of a file."""
    context = ResolverContext(
        files={**{name: ContextFile(text=text) for name, text in files.items()}, "mdns.allow": ContextFile()},
        uid=0,
        system_hostname="m",
    )
    told = decide(ResolverBuild(version=go, cgo=True), context, "peer0.example.com", "host").running
    return any(reason.where and reason.where.split(":")[0] == file and "again" in reason.text for reason in told)


@pytest.mark.needs("root", "unshare", "gcc")
@pytest.mark.parametrize(
    ("file", "first", "changed", "expected"),
    [
        ("resolv.conf", PLAIN, f"{PLAIN}options foo\n", {"1.19": False, "1.22": True, "1.27": True}),
        ("resolv.conf", f"{PLAIN}options no-reload\n", f"{PLAIN}options foo\n", {"1.22": False, "1.27": False}),
        ("nsswitch.conf", HOSTS, "hosts: resolve\n", {"1.19": False, "1.22": True, "1.27": True}),
    ],
    ids=["resolv.conf", "no-reload", "nsswitch.conf"],
)
def test_running_program_notices_what_is_said(file: str, first: str, changed: str, expected: dict[str, bool]) -> None:
    files = {"resolv.conf": PLAIN, "nsswitch.conf": HOSTS, file: first}
    programs = [observing.build(go, "cgo") for go in expected]
    seen = observing.watch(programs, files, {file: changed})
    assert {p.go: notices(p.go, file, files) for p in programs} == expected
    assert seen == {p.label: ["files,dns", "cgo" if expected[p.go] else "files,dns"] for p in programs}
