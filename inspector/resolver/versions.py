"""Go releases, as far as the choice of a resolver depends on them."""

from __future__ import annotations

import re

from inspector.errors import InspectorError
from inspector.escaping import printable

OLDEST = 5
"""Go 1.5 is the first release with a choice (net/conf.go came with it)."""
NEWEST = 27
"""The newest release whose rules were observed; later ones are taken to keep them."""

_VERSION = re.compile(r"(?:go)?1\.(\d{1,3})(?:\.\d+)?(?:(?:rc|beta)\d+)?(?:[-+ ].*)?", re.DOTALL)


class VersionUnknown(InspectorError):
    """A Go version whose rules are not known: development builds, releases before 1.5, garbage."""


def minor_of(version: str) -> int:
    """Return N of Go 1.N, which alone decides (patch releases never changed net/conf.go, nss.go, dnsconfig_unix.go).

    Raises:
        VersionUnknown: for anything else than a release ``1.N[.P]`` or its pre-releases, or one before 1.5.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise VersionUnknown(f"Go version '{printable(version, limit=60)}' is not a release 1.N")
    minor = int(match[1])
    if minor < OLDEST:
        raise VersionUnknown(f"Go 1.{minor} is older than 1.{OLDEST}, the first release whose rules are known")
    return minor
