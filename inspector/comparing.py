"""Two places compared: what differs, which Go releases read it, and which binaries come out otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inspector.environments import environment_of
from inspector.errors import InspectorError
from inspector.facts import (
    ContextFile,
    Decision,
    Environment,
    Level,
    ResolverBuild,
    ResolverContext,
    SchemaId,
    Snapshot,
    Target,
    Tool,
)
from inspector.judging import DEFAULT_NAME, SEVERITY, Wishes, judge_target
from inspector.resolver import decide
from inspector.resolver.table import keyword_known_since, option_known_since
from inspector.resolver.versions import NEWEST, OLDEST

_PLAIN = {"resolv.conf": "nameserver 192.0.2.53\n", "nsswitch.conf": "hosts: files dns\n"}
"""What is taken for a file that neither place tells: nothing that sends any release to cgo."""
_ABSENT = "(no file)"
_MAX_DIFFERENCES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of the two things compared."""

    name: str
    files: Mapping[str, ContextFile] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    system_hostname: str | None = None
    environment: Environment | None = None
    """As which images are judged there; None: the files and variables as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same."""

    what: str
    """``resolv.conf options``, ``nsswitch.conf hosts``, ``env GODEBUG``."""
    a: str | None
    b: str | None
    read: str
    """Who reads it, and what that does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Go releases that decide otherwise in the two places: 1.``since`` to 1.``until``."""

    since: int
    until: int
    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One binary in the two places."""

    reference: str
    path: str
    a: Level
    b: Level
    why: str = ""
    """The first reason of the worse verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that ``inspector compare`` found."""

    schema: SchemaId = field(default_factory=lambda: SchemaId(name="inspector-comparison"))
    tool: Tool = field(default_factory=Tool)
    a: str = ""
    b: str = ""
    name: str = DEFAULT_NAME
    """The host name that the releases were asked for."""
    assumed: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    left_out: int = 0
    shifts: tuple[Shift, ...] = ()
    binaries: tuple[Flip, ...] = ()
    """Those that come out otherwise."""
    unmoved: int = 0
    """Binaries that come out alike."""


def place_of_snapshot(snapshot: Snapshot) -> Place:
    """Return a snapshot as one of the things compared."""
    environment = environment_of(snapshot)
    return Place(
        name=environment.name,
        files=snapshot.files,
        env=snapshot.env,
        system_hostname=snapshot.system_hostname,
        environment=environment,
    )


def place_of_environment(environment: Environment) -> Place:
    """Return an environment (a preset, a service of a compose file) as one of the things compared."""
    return Place(
        name=environment.name,
        files=environment.files,
        env=environment.env,
        system_hostname=environment.system_hostname,
        environment=environment,
    )


def place_of_file(name: str, file: ContextFile) -> Place:
    """Return one resolv.conf or nsswitch.conf, recognised by its content, as one of the things compared."""
    return Place(name=name, files={_kind_of(name, file.text or ""): file})


def _kind_of(name: str, text: str) -> str:
    base = name.rsplit("/", 1)[-1]
    if base in {"resolv.conf", "nsswitch.conf"}:
        return base
    words = [line.split() for line in text.split("\n") if line.strip() and not line.lstrip().startswith(("#", ";"))]
    is_switch = any(line[0].endswith(":") for line in words) and not any(keyword_known_since(line[0]) for line in words)
    return "nsswitch.conf" if is_switch else "resolv.conf"


def compare(
    a: Place, b: Place, *, targets: Sequence[Target] = (), name: str = DEFAULT_NAME, wishes: Wishes | None = None
) -> Comparison:
    """Compare two places.

    Args:
        a: the one.
        b: the other.
        targets: images' facts to be judged in both.
        name: the host name that each release is asked for.
        wishes: names and calls for the targets.
    """
    assumed = tuple(f for f in _PLAIN if f not in a.files or f not in b.files)
    differences = list(_differences(a, b))
    one, other = _filled(a, assumed), _filled(b, assumed)
    flips = [flip for target in targets for flip in _flips(target, one, other, wishes or Wishes(names=(name,)))]
    moved = tuple(flip for flip in flips if flip.a != flip.b)
    return Comparison(
        a=a.name,
        b=b.name,
        name=name,
        assumed=tuple(f"{file}: {_PLAIN[file].strip()}" for file in assumed),
        differences=tuple(differences[:_MAX_DIFFERENCES]),
        left_out=max(0, len(differences) - _MAX_DIFFERENCES),
        shifts=tuple(_shifts(one, other, name)),
        binaries=moved,
        unmoved=len(flips) - len(moved),
    )


def _filled(place: Place, assumed: tuple[str, ...]) -> Place:
    plain = {file: ContextFile(text=_PLAIN[file], origin="taken as plain") for file in assumed}
    return replace(place, files={**plain, **place.files})


# ── what differs ─────────────────────────────────────────────────────────────────────────────────────────────────


def _differences(a: Place, b: Place) -> Iterator[Difference]:
    files = [file for file in ("resolv.conf", "nsswitch.conf", "mdns.allow", "hosts", "passwd", "group", "services")
             if file in a.files and file in b.files]  # fmt: skip
    for file in files:
        one, other = a.files[file], b.files[file]
        if (one.text, one.special) == (other.text, other.special):
            continue
        if _is_text(one) and _is_text(other) and file in {"resolv.conf", "nsswitch.conf"}:
            yield from (_in_resolv_conf if file == "resolv.conf" else _in_nsswitch)(one.text or "", other.text or "")
        else:
            yield Difference(what=file, a=_describe(one), b=_describe(other), read=_READ_BY[file])
    for variable in sorted({*a.env, *b.env}):
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


# ── which releases decide otherwise ──────────────────────────────────────────────────────────────────────────────


def _shifts(a: Place, b: Place, name: str) -> Iterator[Shift]:
    """Yield runs of releases, with cgo, that take another resolver or order."""
    now: Shift | None = None
    for minor in range(OLDEST, NEWEST + 1):
        one, other = _decision(a, minor, name), _decision(b, minor, name)
        if one != other and now is not None and (now.a, now.b) == (one, other):
            now = replace(now, until=minor)
            continue
        if now is not None:
            yield now
        now = None if one == other else Shift(since=minor, until=minor, a=one, b=other)
    if now is not None:
        yield now


def _decision(place: Place, minor: int, name: str) -> str:
    context = ResolverContext(files=place.files, env=place.env, uid=0, system_hostname=place.system_hostname or "host")
    try:
        found: Decision = decide(ResolverBuild(version=f"1.{minor}", cgo=True), context, name, "host")
    except InspectorError as error:
        return f"unknown: {error}"
    return found.decision if found.order in {None, "cgo"} else f"{found.decision} ({found.order})"


# ── which binaries come out otherwise ────────────────────────────────────────────────────────────────────────────


def _flips(target: Target, a: Place, b: Place, wishes: Wishes) -> Iterator[Flip]:
    pair = (_environment(a, "a"), _environment(b, "b"))
    judged = judge_target(target, pair, wishes)
    for binary in judged.binaries:
        worst: list[tuple[Level, str]] = []
        for environment in judged.environments:
            verdicts = [verdict for verdict in environment.verdicts if verdict.path == binary.path]
            found = max(verdicts, key=lambda verdict: SEVERITY[verdict.level])
            worst.append((found.level, "; ".join(reason.text for reason in found.reasons[:2])))
        (one, why_one), (other, why_other) = worst
        why = why_one if SEVERITY[one] > SEVERITY[other] else why_other
        yield Flip(reference=target.reference, path=binary.path, a=one, b=other, why=why)


def _environment(place: Place, key: str) -> Environment:
    if place.environment is None:
        return Environment(name=key, files=place.files, env=place.env, system_hostname=place.system_hostname)
    # What neither place tells is the image's own, but for resolv.conf, which an engine always gives.
    resolv_conf = {"resolv.conf": place.files["resolv.conf"]} if "resolv.conf" in place.files else {}
    return replace(place.environment, name=key, files={**resolv_conf, **place.environment.files})
