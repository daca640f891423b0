"""resolv.conf as Go of a given release reads it (net/dnsconfig_unix.go, dnsReadConfig), not as glibc does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from inspector.resolver.lines import Word, read_lines, split_words
from inspector.resolver.table import holds, knows_keyword, knows_option


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """What of the file decides: the words that this release does not know."""

    unknown_options: tuple[Word, ...] = ()
    unknown_keywords: tuple[Word, ...] = ()

    @property
    def unknown(self) -> tuple[Word, ...]:
        """All unknown words in the order of the file."""
        return tuple(sorted(self.unknown_options + self.unknown_keywords, key=lambda w: (w.line, w.column)))


@lru_cache(maxsize=1024)
def parse_resolv_conf(text: str, minor: int) -> ResolvConf:
    """Read the file as Go 1.``minor`` does.

    A comment is a line whose very first byte is ``#`` or ``;``; words are separated by blank, tab and CR; a line that
    does not fit the reader's buffer ends the reading.
    """
    buffer = 4096 if holds("limit", "resolv.conf line 4096", minor) else 65536
    options: list[Word] = []
    keywords: list[Word] = []
    for number, line in read_lines(text, buffer):
        if line.startswith(("#", ";")):
            continue
        words = split_words(line, number, " \r\t\n")
        if not words:
            continue
        if words[0].text == "options":
            options.extend(word for word in words[1:] if not knows_option(word.text, minor))
        elif not knows_keyword(words[0].text):
            keywords.append(words[0])
    return ResolvConf(tuple(options), tuple(keywords))
