"""A targeting policy: whom to contact, what that is worth, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import DesignError
from cximpact.core.results import EffectPosterior, plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.effects.uplift.allocation import Allocation
from cximpact.effects.uplift.allocation_limits import first_missed
from cximpact.effects.uplift.policy_curve import budget_curve
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_dogs import SleepingDogs, find_sleeping_dogs
from cximpact.effects.uplift.policy_effect import effect_on_list
from cximpact.effects.uplift.policy_inputs import amount
from cximpact.effects.uplift.policy_lists import list_of_same_size
from cximpact.effects.uplift.policy_rule import TargetingRule
from cximpact.effects.uplift.policy_text import Told
from cximpact.effects.uplift.policy_valuation import POLICY, RANDOM, Lists, everybody_names
from cximpact.effects.uplift.policy_worth import PolicyValue
from cximpact.effects.uplift.treatment_list_rows import treatment_list

RISK = "risk ranking"


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetingPolicy:
    """A list of customers to contact, with its value.

    Parameters
    ----------
    rule : TargetingRule
        Value, cost and limits.
    customers : ScoredCustomers
        Whom it was chosen among.
    allocation : Allocation
        Who gets which arm.
    currency : str
        ISO 4217 code.
    valued : PolicyValue, optional
        What it earns by the customers' own outcomes; None where these are not known.
    seed : int
        Randomness of the draws.
    """

    rule: TargetingRule = field(repr=False)
    customers: ScoredCustomers = field(repr=False)
    allocation: Allocation
    currency: str
    valued: PolicyValue | None = field(repr=False)
    seed: int

    @property
    def treat(self) -> np.ndarray:
        """Arm of each customer, from 1; 0 is no contact."""
        return self.allocation.treat

    @property
    def contacts(self) -> float:
        """How many customers are contacted."""
        return self.allocation.contacts

    @property
    def value(self) -> PolicyValue:
        """What the list earns, by outcomes that it was not chosen by.

        Raises
        ------
        DesignError
            If the customers came without scores.
        """
        if self.valued is None:
            raise _not_valued()
        return self.valued

    @property
    def effect(self) -> EffectPosterior:
        """Average gain per contact in money, before the cost of the contact.

        It is what an initiative takes as ``effect``, with ``mechanism="one_time"``, ``n`` the
        contacts, no ``value``, and the cost as ``costs={"per_treated": ...}``.
        """
        return effect_on_list(self.value, kind="gain", scale="money")

    @property
    def behavior_effect(self) -> EffectPosterior:
        """Average effect per contact, in the unit of the outcome."""
        return effect_on_list(self.value, kind="behavior", scale=self.customers.scale)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the profit of the list and of others, per customer.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `PolicyValue.tidy` gives it.
        """
        return self.value.tidy(prob)

    def treatment_list(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the treatment list.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `treatment_list` gives it.
        """
        gain, cost, _ = self.rule.amounts(self.customers)
        error = self.customers.std_error
        if error is not None:
            error = error * amount(self.rule.value, "value", *gain.shape).rows
        return treatment_list(
            self.customers.ids,
            self.allocation,
            gain,
            cost,
            gain_error=error,
            arms=self.customers.arms,
            prob=prob,
        )

    def assign(self, customers: ScoredCustomers) -> np.ndarray:
        """Apply the rule to other customers, at the prices at which this list was cut off.

        Parameters
        ----------
        customers : ScoredCustomers
            With the same arms. Where value or cost were given by customer, use a new rule.

        Returns
        -------
        numpy.ndarray of int, shape (customer,)
            Arm of each, from 1; 0 is no contact. Limits by group are not applied.

        Notes
        -----
        A customer is contacted if ``gain - cost > budget_price * cost + capacity_price``. On a
        sample of the same population that spends the same per customer, up to chance.
        """
        free = replace(self.rule, budget=None, capacity=None, min_share=None, max_share=None)
        gain, cost, _ = free.amounts(customers)
        toll = self.allocation.budget_price * cost + self.allocation.capacity_price
        dear = replace(free, value=1.0, cost=cost + toll, currency=self.currency)
        return dear.choose(replace(customers, effect=gain, pseudo_outcome=None)).treat

    def sleeping_dogs(self, prob: float = 0.9) -> SleepingDogs:
        """Return the customers whom treatment harms.

        Parameters
        ----------
        prob : float, default 0.9
            Probability of harm that counts as sure, and mass of the intervals.

        Returns
        -------
        SleepingDogs
            How many, how sure, and what treating them would lose.
        """
        return find_sleeping_dogs(self.customers, self.rule, prob=prob, rng=self.seed)

    def budget_curve(
        self,
        budgets: Sequence[float] | ArrayLike | None = None,
        *,
        points: int = 20,
        prob: float = 0.9,
    ) -> pd.DataFrame:
        """Return profit against budget, by effect, by risk and by chance.

        Parameters
        ----------
        budgets : array_like, optional
            Budgets, increasing; equal steps by default.
        points : int, default 20
            How many, where none are given.
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `policy_curve.budget_curve` gives it.
        """
        return budget_curve(
            self.customers, self.rule, budgets=budgets, points=points, prob=prob, rng=self.seed
        )

    def plot(self, **options: Any) -> Any:
        """Draw what each budget earns, with this list among them.

        Parameters
        ----------
        **options
            ``budgets``, ``points`` and ``prob`` as `budget_curve` takes them; others are passed
            to `cximpact.plots.policy_curve`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        asked = {k: options.pop(k) for k in ("budgets", "points", "prob") if k in options}
        worth = float(self.value.estimate[0]) * self.customers.n
        options.setdefault("chosen", (self.allocation.spent, worth))
        curve = self.budget_curve(**asked)
        return plotting().policy_curve(curve, currency=self.currency, **options)

    def explain(self, prob: float = 0.9) -> str:
        """Say whom the list changes, what it is worth after cost, and how sure that is.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            A paragraph.
        """
        return Told(
            allocation=self.allocation,
            customers=self.customers,
            currency=self.currency,
            valued=self.valued,
            dogs=self.sleeping_dogs(prob),
        ).text(prob)

    def _repr_html_(self) -> str:
        if self.valued is not None:
            return result_html("Targeting policy", self.valued.tidy(), self.explain())
        listed = self.treatment_list()
        arms = listed.groupby("arm")[["cost", "expected_gain", "expected_profit"]].sum()
        contacts = listed["arm"].value_counts().rename("contacts")
        return result_html("Targeting policy", arms.join(contacts).reset_index(), self.explain())


def target_customers(
    customers: ScoredCustomers, rule: TargetingRule, *, rng: RngLike = None
) -> TargetingPolicy:
    """Choose whom to contact, and value the list where outcomes are known.

    Parameters
    ----------
    customers : ScoredCustomers
        With estimated effects, and scores where outcomes are known.
    rule : TargetingRule
        Value, cost and limits.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    TargetingPolicy
        The list and its value, beside a list of the same size by risk where there is a risk.

    Notes
    -----
    The list goes by the estimated effects; its value by the scores. Both may come from the same
    customers only if the effects were estimated without each customer's own outcome (cross-fit).
    """
    chosen = rule.choose(customers)
    seed = seed_of(rng)
    valued = None
    if customers.pseudo_outcome is not None:
        valued = rule.worth(_lists(chosen, customers), customers, rng=seed)
    return TargetingPolicy(
        rule=rule,
        customers=customers,
        allocation=chosen,
        currency=rule.amounts(customers)[2],
        valued=valued,
        seed=seed,
    )


def _lists(chosen: Allocation, customers: ScoredCustomers) -> Lists:
    """Put the list beside others that contact the same people at most."""
    n, arms = customers.effect.shape
    may = first_missed(customers.eligible, n)[1]
    like = partial(
        list_of_same_size, treat=chosen, arms=arms, weights=customers.weights, eligible=may
    )
    risk = {} if customers.risk is None else {RISK: like(customers.risk)}
    everybody = {
        name: may[:, None] * np.eye(arms)[[a]] for a, name in enumerate(everybody_names(arms))
    }
    return {POLICY: chosen, **risk, **everybody, RANDOM: like(np.zeros(n))}


def _not_valued() -> DesignError:
    return DesignError(
        "this list has not been valued: its customers came without scores. Give pseudo_outcome, "
        "from customers whose treatment and outcome are known."
    )
