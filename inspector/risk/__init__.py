"""Facts × context to verdicts, with what would flip and what would cure them. Pure."""

from inspector.risk.changes import netdns_go
from inspector.risk.judgement import judge
from inspector.risk.rules import RULES, Rule

__all__ = ["RULES", "Rule", "judge", "netdns_go"]
