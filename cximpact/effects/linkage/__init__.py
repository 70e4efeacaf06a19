"""Linkage: how operations, scores and behavior hang together, and what may be made of it."""

from __future__ import annotations

from cximpact.effects.linkage.alerts import AtRisk, RiskQuality, at_risk
from cximpact.effects.linkage.cases import (
    AlertCutoff,
    AlertHoldout,
    CaseLedger,
    ClosingTimes,
    ConfidenceSet,
    RecoveryEffect,
    StaggeredClosing,
    before_after,
    recovery,
)
from cximpact.effects.linkage.dose import (
    DoseOptions,
    DoseResponsePosterior,
    dose_response,
)
from cximpact.effects.linkage.importance import DriverImportance, DriverSettings, drivers, lmg
from cximpact.effects.linkage.journeys import (
    JourneyMap,
    ScoreTrace,
    WaveShares,
    journey_map,
    score_trace,
)
from cximpact.effects.linkage.kpi import (
    Intervention,
    KpiGraph,
    KpiModel,
    KpiNode,
    scale_by,
    set_to,
    shift_by,
)
from cximpact.effects.linkage.measured import (
    LeagueTable,
    error_corrected,
    league_table,
    reliability_of,
    true_shares,
)
from cximpact.effects.linkage.mediators import (
    Mediation,
    MediationPosterior,
    mediation,
    through_score,
)
from cximpact.effects.linkage.thresholds import (
    JustBelow,
    ThresholdOptions,
    ThresholdPosterior,
    threshold,
    threshold_imputed,
)

__all__ = [
    "AlertCutoff",
    "AlertHoldout",
    "AtRisk",
    "CaseLedger",
    "ClosingTimes",
    "ConfidenceSet",
    "DoseOptions",
    "DoseResponsePosterior",
    "DriverImportance",
    "DriverSettings",
    "Intervention",
    "JourneyMap",
    "JustBelow",
    "KpiGraph",
    "KpiModel",
    "KpiNode",
    "LeagueTable",
    "Mediation",
    "MediationPosterior",
    "RecoveryEffect",
    "RiskQuality",
    "ScoreTrace",
    "StaggeredClosing",
    "ThresholdOptions",
    "ThresholdPosterior",
    "WaveShares",
    "at_risk",
    "before_after",
    "dose_response",
    "drivers",
    "error_corrected",
    "journey_map",
    "league_table",
    "lmg",
    "mediation",
    "recovery",
    "reliability_of",
    "scale_by",
    "score_trace",
    "set_to",
    "shift_by",
    "threshold",
    "threshold_imputed",
    "through_score",
    "true_shares",
]
