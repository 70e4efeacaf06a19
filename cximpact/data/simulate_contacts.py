"""Worlds of contacted customers, in which the effect on each of them is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.special import expit

from cximpact.core.rng import RngLike, spawn
from cximpact.core.validate import check_choice, check_count

CONTACT_WORLDS = ("retention", "linear", "heterogeneous", "null", "confounded")
_LEAST, _MOST = 0.01, 0.99


@dataclass(frozen=True, kw_only=True, eq=False)
class ContactWorld:
    """Contacted customers: what an analyst sees, and apart from it what is true.

    Parameters
    ----------
    customers : pandas.DataFrame
        What is seen, one row a customer: ``customer``, the features, ``treated`` and ``outcome``
        (0/1); in the retention world ``called`` and ``stayed``.
    features : tuple of str
        The features.
    truth_frame : pandas.DataFrame
        What nobody sees: ``customer``, ``effect``, ``untreated`` (probability of the outcome
        without treatment) and ``propensity``.
    truth : mapping of str to float
        ``ate`` of these customers, ``effect_sd``, and ``harmed``, the share with a negative
        effect.
    """

    customers: pd.DataFrame = field(repr=False)
    features: tuple[str, ...]
    truth_frame: pd.DataFrame = field(repr=False)
    truth: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drawn:
    """Features with what follows from them."""

    features: pd.DataFrame
    propensity: np.ndarray
    untreated: np.ndarray
    effect: np.ndarray


def simulate_contacts(rng: RngLike, *, n: int = 20_000, world: str = "retention") -> ContactWorld:
    r"""Simulate customers of whom some are contacted.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None
        Seed.
    n : int, default 20000
        Customers, at least 100.
    world : {"retention", "linear", "heterogeneous", "null", "confounded"}
        - ``"retention"``: half of the customers are called at random. A call keeps customers who
          had trouble and may be won back. Those on a monthly contract who hardly use it are the
          likeliest to leave, and a call reminds them: they leave more.
        - ``"linear"``: five features, uniform; ``e = expit(x1 - .5)``, ``mu0 = .2 + .3 x1``,
          ``tau = .3 (x2 - .5)``. The average effect is 0; the perfect ranking has AUTOC .075 and
          QINI .025; ranking by ``mu0`` has 0.
        - ``"heterogeneous"``: twelve normal features, half treated at random, effects that vary
          smoothly and by a step.
        - ``"null"``: the same without any effect.
        - ``"confounded"``: the heterogeneous world, where those likely to buy are treated more.

    Returns
    -------
    ContactWorld
        Customers and the truth about them.

    Raises
    ------
    ConfigError
        For a setting out of range.

    References
    ----------
    Designs of this package.
    """
    check_count(n, "n", low=100)
    check_choice(world, "world", CONTACT_WORLDS)
    feature_rng, treatment_rng, outcome_rng = spawn(rng, "features", "treatment", "outcome")
    drawn = _WORLDS[world](feature_rng, n)
    treated = (treatment_rng.random(n) < drawn.propensity).astype(int)
    outcome = (outcome_rng.random(n) < drawn.untreated + treated * drawn.effect).astype(int)
    names = ("called", "stayed") if world == "retention" else ("treated", "outcome")
    customer = np.arange(1, n + 1)
    seen = drawn.features.assign(**dict(zip(names, (treated, outcome), strict=True)))
    seen.insert(0, "customer", customer)
    hidden = {
        "customer": customer,
        "effect": drawn.effect,
        "untreated": drawn.untreated,
        "propensity": drawn.propensity,
    }
    truth = {
        "ate": float(drawn.effect.mean()),
        "effect_sd": float(drawn.effect.std()),
        "harmed": float((drawn.effect < 0).mean()),
    }
    return ContactWorld(
        customers=seen,
        features=tuple(drawn.features.columns),
        truth_frame=pd.DataFrame(hidden),
        truth=MappingProxyType(truth),
    )


def _retention(rng: np.random.Generator, n: int) -> _Drawn:
    monthly = rng.random(n) < 0.45
    tenure = np.ceil(rng.exponential(30, n)).clip(1, 180)
    usage = rng.gamma(2.0, 4.0, n).round(1)
    contacts = rng.poisson(0.8, n)
    effort = np.clip(np.round(2.2 + 0.9 * contacts + rng.normal(0, 1.2, n)), 1, 7)
    bill = np.round(25 + 30 * rng.gamma(2.0, 0.5, n), 2)
    region = rng.choice(["north", "south", "east", "west"], n)
    idle = monthly & (usage < 5)
    stay = 1.6 + 0.012 * tenure - 0.9 * monthly - 0.25 * (effort - 3) - 1.3 * idle
    untreated = expit(stay)
    won_back = 0.9 * expit(1.5 * (effort - 3.5)) * (~idle)
    put_off = -0.7 * idle
    effect = expit(stay + won_back + put_off) - untreated
    features = pd.DataFrame(
        {
            "contract": np.where(monthly, "monthly", "yearly"),
            "tenure": tenure,
            "usage": usage,
            "contacts": contacts,
            "effort": effort,
            "bill": bill,
            "region": region,
        }
    )
    half = np.full(n, 0.5)
    return _Drawn(features=features, propensity=half, untreated=untreated, effect=effect)


def _linear(rng: np.random.Generator, n: int) -> _Drawn:
    x = rng.random((n, 5))
    return _Drawn(
        features=_named(x),
        propensity=expit(x[:, 0] - 0.5),
        untreated=0.2 + 0.3 * x[:, 0],
        effect=0.3 * (x[:, 1] - 0.5),
    )


def _heterogeneous(
    rng: np.random.Generator, n: int, *, size: float = 1.0, confounding: float = 0.0
) -> _Drawn:
    x = rng.standard_normal((n, 12))
    likely = 0.6 * x[:, 0] - 0.4 * x[:, 1]
    untreated = expit(-1 + likely + 0.3 * x[:, 2] * x[:, 3] + 0.3 * np.abs(x[:, 4]))
    tau = 0.05 + 0.06 * np.tanh(x[:, 5]) + 0.04 * (x[:, 6] > 0) - 0.03 * np.abs(x[:, 0])
    untreated = np.clip(untreated, _LEAST, _MOST)
    effect = np.clip(untreated + size * tau, _LEAST, _MOST) - untreated
    propensity = expit(confounding * likely)
    return _Drawn(features=_named(x), propensity=propensity, untreated=untreated, effect=effect)


def _null(rng: np.random.Generator, n: int) -> _Drawn:
    return _heterogeneous(rng, n, size=0.0)


def _confounded(rng: np.random.Generator, n: int) -> _Drawn:
    return _heterogeneous(rng, n, confounding=1.0)


def _named(x: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(x, columns=[f"x{j + 1}" for j in range(x.shape[1])])


_WORLDS: Mapping[str, Callable[[np.random.Generator, int], _Drawn]] = MappingProxyType(
    {
        "retention": _retention,
        "linear": _linear,
        "heterogeneous": _heterogeneous,
        "null": _null,
        "confounded": _confounded,
    }
)
