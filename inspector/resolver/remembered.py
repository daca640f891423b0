"""``decide()`` with a memory: the same question, as far as the answer depends on it, is worked out once.

Thousands of binaries and names are judged in few places, and to Go most names are alike: it looks at their form only.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import field
from functools import lru_cache

from inspector.facts import RESOLVER_VARIABLES, Call, Decision, ResolverBuild, ResolverContext
from inspector.records import dataclass
from inspector.resolver.decision import FILES, decide
from inspector.resolver.names import equal_fold

_REMEMBERED = 16 * 1024
"""Characters of files, variables and name that are worth keeping."""
_PLAIN = re.compile(r"(?:[a-z0-9_-]+\.)+(?!(?:local|localhost|localdomain)\Z)[a-z][a-z0-9-]*", re.IGNORECASE | re.ASCII)
"""Names of which no release looks at more than that there is a dot: no address, nothing that myhostname answers."""
_ANY_NAME = "orderer.example.com"
_NAMED_CALLS: frozenset[Call] = frozenset({"host", "ip", "dial", "cname", "addr"})


@dataclass(frozen=True, slots=True)
class _Question:
    """``key`` holds all that the answer depends on."""

    key: Hashable
    build: ResolverBuild = field(compare=False)
    context: ResolverContext = field(compare=False)
    name: str | None = field(compare=False)
    call: Call = field(compare=False)


def decide_remembered(build: ResolverBuild, context: ResolverContext, name: str | None, call: Call) -> Decision:
    """As ``decide``, briefly."""
    files = tuple(map(context.files.get, FILES))
    variables = tuple(map(context.env.get, RESOLVER_VARIABLES))
    texts = (*(file.text for file in files if file is not None), *variables, name, build.default_godebug, *build.tags)
    if sum(len(text) for text in texts if text) > _REMEMBERED:
        return decide(build, context, name, call, brief=True)
    if call in _NAMED_CALLS and _is_plain(name, context.system_hostname):
        name = _ANY_NAME
    key = (
        build,
        call,
        name,
        files,
        variables,
        context.env_unknown,
        context.uid if any(file is not None and file.special == "mode000" for file in files) else None,
        context.system_hostname,
    )
    return _answer(_Question(key, build, context, name, call))


def _is_plain(name: str | None, hostname: str | None) -> bool:
    if name is None or _PLAIN.fullmatch(name) is None:
        return False
    return hostname is None or not (equal_fold(name, hostname) or equal_fold(_ANY_NAME, hostname))


@lru_cache(maxsize=4096)
def _answer(question: _Question) -> Decision:
    return decide(question.build, question.context, question.name, question.call, brief=True)
