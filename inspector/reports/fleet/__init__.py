"""A fleet's report, rendered: one module a format. Nothing here decides."""

from __future__ import annotations

from collections.abc import Callable

from inspector.fleet.report import FleetReport
from inspector.reports.text import TextStyle


def render_fleet(report: FleetReport, form: str, style: TextStyle) -> bytes:
    """Return the report in one format: text, json, csv, markdown or html."""
    renderers: dict[str, Callable[[], bytes]] = {
        "text": lambda: _text(report, style),
        "json": lambda: _json(report),
        "csv": lambda: _csv(report),
        "markdown": lambda: _markdown(report),
        "html": lambda: _html(report),
    }
    return renderers[form]()


def _text(report: FleetReport, style: TextStyle) -> bytes:
    from inspector.reports.fleet.text import render_text

    return render_text(report, style).encode("utf-8")


def _json(report: FleetReport) -> bytes:
    from inspector.reports.fleet.document import encode_fleet

    return encode_fleet(report)


def _csv(report: FleetReport) -> bytes:
    from inspector.reports.fleet.csv import render_csv

    return render_csv(report).encode("utf-8")


def _markdown(report: FleetReport) -> bytes:
    from inspector.reports.fleet.markdown import render_markdown

    return render_markdown(report).encode("utf-8")


def _html(report: FleetReport) -> bytes:
    from inspector.reports.fleet.html import render_html

    return render_html(report).encode("utf-8")
