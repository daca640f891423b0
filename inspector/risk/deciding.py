"""What of a binary decides: those alike in it get the same verdict, so one of a thousand is judged."""

from __future__ import annotations

from collections.abc import Hashable

from inspector.facts import BinaryFacts

DECIDES = (
    "machine", "linkage", "interpreter", "needs_glibc", "missing", "libc", "go", "dl_var_init", "problems",
)  # fmt: skip
"""Fields that rules read as they are; of ``exposures`` only the kinds count, of ``path`` only the file's role."""
IS_TOLD_ONLY = (
    "layer", "sha256", "size", "byte_order", "bits", "build_id", "needed", "stripped", "found",
)  # fmt: skip


def deciding_facts(binary: BinaryFacts) -> Hashable:
    """Return a key; binaries of the same key get the same verdict in the same place, but for path and evidence.

    Remedies of Fabric's go by the path as well: they are the same only with ``judge(…, changes=False)``.
    """
    exposures = binary.exposures
    kinds = None if exposures is None else frozenset([exposure.kind for exposure in exposures])
    go = binary.go
    build = None if go is None else (go.version, go.tags, go.ldflags, go.default_godebug, go.runtime_cgo)
    return (
        binary.machine, binary.linkage, binary.interpreter, binary.needs_glibc, binary.missing, kinds, build,
        binary.libc.kind, binary.libc.version, binary.libc.era, binary.dl_var_init, binary.problems,
    )  # fmt: skip
