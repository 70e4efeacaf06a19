"""The value of a policy as a result: profit of its list and of others, in one joint sample."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import unknown_name
from cximpact.core.results import Provenance, quantile, result_html
from cximpact.core.validate import check_number, check_prob
from cximpact.core.wording import format_probability, money, percent
from cximpact.effects.uplift.policy_sums import ListSums


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicyValue:
    """Profit of a policy and of other lists, in one joint sample.

    Parameters
    ----------
    draws : xarray.DataArray
        Profit per customer of the population, ``(sample, policy)``; the policy is first.
    parts : xarray.Dataset
        Joint draws of ``gain``, ``behavior`` and ``cost`` per customer, and of ``list_gain`` and
        ``list_behavior`` per contact of the policy.
    sums : ListSums
        The means behind them.
    covariance : numpy.ndarray, shape (list, list), optional
        Covariance of the profits; None where value or cost are uncertain themselves.
    estimate : numpy.ndarray, shape (list,)
        Profits.
    currency : str
        ISO 4217 code.
    uncertain : tuple of str
        Which of ``"value"`` and ``"cost"`` came as draws.
    provenance : Provenance
        Where it comes from.
    """

    draws: xr.DataArray
    parts: xr.Dataset = field(repr=False)
    sums: ListSums = field(repr=False)
    covariance: np.ndarray | None = field(repr=False)
    estimate: np.ndarray
    currency: str
    uncertain: tuple[str, ...]
    provenance: Provenance = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The lists, the policy first."""
        return self.sums.names

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the profit of each list per customer of the population.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            Columns ``policy, contacts`` (share of customers), ``term, estimate, std_error,
            conf_low, conf_high, conf_level, n`` and ``probability``, that the profit is above 0.
        """
        table = self._table(np.eye(len(self.names)), prob)
        table.insert(0, "contacts", self.sums.contacts)
        table.insert(0, "policy", self.names)
        table.insert(2, "term", "profit per customer")
        return table

    def differences(self, prob: float = 0.9) -> pd.DataFrame:
        """Compare the policy with each other list, customer by customer.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            One row a list: profit of the policy less that of the list, per customer of the
            population, with the error of the difference, and the probability that it is above 0.
        """
        others = np.arange(1, len(self.names))
        contrast = np.zeros((others.size, len(self.names)))
        contrast[:, 0] = 1.0
        contrast[np.arange(others.size), others] = -1.0
        table = self._table(contrast, prob)
        table.insert(0, "against", [self.names[i] for i in others])
        table.insert(1, "term", "difference of profit per customer")
        return table

    def total(self, n_population: float, prob: float = 0.9) -> pd.DataFrame:
        """Return the profit of each list for a population of a given size.

        Parameters
        ----------
        n_population : float
            Customers of whom the evaluated ones are a sample.
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `tidy`, times the size; ``contacts`` are customers.
        """
        n = check_number(n_population, "n_population", low=0, open_low=True)
        table = self.tidy(prob).assign(term="profit")
        columns = ["contacts", "estimate", "std_error", "conf_low", "conf_high"]
        table[columns] *= n
        return table

    def against(self, name: str, prob: float = 0.9) -> pd.Series:
        """Return one row of `differences`.

        Parameters
        ----------
        name : str
            The other list.
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.Series
            The row.

        Raises
        ------
        ConfigError
            If there is no such list.
        """
        if name not in self.names[1:]:
            raise unknown_name("list", name, self.names[1:])
        return self.differences(prob).set_index("against").loc[name]

    def explain(self, prob: float = 0.9) -> str:
        """Say what the policy is worth, and how it compares.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph.
        """
        row = self.tidy(prob).iloc[0]
        compared = "; ".join(_compared(r, self, prob) for _, r in self.differences(prob).iterrows())
        return (
            f"The {self.names[0]} contacts {percent(row['contacts'])} of the customers and earns "
            f"{self._interval(row, prob)} per customer after the cost of contacts; the probability "
            f"that it earns anything is {self._sure(row)}. Compared with other lists, by the same "
            f"customers: {compared}. The list is held fixed, and counts as chosen without the "
            f"outcomes of these {self.sums.n:,} customers: on the customers it was chosen on, the "
            "best of several lists looks better than it is."
        )

    def _repr_html_(self) -> str:
        return result_html("Value of a targeting policy", self.tidy(), self.explain())

    def _table(self, contrast: np.ndarray, prob: float) -> pd.DataFrame:
        prob = check_prob(prob)
        drawn = self.draws.values @ contrast.T
        estimate = contrast @ self.estimate
        if self.covariance is None:
            error = drawn.std(axis=0, ddof=1)
            low, high = np.quantile(drawn, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
        else:
            variance = np.einsum("ij,jk,ik->i", contrast, self.covariance, contrast)
            error = np.sqrt(np.maximum(variance, 0.0))
            half = quantile(self.sums.df, (1 + prob) / 2) * error
            low, high = estimate - half, estimate + half
        return pd.DataFrame(
            {
                "estimate": estimate,
                "std_error": error,
                "conf_low": low,
                "conf_high": high,
                "conf_level": prob,
                "n": self.sums.n,
                "probability": (drawn > 0).mean(axis=0),
            }
        )

    def _interval(self, row: pd.Series, prob: float) -> str:
        ends = [money(row[c], self.currency) for c in ("estimate", "conf_low", "conf_high")]
        word = "interval" if self.covariance is None else "confidence interval"
        return f"{ends[0]} ({100 * prob:g}% {word} {ends[1]} to {ends[2]})"

    def _sure(self, row: pd.Series) -> str:
        return format_probability(row["probability"], self.draws.sizes[dr.SAMPLE])


def _compared(row: pd.Series, found: PolicyValue, prob: float) -> str:
    more = "more" if row["estimate"] >= 0 else "less"
    sign = 1 if row["estimate"] >= 0 else -1
    ends = sorted(sign * row[c] for c in ("conf_low", "conf_high"))
    shown = [money(x, found.currency) for x in (sign * row["estimate"], *ends)]
    return f"{shown[0]} {more} than {row['against']} ({100 * prob:g}% {shown[1]} to {shown[2]})"
