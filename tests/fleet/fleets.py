"""Fleets made for tests: many small images that share layers, pushed through a real registry's own interface."""

import contextlib
import gzip
import hashlib
import http.client
import http.server
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import parts

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "samples" / "images"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Blob:
    """A layer as stored."""

    data: bytes
    diff_id: str
    kind: str = LAYER

    @property
    def digest(self) -> str:
        return digest_of(self.data)


def layer(files: dict[str, bytes]) -> Blob:
    """Make a layer of some files; the same files give the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return Blob(gzip.compress(plain.getvalue(), 1, mtime=0), digest_of(plain.getvalue()))


def sample_layers(name: str) -> list[Blob]:
    """Return the layers of one of the samples' images as blobs."""
    with tarfile.open(PROGRAMS / name) as archive:
        names = archive.getnames()

        def read(path: str) -> bytes:
            return archive.extractfile(path).read()

        def blob(digest: str) -> bytes:
            return read("blobs/" + digest.replace(":", "/"))

        if "manifest.json" in names:
            manifest = json.loads(read("manifest.json"))[0]
            config = json.loads(read(manifest["Config"]))
            stored = [gzip.compress(read(path), 1, mtime=0) for path in manifest["Layers"]]
            kinds = [LAYER] * len(stored)
        else:
            found = json.loads(blob(json.loads(read("index.json"))["manifests"][0]["digest"]))
            config = json.loads(blob(found["config"]["digest"]))
            stored = [blob(each["digest"]) for each in found["layers"]]
            kinds = [each["mediaType"] for each in found["layers"]]
        diff_ids = config["rootfs"]["diff_ids"]
        return [Blob(data, diff_id, kind) for data, diff_id, kind in zip(stored, diff_ids, kinds, strict=True)]


@dataclass
class Pushing:
    """Pushes to a registry (OCI distribution-spec, "Pushing Blobs", "Pushing Manifests"), each blob once."""

    host: str
    pushed: set[tuple[str, str]] = field(default_factory=set)
    homes: dict[str, str] = field(default_factory=dict)
    """Where each blob was pushed first."""

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.host)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, str]:
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (method, path, answer.status, text)
        return {name.lower(): value for name, value in answer.getheaders()}

    def blob(self, repository: str, data: bytes) -> str:
        digest = digest_of(data)
        if (repository, digest) in self.pushed:
            return digest
        # From another repository it is taken without being sent (OCI distribution-spec, "Mounting a blob").
        home = self.homes.setdefault(digest, repository)
        mount = f"?mount={digest}&from={home}" if home != repository else ""
        begun = self.request("POST", f"/v2/{repository}/blobs/uploads/{mount}", b"")
        if "/uploads/" in begun["location"]:
            place = begun["location"].split(self.host, 1)[-1]
            self.request("PUT", f"{place}&digest={digest}", data, **{"Content-Type": "application/octet-stream"})
        self.pushed.add((repository, digest))
        return digest

    def manifest(self, repository: str, tag: str, document: dict[str, Any]) -> str:
        data = json.dumps(document, sort_keys=True).encode()
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", data, **{"Content-Type": document["mediaType"]})
        return digest_of(data)

    def image(
        self,
        repository: str,
        tag: str,
        layers: list[Blob],
        *,
        entrypoint: list[str] | None = None,
        created: str = "2026-01-01T00:00:00Z",
        architecture: str = "amd64",
        **config: Any,
    ) -> str:
        """Push an image and return its manifest's digest."""
        described = {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": {"Entrypoint": entrypoint or [], **config},
            "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
        }
        content = json.dumps(described, sort_keys=True).encode()
        config_digest = self.blob(repository, content)
        for each in layers:
            self.blob(repository, each.data)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": len(content)},
            "layers": [{"mediaType": each.kind, "digest": each.digest, "size": len(each.data)} for each in layers],
        }  # fmt: skip
        return self.manifest(repository, tag, document)


@dataclass(frozen=True)
class Fleet:
    """What was pushed."""

    host: str
    repositories: tuple[str, ...]
    tags: int
    layers: frozenset[str]


def generate(host: str, *, repositories: int = 30, tags: int = 10) -> Fleet:
    """Push repositories with tags each: peers that crash, programs that do not, files alone; their bases are shared."""
    bases = [sample_layers("peer-static-glibc.tar.gz"), sample_layers("peer-netgo.tar")]
    bases.append(bases[1][:1])
    names = tuple(f"team-{number % 5}/service-{number:02}" for number in range(repositories))
    layers: set[str] = set()
    with Pushing(host) as first:
        for base in bases:
            for each in base:
                first.blob("bases/all", each.data)

    def push(number: int, name: str) -> None:
        with Pushing(host, homes=dict(first.homes)) as pushing:
            own = layer({f"etc/service-{number}": name.encode()})
            for tag in range(tags):
                top = [layer({"opt/release": f"{number}.{tag}".encode()})] if tag % 3 == 0 else []
                stack = [*bases[number % 3], own, *top]
                layers.update(each.digest for each in stack)
                start = ["/usr/local/bin/peer"] if number % 3 < 2 else None
                pushing.image(name, f"1.{tag}", stack, entrypoint=start, created=f"2026-01-{tag + 1:02}T00:00:00Z")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(repositories), names))
    return Fleet(host, names, repositories * tags, frozenset(layers))


@dataclass
class Log:
    """A registry's access log from now on."""

    registry: parts.Registry
    start: int = 0

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was before."""
        self.start = self.registry.log.stat().st_size

    def lines(self, part: str) -> list[str]:
        """Return the access log's lines that hold ``part``."""
        with self.registry.log.open("rb") as file:
            file.seek(self.start)
            text = file.read().decode()
        return [line for line in text.splitlines() if part in line and ' HTTP/1.1" ' in line]

    def blobs(self) -> Counter[str]:
        """Return how often each blob was fetched, by digest."""
        got = [line for line in self.lines("/blobs/") if '"GET ' in line]
        return Counter(line.split("/blobs/", 1)[1].split()[0].split("?")[0] for line in got)


# ── ways to a registry that hold back, refuse or answer for it ───────────────────────────────────────────────────


@dataclass
class Front:
    """A way to a registry. ``before`` may answer a request itself: it returns (status, headers, body), or None."""

    target: str
    before: Callable[[http.server.BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes] | None]
    seen: list[str] = field(default_factory=list)
    """Method and path of every request."""
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def front(target: str, before: Callable[..., Any] = lambda _: None) -> Iterator[Front]:
    """Lead requests to a registry on this machine."""
    made = Front(target, before)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.seen.append(f"{self.command} {self.path}")
            answer = made.before(self) or self.forward()
            status, headers, body = answer
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815
        do_POST = do_GET  # noqa: N815

        def forward(self) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(made.target)
            kept = {name: value for name, value in self.headers.items() if name in {"Accept", "Range"}}
            connection.request(self.command, self.path, headers=kept)
            answer = connection.getresponse()
            wanted = {"Content-Type", "Docker-Content-Digest", "Link", "Content-Range"}
            headers = {name: value for name, value in answer.getheaders() if name in wanted}
            if self.command == "HEAD":
                headers["Content-Length"] = answer.headers.get("Content-Length", "0")
            body = answer.read()
            connection.close()
            return answer.status, headers, body

        def log_message(self, *_: object) -> None:
            pass

    with parts.serving(Handler) as port:
        made.port = port
        yield made
