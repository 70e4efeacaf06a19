"""What a two-way fixed-effects coefficient mixes when treatment begins at several times."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cximpact.core.causal import CAUSAL
from cximpact.core.errors import AssumptionWarning
from cximpact.effects.did.bacon import BaconDecomposition, decompose
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.two_way_moments import moments_weights
from cximpact.effects.did.two_way_weights import negative_share, two_way_weights

ROUNDING = 1e-12
"""Weights so near zero are zero."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Weights of treated cells and comparisons behind a coefficient.

    Parameters
    ----------
    weights : pandas.DataFrame
        As `two_way_weights`.
    comparisons : BaconDecomposition, optional
        Those of a balanced panel with several starts of treatment; None for others.
    staggered : bool
        Whether treatment begins at several times.
    """

    weights: pd.DataFrame = field(repr=False)
    comparisons: BaconDecomposition | None
    staggered: bool

    @property
    def diagnostics(self) -> dict[str, float]:
        """Sum of the negative weights, share of the cells that have them, forbidden share."""
        out = {
            "negative_weights": negative_share(self.weights),
            "negative_cells": float((self.weights["weight"] < -ROUNDING).mean()),
        }
        if self.comparisons is not None:
            out["forbidden_comparisons"] = self.comparisons.forbidden
        return out

    @property
    def details(self) -> dict[str, Any]:
        """Weights, comparisons where there are any, and whether the coefficient is causal."""
        out: dict[str, Any] = {"weights": self.weights}
        if self.comparisons is not None:
            out["comparisons"] = self.comparisons
        return out | ({CAUSAL: False} if self.staggered else {})

    def warn(self) -> None:
        """Warn that staggered effects are averaged with odd weights."""
        if not self.staggered:
            return
        found = self.diagnostics
        forbidden = ""
        if "forbidden_comparisons" in found:
            forbidden = f" ({found['forbidden_comparisons']:.0%} of it)"
        warnings.warn(
            "treatment begins at several times: the two-way fixed-effects coefficient compares "
            f"newly treated with already treated units{forbidden} (negative weights sum to "
            f"{found['negative_weights']:.2f}), and it is not used for return on investment.",
            AssumptionWarning,
            stacklevel=3,
        )


def mixture(did: DidTable | MomentsDesign) -> Mixture:
    """Find what the coefficient of a design mixes.

    Parameters
    ----------
    did : DidTable or MomentsDesign
        The design.

    Returns
    -------
    Mixture
        With the comparisons where the design is known by its moments and staggered.
    """
    if isinstance(did, DidTable):
        return Mixture(weights=two_way_weights(did), comparisons=None, staggered=did.staggered)
    return Mixture(
        weights=moments_weights(did),
        comparisons=decompose(did) if did.staggered else None,
        staggered=did.staggered,
    )
