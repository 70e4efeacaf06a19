"""Cases: what was opened and closed, and what closing the loop does to later behavior."""

from __future__ import annotations

from cximpact.effects.linkage.cases.closing import ClosingTimes
from cximpact.effects.linkage.cases.cutoff import AlertCutoff
from cximpact.effects.linkage.cases.designs import recovery
from cximpact.effects.linkage.cases.effect_result import RecoveryEffect
from cximpact.effects.linkage.cases.holdout import AlertHoldout
from cximpact.effects.linkage.cases.ledger import CaseLedger
from cximpact.effects.linkage.cases.rebound import before_after
from cximpact.effects.linkage.cases.regions import ConfidenceSet
from cximpact.effects.linkage.cases.staggered import StaggeredClosing

__all__ = [
    "AlertCutoff",
    "AlertHoldout",
    "CaseLedger",
    "ClosingTimes",
    "ConfidenceSet",
    "RecoveryEffect",
    "StaggeredClosing",
    "before_after",
    "recovery",
]
