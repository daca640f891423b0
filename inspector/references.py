"""Names of images, parsed and unresolved. Pure: nothing here looks at a disk or a network.

A reference is ``scheme:rest`` or plain. The schemes are ``registry:``, ``docker:``, ``podman:``, ``docker-archive:``,
``oci-archive:``, ``oci-dir:``, ``dir:``, ``file:``, ``container:`` and ``-`` for standard input. A registry name is
``[host[:port]/]path[:tag][@algorithm:hex]``; short names resolve as Docker resolves them
(distribution/reference, normalize.go): a first part without ``.`` or ``:`` that is not ``localhost`` is no host, the
host is then ``docker.io``, and a single-part path there gets ``library/`` before it.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from inspector.errors import ReferenceInvalid
from inspector.escaping import printable
from inspector.records import dataclass

Scheme = Literal[
    "registry", "docker", "podman", "docker-archive", "oci-archive", "oci-dir", "dir", "file", "container", "stdin"
]  # fmt: skip
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

DEFAULT_REGISTRY = "docker.io"
_PATH_SCHEMES = frozenset({"docker-archive", "oci-archive", "oci-dir", "dir", "file"})
_ENGINE_SCHEMES = frozenset({"docker", "podman"})
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_NAME = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_REPOSITORY})(?::(?P<tag>{_TAG}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?"
)
_MAX_REPOSITORY = 255
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")
_SCHEME = re.compile(r"[a-z][a-z0-9+-]*")
"""What looks like a scheme where the whole is no image's name; a path that looks so is written ``./path``."""
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
"""A container's name or ID (moby, daemon/names: RestrictedNameChars)."""
_MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryName:
    """A repository and what is wanted of it."""

    host: str
    """As in the reference: ``docker.io`` for Docker Hub, never the API's own host name."""
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag."""
        return self.digest or self.tag or "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One parsed reference."""

    scheme: Scheme | None
    """None for a plain word: what it is depends on what exists."""
    rest: str
    """What follows the scheme, as given."""
    name: RegistryName | None = None
    """For registries and engines, and for plain words that can be read as a name."""

    def __str__(self) -> str:
        if self.scheme == "stdin":
            return "-"
        return f"{self.scheme}:{self.rest}" if self.scheme else self.rest


def parse(text: str) -> Reference:
    """Parse one reference.

    Raises:
        ReferenceInvalid: for an unknown scheme, an empty rest, or a name that no registry could have.
    """
    if not text or len(text) > _MAX_LENGTH or "\0" in text:
        raise ReferenceInvalid(f"not a reference: '{printable(text, limit=80)}'", advice="give a name such as repo:tag")
    if text == "-":
        return Reference(scheme="stdin", rest="-")
    head, colon, rest = text.partition(":")
    for scheme in SCHEMES:
        if colon and head == scheme and scheme != "stdin":
            return _of_scheme(scheme, rest, text)
    name = _parse_name(text)
    if colon and ("://" in text or (name is None and _SCHEME.fullmatch(head) and not rest[:1].isdigit())):
        raise ReferenceInvalid(
            f"unknown scheme '{printable(head, limit=40)}:' in '{printable(text, limit=120)}'",
            advice="known schemes: " + ", ".join(f"{s}:" for s in SCHEMES if s != "stdin"),
        )
    return Reference(scheme=None, rest=text, name=name)


def _of_scheme(scheme: Scheme, rest: str, text: str) -> Reference:
    if not rest:
        raise ReferenceInvalid(f"nothing after the scheme in '{printable(text)}'", advice=f"for example {scheme}:NAME")
    if scheme in _PATH_SCHEMES:
        return Reference(scheme=scheme, rest=rest)
    if scheme == "container":
        if _CONTAINER.fullmatch(rest) is None:
            raise ReferenceInvalid(f"not a container's name: '{printable(rest, limit=120)}'")
        return Reference(scheme=scheme, rest=rest)
    name = None if scheme in _ENGINE_SCHEMES and rest.startswith("sha256:") else _parse_name(rest)
    if name is None and not (scheme in _ENGINE_SCHEMES and _ID.fullmatch(rest)):
        raise ReferenceInvalid(
            f"not an image name: '{printable(rest, limit=120)}'",
            advice="an image name is [HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST], its path in lower case",
        )
    return Reference(scheme=scheme, rest=rest, name=name)


def parse_name(text: str) -> RegistryName:
    """Parse an image name without a scheme.

    Raises:
        ReferenceInvalid: for anything that no registry could have.
    """
    name = _parse_name(text)
    if name is None:
        raise ReferenceInvalid(f"not an image name: '{printable(text, limit=120)}'")
    return name


def is_host(text: str) -> bool:
    """Whether a registry could be there: a host's name or address, perhaps with a port."""
    return re.fullmatch(_HOST, text) is not None


def is_repository(text: str) -> bool:
    """Whether a registry could have a repository of this name."""
    return len(text) <= _MAX_REPOSITORY and re.fullmatch(_REPOSITORY, text) is not None


def is_tag(text: str) -> bool:
    """Whether a repository could have a tag of this name."""
    return re.fullmatch(_TAG, text) is not None


def repository_of(text: str) -> str:
    """Return what an image is called without scheme, tag and digest: ``docker.io/hyperledger/fabric-peer``.

    What has no such name (an archive, a directory) is its path; what cannot be parsed is itself.
    """
    try:
        reference = parse(text)
    except ReferenceInvalid:
        return text
    return reference.rest if reference.name is None else f"{reference.name.host}/{reference.name.repository}"


def _parse_name(text: str) -> RegistryName | None:
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    host, path = match["host"], match["path"]
    if host is not None and not (set(host) & set(".:[") or host == "localhost" or host != host.lower()):
        host, path = None, f"{host}/{path}"
    if host is None or host in {"docker.io", "index.docker.io"}:
        host = DEFAULT_REGISTRY
        if "/" not in path:
            path = f"library/{path}"
    # Written out: a report must not leave to its reader which tag was read.
    tag = match["tag"] or (None if match["digest"] else "latest")
    return RegistryName(host=host, repository=path, tag=tag, digest=match["digest"])
