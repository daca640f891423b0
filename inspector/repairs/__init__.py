"""Remedies written into Compose files and Kubernetes manifests: the smallest change, and nothing else."""

from inspector.repairs.fixing import plan_compose, plan_kubernetes
from inspector.repairs.patches import diff
from inspector.repairs.planning import Plan, kind_of

__all__ = ["Plan", "diff", "kind_of", "plan_compose", "plan_kubernetes"]
