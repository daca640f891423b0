"""Reports, rendered. Nothing here decides: levels, reasons and remedies come in the report.

The names are imported when first used: who prints text needs no JSON.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.reports.comparison import comparison_schema, encode_comparison, render_comparison
    from inspector.reports.document import decode_report, encode_facts, encode_report, schema
    from inspector.reports.explanation import encode_explanation, explanation_schema, render_explanation
    from inspector.reports.snapshot import decode_snapshot, encode_snapshot, snapshot_schema
    from inspector.reports.text import TextStyle, render_text

__all__ = [
    "TextStyle",
    "comparison_schema",
    "decode_report",
    "decode_snapshot",
    "encode_comparison",
    "encode_explanation",
    "encode_facts",
    "encode_report",
    "encode_snapshot",
    "explanation_schema",
    "render_comparison",
    "render_explanation",
    "render_text",
    "schema",
    "snapshot_schema",
]

_HOMES = {
    "TextStyle": "inspector.reports.text",
    "comparison_schema": "inspector.reports.comparison",
    "decode_report": "inspector.reports.document",
    "decode_snapshot": "inspector.reports.snapshot",
    "encode_comparison": "inspector.reports.comparison",
    "encode_explanation": "inspector.reports.explanation",
    "encode_facts": "inspector.reports.document",
    "encode_report": "inspector.reports.document",
    "encode_snapshot": "inspector.reports.snapshot",
    "explanation_schema": "inspector.reports.explanation",
    "render_comparison": "inspector.reports.comparison",
    "render_explanation": "inspector.reports.explanation",
    "render_text": "inspector.reports.text",
    "schema": "inspector.reports.document",
    "snapshot_schema": "inspector.reports.snapshot",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module at first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector.reports' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(home), name)
