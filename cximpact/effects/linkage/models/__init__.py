"""Conditional models of one variable given others, with influence functions and noise."""

from __future__ import annotations

__all__: list[str] = []
