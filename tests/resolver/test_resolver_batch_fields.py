"""Fields of a case of ``resolve --batch`` that have the wrong type are errors of their row, never another meaning."""

from typing import Any

import pytest

from inspector.resolver.batch import answer

CASE: dict[str, Any] = {
    "id": "1", "go": "1.15.15", "cgo": True, "tags": None, "default_godebug": None, "uid": 0, "call": "host", "name": "a.example",
    "files": {"resolv.conf": "", "nsswitch.conf": "hosts: files dns\n", "mdns.allow": None}, "system_hostname": "box",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tags": "netgo"}, "'tags'"),
        ({"tags": ["netgo", 1]}, "'tags'"),
        ({"cgo": "yes"}, "'cgo'"),
        ({"uid": -1}, "'uid'"),
        ({"uid": True}, "'uid'"),
        ({"uid": 2**32}, "'uid'"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(changes: dict[str, Any], told: str) -> None:
    said = answer({**CASE, **changes})
    assert said.keys() == {"id", "error"} and said["id"] == "1" and told in said["error"], said


@pytest.mark.parametrize("tags", [None, [], ["netgo"]])
def test_tags_are_null_or_a_list(tags: list[str] | None) -> None:
    assert answer({**CASE, "tags": tags})["decision"] == "go"
