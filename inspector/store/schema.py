"""The store's schema, as the steps that lead to it.

Each step is written once, for both databases: SQLite takes the statements as they stand, and alembic runs the same
ones (``migrations/versions``). So a scan on SQLite needs neither SQLAlchemy nor alembic, whose import alone takes
longer than many a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Dialect = Literal["sqlite", "postgresql"]

SCHEMA = 3
"""Number of the last step."""

_WORDS: Mapping[Dialect, Mapping[str, str]] = {
    "sqlite": {"text": "text", "integer": "integer", "blob": "blob", "clustered": " without rowid"},
    # Texts are compared by their bytes, as SQLite does, or the same question would be answered in another order.
    "postgresql": {"text": 'text collate "C"', "integer": "bigint", "blob": "bytea", "clustered": ""},
}

# A step stays as it is. Nothing uses the table ``items`` and ``runs.counts``; without them the schema would be another,
# which shuts older programs out.
_STEPS: Mapping[int, str] = {
    1: """
create table facts (
  digest {text}, analyser {integer}, content {blob} not null,
  primary key (digest, analyser)
){clustered};
create table documents (digest {text} primary key, content {blob} not null){clustered};
""",
    2: """
create table aliases (alias {text} primary key, digest {text} not null){clustered};
""",
    3: """
alter table facts add column used {integer} not null default 0;
alter table documents add column used {integer} not null default 0;
create table images (
  digest {text} not null, platform {text} not null, analyser {integer} not null,
  verified {integer} not null, status {text} not null, content {blob} not null, used {integer} not null,
  primary key (digest, platform, analyser)
);
create table builds (digest {text} not null primary key, content {blob} not null);
create table bases (digest {text} not null primary key, content {blob} not null);
create table binaries (
  digest {text} not null, platform {text} not null, analyser {integer} not null, path {text} not null,
  build {text} not null, base {text} not null,
  primary key (digest, platform, analyser, path)
){clustered};
create index binaries_by_pair on binaries (analyser, build, base);
create table tags (
  reference {text} not null, platform {text} not null, digest {text} not null,
  seen {integer} not null, run {text}, fabric {text},
  primary key (reference, platform)
){clustered};
create index tags_by_digest on tags (digest, platform);
create table runs (
  id {text} not null primary key, scope {text} not null, state {text} not null,
  started {integer} not null, ended {integer}, counts {text} not null, content {blob}
);
create table items (
  run {text} not null, reference {text} not null, platform {text} not null,
  digest {text}, status {text} not null, message {text}, at {integer} not null,
  primary key (run, reference, platform)
){clustered};
""",
}


def step(number: int, dialect: Dialect) -> tuple[str, ...]:
    """Return the statements of one step."""
    words = _WORDS[dialect]
    return tuple(part.strip().format(**words) for part in _STEPS[number].split(";") if part.strip())


def revision(number: int) -> str:
    """Return a step's name as alembic has it."""
    return f"{number:04}"
