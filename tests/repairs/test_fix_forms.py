"""Every form that a variable can have in a manifest, and what becomes of it."""

import json
import subprocess
from pathlib import Path

import pytest
from test_fix_properties import NEEDS, SAFE, fixed, plan_of, without_godebug

from inspector.repairs import diff
from inspector.repairs.godebug import add_netdns_go, has_netdns_go


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "netdns=go"), ("a=1", "a=1,netdns=go"), ("netdns=go", "netdns=go"), ("netdns=go+2,a=1", "netdns=go+2,a=1"),
        ("netdns=cgo", "netdns=go"), ("netdns=cgo,netdns=go", "netdns=go"), ("netdns=2", "netdns=go"), ("a=1,,b=2", "a=1,b=2,netdns=go"),
        ("${X}", "${X},netdns=go"), ("netdns=go,${X-}", "netdns=go,${X-}"), ("${X:-a,b}", "${X:-a,b},netdns=go"),
    ],
)  # fmt: skip
def test_values(before: str, after: str) -> None:
    assert add_netdns_go(before) == after
    assert add_netdns_go(after) == after
    assert has_netdns_go(after) or "$" in after


def service(lines: str) -> str:
    return f"services:\n  s:\n    image: {NEEDS}\n{lines}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    environment:\n      GODEBUG:\n", "    environment:\n      GODEBUG: netdns=go,${GODEBUG-}\n"),
        ("    environment:\n      - GODEBUG\n", "    environment:\n      - GODEBUG=netdns=go,${GODEBUG-}\n"),
        ("    environment: {}\n", "    environment: {GODEBUG: netdns=go}\n"),
        ("    environment: []\n", "    environment: [GODEBUG=netdns=go]\n"),
        ("    environment: {A: b}\n", "    environment: {A: b, GODEBUG: netdns=go}\n"),
        ("    environment: [A=b,]\n", "    environment: [A=b, GODEBUG=netdns=go]\n"),
        ("    environment: [\n      A=b\n    ]\n", "    environment: [\n      A=b, GODEBUG=netdns=go\n    ]\n"),
        ("    environment:\n", "    environment:\n      GODEBUG: netdns=go\n"),
        ("    environment: null\n", "    environment: {GODEBUG: netdns=go}\n"),
        ("    environment:\n      GODEBUG: 'a=1'\n", "    environment:\n      GODEBUG: 'a=1,netdns=go'\n"),
        ('    environment:\n    - "GODEBUG=a=1"\n', '    environment:\n    - "GODEBUG=a=1,netdns=go"\n'),
        ("    environment:\n      A: |\n        text\n        more\n", "    environment:\n      A: |\n        text\n        more\n      GODEBUG: netdns=go\n"),
    ],
)  # fmt: skip
def test_compose(before: str, after: str) -> None:
    assert fixed(service(before)) == service(after)
    assert fixed(service(after)) == service(after)


def test_the_syntax_of_the_other_services_is_used() -> None:
    text = service("") + f"  t:\n    image: {SAFE}\n    environment:\n      - A=b\n"
    assert "    environment:\n      - GODEBUG=netdns=go\n" in fixed(text)


def test_what_another_service_extends_is_written_once() -> None:
    text = service("") + "  t:\n    extends: {service: s}\n    environment: {A: b}\n"
    assert fixed(text).count("netdns=go") == 1


def test_a_value_with_an_anchor_or_a_tag_is_left_to_the_reader() -> None:
    for value in ("&a http2debug=1", "!!str http2debug=1"):
        text = service(f"    environment:\n      GODEBUG: {value}\n")
        plan = plan_of(text)
        assert plan.pending and not plan.texts
        assert any("write it by hand" in line for line in plan.told)


def test_a_service_without_a_finding_is_not_touched() -> None:
    text = f"services:\n  s:\n    image: {SAFE}\n"
    assert plan_of(text).texts == {}


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
    "dnsConfig": {"options": [{"name": "edns0"}]}, "containers": [{"name": "c", "image": NEEDS}]}}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("env", [None, [], [{"name": "A", "value": "b"}], [{"name": "GODEBUG", "value": "a=1"}]])
def test_json_stays_json(indent: str | int | None, env: list[dict[str, str]] | None) -> None:
    document = json.loads(json.dumps(POD))
    if env is not None:
        document["spec"]["containers"][0]["env"] = env
    text = json.dumps(document, indent=indent) + "\n"
    after = json.loads(fixed(text))
    (variable,) = [each for each in after["spec"]["containers"][0]["env"] if each["name"] == "GODEBUG"]
    assert variable["value"] == ("a=1,netdns=go" if env and env[0]["name"] == "GODEBUG" else "netdns=go")
    assert without_godebug(after) == without_godebug(json.loads(text))
    assert fixed(fixed(text)) == fixed(text)


def test_a_variable_from_a_secret_is_left_to_the_reader() -> None:
    document = json.loads(json.dumps(POD))
    document["spec"]["containers"][0]["env"] = [
        {"name": "GODEBUG", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}
    ]
    plan = plan_of(json.dumps(document))
    assert plan.pending and not plan.texts


def test_what_env_from_brings_is_kept() -> None:
    text = json.dumps(
        {
            **POD,
            "spec": {
                **POD["spec"],
                "containers": [{"name": "c", "image": NEEDS, "envFrom": [{"configMapRef": {"name": "m"}}]}],
            },
        }
    )  # type: ignore[dict-item]
    config = json.dumps({"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"GODEBUG": "http2debug=1"}})
    assert '"value": "http2debug=1,netdns=go"' in fixed(
        json.dumps({"kind": "List", "items": [json.loads(config), json.loads(text)]})
    )


OWN = ['command: ["sh", "-c", "GODEBUG=netdns=cgo exec peer"]', 'entrypoint: ["env", "-u", "GODEBUG", "peer"]', 'command: ["env", "-i", "peer"]',
       'command: ["sh", "-c", ". /vault/secrets; exec peer"]']  # fmt: skip


@pytest.mark.parametrize("command", OWN)
@pytest.mark.parametrize("environment", ["", "    environment: {GODEBUG: netdns=go}\n"])
def test_a_command_that_changes_godebug_itself_is_not_cured_and_told(command: str, environment: str) -> None:
    plan = plan_of(service(f"{environment}    {command}\n"))
    assert (plan.texts, plan.changed) == ({}, [])
    told = [text for text in plan.told if "the call host" in text]
    assert len(told) == 1
    assert told[0].endswith(
        "needs GODEBUG=netdns=go for the call host (unknown), and its command may change GODEBUG itself: change it there"
    )


def test_a_command_that_changes_something_else_is_no_hindrance() -> None:
    plan = plan_of(service('    command: ["env", "-u", "A", "B=c", "peer"]\n'))
    assert plan.changed == ["compose:s"]
    assert not any("its command" in text for text in plan.told)


def test_a_command_of_a_pod_that_changes_godebug_itself_is_told() -> None:
    plan = plan_of(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: s\n    image: {NEEDS}\n"
        '    command: ["/bin/bash", "-c", "exec env -i peer"]\n'
    )
    assert plan.changed == []
    assert any("its command may change GODEBUG itself" in text for text in plan.told)


@pytest.mark.parametrize("name", ["a file.yaml", "plain.yaml", "a  b/c d.yaml"])
def test_patch_takes_the_diff_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    before = service("")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(before)
    done = subprocess.run(
        ["patch", "-p1"], cwd=tmp_path, input=diff(name, before, fixed(before)), text=True, check=False
    )
    assert done.returncode == 0
    assert path.read_text() == fixed(before)
