"""Facts × context to verdicts, with what would flip and what would cure them. Pure."""

from inspector.risk.changes import netdns_go, resolv_conf_cure
from inspector.risk.judgement import judge
from inspector.risk.rules import RULES, Rule
from inspector.risk.situation import Situation

__all__ = ["RULES", "Rule", "Situation", "judge", "netdns_go", "resolv_conf_cure"]
