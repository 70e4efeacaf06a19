"""Mediation: how much of an effect on behavior passes through a score."""

from __future__ import annotations

from cximpact.effects.linkage.mediators.mediate import Mediation, mediation
from cximpact.effects.linkage.mediators.result import MediationPosterior
from cximpact.effects.linkage.mediators.two_step import through_score

__all__ = ["Mediation", "MediationPosterior", "mediation", "through_score"]
