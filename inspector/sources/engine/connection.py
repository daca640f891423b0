"""Where an engine listens, as its own client finds out, and a connection to it."""

from __future__ import annotations

import os
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


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens, and how its TLS is set up where a context says so."""

    url: str
    tls: Any = None
    from_environment: bool = False
    """The address is DOCKER_HOST: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH belong to it."""

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
        return address.from_environment


def _address(engine: str) -> Address | None:
    if engine == "podman":
        if os.environ.get("CONTAINER_HOST"):
            return Address(os.environ["CONTAINER_HOST"])
        runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
        places = [f"{runtime}/podman/podman.sock", "/run/podman/podman.sock"]
        return next((Address(f"unix://{place}") for place in places if Path(place).exists()), None)
    if os.environ.get("DOCKER_HOST"):
        return Address(os.environ["DOCKER_HOST"], from_environment=True)
    return _context_address() or Address(f"unix://{_DOCKER_SOCKET}")


def _context_address() -> Address | None:
    """Return the address of Docker's current context, where it is not the default one.

    Raises:
        TargetUnreachable: if there is no such context.
    """
    directory = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if not os.environ.get("DOCKER_CONTEXT") and not (directory / "config.json").is_file():
        return None
    import docker.context
    import docker.errors
    from docker.context.config import get_current_context_name

    name = None
    try:
        name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
        if name in {None, "", "default"}:
            return None
        found = docker.context.ContextAPI.get_context(name)
    except (docker.errors.DockerException, OSError, ValueError, KeyError, TypeError):
        found = None
    if found is None:
        known = "docker context ls lists those there are"
        raise TargetUnreachable(f"docker: there is no context '{printable(str(name), limit=80)}'", advice=known)
    return Address(str(found.Host), tls=found.TLSConfig)


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
        if address.from_environment:
            return docker.DockerClient.from_env(timeout=timeout, use_ssh_client=uses_ssh)
        return docker.DockerClient(
            base_url=address.url, tls=address.tls or False, version="auto", timeout=timeout, use_ssh_client=uses_ssh
        )
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
        text = printable(_plainly(error), limit=200)
        raise TargetUnreachable(
            f"{engine}: the engine at {printable(address.url, limit=120)} does not answer: {text}"
        ) from None


def _plainly(error: BaseException) -> str:
    """Return the innermost cause's own words: the SDK wraps three errors around ``No such file or directory``."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error)
