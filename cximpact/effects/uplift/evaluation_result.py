"""What an evaluation of a ranking found: metrics, curves and groups with their errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from cximpact.core.provenance import Provenance
from cximpact.core.results import TIDY_COLUMNS, plotting, quantile, result_html
from cximpact.core.sample_order import frozen
from cximpact.core.summaries import interval
from cximpact.core.validate import check_choice, check_prob
from cximpact.effects.uplift.calibration_gates import calibration_table, gates
from cximpact.effects.uplift.curve_bootstrap import FRACTIONS, KINDS
from cximpact.effects.uplift.evaluation_data import HeldOut
from cximpact.effects.uplift.evaluation_words import explanation

INTERVALS = ("normal", "percentile")
METRIC = "metric"
_GROUPED = ("deciles", "calibration")


@dataclass(frozen=True, kw_only=True, eq=False)
class UpliftEvaluation:
    """What a score is worth as a ranking; made by `evaluate_scores`.

    Parameters
    ----------
    name : str
        Name of the score.
    estimate : xarray.DataArray
        Metrics on the data, dimension ``metric``.
    draws : xarray.DataArray
        Metrics in bootstrap replicates, ``(sample, metric)``.
    random, random_draws : xarray.DataArray
        The same for what a random ranking is expected to give.
    curves, curve_draws : xarray.DataArray
        Curves on the data, ``(kind, fraction)``, and in the replicates.
    df : float or None
        Degrees of freedom of intervals and tests: clusters less one; None is normal.
    normalization : str
        Of Qini and AUUC, as in `qini_coefficient`.
    data : HeldOut
        The customers.
    score : numpy.ndarray
        Their scores.
    provenance : Provenance
        Where it comes from.

    Notes
    -----
    Estimand: how well the score ranks new customers like these by their effect. It needs scores
    made without these rows, and pseudo-outcomes that are right (a random or rightly modelled
    treatment). Qini, AUUC and uplift at k compare the arms as they are and need a random
    treatment; AUTOC, the Qini form of the rank-weighted effect and the effect at k do not.
    """

    name: str
    estimate: xr.DataArray = field(repr=False)
    draws: xr.DataArray = field(repr=False)
    random: xr.DataArray = field(repr=False)
    random_draws: xr.DataArray = field(repr=False)
    curves: xr.DataArray = field(repr=False)
    curve_draws: xr.DataArray = field(repr=False)
    df: float | None
    normalization: str
    data: HeldOut
    score: np.ndarray = field(repr=False)
    provenance: Provenance = field(repr=False)

    def __post_init__(self) -> None:
        arrays = ("estimate", "draws", "random", "random_draws", "curves", "curve_draws")
        for name in arrays:
            object.__setattr__(self, name, frozen(getattr(self, name)))
        score = np.array(self.score)
        score.setflags(write=False)
        object.__setattr__(self, "score", score)

    def tidy(self, prob: float = 0.9, kind: str = "normal") -> pd.DataFrame:
        """Return every metric with its error and its test against a random ranking.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"normal", "percentile"}
            Estimate and bootstrap standard error, or quantiles of the replicates.

        Returns
        -------
        pandas.DataFrame
            ``metric, term, estimate, std_error, conf_low, conf_high, conf_level, n``, then
            ``random`` (what a random ranking is expected to give), ``p_value`` (two-sided) and
            ``p_value_greater`` (one-sided: better than random).

        Notes
        -----
        Tests are t tests of the difference from a random ranking by its bootstrap standard error.
        At k a random ranking gives the average effect, which is as uncertain as the rest.
        """
        check_choice(kind, "kind", INTERVALS)
        half = quantile(self.df, (1 + check_prob(prob)) / 2)
        value, error = self.estimate.values, self.draws.values.std(axis=0, ddof=1)
        low, high = value - half * error, value + half * error
        if kind == "percentile":
            low, high = (end.values for end in interval(self.draws, prob))
        p_two, p_one = p_values(
            value - self.random.values,
            (self.draws.values - self.random_draws.values).std(axis=0, ddof=1),
            self.df,
        )
        names = self.estimate[METRIC].values.tolist()
        columns = (names, value, error, low, high, prob, self.data.n)
        table = pd.DataFrame({METRIC: names} | dict(zip(TIDY_COLUMNS, columns, strict=True)))
        return table.assign(random=self.random.values, p_value=p_two, p_value_greater=p_one)

    def curve(self, kind: str = "toc", prob: float = 0.9) -> pd.DataFrame:
        """Return a curve of the ranking with its uncertainty at every point.

        Parameters
        ----------
        kind : {"toc", "uplift", "qini"}
            ``"toc"``: by how much the average effect of the first exceeds that of all.
            ``"uplift"`` and ``"qini"``: what treating the first brings, per customer of all.
        prob : float, default 0.9
            Mass of the interval at each point; it is no band for the whole curve.

        Returns
        -------
        pandas.DataFrame
            ``fraction, estimate, std_error, conf_low, conf_high, conf_level`` and ``random``, the
            curve of a random ranking.
        """
        check_choice(kind, "kind", KINDS)
        half = quantile(self.df, (1 + check_prob(prob)) / 2)
        value = self.curves.sel(kind=kind).values
        error = self.curve_draws.sel(kind=kind).values.std(axis=0, ddof=1)
        columns = [value, error, value - half * error, value + half * error]
        fractions, random = FRACTIONS, FRACTIONS * value[-1]
        if kind != "toc":
            fractions, random = np.append(0.0, fractions), np.append(0.0, random)
            columns = [np.append(0.0, c) for c in columns]
        names = ("estimate", "std_error", "conf_low", "conf_high")
        table = pd.DataFrame({"fraction": fractions} | dict(zip(names, columns, strict=True)))
        return table.assign(conf_level=prob, random=random)

    def deciles(self, n: int = 10, prob: float = 0.9) -> pd.DataFrame:
        """Return the average effect by group of the score.

        Parameters
        ----------
        n : int, default 10
            How many groups.
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            As `GroupEffects.tidy`; group 1 has the highest scores.
        """
        data = self.data
        gamma = np.asarray(data.pseudo_outcome)
        found = gates(self.score, gamma, n, weights=data.weights, cluster=data.cluster)
        return found.tidy(prob)

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph whether the score ranks customers by their effect, and how well.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            It says plainly when the ranking is not told apart from a random one.
        """
        return explanation(self, self.tidy(prob))

    def plot(self, kind: str = "toc", prob: float = 0.9, **options: Any) -> Any:
        """Draw a curve of the ranking, or effects by group of the score.

        Parameters
        ----------
        kind : {"toc", "uplift", "qini", "deciles", "calibration"}
            Which curve; effects by group; or predicted effects against those found, where the
            score is a predicted effect.
        prob : float, default 0.9
            Mass of the intervals.
        **options
            Passed to `cximpact.plots.uplift_curve`, `cximpact.plots.uplift_deciles` or
            `cximpact.plots.calibration`; ``unit`` is percentage points for outcomes of 0 and 1.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        check_choice(kind, "kind", (*KINDS, *_GROUPED))
        data, plots = self.data, plotting()
        options.setdefault("unit", "pp" if data.binary else "")
        if kind in KINDS:
            return plots.uplift_curve(self.curve(kind, prob), kind=kind, **options)
        gamma, weights = np.asarray(data.pseudo_outcome), np.asarray(data.weights)
        if kind == "deciles":
            options.setdefault("average", float(np.average(gamma, weights=weights)))
            return plots.uplift_deciles(self.deciles(prob=prob), **options)
        table = calibration_table(
            self.score, gamma, weights=weights, cluster=data.cluster, prob=prob
        )
        return plots.calibration(table, **options)

    def _repr_html_(self) -> str:
        return result_html(f"Ranking by {self.name}", self.tidy(), self.explain())


def p_values(
    distance: np.ndarray, error: np.ndarray, df: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the p-values of distances from 0.

    Parameters
    ----------
    distance, error : numpy.ndarray, shape (metric,)
        Distances and their standard errors.
    df : float or None
        Degrees of freedom; None is normal.

    Returns
    -------
    tuple of numpy.ndarray
        Two-sided, and for distances above 0; 1 where there is neither a distance nor an error.
    """
    law = stats.norm if df is None else stats.t(df)
    flat = (np.abs(distance) < 1e-12) & (error < 1e-12)
    t = np.divide(distance, error, out=np.zeros_like(distance), where=~flat)
    return np.where(flat, 1.0, 2 * law.sf(np.abs(t))), np.where(flat, 1.0, law.sf(t))
