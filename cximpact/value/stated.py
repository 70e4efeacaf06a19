"""Values that are stated rather than estimated: a number, or an elicited distribution."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.elicit import DISTRIBUTIONS, fit_quantiles
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.value.posterior import ValuePosterior


def fixed(
    amount: float, currency: str, *, per: str, assumption: str, horizon: str = "unstated"
) -> ValuePosterior:
    """State a value as one number.

    Parameters
    ----------
    amount : float
        Margin, not revenue, per unit of behavior.
    currency : str
        ISO 4217 code.
    per : str
        The unit of behavior, such as ``"retained customer"``.
    assumption : str
        Who says so and why, in a sentence; every result that uses the value prints it.
    horizon : {"unstated", "once", "period", "lifetime"}
        Over which time the money comes in.

    Returns
    -------
    ValuePosterior
        Constant draws.

    Raises
    ------
    ConfigError
        For a negative or non-finite amount, or an empty assumption.
    """
    amount = check_number(amount, "amount", low=0)
    settings = {"amount": amount, "currency": currency, "per": per}
    provenance = Provenance(method="value.fixed", settings=settings)
    return ValuePosterior(
        draws=dr.from_array(np.full(2, amount), source=provenance.source, name="value"),
        currency=currency,
        per=per,
        horizon=horizon,
        provenance=provenance,
        assumptions=(_stated(assumption),),
        would_change_it="another stated amount",
    )


def from_quantiles(
    quantiles: Mapping[float, float],
    currency: str,
    *,
    per: str,
    assumption: str,
    rng: RngLike,
    distribution: str = "lognormal",
    size: int = 4000,
) -> ValuePosterior:
    """Elicit a value from two quantiles.

    Parameters
    ----------
    quantiles : mapping of float to float
        Two probabilities and the amounts at them, such as ``{0.1: 80, 0.9: 150}``.
    currency : str
        ISO 4217 code.
    per : str
        The unit of behavior.
    assumption : str
        Whose judgment it is.
    rng : int or Generator
        Randomness of the draws.
    distribution : {"lognormal", "normal", "gamma"}
        Family, matched exactly to both quantiles.
    size : int, default 4000
        Number of draws.

    Returns
    -------
    ValuePosterior
        Draws of the elicited distribution.

    Raises
    ------
    ConfigError
        If the quantiles are not two increasing amounts, or not positive where the family
        needs that.
    """
    family = fit_quantiles(quantiles, distribution)
    settings = {"quantiles": sorted(quantiles.items()), "distribution": distribution}
    return _elicited(family, currency, per, assumption, rng, size, settings)


def uncertain(
    mean: float,
    sd: float,
    currency: str,
    *,
    per: str,
    assumption: str,
    rng: RngLike,
    distribution: str = "lognormal",
    size: int = 4000,
) -> ValuePosterior:
    """Elicit a value from its mean and standard deviation.

    Parameters
    ----------
    mean, sd : float
        Of the amount, in money.
    currency : str
        ISO 4217 code.
    per : str
        The unit of behavior.
    assumption : str
        Whose judgment it is.
    rng : int or Generator
        Randomness of the draws.
    distribution : {"lognormal", "normal", "gamma"}
        Family, matched exactly to both moments.
    size : int, default 4000
        Number of draws.

    Returns
    -------
    ValuePosterior
        Draws of the elicited distribution.

    Raises
    ------
    ConfigError
        If the mean or the standard deviation is not positive.
    """
    mean = check_number(mean, "mean", low=0, open_low=True)
    sd = check_number(sd, "sd", low=0, open_low=True)
    check_choice(distribution, "distribution", DISTRIBUTIONS)
    if distribution == "normal":
        family = stats.norm(mean, sd)
    elif distribution == "gamma":
        family = stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)
    else:
        log_sd = np.sqrt(np.log1p((sd / mean) ** 2))
        family = stats.lognorm(log_sd, scale=mean / np.exp(log_sd**2 / 2))
    settings = {"mean": mean, "sd": sd, "distribution": distribution}
    return _elicited(family, currency, per, assumption, rng, size, settings)


def _elicited(
    family: stats.rv_continuous_frozen,
    currency: str,
    per: str,
    assumption: str,
    rng: RngLike,
    size: int,
    settings: dict[str, object],
) -> ValuePosterior:
    size, seed = check_count(size, "size", low=2), seed_of(rng)
    provenance = Provenance(
        method="value.elicited",
        settings=settings | {"currency": currency, "per": per, "size": size},
        seed=seed,
    )
    (stream,) = spawn(seed, provenance.source)
    draws = np.asarray(family.ppf(stream.random(size)))
    return ValuePosterior(
        draws=dr.from_array(draws, source=provenance.source, name="value"),
        currency=currency,
        per=per,
        provenance=provenance,
        assumptions=(_stated(assumption),),
        would_change_it="another judgment of its range",
    )


def _stated(assumption: str) -> Assumption:
    if not isinstance(assumption, str) or not assumption.strip():
        raise ConfigError(
            f"assumption is {assumption!r}; say in a sentence where the amount comes from."
        )
    return Assumption(name="stated value", statement=assumption, tested=False)
