"""A targeting policy in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cximpact.core.wording import money, number, percent, with_unit
from cximpact.effects.uplift.allocation import NO_ROOM, NOT_WORTH_IT, Allocation
from cximpact.effects.uplift.allocation_limits import NOT_ELIGIBLE
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_dogs import SleepingDogs
from cximpact.effects.uplift.policy_effect import effect_on_list
from cximpact.effects.uplift.policy_worth import PolicyValue


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What there is to say about a policy.

    Parameters
    ----------
    allocation : Allocation
        Who gets which arm.
    customers : ScoredCustomers
        Whom it was chosen among.
    currency : str
        ISO 4217 code.
    valued : PolicyValue, optional
        What it earns.
    dogs : SleepingDogs
        Whom treatment harms.
    """

    allocation: Allocation
    customers: ScoredCustomers
    currency: str
    valued: PolicyValue | None
    dogs: SleepingDogs

    def text(self, prob: float) -> str:
        """Say whom the list changes, what it is worth after cost, and how sure that is.

        Parameters
        ----------
        prob : float
            Mass of the intervals.

        Returns
        -------
        str
            A paragraph.
        """
        worth = _predicted(self) if self.valued is None else _worth(self, self.valued, prob)
        return " ".join(
            part for part in (_who(self), worth, _limits(self), _dogs(self, prob)) if part
        )


def _who(told: Told) -> str:
    chosen, n = told.allocation, told.customers.n
    out = [_reason(why, count) for why, count in chosen.left_out.items() if count]
    left = f" Left out: {', '.join(out)}." if out else ""
    return (
        f"The list contacts {number(chosen.contacts)} of {n:,} customers "
        f"({percent(chosen.contacts / n)}) for {money(chosen.spent, told.currency)}, those whom "
        f"the contact changes most for its cost, whatever their risk.{left}"
    )


def _reason(why: str, count: int) -> str:
    plain = why in (NOT_ELIGIBLE, NOT_WORTH_IT, NO_ROOM)
    return f"{count:,} {why}" if plain else f"{count:,} by the rule {why!r}"


def _worth(told: Told, found: PolicyValue, prob: float) -> str:
    if not told.allocation.contacts > 0:
        return "No contact pays, so the list is empty and worth nothing."
    n, code = told.customers.n, told.currency
    effect = effect_on_list(found, kind="behavior", scale=told.customers.scale).tidy(prob).iloc[0]
    scale = told.customers.scale
    ends = [with_unit(effect[c], scale) for c in ("estimate", "conf_low", "conf_high")]
    total = found.total(n, prob).iloc[0]
    worth = [money(total[c], code) for c in ("estimate", "conf_low", "conf_high")]
    return (
        f"A contact changes the outcome by {ends[0]} on average ({100 * prob:g}% interval "
        f"{ends[1]} to {ends[2]}). For all {n:,} customers the list is worth {worth[0]} after cost "
        f"({worth[1]} to {worth[2]}). {found.explain(prob)}"
    )


def _predicted(told: Told) -> str:
    return (
        f"By the estimated effects it would earn {money(told.allocation.profit, told.currency)}"
        " after cost. That is too high, because the best of uncertain numbers look better than "
        "they are; value the same rule on customers whose outcomes are known."
    )


def _limits(told: Told) -> str:
    chosen, code = told.allocation, told.currency
    said = []
    if chosen.budget_price > 0:
        said.append(
            f"Another 1 {code} of budget would earn {money(chosen.budget_price, code)} after cost, "
            "as estimated."
        )
    if chosen.capacity_price > 0:
        said.append(
            f"Another contact would earn {money(chosen.capacity_price, code)} after cost, as "
            "estimated."
        )
    if not chosen.binds:
        said.append("No limit binds: everybody is on the list whose gain exceeds the cost.")
    if groups := [b for b in chosen.binds if "share" in b]:
        said.append(f"Limits by group that bind: {', '.join(groups)}.")
    if chosen.at_a_loss:
        said.append(f"{chosen.at_a_loss:,} are contacted at an expected loss to keep min_share.")
    return " ".join(said)


def _dogs(told: Told, prob: float) -> str:
    dogs = told.dogs
    if dogs.n == 0:
        return "No customer has a negative estimated effect."
    scale, code = told.customers.scale, told.currency
    sure = ""
    if dogs.n_sure is not None:
        sure = f" (for {dogs.n_sure:,} with a probability of at least {percent(prob)})"
    head = f"Sleeping dogs: {dogs.n:,} customers have a negative estimated effect{sure}"
    if not np.isfinite(dogs.effect):
        return f"{head}; treating them would lose {money(dogs.loss, code)} as estimated."
    ends = [with_unit(x, scale) for x in (dogs.effect, dogs.effect_low, dogs.effect_high)]
    lost = [money(x, code) for x in (dogs.loss, dogs.loss_low, dogs.loss_high)]
    return (
        f"{head}; by their own outcomes it is {ends[0]} on average ({100 * prob:g}% interval "
        f"{ends[1]} to {ends[2]}), and treating them all would lose {lost[0]} ({lost[1]} to "
        f"{lost[2]})."
    )
