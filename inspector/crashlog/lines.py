"""Lines of a log, freed of what engines, shippers and terminals put around them.

Known around a line: ANSI colours, the header of Docker's raw stream, Docker's, the kubelet's and other timestamps,
the CRI's stream and tag, ``docker compose``'s and ``docker service``'s name and bar, ``kubectl logs --prefix``,
syslog's and journald's host and unit, quotation marks of mails, and JSON (Docker's json-file, journald's, structured
logs). Whatever names a container becomes the line's stream, so that interleaved logs come apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

MAX_LINE = 256 * 1024
"""Bytes of a line that are looked at; the rest of a longer one is dropped."""
_ROUNDS = 8
_MAX_INNER = 2000
"""Lines that one line may hold, written as ``\\n``."""

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_RAW_HEADER = re.compile(rb"\A[\x00-\x02]\x00\x00\x00[\s\S]{4}")
_TIME = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?: UTC)?"
_UNNAMED = re.compile(
    rf"(?:\[?{_TIME}\]?(?:[ \t]|$)"
    r"|(?:stdout|stderr) [FP](?::\S*)?(?: |$)"  # CRI log format
    r"|(?:> ?)+"
    r"|<\d{1,3}>(?=[A-Z]))"
)
_NAMED = re.compile(
    r"(?:\[(pod/[\w.-]+/[\w.-]+)\](?: |$)"  # kubectl logs --prefix
    r"|([\w.@/-]{1,200}?) *\|(?:[ \t]|$)"  # docker compose, docker service logs
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ([\w.-]+ [^\s:\[]{1,100})(?:\[\d+\])?:(?: |$)"  # RFC 3164
    r"|((?:[\w.-]+ )?[\w./@-]{1,100}\[\d+\]):(?: |$)"  # journald -o short-iso, or cut
    r"|([\w.-]+) (?=exited with code \d))"  # docker compose's own last word
)
_TEXT_KEYS = ("log", "MESSAGE", "message", "msg", "textPayload", "line", "stderr", "error", "@message")
_NAME_KEYS = ("container_name", "CONTAINER_NAME", "container", "pod", "_SYSTEMD_UNIT", "service")
_TRACE_WORDS = ("goroutine ", "fatal error", "runtime", "SIGSEGV", "SIGABRT", "SIGFPE")


def unwrap(line: bytes) -> Iterator[tuple[str, str]]:
    """Yield (stream, text) of each line that one line of a log carries, without any prefix.

    One line may carry several: as a JSON string, or with its newlines written as backslash and n.
    """
    raw = _RAW_HEADER.sub(b"", line[:MAX_LINE])
    yield from _unwrap_text("", _plain(raw.decode("utf-8", "replace")), _ROUNDS)


def _plain(text: str) -> str:
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    return text.rstrip("\r\n \t").replace("\0", "")


def _unwrap_text(stream: str, text: str, rounds: int) -> Iterator[tuple[str, str]]:
    stream, text = _strip_prefixes(stream, text)
    if rounds and text.startswith("{") and text.endswith("}"):
        found = _of_json(text)
        if found is not None:
            name, inner = found
            for part in inner.removesuffix("\n").split("\n", _MAX_INNER):
                yield from _unwrap_text(name or stream, _plain(part), rounds - 1)
            return
    if "\\n" in text and any(word in text for word in _TRACE_WORDS):
        for part in text.split("\\n", _MAX_INNER):
            yield stream, part.replace("\\t", "\t").rstrip()
        return
    yield stream, text


def _strip_prefixes(stream: str, text: str) -> tuple[str, str]:
    for _ in range(_ROUNDS):
        found = _UNNAMED.match(text)
        if found is None:
            found = _NAMED.match(text)
            if found is None:
                break
            stream = next(name for name in found.groups() if name)
        text = text[found.end() :]
    return stream, text


def _of_json(text: str) -> tuple[str, str] | None:
    """Return (stream, message) of a log record in JSON, or None where it is none."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    message = next((record[key] for key in _TEXT_KEYS if isinstance(record.get(key), (str, list))), None)
    if isinstance(message, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in message):
        message = bytes(message).decode("utf-8", "replace")  # journald writes what is no text as numbers
    return (_name_of(record), message) if isinstance(message, str) else None


def _name_of(record: Mapping[str, object]) -> str:
    name = next((record[key] for key in _NAME_KEYS if isinstance(record.get(key), str)), "")
    pod = record.get("kubernetes")
    if not name and isinstance(pod, dict):
        name = pod.get("pod_name") or ""
    return str(name)
