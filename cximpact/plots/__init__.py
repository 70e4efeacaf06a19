"""Pictures: labelled tables and draws in, a matplotlib Axes out. They know no estimator."""

from __future__ import annotations

from cximpact.plots.bridge import waterfall
from cximpact.plots.cash_flow import cash_flow_fan
from cximpact.plots.effects import effect
from cximpact.plots.event_time import event_study
from cximpact.plots.goals import goal_ladder
from cximpact.plots.npv import npv_distribution
from cximpact.plots.quantity import distribution
from cximpact.plots.render import to_png, to_svg
from cximpact.plots.respondents import respondents_and_everyone
from cximpact.plots.sensitivity import sensitivity_curve
from cximpact.plots.waves import scores

__all__ = [
    "cash_flow_fan",
    "distribution",
    "effect",
    "event_study",
    "goal_ladder",
    "npv_distribution",
    "respondents_and_everyone",
    "scores",
    "sensitivity_curve",
    "to_png",
    "to_svg",
    "waterfall",
]
