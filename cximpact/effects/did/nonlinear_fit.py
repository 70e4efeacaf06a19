"""Effects on treated cells when trends are parallel on one scale, and their errors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.effects.did.cell_sums import CellSums
from cximpact.effects.did.imputed_averages import ImputedCells, treated_cells
from cximpact.effects.did.imputed_leads import lead_times
from cximpact.effects.did.imputed_rows import unseen_note
from cximpact.effects.did.pretrend import pretrend_test
from cximpact.effects.did.trend_scale import ScaleFit, TrendScale, fit_scale


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaledEffects:
    """Effects under parallel trends on one scale.

    Parameters
    ----------
    sums : CellSums
        The design.
    scale : TrendScale
        The scale.
    fit : ScaleFit
        Untreated means.
    where : numpy.ndarray of int
        The treated cells whose untreated mean is known.
    found : ImputedCells
        Their effects and joint error.
    """

    sums: CellSums = field(repr=False)
    scale: TrendScale
    fit: ScaleFit = field(repr=False)
    where: np.ndarray = field(repr=False)
    found: ImputedCells = field(repr=False)

    def summary(self) -> dict[str, float | str]:
        """Return the average effect.

        Returns
        -------
        dict
            ``trend``, ``estimate`` and ``std_error``.
        """
        row = self.found.cells.rows("simple", overall=False)
        return {
            "trend": self.scale.name,
            "estimate": float(self.found.stack[row][0]),
            "std_error": float(np.sqrt(np.diag(self.found.covariance)[row][0])),
        }

    def table(self) -> pd.DataFrame:
        """Return every treated cell.

        Returns
        -------
        pandas.DataFrame
            ``cohort``, ``period``, ``mean``, ``untreated`` mean, their difference ``effect``, and
            ``link_effect``, the effect on the scale: a log odds ratio or a log ratio.
        """
        cells, k = self.sums.cells, self.where
        with np.errstate(divide="ignore"):
            link = self.scale.link(cells.mean[k]) - self.fit.predictor[k]
        return pd.DataFrame(
            {
                "cohort": cells.cohort[k],
                "period": cells.period[k],
                "mean": cells.mean[k],
                "untreated": self.fit.fitted[k],
                "effect": cells.mean[k] - self.fit.fitted[k],
                "link_effect": link,
            }
        )

    def outside(self) -> int:
        """Count treated cells whose untreated mean is not a share.

        Returns
        -------
        int
            How many lie outside 0 to 1.
        """
        untreated = self.fit.fitted[self.where]
        return int(((untreated < 0) | (untreated > 1)).sum())

    def trends(self, df: float | None, *, clustered: bool) -> dict[str, float]:
        """Test trends ahead of treatment on untreated cells, on the scale.

        Parameters
        ----------
        df : float or None
            Degrees of freedom.
        clustered : bool
            Whether errors are by cluster.

        Returns
        -------
        dict of str to float
            As `pretrend_test`.
        """
        cells = self.sums.cells
        since = cells.period - cells.cohort
        times = lead_times(since[cells.free], None)
        dummies = ((since[:, None] == times) & cells.free[:, None]).astype(float)
        fit = fit_scale(cells, self.scale, dummies)
        mine = slice(len(fit.coefficients) - len(times), None)
        if not fit.known[mine].all():
            times = times[:0]
            mine = slice(0, 0)
        covariance = _covariance(self.sums, fit.spread[mine], fit.fitted, None, clustered)
        return pretrend_test(times, fit.coefficients[mine], covariance, df)


def fit_effects(sums: CellSums, scale: TrendScale, *, clustered: bool) -> ScaledEffects:
    """Estimate effects under parallel trends on a scale.

    Parameters
    ----------
    sums : CellSums
        The design.
    scale : TrendScale
        The scale.
    clustered : bool
        Errors by cluster, else of independent people.

    Returns
    -------
    ScaledEffects
        With the joint error of all averages.
    """
    means, fit = sums.cells, fit_scale(sums.cells, scale)
    where = np.flatnonzero(~means.free & fit.seen)
    lost = ~means.free & ~fit.seen
    cells = treated_cells(means.cohort[where], means.period[where])
    value, count = (means.mean - fit.fitted)[where], means.weight[where]
    moves = -fit.move[where]
    moves[np.arange(len(where)), where] += 1 / count
    shares = np.zeros((len(cells.stack(value, count)), len(means.mean)))
    shares[:, where] = cells.share_jacobian(value, count)
    around = np.where(means.free, fit.fitted, means.mean)
    moves = cells.jacobian(count) @ moves
    found = ImputedCells(
        cells=cells,
        value=value,
        count=count,
        covariance=_covariance(sums, moves, around, shares, clustered),
        notes=unseen_note(means.cohort[lost], means.period[lost]),
    )
    return ScaledEffects(sums=sums, scale=scale, fit=fit, where=where, found=found)


def _covariance(
    sums: CellSums,
    moves: np.ndarray,
    around: np.ndarray,
    shares: np.ndarray | None,
    clustered: bool,
) -> np.ndarray:
    if clustered:
        return sums.clustered(moves, around, np.zeros_like(moves) if shares is None else shares)
    return sums.independent(moves, around)
