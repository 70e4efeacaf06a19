"""Risk, effect and value side by side: why the customers most at risk are not those to contact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError
from cximpact.core.results import plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count
from cximpact.core.wording import money, percent
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_inputs import amount
from cximpact.effects.uplift.policy_lists import list_of_same_size
from cximpact.effects.uplift.policy_rule import TargetingRule
from cximpact.effects.uplift.policy_worth import PolicyValue

QUADRANTS = ("persuadables", "sure things", "lost causes", "sleeping dogs")
UPLIFT = "uplift ranking"
RISK = "risk ranking"
VALUE_AT_RISK = "risk times value"


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictAndTreat:
    """A list by risk against a list by effect, of the same size.

    Parameters
    ----------
    quadrants : pandas.DataFrame
        One row a kind of customer.
    lists : pandas.DataFrame
        One row a list: contacts, profit as estimated, and how many it holds of each kind.
    customers : pandas.DataFrame
        One row a customer, in the order given: ``risk, uplift, quadrant``.
    risk_cut : float
        Median risk, which parts sure things from lost causes.
    break_even : float, optional
        Effect from which a contact pays; None where it differs between customers.
    contacts : int
        Length of the lists.
    common : float
        Customers who are on the lists by risk and by effect.
    currency : str
        ISO 4217 code.
    valued : PolicyValue, optional
        The lists by scores of the customers' own outcomes.
    """

    quadrants: pd.DataFrame = field(repr=False)
    lists: pd.DataFrame = field(repr=False)
    customers: pd.DataFrame = field(repr=False)
    risk_cut: float
    break_even: float | None
    contacts: int
    common: float
    currency: str
    valued: PolicyValue | None = field(repr=False)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the lists with what they earn.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            One row a list: ``policy, contacts, expected_profit``, customers of each kind, and
            where outcomes are known ``estimate, std_error, conf_low, conf_high, conf_level`` of
            the profit of all customers together.
        """
        if self.valued is None:
            return self.lists.copy()
        names = ["estimate", "std_error", "conf_low", "conf_high", "conf_level"]
        table = self.valued.total(self.valued.sums.n, prob).head(len(self.lists))
        return self.lists.join(table.set_index("policy")[names], on="policy")

    def explain(self, prob: float = 0.9) -> str:
        """Say in plain words what the choice of the list is worth.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            A paragraph.
        """
        n = int(self.quadrants["n"].sum())
        kinds = ", ".join(f"{row.n:,} {row.quadrant}" for row in self.quadrants.itertuples())
        by_name = self.lists.set_index("policy")
        dogs = [float(by_name.loc[name, "sleeping dogs"]) for name in (RISK, UPLIFT)]
        return (
            f"Risk says who may leave; it does not say whom a contact keeps. Of {n:,} customers "
            f"there are {kinds}. The lists of {self.contacts:,} by risk and by effect share "
            f"{percent(self.common / self.contacts)} of their customers; {dogs[0]:,.0f} on the "
            f"list by risk and {dogs[1]:,.0f} on the list by effect are harmed by the contact, as "
            f"estimated. {self._difference(prob)}"
        )

    def plot(self, **options: Any) -> Any:
        """Draw the customers by risk and effect, in the colors of their kinds.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.risk_uplift_map`, such as ``unit="pp"`` for an effect on a
            rate.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        share = bool(self.customers["risk"].between(0, 1).all())
        options.setdefault("risk_unit", "share" if share else "")
        options.setdefault("risk_cut", self.risk_cut)
        options.setdefault("break_even", self.break_even)
        return plotting().risk_uplift_map(self.customers, **options)

    def _difference(self, prob: float) -> str:
        code = self.currency
        if self.valued is None:
            gains = self.lists.set_index("policy")["expected_profit"]
            shown = [money(float(gains[name]), code) for name in (RISK, UPLIFT)]
            return (
                f"As estimated, the list by risk earns {shown[0]} after cost and the list by "
                f"effect {shown[1]}. The second is too high, because it is chosen by the numbers "
                "that value it; give pseudo_outcome to have it judged by outcomes."
            )
        table = self.tidy(prob).set_index("policy")
        row = self.valued.against(RISK, prob)
        n = self.valued.sums.n
        ends = [money(n * row[c], code) for c in ("estimate", "conf_low", "conf_high")]
        worth = [money(float(table.loc[name, "estimate"]), code) for name in (RISK, UPLIFT)]
        return (
            f"By the customers' own outcomes the list by risk earns {worth[0]} after cost and the "
            f"list by effect {worth[1]}: a difference of {ends[0]} ({100 * prob:g}% interval "
            f"{ends[1]} to {ends[2]})."
        )

    def _repr_html_(self) -> str:
        return result_html("Predict and treat", self.tidy(), self.explain())


def predict_and_treat(
    risk: ArrayLike,
    uplift: ArrayLike,
    value: Any,
    cost: Any,
    *,
    currency: str | None = None,
    contacts: int | None = None,
    pseudo_outcome: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    rng: RngLike = None,
) -> PredictAndTreat:
    """Compare contacting those most at risk with contacting those a contact changes most.

    Parameters
    ----------
    risk : array_like, shape (customer,)
        Predicted risk without contact, such as the probability to leave.
    uplift : array_like, shape (customer,)
        Estimated effect of the contact on the outcome; positive is good.
    value : float, Money, array_like, draws or object with draws
        Money per unit of outcome.
    cost : float, Money, array_like, draws or object with draws
        Cost of a contact.
    currency : str, optional
        ISO 4217 code; needed where neither value nor cost carries one.
    contacts : int, optional
        Length of the lists; by default as many as pay.
    pseudo_outcome : array_like, shape (customer,), optional
        Doubly robust scores of the customers, from models that did not see them.
    cluster : array_like, shape (customer,), optional
        What is drawn together.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    PredictAndTreat
        Kinds of customers, and the lists.

    Raises
    ------
    ConfigError
        If there are more contacts than customers, or no contact pays and no length is given.

    Notes
    -----
    Sleeping dogs have a negative effect. Persuadables are worth the contact: value times effect
    is above the cost. The others would act the same either way, as far as the cost allows: lost
    causes if their risk is at least the median, sure things otherwise. Three lists of one length
    are compared: by risk, by risk times value, and by value times effect less cost.

    References
    ----------
    Ascarza, E. (2018). Retention futility: targeting high-risk customers might be ineffective.
    Journal of Marketing Research 55, 80-98.
    """
    customers = ScoredCustomers(
        effect=uplift, pseudo_outcome=pseudo_outcome, risk=risk, cluster=cluster
    )
    rule = TargetingRule(value=value, cost=cost, currency=currency)
    gain, price, code = rule.amounts(customers)
    profit = (gain - price)[:, 0]
    length = _length(contacts, profit)
    worth = np.broadcast_to(amount(value, "value", customers.n, 1).rows, gain.shape)[:, 0]
    size = np.full((customers.n, 1), length / customers.n)
    lists = {
        UPLIFT: list_of_same_size(profit, size),
        RISK: list_of_same_size(customers.risk, size),
        VALUE_AT_RISK: list_of_same_size(customers.risk * worth, size),
    }
    kind = _kinds(customers, profit)
    valued = None
    if pseudo_outcome is not None:
        valued = rule.worth(lists, customers, rng=seed_of(rng))
    return PredictAndTreat(
        quadrants=_quadrants(customers, kind, worth, profit, lists),
        lists=_list_table(lists, kind, profit),
        customers=pd.DataFrame(
            {
                "risk": customers.risk,
                "uplift": customers.effect[:, 0],
                "quadrant": np.array(QUADRANTS)[kind],
            }
        ),
        risk_cut=float(np.median(customers.risk)),
        break_even=_break_even(worth, price[:, 0]),
        contacts=length,
        common=float(np.minimum(lists[UPLIFT], lists[RISK]).sum()),
        currency=code,
        valued=valued,
    )


def _length(contacts: int | None, profit: np.ndarray) -> int:
    if contacts is None:
        if not (profit > 0).any():
            raise ConfigError("no contact pays, so both lists are empty; give contacts a number.")
        return int((profit > 0).sum())
    if check_count(contacts, "contacts") > profit.size:
        raise ConfigError(f"contacts is {contacts} but there are {profit.size} customers.")
    return int(contacts)


def _break_even(worth: np.ndarray, price: np.ndarray) -> float | None:
    """Return the effect from which a contact pays, where it is one for all customers."""
    if not (worth > 0).all():
        return None
    needed = price / worth
    return float(needed[0]) if np.allclose(needed, needed[0], rtol=1e-9, atol=0) else None


def _kinds(customers: ScoredCustomers, profit: np.ndarray) -> np.ndarray:
    """Sort the customers into the four kinds, by position in the list of names."""
    effect, risk = customers.effect[:, 0], customers.risk
    at_risk = risk >= np.median(risk)
    return np.select([effect < 0, profit > 0, at_risk], [3, 0, 2], default=1)


def _quadrants(
    customers: ScoredCustomers,
    kind: np.ndarray,
    worth: np.ndarray,
    profit: np.ndarray,
    lists: dict[str, np.ndarray],
) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "n": 1,
            "risk": customers.risk,
            "uplift": customers.effect[:, 0],
            "value": worth,
            "profit": profit,
            RISK: lists[RISK][:, 0],
            UPLIFT: lists[UPLIFT][:, 0],
        }
    ).groupby(kind)
    out = pd.DataFrame({"n": table["n"].sum()})
    for name in ("risk", "uplift", "value"):
        out[f"mean_{name}"] = table[name].mean()
    out["profit_if_treated"] = table["profit"].sum()
    out["on_risk_list"] = table[RISK].sum()
    out["on_uplift_list"] = table[UPLIFT].sum()
    out = out.reindex(range(len(QUADRANTS)))
    counts = ["n", "profit_if_treated", "on_risk_list", "on_uplift_list"]
    out[counts] = out[counts].fillna(0)
    out["n"] = out["n"].astype(int)
    out.insert(1, "share", out["n"] / customers.n)
    out.insert(0, "quadrant", QUADRANTS)
    return out


def _list_table(lists: dict[str, np.ndarray], kind: np.ndarray, profit: np.ndarray) -> pd.DataFrame:
    rows = []
    for name, shares in lists.items():
        part = shares[:, 0]
        held = np.bincount(kind, part, minlength=len(QUADRANTS))
        counted = dict(zip(QUADRANTS, held, strict=True))
        rows.append(
            {
                "policy": name,
                "contacts": part.sum(),
                "expected_profit": float(part @ profit),
                **counted,
            }
        )
    return pd.DataFrame(rows)
