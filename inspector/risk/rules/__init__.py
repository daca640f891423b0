"""The rules, in the order in which they are asked; the first that has something to say decides."""

from __future__ import annotations

from inspector.risk.rules import (
    cannot_start,
    debug_switch,
    dns_before_files,
    no_way_in,
    not_analysed,
    notfound_return,
    static_glibc_clib,
    static_glibc_dns,
    static_glibc_ports,
    static_glibc_user,
)
from inspector.risk.rules.metadata import Rule

RULES: tuple[Rule, ...] = (
    not_analysed.RULE,
    cannot_start.RULE,
    static_glibc_ports.RULE,
    static_glibc_dns.RULE,
    static_glibc_user.RULE,
    static_glibc_clib.RULE,
    debug_switch.RULE,
    dns_before_files.RULE,
    notfound_return.RULE,
    no_way_in.RULE,
)
"""Crash rules stand before those for wrong answers: who dies gives none."""

__all__ = ["RULES", "Rule"]
