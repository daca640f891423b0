"""Compose files to a project: several files merged, ``include``, ``extends``, ``env_file``, profiles.

Order of work as the specification has it: variables are substituted in each file, files are merged, then included
projects are added (12-interpolation.md, 13-merge.md, 14-include.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence as List
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from inspector.environments.compose.services import Mount, Reader, Service, Variable, Word
from inspector.environments.compose.variables import Scope, read_env_file
from inspector.environments.documents import (
    ManifestDamaged,
    Mapping,
    Node,
    Place,
    Sequence,
    damage,
    items_of,
    mapping_of,
    parse_documents,
    read_text,
    scalar_of,
)  # fmt: skip
from inspector.errors import LimitExceeded, TargetDamaged, UsageError
from inspector.escaping import printable

MAX_FILES = 200
MAX_SERVICES = 2000
_MAX_CHAIN = 50
"""Services that one may extend through."""


@dataclass(frozen=True, slots=True)
class Config:
    """A top-level config: a file of this machine, a text, or (both None) something that is elsewhere."""

    path: Path | None
    content: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Project:
    """Everything that the files say, merged."""

    services: Dictionary[str, Service]
    """All of them, those of inactive profiles too."""
    configs: Dictionary[str, Config]
    networks: Dictionary[str, str]
    """Network of the project → its name in the engine."""
    unset: Dictionary[str, Place] = field(default_factory=dict)
    """Variables without value or default: Compose takes them for empty, and warns."""
    missing: tuple[tuple[str, Word], ...] = ()
    """(service, file) of env_files that are not here."""
    faults: tuple[tuple[str, ManifestDamaged], ...] = ()
    """(section, what is wrong) of what belongs to no single service."""
    directory: Path = Path()
    """What is mounted from below it is read; other files of this machine are nobody's but its own."""

    def active(self, profiles: Iterable[str] = ()) -> list[Service]:
        """Return the services that would be started: those without a profile or with one of these (``*``: all)."""
        chosen = set(profiles)
        return [s for s in self.services.values() if not s.profiles or "*" in chosen or chosen & set(s.profiles)]


def load_project(
    files: List[str],
    *,
    variables: Dictionary[str, str],
    env_files: List[str] = (),
    directory: Path | None = None,
    texts: Dictionary[str, str] | None = None,
) -> Project:
    """Load a project from its Compose files.

    Args:
        files: paths, the first one first; ``-`` is standard input.
        variables: what the shell has: it outranks ``.env``.
        env_files: in the place of ``.env``.
        directory: the project's directory; None: the first file's.
        texts: file → text to take in place of what it holds.

    Raises:
        UsageError: if a file cannot be read or a mandatory variable is not set.
        TargetDamaged: for what is no Compose file, with file and line. What is wrong with single services is theirs.
        LimitExceeded: for more files or services than any project has.
    """
    home = directory or (Path() if files[0] == "-" else Path(files[0]).parent)
    scope = Scope(dict(variables))
    paths = [Path(path) for path in env_files] or [path for path in [home / ".env"] if path.is_file()]
    scope = _with_env_files(scope, paths)
    loading = _Loading(texts or {})
    services, configs, networks = loading.load(list(files), home, scope, ())
    if not services:
        if loading.faults:
            raise loading.faults[0][1]
        raise TargetDamaged(f"{printable(files[0])}: no services: is it a Compose file?")
    complete = {name: loading.complete(service, scope) for name, service in services.items()}
    return Project(complete, configs, networks, dict(scope.unset), tuple(loading.missing), tuple(loading.faults), home)


def _with_env_files(scope: Scope, paths: Iterable[Path]) -> Scope:
    found: dict[str, str] = {}
    for path in paths:
        values = read_env_file(path, scope.below(found))
        found |= {name: value for name, (value, _) in values.items() if value is not None}
    return scope.below(found)


_Parts = tuple[dict[str, Service], dict[str, Config], dict[str, str]]


