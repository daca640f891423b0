"""What is not known is never safe: each fact that decides, left out of a case that is judged otherwise with it."""

from typing import Any

import pytest

from inspector.risk.batch import answer

BINARY: dict[str, Any] = {
    "machine": "x86-64", "linkage": "static", "interpreter": None, "needs_glibc": None,
    "libc": {"kind": "glibc", "version": "2.31"},
    "go": {"version": "1.15.15", "cgo": True, "tags": [], "default_godebug": None}, "exposures": ["dns", "user"],
}  # fmt: skip
ROOTFS: dict[str, Any] = {
    "libc": {"kind": "glibc", "version": "2.36"}, "nss": ["dns", "files"], "libresolv": True, "ld_so_cache": True,
    "interpreters": ["/lib64/ld-linux-x86-64.so.2"],
}  # fmt: skip
FILES: dict[str, Any] = {
    "resolv.conf": "nameserver 10.0.0.2\noptions edns0\n",
    "nsswitch.conf": "passwd: files\nhosts: files dns\n",
    "mdns.allow": None, "hosts": "127.0.0.1 localhost\n", "passwd": "root:x:0:0::/:/bin/sh\n", "group": "root:x:0:\n",
    "services": "https 443/tcp\n",
}  # fmt: skip
PLAIN = {**FILES, "resolv.conf": "nameserver 10.0.0.2\n"}
DYNAMIC = {
    **BINARY, "linkage": "dynamic", "interpreter": "/lib64/ld-linux-x86-64.so.2", "needs_glibc": "2.34",
    "libc": {"kind": "glibc", "version": None},
}  # fmt: skip


def case(**changes: Any) -> dict[str, Any]:
    full = {
        "id": "1", "binary": BINARY, "rootfs": ROOTFS, "files": FILES, "special": {}, "uid": 0, "env": {},
        "system_hostname": "container", "call": "host", "name": "peer0.example.com",
    }  # fmt: skip
    return {**full, **changes}


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "crash"),
        ({"binary": {**BINARY, "go": None}}, "unknown"),
        ({"binary": {**BINARY, "go": None}, "call": "port", "name": "https"}, "unknown"),
        ({"binary": {**BINARY, "exposures": None}}, "unknown"),
        ({"name": None}, "unknown"),
        ({"name": None, "call": "dial"}, "unknown"),
        ({"name": None, "call": "port"}, "unknown"),
        ({"call": "port", "name": "https"}, "crash"),
        ({"rootfs": {}}, "unknown"),
        ({"files": PLAIN}, "latent"),
        ({"files": PLAIN, "rootfs": {}}, "latent"),
        ({"files": PLAIN, "rootfs": {**ROOTFS, "nss": None}}, "latent"),
        ({"files": PLAIN, "rootfs": {**ROOTFS, "libc": {"kind": "glibc", "version": None}}}, "latent"),
        ({"binary": DYNAMIC}, "safe"),
        ({"binary": {**DYNAMIC, "interpreter": None}}, "unknown"),
        ({"binary": {**DYNAMIC, "needs_glibc": "GLIBC_2.34"}}, "unknown"),
        ({"binary": DYNAMIC, "rootfs": {**ROOTFS, "libc": {"kind": "unknown"}}}, "unknown"),
    ],
)
def test_a_fact_that_decides_and_is_not_known_is_never_safe(changes: dict[str, Any], level: str) -> None:
    assert answer(case(**changes))["level"] == level


def test_a_look_up_of_ones_own_user_needs_to_know_who_that_is() -> None:
    same = {**ROOTFS, "libc": {"kind": "glibc", "version": "2.31"}}
    own = case(call="user", name="root", rootfs=same)
    assert answer(own)["level"] in {"safe", "latent"}
    assert answer({**own, "uid": 1000})["level"] == "crash"
    assert answer({**own, "uid": None})["level"] == "unknown"


def test_a_change_after_which_nobody_can_tell_is_told_as_such() -> None:
    flips = answer(case(files=PLAIN, rootfs={}))["flips"]
    assert flips and {flip["level"] for flip in flips} == {"unknown"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"uid": -1}, "'uid'"),
        ({"uid": 2**32}, "'uid'"),
        ({"binary": {**BINARY, "dl_var_init": "yes"}}, "'dl_var_init'"),
        ({"binary": {**BINARY, "go": {**BINARY["go"], "cgo": 1}}}, "'cgo'"),
        ({"binary": {**BINARY, "go": {**BINARY["go"], "runtime_cgo": "no"}}}, "'runtime_cgo'"),
        ({"binary": {**BINARY, "go": {**BINARY["go"], "tags": "netgo"}}}, "'tags'"),
        ({"binary": {**BINARY, "libc": {"kind": "glibc", "era": "old"}}}, "'era'"),
        ({"rootfs": {**ROOTFS, "libc": {"kind": "glibc", "version": "2.36", "relr": 0}}}, "'relr'"),
        ({"rootfs": {**ROOTFS, "libresolv": "true"}}, "'libresolv'"),
        ({"rootfs": {**ROOTFS, "ld_so_cache": 1}}, "'ld_so_cache'"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_and_not_taken_for_unknown(changes: dict[str, Any], told: str) -> None:
    said = answer(case(**changes))
    assert said.keys() == {"id", "error"} and told in said["error"], said
