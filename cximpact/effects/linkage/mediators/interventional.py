"""Interventional effects, where the exposure moves what confounds mediator and outcome."""

from __future__ import annotations

import numpy as np

from cximpact.effects.linkage.mediators.models import MEDIATOR, OUTCOME, Crowd, MediationModels
from cximpact.effects.linkage.mediators.natural import PAIRS, Parameters

_STEPS = (0.7548776662466927, 0.5698402909980532, 0.4503599627370496, 0.3819660112501051)
_EDGE = 1e-12


def interventional_means(
    models: MediationModels,
    own: Parameters,
    crowd: Crowd,
    levels: tuple[float, float],
    weights: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return E[Y(x, G(x'))], with G drawn from the mediators of those exposed to x'.

    Parameters
    ----------
    models : MediationModels
        Families and designs.
    own : mapping of str to numpy.ndarray
        Parameters of one draw.
    crowd : Crowd
        Customers.
    levels : tuple of float
        Low and high exposure.
    weights : numpy.ndarray, shape (customer,)
        Weights of this draw.
    generator : numpy.random.Generator
        Randomness of the noise.

    Returns
    -------
    numpy.ndarray, shape (4,)
        In the order of ``PAIRS``.

    Notes
    -----
    The mediator is drawn given the covariates alone: the affected confounders that made it are
    another customer's. VanderWeele, Vansteelandt and Robins (2014). Effect decomposition in the
    presence of an exposure-induced mediator-outcome confounder. Epidemiology 25, 300-306.
    """
    n = len(crowd.weight)
    place = np.arange(n)

    def noise(k: int) -> np.ndarray:
        step = _STEPS[k % len(_STEPS)] * (1 + k // len(_STEPS))
        return np.clip((place * step + generator.random()) % 1.0, _EDGE, 1 - _EDGE)

    several = len(models.affected)
    for_mediator = [noise(k) for k in range(several)]
    of_mediator, for_outcome = noise(several), [noise(several + 1 + k) for k in range(several)]
    drawn, between = [], []
    for x in levels:
        design = models.design(
            MEDIATOR, x, crowd.covariates, between=_affected(models, own, crowd, x, for_mediator)
        )
        drawn.append(models.families[MEDIATOR].quantile(own[MEDIATOR], design, of_mediator))
        between.append(_affected(models, own, crowd, x, for_outcome))
    means = []
    for of_outcome, other in PAIRS:
        design = models.design(
            OUTCOME,
            levels[of_outcome],
            crowd.covariates,
            m=drawn[other],
            between=between[of_outcome],
        )
        means.append(float(weights @ models.families[OUTCOME].mean(own[OUTCOME], design)))
    return np.array(means)


def _affected(
    models: MediationModels,
    own: Parameters,
    crowd: Crowd,
    x: float,
    noise: list[np.ndarray],
) -> np.ndarray:
    """Draw the affected confounders at an exposure, one after the other."""
    out = np.empty((len(crowd.weight), 0))
    for name, u in zip(models.affected, noise, strict=True):
        design = models.design(name, x, crowd.covariates, between=out)
        out = np.column_stack([out, models.families[name].quantile(own[name], design, u)])
    return out
