"""Whether imputed scores can be trusted: answers held out, predicted, and compared."""

from __future__ import annotations

from cximpact.imputation.validation.loo import PredictiveAccuracy, loo
from cximpact.imputation.validation.result import Validation, validate
from cximpact.imputation.validation.sbc import SimulatedCalibration, sbc

__all__ = [
    "PredictiveAccuracy",
    "SimulatedCalibration",
    "Validation",
    "loo",
    "sbc",
    "validate",
]
