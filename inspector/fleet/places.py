"""What a batch is asked for: registries, parts of registries, repositories and single images, as words or lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from inspector.errors import ReferenceInvalid, UsageError
from inspector.escaping import printable
from inspector.references import DEFAULT_REGISTRY, SCHEMES, RegistryName, is_host, is_repository, is_tag, parse_name

MAX_LINES = 1_000_000
_AGE = re.compile(r"([0-9]{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A registry, or a part of it."""

    host: str
    prefix: str = ""
    """A repository, or what names of repositories begin with, up to a slash; empty: everything."""
    image: RegistryName | None = None
    """The one image that is meant."""

    def __str__(self) -> str:
        return str(self.image) if self.image else f"{self.host}/{self.prefix}".rstrip("/")

    def holds(self, repository: str) -> bool:
        """Whether a repository is in it."""
        return not self.prefix or repository == self.prefix or repository.startswith(f"{self.prefix}/")


def parse_place(text: str) -> Place:
    """Parse ``REGISTRY[/PREFIX]`` or an image's name with tag or digest.

    Raises:
        ReferenceInvalid: for anything else, for a word that could be either a repository or an organisation, and for
            what is there on this machine, or in an engine: with ``registry:`` before it a registry's name is one.
    """
    shown = printable(text, limit=120)
    word = text.strip().removeprefix("registry:")
    if word == text.strip():
        _refuse_local(word, shown)
    if "://" in word:
        raise ReferenceInvalid(f"not a registry: '{shown}'", advice="leave out the scheme: HOST[:PORT][/PREFIX]")
    head, slash, rest = word.partition("/")
    if not slash and _is_host(head):
        return Place(host=_known(head))
    last = word.rpartition("/")[2]
    if ":" in last or "@" in last:
        name = parse_name(word)
        return Place(host=name.host, prefix=name.repository, image=name)
    if not slash:
        raise ReferenceInvalid(
            f"'{shown}' may be a repository or an organisation of Docker Hub",
            advice=f"write {DEFAULT_REGISTRY}/{shown}, {DEFAULT_REGISTRY}/library/{shown} or {shown}:TAG",
        )
    host, prefix = (_known(head), rest) if _is_host(head) else (DEFAULT_REGISTRY, word)
    prefix = prefix.strip("/")
    if prefix and not is_repository(prefix):
        raise ReferenceInvalid(f"no repository could be called '{shown}'", advice="REGISTRY[/PREFIX], in lower case")
    return Place(host=host, prefix=prefix)


def _refuse_local(word: str, shown: str) -> None:
    scheme, colon, rest = word.partition(":")
    if colon and scheme in SCHEMES:
        official = scheme == "docker" and is_tag(rest)
        meant = f"; for Docker Hub's image write {DEFAULT_REGISTRY}/library/{shown}" if official else ""
        raise ReferenceInvalid(f"'{shown}' is in no registry", advice=f"inspector scan {shown} reads it{meant}")
    if os.path.lexists(word):
        raise ReferenceInvalid(
            f"'{shown}' is a file or directory of this machine",
            advice=f"inspector scan {shown} reads it; write registry:{shown} if a registry's name is meant",
        )


def _is_host(word: str) -> bool:
    name = word.partition(":")[0]
    return is_host(word) and ("." in name or name == "localhost" or word.startswith("["))


def _known(host: str) -> str:
    return DEFAULT_REGISTRY if host in {"index.docker.io", "registry-1.docker.io", "hub.docker.com"} else host.lower()


def parse_lines(lines: Iterable[str], name: str) -> Iterator[Place]:
    """Parse a list, a place a line; empty lines and what follows ``#`` are left out.

    Raises:
        UsageError: with the line's number.
    """
    for number, line in enumerate(lines, 1):
        if number > MAX_LINES:
            raise UsageError(f"{name}: more than {MAX_LINES} lines")
        word = line.partition("#")[0].strip()
        if not word:
            continue
        try:
            yield parse_place(word)
        except ReferenceInvalid as error:
            raise ReferenceInvalid(f"{name}:{number}: {error}", advice=error.advice) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the tags that a repository has are wanted. Single images that were named are always wanted."""

    tags: tuple[str, ...] = ()
    """Globs of which one must fit; empty: every tag."""
    exclude: tuple[str, ...] = ()
    """Globs of repositories (``team/*``) or of names with a tag (``team/*:*-debug``), without the registry."""
    newest: int | None = None
    """So many of each repository, the last made first."""
    since: datetime | None = None
    """Not made before. What does not tell when it was made is kept."""

    @property
    def needs_dates(self) -> bool:
        """Whether it must be known when an image was made."""
        return self.newest is not None or self.since is not None

    def wants_repository(self, repository: str) -> bool:
        """Whether a repository may have wanted tags."""
        return not any(fnmatchcase(repository, glob) for glob in self.exclude)

    def wants(self, repository: str, tag: str) -> bool:
        """Whether a tag is wanted, as far as its name tells."""
        if self.tags and not any(fnmatchcase(tag, glob) for glob in self.tags):
            return False
        return not any(fnmatchcase(f"{repository}:{tag}", glob) for glob in self.exclude if ":" in glob)


def parse_since(text: str, *, now: datetime | None = None) -> datetime:
    """Parse a day (``2026-01-31``), a time (RFC 3339) or an age (``12h``, ``30d``, ``8w``).

    Raises:
        UsageError: for anything else.
    """
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        return (now or datetime.now(UTC)) - timedelta(hours=int(age[1]) * _HOURS[age[2]])
    found = parse_time(text.strip())
    if found is None:
        raise UsageError(f"not a time: '{printable(text, limit=60)}'", advice="for example 2026-01-31 or 30d")
    return found


def parse_time(text: str | None) -> datetime | None:
    """Return a time as configs and interfaces write it, or None where it is none, or one of no meaning.

    Builds that can be repeated write the first second of 1970, or of the year 1 (docker, BuildKit, ko, bazel).
    """
    if not text:
        return None
    # Go writes nine digits of a second; fromisoformat reads six.
    short = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.strip())
    try:
        found = datetime.fromisoformat(short)
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return found if found.year >= 1981 else None


def version_key(tag: str) -> tuple[tuple[int, int, str], ...]:
    """Return what tags are sorted by where nothing tells their age: numbers as numbers."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"([0-9]{1,18})", tag))
