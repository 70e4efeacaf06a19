"""What a model of repeat buying says: purchases to come, and who is still a customer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.provenance import Provenance
from cximpact.core.results import DrawKind, plotting, result_html
from cximpact.core.validate import check_count, check_number, check_vector
from cximpact.core.wording import number, percent
from cximpact.value.likelihood import Maximum
from cximpact.value.parameters import in_words, parameter_table
from cximpact.value.transactions import COLUMNS, PurchaseHistory, as_history


class Kernel(Protocol):
    """The formulas of a model: a module with these names."""

    NAMES: tuple[str, ...]
    STARTS: tuple[tuple[float, ...], ...]
    Likelihood: Any
    expected: Any
    conditional: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseFit:
    """A fitted model of repeat buying.

    Parameters
    ----------
    name : str
        Name of the model.
    kernel : module
        Its formulas.
    maximum : Maximum
        Estimates.
    draws : xarray.Dataset
        Draws of the parameters from their asymptotic distribution.
    history : PurchaseHistory
        The customers.
    provenance : Provenance
        Where it comes from.
    draw_kind : {"asymptotic"}
        How the draws arose.
    """

    name: str
    kernel: Kernel = field(repr=False)
    maximum: Maximum
    draws: xr.Dataset = field(repr=False)
    history: PurchaseHistory
    provenance: Provenance = field(repr=False)
    draw_kind: DrawKind = "asymptotic"

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood at the estimates."""
        return self.maximum.log_likelihood

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
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        return parameter_table(self.maximum, self.kernel.NAMES, prob, self.history.n)

    def expected_purchases(self, time: ArrayLike, *, draws: bool = False) -> xr.DataArray:
        """Return the expected number of repeat purchases of a new customer.

        Parameters
        ----------
        time : array_like
            Time since the first purchase, in periods of the history.
        draws : bool, default False
            Return every draw instead of the estimate.

        Returns
        -------
        xarray.DataArray
            Dimension ``time``; ``sample`` first for draws.
        """
        at = _times(time)
        if not draws:
            values = self.kernel.expected(at, self.maximum.theta)
            return xr.DataArray(values, dims=("time",), coords={"time": at})
        return dr.map(
            lambda d: self._each(d, lambda th: self.kernel.expected(at, th), at), self.draws
        )

    def predict(self, time: float, customers: Any = None) -> pd.DataFrame:
        """Return what each customer is expected to do, at the estimates.

        Parameters
        ----------
        time : float
            Time ahead, in periods of the history.
        customers : PurchaseHistory or frame, optional
            Customers; those of the fit by default.

        Returns
        -------
        pandas.DataFrame
            ``alive`` (probability to be still a customer) and ``purchases`` (expected in the time
            ahead), with the index of the customers.
        """
        ahead = check_number(time, "time", low=0)
        history = self.history if customers is None else as_history(customers)
        x, t_x, age = (history.table[c].to_numpy(float) for c in COLUMNS)
        theta = self.maximum.theta
        likelihood = self.kernel.Likelihood(x, t_x, age, np.ones_like(x))
        return pd.DataFrame(
            {
                "alive": likelihood.alive(theta),
                "purchases": self.kernel.conditional(ahead, theta, x, t_x, age),
            },
            index=history.table.index,
        )

    def future_purchases(self, time: ArrayLike, *, size: int = 400) -> xr.DataArray:
        """Return draws of the expected purchases to come, averaged over the customers.

        Parameters
        ----------
        time : array_like
            Time ahead, in periods.
        size : int, default 400
            How many draws of the parameters to use.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(sample, time)``: what parameters leave open, not the chance in the
            purchases themselves.
        """
        at, rows = _times(time), distinct(self.history)
        x, t_x, age = (rows[c].to_numpy(float)[:, None] for c in COLUMNS)
        share = rows["count"].to_numpy() / self.history.n
        kept = self.draws.isel({dr.SAMPLE: slice(0, check_count(size, "size", low=2))})
        source = f"{self.provenance.source} first {size}"

        def mean(theta: np.ndarray) -> np.ndarray:
            return share @ self.kernel.conditional(at, theta, x, t_x, age)

        return dr.from_array(
            self._each(kept, mean, at).values,
            source=source,
            dims=("time",),
            coords={"time": at},
            name="future purchases",
            data_ids=[self.history.data_hash],
        )

    def tracking(self, times: ArrayLike) -> pd.DataFrame:
        """Return the expected repeat purchases of all customers by calendar time.

        Parameters
        ----------
        times : array_like
            Periods since the first customer of the history came; also beyond its end.

        Returns
        -------
        pandas.DataFrame
            ``time, cumulative``: every customer counts from the own first purchase on.
        """
        at = _times(times)
        ages, count = np.unique(self.history.table["T"].to_numpy(float), return_counts=True)
        since = at[:, None] - (ages.max() - ages)
        bought = self.kernel.expected(np.maximum(since, 0.0), self.maximum.theta)
        return pd.DataFrame({"time": at, "cumulative": np.where(since > 0, bought, 0.0) @ count})

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what was fitted and what it rests on.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Parameters, share alive, conditions.
        """
        period, age = self.history.period, float(self.history.table["T"].max())
        future = self.predict(age)
        parts = [
            f"{self.name} on {self.history.n:,} customers: {in_words(self.tidy(prob))}.",
            f"In the next {number(age)} {period}s they are expected to buy "
            f"{number(future['purchases'].mean())} times on average; "
            f"{percent(float(future['alive'].mean()))} are expected to be still customers.",
            "It rests on stationary buying without seasons or promotions, and on rates of buying "
            "and leaving that do not go together (not tested: compare a holdout).",
            "What would change it: a market that grows or fades.",
            *self.history.notes,
        ]
        return " ".join(parts)

    def plot(self, **options: Any) -> Any:
        """Draw the expected repeat purchases of a new customer over time.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.growth`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        at = np.linspace(0, 2 * float(self.history.table["T"].max()), 60)
        curve = self.expected_purchases(at, draws=True)
        return plotting().growth(
            curve, period=self.history.period, what="repeat purchases", **options
        )

    def _each(self, draws: Any, formula: Any, at: np.ndarray) -> xr.DataArray:
        """Apply a formula to the parameters of every draw."""
        theta = np.column_stack([draws[name].values for name in self.kernel.NAMES])
        values = np.array([formula(row) for row in theta])
        return xr.DataArray(values, dims=(dr.SAMPLE, "time"), coords={"time": at})

    def _repr_html_(self) -> str:
        return result_html(self.name, self.tidy(), self.explain())


def distinct(history: PurchaseHistory) -> pd.DataFrame:
    """Count customers who are alike.

    Parameters
    ----------
    history : PurchaseHistory
        Customers.

    Returns
    -------
    pandas.DataFrame
        ``frequency, recency, T, count``: everything a model of repeat buying looks at.
    """
    columns = list(COLUMNS)
    counted = history.table.groupby(columns, sort=False).size()
    return counted.rename("count").reset_index()


def _times(time: ArrayLike) -> np.ndarray:
    at = check_vector(np.atleast_1d(np.asarray(time)), "time")
    if (at < 0).any():
        raise ConfigError(f"time has {at.min():g}; time ahead counts from 0.")
    return at
