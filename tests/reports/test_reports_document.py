"""The JSON document: described by the schema that ships, and read back as it was written."""

import json
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import UsageError
from inspector.facts import Report
from inspector.reports import decode_report, encode_facts, encode_report, schema

reports = st.builds(Report)


def test_the_schema_that_ships_is_the_one_the_types_give() -> None:
    shipped = json.loads(files("inspector.reports").joinpath("report.schema.json").read_text())
    assert shipped == schema(), "run: make schema"
    jsonschema.Draft202012Validator.check_schema(shipped)


@settings(max_examples=30)
@given(reports)
def test_a_report_fits_the_schema_and_comes_back_as_it_was(report: Report) -> None:
    document = encode_report(report)
    jsonschema.Draft202012Validator(schema()).validate(json.loads(document))
    assert decode_report(document, name="x") == report


@settings(max_examples=10)
@given(reports)
def test_a_facts_document_has_neither_environments_nor_summary(report: Report) -> None:
    document = json.loads(encode_facts(report))
    assert "summary" not in document
    assert all("environments" not in target for target in document["targets"])
    assert len(decode_report(encode_facts(report), name="x").targets) == len(report.targets)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"a": 1}',
        b'{"schema": {}}',
        b'{"targets": []}',
        b"{",
        b'{"targets": 3}',
        b'{"schema": {"name": "other"}}',
        b'{"schema": {"version": "2.0.0"}}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_no_report_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        decode_report(content, name="facts.json")
    assert str(caught.value).startswith("facts.json")
    assert "\n" not in str(caught.value)
