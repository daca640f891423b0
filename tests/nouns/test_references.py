"""References parse as Docker parses them, and nothing else parses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import ReferenceInvalid
from inspector.references import SCHEMES, RegistryName, parse, parse_name

HUB = "docker.io"


@pytest.mark.parametrize(
    ("text", "host", "repository", "wanted"),
    [
        ("ubuntu", HUB, "library/ubuntu", "latest"),
        ("ubuntu:22.04", HUB, "library/ubuntu", "22.04"),
        ("hyperledger/fabric-peer:2.5", HUB, "hyperledger/fabric-peer", "2.5"),
        ("docker.io/ubuntu", HUB, "library/ubuntu", "latest"),
        ("index.docker.io/library/ubuntu", HUB, "library/ubuntu", "latest"),
        ("localhost/a", "localhost", "a", "latest"),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1"),
        ("ghcr.io/hyperledger/fabric-peer:3.1", "ghcr.io", "hyperledger/fabric-peer", "3.1"),
        ("[::1]:5000/a", "[::1]:5000", "a", "latest"),
        ("a__b/c-d.e:T_1", HUB, "a__b/c-d.e", "T_1"),
        (f"x/y:t@sha256:{'a' * 64}", HUB, "x/y", f"sha256:{'a' * 64}"),
    ],
)
def test_names_resolve_as_docker_resolves_them(text: str, host: str, repository: str, wanted: str) -> None:
    name = parse(f"registry:{text}").name
    assert name is not None
    assert (name.host, name.repository, name.wanted) == (host, repository, wanted)


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s in {"dir", "file", "oci-dir", "oci-archive"}])
def test_a_path_scheme_keeps_its_path_as_given(scheme: str) -> None:
    reference = parse(f"{scheme}:./some where/x:y")
    assert (reference.scheme, reference.rest, str(reference)) == (
        scheme,
        "./some where/x:y",
        f"{scheme}:./some where/x:y",
    )


def test_a_plain_word_has_no_scheme_and_may_be_a_name() -> None:
    assert parse("peer.tar").scheme is None
    assert parse("./peer.tar").name is None
    assert parse("a:b").name == RegistryName(host=HUB, repository="library/a", tag="b")
    assert parse("-").scheme == "stdin"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dir:",
        "ftp://example.com/x",
        "registry:a/Upper",
        "registry:a:b:c",
        "registry:a@sha256:12",
        "docker:bad name",
        "registry:a/../b",
        "x\0y",
        "a" * 5000,
    ],
)
def test_what_no_place_could_have_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ReferenceInvalid) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_engine_takes_an_image_id() -> None:
    assert parse("docker:0123456789ab").rest == "0123456789ab"
    assert parse("podman:sha256:" + "0" * 64).name is None


@given(st.text(max_size=200))
def test_parsing_ends_in_a_reference_or_a_usage_error(text: str) -> None:
    try:
        reference = parse(text)
    except ReferenceInvalid as error:
        assert str(error).isprintable()
    else:
        assert str(reference) == text


@given(st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}(:[A-Za-z0-9_]{1,9})?", fullmatch=True))
def test_a_name_in_full_parses_to_itself(text: str) -> None:
    name = parse_name(text)
    assert parse_name(str(name)) == name
