"""The nouns that are data, and the two Protocols that sources fulfil.

Everything here is frozen and serialisable (msgspec encodes and decodes these dataclasses as they stand), and has no
behaviour beyond invariants. Paths inside an image are absolute, ``/``-separated, without ``.``, ``..`` or a
trailing slash. Text taken from an image is UTF-8 with undecodable bytes replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

ANALYSER = 2
"""Version of what the facts mean. Raised when facts of the same bytes would come out otherwise; stored facts of
another version are not used."""

Linkage = Literal["static", "static-pie", "dynamic", "dynamic-pie", "unknown"]
LibcKind = Literal["glibc", "musl", "none", "unknown"]
GlibcEra = Literal["before-2.34", "2.34-or-later"]
ExposureKind = Literal["dns", "user", "clib"]
Call = Literal[
    "host", "ip", "dial", "port", "cname", "addr", "txt", "srv", "mx", "ns",
    "current", "user", "uid", "group", "groupids", "clib",
]  # fmt: skip
Level = Literal["crash", "wrong", "latent", "safe", "unknown"]
Outcome = Literal["dies", "cannot-resolve", "cannot-start", "wrong-answer"]
Likelihood = Literal["always", "sooner-or-later", "rare"]
Confidence = Literal["observed", "inferred", "unknown"]
Resolver = Literal["go", "cgo", "none"]
Special = Literal["dir", "loop", "dangling", "mode000"]
Status = Literal["analysed", "incomplete", "failed"]


CONTEXT_FILES = ("resolv.conf", "nsswitch.conf", "mdns.allow", "hosts", "passwd", "group", "services")
"""The files under /etc that decide what a resolver does, and what libc's files source answers."""
RESOLVER_VARIABLES = ("GODEBUG", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")
"""The variables that decide which resolver Go takes."""


# ── one file ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Libc:
    """The C library inside a static binary; for a dynamic one ``kind`` is what its interpreter names."""

    kind: LibcKind = "unknown"
    version: str | None = None
    """``2.31``, or None where the file does not tell."""
    era: GlibcEra | None = None
    """Which side of glibc 2.34 a static file is on, by its NSS strings or version; None where they do not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """What a Go binary says of its own build. None means that the file does not record it."""

    version: str
    """Release without ``go``, experiments or vendor suffix: ``1.15.15``; ``devel`` builds keep their text; ``unknown``
    where a Go program does not tell."""
    cgo: bool | None = None
    tags: tuple[str, ...] | None = None
    ldflags: str | None = None
    default_godebug: str | None = None
    source: Literal["buildinfo", "symbol", "strings"] = "buildinfo"
    """``strings`` marks a guess (stripped files of Go before 1.13)."""
    raw_version: str | None = None
    """The version as recorded, where it is more than ``go`` and ``version``: ``go1.22.5 X:boringcrypto``."""
    buildmode: str | None = None
    module: str | None = None
    """Path of the main package as recorded: ``github.com/hyperledger/fabric/cmd/peer``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One way in which the binary can enter libc's NSS."""

    kind: ExposureKind
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryFacts:
    """One ELF executable."""

    path: str
    layer: str | None = None
    """Diff ID of the layer that put it there; None where only the merged file system was seen."""
    sha256: str | None = None
    size: int
    machine: str
    """x86-64, aarch64, arm, ppc64le, ppc64, s390x, riscv64, 386, ``em-NNN`` for any other ELF machine number, or
    ``unknown`` where the header cannot be read."""
    byte_order: Literal["little", "big"] | None = None
    bits: Literal[32, 64] | None = None
    """The file's class."""
    build_id: str | None = None
    """The GNU build ID, as hexadecimal digits."""
    linkage: Linkage
    interpreter: str | None = None
    needs_glibc: str | None = None
    """Highest ``GLIBC_x.y`` version that a dynamic file requires, as ``2.34``."""
    needed: tuple[str, ...] = ()
    """DT_NEEDED, in order."""
    missing: tuple[str, ...] | None = None
    """Those of ``needed`` that are nowhere in the image; None: no root filesystem was seen."""
    stripped: bool | None = None
    """Has no symbol table; None: its section headers cannot be read."""
    libc: Libc = Libc()
    go: GoBuild | None = None
    exposures: tuple[Exposure, ...] | None = ()
    """None: could not be told (see ``problems``)."""
    dl_var_init: bool | None = None
    """The static loader inside looks up ``_dl_var_init`` in what it loads (glibc < 2.34 on arm64 and ppc64le)."""
    found: tuple[str, ...] = ()
    """Why it is in the report: ``entrypoint``, ``cmd``, ``fabric:peer``, ``go``, ``nss``, ``path``."""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryFacts:
    """One shared library that matters to a loader: libc, ld.so, libnss_*, libresolv."""

    path: str
    machine: str
    kind: Literal["libc", "loader", "nss", "resolv"]
    libc: Libc = Libc()
    relr: bool | None = None
    """Has DT_RELR."""
    dl_var_init: bool | None = None
    """Defines ``_dl_var_init`` in its dynamic symbol table (loaders before glibc 2.34)."""
    tls: bool | None = None
    """Has thread-local data that goes through ``__tls_get_addr`` of the loader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFacts:
    """One shell script: what it starts, and which variables of the resolver's it touches."""

    path: str
    interpreter: str
    commands: tuple[str, ...] = ()
    """First words of its simple commands and of what ``exec`` is given, in order, without duplicates."""
    variables: tuple[str, ...] = ()
    """Those of GODEBUG, LOCALDOMAIN, RES_OPTIONS, HOSTALIASES that it assigns, exports or unsets."""


# ── one layer, one image ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """All that remains of a layer once it has been read.

    A path stands in exactly one of ``files``, ``directories``, ``links`` and ``hardlinks``; ``binaries``,
    ``libraries``, ``scripts`` and ``texts`` describe some of the ``files``. ``whiteouts`` and ``opaques`` speak of
    lower layers only (OCI image-spec, layer.md, "Whiteouts").
    """

    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    hardlinks: Mapping[str, str] = field(default_factory=dict)
    whiteouts: tuple[str, ...] = ()
    opaques: tuple[str, ...] = ()
    binaries: tuple[BinaryFacts, ...] = ()
    libraries: tuple[LibraryFacts, ...] = ()
    scripts: tuple[ScriptFacts, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The part of an image's config that decides what runs, and with which environment (OCI image-spec, config.md)."""

    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLibc:
    """The C library that the image's root filesystem holds."""

    kind: LibcKind = "unknown"
    version: str | None = None
    relr: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFsFacts:
    """What the merged file system offers a loader. None: not known."""

    libc: ImageLibc = ImageLibc()
    nss: tuple[str, ...] | None = None
    """X for each ``libnss_X.so.2`` that a static binary can reach: in default directories or by ld.so.cache."""
    libresolv: bool | None = None
    ld_so_cache: bool | None = None
    interpreters: tuple[str, ...] | None = None
    loader_dl_var_init: bool | None = None
    nss_tls: tuple[str, ...] | None = None
    files: Mapping[str, str | None] | None = None
    """Keys nsswitch.conf, mdns.allow, passwd, group, services, os-release; None (the whole): no root file system was
    seen."""
    special: Mapping[str, Special] = field(default_factory=dict)


class DocumentStore(Protocol):
    """Where a source may keep manifests and configs, which are named by their own digest."""

    def load_document(self, digest: str) -> bytes | None:
        """Return the document whose bytes have this digest, or None."""
        ...

    def save_document(self, digest: str, content: bytes) -> None:
        """Keep a document whose bytes were verified against ``digest``."""
        ...


class BlobStream(Protocol):
    """Bytes of a blob, in order."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, and ``b""`` only at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry of a layer that is no tar stream (a directory on disk, a single file)."""

    path: str
    kind: Literal["file", "directory", "link", "other"]
    size: int = 0
    target: str = ""
    host_path: str = ""
    """For ``file``: what to open, without following a link."""


class Layer(Protocol):
    """One layer of an image, lowest first. ``open()`` gives the blob as stored, compressed or not."""

    @property
    def digest(self) -> str | None:
        """``sha256:…`` of the blob as stored; None where the source has none. The reader verifies it."""
        ...

    @property
    def diff_id(self) -> str | None:
        """``sha256:…`` of the uncompressed tar, as the config claims it; None for a merged file system."""
        ...

    @property
    def media_type(self) -> str:
        """As the manifest says; the reader goes by magic bytes."""
        ...

    @property
    def size(self) -> int | None:
        """Bytes of the blob as stored, where the source says."""
        ...

    def open(self) -> AbstractContextManager[BlobStream]:
        """Open the blob for one reading from its start."""
        ...


@runtime_checkable
class MemberLayer(Protocol):
    """A layer that lists its members instead of streaming a tar."""

    def members(self) -> Iterator[Member]:
        """Yield every entry, parents before children."""
        ...


class Image(Protocol):
    """One image for one platform."""

    @property
    def reference(self) -> str:
        """The reference in full, with its scheme."""
        ...

    @property
    def digest(self) -> str | None:
        """Digest of the platform's manifest; an engine gives the image's ID (its config's digest); else None."""
        ...

    @property
    def platform(self) -> str | None:
        """``linux/amd64``, ``linux/arm/v7``…; None where nothing says."""
        ...

    @property
    def config(self) -> ImageConfig:
        """What the image's config says of what runs."""
        ...

    @property
    def layers(self) -> Sequence[Layer]:
        """Lowest first."""
        ...

    @property
    def has_root(self) -> bool:
        """Whether its layers are a root filesystem; a lone file's are none."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What the reader should know of how the image was chosen (``index of 3 platforms, linux/amd64 taken``)."""
        ...

    @property
    def layered(self) -> Image | None:
        """The same image layer by layer, where that is dearer to read: wanted if every layer's facts are known."""
        ...

    @property
    def whole(self) -> Image | None:
        """The same image in full, where this one holds only what was asked for."""
        ...


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverBuild:
    """What of a binary decides Go's choice of resolver."""

    version: str
    cgo: bool
    """net's C resolver is compiled in (the ``dns`` exposure), before tags and variables are looked at."""
    tags: tuple[str, ...] = ()
    default_godebug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """One file that the process will see. ``text`` None and ``special`` None: it does not exist."""

    text: str | None = None
    special: Special | None = None
    origin: str | None = None
    """Where it comes from, for a reader: ``image``, ``preset docker-network-ubuntu``, a path given by the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverContext:
    """The whole of what the process will see. A key that is absent from ``files`` is not known."""

    files: Mapping[str, ContextFile] = field(default_factory=dict)
    """Keys: resolv.conf, nsswitch.conf, mdns.allow, hosts, passwd, group, services."""
    env: Mapping[str, str] = field(default_factory=dict)
    env_origin: Mapping[str, str] = field(default_factory=dict)
    env_unknown: tuple[str, ...] = ()
    """Variables whose value cannot be told (an entrypoint script sets them)."""
    uid: int | None = None
    system_hostname: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One step of an explanation."""

    text: str
    where: str | None = None
    """``resolv.conf:2``, ``nsswitch.conf:1:20``, ``env GODEBUG``, or None."""
    source: str | None = None
    """The outside fact behind it: a Go release and file, a man page, a glibc bug."""
    rule: str | None = None
    """The rule's name, for programs: ``option:edns0``, an entry of the resolver's version table."""
    word: str | None = None
    """The very word of the file, variable or name that it is about."""
    column: int | None = None
    """Where the word begins in the line that ``where`` names, from 1, in characters."""
    since: str | None = None
    """The first Go release that reads it so (``1.16``); None: every release up to this one does."""
    until: str | None = None
    """The first Go release that reads it otherwise (``1.20``); None: none known does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which resolver Go takes for one call, and why."""

    decision: Resolver
    order: str | None
    """As Go's own debug output writes it (``cgo``, ``files,dns``…); None where Go prints none."""
    reasons: tuple[Reason, ...] = ()
    """What decided, in the order in which Go meets it."""
    further: tuple[Reason, ...] = ()
    """What Go did not come to, and what would decide in the same way if ``reasons`` were away."""
    running: tuple[Reason, ...] = ()
    """Which of the files that decided a running process reads again, and which it does not."""
    assumed: str | None = None
    """Why another release's rules were taken, where the build is of none whose rules are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One change outside the binary that would change the level."""

    change: str
    level: Level | None = None
    """The level that the change leads to."""
    until: str | None = None
    """The first Go release from which on the change makes no difference (``1.20``); None: it makes one in all known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One change that cures, least effort first."""

    kind: str
    """env, resolv-conf, nsswitch, base-image, rebuild, fabric."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A finding that somebody answers for, until a day. A pattern that is None stands for everything."""

    rule: str | None = None
    image: str | None = None
    """A pattern of names, or a digest."""
    path: str | None = None
    environment: str | None = None
    reason: str
    expires: str
    """The last day on which it holds, as ``2030-12-31``."""
    owner: str | None = None
    where: str | None = None
    """``.inspector-waivers.toml:3``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What will happen to one binary in one environment, for one call and name."""

    rule: str
    path: str | None = None
    call: Call | None = None
    name: str | None = None
    level: Level
    outcome: Outcome | None = None
    likelihood: Likelihood | None = None
    confidence: Confidence = "unknown"
    decision: Resolver | None = None
    order: str | None = None
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    waived: Waiver | None = None
    """It is told, and does not count."""
    known: bool = False
    """The baseline has it already: it is told, and does not count."""


# ── environments ─────────────────────────────────────────────────────────────────────────────────────────────────


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
    replaces_entrypoint: bool = False
    """The image's entrypoint, and the script that it may be, does not run."""
    own_files: Mapping[str, ContextFile] = field(default_factory=dict)
    """The place's own files, which count for a program that brings no root filesystem with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverText:
    """A waiver as a manifest writes it, for ``inspector.policy`` to read."""

    fields: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One service or container that a manifest starts."""

    name: str
    """``compose:peer0``, ``k8s:Deployment/peer/peer``."""
    where: str
    """``compose.yaml:12``."""
    image: str | None
    """As the manifest has it, variables substituted; None: it names none."""
    environments: tuple[Environment, ...] = ()
    """The same place on each host that it may run on."""
    problems: tuple[str, ...] = ()
    waivers: tuple[WaiverText, ...] = ()
    """For this workload alone."""


SnapshotKind = Literal["container", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a process sees on one host or in one container, at one time. Of variables only the resolver's are kept."""

    kind: SnapshotKind
    name: str
    taken: str = ""
    """When, in UTC (ISO 8601)."""
    image: str | None = None
    """The container's image, by the name that it was started by."""
    digest: str | None = None
    """The image's ID."""
    network: str | None = None
    """The container's network mode as its engine tells it."""
    files: Mapping[str, ContextFile] = field(default_factory=dict)
    """As in ``ResolverContext``; a key that is absent could not be read."""
    given: tuple[str, ...] = ()
    """Those of ``files`` that the engine or a mount gives; the others are the image's own."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Those of the resolver's variables that are set."""
    env_given: tuple[str, ...] = ()
    """Those of ``env`` that are not the image's own."""
    uid: int | None = None
    system_hostname: str | None = None
    mounts: tuple[str, ...] = ()
    """Where volumes and bind mounts lie over the image."""
    problems: tuple[str, ...] = ()


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could not be analysed."""

    stage: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerId:
    """A layer's two names."""

    digest: str | None
    diff_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVerdicts:
    """All verdicts of one target in one environment."""

    name: str
    verdicts: tuple[Verdict, ...]
    where: str | None = None
    """``compose.yaml:12``: where a manifest describes the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One image (or directory, or file) for one platform: its facts, and the verdicts where it was judged."""

    reference: str
    digest: str | None = None
    platform: str | None = None
    status: Status = "analysed"
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    layers: tuple[LayerId, ...] = ()
    config: ImageConfig | None = None
    rootfs: RootFsFacts | None = None
    script_variables: tuple[str, ...] = ()
    """Variables of the resolver's that the entrypoint's script sets: their values are unknown."""
    binaries: tuple[BinaryFacts, ...] = ()
    environments: tuple[EnvironmentVerdicts, ...] = ()
    inferred: str | None = None
    """Why its facts are inferred: the image was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaId:
    """Name and version of the document's schema."""

    name: str = "inspector-report"
    version: str = "1.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Who wrote the report."""

    name: str = "inspector"
    version: str = "0"
    analyser: int = ANALYSER


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Binaries × environments, counted by their worst verdict."""

    worst: Level | None = None
    crash: int = 0
    wrong: int = 0
    latent: int = 0
    safe: int = 0
    unknown: int = 0
    waived: int = 0
    """Of those that are not safe: in which nothing is left that is not waived."""
    known: int = 0
    """Of those that are not safe: in which nothing is left that is neither waived nor in the baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one run found."""

    schema: SchemaId = SchemaId()
    tool: Tool = Tool()
    targets: tuple[Target, ...] = ()
    summary: Summary = Summary()
