"""Remedies written into Compose files and Kubernetes manifests: the smallest change, and nothing else."""

from inspector.repairs.fixing import plan_compose, plan_kubernetes
from inspector.repairs.patches import diff
from inspector.repairs.planning import Plan

__all__ = ["Plan", "diff", "plan_compose", "plan_kubernetes"]
