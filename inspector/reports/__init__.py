"""Reports, rendered. Nothing here decides: levels, reasons and remedies come in the report."""

from inspector.reports.document import decode_report, encode_facts, encode_report, schema
from inspector.reports.text import TextStyle, render_text

__all__ = ["TextStyle", "decode_report", "encode_facts", "encode_report", "render_text", "schema"]
