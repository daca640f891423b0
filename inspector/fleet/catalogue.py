"""Places to repositories, repositories to wanted tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from inspector.errors import (
    InspectorError,
    TargetAbsent,
    TargetUnauthorised,
    TargetUnavailable,
    TargetUnreachable,
    UsageError,
)
from inspector.fleet.places import Place, Selection, parse_time, version_key
from inspector.fleet.registries import Registries
from inspector.fleet.vendors import gitlab_repositories, harbor_repositories, hub_repositories, hub_tags
from inspector.references import DEFAULT_REGISTRY
from inspector.sources.registry.listing import repositories, tags

Kind = Literal["auto", "registry", "hub", "harbor", "gitlab"]
_GITLAB = {"registry.gitlab.com": "https://gitlab.com"}
_HUB = "https://hub.docker.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Which catalogue is asked, and where."""

    kind: Kind = "auto"
    url: str | None = None
    """Root of Docker Hub's, Harbor's or GitLab's own interface; None: as the registry's host tells."""


def find_repositories(place: Place, interface: Interface, registries: Registries) -> Iterator[str]:
    """Yield the repositories of a place.

    ``/v2/_catalog`` is asked first, but for Docker Hub and registry.gitlab.com, which have none. Where it is closed,
    Harbor's interface is tried on the same host, and after that the prefix is taken for a repository.

    Raises:
        TargetAbsent: if nothing there has a name.
        TargetUnavailable: if no catalogue answers.
        TargetDamaged: if what answers is none.
    """
    found = False
    for name in _named(place, interface, registries):
        found = True
        yield name
    if not found:
        said = "there is no such repository" if place.prefix else "its catalogue names no repository"
        raise TargetAbsent(f"{place}: {said}")


def _named(place: Place, interface: Interface, registries: Registries) -> Iterator[str]:
    kind = interface.kind
    if kind == "auto":
        kind = "hub" if place.host == DEFAULT_REGISTRY else "gitlab" if place.host in _GITLAB else "auto"
    if kind == "hub":
        return _of_hub(place, interface, registries)
    if kind == "gitlab":
        url = interface.url or _GITLAB.get(place.host)
        if url is None:
            raise UsageError(
                f"{place.host}: where its GitLab is cannot be told", advice="add --catalogue-url https://GITLAB"
            )
        return _within(place, gitlab_repositories(place, url, registries))
    if kind == "harbor":
        return _within(place, harbor_repositories(place, interface.url, registries))
    if kind == "registry":
        return _within(place, repositories(registries.of(place.host).transport))
    return _of_any(place, interface, registries)


def _of_hub(place: Place, interface: Interface, registries: Registries) -> Iterator[str]:
    if not place.prefix:
        raise UsageError(
            "Docker Hub has no catalogue of everything", advice=f"name an organisation: {DEFAULT_REGISTRY}/NAME"
        )
    if "/" in place.prefix:
        return iter([place.prefix])
    return _within(place, hub_repositories(place, interface.url or _HUB, registries))


def _of_any(place: Place, interface: Interface, registries: Registries) -> Iterator[str]:
    found = 0
    closed: InspectorError | None = None
    try:
        for repository in _within(place, repositories(registries.of(place.host).transport)):
            found += 1
            yield repository
    except TargetUnavailable as error:
        if found or not (isinstance(error, TargetAbsent | TargetUnauthorised) or _is_no_catalogue(error)):
            raise
        closed = error
    if closed is not None:
        try:
            for repository in _within(place, harbor_repositories(place, interface.url, registries)):
                found += 1
                yield repository
        except InspectorError:
            if found:
                raise
    if found:
        return
    if place.prefix and _is_there(place, registries):
        yield place.prefix
        return
    if closed is not None:
        raise type(closed)(
            f"{place.host}: its catalogue is closed ({closed})",
            advice="name repositories, give a list with -f, or --catalogue gitlab --catalogue-url https://GITLAB",
        )


def _is_no_catalogue(error: TargetUnavailable) -> bool:
    """Whether the registry answered, and not with a catalogue (405, 501): not that it is out of reach."""
    return isinstance(error, TargetUnreachable) and error.status in {400, 405, 406, 501}


def _is_there(place: Place, registries: Registries) -> bool:
    try:
        next(tags(registries.of(place.host).transport, place.prefix), None)
    except InspectorError:
        return False
    return True


def _within(place: Place, names: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if place.holds(name) and name not in seen:
            seen.add(name)
            yield name


def find_tags(
    host: str, repository: str, selection: Selection, interface: Interface, registries: Registries
) -> Iterator[tuple[str, str | None]]:
    """Yield the wanted tags of a repository, each with the time of its push where the registry's interface tells.

    Where times are wanted and told they are held against the selection here.

    Raises:
        TargetUnavailable: if there is no such repository, or it cannot be had.
        TargetDamaged: if what comes is no list of tags.
    """
    if selection.needs_dates and host == DEFAULT_REGISTRY and interface.kind in {"auto", "hub"}:
        pushed = hub_tags(repository, interface.url or _HUB, registries)
        wanted = [(tag, time) for tag, time in pushed if selection.wants(repository, tag)]
        yield from newest(wanted, selection)
        return
    for tag in tags(registries.of(host).transport, repository):
        if selection.wants(repository, tag):
            yield tag, None


def newest(found: list[tuple[str, str | None]], selection: Selection) -> list[tuple[str, str | None]]:
    """Return those of (tag, time) that are new enough, the newest first; what has no time is kept, as the oldest."""
    timed = [(parse_time(time), tag, time) for tag, time in found]
    if selection.since is not None:
        timed = [each for each in timed if each[0] is None or each[0] >= selection.since]
    timed.sort(key=lambda each: (each[0] is not None, each[0].timestamp() if each[0] else 0.0, version_key(each[1])))
    kept = timed[::-1][: selection.newest]
    return [(tag, time) for _, tag, time in kept]
