"""The nouns that are data, and the Protocols that sources fulfil: a module each idea, all public names here.

Everything here is frozen and serialisable (msgspec encodes and decodes these dataclasses as they stand), and has no
behaviour beyond invariants. Paths inside an image are absolute, ``/``-separated, without ``.``, ``..`` or a
trailing slash. Text taken from an image is UTF-8 with undecodable bytes replaced.

Making a dataclass costs most of a millisecond, so a name is imported from its module when it is first asked for: a
verb that needs few nouns makes few.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.facts.binary import (
        ANALYSER,
        BinaryFacts,
        Exposure,
        ExposureKind,
        GlibcEra,
        GoBuild,
        Libc,
        LibcKind,
        LibraryFacts,
        Linkage,
        ScriptFacts,
    )
    from inspector.facts.change import Flip, Level
    from inspector.facts.context import CONTEXT_FILES, RESOLVER_VARIABLES, ContextFile, ResolverContext, Special
    from inspector.facts.decision import Call, Decision, Reason, Resolver, ResolverBuild
    from inspector.facts.environment import (
        Environment,
        ManifestOptions,
        ManifestPlace,
        Mounted,
        Start,
        WaiverText,
        Workload,
    )
    from inspector.facts.image import ImageConfig, ImageLibc, RootFsFacts
    from inspector.facts.layer import LayerFacts
    from inspector.facts.protocols import BlobStream, DocumentStore, Image, Layer, Member, MemberLayer
    from inspector.facts.report import (
        EnvironmentVerdicts,
        LayerId,
        Problem,
        Report,
        SchemaId,
        Status,
        Summary,
        Target,
        Tool,
    )
    from inspector.facts.snapshot import Snapshot, SnapshotKind
    from inspector.facts.verdict import Confidence, Likelihood, Outcome, Remedy, Verdict, Waiver

__all__ = [
    "ANALYSER", "CONTEXT_FILES", "RESOLVER_VARIABLES", "BinaryFacts", "BlobStream", "Call", "Confidence",
    "ContextFile", "Decision", "DocumentStore", "Environment", "EnvironmentVerdicts", "Exposure",
    "ExposureKind", "Flip", "GlibcEra", "GoBuild", "Image", "ImageConfig", "ImageLibc", "Layer", "LayerFacts",
    "LayerId", "Level", "Libc", "LibcKind", "LibraryFacts", "Likelihood", "Linkage", "ManifestOptions",
    "ManifestPlace", "Member", "MemberLayer", "Mounted", "Outcome", "Problem", "Reason", "Remedy", "Report",
    "Resolver", "ResolverBuild", "ResolverContext", "RootFsFacts", "SchemaId", "ScriptFacts", "Snapshot",
    "SnapshotKind", "Special", "Start", "Status", "Summary", "Target", "Tool", "Verdict", "Waiver",
    "WaiverText", "Workload",
]  # fmt: skip

_MODULES = {
    "binary": (
        "ANALYSER Linkage LibcKind GlibcEra ExposureKind Libc GoBuild Exposure BinaryFacts LibraryFacts ScriptFacts"
    ),
    "layer": "LayerFacts",
    "image": "ImageConfig ImageLibc RootFsFacts",
    "protocols": "DocumentStore BlobStream Member Layer MemberLayer Image",
    "context": "CONTEXT_FILES RESOLVER_VARIABLES Special ContextFile ResolverContext",
    "decision": "Call Resolver ResolverBuild Reason Decision",
    "change": "Level Flip",
    "verdict": "Outcome Likelihood Confidence Remedy Waiver Verdict",
    "environment": "ManifestPlace ManifestOptions Environment Mounted Start WaiverText Workload",
    "snapshot": "SnapshotKind Snapshot",
    "report": "Status Problem LayerId EnvironmentVerdicts Target SchemaId Tool Summary Report",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a name from its module at first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector.facts' has no attribute '{name}'")
    from importlib import import_module

    found: object = getattr(import_module(f"inspector.facts.{home}"), name)
    globals()[name] = found
    return found
