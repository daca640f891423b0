"""Where an engine listens, as its own client finds out, and a connection to it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.errors import TargetAbsent, TargetDamaged, TargetUnreachable
from inspector.escaping import printable
from inspector.sources.options import SourceOptions

_DOCKER_SOCKET = "/var/run/docker.sock"
_MAX_DOCUMENT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens, and how its TLS is set up."""

    url: str
    tls: Any = None
    is_given: bool = False
    """Somebody named it: that nothing is there is to be told."""

    @property
    def is_local(self) -> bool:
        """Whether no network is needed."""
        return self.url.startswith("unix://")


def is_reachable(engine: str) -> bool:
    """Whether there is something that looks like the engine's socket or address."""
    try:
        address = _address(engine)
    except TargetUnreachable:
        return True  # somebody named one: what is wrong with it is to be told
    if address is None:
        return False
    if not address.is_local:
        return True
    try:
        return stat.S_ISSOCK(os.stat(address.url.removeprefix("unix://")).st_mode)  # noqa: PTH116
    except OSError:
        return address.is_given


def _address(engine: str) -> Address | None:
    if engine == "podman":
        if os.environ.get("CONTAINER_HOST"):
            return Address(os.environ["CONTAINER_HOST"], is_given=True)
        runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
        places = [f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"]
        return next((Address(f"unix://{place}") for place in places if Path(place).exists()), None)
    if os.environ.get("DOCKER_HOST"):
        return Address(os.environ["DOCKER_HOST"], tls=_tls_of_environment(), is_given=True)
    return _context_address() or Address(f"unix://{_DOCKER_SOCKET}")


def _context_address() -> Address | None:
    """Return the address of Docker's current context, where it is not the default one.

    DOCKER_CONTEXT, else ``currentContext`` of config.json, names a directory below ``contexts`` by the name's sha256
    (docker/cli, cli/context/store). The SDK's own reader finds none where there is no config.json.

    Raises:
        TargetUnreachable: if there is no such context.
    """
    directory = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    name = os.environ.get("DOCKER_CONTEXT") or _document(directory / "config.json").get("currentContext")
    if name in {None, "", "default"}:
        return None
    identity = hashlib.sha256(str(name).encode("utf-8", "replace")).hexdigest()
    found = _document(directory / "contexts/meta" / identity / "meta.json")
    try:
        endpoint = found["Endpoints"]["docker"]
        place = directory / "contexts/tls" / identity / "docker"
        tls = _tls(place, verify=not endpoint.get("SkipTLSVerify"))
        return Address(str(endpoint["Host"]), tls=tls, is_given=True)
    except (KeyError, TypeError, OSError):
        text = f"docker: there is no context '{printable(str(name), limit=80)}' that can be used"
        raise TargetUnreachable(text, advice="docker context ls lists those there are") from None


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_DOCUMENT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _tls_of_environment() -> Any:
    """Return the TLS settings of DOCKER_TLS_VERIFY and DOCKER_CERT_PATH (docker/cli, "Protect the Docker daemon")."""
    verify, place = os.environ.get("DOCKER_TLS_VERIFY"), os.environ.get("DOCKER_CERT_PATH")
    if not verify and not place:
        return None
    return _tls(Path(place) if place else Path.home() / ".docker", verify=bool(verify), always=True)


def _tls(directory: Path, *, verify: bool, always: bool = False) -> Any:
    """Return TLS settings for the SDK from ca.pem, cert.pem and key.pem, or None where there are none of these."""
    files = {name: str(directory / f"{name}.pem") for name in ("ca", "cert", "key")}
    there = {name: path for name, path in files.items() if Path(path).is_file()}
    if not there and verify and not always:
        return None
    import docker.tls

    class Settings(docker.tls.TLSConfig):
        def configure_client(self, client: Any) -> None:
            super().configure_client(client)
            # Or REQUESTS_CA_BUNDLE would stand above the engine's own authority (psf/requests#3829).
            client.trust_env = False

    own = (there["cert"], there["key"]) if {"cert", "key"} <= there.keys() else None
    return Settings(client_cert=own, ca_cert=there.get("ca"), verify=verify)


@contextmanager
def connect(engine: str, options: SourceOptions) -> Iterator[Any]:
    """Yield the docker SDK's client of an engine; what it raises comes out as errors of ours.

    Raises:
        TargetUnreachable: if the engine does not answer, or refuses.
        TargetAbsent: for what it does not have.
        TargetDamaged: if it breaks off in the middle.
    """
    import docker.errors
    import requests

    client = _client(engine, options)
    try:
        yield client
    except docker.errors.NotFound as error:
        raise TargetAbsent(f"{engine}: {printable(error.explanation or str(error), limit=200)}") from None
    except docker.errors.APIError as error:
        text = printable(error.explanation or str(error), limit=200)
        raise TargetUnreachable(f"{engine}: the engine refused: {text}") from None
    except (requests.exceptions.RequestException, OSError) as error:
        raise TargetDamaged(f"{engine}: the engine broke off: {printable(str(error), limit=200)}") from None
    finally:
        client.close()


def _client(engine: str, options: SourceOptions) -> Any:
    import docker
    import docker.errors
    import requests

    address = _address(engine)
    if address is None:
        raise TargetUnreachable(f"{engine}: no engine's socket was found")
    if options.offline and not address.is_local:
        raise TargetUnreachable(f"{engine}: not asked, because of --offline")
    timeout = max(1, int(options.timeout))
    uses_ssh = address.url.startswith("ssh://")
    try:
        if address.is_local:
            _knock(address.url.removeprefix("unix://"), timeout)
        return docker.DockerClient(
            base_url=address.url, tls=address.tls or False, version="auto", timeout=timeout, use_ssh_client=uses_ssh
        )
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
        text = printable(_plainly(error), limit=200)
        raise TargetUnreachable(
            f"{engine}: the engine at {printable(address.url, limit=120)} does not answer: {text}",
            advice="start it, or name another by DOCKER_HOST or a context",
        ) from None


def _knock(path: str, timeout: int) -> None:
    """Connect once and hang up: the SDK leaves its socket open where nobody listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(timeout)
        probe.connect(path)


def _plainly(error: BaseException) -> str:
    """Return the innermost cause's own words: the SDK wraps three errors around ``No such file or directory``."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error)
