"""Host names as Go looks at them before it picks a resolver (net/conf.go, net/ip.go, net/lookup.go, net/port.go)."""

from __future__ import annotations

from inspector.records import dataclass

_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class LiteralForm:
    """What a release takes for an address."""

    zone: bool
    """An IPv6 address may be followed by ``%`` and a zone."""
    strict: bool
    """As net/netip parses: a zone begins at the first ``%`` and is not empty."""
    short_groups: bool
    """A group of an IPv6 address has at most four digits."""
    leading_zeros: bool
    """``010.1.2.3`` is an address."""


def is_ip_literal(name: str, form: LiteralForm) -> bool:
    """Whether Go takes the name for an address and asks nobody."""
    first = next((c for c in name if c in ".:"), "")
    if first == ".":
        return _is_ipv4(name, form)
    return first == ":" and _is_zoned_ipv6(name, form)


def _is_ipv4(text: str, form: LiteralForm) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(_is_octet(part, form) for part in parts)


def _is_octet(text: str, form: LiteralForm) -> bool:
    if not text or not _DIGITS.issuperset(text):
        return False
    if text[0] == "0" and len(text) > 1 and not form.leading_zeros:
        return False
    number = text.lstrip("0")
    return len(number) <= 3 and int(number or "0") <= 255


def _is_zoned_ipv6(text: str, form: LiteralForm) -> bool:
    if form.strict:
        address, percent, zone = text.partition("%")
        return not (percent and not zone) and _is_ipv6(address, form)
    last = text.rfind("%")
    return _is_ipv6(text[:last] if form.zone and last > 0 else text, form)


def _is_ipv6(text: str, form: LiteralForm) -> bool:
    head, gap, tail = text.partition("::")
    if "::" in tail or tail.startswith(":"):
        return False
    groups = [*_groups(head), *_groups(tail)]
    embedded = bool(groups) and "." in groups[-1] and (not gap or bool(tail))
    if embedded and not _is_ipv4(groups[-1], form):
        return False
    if not all(_is_group(group, form) for group in (groups[:-1] if embedded else groups)):
        return False
    size = len(groups) + embedded
    return size <= 7 if gap else size == 8


def _groups(text: str) -> list[str]:
    return text.split(":") if text else []


def _is_group(text: str, form: LiteralForm) -> bool:
    if not text or not _HEX.issuperset(text):
        return False
    return len(text if form.short_groups else text.lstrip("0")) <= 4


def is_port_number(service: str) -> bool:
    """Whether package net takes a service's name for a number (net/port.go); an empty one is port 0."""
    return _DIGITS.issuperset(service[1:] if service[:1] in {"+", "-"} else service)


def without_root_dot(name: str) -> str:
    """Return the name less one trailing dot."""
    return name.removesuffix(".")


def _fold(text: str) -> str:
    """Lower-case ASCII only: Go's stringsEqualFold and stringsHasSuffixFold know no other letters."""
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


def is_local(name: str) -> bool:
    """Whether the name ends in ``.local``, in any case; ``name`` has lost its trailing dot."""
    return _fold(name).endswith(".local")


def is_localhost(name: str) -> bool:
    """Whether nss-myhostname answers the name for this machine."""
    folded = _fold(name)
    return folded in {"localhost", "localhost.localdomain"} or folded.endswith((".localhost", ".localhost.localdomain"))


def equal_fold(one: str, other: str) -> bool:
    """Whether two names are the same but for ASCII case."""
    return _fold(one) == _fold(other)
