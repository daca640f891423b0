"""What can go wrong, as a tree; each error carries the exit code that DESIGN documents for it.

    InspectorError
    ├── UsageError            2   the caller's words cannot be understood
    │   └── ReferenceInvalid
    ├── TargetUnavailable     3   no such target, or it could not be reached
    │   ├── TargetAbsent
    │   ├── TargetUnauthorised
    │   └── TargetUnreachable
    │       └── RateLimited
    ├── StoreUnavailable      3   the store of facts cannot be opened, read or written
    └── TargetDamaged         4   found, but it cannot be read to the end
        ├── DigestMismatch
        ├── LimitExceeded
        └── FormatUnsupported

Nothing below the command line exits or prints: it raises one of these, or records a problem in the report.
"""

from __future__ import annotations


class InspectorError(Exception):
    """Base of all errors raised on purpose.

    ``str(error)`` is one line saying what failed and where; ``advice`` says what the reader can do, or is empty.
    """

    exit_code = 4

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice

    @property
    def line(self) -> str:
        """What failed, and what to do about it where that is known."""
        return f"{self}; {self.advice}" if self.advice else str(self)


class UsageError(InspectorError):
    """The caller's words cannot be understood."""

    exit_code = 2


class ReferenceInvalid(UsageError):
    """A reference that is not of any known form."""


class TargetUnavailable(InspectorError):
    """There is no such target, or it cannot be had."""

    exit_code = 3


class TargetAbsent(TargetUnavailable):
    """The place answered, and it has no such thing (repository, tag, platform, file)."""


class TargetUnauthorised(TargetUnavailable):
    """The place wants credentials, or better ones."""


class TargetUnreachable(TargetUnavailable):
    """The place did not answer, or not in a way that can be used; ``status`` is that of HTTP, where it gave one."""

    def __init__(self, message: str, *, advice: str = "", status: int | None = None) -> None:
        super().__init__(message, advice=advice)
        self.status = status


class StoreUnavailable(InspectorError):
    """The store of facts cannot be opened, read or written; a scan goes on without it."""

    exit_code = 3


class RateLimited(TargetUnreachable):
    """The place wants to be left alone for ``wait`` seconds."""

    def __init__(self, message: str, *, wait: float = 0.0, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.wait = wait


class TargetDamaged(InspectorError):
    """The target was found but cannot be read to the end."""

    exit_code = 4


class DigestMismatch(TargetDamaged):
    """Content is not what its digest says; the message names both digests."""


class LimitExceeded(TargetDamaged):
    """Content is larger, deeper or more numerous than a bound allows."""


class FormatUnsupported(TargetDamaged):
    """Content is of a kind that is known and not read (schema 1 manifests, foreign layers, encrypted layers)."""
