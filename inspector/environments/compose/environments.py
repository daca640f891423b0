"""Services of a project to workloads: what each one's processes will see, on each host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from inspector.environments.compose.project import Project, mount_of
from inspector.environments.compose.services import Mount, Service, Word
from inspector.environments.docker import (
    DnsOptions,
    Engine,
    NetworkMode,
    ServiceDns,
    container_hosts,
    uses_resolved,
)  # fmt: skip
from inspector.environments.documents import read_text, unread
from inspector.environments.hosts import Host
from inspector.environments.mounts import lay_over
from inspector.environments.names import MAX_NAMES, names_in, variables_set_in
from inspector.errors import InspectorError, LimitExceeded
from inspector.escaping import printable
from inspector.facts import RESOLVER_VARIABLES, ContextFile, Environment, ManifestPlace, Mounted, Start, Workload


def workloads_of(
    project: Project, services: Iterable[Service], hosts: Sequence[Host], engine: Engine
) -> tuple[Workload, ...]:
    """Return a workload for each service, with an environment for each host; what cannot be understood is one without.

    Args:
        project: where other services, configs and networks are looked up.
        services: those that will run.
        hosts: where they may run.
        engine: the engine that starts them.
    """
    found = [_workload(project, service, hosts, engine) for service in services]
    return (*found, *(unread(f"compose:{section}", fault.place, fault) for section, fault in project.faults))


def _workload(project: Project, service: Service, hosts: Sequence[Host], engine: Engine) -> Workload:
    name = f"compose:{service.name}"
    if service.fault is not None:
        return unread(name, service.place, service.fault)
    try:
        environments = tuple(_environment(project, service, host, engine) for host in hosts)
    except LimitExceeded:
        raise
    except InspectorError as error:
        return unread(name, service.place, error)
    problems = [
        f"env_file {printable(word.text)} ({word.place}) is {_why_unread(word.text)}: what it sets is not known"
        for name, word in project.missing
        if name == service.name
    ]
    problems += [
        f"volumes_from {printable(word.text, limit=120)} ({word.place}): what is mounted from there is not known"
        for word in service.volumes_from
    ]
    return Workload(
        name=name,
        where=str(service.place),
        image=service.image.text if service.image else None,
        start=_start(service),
        platform=(service.platform.text or None) if service.platform else None,
        environments=environments,
        problems=tuple(problems),
        waivers=service.waivers,
    )


def _start(service: Service) -> Start:
    """Return what is started in the place of what the image says, and what lies over the image."""
    path, first = service.environment.get("PATH"), service.environment.get("BASH_ENV")
    return Start(
        entrypoint=_texts(service.entrypoint),
        command=_texts(service.command),
        working_dir=service.working_dir.text if service.working_dir else None,
        search_path=path.value if path else None,
        bash_env=first.value if first else None,
        mounts=tuple(Mounted(target=m.target, where=str(m.place)) for m in service.mounts.values()),
    )


def _texts(words: tuple[Word, ...] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(word.text for word in words)


def _why_unread(path: str) -> str:
    return "no regular file" if Path(path).exists() else "not here"


def _environment(project: Project, service: Service, host: Host, engine: Engine) -> Environment:
    words = [word.text for word in (*(service.entrypoint or ()), *(service.command or ()))]
    values = {name: variable.value or "" for name, variable in service.environment.items()}
    files, unknown = _files(project, service, host, engine)
    is_own = _owner_of_network(project, service) is service and files.get("resolv.conf") == _resolv_conf(
        service, host, engine
    )
    unsettled = any(name == service.name for name, _ in project.missing)
    names = names_in(values, words)
    return Environment(
        name=f"compose:{service.name}",
        title=f"{_network_title(service)} on {host.title}",
        where=str(service.place),
        files=files,
        unknown_files=unknown,
        env=values,
        env_origin={name: str(variable.place) for name, variable in service.environment.items()},
        env_unknown=variables_set_in(words),
        env_elsewhere=tuple(name for name in RESOLVER_VARIABLES if name not in service.environment)
        if unsettled
        else (),
        names=tuple(dict.fromkeys((*names, *_names_of_others(project, service))))[:MAX_NAMES],
        user=service.user.text if service.user else None,
        system_hostname=_hostname(service),
        manifest=ManifestPlace(kind="compose", name=service.name, file=service.place.named_file),
        options=_dns(service, host, engine) if is_own else None,
    )


def _names_of_others(project: Project, service: Service) -> tuple[str, ...]:
    """Return the names by which the project's other services are reached."""
    return tuple(
        (other.container_name.text if other.container_name else other.name)
        for other in project.services.values()
        if other.name != service.name
    )


