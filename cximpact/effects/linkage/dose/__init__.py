"""Dose-response: mean behavior at each level of a score."""

from __future__ import annotations

from cximpact.effects.linkage.dose.fit import dose_response
from cximpact.effects.linkage.dose.result import DoseResponsePosterior
from cximpact.effects.linkage.dose.settings import DoseOptions

__all__ = ["DoseOptions", "DoseResponsePosterior", "dose_response"]
