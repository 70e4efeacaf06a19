"""Sensitivity: what something unmeasured would have to be like to change a conclusion."""

from __future__ import annotations

from cximpact.effects.sensitivity.benchmarks import benchmark_bounds
from cximpact.effects.sensitivity.confounding_report import Confounding, confounding
from cximpact.effects.sensitivity.marginal_model import MarginalSensitivity
from cximpact.effects.sensitivity.marginal_result import MarginalBounds
from cximpact.effects.sensitivity.matched_pairs import (
    RosenbaumBounds,
    rosenbaum_bounds,
    sensitivity_gamma,
)
from cximpact.effects.sensitivity.omitted_variable import (
    OmittedVariableBias,
    omitted_variable_bias,
    partial_r2,
    robustness_value,
)
from cximpact.effects.sensitivity.regression import Regression
from cximpact.effects.sensitivity.risk_ratio import EValue, e_value

__all__ = [
    "Confounding",
    "EValue",
    "MarginalBounds",
    "MarginalSensitivity",
    "OmittedVariableBias",
    "Regression",
    "RosenbaumBounds",
    "benchmark_bounds",
    "confounding",
    "e_value",
    "omitted_variable_bias",
    "partial_r2",
    "robustness_value",
    "rosenbaum_bounds",
    "sensitivity_gamma",
]
