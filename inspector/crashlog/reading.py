"""The bytes of a log to the crashes in it, in one pass, with bounded memory.

A block of the log in which no crash is open and no word of one stands is skipped without looking at its lines, so that
gigabytes of ordinary log cost little more than reading them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from inspector.crashlog.crash import Crash
from inspector.crashlog.joining import Joining
from inspector.crashlog.lines import MAX_LINE, unwrap
from inspector.crashlog.traceback import BAD_STATUS, Traceback

MAX_CRASHES = 200
MAX_STREAMS = 256
"""Containers whose lines may be interleaved; of more, the one silent for longest is closed."""

_WORDS = (
    b"SIG", b"signal", b"fatal error", b"panic: ", b"goroutine ", b"glibc", b"ssertion", b"ld.so", b"segfault",
    b"trap ", b"egmentation", b"loating point", b"Aborted", b"core dumped", b"stack smashing", b"_dl_",
    b"resource busy", b"status=", b"shared libraries", b"malloc",
    b"GLIBC_", b"exited with code", b"exit status", b"exit code", b"xited (", b"xitCode", b"illed", b"OOM",
    b'"MESSAGE":[', b'"MESSAGE": [',  # journald's way to write what is no plain text: as numbers
    b"invalid pointer", b"corrupted", b"double free", b"terminate called", b"nss", b"stack trace of thread",
)  # fmt: skip
"""One of these stands in every line that can begin a crash."""
_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Log:
    """What was read."""

    crashes: tuple[Crash, ...]
    lines: int
    left_out: int


def read_crashes(chunks: Iterable[bytes]) -> Log:
    """Read a log to its end.

    Args:
        chunks: its bytes, in pieces of any size.

    Returns:
        The first ``MAX_CRASHES`` crashes in the order in which they begin, the number of lines, and how many crashes
        were left out.
    """
    reader = _Reader()
    for block in _blocks(_as_utf8(chunks)):
        reader.read_block(block)
    return reader.finish()


def _as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn what PowerShell writes (UTF-16 with a byte order mark) into UTF-8; pass everything else on."""
    import codecs

    pieces = iter(chunks)
    first = next(pieces, b"")
    encoding = _BOMS.get(first[:2])
    if encoding is None:
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first[2:]).encode("utf-8", "replace")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "replace")


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces that end at the end of a line; of a line longer than ``MAX_LINE`` its beginning only."""
    rest = b""
    dropping = False
    for chunk in chunks:
        if dropping:
            end = chunk.find(b"\n")
            if end < 0:
                continue
            rest, dropping = rest + chunk[end : end + 1], False
            chunk = chunk[end + 1 :]  # noqa: PLW2901  # the rest of the line is not looked at
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > MAX_LINE:
            rest, dropping = rest[:MAX_LINE], True
    if rest:
        yield rest


class _Reader:
    """Hands lines to the traceback of their stream."""

    def __init__(self) -> None:
        self._lines = 0
        self._open: OrderedDict[str, Traceback] = OrderedDict()
        self._done: list[Crash] = []
        self._left_out = 0
        self._joining = Joining()

    def read_block(self, block: bytes) -> None:
        has_words = any(word in block for word in _WORDS)
        if not self._open and not has_words and not self._joining.concerns(block):
            self._lines += block.count(b"\n") + (not block.endswith(b"\n"))
            return
        for line in block.split(b"\n")[: None if not block.endswith(b"\n") else -1]:
            self._lines += 1
            for number, whole in self._joining.take(self._lines, line):
                if has_words or self._open or whole is not line:  # what was joined may hold a word that was cut
                    self._read_whole(number, whole)

    def _read_whole(self, number: int, line: bytes) -> None:
        if self._open or any(word in line for word in _WORDS):
            for stream, text in unwrap(line):
                self._read_line(number, stream, text)

    def _read_line(self, number: int, stream: str, text: str) -> None:
        trace = self._open.get(stream)
        if trace is None:
            trace = Traceback(stream)
        for crash in trace.read(number, text):
            self._keep(crash)
        if trace.is_open:
            self._open[stream] = trace
            self._open.move_to_end(stream)
            if len(self._open) > MAX_STREAMS:
                _, oldest = self._open.popitem(last=False)
                self._close(oldest)
        else:
            self._open.pop(stream, None)

    def _close(self, trace: Traceback) -> None:
        crash = trace.close()
        if crash is not None:
            self._keep(crash)

    def _keep(self, crash: Crash) -> None:
        if crash.goroutine is None and crash.signal is None and not crash.messages and crash.status not in BAD_STATUS:
            return  # a compiler's "fatal error:", a word in some text
        if self._is_another_thread(crash):
            self._done[-1] = replace(self._done[-1], deaths=self._done[-1].deaths + 1)
            return
        if len(self._done) < MAX_CRASHES:
            self._done.append(crash)
        else:
            self._left_out += 1

    def _is_another_thread(self, crash: Crash) -> bool:
        """Whether it is a second thread that died at the same place while the first one's traceback was printed."""
        if not self._done or crash.goroutine is not None or crash.kind not in {"fatal", "signal"}:
            return False
        last = self._done[-1]
        return (last.stream, last.signal, last.pc) == (crash.stream, crash.signal, crash.pc)

    def finish(self) -> Log:
        for number, line in self._joining.rest():
            self._read_whole(number, line)
        for trace in self._open.values():
            self._close(trace)
        crashes = tuple(sorted(self._done, key=lambda crash: crash.line))
        return Log(crashes, self._lines, self._left_out)
