"""One ELF file, library or shell script of an image: what is in its bytes."""

from __future__ import annotations

from typing import Literal

from inspector.records import dataclass

ANALYSER = 4
"""Version of what the facts mean. Raised when facts of the same bytes would come out otherwise; stored facts of
another version are not used."""
Linkage = Literal["static", "static-pie", "dynamic", "dynamic-pie", "unknown"]
LibcKind = Literal["glibc", "musl", "none", "unknown"]
GlibcEra = Literal["before-2.34", "2.34-or-later"]
ExposureKind = Literal["dns", "user", "clib"]


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
    runtime_cgo: bool | None = None
    """Package runtime/cgo, which starts threads by libc, is linked in; None: the function table cannot be read. What
    the C linker linked statically with Go before 1.21 does not start without it."""


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
    """One file that begins with ``#!``: who runs it, what it starts, which variables of the resolver's it touches."""

    path: str
    interpreter: str
    """A path; where ``env`` looks for it, a bare name."""
    commands: tuple[str, ...] = ()
    """Of a shell's, first words of its simple commands and of what ``exec`` is given, in order, without duplicates."""
    variables: tuple[str, ...] = ()
    """Those of GODEBUG, LOCALDOMAIN, RES_OPTIONS, HOSTALIASES that it sets, unsets or may change (``eval``); of another
    interpreter's, those that it names."""
    files: tuple[str, ...] = ()
    """Files under /etc that it may write: resolv.conf, nsswitch.conf, mdns.allow, hosts; of another interpreter's,
    those that it names."""
    sources: tuple[str, ...] = ()
    """Of a shell's, files that it takes for its own text (``.``, ``source``)."""
    arguments: tuple[str, ...] = ()
    """Of a shell's, absolute paths that the programs it starts are given, and may start in turn (``chroot``)."""
    hands_on: bool = False
    """Of a shell's: it starts what its arguments or a variable name."""
    required: tuple[str, ...] = ()
    """Of a shell's, what it gives to ``exec`` or starts by a path: what has to be there."""
    expands: bool = False
    """Of a shell's: it starts what a variable or a command's output names, its arguments aside."""
    handed: tuple[str, ...] = ()
    """Of a shell's, programs that nothing is known of, each with what it is given and may start with other variables,
    parted by blanks; the name is empty where an expansion makes it."""
    unread: int | None = None
    """Its bytes, where they are too many to be read: then neither commands nor variables are known."""
