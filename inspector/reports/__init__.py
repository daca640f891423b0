"""Reports, rendered. Nothing here decides: levels, reasons and remedies come in the report.

The names are imported when first used: who prints text needs no JSON.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.reports.document import decode_report, encode_facts, encode_report, schema
    from inspector.reports.explanation import encode_explanation, explanation_schema, render_explanation
    from inspector.reports.text import TextStyle, render_text

__all__ = [
    "TextStyle",
    "decode_report",
    "encode_explanation",
    "encode_facts",
    "encode_report",
    "explanation_schema",
    "render_explanation",
    "render_text",
    "schema",
]

_HOMES = {
    "TextStyle": "inspector.reports.text",
    "decode_report": "inspector.reports.document",
    "encode_explanation": "inspector.reports.explanation",
    "encode_facts": "inspector.reports.document",
    "encode_report": "inspector.reports.document",
    "explanation_schema": "inspector.reports.explanation",
    "render_explanation": "inspector.reports.explanation",
    "render_text": "inspector.reports.text",
    "schema": "inspector.reports.document",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module at first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector.reports' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(home), name)
