"""``--image NAME=REF`` whose NAME is nobody's image is told in one line, and changes nothing else."""

from pathlib import Path

import parts
import pytest

_COMPOSE = "services:\n  peer:\n    image: hyperledger/fabric-peer:2.5.3\n"
_POD = "kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: peer\n      image: hyperledger/fabric-peer:2.5.3\n"
_REAL = "hyperledger/fabric-peer:2.5.3=127.0.0.1:9/hyperledger/fabric-peer:2.5.3"


@pytest.mark.parametrize(("verb", "text"), [("compose", _COMPOSE), ("k8s", _POD), ("fix", _COMPOSE), ("fix", _POD)])
def test_a_name_that_matches_nothing_is_told(tmp_path: Path, verb: str, text: str) -> None:
    file = tmp_path / "manifest.yaml"
    file.write_text(text)
    matched = parts.inspector(verb, str(file), "--image", _REAL)
    told = parts.inspector(verb, str(file), "--image", _REAL, "--image", "fabric-peer\x1b=dir:/nowhere")
    assert (told.returncode, told.stdout) == (matched.returncode, matched.stdout)
    (line,) = set(told.stderr.splitlines()) - set(matched.stderr.splitlines())
    assert line.removeprefix("inspector: ") == (
        r"--image fabric-peer\x1b: nothing that is judged has that image; there is hyperledger/fabric-peer:2.5.3"
    )
    assert "nothing that is judged" not in matched.stderr
