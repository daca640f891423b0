"""Remedies written into manifests."""
