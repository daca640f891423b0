"""GODEBUG embedded in real binaries: what their build information records, and what Go makes of it."""

import mmap
import shutil
from pathlib import Path

import pytest
import toolchains

from inspector.binaries.examination import examine
from inspector.facts import BinaryFacts
from inspector.resolver import embedded_godebug
from inspector.resolver.batch import answer
from resolver import observing

CASE = {
    "id": 1,
    "call": "host",
    "name": "peer0.example.com",
    "system_hostname": "m",
    "files": {"resolv.conf": "nameserver 127.0.0.1\n", "nsswitch.conf": "hosts: dns files\n", "mdns.allow": None},
    "special": {},
    "uid": 0,
    "env": {},
}


@pytest.mark.needs("root", "unshare", "gcc")
@pytest.mark.parametrize(
    ("directive", "linked", "counts"),
    [
        ("netdns=go+2", None, "netdns=go+2"),
        ("netdns=cgo+2", None, "netdns=cgo+2"),
        (None, "netdns=cgo+2", "netdns=cgo+2"),
        ("netdns=go+2", "netdns=cgo+2", "netdns=cgo+2"),
    ],
    ids=["go:debug go", "go:debug cgo", "-X cgo", "both"],
)
def test_embedded_setting_is_read_and_obeyed(
    directive: str | None, linked: str | None, counts: str, tmp_path: Path
) -> None:
    source = tmp_path / "probe"
    shutil.copytree(observing.PROBE, source)
    (source / "go.mod").write_text("module probe\n\ngo 1.21\n")
    if directive:
        (source / "debug.go").write_text(f"//go:debug {directive}\npackage main\n")
    flags = f"-X=runtime.godebugDefault={linked}" if linked else ""
    path = toolchains.build(source, toolchains.Build(go="1.27", ldflags=flags, flags=()))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        facts = examine(data, "/probe")
    assert isinstance(facts, BinaryFacts) and facts.go is not None
    embedded = embedded_godebug(facts.go)
    assert embedded is not None and embedded.split(",").count(counts) == 1
    reply = answer({**CASE, "go": facts.go.version, "cgo": True, "tags": [], "default_godebug": embedded})
    # The label says only that a setting is embedded, so that no other is given.
    (seen,) = observing.observe([observing.Program("1.27", "Xgo", path)], [CASE])
    assert seen == {"1.27 Xgo": reply["order"]}
