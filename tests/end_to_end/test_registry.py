"""Images from a real registry, through the installed command."""

import base64
import http.server
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import parts
import pytest

pytestmark = pytest.mark.needs("docker-registry", "skopeo")

INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Registry]:
    directory = tmp_path_factory.mktemp("registry")
    with parts.registry(directory) as running:
        running.push(f"docker-archive:{parts.plain_archive(directory)}", "samples/peer:1")
        yield running


@pytest.fixture(scope="module")
def expected() -> dict[str, object]:
    return parts.content(parts.facts(str(parts.PEER)))


def test_a_tag_gives_the_same_facts_as_the_archive(registry: parts.Registry, expected: dict[str, object]) -> None:
    found = parts.facts(f"{registry.host}/samples/peer:1")
    assert parts.content(found) == expected
    assert [layer["digest"].startswith("sha256:") for layer in found["layers"]] == [True, True]
    assert found["binaries"][0]["layer"] == found["layers"][1]["diff_id"]


def test_a_digest_is_verified_and_reported(registry: parts.Registry) -> None:
    digest = parts.facts(f"{registry.host}/samples/peer:1")["digest"]
    assert parts.facts(f"registry:{registry.host}/samples/peer@{digest}")["digest"] == digest


def test_an_unchanged_tag_costs_one_request(registry: parts.Registry, tmp_path: Path) -> None:
    name = f"{registry.host}/samples/peer:1"
    first = parts.inspector("facts", "--cache-dir", str(tmp_path), name)
    before = len(registry.requests("/v2/"))
    second = parts.inspector("facts", "--cache-dir", str(tmp_path), name)
    assert len(registry.requests("/v2/")) - before == 1
    assert (first.returncode, second.stdout) == (0, first.stdout)


def test_offline_a_known_digest_is_answered_from_the_store_and_a_tag_is_not(
    registry: parts.Registry, tmp_path: Path
) -> None:
    """A tag may have moved since: what it stood for once is no answer."""
    name, cache = f"{registry.host}/samples/peer", ("--cache-dir", str(tmp_path))
    first = parts.inspector("facts", *cache, f"{name}:1")
    digest = json.loads(first.stdout)["targets"][0]["digest"]
    before = len(registry.requests("/v2/"))
    again = parts.inspector("facts", *cache, "--offline", f"{name}@{digest}")
    assert again.returncode == 0
    assert json.loads(again.stdout)["targets"][0]["binaries"] == json.loads(first.stdout)["targets"][0]["binaries"]
    tagged = parts.inspector("scan", *cache, "--offline", f"{name}:1")
    assert (tagged.returncode, tagged.stdout) == (3, "")
    assert "samples/peer:1: not asked, because of --offline" in tagged.stderr
    assert "name it REPOSITORY@sha256:" in tagged.stderr
    assert len(registry.requests("/v2/")) == before


def test_zstd_layers_are_read(registry: parts.Registry, expected: dict[str, object], tmp_path: Path) -> None:
    source = f"docker-archive:{parts.plain_archive(tmp_path)}"
    subprocess.run(
        ["skopeo", "copy", "-q", "--dest-compress-format", "zstd", source, f"oci:{tmp_path}/zstd:1"],
        check=True,
        capture_output=True,
    )
    kinds = {path.read_bytes()[:4] for path in (tmp_path / "zstd/blobs/sha256").iterdir()}
    assert b"\x28\xb5\x2f\xfd" in kinds
    registry.push(f"oci:{tmp_path}/zstd:1", "samples/zstd:1", "--format", "oci")
    assert parts.content(parts.facts(f"{registry.host}/samples/zstd:1")) == expected
    assert parts.content(parts.facts(f"oci-dir:{tmp_path}/zstd")) == expected


@pytest.fixture(scope="module")
def index(registry: parts.Registry) -> str:
    """Push an index of two platforms and an attestation, and return its name."""
    found = json.loads(subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/samples/peer:1"], check=True, capture_output=True
    ).stdout)  # fmt: skip
    raw = json.dumps(found).encode()
    registry.put("/v2/samples/peer/manifests/again", raw, found["mediaType"])
    digest = parts.facts(f"{registry.host}/samples/peer:again")["digest"]
    entry = {"mediaType": found["mediaType"], "digest": digest, "size": len(raw)}
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {**entry, "platform": {"os": "unknown", "architecture": "unknown"}, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            {**entry, "platform": {"os": "linux", "architecture": "arm", "variant": "v6"}},
            {**entry, "platform": {"os": "linux", "architecture": "amd64"}},
        ],
    }  # fmt: skip
    registry.put("/v2/samples/peer/manifests/index", json.dumps(document).encode(), INDEX)
    return f"{registry.host}/samples/peer:index"


