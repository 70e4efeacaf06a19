"""Scores of those who did not answer, and how wrong that could be."""

from __future__ import annotations

from cximpact.imputation.bounds import manski_bounds
from cximpact.imputation.links import (
    category_probabilities,
    cutpoints,
    log_category_probabilities,
    shift_probabilities,
)
from cximpact.imputation.ordinal import OrdinalImputer
from cximpact.imputation.priors import Priors
from cximpact.imputation.result import ImputedScores

__all__ = [
    "ImputedScores",
    "OrdinalImputer",
    "Priors",
    "category_probabilities",
    "cutpoints",
    "log_category_probabilities",
    "manski_bounds",
    "shift_probabilities",
]
