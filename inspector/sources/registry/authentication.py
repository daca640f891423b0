"""Who we are to a registry: challenges, tokens, and Docker's stored credentials.

Docker Registry v2 authentication (distribution/distribution, docs/spec/auth/token.md); Basic: RFC 7617.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from inspector.errors import TargetUnauthorised
from inspector.escaping import printable
from inspector.records import dataclass

_PARAMETER = re.compile(r'([A-Za-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HUB_KEY = "https://index.docker.io/v1/"
"""Where Docker's config.json keeps the credentials of Docker Hub."""
_MAX_CONFIG = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a WWW-Authenticate header asks for."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and password, or an identity token in place of both."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        text = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(text).decode("ascii")


def parse_challenges(header: str) -> list[Challenge]:
    """Parse a WWW-Authenticate header; what is not understood is left out."""
    found = []
    for match in re.finditer(r"(?:^|,\s*)(Bearer|Basic)\b", header[:8192], re.IGNORECASE):
        following = re.search(r",\s*(?:Bearer|Basic)\b", header[match.end() : 8192], re.IGNORECASE)
        text = header[match.end() : match.end() + following.start()] if following else header[match.end() : 8192]
        parameters = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(text)}
        found.append(Challenge(match[1].lower(), parameters))
    return found


def find_credentials(host: str, config_directory: Path | None) -> Credentials | None:
    """Return what Docker's config.json, its credential helpers or Podman's auth.json keep for a registry.

    Raises:
        TargetUnauthorised: if a credential helper is named and fails.
    """
    directory = config_directory or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    found = _from_docker(host, directory / "config.json")
    if found is None:
        found = _from_podman(host)
    return found


def _from_docker(host: str, path: Path) -> Credentials | None:
    """Ask the docker SDK, which knows auths, credsStore and credHelpers; imported only once somebody asks for them."""
    if not path.is_file():
        return None
    import docker.auth
    import docker.errors

    key = _HUB_KEY if host == "docker.io" else host
    try:
        stored = docker.auth.load_config(str(path)).resolve_authconfig(None if host == "docker.io" else key)
    except (docker.errors.DockerException, OSError, ValueError, KeyError, TypeError) as error:
        raise TargetUnauthorised(
            f"{host}: credentials in {path} cannot be read: {printable(str(error), limit=200)}",
            advice="log in again with docker login, or repair the credential helper",
        ) from None
    if not stored:
        return None
    return Credentials(
        str(stored.get("username") or stored.get("Username") or ""),
        str(stored.get("password") or stored.get("Password") or stored.get("Secret") or ""),
        str(stored.get("identitytoken") or stored.get("IdentityToken") or ""),
    )


def _from_podman(host: str) -> Credentials | None:
    """Read Podman's auth.json (containers-auth.json(5)): the same ``auths`` as Docker's."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [os.environ.get("REGISTRY_AUTH_FILE"), f"{runtime}/containers/auth.json" if runtime else None]
    for place in filter(None, places):
        try:
            with Path(place).open("rb") as file:
                auths = json.loads(file.read(_MAX_CONFIG)).get("auths", {})
            text = base64.b64decode(auths[host]["auth"]).decode()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        username, _, password = text.partition(":")
        return Credentials(username, password)
    return None