def test_an_index_is_read_for_linux_amd64_and_says_so(index: str) -> None:
    found = parts.facts(index)
    assert found["notes"] == ["index of 2 platforms, linux/amd64 taken"]


def test_a_platform_can_be_chosen_and_an_arm_variant_be_answered_by_a_lower_one(index: str) -> None:
    assert parts.facts("--platform", "linux/arm/v7", index)["notes"] == ["index of 2 platforms, linux/arm/v6 taken"]


def test_all_platforms_leave_attestations_out(index: str) -> None:
    done = parts.inspector("facts", "--no-cache", "--all-platforms", index)
    assert len(json.loads(done.stdout)["targets"]) == 2


def test_an_absent_platform_names_those_there_are(index: str) -> None:
    done = parts.inspector("scan", "--from", "registry", "--platform", "linux/s390x", index)
    assert done.returncode == 3
    assert "linux/amd64, linux/arm/v6" in done.stderr


def test_a_connection_cut_in_the_middle_of_a_blob_is_taken_up_by_range(
    registry: parts.Registry, expected: dict[str, object]
) -> None:
    with parts.cutting_proxy(registry.port, after=300_000, times=2) as (port, cuts):
        assert parts.content(parts.facts(f"127.0.0.1:{port}/samples/peer:1")) == expected
        assert len(cuts) == 2
    assert any("206" in line for line in registry.requests("/blobs/"))


@pytest.mark.needs("htpasswd")
def test_basic_authentication_takes_the_credentials_of_docker_login(tmp_path: Path) -> None:
    line = subprocess.run(["htpasswd", "-Bbn", "alice", "secret"], check=True, capture_output=True).stdout
    (tmp_path / "htpasswd").write_bytes(line)
    auth = {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}
    with parts.registry(tmp_path, auth=auth) as running:
        running.push(
            f"docker-archive:{parts.plain_archive(tmp_path)}", "samples/peer:1", "--dest-creds", "alice:secret"
        )
        name = f"{running.host}/samples/peer:1"
        refused = parts.inspector("scan", "--from", "registry", name)
        assert refused.returncode == 3
        assert "docker login" in refused.stderr
        stored = {"auths": {running.host: {"auth": base64.b64encode(b"alice:secret").decode()}}}
        (tmp_path / "config.json").write_text(json.dumps(stored))
        assert parts.facts(name, env=parts.environment(DOCKER_CONFIG=str(tmp_path)))["status"] == "analysed"
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {running.host: "sample"}}))
        helper = tmp_path / "docker-credential-sample"
        helper.write_text('#!/bin/sh\ncat >/dev/null\necho \'{"Username": "alice", "Secret": "secret"}\'\n')
        helper.chmod(0o755)
        env = parts.environment(DOCKER_CONFIG=str(tmp_path), PATH=f"{tmp_path}:/usr/bin:/bin")
        assert parts.facts(name, env=env)["status"] == "analysed"


@pytest.mark.needs("openssl")
def test_bearer_tokens_are_fetched_and_credentials_go_to_the_token_service_only(tmp_path: Path) -> None:
    crt, key = parts.certificate(tmp_path)
    with parts.token_server(parts.Tokens(crt, key, users={"alice": "secret"})) as tokens:
        auth = {
            "token": {"realm": tokens.realm, "service": "test", "issuer": tokens.issuer, "rootcertbundle": str(crt)}
        }
        with parts.registry(tmp_path, auth=auth) as running:
            running.push(
                f"docker-archive:{parts.plain_archive(tmp_path)}", "samples/peer:1", "--dest-creds", "alice:secret"
            )
            stored = {"auths": {running.host: {"auth": base64.b64encode(b"alice:secret").decode()}}}
            (tmp_path / "config.json").write_text(json.dumps(stored))
            tokens.asked.clear()
            found = parts.facts(f"{running.host}/samples/peer:1", env=parts.environment(DOCKER_CONFIG=str(tmp_path)))
            assert found["status"] == "analysed"
            assert len(tokens.asked) == 1, "one token serves the whole image"
            refused = parts.inspector("facts", "--from", "registry", f"{running.host}/samples/peer:1")
            assert refused.returncode == 3


