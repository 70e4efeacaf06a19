"""Scores of those who did not answer, and how wrong that could be."""

from __future__ import annotations

from cximpact.imputation.binning import Bins, bin_columns
from cximpact.imputation.bounds import manski_bounds
from cximpact.imputation.complete import CompletedScores
from cximpact.imputation.congeniality import check_congenial
from cximpact.imputation.customers import CustomerScores
from cximpact.imputation.graph_fit import Sampling
from cximpact.imputation.joint import ScoreBehaviorModel
from cximpact.imputation.joint_fit import JointFit
from cximpact.imputation.links import (
    category_probabilities,
    cutpoints,
    log_category_probabilities,
    shift_probabilities,
)
from cximpact.imputation.margins import rake_frame
from cximpact.imputation.occasions import OccasionDrift
from cximpact.imputation.operations import operational_signals
from cximpact.imputation.ordinal import OrdinalImputer
from cximpact.imputation.pattern_mixture import DeltaPrior, TippingPoint, delta_from_contacts
from cximpact.imputation.patterns import answer_number
from cximpact.imputation.pictures import (
    answer_table,
    path_table,
    tipping_table,
    who_answered_table,
)
from cximpact.imputation.prior_predictive import PriorPredictive
from cximpact.imputation.priors import Priors
from cximpact.imputation.repeated import RepeatedAnswers
from cximpact.imputation.repeated_fit import RepeatedFit
from cximpact.imputation.result import ImputedScores
from cximpact.imputation.rubin import Pooled, WaldTest, rubin, sets_needed, wald_d1
from cximpact.imputation.selection import SelectionModel
from cximpact.imputation.selection_fit import SelectionFit
from cximpact.imputation.staged_fit import StagedSelectionFit
from cximpact.imputation.survey_plan import SurveyPlan

__all__ = [
    "Bins",
    "CompletedScores",
    "CustomerScores",
    "DeltaPrior",
    "ImputedScores",
    "JointFit",
    "OccasionDrift",
    "OrdinalImputer",
    "Pooled",
    "PriorPredictive",
    "Priors",
    "RepeatedAnswers",
    "RepeatedFit",
    "Sampling",
    "ScoreBehaviorModel",
    "SelectionFit",
    "SelectionModel",
    "StagedSelectionFit",
    "SurveyPlan",
    "TippingPoint",
    "WaldTest",
    "answer_number",
    "answer_table",
    "bin_columns",
    "category_probabilities",
    "check_congenial",
    "cutpoints",
    "delta_from_contacts",
    "log_category_probabilities",
    "manski_bounds",
    "operational_signals",
    "path_table",
    "rake_frame",
    "rubin",
    "sets_needed",
    "shift_probabilities",
    "tipping_table",
    "wald_d1",
    "who_answered_table",
]
