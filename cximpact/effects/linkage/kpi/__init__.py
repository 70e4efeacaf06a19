"""The graph of KPIs: from technical causes over scores to lifetime value."""

from __future__ import annotations

from cximpact.effects.linkage.kpi.graph import KpiGraph
from cximpact.effects.linkage.kpi.interventions import Intervention, scale_by, set_to, shift_by
from cximpact.effects.linkage.kpi.kpi_model import KpiModel
from cximpact.effects.linkage.kpi.node import KpiNode

__all__ = ["Intervention", "KpiGraph", "KpiModel", "KpiNode", "scale_by", "set_to", "shift_by"]