class _Loading:
    """One loading: what was read already, and the bounds that hold for all of it."""

    def __init__(self, texts: Dictionary[str, str]) -> None:
        self._texts = texts
        self.missing: list[tuple[str, Word]] = []
        self.faults: list[tuple[str, ManifestDamaged]] = []
        self._env_files: dict[tuple[Path, bool], dict[str, tuple[str | None, Place]]] = {}
        self._roots: dict[str, Mapping] = {}
        self._loads = 0

    def load(self, files: list[str], home: Path, scope: Scope, including: tuple[str, ...]) -> _Parts:
        """Return the merged content of the files and of all that they include."""
        self._loads += len(files)
        if self._loads > MAX_FILES:
            raise LimitExceeded(f"more than {MAX_FILES} Compose files, those included counted as often as they are")
        reader = Reader(scope, home)
        services: dict[str, Service] = {}
        configs: dict[str, Config] = {}
        networks: dict[str, str] = {}
        includes: list[Node] = []
        for file in files:
            root = self._root(file)
            for service in self._services_of(root, reader, file):
                known = services.get(service.name)
                services[service.name] = service if known is None else replace(service.over(known), place=known.place)
            with self._noting("configs"):
                configs |= _configs_of(root, reader)
            with self._noting("networks"):
                networks |= _networks_of(root, reader)
            with self._noting("include"):
                includes += items_of(root.get("include"), "include")
        for node in includes:
            with self._noting("include"):
                added = self._include(node, reader, (*including, *map(_identity, files)))
                self._add(services, added[0], node.place)
                configs, networks = {**added[1], **configs}, {**added[2], **networks}
        return services, configs, networks

    @contextmanager
    def _noting(self, section: str) -> Iterator[None]:
        """Note what is wrong with a section, so that the services can be judged without it."""
        try:
            yield
        except ManifestDamaged as fault:
            self.faults.append((section, fault))

    def _root(self, file: str, named_at: Place | None = None) -> Mapping:
        identity = _identity(file)
        if identity in self._roots:
            return self._roots[identity]
        name = "standard input" if file == "-" else file
        try:
            text = self._texts[file] if file in self._texts else read_text(file)
        except UsageError as error:
            # A file that the caller did not name himself: the line that names it is told.
            raise damage(named_at, str(error)) if named_at else error from None
        # A file of comments alone lays nothing over the others (fabric-samples has such).
        documents = parse_documents(text, name) or (Mapping(entries={}, place=Place(name, 1, 1)),)
        if len(documents) != 1 or not isinstance(documents[0], Mapping):
            what = f"{len(documents)} documents" if len(documents) > 1 else "no mapping"
            raise TargetDamaged(f"{printable(name)}: {what} where a Compose file has one mapping with 'services'")
        self._roots[identity] = documents[0]
        return documents[0]

    def _services_of(self, root: Mapping, reader: Reader, file: str) -> Iterable[Service]:
        services = mapping_of(root.get("services"), "services")
        entries = services.entries if services else {}
        if len(entries) > MAX_SERVICES:
            raise LimitExceeded(f"{printable(file)}: more than {MAX_SERVICES} services")
        for name, entry in entries.items():
            try:
                yield self._extended(name, file, reader, ())
            except ManifestDamaged as fault:
                yield Service(name=name, place=entry.key.place, fault=fault)

    def _extended(
        self, name: str, file: str, reader: Reader, chain: tuple[tuple[str, str], ...], named_at: Place | None = None
    ) -> Service:
        """Return a service of one file laid over what it extends."""
        services = mapping_of(self._root(file, named_at).get("services"), "services")
        entry = services.entries.get(name) if services else None
        step = (_identity(file), name)
        if entry is None:
            text = f"no service '{printable(name, limit=80)}', in {printable(file, limit=200)}, which it extends"
            raise damage(named_at, text) if named_at else TargetDamaged(f"{printable(file)}: {text}")
        if step in chain or len(chain) > _MAX_CHAIN:
            raise damage(entry.key.place, f"service '{printable(name, limit=80)}' extends itself")
        node = mapping_of(entry.value, f"service '{name}'") if not _is_null(entry.value) else None
        service = (
            replace(reader.read(name, node), place=entry.key.place)
            if node
            else Service(name=name, place=entry.key.place)
        )
        if service.extends is None:
            return service
        base_file, base_reader = file, reader
        if service.extends_file is not None:
            path = reader.path(service.extends_file.text)
            base_file, base_reader = str(path), Reader(reader.scope, path.parent)
        base = self._extended(service.extends.text, base_file, base_reader, (*chain, step), service.extends.place)
        reader.scope.spending.take(number=len(base.environment) + len(base.mounts) + len(base.bases))
        return replace(service.over(base), extends=None, extends_file=None, bases=(base.name, *base.bases))

    def _include(self, node: Node, reader: Reader, including: tuple[str, ...]) -> _Parts:
        if isinstance(node, Mapping):
            paths = reader.words(node.get("path"), "include, path")
            given = reader.word(node.get("project_directory"), "include, project_directory")
            env_files = reader.words(node.get("env_file"), "include, env_file")
        else:
            word = reader.word(node, "include")
            paths, given, env_files = (word,) if word else (), None, ()
        if not paths:
            raise damage(node.place, "include names no file")
        files = [str(reader.path(word.text)) for word in paths]
        for word in paths:
            self._root(str(reader.path(word.text)), word.place)
        if any(_identity(file) in including for file in files):
            raise damage(node.place, f"{printable(paths[0].text)} includes itself")
        home = reader.path(given.text) if given else Path(files[0]).parent
        own = [reader.path(word.text) for word in env_files] or [path for path in [home / ".env"] if path.is_file()]
        services, configs, networks = self.load(files, home, _with_env_files(reader.scope, own), including)
        return services, configs, networks

    def _add(self, services: dict[str, Service], added: dict[str, Service], place: Place) -> None:
        for name, service in added.items():
            if name in services and services[name].place != service.place:
                raise damage(place, f"the included service '{printable(name, limit=80)}' is defined here as well")
            services.setdefault(name, service)
        if len(services) > MAX_SERVICES:
            raise LimitExceeded(f"{place}: more than {MAX_SERVICES} services")

    def complete(self, service: Service, scope: Scope) -> Service:
        """Return a service with the variables of its env_files, and those taken from the surroundings filled in."""
        try:
            variables = self._from_env_files(service, scope)
        except LimitExceeded:
            raise
        except TargetDamaged as error:
            fault = error if isinstance(error, ManifestDamaged) else damage(service.place, str(error))
            return replace(service, fault=service.fault or fault)
        variables |= service.environment
        filled = {
            name: replace(variable, value=scope.values.get(name)) if variable.value is None else variable
            for name, variable in variables.items()
            if not variable.reset
        }
        return replace(service, environment={name: v for name, v in filled.items() if v.value is not None})

    def _from_env_files(self, service: Service, scope: Scope) -> dict[str, Variable]:
        variables: dict[str, Variable] = {}
        for file in service.env_files:
            if not file.path.is_file():
                if file.required:
                    self.missing.append((service.name, Word(str(file.path), file.place)))
                continue
            key = (file.path, file.raw)
            if key not in self._env_files:
                self._env_files[key] = read_env_file(file.path, scope, raw=file.raw)
            scope.spending.take(number=len(self._env_files[key]))
            for name, (value, place) in self._env_files[key].items():
                variables[name] = Variable(value, place)
        return variables


