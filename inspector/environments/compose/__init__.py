"""Compose files (Compose Specification): a project, and what its services see."""

from inspector.environments.compose.environments import workloads_of
from inspector.environments.compose.project import Project, load_project
from inspector.environments.compose.services import Service

__all__ = ["Project", "Service", "load_project", "workloads_of"]
