"""Lists of customers: who gets which arm, by a policy, a ranking or chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, DataError, rows_phrase
from cximpact.core.validate import as_array, check_vector, check_weights
from cximpact.effects.uplift.allocation import Allocation
from cximpact.effects.uplift.policy_inputs import by_arm

EXACT = 1e-9


def as_shares(treat: Allocation | ArrayLike, n: int, arms: int, name: str) -> np.ndarray:
    """Turn a list in any of its forms into shares of each arm.

    Parameters
    ----------
    treat : Allocation or array_like, shape (customer,) or (customer, arm)
        Whole numbers name the arm of a customer, 0 for no contact; otherwise the share of each
        arm that a customer gets.
    n, arms : int
        How many customers and arms there are.
    name : str
        How messages call the list.

    Returns
    -------
    numpy.ndarray, shape (customer, arm)
        From 0 to 1, at most 1 a customer.

    Raises
    ------
    DataError
        If it belongs to other customers.
    ConfigError
        If it names an arm that does not exist, or shares that no customer can get.
    """
    if isinstance(treat, Allocation):
        treat = treat.shares
    array = as_array(treat, name)
    if len(array) != n:
        raise DataError(f"{name} has {len(array)} values for {n} customers; expected one each.")
    if array.ndim == 1 and array.dtype.kind in "bui":
        if (wrong := np.flatnonzero((array < 0) | (array > arms))).size:
            raise ConfigError(
                f"{name} names arms that do not exist in {rows_phrase(wrong)}; expected 0 for no "
                f"contact to {arms}."
            )
        return (array[:, None] == np.arange(1, arms + 1)).astype(float)
    shares = by_arm(array, name)
    if shares.shape[1] != arms:
        raise DataError(f"{name} has {shares.shape[1]} arms; expected {arms}.")
    outside = (shares < -EXACT).any(axis=1) | (shares.sum(axis=1) > 1 + EXACT)
    if (wrong := np.flatnonzero(outside)).size:
        raise ConfigError(
            f"{name} has shares outside 0 to 1 in {rows_phrase(wrong)}; expected at most 1 over "
            "the arms of a customer."
        )
    return shares


def random_list(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the list that contacts as many customers by chance, with the same mix of arms.

    Parameters
    ----------
    shares : numpy.ndarray, shape (customer, arm)
        A list.
    weights : numpy.ndarray, shape (customer,)
        Weights of the customers.

    Returns
    -------
    numpy.ndarray, shape (1, arm)
        The probability of each arm, the same for everybody.
    """
    return (weights @ shares / weights.sum())[None]


def list_of_same_size(
    score: ArrayLike,
    treat: Allocation | ArrayLike,
    *,
    arms: int = 1,
    weights: ArrayLike | None = None,
    eligible: np.ndarray | None = None,
) -> np.ndarray:
    """Contact as many customers as a list does, in the order of a score.

    Parameters
    ----------
    score : array_like, shape (customer,)
        Highest first, such as the risk to leave.
    treat : Allocation or array_like
        The list whose size and mix of arms is taken.
    arms : int, default 1
        How many arms there are.
    weights : array_like, shape (customer,), optional
        Weights of the customers.
    eligible : numpy.ndarray of bool, shape (customer,), optional
        Who may be contacted; everybody by default.

    Returns
    -------
    numpy.ndarray, shape (customer, arm)
        Shares. Customers with tied scores at the end of the list get equal shares.

    Notes
    -----
    With several arms each customer gets them with the probabilities of the list: the score says
    whom to contact, not how.
    """
    ranking = check_vector(score, "score")
    n = ranking.size
    weight = check_weights(weights, n)
    chance = random_list(as_shares(treat, n, arms, "treat"), weight)[0]
    room = chance.sum() * weight.sum()
    may = np.ones(n, dtype=bool) if eligible is None else eligible
    levels, level = np.unique(-ranking, return_inverse=True)
    sizes = np.bincount(level, weight * may, minlength=levels.size)
    before = np.cumsum(sizes) - sizes
    part = np.clip((room - before) / np.where(sizes > 0, sizes, 1.0), 0.0, 1.0)[level]
    mix = chance / chance.sum() if chance.sum() > 0 else chance
    return (part * may)[:, None] * mix
