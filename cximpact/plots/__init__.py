"""Pictures: labelled tables and draws in, a matplotlib Axes out. They know no estimator."""

from __future__ import annotations

from cximpact.plots.answers import answer_distribution
from cximpact.plots.bacon import bacon, two_way_weights
from cximpact.plots.bridge import waterfall
from cximpact.plots.cash_flow import cash_flow_fan
from cximpact.plots.decision import bars, frontier, intervals, study_size, tornado
from cximpact.plots.densities import densities
from cximpact.plots.effects import effect
from cximpact.plots.event_time import event_study
from cximpact.plots.goals import attainment_curve, goal_fan, goal_ladder, segment_goals
from cximpact.plots.group_time import group_time
from cximpact.plots.honest import honest, pretrend_power
from cximpact.plots.npv import npv_distribution
from cximpact.plots.quantity import distribution
from cximpact.plots.render import to_png, to_svg
from cximpact.plots.respondents import respondents_and_everyone
from cximpact.plots.response_funnel import response_funnel
from cximpact.plots.retention import growth, retention_curves
from cximpact.plots.score_path import score_path
from cximpact.plots.segments import segments
from cximpact.plots.sensitivity import sensitivity_curve
from cximpact.plots.synthetic import synthetic_control
from cximpact.plots.tipping import tipping_dumbbell
from cximpact.plots.validation import validation_page
from cximpact.plots.waves import scores
from cximpact.plots.who_answered import who_answered

__all__ = [
    "answer_distribution",
    "attainment_curve",
    "bacon",
    "bars",
    "cash_flow_fan",
    "densities",
    "distribution",
    "effect",
    "event_study",
    "frontier",
    "goal_fan",
    "goal_ladder",
    "group_time",
    "growth",
    "honest",
    "intervals",
    "npv_distribution",
    "pretrend_power",
    "respondents_and_everyone",
    "response_funnel",
    "retention_curves",
    "score_path",
    "scores",
    "segment_goals",
    "segments",
    "sensitivity_curve",
    "study_size",
    "synthetic_control",
    "tipping_dumbbell",
    "to_png",
    "to_svg",
    "tornado",
    "two_way_weights",
    "validation_page",
    "waterfall",
    "who_answered",
]
