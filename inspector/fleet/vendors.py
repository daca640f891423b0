"""Catalogues besides ``/v2/_catalog``: Docker Hub's, Harbor's and GitLab's own interfaces.

They are asked where the registry's catalogue is closed. Their answers are as hostile as any registry's: what could be
no repository's name is left out, and a next page on another host is not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from inspector.errors import InspectorError, TargetAbsent, TargetUnauthorised, UsageError
from inspector.escaping import printable
from inspector.fleet.places import Place
from inspector.fleet.registries import Registries
from inspector.references import DEFAULT_REGISTRY, is_repository
from inspector.sources.registry import Transport, read_bounded
from inspector.sources.registry.listing import pages

_PAGE = 100
"""Most entries a page of all three."""
_SCOPE = "catalogue"
_MAX_TOKEN = 256 * 1024


def _interface(url: str, registries: Registries) -> tuple[Transport, str]:
    """Return the way to an interface, and the path of its root.

    Raises:
        UsageError: if the address cannot be used, or is plain HTTP to elsewhere.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc or parts.query:
        raise UsageError(f"not an address: '{printable(url, limit=120)}'", advice="--catalogue-url https://HOST[/PATH]")
    pace = registries.of(parts.netloc).pace
    transport = Transport(parts.netloc, replace(registries.options(), pace=pace))
    if parts.scheme != transport.scheme:
        hint = "--insecure allows plain HTTP" if parts.scheme == "http" else "write http:// for it"
        raise UsageError(f"{printable(url, limit=120)} is asked by {transport.scheme}", advice=hint)
    return transport, parts.path.rstrip("/")


# ── Docker Hub (docs.docker.com/reference/api/hub) ───────────────────────────────────────────────────────────────


def hub_repositories(place: Place, url: str, registries: Registries) -> Iterator[str]:
    """Yield the repositories of an organisation or user: ``/v2/namespaces/NAME/repositories``.

    Credentials stored for Docker Hub are exchanged for a token, so that private repositories are seen.

    Raises:
        TargetUnavailable: as Docker Hub says.
    """
    transport, root = _interface(url, registries)
    _enter_hub(transport, root, registries)
    namespace = place.prefix.partition("/")[0]
    path = f"{root}/v2/namespaces/{quote(namespace)}/repositories?page_size={_PAGE}"
    for entry in _results(transport, path, f"the repositories of {namespace}"):
        name = entry.get("name")
        # ``repository_type`` is null for a repository of another kind (an extension, a plugin) on some accounts.
        if isinstance(name, str) and is_repository(f"{namespace}/{name}"):
            yield f"{namespace}/{name}"


def hub_tags(repository: str, url: str, registries: Registries) -> Iterator[tuple[str, str | None]]:
    """Yield a repository's tags with the time of their last push: ``/v2/namespaces/NAME/repositories/NAME/tags``.

    Raises:
        TargetUnavailable: as Docker Hub says.
    """
    transport, root = _interface(url, registries)
    _enter_hub(transport, root, registries)
    namespace, _, name = repository.partition("/")
    path = f"{root}/v2/namespaces/{quote(namespace)}/repositories/{quote(name)}/tags?page_size={_PAGE}"
    for entry in _results(transport, path, f"the tags of {repository}"):
        tag, pushed = entry.get("name"), entry.get("tag_last_pushed") or entry.get("last_updated")
        if isinstance(tag, str):
            yield tag, pushed if isinstance(pushed, str) else None


def _results(transport: Transport, path: str, what: str) -> Iterator[dict[str, Any]]:
    for page in pages(transport, path, _SCOPE, what, fields=True):
        results = page.get("results") if isinstance(page, dict) else None
        if not isinstance(results, list):
            raise TargetAbsent(f"{transport.host}: {what}: the answer has no results")
        yield from (entry for entry in results if isinstance(entry, dict))


