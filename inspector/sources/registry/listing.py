"""What a registry has: repositories by its catalogue, tags by repository, page by page.

OCI distribution-spec, "Listing Tags"; distribution/distribution, docs/spec/api.md, "Listing Repositories".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from inspector.errors import LimitExceeded, TargetDamaged, TargetUnreachable
from inspector.escaping import printable
from inspector.references import is_repository, is_tag
from inspector.sources.registry.transport import Transport, read_bounded

PAGE = 1000
"""Entries asked for at a time; distribution refuses more (``catalog.maxentries``)."""
MAX_PAGES = 20_000
MAX_PAGE = 16 * 1024 * 1024
"""Bytes of one page."""
MAX_TAGS = 200_000
"""Tags of one repository."""
MAX_REPOSITORIES = 1_000_000
_LINK = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?', re.IGNORECASE)


def repositories(transport: Transport) -> Iterator[str]:
    """Yield the names that ``/v2/_catalog`` tells; what could be no repository's name is left out.

    Raises:
        TargetUnavailable: if the catalogue is closed, or there is none.
        TargetDamaged: if what comes is no catalogue, or has no end.
    """
    what = "its catalogue"
    names = _entries(transport, "/v2/_catalog", "registry:catalog:*", "repositories", what, MAX_REPOSITORIES)
    return (name for name in names if is_repository(name))


def tags(transport: Transport, repository: str) -> Iterator[str]:
    """Yield a repository's tags.

    Raises:
        TargetUnavailable: if there is no such repository, or it cannot be had.
        TargetDamaged: if what comes is no list of tags, or has no end.
    """
    scope, what = f"repository:{repository}:pull", f"the tags of {repository}"
    names = _entries(transport, f"/v2/{repository}/tags/list", scope, "tags", what, MAX_TAGS)
    return (name for name in names if is_tag(name))


def pages(transport: Transport, path: str, scope: str, what: str, *, fields: bool = False) -> Iterator[Any]:
    """Yield each page as decoded JSON, as long as a Link header, or the field ``next``, names another one.

    Args:
        transport: of the host that is asked.
        path: of the first page, with its query.
        scope: what a token is asked for.
        what: what is listed, for errors.
        fields: the next page is named by the field ``next`` of an object, not by a header.

    Raises:
        TargetUnavailable: as the host says.
        TargetDamaged: for what is no JSON, for a next page elsewhere, and for pages without end.
    """
    import msgspec

    seen: set[str] = set()
    while path:
        if path in seen or len(seen) >= MAX_PAGES:
            raise LimitExceeded(f"{transport.host}: {what}: its pages have no end")
        seen.add(path)
        response = transport.get(path, scope, {"Accept": "application/json"}, what)
        headers = response.headers
        content = read_bounded(response, MAX_PAGE, f"{transport.host}: {what}")
        try:
            page = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise TargetDamaged(f"{transport.host}: {what}: the answer is not JSON") from None
        yield page
        named = page.get("next") if fields and isinstance(page, dict) else None
        match = None if fields else _LINK.search(headers.get("Link", ""))
        path = _next(transport, path, named if isinstance(named, str) else match[1] if match else "", what)


def _next(transport: Transport, path: str, link: str, what: str) -> str:
    """Return the path of the next page; a page on another host is not followed: credentials stay where they belong."""
    if not link:
        return ""
    here = f"http://{transport.api}{path}"
    parts = urlsplit(urljoin(here, link))
    if parts.netloc != transport.api or len(link) > 8192 or not link.isascii() or not link.isprintable():
        raise TargetDamaged(f"{transport.host}: {what}: its next page is elsewhere: {printable(link, limit=120)}")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _entries(transport: Transport, path: str, scope: str, field: str, what: str, most: int) -> Iterator[str]:
    count = 0
    for page in _first_accepted(transport, path, scope, what):
        found = page.get(field) if isinstance(page, dict) else None
        if found is None and isinstance(page, dict) and field in page:
            found = []  # distribution 2 writes null for a repository without tags
        if not isinstance(found, list):
            raise TargetDamaged(f"{transport.host}: {what}: the answer has no list of {field}")
        for entry in found:
            count += 1
            if count > most:
                raise LimitExceeded(f"{transport.host}: {what}: more than {most}")
            if isinstance(entry, str):
                yield entry


def _first_accepted(transport: Transport, path: str, scope: str, what: str) -> Iterator[Any]:
    """Ask for large pages, and, where a registry refuses their size, for its own."""
    try:
        yield from pages(transport, f"{path}?n={PAGE}", scope, what)
    except TargetUnreachable as refused:
        if refused.status != 400:
            raise
        yield from pages(transport, path, scope, what)
