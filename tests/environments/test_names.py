"""What a workload's own command tells of its variables."""

import pytest

from inspector.environments.names import variables_set_in
from inspector.facts import RESOLVER_VARIABLES


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("sh", "-c", "GODEBUG=netdns=cgo exec peer"), ("GODEBUG",)), (("sh", "-c", "unset A GODEBUG; peer"), ("GODEBUG",)),
        (("env", "GODEBUG=netdns=go", "peer"), ("GODEBUG",)), (("env", "-u", "RES_OPTIONS", "peer"), ("RES_OPTIONS",)),
        (("env", "-i", "peer"), RESOLVER_VARIABLES), (("/ent.sh", "env", "-i", "peer"), RESOLVER_VARIABLES),
        (("su", "-", "peer", "-c", "peer"), RESOLVER_VARIABLES), (("sh", "-c", "exec -c peer"), RESOLVER_VARIABLES),
        (("sh", "-c", ". /vault/secrets; peer"), RESOLVER_VARIABLES), (("sh", "-c", "eval $X; peer"), RESOLVER_VARIABLES),
        (("ksh", "-c", "export ${N}BUG=x; peer"), ("GODEBUG",)), (("docker", "run", "--env", "GODEBUG=x"), ("GODEBUG",)),
        (("peer", "node", "start"), ()), (("sh", "-c", "set -e; mkdir -p /x && chown a /x; exec gosu a peer"), ()),
        (("env", "A=GODEBUG", "peer"), ()), (("sh", "-c", 'echo "$GODEBUG"; exec peer "$@"'), ()), ((), ()),
    ],
)  # fmt: skip
def test_variables_that_a_command_may_change(words: tuple[str, ...], variables: tuple[str, ...]) -> None:
    assert variables_set_in(words) == variables


@pytest.mark.parametrize(
    "text",
    ["eval " * 50_000, "x=/etc/hosts cp " * 15_000, "sed " * 60_000 + " /etc/hosts", "eval " * 50_000 + "\n$",
     "perl hosts -" * 20_000, "export " * 37_000 + "#GODEBUG", '"' * 250_000, "declare " * 30_000 + ";GODEBUG"],
)  # fmt: skip
def test_a_hostile_text_is_read_in_one_go(text: str) -> None:
    """Each of these took minutes where a pattern looked at a line once for each word of it."""
    assert set(variables_set_in(("sh", "-c", text))) <= set(RESOLVER_VARIABLES)
