"""Answers kept by what was asked: cases of a batch, and facts in them, are alike by the thousand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache, wraps
from typing import Any, TypeVar

from inspector.records import dataclass

_Answer = TypeVar("_Answer")
_LONGEST = 16 * 1024
"""Bytes of a question that is worth keeping."""


@dataclass(frozen=True, slots=True)
class _Question:
    encoded: bytes
    fields: Mapping[str, Any] = field(compare=False)


def remembered(
    *, size: int
) -> Callable[[Callable[[Mapping[str, Any]], _Answer]], Callable[[Mapping[str, Any]], _Answer]]:
    """Return a decorator that keeps the last ``size`` answers of a pure function of decoded JSON: change none."""

    def decorate(function: Callable[[Mapping[str, Any]], _Answer]) -> Callable[[Mapping[str, Any]], _Answer]:
        from msgspec.json import encode

        @lru_cache(maxsize=size)
        def ask(question: _Question) -> _Answer:
            return function(question.fields)

        @wraps(function)
        def answer(fields: Mapping[str, Any]) -> _Answer:
            encoded = encode(fields)
            return function(fields) if len(encoded) > _LONGEST else ask(_Question(encoded, fields))

        return answer

    return decorate
