"""resolv.conf as Go reads it (net/dnsconfig_unix.go, dnsReadConfig), not as glibc does."""

from __future__ import annotations

from functools import lru_cache

from inspector.records import dataclass
from inspector.resolver.lines import Word, read_lines, split_words
from inspector.resolver.table import Rules

_CACHED = 16 * 1024
"""Characters of a text that is worth keeping with its reading."""


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """The words of the file that can decide, in its order."""

    keywords: tuple[Word, ...] = ()
    """First words of lines."""
    options: tuple[Word, ...] = ()
    """What follows ``options``."""
    nameservers: tuple[Word, ...] = ()
    cut: int | None = None
    """The line that did not fit and ended the reading."""

    def unknown(self, rules: Rules) -> tuple[tuple[str, Word], ...]:
        """Return the words that a release does not know, each with what it is: ``option`` or ``keyword``."""
        found = [("keyword", word) for word in self.keywords if not rules.knows_keyword(word.text)]
        found += [("option", word) for word in self.options if not rules.knows_option(word.text)]
        return tuple(sorted(found, key=lambda item: (item[1].line, item[1].column)))


def parse_resolv_conf(text: str, limit: int | None) -> ResolvConf:
    """Read the file.

    A comment is a line whose very first byte is ``#`` or ``;``; words are separated by blank, tab and CR; a line that
    does not fit ``limit`` bytes ends the reading.
    """
    return _parse_and_keep(text, limit) if len(text) <= _CACHED else _parse(text, limit)


def _parse(text: str, limit: int | None) -> ResolvConf:
    options: list[Word] = []
    keywords: list[Word] = []
    nameservers: list[Word] = []
    for number, line in read_lines(text, limit):
        if line is None:
            return ResolvConf(tuple(keywords), tuple(options), tuple(nameservers), number)
        if line.startswith(("#", ";")):
            continue
        words = split_words(line, number)
        if not words:
            continue
        keywords.append(words[0])
        if words[0].text == "options":
            options.extend(words[1:])
        elif words[0].text == "nameserver":
            nameservers.extend(words[1:2])
    return ResolvConf(tuple(keywords), tuple(options), tuple(nameservers))


_parse_and_keep = lru_cache(maxsize=512)(_parse)
