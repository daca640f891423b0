"""What differs in what a resolver reads, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.comparing.comparison import Difference, Place
from inspector.facts import CONTEXT_FILES, RESOLVER_VARIABLES, ContextFile
from inspector.resolver.table import keyword_known_since, option_known_since
from inspector.resolver.versions import NEWEST, OLDEST

_ABSENT = "(no file)"


def differences(a: Place, b: Place) -> Iterator[Difference]:
    """Yield what differs, file by file, then variables and the host name."""
    files = [file for file in CONTEXT_FILES if file in a.files and file in b.files]
    for file in files:
        one, other = a.files[file], b.files[file]
        if (one.text, one.special) == (other.text, other.special):
            continue
        if _is_text(one) and _is_text(other) and file in {"resolv.conf", "nsswitch.conf"}:
            yield from (_in_resolv_conf if file == "resolv.conf" else _in_nsswitch)(one.text or "", other.text or "")
        else:
            yield Difference(what=file, a=_describe(one), b=_describe(other), read=_READ_BY[file])
    for variable in RESOLVER_VARIABLES:  # others may hold passwords
        if a.env.get(variable) != b.env.get(variable):
            yield Difference(what=f"env {variable}", a=a.env.get(variable), b=b.env.get(variable), read=_READ_BY["env"])
    if a.system_hostname != b.system_hostname and None not in {a.system_hostname, b.system_hostname}:
        text = "Go, where nsswitch.conf names myhostname"
        yield Difference(what="host name", a=a.system_hostname, b=b.system_hostname, read=text)


_READ_BY = {
    "resolv.conf": "Go: a file that cannot be opened decides, one that is absent gives defaults",
    "nsswitch.conf": "Go reads the hosts line; the C library all",
    "mdns.allow": "Go, where nsswitch.conf names an mdns source: if it exists, such look-ups take cgo",
    "hosts": "Go and the C library, for answers; it does not decide which resolver is taken",
    "passwd": "the C library's files source, and Go without cgo; it does not decide which resolver is taken",
    "group": "the C library's files source, and Go without cgo; it does not decide which resolver is taken",
    "services": "the C library's files source, and Go's own list of ports",
    "env": "Go: it decides which resolver is taken",
}


def _is_text(file: ContextFile) -> bool:
    return file.text is not None and file.special is None


def _describe(file: ContextFile) -> str:
    if file.special is not None:
        return f"({file.special})"
    if file.text is None:
        return _ABSENT
    return f"{len(file.text.splitlines())} lines"


def _in_resolv_conf(a: str, b: str) -> Iterator[Difference]:
    one, other = _words(a), _words(b)
    for keyword in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(keyword, []), other.get(keyword, [])
        if keyword == "options":
            for word in dict.fromkeys([*mine, *theirs]):
                if (word in mine) != (word in theirs):
                    yield Difference(what="resolv.conf options", a=word if word in mine else None,
                                     b=word if word in theirs else None, read=_of_option(word))  # fmt: skip
        elif mine != theirs:
            known = "every Go release, for the query; it does not decide which resolver is taken"
            unknown = "no Go release knows the keyword: with it, every release takes cgo"
            yield Difference(what=f"resolv.conf {keyword}", a=" ".join(mine) or None, b=" ".join(theirs) or None,
                             read=known if keyword_known_since(keyword) else unknown)  # fmt: skip


def _words(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        words = line.split()
        if words and not line.startswith(("#", ";")):
            found.setdefault(words[0], []).extend(words[1:])
    return found


def _of_option(word: str) -> str:
    since = option_known_since(word)
    if since is None:
        return f"no Go release up to 1.{NEWEST} knows it: with it, every release takes cgo"
    if since <= OLDEST:
        return "every Go release knows it; it does not decide which resolver is taken"
    return f"Go before 1.{since} does not know it, and takes cgo; later releases know it"


def _in_nsswitch(a: str, b: str) -> Iterator[Difference]:
    one, other = _databases(a), _databases(b)
    for database in dict.fromkeys([*one, *other]):
        if one.get(database) != other.get(database):
            by_go = database == "hosts"
            read = "Go (1.5 and later) and the C library" if by_go else "the C library only, for the modules it loads"
            yield Difference(what=f"nsswitch.conf {database}", a=one.get(database), b=other.get(database), read=read)


def _databases(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        database, colon, sources = line.split("#", 1)[0].partition(":")
        if colon and database.strip():
            found[database.strip()] = " ".join([*found.get(database.strip(), "").split(), *sources.split()])
    return found
