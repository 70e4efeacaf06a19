"""What a targeting policy is worth, and what other lists of the same customers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.provenance import Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_weights
from cximpact.core.versions import versions
from cximpact.effects.asymptotic import t_errors
from cximpact.effects.uplift.allocation import Allocation
from cximpact.effects.uplift.policy_inputs import Amount, amount, by_arm, one_currency
from cximpact.effects.uplift.policy_lists import as_shares, random_list
from cximpact.effects.uplift.policy_sums import PARTS, ListSums, drawn_together, list_sums
from cximpact.effects.uplift.policy_worth import PolicyValue

POLICY = "policy"
NOBODY = "nobody"
EVERYBODY = "everybody"
RANDOM = "random"
NO_ERROR = 1e-12
Lists = Mapping[str, Allocation | ArrayLike]


def policy_value(
    treat: Allocation | ArrayLike | Lists,
    pseudo_outcome: ArrayLike,
    *,
    value: Any,
    cost: Any,
    currency: str | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    draws: int = 4000,
    rng: RngLike = None,
) -> PolicyValue:
    """Estimate what a list earns on customers it was not chosen on.

    Parameters
    ----------
    treat : Allocation, array_like or mapping of str to these
        The list, as `policy_lists.as_shares` takes it. In a mapping the first entry is the
        policy and the others are what it is compared with, such as a ranking by risk of the same
        size from `list_of_same_size`. One that is named like a benchmark takes its place.
    pseudo_outcome : array_like, shape (customer,) or (customer, arm)
        Doubly robust scores of each arm against control, from models that did not see the
        customer; in units of the outcome.
    value : float, Money, array_like, draws or object with draws
        Money per unit of outcome: one number, one a customer, or uncertain.
    cost : float, Money, array_like, draws or object with draws
        Cost of a contact: one number, one a customer and arm, or uncertain.
    currency : str, optional
        ISO 4217 code; needed where neither value nor cost carries one.
    weights, cluster : array_like, shape (customer,), optional
        Weights, and what is drawn together.
    draws : int, default 4000
        How many draws.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    PolicyValue
        The policy, everybody (with several arms, each), nobody, and as many at random.

    Raises
    ------
    ConfigError
        If there is no list, or money is negative or without a currency.

    Notes
    -----
    Estimand: ``V = E[sum_arm share_arm(X) (value * (Y(arm) - Y(0)) - cost_arm)]``, profit per
    customer against contacting nobody. Estimate: the mean of ``share * (value * score - cost)``.
    It rests on no unmeasured confounding and overlap, or a randomized contact, and on a list that
    does not depend on the outcomes of these customers. Errors are those of the customers drawn,
    added up by cluster, jointly over the lists; draws of value and cost are paired with them.

    References
    ----------
    Athey, S. and Wager, S. (2021). Policy learning with observational data. Econometrica 89,
    133-161.
    """
    scores = by_arm(pseudo_outcome, "pseudo_outcome")
    n, arms = scores.shape
    worth, price = amount(value, "value", n, arms), amount(cost, "cost", n, arms)
    code = one_currency(currency, worth, price)
    weight = check_weights(weights, n)
    lists = _lists(treat, n, arms, weight)
    codes = drawn_together(cluster, n)
    sums = list_sums(lists, scores * worth.scale, scores, price.scale, weight, codes)
    seed = seed_of(rng)
    provenance = Provenance(
        method="PolicyValue",
        data_hash=fingerprint(scores, weight, *([] if codes is None else [codes])),
        settings={
            "lists": {name: fingerprint(s) for name, s in lists.items()},
            "value": fingerprint(worth.rows),
            "cost": fingerprint(price.rows),
            "draws": draws,
        },
        seed=seed,
        versions=versions("numpy"),
    )
    uncertain = [name for name, a in (("value", worth), ("cost", price)) if a.draws is not None]
    parts, profit = _drawn(sums, worth, price, provenance, draws)
    return PolicyValue(
        draws=profit,
        parts=parts,
        sums=sums,
        covariance=None if uncertain else _covariance(sums),
        estimate=_times(worth) * sums.part(sums.value, "gain")
        - _times(price) * sums.part(sums.value, "cost"),
        currency=code,
        uncertain=tuple(uncertain),
        provenance=provenance,
    )


def everybody_names(arms: int) -> list[str]:
    """Return what the lists of everybody are called.

    Parameters
    ----------
    arms : int
        How many arms there are.

    Returns
    -------
    list of str
        One an arm.
    """
    return [EVERYBODY] if arms == 1 else [f"{EVERYBODY}: arm {a + 1}" for a in range(arms)]


def _lists(
    treat: Allocation | ArrayLike | Lists, n: int, arms: int, weight: np.ndarray
) -> dict[str, np.ndarray]:
    given: Mapping[Any, Any] = treat if isinstance(treat, Mapping) else {POLICY: treat}
    if not given:
        raise ConfigError("treat names no list; expected at least the policy.")
    lists = {str(name): as_shares(one, n, arms, str(name)) for name, one in given.items()}
    benchmarks = {name: np.eye(arms)[[a]] for a, name in enumerate(everybody_names(arms))}
    benchmarks |= {
        NOBODY: np.zeros((1, arms)),
        RANDOM: random_list(next(iter(lists.values())), weight),
    }
    return lists | {name: one for name, one in benchmarks.items() if name not in lists}


def _times(given: Amount) -> float:
    return 1.0 if given.draws is None else float(given.draws.mean())


def _covariance(sums: ListSums) -> np.ndarray:
    """Return the covariance of gain less cost."""
    identity = np.eye(len(sums.value))
    contrast = sums.part(identity, "gain") - sums.part(identity, "cost")
    return contrast.T @ sums.covariance @ contrast


def _drawn(
    sums: ListSums, worth: Amount, price: Amount, provenance: Provenance, size: int
) -> tuple[xr.Dataset, xr.DataArray]:
    """Draw the parts, pair them with draws of money, and put money into them."""
    errors, pairing = spawn(provenance.seed, "errors", "pair")
    noise = t_errors(sums.covariance, sums.df, size=size, rng=errors)
    noise[:, np.sqrt(np.diag(sums.covariance)) <= NO_ERROR * np.abs(sums.value)] = 0.0
    values = sums.value + noise
    identity: dict[str, Any] = {"source": provenance.source, "data_ids": [provenance.data_hash]}
    names = {"dims": ("policy",), "coords": {"policy": list(sums.names)}}
    blocks = {p: dr.from_array(sums.part(values, p), **names, **identity) for p in PARTS}
    for p in ("list_gain", "list_behavior"):
        blocks[p] = dr.from_array(sums.part(values, p), **identity)
    parts = xr.Dataset(blocks)
    given = {k: a.draws for k, a in (("v", worth), ("c", price)) if a.draws is not None}
    paired = dr.pair(parts, *given.values(), rng=pairing) if given else (parts,)
    times: dict[str, Any] = dict(zip(given, paired[1:], strict=True))
    worth_, price_ = times.get("v", 1.0), times.get("c", 1.0)
    first = paired[0]
    moneyed = {
        "gain": dr.map(lambda d, *_: d["gain"] * worth_, *paired),
        "cost": dr.map(lambda d, *_: d["cost"] * price_, *paired),
        "list_gain": dr.map(lambda d, *_: d["list_gain"] * worth_, *paired),
    }
    order, notes = dr.order_of(moneyed["gain"]), dr.carried_notes(moneyed["gain"])
    whole = dr.noted(first.assign(moneyed), order, notes)
    return whole, dr.map(lambda d: d["gain"] - d["cost"], whole, name="profit per customer")
