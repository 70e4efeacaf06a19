"""Natural effects: the mean outcome at one exposure, with the mediator of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cximpact.effects.linkage.mediators.models import MEDIATOR, OUTCOME, Crowd, MediationModels

PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Exposure of the outcome and exposure of the mediator: low is 0, high is 1."""
_LOGISTIC_SD = np.pi / np.sqrt(3)
Parameters = Mapping[str, np.ndarray]


def natural_means(
    models: MediationModels,
    own: Parameters,
    crowd: Crowd,
    levels: tuple[float, float],
    weights: np.ndarray,
    *,
    rho: float = 0.0,
) -> np.ndarray:
    """Return E[Y(x, M(x'))] for low and high exposures x and x'.

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
    rho : float, default 0
        Correlation of the errors of mediator and outcome, for a normal mediator.

    Returns
    -------
    numpy.ndarray, shape (4,)
        In the order of ``PAIRS``.

    Notes
    -----
    The mediator is summed out over its levels, or integrated by Gauss-Hermite. Where errors are
    correlated, part of the mediator's coefficient is not its doing: a mediator that is moved by
    the exposure moves the outcome by the rest (Imai, Keele and Yamamoto 2010).
    """
    outcome = models.families[OUTCOME]
    means = []
    for of_outcome, of_mediator in PAIRS:
        x, other = levels[of_outcome], levels[of_mediator]
        points, shares = _mediator(models, own, crowd, other if rho == 0 else x)
        if rho != 0:
            points = points + _passed_on(models, own, crowd, (x, other), rho)[:, None]
        total = np.zeros(len(weights))
        for k in range(points.shape[1]):
            m = _as_observed(models, own, crowd, x, points[:, k])
            design = models.design(OUTCOME, x, crowd.covariates, m=m)
            total += shares[:, k] * outcome.mean(own[OUTCOME], design)
        means.append(float(weights @ total))
    return np.array(means)


def _mediator(
    models: MediationModels, own: Parameters, crowd: Crowd, x: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return values of the true mediator at an exposure, and their weights."""
    values = own[MEDIATOR]
    if models.error_variance > 0:
        values = values.copy()
        values[-1] += 0.5 * np.log(models.trust(values))
    return models.families[MEDIATOR].support(values, models.design(MEDIATOR, x, crowd.covariates))


def _as_observed(
    models: MediationModels, own: Parameters, crowd: Crowd, x: float, m: np.ndarray
) -> np.ndarray:
    """Return the observed mediator whose best prediction of the true one is ``m``."""
    if models.error_variance == 0:
        return m
    center = models.mediator_center(own[MEDIATOR], x, crowd)
    return center + (m - center) / models.trust(own[MEDIATOR])


def _passed_on(
    models: MediationModels, own: Parameters, crowd: Crowd, levels: tuple[float, float], rho: float
) -> np.ndarray:
    """Return the shift of the mediator that moves the outcome by what is truly its doing."""
    x, other = levels
    if x == other:
        return np.zeros(len(crowd.weight))
    values = own[OUTCOME]
    slope = values[2] + (values[3] * x if models.interaction else 0.0)
    binary = models.families[OUTCOME].name == "binary"
    sd = _LOGISTIC_SD if binary else float(np.exp(values[-1]))
    not_its_doing = rho * sd / (float(np.exp(own[MEDIATOR][-1])) * np.sqrt(1 - rho**2))
    moved = models.mediator_center(own[MEDIATOR], other, crowd)
    moved = moved - models.mediator_center(own[MEDIATOR], x, crowd)
    return moved * (1 - not_its_doing / slope)
