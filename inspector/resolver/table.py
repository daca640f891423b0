"""The version table: what each Go release knows. Data only; the parsers and ``decide()`` walk it.

Sources name the file of the Go source tree and the change or issue that moved the threshold. No release is named
anywhere else in this package: a rule that begins or ends with a release is an entry here.
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from typing import Literal

from inspector.records import dataclass
from inspector.resolver.names import LiteralForm
from inspector.resolver.versions import NEWEST, OLDEST

Kind = Literal[
    "option", "keyword", "source", "criteria", "name", "environment", "godebug", "build", "file", "call", "literal",
    "fallback", "limit", "steps", "reload",
]  # fmt: skip
KINDS: dict[Kind, str] = {
    "option": "words after 'options' in resolv.conf that Go knows; any other leaves the look-up to cgo",
    "keyword": "first words of lines in resolv.conf that Go knows; any other leaves the look-up to cgo",
    "source": "sources of 'hosts:' in nsswitch.conf that Go knows; any other leaves the look-up to cgo",
    "criteria": "what stands in brackets after a source",
    "name": "names that Go does not look up itself",
    "environment": "variables that leave every look-up to cgo",
    "godebug": "how netdns is read from GODEBUG and from what is embedded in the binary",
    "build": "what is decided when the binary is built",
    "file": "files that are missing, unreadable or no files",
    "call": "which question a function of package net asks",
    "literal": "addresses, which no resolver is asked for",
    "fallback": "what is done where Go cannot or may not choose cgo",
    "limit": "lines that are too long end the reading of a file",
    "steps": "the order in which Go looks",
    "reload": "what a running process notices",
}
"""Kinds of entries, and what they have in common."""


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
    number: int | None = None
    """The rule's number, where it has one (bytes of a line)."""

    def holds(self, minor: int) -> bool:
        """Whether Go 1.``minor`` has it."""
        return self.since <= minor and (self.until is None or minor < self.until)

    def matches(self, word: str) -> bool:
        """Whether a word of a file is this one; case matters."""
        return word.startswith(self.word) if self.prefix else word == self.word

    @property
    def rule(self) -> str:
        """What reasons call it: ``option:edns0``."""
        return f"{self.kind}:{self.word}"


_DNSCONFIG = "net/dnsconfig_unix.go"
_CONF = "net/conf.go"
_NSS = "net/nss.go"
_LOOKUP = "net/lookup_unix.go"

OPTIONS: tuple[Entry, ...] = (
    Entry(kind="option", word="ndots:", prefix=True, meaning="known, whatever follows", source=_DNSCONFIG),
    Entry(kind="option", word="timeout:", prefix=True, meaning="known, whatever follows", source=_DNSCONFIG),
    Entry(kind="option", word="attempts:", prefix=True, meaning="known, whatever follows", source=_DNSCONFIG),
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
    Entry(kind="option", word="no-reload", meaning="known", since=20, source=f"{_DNSCONFIG}, commit 81efd7b347"),
)

KEYWORDS: tuple[Entry, ...] = tuple(
    Entry(kind="keyword", word=word, meaning=meaning, source=_DNSCONFIG)
    for word, meaning in (
        ("nameserver", "known; has no part in the choice, valid or not"),
        ("domain", "known; has no part in the choice"),
        ("search", "known; has no part in the choice"),
        ("options", "known; its words are looked at"),
        ("lookup", "known, whatever follows (it counts on OpenBSD only)"),
    )
)

