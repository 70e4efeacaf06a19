"""Gamma-gamma: what customers spend at a purchase, shrunk to what the others spend."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import AssumptionWarning, DesignError, InsufficientDataError
from cximpact.core.provenance import Provenance
from cximpact.core.results import DrawKind, plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import as_floats, check_count
from cximpact.core.versions import versions
from cximpact.core.wording import number
from cximpact.value.likelihood import Maximum, maximize
from cximpact.value.parameters import in_words, parameter_table
from cximpact.value.transactions import PurchaseHistory, as_history

NAMES = ("p", "q", "v")
GOES_TOGETHER = 0.3
"""A correlation of frequency and spend above this counts as no independence."""


@dataclass(frozen=True, kw_only=True)
class GammaGamma:
    """Mean spend of a purchase, from customers who bought again.

    Parameters
    ----------
    draws : int, default 4000
        Draws of the parameters.

    Notes
    -----
    Estimand: the mean amount that a customer will spend at a purchase. Amounts of a customer
    are gamma(p, nu) distributed around the own mean and ``nu`` is gamma(q, v) over customers,
    independent of how often they buy. Frequency counts repeat purchases, and the mean amount
    is over these. The independence is checked: a correlation above 0.3 warns, since then
    frequent buyers spend otherwise than the model says.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013). The gamma-gamma model of monetary value.
    """

    draws: int = 4000

    def __post_init__(self) -> None:
        check_count(self.draws, "draws", low=2)

    def fit(self, data: PurchaseHistory | Any, *, rng: RngLike = None) -> SpendFit:
        """Fit the model to the customers who bought again.

        Parameters
        ----------
        data : PurchaseHistory or frame
            Columns ``frequency`` and ``monetary``, or ``x`` and ``m``.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        SpendFit
            Parameters and expected spend.

        Raises
        ------
        CLVInputError
            For spend that is not above 0.
        InsufficientDataError
            If there are too few repeaters.
        DesignError
            If ``q`` is not above 1, so that the mean spend of the population is infinite.

        Warns
        -----
        AssumptionWarning
            If frequency and spend go together.
        """
        history = as_history(data, monetary=True)
        x, m = (history.repeaters().table[c].to_numpy(float) for c in ("frequency", "monetary"))
        if x.size <= len(NAMES):
            raise InsufficientDataError(
                f"{x.size} customers bought again; expected more than {len(NAMES)}: the first "
                "purchase does not count."
            )
        together = _correlation(x, m)
        start = float(m.mean())
        found = maximize(
            _LogLikelihood(x, m), [(5.0, 4.0, start / 2), (1.0, 3.0, start)], "gamma-gamma"
        )
        if found.theta[1] <= 1:
            raise DesignError(
                f"q is {found.theta[1]:.3g}; the mean spend of the population is finite only above "
                "1. A few very large amounts rule the data: look at them, or model their log."
            )
        seed = seed_of(rng)
        provenance = Provenance(
            method="value.GammaGamma",
            data_hash=history.data_hash,
            settings={"draws": self.draws},
            seed=seed,
            versions=versions(),
            notes=history.notes,
        )
        return SpendFit(
            maximum=found,
            draws=found.draw(
                self.draws,
                seed=seed,
                source=provenance.source,
                names=NAMES,
                data_id=history.data_hash,
            ),
            history=history,
            correlation=together,
            provenance=provenance,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SpendFit:
    """A fitted gamma-gamma model.

    Parameters
    ----------
    maximum : Maximum
        Estimates.
    draws : xarray.Dataset
        Draws of ``p``, ``q`` and ``v`` from their asymptotic distribution.
    history : PurchaseHistory
        The customers.
    correlation : float
        Of frequency and mean spend over the customers who bought again.
    provenance : Provenance
        Where it comes from.
    draw_kind : {"asymptotic"}
        How the draws arose.
    """

    maximum: Maximum
    draws: xr.Dataset = field(repr=False)
    history: PurchaseHistory
    correlation: float
    provenance: Provenance = field(repr=False)
    draw_kind: DrawKind = "asymptotic"

    def summary(self, prob: float = 0.9) -> pd.DataFrame:
        """Summarize the parameters, one row each.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `tidy`.
        """
        return self.tidy(prob)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the parameters as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval, which is symmetric on the log scale.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``; ``n`` counts the
            customers who bought again.
        """
        return parameter_table(self.maximum, NAMES, prob, self.history.repeaters().n)

    def mean_spend(self, *, draws: bool = False) -> xr.DataArray:
        """Return the mean spend of the population.

        Parameters
        ----------
        draws : bool, default False
            Return every draw instead of the estimate.

        Returns
        -------
        xarray.DataArray
            ``v p / (q - 1)``, in money of the data.

        Raises
        ------
        DesignError
            If some draws of ``q`` are not above 1.
        """
        if not draws:
            p, q, v = self.maximum.theta
            return xr.DataArray(v * p / (q - 1))
        if (share := float((self.draws["q"] <= 1).mean())) > 0:
            raise DesignError(
                f"q is at most 1 in {share:.1%} of the draws, where the mean spend is infinite; "
                "there are too few repeaters for a distribution of the mean."
            )
        return dr.map(lambda d: d["v"] * d["p"] / (d["q"] - 1), self.draws, name="mean spend")

    def predict(self, customers: Any = None) -> pd.Series:
        """Return the expected mean spend of each customer, at the estimates.

        Parameters
        ----------
        customers : PurchaseHistory or frame, optional
            Customers; those of the fit by default.

        Returns
        -------
        pandas.Series
            Without a repeat purchase that of the population.
        """
        history = self.history if customers is None else as_history(customers, monetary=True)
        x, m = (as_floats(history.table[c], c) for c in ("frequency", "monetary"))
        values = expected_spend(self.maximum.theta, x, np.where(x > 0, m, 0.0))
        return pd.Series(values, index=history.table.index, name="spend")

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what was fitted and what it rests on.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Parameters, mean spend and the check of independence.
        """
        return (
            f"Gamma-gamma on {self.history.repeaters().n:,} customers who bought again: "
            f"{in_words(self.tidy(prob))}. The mean spend of the population is "
            f"{number(float(self.mean_spend()))}. It rests on spend that does not go with "
            f"frequency (tested: their correlation is {number(self.correlation)}). What would "
            "change it: prices or baskets that change over time."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the distribution of the mean spend of the population.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.distribution`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().distribution(
            self.mean_spend(draws=True), unit="money per purchase", **options
        )

    def _repr_html_(self) -> str:
        return result_html("Gamma-gamma", self.tidy(), self.explain())


def expected_spend(theta: ArrayLike, x: ArrayLike, mean: ArrayLike) -> np.ndarray:
    """Return the expected mean spend of customers.

    Parameters
    ----------
    theta : array_like, shape (3,)
        ``p, q, v``.
    x, mean : array_like
        Repeat purchases, and their mean amount (anything where there are none).

    Returns
    -------
    numpy.ndarray
        ``(v + mean x) p / (p x + q - 1)``.
    """
    p, q, v = np.asarray(theta, dtype=float)
    x, mean = np.asarray(x, dtype=float), np.asarray(mean, dtype=float)
    return (v + mean * x) * p / (p * x + q - 1)


class _LogLikelihood:
    def __init__(self, x: np.ndarray, mean: np.ndarray) -> None:
        self.x, self.mean = x, mean

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        (p, q, v), x, m = theta, self.x, self.mean
        shape, log_total = p * x, np.log(v + m * x)
        value = (
            -special.betaln(shape, q)
            + q * np.log(v)
            + shape * np.log(m * x)
            - np.log(m)
            - (shape + q) * log_total
        ).sum()
        psi, whole = special.psi, special.psi(shape + q)
        by_p = (x * (whole - psi(shape) + np.log(m * x) - log_total)).sum()
        by_q = (whole - psi(q) + np.log(v) - log_total).sum()
        by_v = (q / v - (shape + q) / (v + m * x)).sum()
        return float(value), np.array([by_p, by_q, by_v])


def _correlation(x: np.ndarray, mean: np.ndarray) -> float:
    if x.std() == 0 or mean.std() == 0:
        return 0.0
    together = float(np.corrcoef(x, mean)[0, 1])
    if abs(together) > GOES_TOGETHER:
        warnings.warn(
            f"frequency and spend have a correlation of {together:.2f} (above {GOES_TOGETHER:g} "
            "counts as going together); gamma-gamma takes them as independent. Fit segments apart, "
            "or value purchases by segment.",
            AssumptionWarning,
            stacklevel=3,
        )
    return together
