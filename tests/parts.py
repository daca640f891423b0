"""Real parts for the tests: a registry, an engine, Podman's service, a token server, a proxy that cuts connections."""

import base64
import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parent.parent
PEER = ROOT / "samples" / "images" / "peer-static-glibc.tar.gz"


def inspector(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    command = [str(Path(sys.executable).parent / "inspector"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **{"cwd": ROOT, **settings}
    )


def facts(*arguments: str, **settings: Any) -> dict[str, Any]:
    """Run ``inspector facts`` and return the one target, without what differs from source to source."""
    done = inspector("facts", "--no-cache", *arguments, **settings)
    assert done.returncode == 0, done.stderr
    targets = json.loads(done.stdout)["targets"]
    assert len(targets) == 1
    return targets[0]


def content(target: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a target that must be the same from every source."""
    binaries = [{**binary, "layer": None} for binary in target["binaries"]]
    return {"binaries": binaries, **{key: target[key] for key in ("rootfs", "config", "platform", "status")}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come up")


def is_listening(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@contextlib.contextmanager
def running(command: list[str], log: Path, **settings: Any) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, **settings) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass
class Registry:
    """A real docker-registry."""

    port: int
    log: Path
    directory: Path
    tls: bool = False
    address: str = "127.0.0.1"

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    def requests(self, part: str) -> list[str]:
        """Return the access log's lines that hold ``part``."""
        return [line for line in self.log.read_text().splitlines() if '"GET ' in line and part in line]

    def push(self, source: str, name: str, *options: str) -> None:
        command = ["skopeo", "copy", "-q", "--dest-tls-verify=false", *options, source, f"docker://{self.host}/{name}"]
        subprocess.run(command, check=True, capture_output=True)

    def put(self, path: str, data: bytes, media_type: str) -> None:
        request = urllib.request.Request(f"http://{self.host}{path}", data=data, method="PUT")
        request.add_header("Content-Type", media_type)
        urllib.request.urlopen(request).close()


@contextlib.contextmanager
def registry(
    directory: Path,
    *,
    auth: dict[str, Any] | None = None,
    tls: tuple[Path, Path] | None = None,
    at: tuple[str, int] | None = None,
) -> Iterator[Registry]:
    """Start a docker-registry on a free port of this machine, or at a loopback address and port."""
    address, port = at or ("127.0.0.1", free_port())
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": False}, "level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"{address}:{port}"},
    }
    if auth:
        config["auth"] = auth
    if tls:
        config["http"]["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
    file, log = directory / "registry.yml", directory / "registry.log"
    file.write_text(json.dumps(config))  # JSON is YAML
    with running(["docker-registry", "serve", str(file)], log):
        wait_for(lambda: is_listening(port, address), "docker-registry")
        yield Registry(port, log, directory, tls is not None, address)


def plain_archive(directory: Path) -> Path:
    """Return the sample's archive, its outer compression taken off."""
    path = directory / "peer.tar"
    with path.open("wb") as output:
        subprocess.run(["gzip", "-dc", str(PEER)], stdout=output, check=True)
    return path


def extract(archive: tarfile.TarFile, directory: Path, names: list[str] | None = None) -> None:
    """Unpack our own archive, whole or some of it; Debian 12's tarfile knows no filter, and 3.14's must not be without."""
    how = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
    archive.extractall(directory, None if names is None else [archive.getmember(name) for name in names], **how)


def certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that is its own authority; return it and its key."""
    crt, key = directory / "server.crt", directory / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(crt), "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry-1.docker.io"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return crt, key


# ── a token server ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Tokens:
    """A token service as registries describe it; gives tokens that the registry trusts."""

    crt: Path
    key: Path
    issuer: str = "test-issuer"
    users: dict[str, str] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    """The Authorization header of each request."""
    port: int = 0

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def token(self, scope: str, service: str, account: str) -> str:
        der = base64.b64encode(base64.b64decode("".join(self.crt.read_text().split("\n")[1:-2]))).decode()
        header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        kind, name, actions = scope.split(":") if scope else ("", "", "")
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": account, "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": str(now),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else [],
        }  # fmt: skip
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        return f"{signed}.{_base64url(subprocess.run(command, input=signed.encode(), check=True, capture_output=True).stdout)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def token_server(tokens: Tokens) -> Iterator[Tokens]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.asked.append(self.headers.get("Authorization"))
            query = parse_qs(urlsplit(self.path).query)
            account = ""
            if tokens.users:
                given = base64.b64decode((self.headers.get("Authorization") or "Basic Og==").split()[1]).decode()
                account, _, password = given.partition(":")
                if tokens.users.get(account) != password:
                    self.send_response(401)
                    self.end_headers()
                    return
            token = tokens.token(query.get("scope", [""])[0], query.get("service", [""])[0], account)
            body = json.dumps({"token": token}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as port:
        tokens.port = port
        yield tokens


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve on a free port of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


# ── a proxy that cuts connections ────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def cutting_proxy(target: int, after: int, times: int) -> Iterator[tuple[int, list[int]]]:
    """Forward connections to a port, cutting the first ``times`` long answers after ``after`` bytes.

    Yields the proxy's port and the list of cuts made.
    """
    cuts: list[int] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target)) as upstream:
                forward = threading.Thread(target=self.pump, args=(self.request, upstream, None), daemon=True)
                forward.start()
                self.pump(upstream, self.request, after)
                with contextlib.suppress(OSError):
                    upstream.shutdown(socket.SHUT_RDWR)
                forward.join(5)

        def pump(self, source: socket.socket, sink: socket.socket, limit: int | None) -> None:
            done = 0
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    done += len(data)
                    if limit is not None and done > limit and len(cuts) < times:
                        cuts.append(done)
                        self.request.shutdown(socket.SHUT_RDWR)
                        return
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1], cuts
        finally:
            server.shutdown()
            thread.join()


# ── engines ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def docker_engine(directory: Path, *, storage: str | None = "vfs") -> Iterator[str]:
    """Start a Docker engine of one's own and yield its address; ``storage`` None leaves the driver to it."""
    address = f"unix://{directory}/docker.sock"
    places = ["--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec", "--pidfile", f"{directory}/pid"]
    command = [shutil.which("dockerd") or "/usr/sbin/dockerd", *places, "-H", address]
    # No network is needed, and a chroot may have no iptables that work.
    command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    command += ["--storage-driver", storage] if storage else []
    try:
        with running(command, directory / "dockerd.log"):
            wait_for(lambda: docker(address, "version").returncode == 0, f"dockerd: {directory}/dockerd.log", 60)
            yield address
    finally:
        # It leaves the namespaces of --network none and host mounted, and nobody could remove the directory.
        for place in (directory / "exec" / "netns").glob("*"):
            subprocess.run(["umount", "-l", place], capture_output=True, check=False)


def docker(address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", "-H", address, *arguments], capture_output=True, text=True, check=False)


@contextlib.contextmanager
def tls_front(engine: str, crt: Path, key: Path) -> Iterator[int]:
    """Serve an engine's socket by TLS to clients that show a certificate of the same authority; yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    context.load_verify_locations(crt)
    context.verify_mode = ssl.CERT_REQUIRED

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as client,
                socket.socket(socket.AF_UNIX) as upstream,
            ):
                upstream.connect(engine.removeprefix("unix://"))
                back = threading.Thread(target=self.pump, args=(upstream, client), daemon=True)
                back.start()
                self.pump(client, upstream)
                back.join(10)

        def pump(self, source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_RDWR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Gate:
    """A way to an engine that holds back its answers to chosen requests until they are let go."""

    address: str
    stages: dict[str, bytes]
    reached: dict[str, threading.Event] = field(default_factory=dict)
    released: dict[str, threading.Event] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    """The request lines that passed."""


@contextlib.contextmanager
def engine_gate(engine: str, directory: Path, **stages: bytes) -> Iterator[Gate]:
    """Lead a socket of one's own to an engine's; ``stages`` names requests by how their first line goes on."""
    path = directory / "gate.sock"
    gate = Gate(f"unix://{path}", stages)
    for name in stages:
        gate.reached[name], gate.released[name] = threading.Event(), threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as upstream, contextlib.suppress(OSError):
                upstream.connect(engine.removeprefix("unix://"))
                waiting: list[str] = []
                back = threading.Thread(target=self.answer, args=(upstream, waiting), daemon=True)
                back.start()
                while data := self.request.recv(65536):
                    line = data.split(b"\r\n", 1)[0]
                    gate.seen.append(line.decode("latin-1"))
                    waiting += [name for name, part in stages.items() if part in line]
                    upstream.sendall(data)
                upstream.shutdown(socket.SHUT_WR)
                back.join(30)

        def answer(self, upstream: socket.socket, waiting: list[str]) -> None:
            with contextlib.suppress(OSError):
                while data := upstream.recv(65536):
                    while waiting:
                        name = waiting.pop()
                        gate.reached[name].set()
                        gate.released[name].wait(60)
                    self.request.sendall(data)
                self.request.shutdown(socket.SHUT_WR)

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield gate
        finally:
            for event in gate.released.values():
                event.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def podman_service(directory: Path) -> Iterator[str]:
    """Start Podman's API service and yield its address."""
    path = directory / "podman.sock"
    with running(podman(directory, "system", "service", "--time=0", f"unix://{path}"), directory / "podman.log"):
        wait_for(path.exists, "podman")
        yield f"unix://{path}"


def podman(directory: Path, *arguments: str) -> list[str]:
    places = ["--root", f"{directory}/root", "--runroot", f"{directory}/run", "--storage-driver", "vfs"]
    return ["podman", *places, *arguments]


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with some variables set."""
    return {**os.environ, **variables}
