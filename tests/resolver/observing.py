"""What real Go programs decide: runs a probe, case by case, over files of its own in private namespaces.

As a program it reads ``{"programs": {label: {"path", "level"}}, "cases": [...]}`` and writes one JSON object a case:
label → the order that Go printed, or null. It mounts an empty /etc for itself, so it must be started in mount, UTS and
network namespaces of its own; ``observe()`` does that.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toolchains

PROBE = Path(__file__).parent / "probe"
FLAVOURS: dict[str, dict[str, Any]] = {
    "cgo": {"cgo": True, "tags": []},
    "nocgo": {"cgo": False, "tags": []},
    "netgo": {"cgo": True, "tags": ["netgo"]},
    "netcgo": {"cgo": True, "tags": ["netcgo"]},
    "Xgo": {"cgo": True, "tags": [], "default_godebug": "netdns=go+2"},
    "Xcgo": {"cgo": True, "tags": [], "default_godebug": "netdns=cgo+2"},
}
"""How the probe is built, and what of that decides. The X ones set the linker variable runtime.godebugDefault."""
ORDER = re.compile(rb"(?:host|addr)LookupOrder\([^\n]*\) = (\S+)\n")
"""The first such line counts: LookupCNAME up to Go 1.19 prints a second, on which it does not act."""


@dataclass(frozen=True)
class Program:
    """The probe, built by one release in one flavour."""

    go: str
    flavour: str
    path: Path

    @property
    def label(self) -> str:
        return f"{self.go} {self.flavour}"

    def case(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``resolve --batch`` is asked for this program in a case."""
        return {**case, "default_godebug": None, **FLAVOURS[self.flavour], "go": self.go}


def build(go: str, flavour: str) -> Program:
    """Build the probe."""
    how = FLAVOURS[flavour]
    embedded = how.get("default_godebug")
    recipe = toolchains.Build(
        go=go,
        root="bullseye" if go == "1.15" else None,
        tags=",".join(how["tags"]),
        cgo=how["cgo"],
        ldflags=f"-X=runtime.godebugDefault={embedded}" if embedded else "",
    )
    return Program(go, flavour, toolchains.build(PROBE, recipe))


def observe(programs: Sequence[Program], cases: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str | None]]:
    """Yield what each program printed in each case, in order."""
    embedded = {p.label: "default_godebug" in FLAVOURS[p.flavour] for p in programs}
    order = {
        "programs": {p.label: {"path": str(p.path), "embedded": embedded[p.label]} for p in programs},
        "cases": list(cases),
    }
    command = ["unshare", "--mount", "--uts", "--net", "--propagation", "private", sys.executable, __file__]
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(Path(__file__).parent.parent), "HOME": "/root"}
    done = subprocess.run(command, input=json.dumps(order).encode(), stdout=subprocess.PIPE, env=env, check=True)
    for line in done.stdout.splitlines():
        yield json.loads(line)


# ── inside the namespaces ────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    order = json.load(sys.stdin)
    for place in ("/etc", "/srv"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", place], check=True)
    programs = {}
    for number, (label, program) in enumerate(order["programs"].items()):
        # A path that every user may execute.
        programs[label] = (shutil.copy(program["path"], f"/srv/{number}"), program["embedded"])
        Path(programs[label][0]).chmod(0o755)
    with ThreadPoolExecutor(4) as pool:
        for case in order["cases"]:
            arrange(case)
            orders = pool.map(lambda program, case=case: run(*program, case), programs.values())
            print(json.dumps(dict(zip(programs, orders, strict=True))), flush=True)


def arrange(case: Mapping[str, Any]) -> None:
    """Make /etc and the host name those of a case."""
    for entry in Path("/etc").iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for name, text in case["files"].items():
        path, special = Path("/etc", name), case["special"].get(name)
        if special == "dir":
            path.mkdir()
        elif special == "loop":
            path.symlink_to(name)
        elif special == "dangling":
            path.symlink_to("nowhere")
        elif text is not None:
            path.write_bytes(text.encode())
            path.chmod(0o000 if special == "mode000" else 0o644)
    if socket.gethostname() != case["system_hostname"]:
        socket.sethostname(case["system_hostname"])


def run(path: str, embedded: bool, case: Mapping[str, Any]) -> str | None:
    """Run a probe until it has printed its order."""
    env = dict(case["env"])
    if "netdns=" not in env.get("GODEBUG", "") and not embedded:
        env["GODEBUG"] = ",".join(filter(None, [env.get("GODEBUG"), "netdns=2"]))
    user = {"user": case["uid"]} if case["uid"] else {}
    with subprocess.Popen(
        [path, case["call"], case["name"]],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        **user,
    ) as process:
        assert process.stderr is not None
        seen = b""
        while chunk := os.read(process.stderr.fileno(), 65536):
            seen += chunk
            found = ORDER.search(seen)
            if found:
                process.kill()
                return found[1].decode()
        return None


if __name__ == "__main__":
    main()
