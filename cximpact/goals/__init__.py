"""Goals: where a score is heading, how far to aim, and how likely it is to get there."""

from __future__ import annotations

from cximpact.goals.assess import GoalSettings
from cximpact.goals.attain import Attainment, attainment
from cximpact.goals.baseline import TrendBaseline
from cximpact.goals.convert import convert_by_range, convert_by_sd
from cximpact.goals.detect import Detectability, detectability
from cximpact.goals.enough import Enough, derived_ceiling, high_enough
from cximpact.goals.goal import Adjustment, Goal
from cximpact.goals.latent import LatentShift, required_shift, shift_pmf
from cximpact.goals.opportunity import opportunity_share, percent_of_opportunity
from cximpact.goals.path import Finding, GoalPath, goal_path
from cximpact.goals.recommend import recommend
from cximpact.goals.rollout import Capacity, Rollout, capacity
from cximpact.goals.season import Trend
from cximpact.goals.segments import SegmentGoals, segment_goals
from cximpact.goals.smart import Smart
from cximpact.goals.spread import half_sd, share_passed
from cximpact.goals.trend import trend_baseline

__all__ = [
    "Adjustment",
    "Attainment",
    "Capacity",
    "Detectability",
    "Enough",
    "Finding",
    "Goal",
    "GoalPath",
    "GoalSettings",
    "LatentShift",
    "Rollout",
    "SegmentGoals",
    "Smart",
    "Trend",
    "TrendBaseline",
    "attainment",
    "capacity",
    "convert_by_range",
    "convert_by_sd",
    "derived_ceiling",
    "detectability",
    "goal_path",
    "half_sd",
    "high_enough",
    "opportunity_share",
    "percent_of_opportunity",
    "recommend",
    "required_shift",
    "segment_goals",
    "share_passed",
    "shift_pmf",
    "trend_baseline",
]
