"""The comparisons that a two-way fixed-effects coefficient is an average of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import DesignError
from cximpact.core.results import plotting, result_html
from cximpact.data import Panel
from cximpact.effects.did.moments_design import MomentsDesign, moments_design

KINDS = ("treated against never treated", "earlier against later", "later against earlier")
FORBIDDEN = KINDS[2]
"""Those treated before serve as controls, whose own effects may still be changing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BaconDecomposition:
    """Goodman-Bacon's decomposition of the two-way fixed-effects coefficient.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a comparison of two cohorts: ``kind``, ``treated`` and ``control`` (first treated
        periods; infinite is never), ``weight`` and ``estimate``. Weights are positive and sum
        to 1.
    notes : tuple of str
        What was left out.
    """

    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> float:
        """The two-way fixed-effects coefficient: comparisons by their weights."""
        return float(self.table["weight"] @ self.table["estimate"])

    @property
    def forbidden(self) -> float:
        """Weight of comparisons with those who were treated before."""
        return float(self.table.loc[self.table["kind"] == FORBIDDEN, "weight"].sum())

    def tidy(self) -> pd.DataFrame:
        """Return the comparisons.

        Returns
        -------
        pandas.DataFrame
            A copy of ``table``.
        """
        return self.table.copy()

    def summary(self) -> pd.DataFrame:
        """Average the comparisons of each kind.

        Returns
        -------
        pandas.DataFrame
            ``kind``, ``weight`` and the weighted ``estimate``.
        """
        sums = self.table.assign(part=self.table["weight"] * self.table["estimate"])
        out = sums.groupby("kind", as_index=False, sort=False)[["weight", "part"]].sum()
        return out.assign(estimate=out["part"] / out["weight"]).drop(columns="part")

    def explain(self) -> str:
        """Say what the coefficient is made of.

        Returns
        -------
        str
            A paragraph.
        """
        parts = [
            f"{row['kind']} {row['weight']:.0%} (estimate {row['estimate']:.3g})"
            for row in self.summary().to_dict("records")
        ]
        text = (
            f"The two-way fixed-effects coefficient {self.estimate:.4g} is an average of "
            f"{len(self.table)} comparisons: {'; '.join(parts)}."
        )
        if self.forbidden:
            text += (
                f" {self.forbidden:.0%} of it compares with units that are already treated; where "
                "effects grow over time, their growth is subtracted from the estimate. GroupTime, "
                "SunAbraham and ImputationDiD make no such comparison."
            )
        return " ".join([text, *self.notes])

    def plot(self, **options: Any) -> Any:
        """Draw the comparisons by weight and estimate.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.bacon`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().bacon(self.table, **options)

    def _repr_html_(self) -> str:
        return result_html("Goodman-Bacon decomposition", self.tidy(), self.explain())


def bacon_decomposition(data: Panel) -> BaconDecomposition:
    """Take the two-way fixed-effects coefficient apart.

    Parameters
    ----------
    data : Panel
        A balanced panel without weights. Covariates are not read: the coefficient without them is
        taken apart.

    Returns
    -------
    BaconDecomposition
        Every comparison of two cohorts with its weight.

    Raises
    ------
    DesignError
        If the panel has gaps or weights.

    References
    ----------
    Goodman-Bacon, A. (2021). Difference-in-differences with variation in treatment timing. Journal
    of Econometrics 225, 254-277.
    """
    design = moments_design(data)
    if design is None:
        raise DesignError(
            "the decomposition needs a balanced panel without weights, with first_treated and "
            "units that keep their cluster; two_way_weights has no such need."
        )
    return decompose(design)


def decompose(design: MomentsDesign) -> BaconDecomposition:
    """Take the coefficient of a design apart.

    Parameters
    ----------
    design : MomentsDesign
        The design, by period or by stretches between starts of treatment.

    Returns
    -------
    BaconDecomposition
        Every comparison of two cohorts with its weight.
    """
    table = pd.DataFrame(_comparisons(design))
    table["weight"] /= table["weight"].sum()
    order = [KINDS.index(kind) for kind in table["kind"]]
    table = table.assign(order=order).sort_values(["order", "treated", "control"])
    return BaconDecomposition(
        table=table.drop(columns="order").reset_index(drop=True), notes=design.notes
    )


def _comparisons(design: MomentsDesign) -> Iterator[dict[str, float | str]]:
    """Go through all pairs of cohorts."""
    cohorts, code = np.unique(design.first_treated, return_inverse=True)
    n = np.bincount(code, weights=design.moments.units)
    sums = np.zeros((len(cohorts), design.moments.sums.shape[1]))
    np.add.at(sums, code, design.moments.sums - design.moments.sums[:, :1])
    mean = sums / n[:, None]
    begin, length = design.moments.periods[design.moments.starts], design.moments.lengths
    on = begin >= cohorts[:, None]
    share = on @ length / length.sum()
    for k, first in enumerate(cohorts):
        for j in range(k + 1, len(cohorts)):
            both = n[k] + n[j]
            spread = n[k] * n[j] / both**2
            change = mean[k] - mean[j]
            pair = {"treated": first, "control": cohorts[j]}
            if np.isinf(cohorts[j]):
                weight = both**2 * spread * share[k] * (1 - share[k])
                estimate = _mean(change, on[k], length) - _mean(change, ~on[k], length)
                yield {"kind": KINDS[0], **pair, "weight": weight, "estimate": estimate}
                continue
            between = share[k] - share[j]
            middle = on[k] & ~on[j]
            yield {
                "kind": KINDS[1],
                **pair,
                "weight": both**2 * spread * between * (1 - share[k]),
                "estimate": _mean(change, middle, length) - _mean(change, ~on[k], length),
            }
            yield {
                "kind": KINDS[2],
                "treated": cohorts[j],
                "control": first,
                "weight": both**2 * spread * share[j] * between,
                "estimate": _mean(change, middle, length) - _mean(change, on[j], length),
            }


def _mean(change: np.ndarray, which: np.ndarray, length: np.ndarray) -> float:
    return float(np.average(change[which], weights=length[which]))
