"""Uplift: whom a contact changes, and what a list is worth."""

from __future__ import annotations

from cximpact.effects.uplift.allocation import Allocation, allocate
from cximpact.effects.uplift.average import AverageEffect
from cximpact.effects.uplift.calibration import LinearPredictor, best_linear_predictor
from cximpact.effects.uplift.calibration_gates import calibration_table, gates
from cximpact.effects.uplift.calibration_groups import GroupEffects
from cximpact.effects.uplift.comparison import compare_scores
from cximpact.effects.uplift.crossfit import CrossFit
from cximpact.effects.uplift.curve_metrics import auuc, qini_coefficient, uplift_at_k
from cximpact.effects.uplift.curve_toc import autoc, effect_at_k, rate, toc
from cximpact.effects.uplift.curves import qini_curve, uplift_curve
from cximpact.effects.uplift.doubly_robust import doubly_robust_scores
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut
from cximpact.effects.uplift.evaluation_result import UpliftEvaluation
from cximpact.effects.uplift.experiment import experiment_size, score_deviation
from cximpact.effects.uplift.experiment_holdout import HoldoutPlan, holdout_share
from cximpact.effects.uplift.experiment_plan import ExperimentPlan
from cximpact.effects.uplift.experiment_policy import (
    policy_experiment_size,
    ranking_experiment_size,
)
from cximpact.effects.uplift.forest import HonestForest
from cximpact.effects.uplift.hierarchical import HierarchicalUplift
from cximpact.effects.uplift.learners import (
    DRLearner,
    MetaLearner,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
)
from cximpact.effects.uplift.policy import TargetingPolicy, target_customers
from cximpact.effects.uplift.policy_curve import budget_curve
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_dogs import SleepingDogs
from cximpact.effects.uplift.policy_rule import TargetingRule
from cximpact.effects.uplift.policy_valuation import policy_value
from cximpact.effects.uplift.policy_worth import PolicyValue
from cximpact.effects.uplift.predict_and_treat_lists import PredictAndTreat, predict_and_treat
from cximpact.effects.uplift.segment_policy import SegmentPolicy, best_policy
from cximpact.effects.uplift.treatment_list_rows import treatment_list
from cximpact.effects.uplift.uplift_result import UpliftPosterior

__all__ = [
    "Allocation",
    "AverageEffect",
    "CrossFit",
    "DRLearner",
    "ExperimentPlan",
    "GroupEffects",
    "HeldOut",
    "HierarchicalUplift",
    "HoldoutPlan",
    "HonestForest",
    "LinearPredictor",
    "MetaLearner",
    "PolicyValue",
    "PredictAndTreat",
    "RLearner",
    "SLearner",
    "ScoredCustomers",
    "SegmentPolicy",
    "SleepingDogs",
    "TLearner",
    "TargetingPolicy",
    "TargetingRule",
    "UpliftEvaluation",
    "UpliftPosterior",
    "XLearner",
    "allocate",
    "autoc",
    "auuc",
    "best_linear_predictor",
    "best_policy",
    "budget_curve",
    "calibration_table",
    "compare_scores",
    "doubly_robust_scores",
    "effect_at_k",
    "evaluate_scores",
    "experiment_size",
    "gates",
    "holdout_share",
    "policy_experiment_size",
    "policy_value",
    "predict_and_treat",
    "qini_coefficient",
    "qini_curve",
    "ranking_experiment_size",
    "rate",
    "score_deviation",
    "target_customers",
    "toc",
    "treatment_list",
    "uplift_at_k",
    "uplift_curve",
]
