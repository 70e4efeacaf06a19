"""A plan of whom to ask: probabilities, and a sample drawn with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import DuplicateKeyError, rows_phrase
from cximpact.core.provenance import Provenance
from cximpact.core.results import result_html
from cximpact.core.rng import RngLike, spawn
from cximpact.core.wording import number


@dataclass(frozen=True, kw_only=True, eq=False)
class SurveyPlan:
    """With what probability each customer is asked next.

    Parameters
    ----------
    cells : pandas.DataFrame
        The columns of the model, then ``people``, ``answered``, ``eligible`` (may be asked),
        ``tired`` (contacted too recently), ``response_prob``, ``gain`` (by how much the first
        invitation lowers the variance), ``invitations`` (expected), ``inclusion_prob``,
        ``expected_answers``.
    expected_sd : pandas.DataFrame
        A row a group: standard deviation of its score ``before``, as ``planned``, and with the
        same number of invitations ``proportional`` to the eligible people.
    keys : tuple of str
        The columns of the model.
    budget : int
        Invitations that may be sent.
    floor : float
        Least probability of everybody who may be asked.
    by : tuple of str
        Columns of the groups.
    unit : str
        Unit of the score.
    customer : str
        Column of the customer.
    provenance : Provenance
        Where it comes from.
    source : narwhals.LazyFrame
        Who may be asked; read when a sample is drawn.
    """

    cells: pd.DataFrame = field(repr=False)
    expected_sd: pd.DataFrame = field(repr=False)
    keys: tuple[str, ...]
    budget: int
    floor: float
    by: tuple[str, ...]
    unit: str
    customer: str
    provenance: Provenance = field(repr=False)
    source: nw.LazyFrame[Any] = field(repr=False)

    @property
    def n_invitations(self) -> int:
        """How many are asked: the budget, or everybody who may be asked if these are fewer."""
        return round(float(self.cells["invitations"].sum()))

    @property
    def not_estimable(self) -> int:
        """How many silent customers no draw of this plan can reach: contacted too recently."""
        return int(self.cells["tired"].sum())

    def draw(self, rng: RngLike = None) -> pd.DataFrame:
        """Draw the customers to ask, exactly as many as planned.

        Parameters
        ----------
        rng : int or Generator, optional
            Randomness; the seed of the plan by default.

        Returns
        -------
        pandas.DataFrame
            The customer, the columns of the model, ``inclusion_prob`` and ``weight`` (its
            inverse). Keep the weight with the answer: it makes totals unbiased without a model.

        Raises
        ------
        DuplicateKeyError
            If a customer occurs twice among those who may be asked.

        Notes
        -----
        Systematic sampling with unequal probabilities, cells one after the other and customers
        in random order within them: a customer's probability is exactly ``inclusion_prob``, and
        every cell gets its expected number of invitations rounded up or down. Pairs of customers
        of a small cell may have a joint probability of 0, so the variance of a total is
        estimated as for sampling with replacement, which is on the safe side.

        References
        ----------
        Madow, W. G. (1949). On the theory of systematic sampling, II. Annals of Mathematical
        Statistics 20(3), 333-354.
        """
        (stream,) = spawn(self.provenance.seed if rng is None else rng, "invitations")
        keys = list(self.keys)
        rows = self.source.collect().to_pandas()
        rows = rows.sort_values(self.customer, kind="stable", ignore_index=True)
        if (twice := np.flatnonzero(rows[self.customer].duplicated())).size:
            raise DuplicateKeyError(
                f"column {self.customer!r} repeats in {rows_phrase(twice)} of those who may be "
                "asked; plan for one period, or keep one row for each customer."
            )
        for key in keys:
            if isinstance(dtype := rows[key].dtype, pd.CategoricalDtype):
                rows[key] = rows[key].astype(dtype.categories.dtype)
        known = self.cells[[*keys, "inclusion_prob"]].assign(__code=np.arange(len(self.cells)))
        rows = rows.merge(known, on=keys, how="left") if keys else rows.merge(known, how="cross")
        order = np.lexsort((stream.random(len(rows)), rows["__code"]))
        picked = systematic(rows["inclusion_prob"].to_numpy()[order], stream)
        out = rows.iloc[np.sort(order[picked])].drop(columns="__code").reset_index(drop=True)
        return out.assign(weight=1 / out["inclusion_prob"])

    def explain(self) -> str:
        """Say what the plan does, what it is expected to gain, and what it cannot reach.

        Returns
        -------
        str
            A paragraph.
        """
        means = np.sqrt((self.expected_sd[["before", "planned", "proportional"]] ** 2).mean())
        before, planned, even = (number(means[c]) for c in ("before", "planned", "proportional"))
        answers = self.cells["expected_answers"].sum()
        whose = f"the scores by {' and '.join(self.by)}" if self.by else "the score of everybody"
        probs = self.cells.loc[self.cells["eligible"] > 0, "inclusion_prob"]
        return (
            f"{self.n_invitations:,} invitations to {self.cells['eligible'].sum():,.0f} customers "
            f"who may be asked, of whom about {answers:,.0f} should answer. The standard deviation "
            f"of {whose} is expected to go from {before} to {planned} {self.unit}; the same number "
            f"of invitations in proportion to the customers would give {even}. Probabilities of "
            f"being asked run from {number(probs.min())} to {number(probs.max())}; keep 1 / "
            f"probability as weight.{self._limits()} This rests on the model, on the stated "
            "response probabilities, and on missing at random among those asked."
        )

    def _limits(self) -> str:
        closed = int(((self.cells["eligible"] == 0) & (self.cells["tired"] > 0)).sum())
        text = ""
        if self.not_estimable:
            text += (
                f" {self.not_estimable:,} silent customers were contacted too recently and have "
                f"probability 0; in {closed:,} cells nobody is left to ask. The design alone says "
                "nothing of them, only the model does."
            )
        eligible = self.cells["eligible"].sum()
        if 0.5 * self.budget < self.floor * eligible < self.budget:
            text += (
                f" The floor takes {self.floor * eligible / self.budget:.0%} of the invitations; a "
                "lower one would leave more for where they teach most."
            )
        if self.floor == 0:
            text += " Without a floor, cells with probability 0 are left to the model as well."
        return text

    def _repr_html_(self) -> str:
        return result_html("Whom to ask next", self.expected_sd, self.explain())


def systematic(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a sample of fixed size with given inclusion probabilities.

    Parameters
    ----------
    probabilities : numpy.ndarray, shape (unit,)
        Between 0 and 1, in the order in which the sample is spread; their sum is rounded to a
        whole number.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray of int
        Positions of the drawn units, increasing.

    References
    ----------
    Madow, W. G. (1949). On the theory of systematic sampling, II. Annals of Mathematical
    Statistics 20(3), 333-354.
    """
    total = np.cumsum(probabilities)
    size = round(float(total[-1])) if len(total) else 0
    if size == 0:
        return np.zeros(0, dtype=int)
    total *= size / total[-1]
    total[-1] = size
    hits = np.floor(total - (1 - rng.random())).astype(int)
    return np.flatnonzero(np.diff(hits, prepend=-1) > 0)
