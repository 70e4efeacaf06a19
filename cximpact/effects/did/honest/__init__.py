"""What an effect may still be when trends are not parallel."""

from __future__ import annotations

from cximpact.effects.did.honest.bounds import HonestBounds, honest_band, honest_bounds
from cximpact.effects.did.honest.posterior import honest_posterior
from cximpact.effects.did.honest.power import PretrendPower, pretrend_power

__all__ = [
    "HonestBounds",
    "PretrendPower",
    "honest_band",
    "honest_bounds",
    "honest_posterior",
    "pretrend_power",
]
