"""What a model of contractual retention says: curves, and the value of a lifetime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.provenance import Provenance
from cximpact.core.results import INTERVAL_WORD, DrawKind, plotting, quantile, result_html
from cximpact.core.summaries import summarize
from cximpact.core.units import rate_per_period
from cximpact.core.validate import check_prob, check_vector
from cximpact.core.wording import number, percent
from cximpact.value import sbg
from cximpact.value.cohorts import Cohorts
from cximpact.value.lifetime import lifetime_value
from cximpact.value.posterior import ValuePosterior

_AXIS = "renewal"


@dataclass(frozen=True, kw_only=True, eq=False)
class RetentionFit:
    """A fitted shifted-beta-geometric model.

    Parameters
    ----------
    draws : xarray.Dataset
        ``alpha`` and ``beta``, dimensions (sample) or (sample, segment); a hierarchical fit
        also has what the segments share.
    cohorts : Cohorts
        The counts it was fitted to.
    draw_kind : {"asymptotic", "posterior"}
        How the draws arose.
    provenance : Provenance
        Where it comes from.
    diagnostics : mapping
        Log-likelihood, or the verdict of the convergence gate.
    estimate, log_error : xarray.Dataset, optional
        Maximum likelihood estimates, and standard errors of their logarithms.
    """

    draws: xr.Dataset
    cohorts: Cohorts
    draw_kind: DrawKind
    provenance: Provenance
    diagnostics: Mapping[str, Any]
    estimate: xr.Dataset | None = None
    log_error: xr.Dataset | None = None

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the parameters, one row each.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"eti", "hdi"}
            Which interval; maximum likelihood gives its equal-tailed one on the log scale.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, mcse``; terms are
            ``alpha`` and ``beta``, followed by ``[segment]`` where there are several.
        """
        tables = [self._rows(str(name), prob, kind) for name in self.draws.data_vars]
        return pd.concat(tables, ignore_index=True)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the parameters as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        return self.summary(prob).drop(columns="mcse").assign(n=self.cohorts.n)

    def survival(self, periods: ArrayLike, *, draws: bool = False) -> xr.DataArray:
        """Return the share of customers who are left after some renewals.

        Parameters
        ----------
        periods : array_like
            Renewals, from 0.
        draws : bool, default False
            Return every draw instead of the estimate.

        Returns
        -------
        xarray.DataArray
            Dimension ``renewal``, with ``segment`` where there are several; ``sample`` first for
            draws. The estimate is the curve at the maximum, or the posterior mean.
        """
        return self._curve(sbg.survival, _periods(periods, 0), draws)

    def retention(self, periods: ArrayLike, *, draws: bool = False) -> xr.DataArray:
        """Return the share of those still there who make a renewal.

        Parameters
        ----------
        periods : array_like
            Which renewals, from 1.
        draws : bool, default False
            Return every draw instead of the estimate.

        Returns
        -------
        xarray.DataArray
            As `survival`. It rises because the less loyal leave first.
        """
        return self._curve(sbg.retention, _periods(periods, 1), draws)

    def discounted_lifetime(
        self, discount_rate: float, *, period: str = "year", draws: bool = False
    ) -> xr.DataArray:
        """Return the discounted expected lifetime of a new customer, in periods.

        Parameters
        ----------
        discount_rate : float
            Effective annual rate.
        period : {"year", "quarter", "month", "week", "day"}
            Length of a period of the cohorts.
        draws : bool, default False
            Return every draw instead of the estimate.

        Returns
        -------
        xarray.DataArray
            DEL; the first period, at the purchase, counts as 1.
        """
        rate = rate_per_period(discount_rate, period)
        return self._apply(lambda a, b: sbg.discounted_lifetime(a, b, rate), draws)

    def derl(
        self,
        discount_rate: float,
        renewal: ArrayLike = 1,
        *,
        period: str = "year",
        draws: bool = False,
    ) -> xr.DataArray:
        """Return the discounted expected residual lifetime just before a renewal.

        Parameters
        ----------
        discount_rate : float
            Effective annual rate.
        renewal : int or array_like, default 1
            The renewal that the customer is about to make: ``n - 1`` were made before.
        period : {"year", "quarter", "month", "week", "day"}
            Length of a period of the cohorts.
        draws : bool, default False
            Return every draw instead of the estimate.

        Returns
        -------
        xarray.DataArray
            DERL in periods; with a dimension ``renewal`` for several.
        """
        rate = rate_per_period(discount_rate, period)
        which = _periods(renewal, 1)

        def worth(a: np.ndarray, b: np.ndarray, n: np.ndarray) -> np.ndarray:
            return sbg.discounted_residual_lifetime(a, b, rate, n)

        out = self._curve(worth, which, draws)
        return out.isel({_AXIS: 0}, drop=True) if np.ndim(renewal) == 0 else out

    def lifetime_value(
        self,
        margin: float | ValuePosterior,
        discount_rate: float,
        *,
        renewal: int | None = None,
        currency: str | None = None,
        period: str = "year",
        rng: int = 0,
    ) -> ValuePosterior:
        """Return the discounted margin of a customer's lifetime.

        Parameters
        ----------
        margin : float or ValuePosterior
            Margin per period while the customer stays, not revenue.
        discount_rate : float
            Effective annual rate.
        renewal : int, optional
            For a customer who is about to make this renewal; by default a new customer, whose
            first margin is due at once.
        currency : str, optional
            ISO 4217 code; needed when the margin is a number.
        period : {"year", "quarter", "month", "week", "day"}
            Length of a period of the cohorts.
        rng : int, default 0
            Pairs margin and retention as independent.

        Returns
        -------
        ValuePosterior
            Per customer, by segment where there are several.
        """
        periods = (
            self.discounted_lifetime(discount_rate, period=period, draws=True)
            if renewal is None
            else self.derl(discount_rate, renewal, period=period, draws=True)
        )
        return lifetime_value(
            margin,
            periods,
            discount_rate=discount_rate,
            currency=currency,
            period=period,
            n=self.cohorts.n,
            rng=rng,
        )

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what the curve is and what its rise does not mean.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Parameters, retention early and late, and the sorting effect.
        """
        rows = self.summary(prob).head(6).to_dict("records")
        word = INTERVAL_WORD[self.draw_kind]
        shown = "; ".join(
            f"{r['term']} is {number(r['estimate'])} ({percent(prob)} {word} interval "
            f"{number(r['conf_low'])} to {number(r['conf_high'])})"
            for r in rows
        )
        last = self.cohorts.lost.shape[1]
        curve = self.retention([1, last])
        early, late = (float(curve.isel({_AXIS: k}).mean()) for k in (0, 1))
        return (
            f"Shifted-beta-geometric retention, from {self.cohorts.n:,} customers: {shown}. "
            f"Expected retention rises from {percent(early)} at the first renewal to "
            f"{percent(late)} at renewal {last}. That is sorting, not improvement: the less loyal "
            "leave first, and nobody has to become more loyal for it. It rests on customers "
            "whose probability to leave stays what it is (not tested: see the retention seen "
            "beside the curve). What would change it: price changes, calendar effects, or loyalty "
            "that grows with age."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the retention seen, the curve and its band.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.retention_curves`; ``horizon`` says how many renewals.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        horizon = options.pop("horizon", 2 * self.cohorts.lost.shape[1])
        prob = options.pop("prob", 0.9)
        at = np.arange(1, horizon + 1)
        table = summarize(self.retention(at, draws=True), prob).assign(
            estimate=self.retention(at).transpose(..., _AXIS).values.ravel()
        )
        if "segment" not in table:
            table["segment"] = "all customers"
        seen = self.cohorts.observed()
        if len(self.cohorts.segments) == 1:
            seen["segment"] = table["segment"].iloc[0]
        return plotting().retention_curves(table, seen, **options)

    def _rows(self, name: str, prob: float, kind: str) -> pd.DataFrame:
        draws = self.draws[name]
        table = summarize(draws, prob, kind)
        dims = [str(d) for d in draws.dims if d != dr.SAMPLE]
        labels = table[dims].astype(str).agg(", ".join, axis=1) if dims else None
        table["term"] = name if labels is None else name + "[" + labels + "]"
        if self.estimate is not None and self.log_error is not None:
            at, error = self.estimate[name].values.ravel(), self.log_error[name].values.ravel()
            half = quantile(None, (1 + check_prob(prob)) / 2) * error
            table["estimate"], table["std_error"] = at, at * error
            table["conf_low"], table["conf_high"] = at * np.exp(-half), at * np.exp(half)
            table["mcse"] = 0.0
        return table[
            ["term", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "mcse"]
        ]

    def _curve(
        self,
        formula: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
        periods: np.ndarray,
        draws: bool,
    ) -> xr.DataArray:
        def along(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return formula(a[..., None], b[..., None], periods)

        out = self._apply(along, draws, (_AXIS,))
        whole = (periods == np.rint(periods)).all()
        return out.assign_coords({_AXIS: periods.astype(int) if whole else periods})

    def _apply(
        self,
        formula: Callable[[np.ndarray, np.ndarray], np.ndarray],
        draws: bool,
        further: tuple[str, ...] = (),
    ) -> xr.DataArray:
        """Apply a formula to every draw, or at the estimate."""
        if self.estimate is not None and not draws:
            return _plain(formula, self.estimate, further)
        out = dr.map(lambda block: _plain(formula, block, further), self.draws[["alpha", "beta"]])
        return out if draws else out.mean(dr.SAMPLE).drop_attrs()

    def _repr_html_(self) -> str:
        return result_html("Shifted-beta-geometric retention", self.tidy(), self.explain())


def _plain(formula: Callable[..., np.ndarray], block: Any, further: tuple[str, ...]) -> Any:
    alpha = block["alpha"]
    values = formula(alpha.values, block["beta"].values)
    return xr.DataArray(values, dims=(*alpha.dims, *further), coords=dict(alpha.coords))


def _periods(periods: ArrayLike, low: int) -> np.ndarray:
    values = check_vector(np.atleast_1d(np.asarray(periods)), "periods")
    if (values < low).any():
        raise ConfigError(f"periods has {values.min():g}; renewals count from {low}.")
    return values
