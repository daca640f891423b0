"""What counts: configuration, thresholds, waivers and baselines.

Files are read here, bounded, and never written. Everything in them is data: no setting names a command, and the ones
that name a path or weaken a connection are refused where the file stands in the working directory.
"""

from inspector.policy.baselines import Baseline
from inspector.policy.configuration import KEYS, Configuration, Key, Setting, load_configuration
from inspector.policy.thresholds import Threshold, counts, is_fixable
from inspector.policy.waivers import WAIVERS_FILE, Applied, apply_waivers, load_waivers, waiver_for

__all__ = [
    "KEYS",
    "WAIVERS_FILE",
    "Applied",
    "Baseline",
    "Configuration",
    "Key",
    "Setting",
    "Threshold",
    "apply_waivers",
    "counts",
    "is_fixable",
    "load_configuration",
    "load_waivers",
    "waiver_for",
]
