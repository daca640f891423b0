"""Two places compared: files as they are, snapshots, environments. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from inspector.comparing.comparison import MAX_DIFFERENCES, Comparison, Flip, Place
from inspector.comparing.differences import differences
from inspector.comparing.releases import shifts
from inspector.environments import environment_of
from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.facts import ContextFile, Environment, Level, Snapshot, Target
from inspector.judging import DEFAULT_NAME, SEVERITY, Wishes, judge_target
from inspector.resolver.table import keyword_known_since

PLAIN: Mapping[str, str | None] = {
    "resolv.conf": "nameserver 192.0.2.53\n",
    "nsswitch.conf": "hosts: files dns\n",
    "mdns.allow": None,
}
"""What is taken for a file that not both places tell: nothing that sends any release to cgo. None: no file."""


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


_DATABASES = frozenset({
    "aliases", "ethers", "group", "gshadow", "hosts", "initgroups", "netgroup", "networks", "passwd", "protocols",
    "publickey", "rpc", "services", "shadow", "sudoers", "automount", "subid",
})  # fmt: skip
"""What lines of nsswitch.conf begin with (nsswitch.conf(5))."""


def place_of_file(name: str, file: ContextFile) -> Place:
    """Return one resolv.conf or nsswitch.conf, recognised by its name or content, as one of the things compared.

    Raises:
        UsageError: if it is neither by name, and no line begins as one of theirs does.
    """
    return Place(name=name, files={_kind_of(name, file.text or ""): file})


def _kind_of(name: str, text: str) -> str:
    base = name.rsplit("/", 1)[-1]
    if base in {"resolv.conf", "nsswitch.conf"}:
        return base
    words = [line.split() for line in text.split("\n") if line.strip() and not line.lstrip().startswith(("#", ";"))]
    if any(keyword_known_since(line[0]) for line in words):
        return "resolv.conf"
    if any(line[0].removesuffix(":") in _DATABASES and ":" in " ".join(line[:2]) for line in words):
        return "nsswitch.conf"
    raise UsageError(
        f"{printable(name)} is neither a resolv.conf nor an nsswitch.conf: no line of it begins as one of theirs does",
        advice="give it one of these names if it is one nevertheless",
    )


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
    assumed = assumed_of(a, b)
    found = list(differences(a, b))
    one, other = filled(a, assumed), filled(b, assumed)
    flips = [flip for target in targets for flip in _flips(target, a, b, wishes or Wishes(names=(name,)))]
    moved = tuple(flip for flip in flips if flip.a != flip.b)
    return Comparison(
        a=a.name,
        b=b.name,
        name=name,
        assumed=told(a, b, assumed),
        differences=tuple(found[:MAX_DIFFERENCES]),
        left_out=max(0, len(found) - MAX_DIFFERENCES),
        shifts=tuple(shifts(one, other, name)),
        binaries=moved,
        unmoved=len(flips) - len(moved),
    )


def assumed_of(a: Place, b: Place) -> tuple[str, ...]:
    """Return the files that have to be taken as plain, as not both places tell them."""
    return tuple(file for file in PLAIN if file not in a.files or file not in b.files)


def told(a: Place, b: Place, assumed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the assumptions in words; mdns.allow's only where an mdns source makes it count."""
    switches = [(place.files.get("nsswitch.conf") or ContextFile()).text or "" for place in (a, b)]
    counts = any("mdns" in text for text in switches)
    return tuple(
        f"{file}: {(PLAIN[file] or '(no file)').strip()}" for file in assumed if file != "mdns.allow" or counts
    )


def filled(place: Place, assumed: tuple[str, ...]) -> Place:
    """Return a place with plain files for those that are assumed."""
    plain = {file: ContextFile(text=PLAIN[file], origin="taken as plain") for file in assumed}
    return replace(place, files={**plain, **place.files})


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
    """Return a place for judging: what it does not tell is the image's own, but for resolv.conf, never an image's."""
    plain = {"resolv.conf": ContextFile(text=PLAIN["resolv.conf"], origin="taken as plain")}
    known = place.environment or Environment(name=key, files=place.files, env=place.env)
    return replace(known, name=key, files={**plain, **known.files})
