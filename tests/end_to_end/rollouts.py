"""Rollouts that are really made: a program linked in some way, an image, an engine, a network; and what came of each.

One ``Row`` is one combination. ``predict`` asks the installed command beforehand, ``try_out`` starts the container
several times, ``cures`` applies each remedy that the report named and starts it again.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import parts
import toolchains
from toolchains import Build

PROGRAM = Path(__file__).parent / "program"
SERVERS = tuple(f"orderer{number}.example.com" for number in range(16))
"""Names of the one server: package net merges look-ups of one name that run at the same time."""
SERVER = SERVERS[0]
PATH = "/usr/local/bin/peer"
LIMIT = 20
"""Seconds that one run may take; a run that hangs cannot resolve."""

STATIC = "-linkmode external -extldflags '-static'"


def static(go: str, root: str) -> Build:
    """Return the build of a program that is static against a Debian release's glibc."""
    return Build(go, root=root, ldflags=STATIC)


BUILDS: Mapping[str, Build] = {
    "1.15 static 2.31": static("1.15", "bullseye"),
    "1.15 static-pie 2.31": Build("1.15", root="bullseye", buildmode="pie", ldflags="-linkmode external -extldflags '-static-pie'"),
    "1.15 netgo 2.31": Build("1.15", root="bullseye", tags="netgo,osusergo"),
    "1.15 osusergo 2.31": Build("1.15", root="bullseye", tags="osusergo", ldflags=STATIC),
    "1.15 dynamic 2.31": Build("1.15", root="bullseye", ldflags="-linkmode external"),
    "1.15 musl": Build("1.15", root="bullseye", ldflags=STATIC, cc="musl-gcc", packages=("musl-tools",)),
    "1.15 pure": Build("1.15", root="bullseye", cgo=False),
    "1.19 static 2.36": static("1.19", "bookworm"),
    **{f"1.{minor} static 2.31": static(f"1.{minor}", "bullseye") for minor in range(21, 28)},
    "1.27 netgo 2.31": Build("1.27", root="bullseye", tags="netgo,osusergo", ldflags=STATIC),
    "1.27 static 2.36": static("1.27", "bookworm"),
    "1.27 netgo 2.36": Build("1.27", root="bookworm", tags="netgo,osusergo", ldflags=STATIC),
    "1.27 dynamic 2.36": Build("1.27", root="bookworm", ldflags="-linkmode external"),
    "1.24 static 2.41": static("1.24", "trixie"),
    "1.27 static 2.41": static("1.27", "trixie"),
}  # fmt: skip

BASE = ("libc6", "libc-bin", "base-files", "base-passwd", "netbase")
MODULES = {"mdns": "libnss-mdns", "myhostname": "libnss-myhostname", "systemd": "libnss-systemd"}

HOSTS: Mapping[str, str] = {
    "plain": "",
    "ubuntu": "edns0 trust-ad",
    "alibaba": "timeout:2 attempts:3 rotate single-request-reopen",
    "no-aaaa": "no-aaaa",
    "reload": "timeout:1 no-reload",
}
"""Options in the resolv.conf of the host that the engine runs on."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One combination."""

    build: str
    image: str
    """A Debian release, with modules behind ``+`` (``bookworm+mdns``); ``release-nss`` without libnss files;
    ``scratch``; ``musl``."""
    network: str = "user"
    """user, bridge, host, or container (that of the server)."""
    host: str = "plain"
    dns_opt: tuple[str, ...] = ()
    nsswitch: str | None = None
    """Lines that replace those of the same databases in the image's nsswitch.conf; ``absent``: there is none."""
    call: str = "dial"
    argument: str = SERVER
    env: tuple[str, ...] = ()
    user: str = ""
    meant: str = ""
    """What the owner means the answer to hold; another answer is a wrong one. ``nothing``: no answer at all."""
    hosts: str = ""
    """Address that /etc/hosts has for the name."""
    known: str = ""
    """Why what happens may differ from what is said: a disagreement that is known and not mended."""
    ci: bool = False

    @property
    def id(self) -> str:
        """One line that says what is combined."""
        words = [f"Go {self.build} in {self.image}", self.network]
        words += [f"host {self.host}"] if self.host != "plain" else []
        words += [f"--dns-opt {option}" for option in self.dns_opt]
        words += [self.nsswitch.replace("\n", "; ")] if self.nsswitch else []
        words += list(self.env)
        words += [f"uid {self.user}"] if self.user else []
        words += [f"{self.argument}={self.hosts}" if self.hosts else ""]
        call = f"{self.call} {self.argument}" if self.argument not in {"", SERVER} else self.call
        return ", ".join([*(word for word in words if word), call])

    @property
    def judged_call(self) -> str:
        """The call as the command names it."""
        return "host" if self.call == "dial" else self.call


