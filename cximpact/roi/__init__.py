"""ROI: initiatives, their cash flows, and the metrics people decide by."""

from cximpact.roi.assumed import assumed_effect
from cximpact.roi.claims import Verdict, check_claim, claims
from cximpact.roi.compare import ScenarioResults, compare_scenarios, with_haircuts
from cximpact.roi.decision import alternatives, uncertain_inputs
from cximpact.roi.goal_value import GoalValue, goal_value
from cximpact.roi.initiative import Initiative
from cximpact.roi.portfolio import Portfolio, portfolio
from cximpact.roi.result import RoiResult
from cximpact.roi.scenario import Overlap, Scenario
from cximpact.roi.sensitivity import shapley_effects, sobol_indices, tornado
from cximpact.roi.settings import Settings
from cximpact.roi.simple import SimpleRoi, simple
from cximpact.roi.simulate import simulate
from cximpact.roi.stress import StressResult, stress
from cximpact.roi.study_size import StudySize, study_size
from cximpact.roi.voi import InformationValue, evpi, evppi, evsi
from cximpact.roi.what_if import Terms, WhatIf, what_if

__all__ = [
    "GoalValue",
    "InformationValue",
    "Initiative",
    "Overlap",
    "Portfolio",
    "RoiResult",
    "Scenario",
    "ScenarioResults",
    "Settings",
    "SimpleRoi",
    "StressResult",
    "StudySize",
    "Terms",
    "Verdict",
    "WhatIf",
    "alternatives",
    "assumed_effect",
    "check_claim",
    "claims",
    "compare_scenarios",
    "evpi",
    "evppi",
    "evsi",
    "goal_value",
    "portfolio",
    "shapley_effects",
    "simple",
    "simulate",
    "sobol_indices",
    "stress",
    "study_size",
    "tornado",
    "uncertain_inputs",
    "what_if",
    "with_haircuts",
]