def _enter_hub(transport: Transport, root: str, registries: Registries) -> None:
    """Exchange the credentials stored for Docker Hub for a token (``/v2/auth/token``)."""
    import msgspec

    stored = registries.of(DEFAULT_REGISTRY).transport.credentials()
    if stored is None or not stored.password:
        return
    body = msgspec.json.encode({"identifier": stored.username, "secret": stored.password})
    what = "a token"
    response = transport.get(
        f"{root}/v2/auth/token", _SCOPE, {"Content-Type": "application/json"}, what, method="POST", body=body
    )
    content = read_bounded(response, _MAX_TOKEN, f"{transport.host}: {what}")
    try:
        token = msgspec.json.decode(content, type=dict[str, Any]).get("access_token")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise TargetUnauthorised(f"{transport.host}: it gave no token", advice="docker login")
    transport.authorise(_SCOPE, f"Bearer {token}")


# ── Harbor (goharbor/harbor, api/v2.0/swagger.yaml) ──────────────────────────────────────────────────────────────


def harbor_repositories(place: Place, url: str | None, registries: Registries) -> Iterator[str]:
    """Yield the repositories of a project, or of every project that may be seen.

    ``/api/v2.0/projects`` and ``/api/v2.0/projects/NAME/repositories``, whose pages are linked by a header. Credentials
    stored for the registry are sent by Basic; robot accounts may be used.

    Raises:
        TargetUnavailable: as Harbor says.
        TargetDamaged: if what answers is no Harbor.
    """
    home = registries.of(place.host).transport
    transport, root = _interface(url or f"{home.scheme}://{place.host}", registries)
    stored = home.credentials()
    if stored is not None and stored.password:
        transport.authorise(_SCOPE, stored.basic)
    project = place.prefix.partition("/")[0]
    projects = [project] if project else list(_names(transport, f"{root}/api/v2.0/projects", "its projects"))
    for each in projects:
        path = f"{root}/api/v2.0/projects/{quote(each, safe='')}/repositories"
        for name in _names(transport, path, f"the repositories of {printable(each, limit=120)}"):
            if is_repository(name):
                yield name


def _names(transport: Transport, path: str, what: str) -> Iterator[str]:
    for page in pages(transport, f"{path}?page=1&page_size={_PAGE}", _SCOPE, what):
        yield from _fields(transport, page, "name", what)


# ── GitLab (docs.gitlab.com/api/container_registry) ──────────────────────────────────────────────────────────────


def gitlab_repositories(place: Place, url: str, registries: Registries) -> Iterator[str]:
    """Yield the registry repositories of a group, with its subgroups, or of a project.

    ``/api/v4/groups/PATH/registry/repositories``, else ``/api/v4/projects/PATH/registry/repositories``; pages are
    linked by a header. A token with ``read_api`` comes from the variable GITLAB_TOKEN.

    Raises:
        TargetUnavailable: as GitLab says.
        UsageError: without a group or project.
    """
    if not place.prefix:
        raise UsageError(f"{place.host}: name a group or a project", advice=f"{place.host}/GROUP[/PROJECT]")
    transport, root = _interface(url, registries)
    token = os.environ.get("GITLAB_TOKEN", "")
    if token:
        if not token.isascii() or not token.isprintable():
            raise UsageError("GITLAB_TOKEN holds no token")
        transport.authorise(_SCOPE, f"Bearer {token}")
    # The prefix may go deeper than the project: a repository has a path below it.
    parts = place.prefix.split("/")
    refused: InspectorError | None = None
    for length in range(len(parts), 0, -1):
        for kind in ("groups", "projects"):
            if kind == "projects" and length == 1:
                continue
            name = "/".join(parts[:length])
            path = f"{root}/api/v4/{kind}/{quote(name, safe='')}/registry/repositories?per_page={_PAGE}"
            what = f"the repositories of {name}"
            try:
                for page in pages(transport, path, _SCOPE, what):
                    yield from (each for each in _fields(transport, page, "path", what) if is_repository(each))
            except (TargetAbsent, TargetUnauthorised) as error:
                refused = refused or error
                continue
            return
    if refused is not None:
        raise type(refused)(str(refused), advice="GITLAB_TOKEN holds a token with read_api")


def _fields(transport: Transport, page: object, field: str, what: str) -> Iterator[str]:
    if not isinstance(page, list):
        raise TargetAbsent(f"{transport.host}: {what}: the answer is no list")
    for entry in page:
        value = entry.get(field) if isinstance(entry, dict) else None
        if isinstance(value, str):
            yield value
