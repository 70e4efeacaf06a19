"""The analytic data repository: one DuckDB file of checked tables."""

from __future__ import annotations

from cximpact.repository.adding import Receipt
from cximpact.repository.contracts import CONTRACTS, Column, Contract, Kind
from cximpact.repository.repository import Repository

__all__ = ["CONTRACTS", "Column", "Contract", "Kind", "Receipt", "Repository"]
