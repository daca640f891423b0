"""One layer's bytes to its facts: compressions, digests, formats of tar, and what is hostile."""

import contextlib
import gzip
import hashlib
import io
import resource
import struct
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from stacks import Blob, directory, file, hard, link, overlay, read, tar

from inspector.errors import DigestMismatch, FormatUnsupported, LimitExceeded, TargetDamaged
from inspector.layers import Limits, read_layer

PLAIN = tar(
    [directory("etc"), file("etc/nsswitch.conf", "hosts: files dns\n"), file("bin/tool", "#!/bin/sh\nexec peer\n")]
)
HALF = len(PLAIN) // 2


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ── compression ──────────────────────────────────────────────────────────────────────────────────────────────────

SKIPPABLE = b"\x52\x2a\x4d\x18" + struct.pack("<I", 5) + b"notes"
STORED = {
    "plain": PLAIN,
    "gzip": gzip.compress(PLAIN),
    "gzip of several members": gzip.compress(PLAIN[:HALF]) + gzip.compress(PLAIN[HALF:]),
    "gzip with padding": gzip.compress(PLAIN) + bytes(700),
    "gzip of an empty member first": gzip.compress(b"") + gzip.compress(PLAIN),
    "zstd": zstd.compress(PLAIN),
    "zstd of several frames": zstd.compress(PLAIN[:HALF]) + zstd.compress(PLAIN[HALF:]),
    "zstd with skippable frames": SKIPPABLE + zstd.compress(PLAIN[:HALF]) + SKIPPABLE + zstd.compress(PLAIN[HALF:]) + SKIPPABLE,
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 512, 65536])
@pytest.mark.parametrize("name", STORED)
def test_every_compression_gives_the_same_facts(name: str, size: int) -> None:
    stored = STORED[name]
    found = read_layer(Blob(stored, digest=sha256(stored), diff_id=sha256(PLAIN), most=size))
    assert found == read(PLAIN)
    assert found.texts == {"/etc/nsswitch.conf": "hosts: files dns\n"}


@pytest.mark.parametrize(("magic", "name"), [(b"BZh9", "bzip2"), (b"\xfd7zXZ\x00", "xz")])
def test_compressions_that_images_do_not_use_are_named(magic: bytes, name: str) -> None:
    with pytest.raises(FormatUnsupported, match=name):
        read(magic + bytes(1000))


