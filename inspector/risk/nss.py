"""Which NSS sources glibc asks: nsswitch.conf as glibc reads it, which is not as Go does (nsswitch.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from inspector.facts import GlibcEra
from inspector.records import dataclass

_REMEMBERED = 16 * 1024
"""Characters of a text that is worth keeping with its reading."""
_TOKEN = re.compile(r"\[[^\]]*\]|[^\s\[]+")
_DEFAULTS_OLD = {
    "hosts": "dns [!UNAVAIL=return] files",
    "passwd": "files",
    "group": "files",
    "services": "files",
}
"""What glibc before 2.34 falls back on (nss/nsswitch.c, DEFAULT_CONFIG and the databases' own)."""
_DEFAULTS_NEW = {"hosts": "files dns", "passwd": "files", "group": "files", "services": "files"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One source of a database."""

    name: str
    stops_when_absent: bool
    """``[NOTFOUND=return]`` and the like: later sources are not asked for what this one does not have."""
    goes_on_when_found: bool = False
    """``[SUCCESS=merge]`` (Fedora's group line) or ``[SUCCESS=continue]``: later sources are asked all the same."""


@lru_cache(maxsize=4096)
def sources_of(text: str | None, database: str, era: GlibcEra | None) -> tuple[Asked, ...]:
    """Return the sources of a database, in order; the last line for it counts.

    Args:
        text: nsswitch.conf, None where there is none.
        database: hosts, passwd, group, initgroups or services; initgroups falls back on group.
        era: of the glibc that reads it.
    """
    found: str | None = None
    for line in (text or "").split("\n"):
        head, colon, rest = line.split("#", 1)[0].partition(":")
        if colon and head.strip() == database:
            found = rest
    if found is None and database == "initgroups":
        return sources_of(text, "group", era)
    if found is None:
        found = (_DEFAULTS_OLD if era == "before-2.34" else _DEFAULTS_NEW)[database]
    asked: list[Asked] = []
    for token in _TOKEN.findall(found):
        if not token.startswith("["):
            asked.append(Asked(token, stops_when_absent=False))
        elif asked:
            asked[-1] = _with_criteria(asked[-1], token)
    return tuple(asked)


def _with_criteria(source: Asked, criteria: str) -> Asked:
    """Return the source with what ``[STATUS=action …]`` says of it; the last word for a status counts."""
    stops, goes_on = source.stops_when_absent, source.goes_on_when_found
    for word in criteria.strip("[]").lower().split():
        status, _, action = word.partition("=")
        negated, status = status.startswith("!"), status.removeprefix("!")
        if (status == "notfound") != negated:
            stops = action == "return"
        if (status == "success") != negated:
            goes_on = action in {"continue", "merge"}
    return Asked(source.name, stops, goes_on)


def answered_by_files(files_text: str | None, call: str, key: str) -> bool | None:
    """Whether /etc/hosts, passwd, group or services has what is looked up; None where the text is not known."""
    if files_text is None:
        return None
    read = _keys_of if len(files_text) > _REMEMBERED else _remembered_keys_of
    return (key.lower().rstrip(".") if call == "host" else key) in read(files_text, call)


def _keys_of(text: str, call: str) -> frozenset[str]:
    """Return what a file answers for."""
    return frozenset(key for line in text.split("\n") for key in _keys_of_line(line.split("#", 1)[0], call))


_remembered_keys_of = lru_cache(maxsize=256)(_keys_of)


def _keys_of_line(content: str, call: str) -> Iterable[str]:
    if call in {"user", "group"}:
        return (content.split(":", 1)[0],)
    if call in {"uid", "current"}:
        return content.split(":")[2:3]
    words = content.split()
    if call == "host":
        return [word.lower() for word in words[1:]]
    if call == "addr":
        return words[:1]
    return words[:1] + words[2:] if call == "port" else ()
