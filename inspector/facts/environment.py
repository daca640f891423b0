"""Where programs will run, as presets, engines and manifests describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, Protocol

from inspector.facts.context import ContextFile
from inspector.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPlace:
    """Where a manifest has the service or container that an environment is of, for whoever will change it there."""

    kind: Literal["compose", "kubernetes"]
    name: str | None = None
    """The service or container; None: no manifest is at hand, only its kind is known."""
    way: tuple[str, ...] = ()
    """Keys from the object to its pod's spec: ``spec, template, spec``."""
    listed: str = "containers"
    """The list of the pod's spec that the container is in."""
    file: str | None = None
    """The file, where it is one that ``inspector fix`` can be given."""


class ManifestOptions(Protocol):
    """What a manifest has to say of the options in the resolv.conf of an environment."""

    @property
    def own(self) -> tuple[str, ...]:
        """The options that it names, as resolv.conf writes them."""
        ...

    @property
    def resolv_conf(self) -> str:
        """The text that comes of it."""
        ...

    def without(self, removed: tuple[str, ...], left: tuple[str, ...]) -> tuple[str, ...]:
        """Return the options that it is to name to come nearest to a file without some words.

        Args:
            removed: the words.
            left: the options that are to stay in the file.
        """
        ...

    def naming(self, options: tuple[str, ...]) -> ManifestOptions:
        """Return what a manifest says that names these options, as ``without`` gives them, and is the same else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where it will run: what an engine or kubelet gives. It is laid over what the image itself gives."""

    name: str
    title: str = ""
    source: str = ""
    common: bool = True
    """Common presets are judged without being asked for; the others are shown as flips only, unless named."""
    files: Mapping[str, ContextFile] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    """Host names that will be looked up there."""
    uid: int | None = None
    system_hostname: str | None = None
    where: str | None = None
    """``compose.yaml:12``: where a manifest describes it."""
    env_origin: Mapping[str, str] = field(default_factory=dict)
    """Where single variables are set; the others come from the environment as a whole."""
    env_unknown: tuple[str, ...] = ()
    """Variables that the command's own text sets: their values cannot be told."""
    env_elsewhere: tuple[str, ...] = ()
    """Variables that something not at hand may set (an env_file, a ConfigMap); a value given here outranks it."""
    unknown_files: Mapping[str, str] = field(default_factory=dict)
    """Files that something unknown lies over, with why."""
    user: str | None = None
    """Outranks the image's user; a name is looked up in the image's passwd."""
    own_files: Mapping[str, ContextFile] = field(default_factory=dict)
    """The place's own files, which count for a program that brings no root filesystem with it."""
    manifest: ManifestPlace | None = None
    """Where its variables are written, or would be."""
    options: ManifestOptions | None = None
    """How such a manifest changes the options of its resolv.conf; None: it does not, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverText:
    """A waiver as a manifest writes it, for ``inspector.policy`` to read."""

    fields: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A place of a container that something else lies over than the image has there."""

    target: str
    where: str | None = None
    """``compose.yaml:12``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a workload starts, as far as it is not what its image says. None: the image's own."""

    entrypoint: tuple[str, ...] | None = None
    """Empty: the image's own is taken away, and nothing put in its place."""
    command: tuple[str, ...] | None = None
    working_dir: str | None = None
    search_path: str | None = None
    """``PATH``."""
    bash_env: str | None = None
    """``BASH_ENV``: what bash reads before a script."""
    mounts: tuple[Mounted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One service or container that a manifest starts."""

    name: str
    """``compose:peer0``, ``k8s:Deployment/peer/peer``."""
    where: str
    """``compose.yaml:12``."""
    image: str | None
    """As the manifest has it, variables substituted; None: it names none."""
    start: Start = Start()
    platform: str | None = None
    """The image's platform that is started; None: the host's."""
    environments: tuple[Environment, ...] = ()
    """The same place on each host that it may run on."""
    problems: tuple[str, ...] = ()
    waivers: tuple[WaiverText, ...] = ()
    """For this workload alone."""