# ── root filesystems ─────────────────────────────────────────────────────────────────────────────────────────────


def image_root(name: str) -> Path:
    """Return the root filesystem of an image, as base images of the release have it: libraries, etc, ld.so.cache."""
    home = toolchains.cache() / f"rollout-root-{name}-1"
    with toolchains.making(home) as work:
        if work:
            _make_root(name, work)
    return home


def _make_root(name: str, work: Path) -> None:
    for directory in ("etc", "tmp", "usr/local/bin"):
        (work / directory).mkdir(parents=True)
    if name == "scratch":
        return
    if name == "musl":
        source = toolchains.debian_root("bookworm", ("musl",))
        (work / "lib").mkdir()
        shutil.copy(source / "lib/x86_64-linux-musl/libc.so", work / "lib/ld-musl-x86_64.so.1")
        (work / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        return
    without_nss = name.endswith("-nss")
    release, *modules = name.removesuffix("-nss").split("+")
    source = toolchains.debian_root(release, (*BASE, *(MODULES[module] for module in modules)))
    _copy_libraries(source, work, modules)
    if without_nss:
        for path in work.rglob("libnss_*"):
            path.unlink()
    shutil.copy(source / "usr/share/libc-bin/nsswitch.conf", work / "etc/nsswitch.conf")
    shutil.copy(source / "usr/share/base-passwd/passwd.master", work / "etc/passwd")
    shutil.copy(source / "usr/share/base-passwd/group.master", work / "etc/group")
    shutil.copy(source / "etc/services", work / "etc/services")
    (work / "etc/ld.so.conf").write_text("/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n")
    toolchains.run(["ldconfig", "-r", work])


def _copy_libraries(source: Path, work: Path, modules: Sequence[str]) -> None:
    """Copy libc, the loader and the modules, with all that they need."""
    places = [source / "lib/x86_64-linux-gnu", source / "usr/lib/x86_64-linux-gnu"]
    target = work / "usr/lib/x86_64-linux-gnu"
    target.mkdir(parents=True)
    (work / "lib").symlink_to("usr/lib")
    (work / "usr/lib64").mkdir()
    (work / "lib64").symlink_to("usr/lib64")
    (work / "usr/lib64/ld-linux-x86-64.so.2").symlink_to("/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    wanted = ["libc.so.6", "ld-linux-x86-64.so.2", "libpthread.so.0", "libresolv.so.2", "libdl.so.2"]
    wanted += ["libnss_files.so.2", "libnss_dns.so.2", "libnss_compat.so.2"]
    wanted += [path.name for place in places for m in modules for path in place.glob(f"libnss_{m}*.so.2")]
    done: set[str] = set()
    while wanted:
        name = wanted.pop()
        found = next((place / name for place in places if (place / name).exists()), None)
        if name in done or found is None:
            continue
        done.add(name)
        shutil.copy(found.resolve(), target / name)
        dynamic = toolchains.run(["readelf", "-d", target / name])
        wanted += re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)


# ── an engine ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Engine:
    """A Docker engine in a network of its own, on a host whose resolv.conf is ours to write."""

    address: str
    directory: Path
    resolv_conf: Path
    images: dict[tuple[str, str, str], str] = field(default_factory=dict)
    server: str = ""
    """The server's IP address on the user-defined network."""

    def docker(self, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run docker and return what it did."""
        return subprocess.run(
            ["docker", "-H", self.address, *arguments], capture_output=True, text=True, check=False, **settings
        )

    def do(self, *arguments: str, **settings: Any) -> str:
        """Run docker and return its output; fail where it fails."""
        done = self.docker(*arguments, **settings)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def base(self, name: str) -> str:
        """Import a root filesystem and return the image's name."""
        tag = f"base/{name.replace('+', '-with-')}:1"
        if self.docker("image", "inspect", tag).returncode != 0:
            with subprocess.Popen(["tar", "-C", image_root(name), "-c", "."], stdout=subprocess.PIPE) as archive:
                self.do("import", "-", tag, stdin=archive.stdout)
            assert archive.returncode == 0
        return tag

    def image(self, build: str | Build, root: str, user: str = "") -> str:
        """Put a program into an image, as a Dockerfile does, and return the image's name."""
        how = BUILDS[build] if isinstance(build, str) else build
        key = (repr(how), root, user)
        if key not in self.images:
            tag = f"test/rollout:{len(self.images)}"
            with tempfile.TemporaryDirectory() as name:
                context = Path(name)
                shutil.copy(toolchains.build(PROGRAM, how), context / "peer")
                lines = [f"FROM {self.base(root)}", f"COPY peer {PATH}", f'ENTRYPOINT ["{PATH}"]']
                lines += [f"USER {user}"] if user else []
                (context / "Dockerfile").write_text("\n".join(lines) + "\n")
                self.do("build", "-q", "-t", tag, str(context), env=parts.environment(DOCKER_BUILDKIT="0"))
            self.images[key] = tag
        return self.images[key]

    def start_server(self) -> None:
        """Start the server under its name on a user-defined network."""
        self.do("network", "create", "--subnet", "10.214.0.0/24", "fabric")
        image = self.image("1.15 pure", "scratch")
        names = [word for name in SERVERS for word in ("--network-alias", name)]
        self.do("run", "-d", "--name", "server", "--network", "fabric", *names, image, "serve")
        self.server = self.do("inspect", "-f", "{{.NetworkSettings.Networks.fabric.IPAddress}}", "server")


@contextlib.contextmanager
def engine(directory: Path) -> Iterator[Engine]:
    """Start an engine of one's own, with networks.

    It runs in a network and a mount namespace of its own: its bridges and firewall rules end with it and meet nobody
    else's, and its host's resolv.conf is a file of ours.
    """
    resolv_conf = directory / "host-resolv.conf"
    resolv_conf.write_text("nameserver 192.0.2.53\n")
    places = ["--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec", "--pidfile", f"{directory}/pid"]
    dockerd = [shutil.which("dockerd") or "/usr/sbin/dockerd", *places, "--bip", "10.213.0.1/24", "--ip6tables=false"]
    script = 'mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && ip link set lo up && shift && exec "$@"'
    address = f"unix://{directory}/docker.sock"
    command = ["unshare", "--net", "--mount", "sh", "-c", script, "sh", str(resolv_conf), *dockerd, "-H", address]
    with parts.running(command, directory / "dockerd.log"):
        parts.wait_for(
            lambda: parts.docker(address, "version").returncode == 0, f"dockerd: {directory}/dockerd.log", 90
        )
        one = Engine(address, directory, resolv_conf)
        try:
            one.start_server()
            yield one
        finally:
            one.docker("rm", "-f", "server")


# ── beforehand ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Rollout:
    """How a row is started: the image, the flags of ``docker run``, the command."""

    image: str
    flags: tuple[str, ...]
    command: tuple[str, ...]

    def started_with(self, *flags: str) -> Rollout:
        """Return it with further flags; docker takes the last of a kind."""
        return replace(self, flags=(*self.flags, *flags))


@dataclass(frozen=True)
class Prediction:
    """What the command said of the row's call."""

    level: str
    outcome: str | None
    likelihood: str | None
    rule: str
    remedies: tuple[tuple[str, str], ...]
    resolv_conf: str
    text: str = ""
    """The whole verdict, for a failed test."""

    def __str__(self) -> str:
        return " ".join(word for word in (self.level, self.outcome, self.likelihood) if word)


def plan(one: Engine, row: Row, directory: Path) -> Rollout:
    """Set the host up as the row says and return how it is started there."""
    options = HOSTS[row.host]
    one.resolv_conf.write_text("nameserver 192.0.2.53\n" + (f"options {options}\n" if options else ""))
    flags = {
        "user": ["--network", "fabric"],
        "bridge": [],
        "host": ["--network", "host"],
        "container": ["--network", "container:server"],
    }[row.network]
    flags = [*flags, *(word for option in row.dns_opt for word in ("--dns-opt", option))]
    flags += [word for variable in row.env for word in ("--env", variable)]
    flags += ["--add-host", f"{row.argument}:{row.hosts}"] if row.hosts else []
    image = one.image(row.build, row.image, row.user)
    if row.nsswitch is not None:
        path = directory / "nsswitch.conf"
        path.write_text(_nsswitch(row))
        flags += ["-v", f"{path}:/etc/nsswitch.conf:ro"]
    arguments = SERVERS if row.argument == SERVER and not row.hosts else (row.argument,)
    return Rollout(image, tuple(flags), (row.call, "64", *arguments))


def _nsswitch(row: Row) -> str:
    given = (row.nsswitch or "").split("\n")
    databases = {line.partition(":")[0] for line in given}
    base = image_root(row.image) / "etc/nsswitch.conf"
    lines = base.read_text().split("\n") if base.exists() else []
    return "\n".join([*given, *(line for line in lines if line.partition(":")[0] not in databases)]) + "\n"


def preview_resolv_conf(one: Engine, rollout: Rollout) -> str:
    """Return the resolv.conf that the engine gives such a container, read from one of another image that does nothing."""
    one.do("run", "--name", "preview", *rollout.flags, one.image("1.15 pure", "scratch"))
    try:
        return Path(one.do("inspect", "-f", "{{.ResolvConfPath}}", "preview")).read_text()
    finally:
        one.do("rm", "preview")


def predict(one: Engine, row: Row, rollout: Rollout, directory: Path) -> Prediction:
    """Ask the installed command what will happen."""
    resolv_conf = directory / "resolv.conf"
    resolv_conf.write_text(preview_resolv_conf(one, rollout))
    flags = ["--resolv-conf", str(resolv_conf), "--format", "json", "--fail-on", "never", "--allow-incomplete"]
    flags += ["--nsswitch", str(directory / "nsswitch.conf")] if row.nsswitch is not None else []
    flags += [word for variable in row.env for word in ("--env", variable)]
    flags += ["--name", row.argument] if row.judged_call == "host" else ["--call", row.judged_call]
    done = parts.inspector(
        "scan", f"docker:{rollout.image}", "--path", PATH, *flags, env=parts.environment(DOCKER_HOST=one.address)
    )
    assert done.returncode == 0, done.stderr
    verdicts = json.loads(done.stdout)["targets"][0]["environments"][0]["verdicts"]
    verdict = _of_call(verdicts, row.judged_call)
    return Prediction(
        level=verdict["level"],
        outcome=verdict["outcome"],
        likelihood=verdict["likelihood"],
        rule=verdict["rule"],
        remedies=tuple((remedy["kind"], remedy["text"]) for remedy in verdict["remedies"]),
        resolv_conf=resolv_conf.read_text(),
        text=json.dumps(verdict, indent=1),
    )


def _of_call(verdicts: list[dict[str, Any]], call: str) -> dict[str, Any]:
    """Return the verdict on a call; a binary without a way into libc has but one, on its host look-ups."""
    found = [verdict for verdict in verdicts if verdict["call"] == call]
    return (found or verdicts)[0]


# ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────


def try_out(one: Engine, row: Row, rollout: Rollout, runs: int) -> Counter[str]:
    """Start it in a container, ``runs`` times there, and count what came of it.

    Returns:
        How often it was ok, wrong-answer, cannot-resolve, cannot-start or dies.
    """
    words = ("repeat", str(runs), str(LIMIT), *rollout.command)
    try:
        done = one.docker("run", "--name", "client", *rollout.flags, rollout.image, *words, timeout=LIMIT * runs + 60)
    finally:
        one.docker("rm", "-f", "client")
    if done.returncode != 0:
        error = done.stderr
        absent = "no such file or directory" in error
        assert absent or "version `GLIBC_" in error or "error while loading shared libraries" in error, error
        return Counter({"cannot-start": runs})
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ends) == runs, done.stdout
    return Counter(classify(row, end["end"], end["said"]) for end in ends)


_SIGNAL = re.compile(r"^(SIG[A-Z]+: |fatal error: |\[signal )", re.MULTILINE)
"""What Go prints of a signal in C code before it exits with 2."""


def classify(row: Row, end: str, said: str) -> str:
    """Say what the end of a process and its words mean.

    Raises:
        AssertionError: for what is none of the known.
    """
    if end in {"exit status 0", "exit status 1"} and said.startswith(("ok: ", "failed: ")):
        answered = said.startswith("ok: ")
        if row.meant:
            is_meant = not answered if row.meant == "nothing" else row.meant in said
            return "ok" if is_meant else "wrong-answer"
        return "ok" if answered or _is_honest(row, said) else "cannot-resolve"
    if end == "hangs":
        return "cannot-resolve"
    if end.startswith("signal: ") or (end == "exit status 2" and _SIGNAL.search(said)):
        return "dies"
    raise AssertionError(f"{end}: {said}")


def _is_honest(row: Row, output: str) -> bool:
    """Whether the program was told, rightly, that what it asked for does not exist."""
    absent = "nobody-of-this-name" in row.argument or (row.call == "current" and row.user)
    return bool(absent) and ("unknown user" in output or "Current requires" in output)


def disagreement(prediction: Prediction, seen: Counter[str]) -> str:
    """Return how what happened disagrees with what was said beforehand, or an empty text."""
    runs = seen.total()
    bad = runs - seen["ok"]
    if prediction.level in {"safe", "latent"}:
        return f"said {prediction}, {bad} of {runs} runs were bad" if bad else ""
    if prediction.level == "unknown":
        return "nothing was said"
    if prediction.level == "crash" and prediction.likelihood == "rare":
        return ""
    least = runs if prediction.level == "wrong" or prediction.likelihood == "always" else 1
    if bad < least:
        return f"said {prediction}, {bad} of {runs} runs were bad"
    most = max((kind for kind in seen if kind != "ok"), key=lambda kind: seen[kind])
    return "" if most == prediction.outcome else f"said {prediction}, most of the bad runs: {most}"


# ── the cure ─────────────────────────────────────────────────────────────────────────────────────────────────────


def apply(one: Engine, row: Row, rollout: Rollout, prediction: Prediction, remedy: tuple[str, str]) -> Rollout | None:
    """Return how it is started with a remedy of the report applied, word by word; None for advice of another sort."""
    kind, text = remedy
    if kind == "env":
        if match := re.search(r"([A-Z_]+=\S+)", text):
            return rollout.started_with("--env", match[1])
        if match := re.fullmatch(r"unset ([A-Z_]+)", text):
            return replace(rollout, flags=_without_variable(rollout.flags, match[1]))
    if kind == "resolv-conf":
        return _with_file(one, rollout, "resolv.conf", _without(prediction.resolv_conf, re.findall(r"'([^']+)'", text)))
    if kind == "nsswitch":
        (line,) = re.findall(r"'([a-z]+: [^']+)'", text)
        nsswitch = _nsswitch(replace(row, nsswitch="\n".join([line, *_other_lines(row, line)])))
        kept = [flag for flag in rollout.flags if not flag.endswith(":/etc/nsswitch.conf:ro")]
        return _with_file(one, replace(rollout, flags=tuple(_drop_bare_v(kept))), "nsswitch.conf", nsswitch)
    if kind == "base-image" and (match := re.search(r"glibc (\d\.\d+)", text)):
        release = next(name for name, version in toolchains.LIBC.items() if version == match[1])
        modules = row.image.partition("+")[2]
        return replace(rollout, image=one.image(row.build, f"{release}+{modules}" if modules else release, row.user))
    if kind == "rebuild" and (match := re.search(r"-tags ([a-z]+(?:,[a-z]+)*)", text)):
        how = replace(BUILDS[row.build], tags=match[1], ldflags="")
        return replace(rollout, image=one.image(how, row.image, row.user))
    return None


def _other_lines(row: Row, line: str) -> list[str]:
    database = line.partition(":")[0]
    return [other for other in (row.nsswitch or "").split("\n") if other and other.partition(":")[0] != database]


def _drop_bare_v(flags: list[str]) -> list[str]:
    return [flag for at, flag in enumerate(flags) if flag != "-v" or (at + 1 < len(flags) and ":/" in flags[at + 1])]


def _without_variable(flags: tuple[str, ...], name: str) -> tuple[str, ...]:
    at = next(at for at, flag in enumerate(flags) if flag.startswith(f"{name}="))
    return (*flags[: at - 1], *flags[at + 1 :])


def _without(text: str, words: list[str]) -> str:
    lines = [" ".join(word for word in line.split() if word not in words) for line in text.split("\n")]
    return "\n".join(line for line in lines if line != "options") + "\n"


def _with_file(one: Engine, rollout: Rollout, name: str, text: str) -> Rollout:
    path = one.directory / f"cured-{name}"
    path.write_text(text)
    return rollout.started_with("-v", f"{path}:/etc/{name}:ro")


def cures(one: Engine, row: Row, rollout: Rollout, prediction: Prediction, runs: int) -> Iterator[tuple[str, str]]:
    """Apply each remedy that was named; yield (remedy, what came of it)."""
    for remedy in prediction.remedies:
        cured = apply(one, row, rollout, prediction, remedy)
        if cured is not None:
            seen = try_out(one, row, cured, runs)
            yield f"{remedy[0]}: {remedy[1]}", "cured" if set(seen) == {"ok"} else f"NOT cured: {dict(seen)}"
