"""What a contact is worth and costs, and the limits of a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.errors import DesignError
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_count
from cximpact.effects.uplift.allocation import Allocation, allocate
from cximpact.effects.uplift.allocation_limits import Shares
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_inputs import amount, one_currency
from cximpact.effects.uplift.policy_valuation import Lists, policy_value
from cximpact.effects.uplift.policy_worth import PolicyValue


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetingRule:
    """Treat whoever brings most money per contact, within limits.

    Parameters
    ----------
    value : float, Money, array_like, draws or object with draws
        Money per unit of outcome: one number, one a customer, or uncertain.
    cost : float, Money, array_like, draws or object with draws
        Cost of a contact: one number, one a customer and arm, or uncertain.
    currency : str, optional
        ISO 4217 code; needed where neither value nor cost carries one.
    budget : float, optional
        Most money for contacts.
    capacity : int, optional
        Most contacts.
    min_share, max_share : float or mapping of group to float, optional
        Smallest and largest share of treated among the eligible of a group.
    fractional : bool, default True
        Whether the last customer of the budget may be treated in part.
    draws : int, default 4000
        How many draws of the value of the list.

    Notes
    -----
    The list goes by expected money, and stays as it is in every draw: what is uncertain is what
    it earns, not who is on it.
    """

    value: Any
    cost: Any
    currency: str | None = None
    budget: float | None = None
    capacity: int | None = None
    min_share: Shares | None = field(default=None)
    max_share: Shares | None = field(default=None)
    fractional: bool = True
    draws: int = 4000

    def __post_init__(self) -> None:
        check_count(self.draws, "draws", low=2)

    def amounts(self, customers: ScoredCustomers) -> tuple[np.ndarray, np.ndarray, str]:
        """Return what treating each customer is expected to bring and costs.

        Parameters
        ----------
        customers : ScoredCustomers
            Whom it is about.

        Returns
        -------
        gain, cost : numpy.ndarray, shape (customer, arm)
            Expected money.
        currency : str
            ISO 4217 code.
        """
        n, arms = customers.effect.shape
        worth, price = amount(self.value, "value", n, arms), amount(self.cost, "cost", n, arms)
        gain = customers.effect * worth.rows
        currency = one_currency(self.currency, worth, price)
        return gain, np.broadcast_to(price.rows, gain.shape), currency

    def choose(self, customers: ScoredCustomers) -> Allocation:
        """Choose the list.

        Parameters
        ----------
        customers : ScoredCustomers
            Whom it is about.

        Returns
        -------
        Allocation
            Who gets which arm.
        """
        gain, cost, _ = self.amounts(customers)
        return allocate(
            gain,
            cost,
            budget=self.budget,
            capacity=self.capacity,
            groups=customers.groups,
            min_share=self.min_share,
            max_share=self.max_share,
            eligible=customers.eligible,
            fractional=self.fractional,
        )

    def worth(
        self, lists: Lists, customers: ScoredCustomers, *, rng: RngLike = None
    ) -> PolicyValue:
        """Value lists of these customers by their scores.

        Parameters
        ----------
        lists : mapping of str to list
            As `policy_value` takes them.
        customers : ScoredCustomers
            With scores.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        PolicyValue
            Their profit.

        Raises
        ------
        DesignError
            If the customers have no scores.
        """
        if customers.pseudo_outcome is None:
            raise DesignError(
                "these customers have no scores to value a list by; give pseudo_outcome, from "
                "customers whose treatment and outcome are known."
            )
        return policy_value(
            lists,
            customers.pseudo_outcome,
            value=self.value,
            cost=self.cost,
            currency=self.currency,
            weights=customers.weights,
            cluster=customers.cluster,
            draws=self.draws,
            rng=rng,
        )
