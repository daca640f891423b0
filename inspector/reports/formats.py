"""The formats of a report by name. Each renderer is imported when it is used."""

from __future__ import annotations

from dataclasses import field

from inspector.facts import Level, Report
from inspector.records import dataclass
from inspector.reports.text import TextStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How a report is rendered."""

    style: TextStyle = field(default_factory=TextStyle)
    """Of text: width, colour, and whether all is shown."""
    failing: frozenset[Level] = frozenset({"crash"})
    """Levels that the caller counts as a failure; JUnit tells them so."""
    allow_incomplete: bool = False
    """What could not be told is no error to the caller."""
    only_fixable: bool = False
    """What only a rebuild cures is no failure to the caller."""
    directory: str = ""
    """The caller's: SARIF and GitLab want paths relative to it."""


def render(report: Report, form: str, rendering: Rendering) -> bytes:
    """Return the report in one format.

    Args:
        report: what was found.
        form: ``text``, ``plain``, ``json``, ``sarif``, ``junit``, ``markdown``, ``html``, ``gitlab`` or ``intoto``.
        rendering: width, colour, and what counts as a failure.

    Raises:
        UsageError: if the format has no way to tell this report (an in-toto statement without a digest).
        KeyError: for a format that there is not.
    """
    return _RENDERERS[form](report, rendering)


def _text(report: Report, rendering: Rendering) -> bytes:
    from inspector.reports.text import render_text

    return render_text(report, rendering.style).encode()


def _plain(report: Report, _: Rendering) -> bytes:
    from inspector.reports.plain import render_plain

    return render_plain(report).encode()


def _json(report: Report, _: Rendering) -> bytes:
    from inspector.reports.document import encode_report

    return encode_report(report)


def _sarif(report: Report, rendering: Rendering) -> bytes:
    from inspector.reports.sarif import render_sarif

    return render_sarif(report, directory=rendering.directory)


def _junit(report: Report, rendering: Rendering) -> bytes:
    from inspector.reports.junit import render_junit

    return render_junit(
        report,
        failing=rendering.failing,
        allow_incomplete=rendering.allow_incomplete,
        only_fixable=rendering.only_fixable,
    )


def _markdown(report: Report, _: Rendering) -> bytes:
    from inspector.reports.markdown import render_markdown

    return render_markdown(report).encode()


def _html(report: Report, _: Rendering) -> bytes:
    from inspector.reports.html import render_html

    return render_html(report).encode()


def _gitlab(report: Report, rendering: Rendering) -> bytes:
    from inspector.reports.gitlab import render_gitlab

    return render_gitlab(report, directory=rendering.directory)


def _intoto(report: Report, _: Rendering) -> bytes:
    from inspector.reports.intoto import render_intoto

    return render_intoto(report)


_RENDERERS = {
    "text": _text,
    "plain": _plain,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "markdown": _markdown,
    "html": _html,
    "gitlab": _gitlab,
    "intoto": _intoto,
}
FORMATS = tuple(_RENDERERS)