def _hostname(service: Service) -> str:
    given = service.hostname or service.container_name
    return given.text if given else service.name


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────────────


def _files(
    project: Project, service: Service, host: Host, engine: Engine
) -> tuple[dict[str, ContextFile], dict[str, str]]:
    files: dict[str, ContextFile] = {}
    unknown: dict[str, str] = {}
    owner = _owner_of_network(project, service)
    if owner is None:
        mode = service.network_mode
        unknown["resolv.conf"] = f"network_mode {mode.text if mode else ''}: the other container's file is not known"
        files["hosts"] = ContextFile(text=container_hosts(_hostname(service)), origin="written by the engine")
    else:
        files["resolv.conf"] = _resolv_conf(owner, host, engine)
        extra = tuple((name, word.text) for name, word in owner.extra_hosts)
        files["hosts"] = ContextFile(text=container_hosts(_hostname(owner), extra), origin="written by the engine")
    for mount in sorted(service.mounts.values(), key=lambda mount: mount.target.count("/")):
        lay_over(mount.target, partial(_content, mount_of(project, mount), project.directory), files, unknown)
    return files, unknown


def _owner_of_network(project: Project, service: Service) -> Service | None:
    """Return the service whose network is used: itself, or the one that network_mode names; None: not known."""
    for _ in range(len(project.services) + 1):
        mode = service.network_mode.text if service.network_mode else ""
        kind, _, name = mode.partition(":")
        if kind not in {"service", "container"}:
            return service
        named = [s for s in project.services.values() if s.container_name and s.container_name.text == name]
        found = project.services.get(name) if kind == "service" else (named[0] if named else None)
        if found is None or found is service:
            return None
        service = found
    return None


def _mode(service: Service) -> NetworkMode:
    mode = service.network_mode.text if service.network_mode else ""
    if mode in {"host", "none", "bridge"}:
        return mode  # type: ignore[return-value]
    return "bridge" if mode == "default" else "user"


def _network_title(service: Service) -> str:
    mode = service.network_mode.text if service.network_mode else ""
    if mode:
        return f"network_mode {printable(mode, limit=80)}"
    return "the project's own network"


def _resolv_conf(service: Service, host: Host, engine: Engine) -> ContextFile:
    dns = _dns(service, host, engine)
    origin = [f"made by the engine from the resolv.conf of {host.title}"]
    origin += [_told(name, words) for name, words in (("dns_opt", service.dns_opt), ("dns", service.dns)) if words]
    if dns.mode == "bridge" and uses_resolved(host.files.resolv_conf):
        origin.append("systemd-resolved's uplink file")
    return ContextFile(text=dns.resolv_conf, origin=", ".join(origin))


def _dns(service: Service, host: Host, engine: Engine) -> ServiceDns:
    given = DnsOptions(
        servers=tuple(word.text for word in service.dns),
        search=tuple(word.text for word in service.dns_search),
        options=tuple(word.text for word in service.dns_opt),
    )
    return ServiceDns(host=host.files, mode=_mode(service), given=given, engine=engine)


def _told(name: str, words: tuple[Word, ...]) -> str:
    return f"{name} at {words[0].place}"


def _content(mount: Mount, directory: Path, inside: str) -> ContextFile | str:
    """Return the file that lies there, or why it is not known."""
    if mount.empty:
        return ContextFile(special=None if inside else "dir", origin=str(mount.place))
    if mount.content is not None and not inside:
        return ContextFile(text=mount.content, origin=str(mount.place))
    if mount.source is None:
        return f"what is mounted over it ({mount.place}) is not known"
    source = mount.source / inside if inside else mount.source
    return file_of(source, str(mount.place), directory, absent=bool(inside) and mount.source.is_dir())


def file_of(source: Path, where: str, directory: Path, *, absent: bool = False) -> ContextFile | str:
    """Return a file of this machine as a container sees it, or why it is not known.

    A manifest comes from anywhere: by its word nothing of this machine is read but what lies in its own directory.

    Args:
        source: the file.
        where: the manifest's line that mounts it.
        directory: the project's.
        absent: a file that is not there is absent in the container too, as its directory is here.
    """
    try:
        inside = source.resolve().is_relative_to(directory.resolve())
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not inside:
        name = printable(str(source), limit=200)
        return f"{name} is mounted over it ({where}), and is not read: it is outside the project's directory"
    if source.is_dir():
        return ContextFile(special="dir", origin=f"{source}, {where}")
    if absent and not source.exists():
        return ContextFile(origin=where)
    try:
        return ContextFile(text=read_text(str(source)), origin=f"{source}, {where}")
    except InspectorError as error:
        return f"{error} (mounted at {where})"
