"""JUnit's XML as CI servers read it: a suite an image, a case for each binary, environment, call and name.

Jenkins has a schema (xunit-plugin, junit-10.xsd); GitLab shows ``classname`` as the suite and drops cases whose name
was there before (GitLab docs, ci/testing/unit_test_reports), so names are unique in the whole document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from inspector.escaping import printable
from inspector.facts import EnvironmentVerdicts, Level, Report, Target, Verdict
from inspector.reports.findings import waiver_of
from inspector.reports.wording import KNOWN, describe_outcome

_SHOWN = 20


@dataclass(slots=True)
class _Suite:
    """The cases of one image, and how they went."""

    cases: list[str] = field(default_factory=list)
    failures: int = 0
    errors: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Gate:
    failing: frozenset[Level]
    allow_incomplete: bool
    only_fixable: bool

    def fails(self, verdict: Verdict) -> bool:
        """Whether a verdict fails the run, as the exit code has it; what could not be told is asked elsewhere."""
        if verdict.level not in self.failing or verdict.level == "unknown":
            return False
        if not self.only_fixable:
            return True
        from inspector.policy.thresholds import is_fixable

        return is_fixable(verdict)


def render_junit(
    report: Report, *, failing: frozenset[Level], allow_incomplete: bool = False, only_fixable: bool = False
) -> bytes:
    """Return the report as JUnit XML.

    Args:
        report: what was found.
        failing: levels that are a ``failure``; graver than safe and not among them is a pass that says what it is.
        allow_incomplete: what could not be told is ``skipped`` in place of ``error``.
        only_fixable: what only a rebuild cures is no failure.
    """
    gate = _Gate(failing, allow_incomplete, only_fixable)
    names: dict[str, int] = {}
    suites = [(target, _suite(target, gate, names)) for target in report.targets]
    totals = " ".join(
        f'{word}="{sum(count(suite) for _, suite in suites)}"'
        for word, count in (
            ("tests", lambda s: len(s.cases)), ("failures", lambda s: s.failures), ("errors", lambda s: s.errors),
        )
    )  # fmt: skip
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="inspector" {totals}>']
    for number, (target, suite) in enumerate(suites):
        lines.append(
            f'  <testsuite id="{number}" name={_attribute(target.reference)} tests="{len(suite.cases)}" '
            f'failures="{suite.failures}" errors="{suite.errors}" skipped="{suite.skipped}">'
        )
        lines += [*_properties(target), *suite.cases, "  </testsuite>"]
    lines.append("</testsuites>")
    return ("\n".join(lines) + "\n").encode("utf-8")


def _suite(target: Target, gate: _Gate, names: dict[str, int]) -> _Suite:
    suite = _Suite()
    if target.status != "analysed":
        text = "\n".join(printable(problem.message) for problem in target.problems[:_SHOWN])
        name = "the image could not be analysed" if target.status == "failed" else "the image was analysed in part"
        _add(suite, target, _unique(f"{name}: {printable(target.reference)}", names), _untold(suite, gate, name, text))
    for environment in target.environments:
        for verdict in environment.verdicts:
            name = _unique(_name(environment, verdict), names)
            _add(suite, target, name, _outcome(suite, gate, environment, verdict))
    if not suite.cases:
        _add(suite, target, _unique(f"no binary of interest: {printable(target.reference)}", names), "")
    return suite


def _add(suite: _Suite, target: Target, name: str, inner: str) -> None:
    head = f"    <testcase classname={_attribute(target.reference)} name={quoteattr(name)}"
    suite.cases.append(f"{head}>{inner}</testcase>" if inner else f"{head}/>")


def _name(environment: EnvironmentVerdicts, verdict: Verdict) -> str:
    call = f"{verdict.call} {verdict.name or ''}".strip() if verdict.call else ""
    asked = f": {printable(call, limit=120)}" if call else ""
    return f"{printable(verdict.path or 'binary', limit=250)} in {printable(environment.name, limit=120)}{asked}"


def _unique(name: str, names: dict[str, int]) -> str:
    names[name] = number = names.get(name, 0) + 1
    return name if number == 1 else _unique(f"{name} ({number})", names)


def _outcome(suite: _Suite, gate: _Gate, environment: EnvironmentVerdicts, verdict: Verdict) -> str:
    if verdict.level == "safe":
        return ""
    text = "\n".join(_words(environment, verdict))
    waived = waiver_of(verdict)
    if waived is not None:
        suite.skipped += 1
        return f"<skipped message={_attribute(f'waived: {waived}')}>{_body(text)}</skipped>"
    if verdict.known:
        suite.skipped += 1
        return f"<skipped message={_attribute(f'known: {KNOWN}')}>{_body(text)}</skipped>"
    if gate.fails(verdict):
        suite.failures += 1
        message = f"{verdict.level}: {describe_outcome(verdict) or verdict.rule}"
        return f"<failure type={_attribute(verdict.rule)} message={_attribute(message)}>{_body(text)}</failure>"
    if verdict.level == "unknown":
        return _untold(suite, gate, "it could not be told", text)
    why = "only a rebuild cures it" if verdict.level in gate.failing else "below the threshold"
    return f"<system-out>{_body(f'{verdict.level}, {why}{chr(10)}{text}')}</system-out>"


def _untold(suite: _Suite, gate: _Gate, message: str, text: str) -> str:
    if gate.allow_incomplete and "unknown" not in gate.failing:
        suite.skipped += 1
        return f"<skipped message={_attribute(message)}>{_body(text)}</skipped>"
    suite.errors += 1
    return f'<error type="incomplete" message={_attribute(message)}>{_body(text)}</error>'


def _words(environment: EnvironmentVerdicts, verdict: Verdict) -> Iterator[str]:
    yield f"rule {printable(verdict.rule)}, {verdict.confidence}"
    if environment.where:
        yield f"where {printable(environment.where)}"
    for reason in verdict.reasons[:_SHOWN]:
        yield f"because {printable(reason.text)}" + (f" ({printable(reason.where)})" if reason.where else "")
    if verdict.level == "latent":
        for flip in verdict.flips[:_SHOWN]:
            yield f"flips after {printable(flip.change)}"
    for remedy in verdict.remedies[:_SHOWN]:
        yield f"fix {printable(remedy.text)}"


def _properties(target: Target) -> Iterator[str]:
    pairs = (("digest", target.digest), ("platform", target.platform))
    known = [(name, value) for name, value in pairs if value]
    if known:
        inner = "".join(f"<property name={quoteattr(name)} value={_attribute(value)}/>" for name, value in known)
        yield f"    <properties>{inner}</properties>"


def _attribute(text: str) -> str:
    return quoteattr(printable(text))


def _body(text: str) -> str:
    """Return text for an element; its lines are printable each, so that no character XML forbids is left."""
    return escape(text)
