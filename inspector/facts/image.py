"""An image's config, and what its merged file system offers a loader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from inspector.facts.binary import LibcKind
from inspector.facts.context import Special
from inspector.records import dataclass


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
