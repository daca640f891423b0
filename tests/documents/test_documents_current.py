"""What the documents show of the program is what it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "inspector" / "reports" / "report.schema.json"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)


def test_the_readme_the_picture_and_the_environments_are_current() -> None:
    done = run("script/document", "--check")
    assert done.returncode == 0, done.stderr


def test_the_schema_is_what_the_types_say() -> None:
    assert run("script/schema").stdout == SCHEMA.read_text(), "look at it, then run: make schema"


@pytest.mark.parametrize("verb", ["scan", "facts"])
def test_what_is_printed_is_valid_by_the_schema(verb: str) -> None:
    arguments = ("--format", "json") if verb == "scan" else ()
    images = [str(path) for path in sorted((ROOT / "samples" / "images").iterdir())]
    done = run("-m", "inspector", verb, "--no-cache", *arguments, *images)
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(done.stdout), schema)


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())]
    assert not [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()]
