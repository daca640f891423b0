"""Bad input of every kind: one line, the documented exit code, no traceback."""

import gzip
import io
import json
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import parts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.cli import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    """Run the command line in this process: what it would exit with, and what it wrote."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*arguments])
        written = capfdbinary.readouterr()
        return int(str(left.value.code)), written.out.decode(), written.err.decode()

    return run


@cache
def archive() -> bytes:
    data = parts.PEER.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@cache
def program() -> bytes:
    """Return the sample's largest file: its Go program."""
    found: list[bytes] = []
    with tarfile.open(fileobj=io.BytesIO(archive())) as outer:
        for member in outer:
            content = outer.extractfile(member)
            data = content.read() if content else b""
            if member.name.endswith("layer.tar") or data[257:262] == b"ustar":
                with tarfile.open(fileobj=io.BytesIO(data)) as inner:
                    found += [c.read() for m in inner if m.isreg() and (c := inner.extractfile(m)) is not None]
    return max((data for data in found if data.startswith(b"\x7fELF")), key=len)


def check(done: tuple[int, str, str], code: int, *words: str) -> None:
    found, out, err = done
    assert found == code, (out, err)
    assert "Traceback" not in err
    assert err.count("\n") == (0 if out else 1), (out, err)
    for word in words:
        assert word in out + err


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("ftp://host/x", 2, ["unknown scheme 'ftp:'", "docker-archive:"]), ("containerd:foo/bar", 2, ["unknown scheme 'containerd:'"]),
        ("oci-layout:/tmp/x", 2, ["unknown scheme 'oci-layout:'"]), ("", 2, ["not a reference"]), ("docker-archive:", 2, ["nothing after the scheme"]),
        ("registry:UPPER/Case", 2, ["lower case"]), ("registry:a//b", 2, ["not an image name"]), ("registry:x@sha256:12", 2, ["not an image name"]),
        ("x" * 5000, 2, ["not a reference"]), ("dir:/no/such", 3, ["/no/such"]), ("file:/no/such", 3, ["No such file"]), ("file:/etc", 3, ["not a regular file"]),
        ("file:/etc/passwd", 3, ["not an ELF file"]), ("/dev/null", 3, ["neither a file nor a directory"]), ("docker-archive:/no/such.tar", 3, ["no file or directory"]),
        ("oci-dir:/etc", 4, ["no index.json"]), ("docker-archive:/etc", 3, ["is a directory", "oci-dir:"]), ("./UPPER", 3, ["neither an existing path"]),
        ("registry:127.0.0.1:1/a/b:1", 3, ["cannot be reached"]), ("registry:no-such-host.invalid/a/b:1", 3, ["no such host"]),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_said_in_one_line(command: Command, reference: str, code: int, words: list[str]) -> None:
    check(command("scan", reference), code, *words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--platform", "linux"], ["not a platform"]), (["--platform", "a/b/c/d"], ["not a platform"]), (["--from", "nowhere"], ["no source 'nowhere'"]),
        (["--environment", "nowhere"], ["nowhere"]), (["--env", "X"], ["NAME=VALUE"]), (["--resolv-conf", "/no/such"], ["cannot read /no/such"]),
        (["--fail-on", "x"], ["--fail-on"]), (["--output", "/no/such/dir/x"], ["cannot write"]), (["--no-such-flag"], ["--no-such-flag"]),
        (["--timeout", "0"], ["--timeout"]),
    ],
)  # fmt: skip
def test_flags_that_make_no_sense_are_usage(command: Command, flags: list[str], words: list[str]) -> None:
    check(command("scan", "--offline", str(parts.PEER), *flags), 2, *words)