@pytest.mark.parametrize("name", [name for name in STORED if name != "plain"])
def test_compressed_content_that_is_cut_is_damaged_wherever_the_cut_is(name: str) -> None:
    whole = STORED[name].rstrip(b"\0")
    for cut in {*range(1, len(whole), max(1, len(whole) // 60)), len(whole) - 1}:
        with pytest.raises(TargetDamaged):
            read_layer(Blob(whole[:cut], digest=sha256(whole)))
        if name in {"gzip", "zstd"}:  # where no seam of two members hides the cut, no digest is needed
            with pytest.raises(TargetDamaged):
                read(whole[:cut])


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stored_digest_is_always_verified_and_a_mismatch_names_both() -> None:
    stored, wrong = gzip.compress(PLAIN), sha256(b"other")
    with pytest.raises(DigestMismatch) as caught:
        read_layer(Blob(stored, digest=wrong, diff_id=sha256(PLAIN)))
    assert wrong in str(caught.value)
    assert sha256(stored) in str(caught.value)


def test_a_diff_id_is_verified_where_it_is_the_only_digest_and_a_mismatch_names_both() -> None:
    wrong = sha256(b"other")
    assert read_layer(Blob(gzip.compress(PLAIN), diff_id=sha256(PLAIN))).files
    with pytest.raises(DigestMismatch) as caught:
        read_layer(Blob(gzip.compress(PLAIN), diff_id=wrong))
    assert wrong in str(caught.value)
    assert sha256(PLAIN) in str(caught.value)


def test_bytes_after_the_end_of_the_tar_belong_to_the_digest() -> None:
    trailing = PLAIN + bytes(10240) + b"more"
    assert read_layer(Blob(trailing, digest=sha256(trailing))) == read(PLAIN)
    with pytest.raises(DigestMismatch):
        read_layer(Blob(trailing, digest=sha256(PLAIN)))


def test_sha512_is_verified_too_and_an_unknown_algorithm_is_told() -> None:
    right = "sha512:" + hashlib.sha512(PLAIN).hexdigest()
    assert read_layer(Blob(PLAIN, digest=right)).files
    with pytest.raises(DigestMismatch):
        read_layer(Blob(PLAIN, digest="sha512:" + "0" * 128))
    with pytest.raises(FormatUnsupported, match="md5"):
        read_layer(Blob(PLAIN, digest="md5:" + "0" * 32))


# ── formats of tar ───────────────────────────────────────────────────────────────────────────────────────────────

LONG = "usr/" + "/".join(["a-long-directory-name"] * 12) + "/peer"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_long_link_targets_are_read(form: int) -> None:
    found = read(tar([file(LONG), link("usr/link", "/" + LONG), hard("usr/hard", LONG)], form))
    assert f"/{LONG}" in found.files
    assert found.links == {"/usr/link": f"/{LONG}"}
    assert found.hardlinks == {"/usr/hard": f"/{LONG}"}


def test_names_split_by_ustar_and_names_that_are_not_ascii_are_read() -> None:
    short = "/".join(["directory"] * 14) + "/file"
    assert f"/{short}" in read(tar([file(short)], tarfile.USTAR_FORMAT)).files
    assert "/bücher/日本" in read(tar([file("bücher/日本")])).files
    raw = bytearray(tar([file("x" * 8)], tarfile.USTAR_FORMAT))
    raw[0:8] = b"caf\xe9\xff\xfe\xfd\xfc"
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    assert len(read(bytes(raw)).files) == 1, "undecodable bytes are replaced"


ELF = Path("/bin/true").resolve().read_bytes()


@pytest.mark.needs("tar")
@pytest.mark.parametrize(
    "form", [["--format=gnu"], *(["--format=posix", f"--sparse-version={v}"] for v in ("0.0", "0.1", "1.0"))]
)
def test_sparse_members_are_expanded(tmp_path: Path, form: list[str]) -> None:
    """A sparse ELF file has the facts of the same file without holes."""
    hole = 2 * 1024 * 1024
    for name, data in (("holes", ELF + bytes(hole) + b"end"), ("hole-first", bytes(hole) + ELF)):
        path = tmp_path / name
        with path.open("wb") as stream:
            stream.truncate(len(data))
            for place in range(0, len(data), 4096):
                if piece := data[place : place + 4096].rstrip(b"\0"):
                    stream.seek(place)
                    stream.write(piece)
        (tmp_path / f"plain-{name}").write_bytes(data)
    names = ["holes", "hole-first", "plain-holes", "plain-hole-first"]
    made = subprocess.run(
        ["tar", "-C", tmp_path, "--sparse", "--hole-detection=raw", *form, "-cf", "-", *names],
        check=True,
        capture_output=True,
    ).stdout
    assert len(made) < 3 * hole, "tar wrote two of the four sparse"
    for limits in (Limits(), Limits(in_memory=1024)):
        found = read(made, limits)
        sizes = {binary.path: binary.size for binary in found.binaries}
        assert sizes == {path: len(ELF) + hole + 3 for path in ("/holes", "/plain-holes")}
        first, second = (binary for binary in found.binaries if "holes" in binary.path)
        assert {**vars_of(first), "path": ""} == {**vars_of(second), "path": ""}


def vars_of(binary: object) -> dict[str, object]:
    return {name: getattr(binary, name) for name in binary.__slots__}  # type: ignore[attr-defined]


def test_the_later_member_of_a_path_is_in_force() -> None:
    found = read(
        tar([file("bin/peer", ELF), file("bin/peer", "text"), file("etc/passwd", "a"), file("etc/passwd", "b")])
    )
    assert found.binaries == ()
    assert found.texts == {"/etc/passwd": "b"}


def test_a_file_takes_what_stood_below_a_directory_of_its_name_with_it() -> None:
    found = read(tar([directory("bin"), file("bin/peer", ELF), file("bin", "now a file")]))
    assert (found.files, found.binaries) == (("/bin",), ())


# ── overlays that matter ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_upper_text_hides_a_lower_binary_of_the_same_path() -> None:
    assert [b.path for b in overlay([file("bin/peer", ELF)]).binaries()] == ["/bin/peer"]
    assert list(overlay([file("bin/peer", ELF)], [file("bin/peer", "#!/bin/sh\n")]).binaries()) == []


def test_a_directory_replaced_by_a_file_takes_its_binaries_along() -> None:
    assert list(overlay([file("opt/x/peer", ELF)], [file("opt/x", "a file")]).binaries()) == []


def test_a_hard_link_to_a_file_of_a_lower_layer_outlives_it() -> None:
    root = overlay([file("bin/peer", ELF)], [hard("bin/orderer", "bin/peer"), file("bin/.wh.peer")])
    # The whiteout speaks of lower layers, and the link needs what it takes away: differs write the content instead.
    root_kept = overlay([file("bin/peer", ELF)], [hard("bin/orderer", "bin/peer")], [file("bin/.wh.peer")])
    assert [b.path for b in root_kept.binaries()] == ["/bin/orderer"]
    assert [b.path for b in root.binaries()] in ([], ["/bin/orderer"])


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("usr/bin", "/bin/peer"), ("/usr/bin", "/bin/peer"), ("./usr/../usr/bin/.", "/bin/peer"), ("../../../usr/bin", "/bin/peer"),
        ("/usr/bin/", "/bin/../bin//peer"),
    ],
)  # fmt: skip
def test_links_of_parents_are_followed_absolute_relative_and_never_out(target: str, asked: str) -> None:
    root = overlay([link("bin", target), file("usr/bin/peer", ELF)])
    found = root.binary(asked)
    assert found is not None
    assert found.path == "/usr/bin/peer"


def test_links_that_loop_or_lead_nowhere_are_nothing_and_end() -> None:
    root = overlay(
        [
            link("a", "b"),
            link("b", "a"),
            link("self", "self/self/self"),
            link("gone", "/nowhere"),
            link("etc/nsswitch.conf", "/a"),
        ]
    )
    for path in ("/a", "/b/x", "/self", "/gone"):
        assert root.find(path) is None
    assert root.text("/etc/nsswitch.conf") == "loop"
    chain = [link(f"l{n}", f"l{n + 1}") for n in range(100)]
    assert overlay([*chain, file("l100", ELF)]).find("/l0") is None, "as the kernel has it: 40 links and no more"


def test_a_file_written_through_a_link_of_a_lower_layer_lands_where_it_leads() -> None:
    root = overlay([directory("usr/bin"), link("bin", "usr/bin")], [file("bin/peer", ELF)])
    assert [b.path for b in root.binaries()] == ["/usr/bin/peer"]


def test_an_opaque_directory_hides_lower_layers_and_not_its_own() -> None:
    root = overlay([file("bin/peer", ELF)], [file("bin/.wh..wh..opq"), file("bin/orderer", ELF)])
    assert [b.path for b in root.binaries()] == ["/bin/orderer"]


# ── hostile ──────────────────────────────────────────────────────────────────────────────────────────────────────


def header(name: str, size: int, flag: bytes = b"0", *, base256: bool = False) -> bytes:
    raw = bytearray(512)
    raw[: len(name)] = name.encode()
    raw[124:136] = (b"\x80" + size.to_bytes(11, "big")) if base256 else b"%011o\0" % size
    raw[156:157] = flag
    raw[257:265] = b"ustar\x0000"
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../../x", "..", "x/.."])
def test_a_path_that_leads_outside_is_told_and_not_taken(name: str) -> None:
    found = read(tar([file("ok", "x"), file(name, "evil")]))
    assert found.files == ("/ok",)
    assert "leads outside" in found.problems[0]


def test_absurd_sizes_are_refused_before_memory_is_taken() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for size in (8**11 - 1, 1 << 62, (1 << 87) - 1):
        with pytest.raises(TargetDamaged):
            read(header("bin/peer", size, base256=size >= 8**11) + ELF[:4096])
        with pytest.raises(TargetDamaged):
            read(header("x", size, b"x", base256=size >= 8**11) + b"9" * 4096)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 256 * 1024, "kilobytes"


def test_negative_sizes_and_numbers_that_are_none_are_refused() -> None:
    for field in (b"\xff" * 12, b"-0000000001\0", b"00000000009\0", b"zzzzzzzzzzz\0"):
        raw = bytearray(header("x", 0))
        raw[124:136] = field
        raw[148:156] = b"        "
        raw[148:156] = b"%06o\0 " % sum(raw)
        with pytest.raises(TargetDamaged):
            read(bytes(raw) + bytes(1024))


@pytest.mark.parametrize(
    "record",
    [b"99999999999999999999 path=x\n", b"0 path=x\n", b"-5 path=x\n", b"path=x\n", b"11 size=abc\n", b"12 size=-12\n", b"\xff\xff\xff", b"5 a=\n" * 10,
     b"22 GNU.sparse.offset=\n", b"30 GNU.sparse.map=1,2,3,,,,,,,\n"],
)  # fmt: skip
def test_pax_headers_that_make_no_sense_end_in_damage_or_in_nothing(record: bytes) -> None:
    raw = header("PaxHeader", len(record), b"x") + record + bytes(-len(record) % 512) + header("x", 0) + bytes(1024)
    with contextlib.suppress(TargetDamaged):
        read(raw)


def test_a_decompression_bomb_is_cut_off_at_the_bound() -> None:
    bomb = zlib.compressobj(9, wbits=31)
    data = b"".join(
        [bomb.compress(header("zeros", 8**11 - 1)), *(bomb.compress(bytes(1 << 20)) for _ in range(64)), bomb.flush()]
    )
    assert len(data) < 200_000
    with pytest.raises(LimitExceeded, match="more than 16777216 bytes"):
        read(data, Limits(inflated=16 * 1024**2))
    with pytest.raises(LimitExceeded):
        read(zstd.compress(bytes(1 << 26)), Limits(inflated=16 * 1024**2))


def test_members_beyond_the_bound_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 1000 members"):
        read(b"".join(header(f"f{n}", 0) for n in range(1001)) + bytes(1024), Limits(members=1000))


def test_a_layer_of_many_members_and_deep_paths_is_read() -> None:
    # 20,000 members and a directory 200 deep: neither recursion nor quadratic time.
    many = [header(f"d/{n}", 0) for n in range(20_000)]
    deep = [header("d/" * 40 + str(n), 0) for n in range(10)]
    assert len(read(b"".join([*many, *deep]) + bytes(1024)).files) == 20_010
    assert read(tar([file("a/" * 300 + "x")])).problems


def test_directories_replaced_over_and_over_are_bounded() -> None:
    entries = []
    for n in range(3000):
        entries += [header("d/", 0, b"5"), header(f"d/{n}", 0), header("d", 0)]
    found = read(b"".join(entries) + bytes(1024))
    assert found.files == ("/d",) or found.problems


def test_a_sparse_map_that_overlaps_or_leads_outside_is_damage() -> None:
    for table in ("0,4,2,4", "0,999999", "100,4,0,4"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("bin/peer")
            content = ELF[:4096]
            info.size = len(content)
            info.pax_headers = {"GNU.sparse.map": table, "GNU.sparse.size": "8192", "GNU.sparse.numblocks": "1"}
            archive.addfile(info, io.BytesIO(content))
        try:
            found = read(stream.getvalue())
        except TargetDamaged:
            continue
        assert found.binaries == () or found.problems


def test_a_text_or_binary_above_the_bound_is_told_and_not_read() -> None:
    found = read(tar([file("etc/passwd", "x" * 5000), file("bin/peer", ELF)]), Limits(text=1000, binary=1000))
    assert len(found.problems) == 2
    assert (found.texts, found.binaries) == ({}, ())


@given(st.binary(max_size=2000))
def test_bytes_that_are_no_layer_are_damage_or_nothing(data: bytes) -> None:
    with contextlib.suppress(TargetDamaged):
        read(data)


SAMPLE = tar([
    directory("etc"), file("etc/passwd", "root"), link("bin", "usr/bin"), hard("x", "etc/passwd"), file("usr/bin/true", ELF), file(LONG, "long"),
    file("etc/.wh.group"), file("run.sh", "#!/bin/sh\nexport GODEBUG=netdns=go\nexec peer node start\n"),
])  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=12),
    st.none() | st.integers(0, len(SAMPLE)),
)
def test_a_mangled_layer_is_damage_or_facts_and_overlays(changes: list[tuple[int, int]], cut: int | None) -> None:
    raw = bytearray(SAMPLE)
    for place, value in changes:
        # Half of the changes go to headers, where they hurt.
        raw[place // 512 * 512 + place % 160 if value & 1 else place] = value
    try:
        found = read(bytes(raw[:cut]))
    except TargetDamaged:
        return
    from inspector.layers import merge, select_binaries

    root = merge([(found, None), (found, None)])
    root.facts()
    select_binaries(root, None)
