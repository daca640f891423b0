"""A blob as a stream that goes on where it broke (RFC 9110, Range)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inspector.errors import TargetDamaged, TargetUnreachable
from inspector.escaping import printable
from inspector.facts import BlobStream
from inspector.sources.registry.transport import Transport

if TYPE_CHECKING:
    import urllib3

_RESUMES = 5
"""Breaks in a row without a byte between them."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class _Resuming:
    def __init__(self, transport: Transport, path: str, scope: str, what: str, size: int | None) -> None:
        self._transport, self._path, self._scope, self._what, self._size = transport, path, scope, what, size
        self._done = 0
        self._breaks = 0
        self._response: urllib3.BaseHTTPResponse | None = None

    def read(self, size: int, /) -> bytes:
        import urllib3

        while True:
            if self._response is None:
                self._response = self._open()
            try:
                piece = self._response.read(size)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                self._break(str(error))
                continue
            if not piece and self._size is not None and self._done < self._size:
                self._break("it ended early")
                continue
            if piece:
                self._breaks = 0
            self._done += len(piece)
            if self._size is not None and self._done > self._size:
                raise TargetDamaged(f"{self._what} has more than the {self._size} bytes that its manifest says")
            return piece

    def _break(self, why: str) -> None:
        self.close()
        self._breaks += 1
        if self._breaks > _RESUMES:
            text = printable(why, limit=200)
            raise TargetUnreachable(
                f"{self._transport.host}: {self._what}: the connection broke again and again: {text}"
            )

    def _open(self) -> urllib3.BaseHTTPResponse:
        headers = {"Range": f"bytes={self._done}-"} if self._done else {}
        response = self._transport.get(self._path, self._scope, headers, self._what)
        if not self._done:
            return response
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status == 206 and match and int(match[1]) == self._done:
            return response
        if response.status == 206:
            response.close()
            raise TargetDamaged(f"{self._transport.host}: {self._what}: it answered another range than was asked for")
        return self._passed_over(response)

    def _passed_over(self, response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        """Read what is known already from a server that ignores Range."""
        import urllib3

        left = self._done
        try:
            while left and (piece := response.read(min(left, 1024 * 1024))):
                left -= len(piece)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._break(str(error))
            return self._open()
        return response

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


@contextmanager
def open_blob(transport: Transport, path: str, scope: str, what: str, size: int | None) -> Iterator[BlobStream]:
    """Open a blob; the stream asks again by Range where a connection breaks."""
    stream = _Resuming(transport, path, scope, what, size)
    try:
        yield stream
    finally:
        stream.close()