SOURCES: tuple[Entry, ...] = (
    Entry(kind="source", word="files", meaning="Go reads /etc/hosts", source=_CONF),
    Entry(kind="source", word="dns", meaning="Go asks DNS", source=_CONF),
    Entry(
        kind="source",
        word="myhostname",
        meaning="skipped, but names without a dot go to cgo (a trailing dot is a dot)",
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
    Entry(
        kind="source",
        word="myhostname, no name",
        meaning="an empty name is one without a dot: cgo",
        until=7,
        source=f"{_CONF}, golang/go#13623",
    ),
    Entry(
        kind="source",
        word="mdns",
        prefix=True,
        meaning="skipped, unless /etc/mdns.allow exists when the process starts; then cgo",
        until=21,
        source=_CONF,
    ),
    Entry(
        kind="source",
        word="mdns",
        prefix=True,
        meaning="skipped, unless /etc/mdns.allow exists at the look-up; then cgo",
        since=21,
        source=_CONF,
    ),
    Entry(
        kind="source",
        word="mdns, .local",
        meaning="names that end in .local go to cgo",
        since=23,
        source=f"{_CONF}, golang/go#63978",
    ),
    Entry(
        kind="source",
        word="no name",
        meaning="without a name (addresses; the name '.') mdns and myhostname go to cgo",
        since=21,
        source=f"{_CONF}, commit 472f623482",
    ),
    Entry(
        kind="source",
        word="any other",
        meaning="the look-up goes to cgo: there is no list of exceptions",
        source=_CONF,
    ),
)

CRITERIA: tuple[Entry, ...] = (
    Entry(
        kind="criteria",
        word="standard",
        meaning="SUCCESS=return, NOTFOUND, UNAVAIL or TRYAGAIN=continue in any case, and the last may be =return: as if "
        "nothing stood there; all else after files or dns goes to cgo",
        source=f"{_NSS}, standardStatusAction",
    ),
    Entry(
        kind="criteria",
        word="malformed",
        meaning="a line without a colon, a bracket that is not closed, a criterion without '=' or shorter than 3 bytes, "
        "for any database: the whole file is taken as unreadable",
        source=f"{_NSS}, parseNSSConf",
    ),
)

NAMES: tuple[Entry, ...] = (
    Entry(kind="name", word="\\", meaning="a name with a backslash goes to cgo", source=_CONF),
    Entry(kind="name", word="%", meaning="a name with a percent sign goes to cgo", source=_CONF),
    Entry(
        kind="name",
        word=".local",
        meaning="a name that ends so, in any case, goes to cgo",
        until=23,
        source=f"{_CONF}, golang/go#63978",
    ),
    Entry(
        kind="name",
        word="localhost",
        meaning="special to myhostname, as *.localhost, *.localdomain",
        since=8,
        source=_CONF,
    ),
    Entry(kind="name", word="gateway", meaning="special to myhostname", since=8, until=20, source=_CONF),
    Entry(
        kind="name",
        word="_gateway",
        meaning="special to myhostname",
        since=20,
        source=f"{_CONF}, golang/go#56387",
    ),
    Entry(
        kind="name",
        word="_outbound",
        meaning="special to myhostname",
        since=20,
        source=f"{_CONF}, golang/go#56387",
    ),
    Entry(
        kind="name",
        word="the machine's own",
        meaning="special to myhostname, as /proc/sys/kernel/hostname gives it; so is every name where that is missing",
        since=8,
        until=11,
        source="os/sys_linux.go",
    ),
    Entry(
        kind="name",
        word="the machine's own",
        meaning="special to myhostname, as uname(2) gives it",
        since=11,
        source="os/sys_linux.go at Go 1.11",
    ),
)

ENVIRONMENT: tuple[Entry, ...] = (
    Entry(kind="environment", word="LOCALDOMAIN", meaning="set at all, even empty: cgo", source=_CONF),
    Entry(kind="environment", word="RES_OPTIONS", meaning="not empty: cgo", source=_CONF),
    Entry(kind="environment", word="HOSTALIASES", meaning="not empty: cgo", source=_CONF),
)

GODEBUG: tuple[Entry, ...] = (
    Entry(kind="godebug", word="netdns=go", meaning="Go's own resolver", source=f"{_CONF}, goDebugNetDNS"),
    Entry(kind="godebug", word="netdns=cgo", meaning="cgo, where it is compiled in", source=f"{_CONF}, goDebugNetDNS"),
    Entry(
        kind="godebug",
        word="several",
        meaning="of several netdns= the first counts",
        until=20,
        source="net/parse.go, goDebugString",
    ),
    Entry(
        kind="godebug",
        word="several",
        meaning="of several netdns= the last counts",
        since=20,
        source="internal/godebug",
    ),
    Entry(
        kind="godebug",
        word="embedded",
        meaning="runtime.godebugDefault is read (set by -ldflags -X; by //go:debug since Go 1.21, by go.mod since 1.23); a "
        "netdns= in the environment, whatever its value, replaces it",
        since=20,
        source="runtime/runtime.go at Go 1.20, cmd/go at Go 1.21",
    ),
    Entry(
        kind="godebug",
        word="hash",
        meaning="what follows a # in the value is a pattern for bisect, no part of the value",
        since=21,
        source="internal/godebug at Go 1.21",
    ),
)

BUILD: tuple[Entry, ...] = (
    Entry(kind="build", word="without cgo", meaning="never cgo", source="net/netgo.go, net/cgo_stub.go"),
    Entry(kind="build", word="netgo", meaning="never cgo", source="net/netgo.go"),
    Entry(
        kind="build",
        word="netcgo",
        meaning="always cgo, unless netdns=go; of no effect without cgo",
        source="net/conf_netcgo.go, net/netcgo.go",
    ),
)

FILES: tuple[Entry, ...] = (
    Entry(
        kind="file",
        word="resolv.conf error",
        meaning="cannot be opened, and neither missing nor forbidden (a loop of links): cgo",
        source=_CONF,
    ),
    Entry(
        kind="file",
        word="resolv.conf missing",
        meaning="missing, forbidden or a directory: as if it were empty",
        source=_DNSCONFIG,
    ),
    Entry(
        kind="file",
        word="nsswitch.conf error",
        meaning="cannot be read, and not missing (forbidden, a loop of links): cgo",
        source=_CONF,
    ),
    Entry(
        kind="file",
        word="nsswitch.conf directory",
        meaning="cannot be read: cgo",
        until=20,
        source=f"{_NSS}",
    ),
    Entry(
        kind="file",
        word="nsswitch.conf directory",
        meaning="as if it were empty",
        since=20,
        source=f"{_NSS}, golang/go#56515",
    ),
    Entry(
        kind="file",
        word="mdns.allow error",
        meaning="taken not to exist",
        until=21,
        source=_CONF,
    ),
    Entry(
        kind="file",
        word="mdns.allow error",
        meaning="any error but 'not there' (a loop of links) counts as there",
        since=21,
        source=_CONF,
    ),
    Entry(kind="file", word="mdns.allow", meaning="is there, with any content or none: mdns goes to cgo", source=_CONF),
)

CALLS: tuple[Entry, ...] = (
    Entry(
        kind="call",
        word="txt srv mx ns",
        meaning="Go's own DNS client, whatever else is said",
        source=_LOOKUP,
    ),
    Entry(kind="call", word="no name", meaning="an empty host name asks nobody", source="net/lookup.go"),
    Entry(
        kind="call",
        word="cname",
        meaning="chosen as for an empty name",
        until=20,
        source=_LOOKUP,
    ),
    Entry(kind="call", word="cname", meaning="chosen for the name itself", since=20, source=_LOOKUP),
    Entry(kind="call", word="addr", meaning="chosen as for an empty name", source=_LOOKUP),
    Entry(kind="call", word="port", meaning="chosen as for an empty name", until=21, source=_LOOKUP),
    Entry(
        kind="call",
        word="port",
        meaning="cgo wherever it may be used at all, whatever the files say; Go prints no order",
        since=21,
        source=f"{_LOOKUP}, golang/go#18213",
    ),
    Entry(kind="call", word="port, empty", meaning="is port 0; nobody is asked", since=6, source="golang/go#13610"),
    Entry(
        kind="call", word="port, number", meaning="is taken as it is; nobody is asked", since=7, source="net/port.go"
    ),
)

LITERALS: tuple[Entry, ...] = (
    Entry(
        kind="literal", word="address", meaning="IPv4 and IPv6 addresses ask nobody", source="net/lookup.go, net/ip.go"
    ),
    Entry(
        kind="literal",
        word="zone in dial",
        meaning="fe80::1%eth0 is an address",
        source="net/ipsock.go, internetAddrList",
    ),
    Entry(
        kind="literal",
        word="zone",
        meaning="fe80::1%eth0 is an address",
        since=11,
        source="net/lookup.go, parseIPZone",
    ),
    Entry(
        kind="literal",
        word="leading zeros",
        meaning="010.1.2.3 is an address",
        until=17,
        source="net/ip.go, golang/go#30999",
    ),
    Entry(
        kind="literal",
        word="netip",
        meaning="a zone is not empty and begins at the first %",
        since=21,
        source="net/lookup.go, net/netip",
    ),
    Entry(
        kind="literal",
        word="short groups",
        meaning="a group of an IPv6 address has at most four digits, zeros included",
        since=23,
        source="net/netip at Go 1.23",
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
        word="forced: at once",
        meaning="a binary forced to Go's resolver takes files,dns and reads no file",
        until=7,
        source=f"{_CONF}, golang/go#14354",
    ),
    Entry(
        kind="fallback",
        word="forced: fixed",
        meaning="whatever sends others to cgo fixes files,dns in a binary forced to Go's resolver",
        until=21,
        source=f"{_CONF}, golang/go#14354",
    ),
    Entry(
        kind="fallback",
        word="forced: nsswitch.conf decides",
        meaning="in a binary forced to Go's resolver only nsswitch.conf counts; an unknown source stands for dns where the "
        "line has no dns, and criteria are not looked at",
        since=21,
        source=f"{_CONF}, commit e2500be549",
    ),
    Entry(
        kind="fallback",
        word="neither files nor dns",
        meaning="cgo; files,dns in a binary forced to Go's resolver",
        source=_CONF,
    ),
)

LIMITS: tuple[Entry, ...] = (
    Entry(
        kind="limit",
        word="resolv.conf",
        number=4096,
        meaning="a line that does not fit a page (4096 bytes on most machines) ends reading",
        until=10,
        source="net/parse.go",
    ),
    Entry(
        kind="limit",
        word="resolv.conf",
        number=65536,
        meaning="a line that does not fit 65536 bytes ends reading",
        since=10,
        source="net/parse.go",
    ),
    Entry(
        kind="limit",
        word="nsswitch.conf",
        number=65536,
        meaning="a line that does not fit 65536 bytes ends reading",
        since=20,
        source=f"{_NSS}, golang/go#56515",
    ),
)

STEPS: tuple[Entry, ...] = (
    Entry(
        kind="steps",
        word="tags and GODEBUG, variables, resolv.conf, characters, .local, nsswitch.conf",
        meaning="the first that Go's own resolver cannot do decides; mdns.allow comes last",
        until=21,
        source=_CONF,
    ),
    Entry(
        kind="steps",
        word="tags and GODEBUG, variables, characters, resolv.conf, .local, nsswitch.conf",
        meaning="the first that Go's own resolver cannot do decides; mdns.allow comes where an mdns source is met",
        since=21,
        source=f"{_CONF}, commit afe2d22219",
    ),
)

RELOADS: tuple[Entry, ...] = (
    Entry(kind="reload", word="variables", meaning="GODEBUG's netdns and variables are read once", source=_CONF),
    Entry(
        kind="reload",
        word="resolv.conf",
        meaning="is read once, at the first look-up, as far as the choice goes",
        until=20,
        source=_CONF,
    ),
    Entry(
        kind="reload",
        word="resolv.conf",
        meaning="is read again when it has changed, at most every 5 seconds, but not with the option no-reload",
        since=20,
        source="net/dnsclient_unix.go, golang/go#56515",
    ),
    Entry(
        kind="reload",
        word="resolv.conf without nameserver",
        meaning="is looked at again at every look-up",
        since=27,
        source="net/dnsclient_unix.go at Go 1.27",
    ),
    Entry(kind="reload", word="nsswitch.conf", meaning="is read once, at the first look-up", until=20, source=_CONF),
    Entry(
        kind="reload",
        word="nsswitch.conf",
        meaning="is read again when it has changed, at most every 5 seconds",
        since=20,
        source=f"{_NSS}, golang/go#56515",
    ),
    Entry(kind="reload", word="mdns.allow", meaning="is looked for once, at the first look-up", until=21, source=_CONF),
    Entry(kind="reload", word="mdns.allow", meaning="is looked for at every look-up", since=21, source=_CONF),
)

ALL: tuple[Entry, ...] = (
    OPTIONS + KEYWORDS + SOURCES + CRITERIA + NAMES + ENVIRONMENT + GODEBUG + BUILD + FILES + CALLS + LITERALS
    + FALLBACKS + LIMITS + STEPS + RELOADS
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """What one release knows."""

    minor: int
    entries: dict[tuple[Kind, str], Entry] = field(repr=False)
    options: tuple[Entry, ...] = field(repr=False)
    steps: tuple[str, ...]

    def find(self, kind: Kind, word: str) -> Entry | None:
        """Return the entry of this kind and word, or None where the release has none."""
        return self.entries.get((kind, word))

    def has(self, kind: Kind, word: str) -> bool:
        """Whether the release has the entry of this kind and word."""
        return (kind, word) in self.entries

    def entry(self, kind: Kind, word: str) -> Entry:
        """Return an entry that every release has (it may mean different things)."""
        return self.entries[kind, word]

    def knows_option(self, word: str) -> bool:
        """Whether the release knows an option of resolv.conf."""
        return ("option", word) in self.entries or any(entry.matches(word) for entry in self.options)

    def knows_keyword(self, word: str) -> bool:
        """Whether the release knows a first word of a line of resolv.conf."""
        return ("keyword", word) in self.entries

    def line_limit(self, file: str) -> int | None:
        """Return how many bytes a line of a file may have, with its end; None: any number."""
        entry = self.entries.get(("limit", file))
        return None if entry is None else entry.number

    def literal_form(self, call: str) -> LiteralForm:
        """Return what the release takes for an address in a call."""
        return LiteralForm(
            zone=self.has("literal", "zone") or (call == "dial" and self.has("literal", "zone in dial")),
            strict=self.has("literal", "netip"),
            short_groups=self.has("literal", "short groups"),
            leading_zeros=self.has("literal", "leading zeros"),
        )


@lru_cache(maxsize=NEWEST + 1)
def rules(minor: int) -> Rules:
    """Return what Go 1.``minor`` knows."""
    held = [entry for entry in ALL if entry.holds(minor)]
    return Rules(
        minor,
        {(entry.kind, entry.word): entry for entry in held},
        tuple(entry for entry in held if entry.kind == "option" and entry.prefix),
        tuple(step for entry in held if entry.kind == "steps" for step in entry.word.split(", ")),
    )


def option_known_since(word: str) -> int | None:
    """Return N of the first Go 1.N that knows the option, or None where none does."""
    return min((entry.since for entry in ALL if entry.kind == "option" and entry.matches(word)), default=None)


def keyword_known_since(word: str) -> int | None:
    """Return N of the first Go 1.N that knows the first word of a line of resolv.conf, or None where none does."""
    return min((entry.since for entry in KEYWORDS if entry.word == word), default=None)
