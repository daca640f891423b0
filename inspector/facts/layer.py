"""What remains of a layer once it has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from inspector.facts.binary import BinaryFacts, LibraryFacts, ScriptFacts
from inspector.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """All that remains of a layer once it has been read.

    A path stands in exactly one of ``files``, ``directories``, ``links`` and ``hardlinks``; ``binaries``,
    ``libraries``, ``scripts``, ``others``, ``texts`` and ``unexecutable`` describe some of the ``files``. ``whiteouts``
    and ``opaques`` speak of lower layers only (OCI image-spec, layer.md, "Whiteouts").
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
    others: Mapping[str, Literal["elf", "unread"]] = field(default_factory=dict)
    """Files that are neither described above nor certainly no program: ``elf``, a library or an object; ``unread``,
    what could not be read, with why in ``problems``."""
    texts: Mapping[str, str] = field(default_factory=dict)
    unexecutable: tuple[str, ...] = ()
    """Programs and scripts that nobody may execute: no mode bit says so."""
    problems: tuple[str, ...] = ()