@pytest.mark.needs("openssl")
def test_tls_is_verified_and_an_authority_can_be_named(tmp_path: Path) -> None:
    crt, key = parts.certificate(tmp_path)
    with parts.registry(tmp_path, tls=(crt, key)) as running:
        running.push(f"docker-archive:{parts.plain_archive(tmp_path)}", "samples/peer:1")
        # By a name that is no loopback name, so that HTTPS is spoken; the proxy leads it to this machine.
        with connect_proxy(running.port) as proxy:
            env = parts.environment(HTTPS_PROXY=f"http://127.0.0.1:{proxy}", NO_PROXY="")
            refused = parts.inspector("facts", "--from", "registry", "samples/peer:1", env=env)
            assert refused.returncode == 3
            assert "--ca-cert" in refused.stderr
            found = parts.facts("--from", "registry", "--ca-cert", str(crt), "samples/peer:1", env=env)
            assert found["reference"] == "docker.io/samples/peer:1", "short names are Docker Hub's"


@pytest.mark.needs("root", "unshare", "openssl")
def test_short_names_lead_to_docker_hub_as_docker_leads_them(tmp_path: Path) -> None:
    # A registry that poses as Docker Hub: its name in the hosts file of a mount namespace, on HTTPS's own port.
    crt, key = parts.certificate(tmp_path)
    with parts.registry(tmp_path, tls=(crt, key), at=("127.44.3.53", 443)) as running:
        archive = f"docker-archive:{parts.plain_archive(tmp_path)}"
        for name in ("library/peer:latest", "hyperledger/fabric-peer:2.5"):
            running.push(archive, name)
        hosts = tmp_path / "hosts"
        hosts.write_text("127.0.0.1 localhost\n127.44.3.53 registry-1.docker.io\n")
        inside = ["unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
        command = [str(Path(sys.executable).parent / "inspector"), "facts", "--no-cache", "--from", "registry"]
        for short, full in {
            "peer": "docker.io/library/peer:latest",
            "hyperledger/fabric-peer:2.5": "docker.io/hyperledger/fabric-peer:2.5",
            "docker.io/peer": "docker.io/library/peer:latest",
            "index.docker.io/library/peer": "docker.io/library/peer:latest",
        }.items():
            done = subprocess.run(
                [*inside, *command, "--ca-cert", str(crt), short],
                capture_output=True,
                text=True,
                check=False,
                env=parts.environment(NO_PROXY="*"),
            )
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["targets"][0]["reference"] == full


def connect_proxy(target: int):
    """An HTTP proxy that leads registry-1.docker.io:443 to a port of this machine, and nothing else anywhere."""
    import socket
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if self.path != "registry-1.docker.io:443":
                self.send_error(403)
                return
            with socket.create_connection(("127.0.0.1", target)) as upstream:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=pump, args=(upstream, self.connection), daemon=True)
                back.start()
                pump(self.connection, upstream)
                back.join(5)

        def log_message(self, *_: object) -> None:
            pass

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    return parts.serving(Handler)


