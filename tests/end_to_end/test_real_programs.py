"""Debian's own programs, held against what Go's and binutils' tools say of them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import parts
import pytest
import toolchains

PACKAGES = ("busybox-static", "runc", "umoci")


def go_says(path: Path) -> dict[str, str]:
    """Return version and build settings by ``go version -m``."""
    go = toolchains.go_root("1.27") / "bin/go"
    text = subprocess.run([go, "version", "-m", str(path)], check=True, capture_output=True, text=True).stdout
    settings = dict(re.findall(r"^\tbuild\t([^=\n]+)=(.*)$", text, re.MULTILINE))
    return {**settings, "version": text.split("\n", 1)[0].rsplit(": go", 1)[1]}


def check(found: dict[str, Any], path: Path) -> None:
    """Hold facts of a dynamic or static Go program against the tools' words."""
    told = go_says(path)
    assert found["go"]["version"] == told["version"]
    assert found["go"]["source"] == "buildinfo"
    assert found["go"]["cgo"] == {"1": True, "0": False}.get(told.get("CGO_ENABLED", ""))
    assert found["go"]["tags"] == (told["-tags"].split(",") if "-tags" in told else found["go"]["tags"])
    headers = subprocess.run(["readelf", "-lW", str(path)], check=True, capture_output=True, text=True).stdout
    interpreter = re.search(r"interpreter: (.*?)\]", headers)
    assert found["interpreter"] == (interpreter[1] if interpreter else None)
    assert found["linkage"].startswith("dynamic" if interpreter else "static")
    dynamic = subprocess.run(["readelf", "-dW", str(path)], check=True, capture_output=True, text=True).stdout
    assert found["needed"] == re.findall(r"\(NEEDED\).*\[(.*?)\]", dynamic)
    versions = subprocess.run(["readelf", "-VW", str(path)], check=True, capture_output=True, text=True).stdout
    needs = max(([int(n) for n in v.split(".")] for v in re.findall(r"GLIBC_([\d.]+)", versions)), default=None)
    assert found["needs_glibc"] == (".".join(map(str, needs)) if needs else None)
    sections = subprocess.run(["readelf", "-SW", str(path)], check=True, capture_output=True, text=True).stdout
    assert found["stripped"] == (" .symtab " not in sections)
    assert found["size"] == path.stat().st_size


@pytest.mark.needs("dockerd", "readelf")
def test_debians_dockerd_is_a_dynamic_cgo_program_that_is_safe(tmp_path: Path) -> None:
    path = Path("/usr/sbin/dockerd")
    (found,) = parts.facts(f"file:{path}")["binaries"]
    check(found, path)
    assert found["linkage"].startswith("dynamic")
    assert {exposure["kind"] for exposure in found["exposures"]} >= {"dns", "user"}
    # With what it needs it is a root filesystem of its own.
    loaded = subprocess.run(["ldd", str(path)], check=True, capture_output=True, text=True).stdout
    for file in [str(path), *re.findall(r"(/\S+) \(0x", loaded)]:
        (tmp_path / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / file.lstrip("/"))
    for flags in ([], ["--path", str(path)]):
        done = parts.inspector("scan", "--no-cache", *flags, f"dir:{tmp_path}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "no binary would crash" in done.stdout


@pytest.mark.needs("root", "readelf", "apt-get")
def test_a_debian_root_with_several_go_programs_gives_right_facts() -> None:
    root = toolchains.debian_root("bookworm", PACKAGES)
    target = parts.facts(f"dir:{root}")
    found = {binary["path"]: binary for binary in target["binaries"]}
    programs = [path for path in found if found[path]["go"]]
    assert {path.rsplit("/", 1)[-1] for path in programs} >= {"runc", "umoci"}
    for path in programs:
        check(found[path], root / path.lstrip("/"))
        assert found[path]["missing"] == []
    (busybox,) = (binary for path, binary in found.items() if path.endswith("/busybox"))
    assert (busybox["linkage"], busybox["libc"]["kind"], busybox["go"]) == ("static", "glibc", None)
    assert busybox["found"] == ["nss"]
    assert {exposure["kind"] for exposure in busybox["exposures"]} == {"clib"}
    assert target["rootfs"]["libc"] == {**target["rootfs"]["libc"], "kind": "glibc", "version": "2.36"}
    assert {"files", "dns", "compat"} <= set(target["rootfs"]["nss"])
