"""The onboarding world: a simulated company whose truth is known exactly.

A chain of stores makes joining easier, in a few stores first. Ease is latent; it shows in an
effort score that only some customers give, and it keeps customers, which is worth money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.special import expit

from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_count, check_number

MONTHS = np.arange(1, 13)
MONTH_SHIFT = 0.02 * MONTHS + 0.1 * np.sin(MONTHS)
CUTS = np.array([-2.5, -1.7, -1.0, -0.3, 0.6, 1.6])
EARLY_MONTH, LATE_MONTH = 5, 9
STORE_SD, X_ON_EASE = 0.3, 0.8
MARGIN_PER_RETAINED, COST_PER_JOINER, FIXED_COST = 180.0, 6.0, 40_000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class OnboardingWorld:
    """A simulated company: what an analyst sees, and apart from it what is true.

    Parameters
    ----------
    customers : pandas.DataFrame
        What is seen, one row a customer: ``customer``, ``store``, ``join_month`` (1 to 12), ``x``
        (a covariate with mean 0 and variance 1), ``first_treated`` (month in which the store
        changed; missing for never), ``treated`` (0/1: joined after the change), ``ces`` (effort
        score from 1 to 7, higher is easier; missing without a response) and ``retained`` (0/1,
        after twelve months).
    truth_frame : pandas.DataFrame
        What nobody sees, one row a customer: ``customer``, ``ease``, ``ces`` (of everybody),
        ``response_probability``, ``retention_untreated`` and ``retention_treated`` (probabilities
        without and with the change).
    truth : mapping of str to float
        Expectations over all such worlds: see `onboarding_truth`.
    """

    customers: pd.DataFrame
    truth_frame: pd.DataFrame
    truth: Mapping[str, float]


def simulate_onboarding(
    rng: RngLike,
    *,
    kappa: float = 0.0,
    n_stores: int = 40,
    joiners: int = 60,
    effect: float = 0.6,
) -> OnboardingWorld:
    r"""Simulate a year of joiners in stores that change their onboarding at different times.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        Seed. The same seed gives the same customers whatever ``kappa`` is.
    kappa : float, default 0
        How much the response depends on ease beyond ``x``. At 0 answers are missing at random
        given ``x``; at 0.4 they are not, and no data set can show it.
    n_stores : int, default 40
        Stores, at least 4. The first half never changes, a quarter changes in month 5 and the
        rest in month 9. Stores are exchangeable, so this is a random assignment.
    joiners : int, default 60
        Joiners a store and month.
    effect : float, default 0.6
        What the change adds to ease, on the logit scale.

    Returns
    -------
    OnboardingWorld
        ``12 * n_stores * joiners`` customers and the truth about them.

    Raises
    ------
    ConfigError
        For a setting out of range.

    Notes
    -----
    For a customer with covariate :math:`x \sim N(0, 1)` in store s and month m, treated
    (:math:`D = 1`) or not,

    .. math::

        E = 0.8 x + u_s + \gamma_m + 0.6 D + \text{Logistic}(0, 1), \quad u_s \sim N(0, 0.3^2),
        \quad \gamma_m = 0.02 m + 0.1 \sin m,

    the effort score cuts E at -2.5, -1.7, -1, -0.3, 0.6 and 1.6, the customer stays with
    probability :math:`\text{expit}(0.2 + 0.5 E + 0.3 x)` and answers with probability
    :math:`\text{expit}(-1.2 + 0.6 x + \kappa E)`.

    References
    ----------
    A design of this package; the truth is integrated in `onboarding_truth`.
    """
    truth = onboarding_truth(kappa=kappa, n_stores=n_stores, joiners=joiners, effect=effect)
    store_rng, x_rng, ease_rng, answer_rng, stay_rng = spawn(
        rng, "stores", "covariate", "ease", "answers", "retention"
    )
    n = n_stores * len(MONTHS) * joiners
    store = np.repeat(np.arange(n_stores), len(MONTHS) * joiners)
    month = np.tile(np.repeat(MONTHS, joiners), n_stores)
    first = _first_treated(n_stores)[store]
    treated = (first > 0) & (month >= first)
    x = x_rng.standard_normal(n)
    store_effect = store_rng.normal(0, STORE_SD, n_stores)[store]
    untreated = X_ON_EASE * x + store_effect + MONTH_SHIFT[month - 1] + ease_rng.logistic(size=n)
    ease = untreated + effect * treated
    ces = 1 + np.searchsorted(CUTS, ease)
    respond, stay = _response(ease, x, kappa), _retention(ease, x)
    answered = answer_rng.random(n) < respond
    customers = pd.DataFrame(
        {
            "customer": np.arange(1, n + 1),
            "store": store + 1,
            "join_month": month,
            "x": x,
            "first_treated": _nullable(first, first > 0),
            "treated": treated.astype(int),
            "ces": _nullable(ces, answered),
            "retained": (stay_rng.random(n) < stay).astype(int),
        }
    )
    hidden = pd.DataFrame(
        {
            "customer": customers["customer"],
            "ease": ease,
            "ces": ces,
            "response_probability": respond,
            "retention_untreated": _retention(untreated, x),
            "retention_treated": _retention(untreated + effect, x),
        }
    )
    return OnboardingWorld(customers=customers, truth_frame=hidden, truth=truth)


def onboarding_truth(
    *, kappa: float = 0.0, n_stores: int = 40, joiners: int = 60, effect: float = 0.6
) -> Mapping[str, float]:
    """Integrate what is true of the onboarding world, to eight digits or better.

    Parameters
    ----------
    kappa : float, default 0
        As in `simulate_onboarding`.
    n_stores, joiners : int
        As in `simulate_onboarding`.
    effect : float, default 0.6
        As in `simulate_onboarding`.

    Returns
    -------
    mapping of str to float
        - ``retention_untreated``, ``retention_treated``, ``ate``: shares of customers
        - ``ces_untreated``, ``ces_treated``, ``ces_lift``, ``ces_sd_untreated``: points
        - ``ces_everyone``, ``ces_respondents``, ``response_rate``: with stores treated as they
          are in the world; ``ces_respondents_untreated``: if none were
        - ``margin_per_retained``, ``cost``, ``break_even_ate``, ``net``, ``roi``: of a roll-out
          to as many joiners as the world has, in money or as a ratio

    Raises
    ------
    ConfigError
        For a setting out of range; ``kappa`` and ``effect`` lie between -10 and 10.

    Notes
    -----
    With :math:`s = 0.8 x + u`, everything is an integral over s (Gauss-Hermite), x given s
    (Gauss-Hermite) and E given s (Gauss-Legendre between the cuts), averaged over months.
    """
    check_count(n_stores, "n_stores", low=4)
    check_count(joiners, "joiners")
    kappa = check_number(kappa, "kappa", low=-10, high=10)
    effect = check_number(effect, "effect", low=-10, high=10)
    means = {arm: _monthly_means(arm * effect, kappa) for arm in (0, 1)}
    none, every = (means[arm].mean() for arm in (0, 1))
    first = _first_treated(n_stores)
    share = np.array([np.mean((first > 0) & (first <= month)) for month in MONTHS])
    design = {
        key: float(((1 - share) * means[0][key] + share * means[1][key]).mean())
        for key in ("ces", "response", "ces_response")
    }
    n = n_stores * len(MONTHS) * joiners
    ate = every["retention"] - none["retention"]
    cost = COST_PER_JOINER * n + FIXED_COST
    benefit = MARGIN_PER_RETAINED * n * ate
    truth = {
        "retention_untreated": none["retention"],
        "retention_treated": every["retention"],
        "ate": ate,
        "ces_untreated": none["ces"],
        "ces_treated": every["ces"],
        "ces_lift": every["ces"] - none["ces"],
        "ces_sd_untreated": np.sqrt(none["ces_squared"] - none["ces"] ** 2),
        "ces_everyone": design["ces"],
        "ces_respondents": design["ces_response"] / design["response"],
        "ces_respondents_untreated": none["ces_response"] / none["response"],
        "response_rate": design["response"],
        "margin_per_retained": MARGIN_PER_RETAINED,
        "cost": cost,
        "break_even_ate": cost / (MARGIN_PER_RETAINED * n),
        "net": benefit - cost,
        "roi": (benefit - cost) / cost,
    }
    return MappingProxyType({key: float(value) for key, value in truth.items()})


def _first_treated(n_stores: int) -> np.ndarray:
    never = n_stores // 2
    early = (n_stores - never) // 2
    counts = [never, early, n_stores - never - early]
    return np.repeat([0, EARLY_MONTH, LATE_MONTH], counts)


def _response(ease: np.ndarray, x: np.ndarray, kappa: float) -> np.ndarray:
    return expit(-1.2 + 0.6 * x + kappa * ease)


def _retention(ease: np.ndarray, x: np.ndarray) -> np.ndarray:
    return expit(0.2 + 0.5 * ease + 0.3 * x)


def _nullable(values: np.ndarray, known: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values.astype("int64"), ~known)


@lru_cache(maxsize=32)
def _monthly_means(lift: float, kappa: float) -> pd.DataFrame:
    """Integrate, by month, what is expected when ``lift`` is added to everybody's ease."""
    s, s_weight = _normal_nodes(40)
    x_noise, x_weight = _normal_nodes(10)
    ease, ease_weight = _ease_nodes()
    variance = X_ON_EASE**2 + STORE_SD**2
    s = s * np.sqrt(variance)
    x_mean, x_sd = X_ON_EASE / variance * s, np.sqrt(1 - X_ON_EASE**2 / variance)
    x = x_mean[:, None, None] + x_sd * x_noise[:, None]
    retention = np.tensordot(x_weight, _retention(ease, x), axes=(0, 1))
    response = np.tensordot(x_weight, _response(ease, x, kappa), axes=(0, 1))
    ces = 1 + np.searchsorted(CUTS, ease)
    noise = ease - s[:, None] - MONTH_SHIFT[:, None, None] - lift
    density = expit(noise) * expit(-noise) * s_weight[:, None] * ease_weight
    columns = {
        "retention": retention,
        "response": response,
        "ces_response": ces * response,
        "ces": np.broadcast_to(ces, response.shape),
        "ces_squared": np.broadcast_to(ces**2, response.shape),
    }
    values = np.stack([column.ravel() for column in columns.values()], axis=1)
    return pd.DataFrame(density.reshape(len(MONTHS), -1) @ values, columns=list(columns))


def _normal_nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()


def _ease_nodes(n: int = 16) -> tuple[np.ndarray, np.ndarray]:
    edges = np.array([-45, -20, -10, -5, *CUTS, 5, 10, 20, 45])
    nodes, weights = np.polynomial.legendre.leggauss(n)
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    return (middle[:, None] + half[:, None] * nodes).ravel(), np.outer(half, weights).ravel()
