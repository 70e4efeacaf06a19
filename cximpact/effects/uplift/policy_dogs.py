"""Sleeping dogs: customers whom treatment harms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cximpact.core.results import quantile
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_prob
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_rule import TargetingRule


@dataclass(frozen=True, kw_only=True, eq=False)
class SleepingDogs:
    """Customers whose estimated effect is negative whatever arm they get.

    Parameters
    ----------
    n : int
        How many there are.
    n_sure : int, optional
        Those whose effect is negative with the probability asked for; None without standard
        errors of the effects.
    prob : float
        That probability, and the mass of the intervals.
    predicted : float
        Their mean estimated effect, under the arm that harms least.
    effect, effect_low, effect_high : float, optional
        Their mean effect by scores of their own outcomes, with its interval.
    loss, loss_low, loss_high : float
        What treating all of them would lose, cost of contacts included, as a positive number; by
        their own outcomes where these are known, else as estimated, without interval.
    """

    n: int
    n_sure: int | None
    prob: float
    predicted: float
    effect: float = np.nan
    effect_low: float = np.nan
    effect_high: float = np.nan
    loss: float = 0.0
    loss_low: float = np.nan
    loss_high: float = np.nan

    def tidy(self) -> pd.DataFrame:
        """Return the numbers as a table of one row.

        Returns
        -------
        pandas.DataFrame
            One column a field.
        """
        return pd.DataFrame([vars(self)])


def find_sleeping_dogs(
    customers: ScoredCustomers, rule: TargetingRule, *, prob: float = 0.9, rng: RngLike = None
) -> SleepingDogs:
    """Find the customers whom treatment harms, and what treating them would lose.

    Parameters
    ----------
    customers : ScoredCustomers
        With estimated effects.
    rule : TargetingRule
        Value and cost of a contact.
    prob : float, default 0.9
        Probability of a negative effect that counts as sure, and mass of the intervals.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    SleepingDogs
        How many there are, and what is known about them.

    Notes
    -----
    That an estimate is below 0 is no proof: some are by chance. The mean effect on all of them by
    scores of their own outcomes is the test, where the estimates did not see these outcomes.
    """
    check_prob(prob)
    gain, cost, _ = rule.amounts(customers)
    best = customers.effect.argmax(axis=1)
    at = (np.arange(customers.n), best)
    effect = customers.effect[at]
    dogs = effect < 0
    n = int(dogs.sum())
    sure = None
    if customers.std_error is not None:
        error = customers.std_error[at]
        below = np.where(error > 0, ndtr(-effect / np.where(error > 0, error, 1.0)), effect < 0)
        sure = int((dogs & (below >= prob)).sum())
    known = {"n": n, "n_sure": sure, "prob": prob}
    if n == 0:
        return SleepingDogs(**known, predicted=np.nan)
    known["predicted"] = float(effect[dogs].mean())
    if customers.pseudo_outcome is None:
        return SleepingDogs(**known, loss=float((cost[at] - gain[at])[dogs].sum()))
    shares = np.zeros(gain.shape)
    shares[at] = dogs
    found = rule.worth({"sleeping dogs": shares}, customers, rng=rng)
    row = found.total(customers.n, prob).iloc[0]
    place = int(found.sums.part(np.arange(len(found.sums.value)), "list_behavior"))
    mean = float(found.sums.value[place])
    half = quantile(found.sums.df, (1 + prob) / 2) * float(
        np.sqrt(found.sums.covariance[place, place])
    )
    return SleepingDogs(
        **known,
        effect=mean,
        effect_low=mean - half,
        effect_high=mean + half,
        loss=-float(row["estimate"]),
        loss_low=-float(row["conf_high"]),
        loss_high=-float(row["conf_low"]),
    )
