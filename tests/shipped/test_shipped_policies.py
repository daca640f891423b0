"""The policies for clusters: their CEL by Google's own implementation, on pods and on a real attestation."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import parts
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inspector.facts import ResolverBuild, ResolverContext
from inspector.reports.intoto import PREDICATE_TYPE
from inspector.resolver.godebug import netdns_mode

cel = pytest.importorskip("cel_expr_python.cel", reason="this machine has no CEL")
ExtStrings = pytest.importorskip("cel_expr_python.ext.ext_strings").ExtStrings
TEXT, DYN = cel.Type.STRING, cel.Type.DYN
NETDNS, BINDING = YAML(typ="safe").load_all(parts.ROOT / "templates/require-netdns-go.yaml")
ATTESTED = YAML(typ="safe").load(parts.ROOT / "templates/kyverno-attested.yaml")


class Policy:
    """A policy's variables and validations, compiled with types as far as the cluster knows them."""

    def __init__(
        self, document: dict[str, Any], variables: Mapping[str, cel.Type], *functions: cel.FunctionDecl
    ) -> None:
        known = {"object": DYN, "variables": cel.Type.Map(TEXT, DYN), **variables}
        environment = cel.NewEnv(variables=known, extensions=[ExtStrings()], functions=list(functions))
        spec = document["spec"]
        self.variables = [(each["name"], environment.compile(each["expression"])) for each in spec["variables"]]
        self.validations = [(environment.compile(each["expression"]), each) for each in spec["validations"]]
        assert {program.return_type().name() for program, _ in self.validations} == {"BOOL"}
        self.texts = {
            each["messageExpression"]: environment.compile(each["messageExpression"])
            for each in spec["validations"]
            if "messageExpression" in each
        }

    def refusal(self, **data: Any) -> str | None:
        """Return the message of the first validation that does not hold; an expression that fails is refused too."""
        seen: dict[str, Any] = {"object": None, **data, "variables": {}}
        for name, program in self.variables:
            seen["variables"][name] = program.eval(data=seen).plain_value()
        for program, each in self.validations:
            held = program.eval(data=seen).plain_value()
            assert isinstance(held, bool), f"{each['expression']}: {held}"
            if not held:
                text = each.get("messageExpression")
                return str(self.texts[text].eval(data=seen).plain_value()) if text else str(each["message"])
        return None


# ── require-netdns-go ────────────────────────────────────────────────────────────────────────────────────────────

POD = Policy(NETDNS, {})


def container(name: str = "peer", *godebug: str, **fields: Any) -> dict[str, Any]:
    env = [{"name": "OTHER", "value": "x"}, *({"name": "GODEBUG", "value": value} for value in godebug)]
    return {"name": name, "image": "x", "env": env, **fields}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers), **spec}}


GOOD = container("good", "netdns=go")


@pytest.mark.parametrize(
    "accepted",
    [
        pod(GOOD),
        pod(container("a", "http2debug=1,netdns=go"), container("b", "netdns=go+1"), GOOD),
        pod(container("a", "netdns=2+go,madvdontneed=1")),
        pod(container("a", "netdns=go", "x=1,netdns=go"), initContainers=[GOOD]),
        pod({**GOOD, "envFrom": [{"configMapRef": {"name": "x"}}]}),
    ],
)
def test_pods_with_the_remedy_pass(accepted: dict[str, Any]) -> None:
    assert POD.refusal(object=accepted) is None


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (pod({"name": "a", "image": "x"}), "no GODEBUG in the env of a; add GODEBUG=netdns=go"),
        (pod(GOOD, container("b"), container("c")), "no GODEBUG in the env of b, c; add"),
        (pod(GOOD, initContainers=[{"name": "init", "image": "x", "env": []}]), "no GODEBUG in the env of init;"),
        (pod({"name": "a", "env": [{"name": "GODEBUG", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}]}), "plain value"),
        (pod({"name": "a", "env": [{"name": "GODEBUG"}]}), "plain value"),
        (pod(container("a", "netdns=go,$(MORE)")), "plain value"),
        (pod(container("a", "http2debug=1")), "must have netdns=go"),
        (pod(container("a", "http2debug=1; netdns=go")), "must have netdns=go"),
        (pod(container("a", "")), "must have netdns=go"),
        (pod(container("a", "netdns=go", "")), "must have netdns=go"),
        (pod(container("a", "netdns=cgo")), "is not netdns=go"),
        (pod(container("a", "netdns=1")), "is not netdns=go"),
        (pod(container("a", "netdns=go ")), "is not netdns=go"),
        (pod(container("a", "netdns=go,netdns=cgo")), "is not netdns=go"),
        (pod(container("a", "netdns=go+cgo")), "is not netdns=go"),
        (pod(container("a", "netdns=go", "netdns=cgo")), "is not netdns=go"),
        (pod(GOOD, initContainers=[container("i", "netdns=cgo")]), "is not netdns=go"),
    ],
)  # fmt: skip
def test_pods_without_it_are_refused_with_why(refused: dict[str, Any], told: str) -> None:
    assert told in (POD.refusal(object=refused) or "")


