"""Pictures: labelled tables and draws in, a matplotlib Axes out. They know no estimator."""

from __future__ import annotations

from cximpact.plots.answers import answer_distribution
from cximpact.plots.bacon import bacon, two_way_weights
from cximpact.plots.balance import love_plot
from cximpact.plots.bridge import waterfall
from cximpact.plots.budgets import policy_curve
from cximpact.plots.cash_flow import cash_flow_fan
from cximpact.plots.confounding import confounding_contour
from cximpact.plots.customer_kinds import risk_uplift_map
from cximpact.plots.decision import bars, frontier, intervals, study_size, tornado
from cximpact.plots.densities import densities
from cximpact.plots.dose import dose_curve
from cximpact.plots.drivers import driver_importance, driver_quadrants
from cximpact.plots.effects import effect
from cximpact.plots.event_time import event_study
from cximpact.plots.goals import attainment_curve, goal_fan, goal_ladder, segment_goals
from cximpact.plots.group_time import group_time
from cximpact.plots.honest import honest, pretrend_power
from cximpact.plots.journeys import journey_heat, score_waterfall
from cximpact.plots.kpis import kpi_graph
from cximpact.plots.league import unit_ranks
from cximpact.plots.npv import npv_distribution
from cximpact.plots.overlap import overlap_histogram
from cximpact.plots.predicted import calibration
from cximpact.plots.quantity import distribution
from cximpact.plots.recovery import closing_curves, recovery_cutoff, recovery_timeline
from cximpact.plots.render import to_png, to_svg
from cximpact.plots.respondents import respondents_and_everyone
from cximpact.plots.response_funnel import response_funnel
from cximpact.plots.retention import growth, retention_curves
from cximpact.plots.score_path import score_path
from cximpact.plots.segments import segments
from cximpact.plots.sensitivity import sensitivity_curve
from cximpact.plots.synthetic import synthetic_control
from cximpact.plots.tipping import tipping_dumbbell
from cximpact.plots.uplift_curves import uplift_curve
from cximpact.plots.uplift_groups import uplift_deciles
from cximpact.plots.validation import validation_page
from cximpact.plots.waves import scores
from cximpact.plots.who_answered import who_answered

__all__ = [
    "answer_distribution",
    "attainment_curve",
    "bacon",
    "bars",
    "calibration",
    "cash_flow_fan",
    "closing_curves",
    "confounding_contour",
    "densities",
    "distribution",
    "dose_curve",
    "driver_importance",
    "driver_quadrants",
    "effect",
    "event_study",
    "frontier",
    "goal_fan",
    "goal_ladder",
    "group_time",
    "growth",
    "honest",
    "intervals",
    "kpi_graph",
    "journey_heat",
    "love_plot",
    "npv_distribution",
    "overlap_histogram",
    "policy_curve",
    "pretrend_power",
    "recovery_cutoff",
    "recovery_timeline",
    "respondents_and_everyone",
    "response_funnel",
    "retention_curves",
    "risk_uplift_map",
    "score_path",
    "score_waterfall",
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
    "unit_ranks",
    "uplift_curve",
    "uplift_deciles",
    "validation_page",
    "waterfall",
    "who_answered",
]
