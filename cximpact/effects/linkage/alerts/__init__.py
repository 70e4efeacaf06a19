"""Alerts: who is at risk now, from operations alone, and whom a contact would help."""

from __future__ import annotations

from cximpact.effects.linkage.alerts.risk_list import at_risk
from cximpact.effects.linkage.alerts.risk_quality import RiskQuality
from cximpact.effects.linkage.alerts.risk_result import AtRisk

__all__ = ["AtRisk", "RiskQuality", "at_risk"]
