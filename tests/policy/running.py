"""The installed command in a directory of its own, and facts that stand for scans."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import parts

COMMAND = str(Path(sys.executable).parent / "inspector")
DIGEST = "sha256:" + "ab" * 32


def run(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("INSPECTOR_")}
    return subprocess.run(
        [COMMAND, *arguments], cwd=directory, env={**env, **variables}, capture_output=True, text=True, timeout=120
    )


def sample_facts() -> dict[str, Any]:
    """What ``inspector facts`` says of the sample that crashes, as if it came from a registry."""
    document = json.loads((parts.ROOT / "samples/expected/peer-static-glibc.json").read_text())
    return named(document, "registry:registry.example.com/fabric/peer:1.4.3", DIGEST)


def named(document: dict[str, Any], reference: str, digest: str | None) -> dict[str, Any]:
    target = {**document["targets"][0], "reference": reference, "digest": digest}
    return {**document, "targets": [target]}


def write(path: Path, document: dict[str, Any]) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def verdicts(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [v for t in document["targets"] for e in t["environments"] for v in e["verdicts"]]
