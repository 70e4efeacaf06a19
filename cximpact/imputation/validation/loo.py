"""Leave-one-out predictive accuracy of an answer, without going back to rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from cximpact.core.draws import SAMPLE
from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.results import result_html
from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.core.wording import number
from cximpact.data import Cells
from cximpact.imputation.design import Design
from cximpact.imputation.poststratify import probabilities
from cximpact.imputation.validation.design_rows import rows_of
from cximpact.imputation.validation.folds import cell_folds
from cximpact.imputation.validation.refit import joint_log_density, refit

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

UNITS = ("answer", "cell")
_HELD = 10_000_000
"""Log probabilities held at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictiveAccuracy:
    """Expected log predictive density of answers that were left out.

    Parameters
    ----------
    pointwise : pandas.DataFrame
        One row a term: ``cell``, ``n`` (answers it stands for), ``elpd`` (of one unit); for
        single answers also ``category``, ``lpd`` (with the answer left in) and ``pareto_k``.
    unit : {"answer", "cell"}
        What is left out.
    good_k : float
        Pareto k up to which importance sampling is reliable; NaN where it was not used.
    """

    pointwise: pd.DataFrame = field(repr=False)
    unit: str
    good_k: float

    @property
    def n(self) -> int:
        """How many units were left out in turn."""
        return int(self._times.sum())

    @property
    def elpd(self) -> float:
        """Sum over all units, in nats."""
        return float(self._times @ self.pointwise["elpd"])

    @property
    def std_error(self) -> float:
        """Standard error of the sum, from the spread between units."""
        times, elpd = self._times, self.pointwise["elpd"].to_numpy()
        spread = times @ (elpd - times @ elpd / times.sum()) ** 2
        return float(np.sqrt(spread * self.n / (self.n - 1)))

    @property
    def p_loo(self) -> float:
        """Effective number of parameters; NaN for cells."""
        if self.unit == "cell":
            return float("nan")
        return float(self._times @ (self.pointwise["lpd"] - self.pointwise["elpd"]))

    @property
    def n_bad(self) -> int:
        """Answers whose Pareto k is above ``good_k``; their terms are not reliable."""
        if self.unit == "cell":
            return 0
        return int(self._times[self.pointwise["pareto_k"].to_numpy() > self.good_k].sum())

    def minus(self, other: PredictiveAccuracy) -> tuple[float, float]:
        """Compare with another model of the same answers.

        Parameters
        ----------
        other : PredictiveAccuracy
            From a fit to the same cells.

        Returns
        -------
        tuple of float
            Difference of the sums, positive when this model predicts better, and its standard
            error, paired unit by unit.

        Raises
        ------
        ConfigError
            If the two are not about the same answers.
        """
        keys = [c for c in ("cell", "category", "n") if c in self.pointwise]
        if self.unit != other.unit or not self.pointwise[keys].equals(
            other.pointwise.reindex(columns=keys)
        ):
            raise ConfigError("the two are not about the same answers; fit both to the same cells.")
        gap = self.pointwise.assign(elpd=self.pointwise["elpd"] - other.pointwise["elpd"])
        both = replace(self, pointwise=gap)
        return both.elpd, both.std_error

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the sum as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``: ``elpd``, then
            ``elpd per unit``.
        """
        z = float(stats.norm.ppf((1 + check_prob(prob)) / 2))
        estimate = np.array([self.elpd, self.elpd / self.n])
        error = np.array([self.std_error, self.std_error / self.n])
        return pd.DataFrame(
            {
                "term": ["elpd", f"elpd per {self.unit}"],
                "estimate": estimate,
                "std_error": error,
                "conf_low": estimate - z * error,
                "conf_high": estimate + z * error,
                "conf_level": prob,
                "n": self.n,
            }
        )

    def explain(self) -> str:
        """Say how well left-out answers are predicted, and whether that can be relied on.

        Returns
        -------
        str
            A paragraph.
        """
        typical = number(np.exp(self.elpd / max(self.pointwise["n"].sum(), 1)))
        text = (
            f"Each of {self.n:,} {self.unit}s was left out in turn: the log predictive density is "
            f"{number(self.elpd)} (standard error {number(self.std_error)}); typically an answer "
            f"had been given a probability of {typical}."
        )
        if self.unit == "cell":
            return f"{text} Cells were predicted as new ones, by refitting without them."
        if self.n_bad:
            return (
                f"{text} Not reliable: {self.n_bad:,} answers have a Pareto k above "
                f"{self.good_k:.2f}. Use validate(), which refits."
            )
        worst = float(self.pointwise["pareto_k"].max())
        return f"{text} Reliable: the largest Pareto k is {worst:.2f}, below {self.good_k:.2f}."

    def _repr_html_(self) -> str:
        return result_html(f"Left-out {self.unit}s", self.tidy(), self.explain())

    @property
    def _times(self) -> np.ndarray:
        n = self.pointwise["n"].to_numpy()
        return n if self.unit == "answer" else np.ones(len(n), dtype=int)


def loo(
    imputed: ImputedScores,
    *,
    unit: str = "answer",
    k: int = 10,
    r_eff: float = 1.0,
    rng: RngLike = None,
) -> PredictiveAccuracy:
    """Estimate how well the model predicts an answer, or a cell, that it has not seen.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    unit : {"answer", "cell"}
        What is left out: one answer, by importance sampling without refitting; or all answers of
        a cell, by refitting without a tenth of the cells at a time.
    k : int, default 10
        Folds, for cells.
    r_eff : float, default 1.0
        Relative efficiency of the draws: effective draws as a share of all.
    rng : int or Generator, optional
        Randomness of folds and refits; the seed of the fit by default.

    Returns
    -------
    PredictiveAccuracy
        Sum, standard error and the terms.

    Raises
    ------
    InsufficientDataError
        If there are fewer than two answers.

    Notes
    -----
    Answers of one cell and category are interchangeable and have the same term, so there is one
    Pareto smoothed importance sampling for each pair that occurs, counted as often as the answer
    was given: ``elpd = sum_jk n_jk elpd_jk``. Sum, standard error and Pareto k equal those of
    expanded rows. The two units answer different questions: a further answer in a cell that is
    known, or the answers of a cell that is not.

    What breaks it: answers that carry much weight, shown by a Pareto k above
    ``min(1 - 1 / log10(draws), 0.7)``.

    References
    ----------
    Vehtari, A., Gelman, A. and Gabry, J. (2017). Practical Bayesian model evaluation using
    leave-one-out cross-validation and WAIC. Statistics and Computing 27, 1413-1432. Vehtari, A.
    et al. (2024). Pareto smoothed importance sampling. Journal of Machine Learning Research 25(72).
    """
    check_choice(unit, "unit", UNITS)
    if imputed.cells.n_answered < 2:
        raise InsufficientDataError("there are fewer than 2 answers; nothing can be left out.")
    if unit == "cell":
        return _cells_left_out(imputed, k, imputed.provenance.seed if rng is None else rng)
    r_eff = check_number(r_eff, "r_eff", low=0, high=1, open_low=True)
    cells, rows = imputed.cells, []
    for pairs, log_p in pair_log_probabilities(imputed.draws, cells, imputed.design):
        weights, pareto_k = _smoothed_weights(log_p, r_eff)
        rows.append(
            pd.DataFrame(
                {
                    "cell": cells.cell[pairs],
                    "category": cells.category[pairs],
                    "n": cells.count[pairs].astype(int),
                    "elpd": special.logsumexp(weights + log_p.T, axis=-1),
                    "lpd": special.logsumexp(log_p, axis=0) - np.log(len(log_p)),
                    "pareto_k": pareto_k,
                }
            )
        )
    n_draws = imputed.draws.sizes[SAMPLE]
    return PredictiveAccuracy(
        pointwise=pd.concat(rows, ignore_index=True),
        unit=unit,
        good_k=min(1 - 1 / np.log10(n_draws), 0.7),
    )


def pair_log_probabilities(
    draws: xr.Dataset, cells: Cells, design: Design
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Work out the log probability of every pair of a cell and an answer, some pairs at a time.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the parameters.
    cells : Cells
        Counts of answers.
    design : Design
        Effects of the cells.

    Yields
    ------
    tuple of numpy.ndarray
        Numbers of the pairs, and log probabilities of shape (sample, pair).
    """
    n_draws = draws.sizes[SAMPLE]
    order = np.argsort(cells.cell, kind="stable")
    step = max(1, _HELD // (n_draws * cells.scale.n_categories))
    for start in range(0, cells.n_cells, step):
        pairs = order[slice(*np.searchsorted(cells.cell[order], [start, start + step]))]
        if len(pairs) == 0:
            continue
        part = rows_of(design, slice(start, start + step))
        at = (slice(None), cells.cell[pairs] - start, cells.category[pairs])
        with np.errstate(divide="ignore"):
            log_p = np.concatenate([np.log(p[at]) for p in probabilities(draws, part)])
        yield pairs, np.maximum(log_p, -700.0)


def _smoothed_weights(log_p: np.ndarray, r_eff: float) -> tuple[np.ndarray, np.ndarray]:
    """Return log weights of shape (pair, sample) that leave an answer out, and Pareto k."""
    from arviz_stats.base.array import array_stats

    smooth: Any = array_stats.psislw
    return smooth(log_p, r_eff=r_eff, axis=0)


def _cells_left_out(imputed: ImputedScores, k: int, rng: RngLike) -> PredictiveAccuracy:
    """Refit without some cells, and add up the joint density of the answers of each."""
    cells, rows = imputed.cells, []
    split, fits = spawn(rng, "cells left out", "fits without cells")
    for fold in cell_folds(cells, k, split):
        fitted = refit(imputed, fold.train, fits)
        where = np.flatnonzero(fold.held_out.sum(axis=1))
        part = rows_of(fitted.design.at(cells.index), where)
        elpd = joint_log_density(fitted.draws, part, fold.held_out[where])
        n = fold.held_out[where].sum(axis=1)
        rows.append(pd.DataFrame({"cell": where, "n": n, "elpd": elpd}))
    table = pd.concat(rows, ignore_index=True).sort_values("cell", ignore_index=True)
    return PredictiveAccuracy(pointwise=table, unit="cell", good_k=float("nan"))
