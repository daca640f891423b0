"""Real Docker engines on hosts of our own making: their own resolv.conf, network and mounts, in namespaces."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import parts

PRINTER = """
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc > 1) { pause(); return 0; }
    FILE *file = fopen("/etc/resolv.conf", "r");
    if (!file) return 3;
    for (int c; (c = getc(file)) != EOF;) putchar(c);
    return 0;
}
"""
"""Prints its resolv.conf; with an argument it waits, so that others can join its network."""

START = """
set -eu
mount --make-rprivate /
# An engine wants its root to be a mount.
[ -z "$3" ] || mount --bind "$3" "$3"
mount --bind "$1/resolv.conf" "$3/etc/resolv.conf"
mount -t tmpfs tmpfs "$3/run"
mkdir -p "$3/run/systemd/resolve"
cp "$1/resolved.conf" "$3/run/systemd/resolve/resolv.conf"
ip link set lo up
if [ -n "$3" ]; then
    mount -t proc proc "$3/proc"
    mount --rbind /sys "$3/sys"
    mount --rbind /dev "$3/dev"
    mkdir -p "$3$1"
    mount --bind "$1" "$3$1"
    shift 3
    exec chroot "$root" "$@"
fi
shift 3
exec "$@"
"""


@dataclass
class Host:
    """An engine, and the file that stands for its host's /etc/resolv.conf."""

    address: str
    resolv_conf: Path

    def docker(self, *arguments: str) -> str:
        done = parts.docker(self.address, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def version(self) -> str:
        return self.docker("version", "--format", "{{.Server.Version}}").strip()

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def resolv_conf_in(self, *flags: str) -> str:
        """Start a container and return the resolv.conf that its process sees."""
        command = ("run", "--rm", *flags, "printer", "/printer")
        # On a busy machine the engine now and then loses what so short a process printed.
        return self.docker(*command) or self.docker(*command)


@contextlib.contextmanager
def engine_host(
    resolv_conf: str, resolved: str = "", *, flags: Sequence[str] = (), root: Path | None = None
) -> Iterator[Host]:
    """Start an engine whose host has these files; with ``root``, the engine that is unpacked there."""
    # A short path: sockets' paths are bounded.
    with tempfile.TemporaryDirectory(prefix="dh", ignore_cleanup_errors=True) as short:
        directory = Path(short)
        (directory / "resolv.conf").write_text(resolv_conf)
        (directory / "resolved.conf").write_text(resolved)
        address = f"unix://{directory}/docker.sock"
        if root:
            for place in ("run", "proc", "sys", "dev", "tmp", "etc"):
                (root / place).mkdir(exist_ok=True)
            (root / "etc/resolv.conf").touch()
            for name in ("iptables", "ip6tables"):  # alternatives, which only a configured package has
                with contextlib.suppress(FileExistsError):
                    (root / "usr/sbin" / name).symlink_to("xtables-nft-multi")
        inside = str(root or "")
        command = ["unshare", "--mount", "--net", "/bin/sh", "-c", START, "sh", str(directory), address, inside]
        command += ["/usr/sbin/dockerd", "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec"]
        command += ["--pidfile", f"{directory}/pid", "-H", address, "--storage-driver", "vfs", *flags]
        settings = {"env": {**os.environ, "root": inside, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}}
        with parts.running(command, directory / "log", **settings):
            try:
                parts.wait_for(lambda: parts.docker(address, "version").returncode == 0, "dockerd", 60)
            except AssertionError:
                raise AssertionError((directory / "log").read_text()[-3000:]) from None
            host = Host(address, directory / "resolv.conf")
            _load_printer(host, directory)
            host.docker("network", "create", "own")
            yield host


def _load_printer(host: Host, directory: Path) -> None:
    source, program, archive = (directory / f"printer{suffix}" for suffix in (".c", "", ".tar"))
    source.write_text(PRINTER)
    subprocess.run(["gcc", "-static", "-Os", "-o", str(program), str(source)], check=True)
    with tarfile.open(archive, "w") as tar:
        tar.add(program, "printer")
    host.docker("import", str(archive), "printer")


def daemon_flags(**values: Sequence[str]) -> list[str]:
    """Return dockerd's flags for its DNS defaults: ``daemon_flags(dns_opt=["rotate"])``."""
    return [f"--{name.replace('_', '-')}={value}" for name, listed in values.items() for value in listed]


__all__ = ["Host", "daemon_flags", "engine_host"]
