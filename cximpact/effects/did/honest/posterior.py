"""The effect with a prior on how trends differ, as draws that value and return can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cximpact.core import draws as dr
from cximpact.core.results import Assumption, EffectPosterior, Provenance
from cximpact.core.rng import RngLike, as_generator, seed_of
from cximpact.core.sample_order import DATA_PREFIX
from cximpact.core.validate import check_count, check_number
from cximpact.effects.did.honest.path import EventPath, event_path
from cximpact.effects.did.honest.restrictions import first_differences, second_differences


def honest_posterior(
    effect: EffectPosterior,
    *,
    bend: float,
    target: str | float | Mapping[float, float] = "average",
    draws: int = 4000,
    rng: RngLike = None,
) -> EffectPosterior:
    """Draw the effect when trends may drift apart and bend.

    Parameters
    ----------
    effect : EffectPosterior
        By time since treatment against one reference, as for `honest_bounds`.
    bend : float
        Prior standard deviation of the change of slope from one period to the next, in the
        outcome's unit; 0 is a linear departure, which is carried forward from before treatment.
    target : "average", number, or mapping, default "average"
        As for `honest_bounds`.
    draws : int, default 4000
        How many draws.
    rng : int or Generator, optional
        Randomness.

    Returns
    -------
    EffectPosterior
        Of the target, to be used as any other effect. ``draw_kind`` is ``"posterior"``.

    Notes
    -----
    The departure ``delta`` from parallel trends has a flat prior on its slope and independent
    normal second differences with standard deviation ``bend``; it is zero at the reference. The
    coefficients are normal around ``delta`` before treatment and ``delta + effect`` after it, with
    their covariance (widened where there are few clusters), and the effects have flat priors. So
    the coefficients before treatment say how trends drift, as far as their error allows, and the
    longer after treatment, the less is known. Under parallel trends exactly there would be no
    slope: the result is wider than the effect's own interval even for ``bend=0``.

    References
    ----------
    Rambachan, A. and Roth, J. (2023). A more credible approach to parallel trends. Review of
    Economic Studies 90, 2555-2591.
    """
    check_number(bend, "bend", low=0)
    check_count(draws, "draws", low=100)
    path = event_path(effect)
    weights = path.weights(target)
    mean, covariance = departure(path, bend)
    value, variance = _target(path, weights, mean, covariance)
    seed = seed_of(rng)
    noise = as_generator(seed).standard_normal(draws)
    times = {str(t): float(w) for t, w in zip(path.after, weights, strict=True) if w}
    provenance = Provenance(
        method="HonestPosterior",
        data_hash=effect.provenance.data_hash,
        settings={"bend": bend, "weights": times, "draws": draws, "of": effect.provenance.method},
        seed=seed,
        versions=effect.provenance.versions,
        notes=effect.provenance.notes,
    )
    sampled = dr.from_array(
        value + np.sqrt(variance) * noise,
        source=provenance.source,
        attrs={"unit": effect.draws.attrs["unit"]} if "unit" in effect.draws.attrs else {},
        data_ids=[name for name in dr.order_of(effect.draws) if name.startswith(DATA_PREFIX)],
    )
    return replace(
        effect,
        draws=sampled,
        estimand=replace(effect.estimand, contrast=_contrast(path, weights)),
        estimate=None,
        std_error=None,
        df=None,
        draw_kind="posterior",
        assumptions=(_drift(bend), *effect.assumptions[1:]),
        provenance=provenance,
        details={"departure": mean, "departure_covariance": covariance, "weights": weights},
        would_change_it="trends that bend more than the prior allows.",
    )


def departure(path: EventPath, bend: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the departure, given the coefficients before treatment.

    Parameters
    ----------
    path : EventPath
        The event study.
    bend : float
        Prior standard deviation of second differences.

    Returns
    -------
    mean : numpy.ndarray, shape (term,)
        Of the departure.
    covariance : numpy.ndarray, shape (term, term)
        Of the departure.
    """
    k = path.n_before
    bends = second_differences(path)
    # a departure is a slope at the reference and the bends: invert that
    slope = first_differences(path)[k]
    basis = np.linalg.inv(np.vstack([slope, bends]))
    precision = np.linalg.inv(path.inflated(0.9)[:k, :k])
    used = basis if bend > 0 else basis[:, :1]
    prior = np.zeros(used.shape[1])
    prior[1:] = 1 / bend**2 if bend > 0 else 0.0
    load = used[:k]
    covariance = np.linalg.inv(load.T @ precision @ load + np.diag(prior))
    mean = covariance @ load.T @ precision @ path.value[:k]
    return used @ mean, used @ covariance @ used.T


def _target(
    path: EventPath, weights: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> tuple[float, float]:
    """Return mean and variance of the target, given the departure before and after."""
    k, noise = path.n_before, path.inflated(0.9)
    across = noise[k:, :k] @ np.linalg.inv(noise[:k, :k])
    left = noise[k:, k:] - across @ noise[:k, k:]
    # effect = coefficients after - departure after - expected error, given errors before
    load = np.concatenate([across, -np.eye(len(weights))], axis=1)
    middle = path.value[k:] - across @ path.value[:k] + load @ mean
    spread = left + load @ covariance @ load.T
    return float(weights @ middle), float(weights @ spread @ weights)


def _drift(bend: float) -> Assumption:
    return Assumption(
        name="trends that bend little",
        statement=(
            "without treatment trends would have drifted apart with a slope that changes from "
            f"period to period by a normal amount with standard deviation {bend:.3g}"
        ),
        tested=False,
        evidence="the coefficients before treatment inform the slope",
    )


def _contrast(path: EventPath, weights: np.ndarray) -> str:
    times = ", ".join(f"{t:g}" for t, w in zip(path.after, weights, strict=True) if w)
    return (
        "change of the treated since the reference against what the drift of trends predicts, "
        f"averaged over times since treatment {times}"
    )
