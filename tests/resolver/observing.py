"""What real Go programs decide: runs a probe, case by case, over files of its own in private namespaces.

As a program it reads ``{"programs": {label: {"path", "level"}}, "cases": [...]}`` and writes one JSON object a case:
label → the order that Go printed, or null. It mounts an empty /etc for itself, so it must be started in mount, UTS and
network namespaces of its own; ``observe()`` does that.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
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
    for line in _run_inside(order).splitlines():
        yield json.loads(line)


def watch(
    programs: Sequence[Program], before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, list[str | None]]:
    """Return what each program printed at a look-up, and at another after files were changed while it ran."""
    order = {
        "programs": {p.label: {"path": str(p.path)} for p in programs},
        "before": dict(before),
        "after": dict(after),
    }
    return json.loads(_run_inside(order))


def _run_inside(order: Mapping[str, Any]) -> bytes:
    command = ["unshare", "--mount", "--uts", "--net", "--propagation", "private", sys.executable, __file__]
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(Path(__file__).parent.parent), "HOME": "/root"}
    return subprocess.run(command, input=json.dumps(order).encode(), stdout=subprocess.PIPE, env=env, check=True).stdout


# ── inside the namespaces ────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    order = json.load(sys.stdin)
    for place in ("/etc", "/srv"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", place], check=True)
    for number, program in enumerate(order["programs"].values()):
        # A path that every user may execute.
        program["path"] = shutil.copy(program["path"], f"/srv/{number}")
        Path(program["path"]).chmod(0o755)
    run_watchers(order) if "after" in order else run_cases(order)


def run_cases(order: Mapping[str, Any]) -> None:
    programs = {label: (program["path"], program["embedded"]) for label, program in order["programs"].items()}
    with ThreadPoolExecutor(4) as pool:
        for case in order["cases"]:
            arrange(case)
            orders = pool.map(lambda program, case=case: run(*program, case), programs.values())
            print(json.dumps(dict(zip(programs, orders, strict=True))), flush=True)


def run_watchers(order: Mapping[str, Any]) -> None:
    with contextlib.ExitStack() as stack:
        watchers = {
            label: stack.enter_context(
                subprocess.Popen(
                    [program["path"], "watch", "peer0.example.com"],
                    env={"GODEBUG": "netdns=2"},
                    stdin=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            for label, program in order["programs"].items()
        }
        found: dict[str, list[str | None]] = {label: [] for label in watchers}
        for files in (order["before"], order["after"]):
            for name, text in files.items():
                Path("/etc", name).write_text(text)
            if found and all(found.values()):
                time.sleep(5.5)  # what Go waits before it looks again
            for label, process in watchers.items():
                assert process.stdin is not None and process.stderr is not None
                process.stdin.write(b"\n")
                process.stdin.flush()
                seen = b""
                while line := process.stderr.readline():
                    seen += line
                    if line == b"looked up\n":
                        break
                match = ORDER.search(seen)
                found[label].append(match[1].decode() if match else None)
        for process in watchers.values():
            process.kill()
    print(json.dumps(found))


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
        elif text is not None or special == "mode000":
            path.write_bytes((text or "").encode())
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
