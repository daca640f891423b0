"""Facts × context to verdicts, with what would flip and what would cure them. Pure."""

from inspector.risk.changes import netdns_go
from inspector.risk.deciding import deciding_facts
from inspector.risk.judgement import judge
from inspector.risk.rules import RULES, Rule

__all__ = ["RULES", "Rule", "deciding_facts", "judge", "netdns_go"]
