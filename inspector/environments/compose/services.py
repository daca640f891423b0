"""One service of a Compose file: the attributes that decide what its processes see, each with its place.

Attributes, their two syntaxes and how two definitions merge: Compose Specification, 05-services.md and 13-merge.md.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from inspector.environments.compose.variables import Scope
from inspector.environments.documents import (
    ManifestDamaged,
    Mapping,
    Node,
    Place,
    Scalar,
    Sequence,
    damage,
    items_of,
    scalar_of,
    waivers_in,
)
from inspector.environments.mounts import clean
from inspector.facts import WaiverText

RESET = "!reset"
OVERRIDE = "!override"
WAIVE = "x-inspector-waive"


@dataclass(frozen=True, slots=True)
class Word:
    """A text and where it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable's value; None: taken from the surroundings, or, after a reset, not there."""

    value: str | None
    place: Place
    reset: bool = False


@dataclass(frozen=True, slots=True)
class EnvFile:
    """One file of ``env_file``."""

    path: Path
    place: Place
    required: bool = True
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """What lies over a path of the container: a file or directory of the host, or a text given in the file."""

    target: str
    place: Place
    source: Path | None = None
    """None with ``content`` None: a volume or something else that is not known."""
    content: str | None = None
    config: str | None = None
    """Name of the top-level config, until it is looked up."""
    empty: bool = False
    """A tmpfs: nothing is there when the container starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as far as it matters here. Absent attributes are None or empty."""

    name: str
    place: Place
    image: Word | None = None
    build: bool | None = None
    environment: Dictionary[str, Variable] = field(default_factory=dict)
    env_files: tuple[EnvFile, ...] = ()
    command: tuple[Word, ...] | None = None
    entrypoint: tuple[Word, ...] | None = None
    user: Word | None = None
    working_dir: Word | None = None
    platform: Word | None = None
    replicas: Word | None = None
    """``deploy.replicas``, or ``scale``."""
    volumes_from: tuple[Word, ...] = ()
    hostname: Word | None = None
    domainname: Word | None = None
    container_name: Word | None = None
    network_mode: Word | None = None
    networks: Dictionary[str, tuple[str, ...]] | None = None
    """Network → the service's further names there."""
    dns: tuple[Word, ...] = ()
    dns_search: tuple[Word, ...] = ()
    dns_opt: tuple[Word, ...] = ()
    extra_hosts: tuple[tuple[str, Word], ...] = ()
    mounts: Dictionary[str, Mount] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    extends: Word | None = None
    extends_file: Word | None = None
    bases: tuple[str, ...] = ()
    """Names of the services that it extends, directly or not."""
    waivers: tuple[WaiverText, ...] = ()
    """What ``x-inspector-waive`` says, which is the project's own extension of the specification."""
    fault: ManifestDamaged | None = None
    """What is wrong with its definition; nothing else is known of it then."""
    replaced: frozenset[str] = frozenset()
    """Attributes marked ``!reset`` or ``!override``: they take nothing of what they are laid over."""

    def over(self, base: Service) -> Service:
        """Return this definition laid over another of the same service, or over the one that it extends."""
        merged: dict[str, Any] = {}
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(base, each.name)
            if each.name in {"name", "place", "extends", "extends_file", "bases"} or each.name in self.replaced:
                merged[each.name] = mine
            elif each.name in {"environment", "mounts"}:
                merged[each.name] = {**theirs, **mine}
            elif each.name in {
                "dns",
                "dns_search",
                "dns_opt",
                "env_files",
                "extra_hosts",
                "profiles",
                "waivers",
                "volumes_from",
            }:
                merged[each.name] = theirs + mine
            elif each.name == "networks":
                merged["networks"] = mine if theirs is None else {**theirs, **(mine or {})}
            else:
                merged[each.name] = theirs if mine is None else mine
        merged["replaced"] = frozenset[str]()
        return replace(self, **merged)


