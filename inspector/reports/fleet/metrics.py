"""Counts of a run for Prometheus (text exposition format 0.0.4), as node_exporter reads them from a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from inspector.escaping import printable
from inspector.fleet.report import FleetReport
from inspector.reports.wording import LEVELS

_Sample = tuple[Mapping[str, str], float]


def render_metrics(report: FleetReport) -> str:
    """Return the run's counts, each a gauge: a file that is scraped tells of the last run, it does not count on."""
    summary, work = report.summary, report.work
    lines: list[str] = []
    by_level = [({"level": level}, getattr(summary, level)) for level in LEVELS]
    _add(
        lines,
        "images",
        "Images by their worst level in any environment; as unknown too where something could not be told.",
        by_level,
    )
    cells: list[_Sample] = [
        ({"environment": name, "level": level}, counts.get(level, 0))
        for name, counts in summary.environments.items()
        for level in LEVELS
    ]
    _add(lines, "environment_images", "Images by their level in one environment, likewise.", cells)
    _add(lines, "images_failed", "Images that could not be read.", [({}, summary.failed)])
    _add(lines, "images_excused", "Images whose findings are all waived.", [({}, summary.excused)])
    _add(lines, "problems", "Registries and repositories that could not be listed.", [({}, len(report.problems))])
    layers: list[_Sample] = [
        ({"state": "read"}, work.layers_read),
        ({"state": "known"}, work.layers_known),
        ({"state": "failed"}, work.layers_failed),
    ]
    _add(lines, "layers", "Unique layers by what became of them.", layers)
    _add(lines, "read_bytes", "Stored bytes of the layers that were read.", [({}, work.bytes_read)])
    _add(lines, "requests", "Requests to registries.", [({}, work.requests)])
    _add(lines, "pauses", "How often a registry wanted to be left alone.", [({}, work.pauses)])
    _add(lines, "duration_seconds", "How long the run took.", [({}, work.seconds)])
    _add(lines, "interrupted", "Whether the run was ended before its end.", [({}, int(report.interrupted))])
    _add(lines, "finished_timestamp_seconds", "When the run ended.", [({}, _seconds(report.finished))])
    return "\n".join(lines) + "\n"


def _add(lines: list[str], name: str, told: str, samples: Iterable[_Sample]) -> None:
    full = f"inspector_batch_{name}"
    lines += [f"# HELP {full} {told}", f"# TYPE {full} gauge"]
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_label(text)}"' for key, text in labels.items())
        lines.append(f"{full}{{{pairs}}} {value:g}" if pairs else f"{full} {value!r}")


def _label(text: str) -> str:
    return printable(text, limit=200).replace("\\", "\\\\").replace('"', '\\"')


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0
