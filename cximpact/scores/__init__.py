"""Scores of surveys: NPS, CSAT, CES and PSAT, with intervals, weights, tests and the funnel."""

from __future__ import annotations

from cximpact.core.scale import ScoreScale
from cximpact.scores.change import (
    answers_for_change,
    difference,
    minimum_detectable_change,
    panel_change,
)
from cximpact.scores.doubly_robust import MeanEstimate, doubly_robust_mean
from cximpact.scores.funnel import corrected_open_rate, funnel, loss_shares
from cximpact.scores.intervals import (
    Interval,
    dirichlet_moments,
    goodman_intervals,
    mean_interval,
    net_interval,
    proportion_interval,
)
from cximpact.scores.nonresponse import ResponseFit, ResponseModel
from cximpact.scores.point import ces, csat, mean_score, net_ease, nps, psat, rescale
from cximpact.scores.raking import RakedWeights, rake
from cximpact.scores.reliability import answers_for_reliability, reliability, unit_scores
from cximpact.scores.replication import raked_score
from cximpact.scores.representativity import (
    RIndicator,
    Slope,
    linked_behavior,
    r_indicator,
    wave_of_response,
)
from cximpact.scores.scales import CSAT5, CSAT7, NPS, PSAT, ces_scale
from cximpact.scores.segments import compare_waves
from cximpact.scores.statistic import Statistic, statistic_of
from cximpact.scores.summarize import summarize
from cximpact.scores.variance import kish_deff, score_sd, standard_error
from cximpact.scores.weighted import WeightedScore, weighted_score

__all__ = [
    "CSAT5",
    "CSAT7",
    "NPS",
    "PSAT",
    "Interval",
    "MeanEstimate",
    "RIndicator",
    "RakedWeights",
    "ResponseFit",
    "ResponseModel",
    "ScoreScale",
    "Slope",
    "Statistic",
    "WeightedScore",
    "answers_for_change",
    "answers_for_reliability",
    "ces",
    "ces_scale",
    "compare_waves",
    "corrected_open_rate",
    "csat",
    "difference",
    "dirichlet_moments",
    "doubly_robust_mean",
    "funnel",
    "goodman_intervals",
    "kish_deff",
    "linked_behavior",
    "loss_shares",
    "mean_interval",
    "mean_score",
    "minimum_detectable_change",
    "net_ease",
    "net_interval",
    "nps",
    "panel_change",
    "proportion_interval",
    "psat",
    "r_indicator",
    "rake",
    "raked_score",
    "reliability",
    "rescale",
    "score_sd",
    "standard_error",
    "statistic_of",
    "summarize",
    "unit_scores",
    "wave_of_response",
    "weighted_score",
]