WORDS = st.sampled_from(
    ["netdns=go", "netdns=", "cgo", "go", "+", "1", "2", ",", "#", " ", "netdns", "=", "x=1", "\n", "$(A)"]
)


@example("netdns=go")
@example("x=1,netdns=go+1")
@example("netdns=1+go,netdns=go")
@given(st.lists(WORDS, max_size=6).map("".join))
@settings(max_examples=300)
def test_no_value_passes_that_does_not_mean_gos_resolver_in_every_release(value: str) -> None:
    if POD.refusal(object=pod(container("a", value))) is None:
        for minor in range(5, 28):
            build = ResolverBuild(version=f"1.{minor}", cgo=True)
            assert netdns_mode(build, ResolverContext(env={"GODEBUG": value}), minor).mode == "go", (value, minor)


def test_it_is_bound_where_a_namespace_asks_for_it() -> None:
    for each, kind in ((NETDNS, "ValidatingAdmissionPolicy"), (BINDING, "ValidatingAdmissionPolicyBinding")):
        assert (each["apiVersion"], each["kind"]) == ("admissionregistration.k8s.io/v1", kind)
    assert BINDING["spec"]["policyName"] == NETDNS["metadata"]["name"]
    (rule,) = NETDNS["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["pods"], ["CREATE"])
    assert BINDING["spec"]["matchResources"]["namespaceSelector"]["matchLabels"] == {
        "rollout-inspector/require-netdns-go": "true"
    }
    order = [each["name"] for each in NETDNS["spec"]["variables"]]
    for number, each in enumerate(NETDNS["spec"]["variables"]):
        assert not [later for later in order[number:] if f"variables.{later}" in each["expression"]]


def test_the_remedy_that_fix_writes_passes(tmp_path: Path) -> None:
    """What ``inspector fix`` writes into a manifest is what the policy asks for."""
    manifest = tmp_path / "peer.yaml"
    manifest.write_text(
        json.dumps(
            {"apiVersion": "v1", "kind": "Pod", **pod({"name": "peer", "image": "hyperledger/fabric-peer:1.4.3"})}
        )
    )
    assert POD.refusal(object=YAML(typ="safe").load(manifest)) is not None
    done = parts.inspector("fix", "--write", "--offline", str(manifest))
    assert done.returncode in {0, 1}, done.stderr
    assert POD.refusal(object=YAML(typ="safe").load(manifest)) is None


# ── kyverno-attested ─────────────────────────────────────────────────────────────────────────────────────────────

IMAGE = "registry.example.com/fabric/peer:1@sha256:" + "ab" * 32


class Registry:
    """What Kyverno finds beside images: a statement for each that has one, signed or not."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[str, Any]] = {}
        self.signed: set[str] = set()

    def verify(self, image: str, attestation: str, attestors: list[Any]) -> int:
        assert (attestation, len(attestors)) == ("verdicts", 1)
        return int(image in self.signed)

    def extract(self, image: str, attestation: str) -> Any:
        assert attestation == "verdicts" and image in self.signed, "asked for before it was verified"
        return self.statements[image]


@pytest.fixture
def registry() -> Registry:
    return Registry()


def refusal(registry: Registry, *images: str, **more: list[str]) -> str | None:
    """Evaluate as Kyverno does: its functions' and variables' types are those of pkg/cel/libs/imageverify, lib.go."""
    functions = [
        cel.FunctionDecl("verifyAttestationSignatures", [cel.Overload("verify", return_type=cel.Type.INT, parameters=[TEXT, TEXT, cel.Type.List(DYN)], impl=registry.verify)]),
        cel.FunctionDecl("extractPayload", [cel.Overload("payload", return_type=DYN, parameters=[TEXT, TEXT], impl=registry.extract)]),
    ]  # fmt: skip
    policy = Policy(
        ATTESTED,
        {"images": cel.Type.Map(TEXT, cel.Type.List(TEXT)), "attestors": cel.Type.Map(TEXT, DYN), "attestations": cel.Type.Map(TEXT, TEXT)},
        *functions,
    )  # fmt: skip
    found = {"containers": list(images), "initContainers": [], "ephemeralContainers": [], **more}
    named = {each["name"]: each["name"] for each in ATTESTED["spec"]["attestations"]}
    return policy.refusal(images=found, attestors={"release": {}}, attestations=named)


def statement(*arguments: str) -> dict[str, Any]:
    done = parts.inspector("scan", "--no-cache", "-f", "intoto", *arguments)
    assert done.returncode in {0, 1}, done.stderr
    document = json.loads(done.stdout)
    assert document["predicateType"] == PREDICATE_TYPE
    return document


@pytest.fixture(scope="module")
def crash() -> dict[str, Any]:
    return statement(str(parts.PEER))


@pytest.fixture(scope="module")
def safe() -> dict[str, Any]:
    return statement("samples/images/peer-netgo.tar", "samples/images/peer-musl.tar")


def test_the_policy_names_the_predicate_and_what_kyverno_knows() -> None:
    assert (ATTESTED["apiVersion"], ATTESTED["kind"]) == ("policies.kyverno.io/v1", "ImageValidatingPolicy")
    assert ATTESTED["spec"]["attestations"] == [{"name": "verdicts", "intoto": {"type": PREDICATE_TYPE}}]
    assert ATTESTED["spec"].keys() <= {
        "attestations", "attestors", "auditAnnotations", "autogen", "credentials", "evaluation", "failurePolicy", "images",
        "matchConditions", "matchConstraints", "matchImageReferences", "validationActions", "validationConfigurations",
        "validations", "variables", "webhookConfiguration",
    }  # fmt: skip
    (condition,) = ATTESTED["spec"]["matchConditions"]
    asked = cel.NewEnv(variables={"object": DYN}).compile(condition["expression"])
    for metadata, held in (({"name": "p"}, True), ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, False)):
        assert asked.eval(data={"object": {"metadata": metadata}}).plain_value() is held
    head = (parts.ROOT / "templates/kyverno-attested.yaml").read_text().split("apiVersion")[0]
    assert f"--type {PREDICATE_TYPE}" in head


def test_what_was_judged_safe_runs_and_what_would_crash_does_not(registry: Registry, safe: Any, crash: Any) -> None:
    other = IMAGE.replace("peer", "orderer")
    registry.statements = {IMAGE: safe, other: crash}
    registry.signed = {IMAGE, other}
    assert refusal(registry, IMAGE) is None
    assert refusal(registry) is None, "no image that the policy looks at"
    assert "would crash" in (refusal(registry, other) or "")
    assert "would crash" in (refusal(registry, IMAGE, initContainers=[other]) or "")
    assert "would crash" in (refusal(registry, IMAGE, ephemeralContainers=[other]) or "")


def test_what_is_not_attested_or_not_by_the_attestor_does_not_run(registry: Registry, safe: Any) -> None:
    assert "no attestation" in (refusal(registry, IMAGE) or "")
    registry.statements = {IMAGE: safe}
    assert "no attestation" in (refusal(registry, IMAGE) or ""), "unsigned"


def _changed(statement: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    copied = copy.deepcopy(statement)
    change(copied["predicate"])
    return copied


def _each_verdict(predicate: dict[str, Any], **fields: Any) -> None:
    for target in predicate["targets"]:
        for environment in target["environments"]:
            for verdict in environment["verdicts"]:
                verdict.update(fields)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda p: p["targets"].clear(), "no report"),
        (lambda p: p["schema"].update(name="other"), "no report"),
        (lambda p: p["schema"].update(version="2.0.0"), "no report"),
        (lambda p: p["targets"][1].update(status="incomplete"), "not analysed to the end"),
        (lambda p: p["targets"][0].update(environments=[]), "was not judged"),
        (lambda p: p["targets"][0]["environments"][0].update(verdicts=[]), "was not judged"),
        (lambda p: _each_verdict(p, level="unknown"), "could not be told"),
        (lambda p: _each_verdict(p, level="unknown", waived={"reason": "r", "expires": "2999-01-01"}), "could not be told"),
        (lambda p: _each_verdict(p, level="wrong"), "otherwise than meant"),
        (lambda p: _each_verdict(p, level="crash", waived={"reason": "r", "expires": "2999-01-01"}), None),
        (lambda p: _each_verdict(p, level="latent"), None),
        (lambda p: p["targets"][0].update(binaries=[], environments=[]), None),
    ],
)  # fmt: skip
def test_nothing_unknown_runs(registry: Registry, safe: Any, change: Callable[[Any], object], told: str | None) -> None:
    registry.statements, registry.signed = {IMAGE: _changed(safe, change)}, {IMAGE}
    found = refusal(registry, IMAGE)
    assert (found is None) if told is None else told in (found or "")


def test_a_waived_crash_of_a_real_scan_runs(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / ".inspector-waivers.toml").write_text("[[waiver]]\nrule = '**'\nreason = 'r'\nexpires = 2999-01-01\n")
    done = parts.inspector("scan", "--no-cache", "-f", "intoto", str(parts.PEER), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    registry.statements, registry.signed = {IMAGE: json.loads(done.stdout)}, {IMAGE}
    assert refusal(registry, IMAGE) is None
