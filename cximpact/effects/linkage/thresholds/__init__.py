"""Thresholds: the score from which on customers behave otherwise."""

from __future__ import annotations

from cximpact.effects.linkage.thresholds.customers import JustBelow
from cximpact.effects.linkage.thresholds.fit import threshold
from cximpact.effects.linkage.thresholds.imputed import threshold_imputed
from cximpact.effects.linkage.thresholds.result import ThresholdPosterior
from cximpact.effects.linkage.thresholds.settings import ThresholdOptions

__all__ = ["JustBelow", "ThresholdOptions", "ThresholdPosterior", "threshold", "threshold_imputed"]