def test_retry_after_is_obeyed_and_a_lasting_limit_names_docker_login(registry: parts.Registry) -> None:
    seen: list[str] = []

    class Limited(http.server.BaseHTTPRequestHandler):
        lasting = False

        def do_GET(self) -> None:
            seen.append(self.path)
            if self.lasting or len(seen) == 1:
                self.send_response(429)
                self.send_header("Retry-After", "1" if not self.lasting else "3600")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(307)
            self.send_header("Location", f"http://{registry.host}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with parts.serving(Limited) as port:
        assert parts.facts(f"127.0.0.1:{port}/samples/peer:1")["status"] == "analysed"
        Limited.lasting = True
        done = parts.inspector("scan", "--from", "registry", f"127.0.0.1:{port}/samples/peer:1")
    assert done.returncode == 3
    assert "docker login lifts it" in done.stderr


def test_errors_of_the_moment_are_tried_again_and_a_missing_digest_header_is_no_obstacle(
    registry: parts.Registry,
) -> None:
    seen: list[str] = []

    class Shaky(http.server.BaseHTTPRequestHandler):
        """Answers 503 first, breaks the connection next, then forwards without Docker-Content-Digest."""

        def do_GET(self) -> None:
            seen.append(self.path)
            turn = seen.count(self.path)
            if turn == 1:
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if turn == 2:
                self.close_connection = True
                return
            request = urllib.request.Request(f"http://{registry.host}{self.path}")
            request.add_header("Accept", self.headers.get("Accept", "*/*"))
            with urllib.request.urlopen(request) as answer:
                body = answer.read()
                self.send_response(200)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with parts.serving(Shaky) as port:
        found = parts.facts(f"127.0.0.1:{port}/samples/peer:1")
    assert found["digest"] == parts.facts(f"{registry.host}/samples/peer:1")["digest"]
    assert {seen.count(path) for path in seen} == {3}


def test_plain_http_is_for_loopback_or_by_leave(registry: parts.Registry) -> None:
    # A name that is no loopback name, led to this machine by the environment's proxy for plain HTTP.
    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("/", 3)[3]
            request = urllib.request.Request(f"http://{registry.host}/{path}")
            request.add_header("Accept", self.headers.get("Accept", "*/*"))
            with urllib.request.urlopen(request) as answer:
                body = answer.read()
                self.send_response(200)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    with parts.serving(Proxy) as port:
        proxy = f"http://127.0.0.1:{port}"
        env = parts.environment(
            HTTP_PROXY=proxy, HTTPS_PROXY=proxy, http_proxy=proxy, https_proxy=proxy, NO_PROXY="", no_proxy=""
        )
        name = "registry:registry.example.com/samples/peer:1"
        assert parts.facts("--insecure", name, env=env)["status"] == "analysed"
        refused = parts.inspector("facts", name, env=env)
        assert refused.returncode == 3
        assert refused.stderr.count("\n") == 1


def test_authorization_never_follows_a_redirect_to_another_host(registry: parts.Registry, tmp_path: Path) -> None:
    elsewhere: list[str | None] = []
    asked: list[str | None] = []

    class Blobs(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            elsewhere.append(self.headers.get("Authorization"))
            self.send_response(307)
            self.send_header("Location", f"http://{registry.host}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Front(Blobs):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_response(307 if asked[-1] else 401)
            if asked[-1]:
                self.send_header("Location", f"http://127.0.0.1:{blobs}{self.path}")
            else:
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    with parts.serving(Blobs) as blobs, parts.serving(Front) as front:
        stored = {"auths": {f"127.0.0.1:{front}": {"auth": base64.b64encode(b"alice:secret").decode()}}}
        (tmp_path / "config.json").write_text(json.dumps(stored))
        found = parts.facts(f"127.0.0.1:{front}/samples/peer:1", env=parts.environment(DOCKER_CONFIG=str(tmp_path)))
    assert found["status"] == "analysed"
    assert any(asked)
    assert elsewhere
    assert not any(elsewhere)


class Forwarding(http.server.BaseHTTPRequestHandler):
    """Answers as a registry does, ``host``, for a path that is a registry's."""

    host: str

    def forward(self, path: str) -> None:
        request = urllib.request.Request(f"http://{self.host}{path}")
        request.add_header("Accept", self.headers.get("Accept", "*/*"))
        with urllib.request.urlopen(request) as answer:
            body, kind = self.changed(path, answer.read()), answer.headers.get("Content-Type", "")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def changed(self, _path: str, body: bytes) -> bytes:
        return body

    def log_message(self, *_: object) -> None:
        pass


def test_a_redirect_to_the_same_host_leaves_its_connection_in_order(registry: parts.Registry) -> None:
    redirected: list[str] = []

    class Same(Forwarding):
        host = registry.host
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/data"):
                self.forward(self.path.removeprefix("/data"))
                return
            redirected.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"/data{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with parts.serving(Same) as port:
        assert parts.facts(f"registry:127.0.0.1:{port}/samples/peer:1")["status"] == "analysed"
    assert len(redirected) >= 3


def test_a_blob_that_is_not_its_digest_is_named_and_not_analysed(registry: parts.Registry) -> None:
    class Flipping(Forwarding):
        host = registry.host

        def do_GET(self) -> None:
            self.forward(self.path)

        def changed(self, path: str, body: bytes) -> bytes:
            return body[:-1] + bytes([body[-1] ^ 1]) if "/blobs/" in path and len(body) > 100_000 else body

    with parts.serving(Flipping) as port:
        done = parts.inspector("scan", "--no-cache", f"127.0.0.1:{port}/samples/peer:1")
    assert done.returncode == 4
    assert "has digest sha256:" in done.stdout or "corrupt" in done.stdout


@pytest.mark.parametrize(
    ("name", "word"), [("samples/absent:1", "manifest unknown"), ("samples/peer:nope", "manifest unknown")]
)
def test_what_is_not_there_is_said_in_one_line(registry: parts.Registry, name: str, word: str) -> None:
    done = parts.inspector("scan", "--from", "registry", f"{registry.host}/{name}")
    assert done.returncode == 3
    assert word in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_scan_of_several_goes_on(registry: parts.Registry) -> None:
    name = f"{registry.host}/samples/peer:1"
    done = parts.inspector("scan", "--from", "registry", f"{registry.host}/samples/absent:1", name)
    assert done.returncode == 1, "findings count even where the scan is incomplete"
    safe = parts.inspector("scan", "-e", "docker-network", f"{registry.host}/samples/absent:1", name)
    assert safe.returncode == 4
