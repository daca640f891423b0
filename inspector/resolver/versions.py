"""Go releases, as far as the choice of a resolver depends on them: the minor version alone.

net/conf.go, nss.go, dnsconfig_unix.go and parse.go are the same in every patch release of a series.
"""

from __future__ import annotations

import re
from functools import lru_cache

from inspector.errors import InspectorError
from inspector.escaping import printable
from inspector.records import dataclass

OLDEST = 5
"""Go 1.5 is the first release with a choice (net/conf.go came with it)."""
NEWEST = 27
"""The newest release whose rules were observed; later ones are taken to keep them."""

_RELEASE = re.compile(r"(?:go)?1(?:\.([0-9]{1,3})(?:\.[0-9]+)*)?(?:(?:rc|beta)[0-9]+)?(?:[-+_ ~].*)?", re.DOTALL)
_NUMBERED_DEVEL = re.compile(r"devel\s+go1\.([0-9]{1,3})(?![0-9]).*", re.DOTALL)
_UNNUMBERED_DEVEL = re.compile(r"devel(?:\s.*)?", re.DOTALL)


class VersionUnknown(InspectorError):
    """A Go version whose rules are not known: releases before 1.5, garbage, development builds that decide."""


@dataclass(frozen=True, slots=True)
class Release:
    """The release whose rules count."""

    minor: int | None
    """N of Go 1.N; None for a development build that does not say what it came from."""
    assumed: str | None = None
    """Why these rules are taken, where the build is no release whose rules are known."""


@lru_cache(maxsize=1024)
def release_of(version: str) -> Release:
    """Return the release whose rules hold for a version as Go binaries record it.

    ``1.9``, ``go1.15.15``, ``1.21rc2``, ``1.22.5 X:boringcrypto``, ``1.26.1-X:nodwarf5`` and vendors' suffixes are that
    release. Later releases than the newest known, and development builds (``devel go1.28-0a1b2c``,
    ``1.28-devel_0a1b2c``) take the nearest known rules, and say so.

    Raises:
        VersionUnknown: for a release before 1.5, and for what is no Go version.
    """
    numbered = _NUMBERED_DEVEL.fullmatch(version)
    match = numbered or _RELEASE.fullmatch(version)
    if match is None:
        if _UNNUMBERED_DEVEL.fullmatch(version):
            return Release(None, "a development build that does not say which release it came from")
        raise VersionUnknown(f"'{printable(version, limit=60)}' is not a Go version such as 1.15.15")
    minor = int(match[1] or 0)
    if minor < OLDEST:
        raise VersionUnknown(
            f"Go 1.{minor} is older than 1.{OLDEST}, the first release that chooses: before, net used the C library's "
            "resolver wherever cgo was compiled in, and its own nowhere else"
        )
    if minor > NEWEST:
        return Release(NEWEST, f"Go 1.{minor} is newer than 1.{NEWEST}, the newest release whose rules are known")
    if numbered or "devel" in version:
        return Release(minor, f"a development build of Go 1.{minor}, which may read otherwise than the release")
    return Release(minor)


def minor_of(version: str) -> int:
    """Return N of the Go 1.N whose rules hold; see ``release_of``.

    Raises:
        VersionUnknown: as ``release_of``, and for a development build that does not say what it came from.
    """
    release = release_of(version)
    if release.minor is None:
        raise VersionUnknown(f"Go version '{printable(version, limit=60)}': {release.assumed}")
    return release.minor
