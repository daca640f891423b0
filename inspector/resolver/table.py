"""The version table: what each Go release knows. Data only; the parsers and ``decide()`` walk it.

Sources name the file of the Go source tree and the change or issue that moved the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspector.resolver.versions import OLDEST

Kind = Literal["option", "keyword", "source", "name", "environment", "fallback", "limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that some Go releases know: from 1.``since`` on, up to but without 1.``until``."""

    kind: Kind
    word: str
    """What stands in the file, name or environment; for a rule, its name."""
    meaning: str
    since: int = OLDEST
    until: int | None = None
    prefix: bool = False
    """The word only has to begin so (``ndots:``)."""
    source: str = ""

    def holds(self, minor: int) -> bool:
        """Whether Go 1.``minor`` has it."""
        return self.since <= minor and (self.until is None or minor < self.until)

    def matches(self, word: str) -> bool:
        """Whether a word of a file is this one; case matters."""
        return word.startswith(self.word) if self.prefix else word == self.word


_DNSCONFIG = "net/dnsconfig_unix.go"
_CONF = "net/conf.go"

OPTIONS: tuple[Entry, ...] = (
    Entry(kind="option", word="ndots:", prefix=True, meaning="known", source=_DNSCONFIG),
    Entry(kind="option", word="timeout:", prefix=True, meaning="known", source=_DNSCONFIG),
    Entry(kind="option", word="attempts:", prefix=True, meaning="known", source=_DNSCONFIG),
    Entry(kind="option", word="rotate", meaning="known", source=_DNSCONFIG),
    Entry(kind="option", word="single-request", meaning="known", since=13, source=f"{_DNSCONFIG}, golang/go#29644"),
    Entry(
        kind="option", word="single-request-reopen", meaning="known", since=13, source=f"{_DNSCONFIG}, golang/go#29644"
    ),
    Entry(kind="option", word="use-vc", meaning="known", since=13, source=f"{_DNSCONFIG}, golang/go#29358"),
    Entry(kind="option", word="usevc", meaning="known", since=13, source=f"{_DNSCONFIG}, golang/go#29358"),
    Entry(kind="option", word="tcp", meaning="known", since=13, source=f"{_DNSCONFIG}, golang/go#29358"),
    Entry(kind="option", word="trust-ad", meaning="known", since=20, source=f"{_DNSCONFIG}, golang/go#51152"),
    Entry(kind="option", word="edns0", meaning="known", since=20, source=f"{_DNSCONFIG}, golang/go#51153"),
    Entry(kind="option", word="no-reload", meaning="known", since=20, source=f"{_DNSCONFIG}, golang/go#56489"),
)
"""Options of resolv.conf; any other word after ``options`` sends a lookup to the cgo resolver."""

KEYWORDS: tuple[Entry, ...] = tuple(
    Entry(kind="keyword", word=word, meaning="known", source=_DNSCONFIG)
    for word in ("nameserver", "domain", "search", "options", "lookup")
)
"""First words of resolv.conf's lines; any other sends a lookup to the cgo resolver."""

SOURCES: tuple[Entry, ...] = (
    Entry(kind="source", word="files", meaning="Go reads /etc/hosts", source=_CONF),
    Entry(kind="source", word="dns", meaning="Go asks DNS", source=_CONF),
    Entry(
        kind="source",
        word="myhostname",
        meaning="skipped, but names without a dot go to cgo",
        until=8,
        source=_CONF,
    ),
    Entry(
        kind="source",
        word="myhostname",
        meaning="skipped, but localhost, the gateway's and the machine's own name go to cgo",
        since=8,
        source=f"{_CONF}, golang/go#17967",
    ),
    Entry(kind="source", word="mdns", prefix=True, meaning="skipped unless /etc/mdns.allow exists", source=_CONF),
    Entry(
        kind="source",
        word="mdns",
        prefix=True,
        meaning="names that end in .local go to cgo",
        since=23,
        source=f"{_CONF}, golang/go#63978",
    ),
)
"""Sources of ``hosts:`` in nsswitch.conf; any other sends a lookup to the cgo resolver."""

