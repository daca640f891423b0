"""One task: one unique layer, read once, wherever there is a worker. It takes words and returns facts, nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from inspector.errors import InspectorError, RateLimited, TargetUnavailable
from inspector.escaping import printable
from inspector.facts import ANALYSER

if TYPE_CHECKING:
    from inspector.sources.registry import Transport

Kind = Literal["facts", "failed", "unavailable", "limited", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTask:
    """What a worker needs to know to read a layer. No secret is in it: a worker looks up its own credentials."""

    key: str
    """Under which the facts are stored: the digest, and what else was wanted."""
    digest: str
    diff_id: str | None
    media_type: str
    size: int | None
    host: str
    repository: str
    hash_binaries: bool = False
    insecure: bool = False
    ca_cert: str | None = None
    timeout: float = 60.0
    analyser: int = ANALYSER
    attempt: int = 0

    @property
    def name(self) -> str:
        """What a cluster calls the task: the same for the same work, whoever asks for it."""
        name = f"inspector-layer-{self.key}-{self.analyser}"
        if not self.attempt:
            return name
        # Tried again it must not be answered by what the first try left behind.
        where = hashlib.sha256(f"{self.host}/{self.repository}".encode()).hexdigest()[:8]
        return f"{name}-again{self.attempt}-{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOutcome:
    """What became of a task."""

    kind: Kind
    facts: bytes = b""
    """LayerFacts as JSON."""
    verified: tuple[str, ...] = ()
    """Other digests that were verified against the same bytes."""
    message: str = ""
    wait: float = 0.0
    """``limited``: seconds that the registry wants to be left alone."""


def read_task(task: LayerTask) -> LayerOutcome:
    """Fetch and read a layer; never raises, so that nothing but plain data leaves a worker."""
    import msgspec

    from inspector.layers import read_layer
    from inspector.sources.images import StoredLayer
    from inspector.sources.registry import open_blob

    if task.analyser != ANALYSER:
        return LayerOutcome(
            kind="failed",
            message=f"the worker has analyser {ANALYSER}, not {task.analyser}: install the same version there",
        )
    layer = StoredLayer(
        digest=task.digest,
        diff_id=task.diff_id,
        media_type=task.media_type,
        size=task.size,
        opener=partial(
            open_blob,
            _transport(task.host, task.insecure, task.ca_cert, task.timeout),
            f"/v2/{task.repository}/blobs/{task.digest}",
            f"repository:{task.repository}:pull",
            f"{task.repository}: layer {task.digest}",
            task.size,
        ),
    )
    try:
        verified: list[str] = []
        facts = read_layer(layer, hash_binaries=task.hash_binaries, verified=verified.append)
        return LayerOutcome(kind="facts", facts=msgspec.json.encode(facts), verified=tuple(verified))
    except RateLimited as error:
        return LayerOutcome(kind="limited", message=str(error), wait=error.wait)
    except TargetUnavailable as error:
        return LayerOutcome(kind="unavailable", message=_line(error))
    except InspectorError as error:
        return LayerOutcome(kind="failed", message=_line(error))
    except Exception as error:  # noqa: BLE001 - one bad layer is a line in the report, not the end of a worker
        text = printable(f"{type(error).__name__}: {error}", limit=300)
        return LayerOutcome(kind="failed", message=f"layer {task.digest}: internal error: {text}")


def _line(error: InspectorError) -> str:
    return printable(error.line, limit=1000)


@lru_cache(maxsize=64)
def _transport(host: str, insecure: bool, ca_cert: str | None, timeout: float) -> Transport:
    """Return a worker's way to a registry; it is told at once of limits, and leaves waiting to who sends the tasks."""
    from inspector.sources.registry import RegistryOptions, Transport

    options = RegistryOptions(
        insecure=insecure, ca_cert=Path(ca_cert) if ca_cert else None, timeout=timeout, patience=0.0
    )
    return Transport(host, options)