@pytest.mark.parametrize(
    "name", ["empty", "text", "noise", "plain tar", "truncated", "truncated gzip", "no layers", "not JSON"]
)
def test_files_that_are_no_images_are_told(command: Command, tmp_path: Path, name: str) -> None:
    path = tmp_path / "image.tar"

    def tar(**members: bytes) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as out:
            for member, data in members.items():
                info = tarfile.TarInfo(member.replace("_", "."))
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return stream.getvalue()

    content, code, words = {
        "empty": (b"", 4, "is empty"),
        "text": (b"hosts: files dns\n" * 100, 4, "not an image archive"),
        "noise": (bytes(range(256)) * 40, 4, "not an image archive"),
        "plain tar": (tar(etc=b"x"), 3, "no manifest.json or index.json"),
        "truncated": (archive()[: len(archive()) // 2], 4, "truncated"),
        "truncated gzip": (gzip.compress(archive())[:-1000], 4, "truncated"),
        "no layers": (tar(manifest_json=b'[{"Config": "c", "Layers": ["l"]}]'), 4, "lacks the config c"),
        "not JSON": (tar(manifest_json=b"[{"), 4, "not JSON"),
    }[name]
    path.write_bytes(content)
    check(command("scan", str(path)), code, words)


@pytest.mark.needs("skopeo")
def test_a_wrong_digest_names_both(command: Command, tmp_path: Path) -> None:
    plain = tmp_path / "plain.tar"
    plain.write_bytes(archive())
    subprocess.run(
        ["skopeo", "copy", "-q", f"docker-archive:{plain}", f"oci:{tmp_path}/layout:1"], check=True, capture_output=True
    )
    for blob in (tmp_path / "layout/blobs/sha256").iterdir():
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tmp_path / "layout", copy)
        damaged = copy / "blobs/sha256" / blob.name
        data = blob.read_bytes()
        # For gzip the operating system's byte, which changes nothing but the digest.
        place = 9 if data.startswith(b"\x1f\x8b") else data.index(b":")
        damaged.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        code, out, err = command("scan", "--no-cache", f"oci-dir:{copy}")
        assert code == 4
        assert f"sha256:{blob.name}" in out + err.replace("\n", " ")
        assert "has digest" in " ".join((out + err).split())
        damaged.unlink()
        code, out, err = command("scan", "--no-cache", f"oci-dir:{copy}")
        assert code == 4
        assert blob.name in "".join((out + err).split())


def test_an_elf_file_cut_at_any_byte_is_never_called_safe(command: Command, tmp_path: Path) -> None:
    whole = program()
    path = tmp_path / "peer"
    path.write_bytes(whole)
    _, out, _ = command("scan", "--format", "json", f"file:{path}")
    verdicts = json.loads(out)["targets"][0]["environments"]
    step = max(1, len(whole) // 15)
    for cut in (4, 5, 16, 51, 52, 63, 64, 65, 120, 500, 4096, *range(step, len(whole), step), len(whole) - 1):
        path.write_bytes(whole[:cut])
        code, out, err = command("scan", "--format", "json", f"file:{path}")
        assert "Traceback" not in err
        report = json.loads(out)
        (target,) = report["targets"]
        levels = {v["level"] for e in target["environments"] for v in e["verdicts"]}
        # A cut in the section headers takes nothing away that a process needs: then all is as it was.
        assert "safe" not in levels or target["environments"] == verdicts
        if target["status"] == "incomplete":
            assert code == 4
            assert target["problems"]
        else:
            # Behind the last loaded segment stand symbols and section headers, which no verdict needs.
            assert cut > len(whole) // 2


def test_a_scan_of_several_goes_on_and_says_so_in_its_code(command: Command, tmp_path: Path) -> None:
    absent, whole = str(tmp_path / "absent"), str(parts.PEER)
    cut = tmp_path / "cut.tar"
    cut.write_bytes(archive()[:-20_000].rstrip(b"\0")[:-5000])
    assert command("scan", f"dir:{absent}", whole)[0] == 1
    assert command("scan", "-e", "docker-network", f"dir:{absent}", whole)[0] == 4
    assert command("scan", "-e", "docker-network", "--allow-incomplete", f"dir:{absent}", whole)[0] == 4  # never seen
    assert command("scan", str(cut), whole)[0] == 1
    code, out, err = command("scan", "-e", "docker-network", f"dir:{absent}", str(cut), whole)
    assert code == 4
    assert err.count("\n") == 2
    assert "peer" in out
    assert command("scan", f"dir:{absent}", f"file:{absent}")[0] == 3
    assert command("scan", f"dir:{absent}", str(cut))[0] == 4


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), max_size=8),
    st.none() | st.floats(0, 1), st.booleans(), st.sampled_from(["manifest", "any"]),
)  # fmt: skip
def test_a_mangled_archive_is_facts_or_an_error_of_ours(
    changes: list[tuple[int, int]], cut: float | None, compressed: bool, where: str
) -> None:
    import tempfile

    import inspector
    from inspector.errors import InspectorError

    data = bytearray(gzip.compress(archive(), 1) if compressed else archive())
    size = min(len(data), 20_000) if where == "manifest" else len(data)
    for place, value in changes:
        data[-(place % size) - 1 if where == "manifest" else place % size] = value
    if cut is not None:
        del data[int(cut * len(data)) :]
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(data)
        file.flush()
        try:
            targets = inspector.collect(f"docker-archive:{file.name}", options=inspector.ScanOptions(use_cache=False))
        except InspectorError as error:
            assert "\n" not in str(error)
            return
    for target in targets:
        assert target.status == "analysed" or target.problems


@pytest.mark.parametrize("verb", ["scan", "facts", "version"])
def test_output_that_cannot_be_written_is_one_line(verb: str) -> None:
    command = [sys.executable, "-m", "inspector", verb, *([] if verb == "version" else [str(parts.PEER)])]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "inspector: cannot write: No space left on device\n")


def test_a_closed_output_changes_no_verdict() -> None:
    command = shlex.join([sys.executable, "-m", "inspector", "scan", str(parts.PEER)])
    closed = subprocess.run(["sh", "-c", f"{command} >&-"], stderr=subprocess.PIPE, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (1, "")


def test_from_beside_a_source_that_is_named_is_refused(command: Command) -> None:
    check(command("scan", "--from", "registry", f"docker-archive:{parts.PEER}"), 2, "--from registry", "leave one")
    assert command("scan", "--from", "registry", f"docker-archive:{parts.PEER}")[1] == ""


def test_an_empty_directory_is_no_image(command: Command, tmp_path: Path) -> None:
    check(command("scan", f"dir:{tmp_path}"), 3, "is an empty directory")


def test_an_interrupt_while_it_starts_is_one_line() -> None:
    stop = "import builtins, sys\noriginal = builtins.__import__\ndef stop(name, *rest):\n    if name == 'inspector.cli':\n        raise KeyboardInterrupt\n    return original(name, *rest)\nbuiltins.__import__ = stop\nfrom inspector.__main__ import main\nmain()"
    done = subprocess.run([sys.executable, "-c", stop], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "inspector: interrupted\n")