NAMES: tuple[Entry, ...] = (
    Entry(kind="name", word="\\", meaning="a name with a backslash goes to cgo", source=_CONF),
    Entry(kind="name", word="%", meaning="a name with a percent sign goes to cgo", source=_CONF),
    Entry(kind="name", word=".local", meaning="a name that ends so goes to cgo", until=23, source=_CONF),
    Entry(kind="name", word="gateway", meaning="special to myhostname", since=8, until=20, source=f"{_CONF}"),
    Entry(kind="name", word="_gateway", meaning="special to myhostname", since=20, source="golang/go#56387"),
    Entry(kind="name", word="_outbound", meaning="special to myhostname", since=20, source="golang/go#56387"),
)

ENVIRONMENT: tuple[Entry, ...] = (
    Entry(kind="environment", word="LOCALDOMAIN", meaning="set at all, even empty: cgo", source=_CONF),
    Entry(kind="environment", word="RES_OPTIONS", meaning="not empty: cgo", source=_CONF),
    Entry(kind="environment", word="HOSTALIASES", meaning="not empty: cgo", source=_CONF),
    Entry(
        kind="environment",
        word="GODEBUG netdns",
        meaning="go or cgo decides; of several the first counts",
        until=20,
        source="net/conf.go, net/parse.go",
    ),
    Entry(
        kind="environment",
        word="GODEBUG netdns",
        meaning="go or cgo decides; of several the last counts",
        since=20,
        source="net/conf.go, internal/godebug",
    ),
)

FALLBACKS: tuple[Entry, ...] = (
    Entry(
        kind="fallback",
        word="no hosts sources",
        meaning="dns,files where nsswitch.conf or its hosts line is missing",
        until=16,
        source=_CONF,
    ),
    Entry(
        kind="fallback",
        word="no hosts sources",
        meaning="files,dns where nsswitch.conf or its hosts line is missing",
        since=16,
        source=f"{_CONF}, golang/go#35305",
    ),
    Entry(
        kind="fallback",
        word="nsswitch ignored without cgo",
        meaning="a binary forced to Go's resolver never reads nsswitch.conf",
        until=7,
        source=_CONF,
    ),
    Entry(
        kind="fallback",
        word="files,dns without cgo",
        meaning="whatever sends others to cgo fixes files,dns in a binary forced to Go's resolver",
        until=21,
        source=f"{_CONF}, golang/go#14354",
    ),
    Entry(
        kind="fallback",
        word="no other resolver",
        meaning="in a binary forced to Go's resolver an unknown source counts as dns, and nsswitch.conf decides",
        since=21,
        source=_CONF,
    ),
    Entry(
        kind="fallback",
        word="ports ask cgo",
        meaning="a named port is looked up by cgo wherever cgo may be used",
        since=21,
        source="net/lookup_unix.go",
    ),
)

LIMITS: tuple[Entry, ...] = (
    Entry(
        kind="limit",
        word="resolv.conf line 4096",
        meaning="a line that does not fit 4096 bytes ends reading",
        until=10,
        source="net/parse.go",
    ),
    Entry(
        kind="limit",
        word="resolv.conf line 65536",
        meaning="a line that does not fit 64 KiB ends reading",
        since=10,
        source="net/parse.go",
    ),
    Entry(
        kind="limit",
        word="nsswitch.conf line 65536",
        meaning="a line that does not fit 64 KiB ends reading",
        since=20,
        source="net/nss.go",
    ),
)

ALL: tuple[Entry, ...] = OPTIONS + KEYWORDS + SOURCES + NAMES + ENVIRONMENT + FALLBACKS + LIMITS


def knows_option(word: str, minor: int) -> bool:
    """Whether Go 1.``minor`` knows an option of resolv.conf."""
    return any(entry.matches(word) and entry.holds(minor) for entry in OPTIONS)


def option_known_since(word: str) -> int | None:
    """Return N of the first Go 1.N that knows the option, or None where none does."""
    return min((entry.since for entry in OPTIONS if entry.matches(word)), default=None)


def knows_keyword(word: str) -> bool:
    """Whether Go knows a keyword of resolv.conf (no release knows more than another)."""
    return any(entry.matches(word) for entry in KEYWORDS)


def holds(kind: Kind, word: str, minor: int) -> bool:
    """Whether Go 1.``minor`` has the entry of this kind and word."""
    return any(entry.kind == kind and entry.word == word and entry.holds(minor) for entry in ALL)