@dataclass(frozen=True, slots=True)
class Reader:
    """What is needed to read a service: its variables, and the directory that its relative paths begin at."""

    scope: Scope
    directory: Path

    def read(self, name: str, node: Mapping) -> Service:
        """Return a service's definition as it is written in one file.

        Raises:
            TargetDamaged: for an attribute that has another form than the specification gives it.
            UsageError: for a mandatory variable that is not set.
        """
        found: dict[str, Any] = {}
        replaced = set()
        for key, read in _READERS.items():
            entry = node.entries.get(key)
            if entry is None:
                continue
            attribute = _ATTRIBUTES.get(key, key)
            if entry.value.tag in {RESET, OVERRIDE}:
                replaced.add(attribute)
                if entry.value.tag == RESET:
                    continue
            value = node.get(key)
            if value is not None:
                found[attribute] = read(self, value, f"{key} of service '{name}'")
        mounts: dict[str, Mount] = {}
        for key in _MOUNTING:
            mounts |= found.pop(key, {})
        if {*_MOUNTING} & replaced:
            replaced.add("mounts")
        extends = found.pop("extends", (None, None))
        place = node.entries[next(iter(node.entries))].key.place if node.entries else node.place
        return Service(
            name=name, place=place, mounts=mounts, extends=extends[0], extends_file=extends[1],
            replaced=frozenset(replaced), **found,
        )  # fmt: skip

    # ── values ──

    def word(self, node: Node | None, what: str) -> Word | None:
        """Return a single value with its variables substituted."""
        scalar = scalar_of(node, what)
        return None if scalar is None else Word(self.scope.expand(scalar.text, scalar.place), scalar.place)

    def words(self, node: Node | None, what: str) -> tuple[Word, ...]:
        """Return a list, or a single value as a list of one."""
        return tuple(word for item in items_of(node, what) if (word := self.word(item, what)))

    def path(self, text: str) -> Path:
        """Return a path of the host, relative ones from the project's directory."""
        expanded = Path(text).expanduser() if text.startswith("~") else Path(text)
        return expanded if expanded.is_absolute() else self.directory / expanded

    def command(self, node: Node, what: str) -> tuple[Word, ...]:
        """Return a command's words; a single text is split as a shell splits it."""
        if not isinstance(node, Scalar):
            return self.words(node, what)
        word = self.word(node, what)
        try:
            return tuple(Word(part, node.place) for part in shlex.split(word.text if word else ""))
        except ValueError as error:
            raise damage(node.place, f"{what} cannot be split into words: {error}") from None

    def environment(self, node: Node, what: str) -> dict[str, Variable]:
        """Return the variables of a mapping or of a list of NAME=VALUE."""
        found: dict[str, Variable] = {}
        if isinstance(node, Mapping):
            for name, entry in node.entries.items():
                word = self.word(node.get(name), f"{what}, {name}")
                found[name] = Variable(word.text if word else None, entry.key.place, entry.value.tag == RESET)
            return found
        for word in self.words(node, what):
            name, equals, value = word.text.partition("=")
            found[name] = Variable(value if equals else None, word.place)
        return found

    def env_file(self, node: Node, what: str) -> tuple[EnvFile, ...]:
        """Return the files that hold variables."""
        found = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            if not isinstance(item, Mapping):
                word = self.word(item, what)
                found += [EnvFile(self.path(word.text), word.place)] if word else []
                continue
            word = self.word(item.get("path"), what)
            if word is None:
                raise damage(item.place, f"{what}: an entry without path")
            required, form = self.word(item.get("required"), what), self.word(item.get("format"), what)
            optional = required is not None and required.text.lower() in {"false", "no", "off"}
            found.append(
                EnvFile(self.path(word.text), word.place, not optional, form is not None and form.text == "raw")
            )
        return tuple(found)

    def networks(self, node: Node, what: str) -> dict[str, tuple[str, ...]]:
        """Return network → aliases."""
        if not isinstance(node, Mapping):
            return {word.text: () for word in self.words(node, what)}
        found = {}
        for name in node.entries:
            settings = node.get(name)
            aliases = settings.get("aliases") if isinstance(settings, Mapping) else None
            found[name] = tuple(word.text for word in self.words(aliases, f"{what}, aliases"))
        return found

    def extra_hosts(self, node: Node, what: str) -> tuple[tuple[str, Word], ...]:
        """Return (host, address) pairs; the separator is ``=`` or the first ``:``."""
        found: list[tuple[str, Word]] = []
        if isinstance(node, Mapping):
            for host in node.entries:
                found += [(host, word) for word in self.words(node.get(host), f"{what}, {host}")]
            return tuple(found)
        for word in self.words(node, what):
            host, _, address = re.sub("[=:]", "\0", word.text, count=1).partition("\0")
            found.append((host, Word(address.strip("[]"), word.place)))
        return tuple(found)

    def volumes(self, node: Node, what: str) -> dict[str, Mount]:
        """Return what is mounted, by target."""
        mounts = [self._volume(item, what) for item in items_of(node, what)]
        return {mount.target: mount for mount in mounts}

    def _volume(self, item: Node, what: str) -> Mount:
        if isinstance(item, Mapping):
            target = self.word(item.get("target"), f"{what}, target")
            source, kind = self.word(item.get("source"), what), self.word(item.get("type"), what)
            if target is None:
                raise damage(item.place, f"{what}: an entry without target")
            bind = source is not None and kind is not None and kind.text == "bind"
            return Mount(
                clean(target.text),
                item.place,
                self.path(source.text) if bind and source else None,
                empty=kind is not None and kind.text == "tmpfs",
            )
        word = self.word(item, what)
        if word is None:
            raise damage(item.place, f"{what}: an empty entry")
        parts = word.text.split(":")
        if len(parts) == 1:
            return Mount(clean(parts[0]), word.place)
        # A source that is no path is a named volume.
        bind = parts[0].startswith((".", "/", "~"))
        return Mount(clean(parts[1]), word.place, self.path(parts[0]) if bind else None)

    def tmpfs(self, node: Node, what: str) -> dict[str, Mount]:
        """Return where nothing is, by target; options follow a colon."""
        targets = [(clean(word.text.partition(":")[0]), word.place) for word in self.words(node, what)]
        return {target: Mount(target, place, empty=True) for target, place in targets}

    def replicas(self, node: Node, what: str) -> Word | None:
        """Return how many containers ``deploy`` wants."""
        return self.word(node.get("replicas"), f"{what}, replicas") if isinstance(node, Mapping) else None

    def configs(self, node: Node, what: str) -> dict[str, Mount]:
        """Return the configs granted, by target; what they hold is looked up when the project is complete."""
        found = {}
        for item in items_of(node, what):
            if isinstance(item, Mapping):
                source, target = self.word(item.get("source"), what), self.word(item.get("target"), what)
            else:
                source, target = self.word(item, what), None
            if source is None:
                raise damage(item.place, f"{what}: an entry without source")
            path = clean(target.text if target else f"/{source.text}")
            found[path] = Mount(path, item.place, config=source.text)
        return found

    def secrets(self, node: Node, what: str) -> dict[str, Mount]:
        """Return where secrets lie; what they hold is never looked at."""
        configs = self.configs(node, what).values()
        return {mount.target: Mount(mount.target, mount.place) for mount in configs}

    def extends(self, node: Node, what: str) -> tuple[Word | None, Word | None]:
        """Return (service, file)."""
        if not isinstance(node, Mapping):
            return self.word(node, what), None
        service = self.word(node.get("service"), f"{what}, service")
        if service is None:
            raise damage(node.place, f"{what} names no service")
        return service, self.word(node.get("file"), f"{what}, file")

    def build(self, node: Node, what: str) -> bool:
        """Whether the image is built here."""
        del node, what
        return True

    def waive(self, node: Node, what: str) -> tuple[WaiverText, ...]:
        """Return what is waived for this service."""
        return waivers_in(node, what)

    def profiles(self, node: Node, what: str) -> tuple[str, ...]:
        """Return the names of profiles."""
        return tuple(word.text for word in self.words(node, what))


_ATTRIBUTES = {"env_file": "env_files", "scale": "replicas", "deploy": "replicas", WAIVE: "waivers"}
_MOUNTING = ("volumes", "tmpfs", "configs", "secrets")
_READERS: dict[str, Callable[[Reader, Node, str], Any]] = {
    **dict.fromkeys(
        (
            "image", "user", "hostname", "domainname", "container_name", "network_mode", "working_dir", "platform",
            "scale",
        ),
        Reader.word,
    ),
    **dict.fromkeys(("dns", "dns_search", "dns_opt", "volumes_from"), Reader.words),
    "deploy": Reader.replicas,
    "tmpfs": Reader.tmpfs,
    **dict.fromkeys(("command", "entrypoint"), Reader.command),
    "environment": Reader.environment,
    "env_file": Reader.env_file,
    "networks": Reader.networks,
    "extra_hosts": Reader.extra_hosts,
    "volumes": Reader.volumes,
    "configs": Reader.configs,
    "secrets": Reader.secrets,
    "extends": Reader.extends,
    "build": Reader.build,
    "profiles": Reader.profiles,
    WAIVE: Reader.waive,
}  # fmt: skip
