"""Host names that a workload will look up, as far as its variables and its command give them away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from inspector.commands import effects_of_words
from inspector.facts import RESOLVER_VARIABLES

MAX_NAMES = 24
"""Names that one workload is judged for."""
_MAX_TEXT = 16 * 1024
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9])?"
_URL = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]{{0,20}}://(?:[^@/\s]{{0,200}}@)?({_HOST})(?=[:/?#\s,\"']|$)")
_ADDRESS = re.compile(rf"(?<![\w./@-])({_HOST}):([0-9]{{1,5}})(?![\w.@])")
_KEYWORD = re.compile(rf"\bhost=({_HOST})\b")
_NAMED_FOR_HOSTS = re.compile(r"(?:ADDRESS|ENDPOINT|BOOTSTRAP|ANCHOR|HOST|URL|SERVER)S?")
_LISTENING = re.compile(r"LISTEN|PROFILE|_ID$")


def names_in(variables: Mapping[str, str], words: Iterable[str]) -> tuple[str, ...]:
    """Return the names that variables and a command speak of: ``host:port``, URLs, ``host=``.

    Variables of listening addresses are left out; those whose name says that they hold a host (``…_ADDRESS``,
    ``…_ENDPOINT``, ``…_HOST``) give one without a port too. Addresses are no names.
    """
    found: list[str] = []
    for key, value in variables.items():
        if _LISTENING.search(key):
            continue
        found += _of_text(value)
        if _NAMED_FOR_HOSTS.search(key):
            found += [part for part in re.split(r"[\s,;\[\]]+", value[:_MAX_TEXT]) if "." in part]
    for word in words:
        found += _of_text(word)
    return tuple(dict.fromkeys(name for name in found if _is_name(name)))[:MAX_NAMES]


def _of_text(text: str) -> list[str]:
    text = text[:_MAX_TEXT]
    addresses = [match[1] for match in _ADDRESS.finditer(text) if 0 < int(match[2]) < 65536]
    return [match[1] for match in _URL.finditer(text)] + addresses + [match[1] for match in _KEYWORD.finditer(text)]


def _is_name(text: str) -> bool:
    if re.fullmatch(_HOST, text) is None or not re.search("[A-Za-z]", text) or text.lower() in {"localhost", "unix"}:
        return False
    try:
        ip_address(text)
    except ValueError:
        return True
    return False


def variables_set_in(words: Iterable[str]) -> tuple[str, ...]:
    """Return the resolver's variables that a command line sets, unsets or may change: their values cannot be told.

    A file that its text sources may be a volume's: it may change all of them.
    """
    given = tuple(words)
    effects = effects_of_words(given)
    if effects.sources:
        return RESOLVER_VARIABLES
    text = " ".join(given)
    return tuple(name for name in RESOLVER_VARIABLES if name in effects.variables or re.search(rf"\b{name}=", text))