def _is_null(node: Node) -> bool:
    return not isinstance(node, Mapping | Sequence) and node.is_null


def _identity(file: str) -> str:
    return file if file == "-" else str(Path(file).resolve())


def _configs_of(root: Mapping, reader: Reader) -> dict[str, Config]:
    configs = mapping_of(root.get("configs"), "configs")
    found = {}
    for name, entry in (configs.entries if configs else {}).items():
        node = mapping_of(configs.get(name) if configs else None, f"config '{name}'")
        file = reader.word(node.get("file") if node else None, f"file of config '{name}'")
        content = reader.word(node.get("content") if node else None, f"content of config '{name}'")
        variable = reader.word(node.get("environment") if node else None, f"environment of config '{name}'")
        text = content.text if content else reader.scope.values.get(variable.text) if variable else None
        found[name] = Config(reader.path(file.text) if file else None, text, entry.key.place)
    return found


def _networks_of(root: Mapping, reader: Reader) -> dict[str, str]:
    networks = mapping_of(root.get("networks"), "networks")
    found = {}
    for name in networks.entries if networks else {}:
        node = networks.get(name) if networks else None
        given = scalar_of(node.get("name"), f"name of network '{name}'") if isinstance(node, Mapping) else None
        found[name] = reader.scope.expand(given.text, given.place) if given else name
    return found


def mount_of(project: Project, mount: Mount) -> Mount:
    """Return a mount with its config, if it is one, looked up."""
    config = project.configs.get(mount.config) if mount.config else None
    if config is None:
        return mount
    return replace(mount, source=config.path, content=config.content)
