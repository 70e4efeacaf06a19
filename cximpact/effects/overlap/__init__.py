"""Overlap and balance: whether the treated and the untreated can be compared at all."""

from __future__ import annotations

from cximpact.effects.overlap.arms import check_overlap
from cximpact.effects.overlap.logistic import LogisticPropensity, logistic_propensity
from cximpact.effects.overlap.negative import NegativeControl, negative_control
from cximpact.effects.overlap.report import OverlapReport, overlap_report
from cximpact.effects.overlap.spillover import InterferenceCheck, interference_check
from cximpact.effects.overlap.standardized import Balance, balance
from cximpact.effects.overlap.tilting import TiltedWeights, overlap_weights
from cximpact.effects.overlap.trimming import Trimmed, crump_cutoff, trim

__all__ = [
    "Balance",
    "InterferenceCheck",
    "LogisticPropensity",
    "NegativeControl",
    "OverlapReport",
    "TiltedWeights",
    "Trimmed",
    "balance",
    "check_overlap",
    "crump_cutoff",
    "interference_check",
    "logistic_propensity",
    "negative_control",
    "overlap_report",
    "overlap_weights",
    "trim",
]
