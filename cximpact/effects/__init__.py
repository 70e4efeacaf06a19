"""Effects: what an initiative changed, every other factor held constant."""

from __future__ import annotations

from cximpact.effects import linkage, overlap, sensitivity, uplift
from cximpact.effects.association import association
from cximpact.effects.did import (
    CellModel,
    EventStudy,
    GroupTime,
    HierarchicalDiD,
    ImputationDiD,
    NonlinearDiD,
    SunAbraham,
    SyntheticDiD,
    TwoByTwo,
    bacon_decomposition,
    honest_band,
    honest_bounds,
    honest_posterior,
    leave_one_cohort_out,
    placebos,
    pretrend_power,
    randomization_test,
    wild_cluster_test,
)
from cximpact.effects.imputed import fit_imputed

__all__ = [
    "CellModel",
    "EventStudy",
    "GroupTime",
    "HierarchicalDiD",
    "ImputationDiD",
    "NonlinearDiD",
    "SunAbraham",
    "SyntheticDiD",
    "TwoByTwo",
    "association",
    "bacon_decomposition",
    "fit_imputed",
    "honest_band",
    "honest_bounds",
    "honest_posterior",
    "leave_one_cohort_out",
    "linkage",
    "overlap",
    "placebos",
    "pretrend_power",
    "randomization_test",
    "sensitivity",
    "uplift",
    "wild_cluster_test",
]
