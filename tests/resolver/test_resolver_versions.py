"""Versions as Go binaries record them."""

import pytest

from inspector.errors import InspectorError
from inspector.facts import ContextFile, GoBuild, ResolverBuild, ResolverContext
from inspector.resolver import VersionUnknown, decide, embedded_godebug, release_of


def context(**files: str | None) -> ResolverContext:
    texts = {"resolv.conf": files.get("resolv"), "nsswitch.conf": files.get("nsswitch"), "mdns.allow": None}
    return ResolverContext(
        files={name: ContextFile(text=text) for name, text in texts.items()}, uid=0, system_hostname="m"
    )


@pytest.mark.parametrize(
    ("version", "minor"),
    [
        ("1.5", 5), ("1.9", 9), ("go1.9", 9), ("1.15.15", 15), ("1.21rc2", 21), ("1.8beta1", 8), ("1.9.2rc2", 9),
        ("1.22.5 X:boringcrypto", 22), ("1.26.1-X:nodwarf5", 26), ("1.22.5-fips", 22), ("1.19.8+vendor", 19),
        ("1.24.4 (Red Hat 1.24.4-1.el9)", 24), ("1.10.8_2", 10), ("1.12.17b4", None), ("1.21.1.1", 21),
    ],
)  # fmt: skip
def test_releases(version: str, minor: int | None) -> None:
    if minor is None:
        with pytest.raises(VersionUnknown):
            release_of(version)
    else:
        assert release_of(version).minor == minor
        assert release_of(version).assumed is None


@pytest.mark.parametrize(
    ("version", "minor", "why"),
    [
        ("1.28", 27, "newer than 1.27"),
        ("1.28-devel_0a1b2c Tue Jan 6", 27, "newer than 1.27"),
        ("1.99.3", 27, "newer than 1.27"),
        ("devel go1.21-0a1b2c Mon Feb 1 00:00:00 2023 +0000", 21, "a development build of Go 1.21"),
        ("1.25-devel_0a1b2c", 25, "a development build of Go 1.25"),
    ],
)
def test_nearest_rules_are_taken_and_said(version: str, minor: int, why: str) -> None:
    assert release_of(version).minor == minor
    decision = decide(ResolverBuild(version=version, cgo=True), context(), "a.b", "host")
    assert decision.assumed is not None and why in decision.assumed
    assert decision.reasons[-1].rule == "release:assumed"
    assert why in decision.reasons[-1].text


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("1.4.3", "Go 1.4 is older than 1.5, the first release that chooses"),
        ("1.0.3", "Go 1.0 is older"),
        ("1", "Go 1.0 is older"),
        ("go1", "Go 1.0 is older"),
        ("", "'' is not a Go version"),
        ("2.0", "is not a Go version"),
        ("1.x", "is not a Go version"),
        ("1.\u0661\u0665", "is not a Go version"),
        ("unknown", "is not a Go version"),
        ("\x1b[31m", r"'\x1b[31m' is not a Go version"),
    ],
)
def test_what_is_too_old_or_no_version_is_said(version: str, why: str) -> None:
    with pytest.raises(VersionUnknown) as caught:
        decide(ResolverBuild(version=version, cgo=True), context(), "a.b", "host")
    assert why in str(caught.value)
    assert caught.value.exit_code == InspectorError.exit_code


def test_development_build_without_a_number_is_decided_where_all_releases_agree() -> None:
    build = ResolverBuild(version="devel +0a1b2c3 Thu Jan 1 00:00:00 1970 +0000", cgo=True)
    decision = decide(build, context(resolv="options foo\n", nsswitch="hosts: files dns\n"), "a.b", "host")
    assert decision.order == "cgo"
    assert decision.assumed is not None
    with pytest.raises(VersionUnknown, match="releases decide differently"):
        decide(build, context(resolv="options edns0\n", nsswitch="hosts: files dns\n"), "a.b", "host")


@pytest.mark.parametrize(
    ("ldflags", "default", "embedded"),
    [
        (None, None, None),
        (None, "netdns=go", "netdns=go"),
        ("-s -w", "netdns=go", "netdns=go"),
        ("-X runtime.godebugDefault=netdns=go", None, "netdns=go"),
        ("-X=runtime.godebugDefault=netdns=go -s", None, "netdns=go"),
        ("-s -X 'runtime.godebugDefault=netdns=cgo'", "netdns=go", "netdns=cgo"),
        ("-X runtime.godebugDefault=netdns=go -X=runtime.godebugDefault=x=1,netdns=cgo", None, "x=1,netdns=cgo"),
        ("-X runtime.godebugDefault=", "netdns=go", ""),
        ("-X main.version=runtime.godebugDefault=netdns=go", None, None),
        ("runtime.godebugDefault=netdns=go", None, None),
        ("-X", None, None),
        ("-X 'runtime.godebugDefault=netdns=go", None, None),
    ],
)
def test_embedded_godebug(ldflags: str | None, default: str | None, embedded: str | None) -> None:
    assert embedded_godebug(GoBuild(version="1.22", ldflags=ldflags, default_godebug=default)) == embedded
