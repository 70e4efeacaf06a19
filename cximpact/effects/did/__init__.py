"""Difference-in-differences: what changed that would not have changed anyway."""

from __future__ import annotations

from cximpact.effects.did.bacon import BaconDecomposition, bacon_decomposition
from cximpact.effects.did.bands import simultaneous_band
from cximpact.effects.did.cell_blocks import CellModel
from cximpact.effects.did.cluster_test import ClusterTest
from cximpact.effects.did.event_study import EventStudy
from cximpact.effects.did.group_time import GroupTime
from cximpact.effects.did.hierarchical import HierarchicalDiD
from cximpact.effects.did.honest import (
    HonestBounds,
    PretrendPower,
    honest_band,
    honest_bounds,
    honest_posterior,
    pretrend_power,
)
from cximpact.effects.did.imputation_did import ImputationDiD
from cximpact.effects.did.nonlinear import NonlinearDiD
from cximpact.effects.did.placebos import EffectChecks, leave_one_cohort_out, placebos
from cximpact.effects.did.randomization import randomization_test
from cximpact.effects.did.sun_abraham import SunAbraham
from cximpact.effects.did.synthetic import SyntheticDiD
from cximpact.effects.did.two_by_two import TwoByTwo
from cximpact.effects.did.two_way_weights import two_way_weights
from cximpact.effects.did.wild_cluster import wild_cluster_test

__all__ = [
    "BaconDecomposition",
    "CellModel",
    "ClusterTest",
    "EffectChecks",
    "EventStudy",
    "GroupTime",
    "HierarchicalDiD",
    "HonestBounds",
    "ImputationDiD",
    "NonlinearDiD",
    "PretrendPower",
    "SunAbraham",
    "SyntheticDiD",
    "TwoByTwo",
    "bacon_decomposition",
    "honest_band",
    "honest_bounds",
    "honest_posterior",
    "leave_one_cohort_out",
    "placebos",
    "pretrend_power",
    "randomization_test",
    "simultaneous_band",
    "two_way_weights",
    "wild_cluster_test",
]
