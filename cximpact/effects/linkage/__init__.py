"""Linkage: how operations, scores and behavior hang together, and what may be made of it."""

from __future__ import annotations

__all__: list[str] = []
