"""Debian's own programs, held against what Go's and binutils' tools say of them."""

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
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


def judged(reference: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Scan; return the exit code, the verdict of a host look-up in docker-bridge-ubuntu, and the text's last line."""
    done = parts.inspector("scan", "--no-cache", "-f", "json", "-e", "docker-bridge-ubuntu", reference, *arguments)
    (environment,) = json.loads(done.stdout)["targets"][0]["environments"]
    text = parts.inspector("scan", "--no-cache", "-e", "docker-bridge-ubuntu", reference, *arguments).stdout
    return done.returncode, next(v for v in environment["verdicts"] if v["call"] == "host"), text.splitlines()[-1]


def test_a_lone_dynamic_file_says_what_is_certain_what_is_open_and_how_to_close_it(
    tmp_path: Path,
) -> None:
    """Once its loader has set libc up it does not die so; whether it starts is a matter of its root file system."""
    path = Path("/bin/true").resolve()
    code, verdict, last = judged(f"file:{path}")
    assert (code, verdict["level"], verdict["rule"]) == (4, "unknown", "cannot-start")
    certain, opened = (reason["text"] for reason in verdict["reasons"])
    assert certain.startswith("dynamic: once it starts, the loader sets libc up as a whole")
    assert opened.startswith(
        "whether it starts is not known: its root filesystem was not seen; it needs /lib64/ld-linux-x86-64.so.2, libc.so.6"
    )
    (note,) = parts.facts(f"file:{path}")["notes"]
    assert note == "one file: its root filesystem is not seen; 'inspector scan dir:ROOT --path PATH' judges it in one"
    assert last == "Verdict: of true it cannot be told whether it starts."
    loaded = re.findall(r"(/\S+)", subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout)
    for part in (str(path), *loaded):
        (tmp_path / part.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(part, tmp_path / part.lstrip("/"))
    code, verdict, _ = judged(f"dir:{tmp_path}", "--path", str(path))
    assert (code, verdict["level"]) == (0, "safe")


@pytest.mark.parametrize(
    ("sample", "code", "level"), [("netgo", 0, "safe"), ("musl", 0, "safe"), ("static-glibc", 4, "unknown")]
)
def test_a_lone_static_file_is_judged_without_its_root_where_that_does_not_matter(
    sample: str, code: int, level: str, tmp_path: Path
) -> None:
    path = tmp_path / "peer"
    path.write_bytes(largest_file(sample))
    found, verdict, _ = judged(f"file:{path}")
    assert (found, verdict["level"]) == (code, level)
    if level == "unknown":
        assert any("nsswitch.conf" in reason["text"] for reason in verdict["reasons"])


def largest_file(sample: str) -> bytes:
    """Return the program of a sample's image."""
    (path,) = parts.PEER.parent.glob(f"peer-{sample}.tar*")
    found: list[bytes] = []
    with tarfile.open(path) as outer:
        for member in outer:
            content = outer.extractfile(member)
            layer = content.read() if content else b""
            layer = gzip.decompress(layer) if layer.startswith(b"\x1f\x8b") else layer
            if layer[257:262] == b"ustar":
                with tarfile.open(fileobj=io.BytesIO(layer)) as inner:
                    found += [c.read() for m in inner if m.isreg() and (c := inner.extractfile(m)) is not None]
    return max((content for content in found if content.startswith(b"\x7fELF")), key=len)
