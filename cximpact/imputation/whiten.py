"""A linear change of variables after which the posterior is about standard normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg

from cximpact.imputation.fused import log_posterior, whitened_log_posterior
from cximpact.imputation.mode import Mode, variances
from cximpact.imputation.posterior import Posterior

MAX_DENSE = 1_200
"""Free numbers up to which their correlations are taken out, not only their scales."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Whitening:
    """The map ``theta = center + matrix @ z``.

    Parameters
    ----------
    center : numpy.ndarray, shape (free,)
        The mode.
    matrix : numpy.ndarray, shape (free, free) or (free,)
        A factor of the covariance, or standard deviations where there are many numbers.
    """

    center: np.ndarray = field(repr=False)
    matrix: np.ndarray = field(repr=False)

    def theta(self, z: np.ndarray) -> np.ndarray:
        """Map whitened numbers to free numbers.

        Parameters
        ----------
        z : numpy.ndarray, shape (..., free)
            Whitened numbers.

        Returns
        -------
        numpy.ndarray, shape (..., free)
            Free numbers.
        """
        if self.matrix.ndim == 1:
            return self.center + self.matrix * z
        return self.center + z @ self.matrix.T

    def density(self, posterior: Posterior) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """Return the log posterior and its gradient as a function of the whitened numbers.

        Parameters
        ----------
        posterior : Posterior
            In the parametrization that the whitening was made for.

        Returns
        -------
        callable
            From numbers of shape (free,) to the value and the gradient.
        """
        layout, center, matrix = posterior.layout, self.center, self.matrix
        if matrix.ndim == 2:
            return lambda z: whitened_log_posterior(z, center, matrix, layout)

        def evaluate(z: np.ndarray) -> tuple[float, np.ndarray]:
            value, by_theta = log_posterior(center + matrix * z, layout)
            return value, matrix * by_theta

        return evaluate


def whiten(posterior: Posterior, mode: Mode, centered: Mapping[str, np.ndarray]) -> Whitening:
    """Turn a normal approximation into a change of variables.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        Its normal approximation.
    centered : mapping of str to numpy.ndarray
        Term to how far its coordinates are centered.

    Returns
    -------
    Whitening
        For the posterior in these coordinates.
    """
    n = posterior.n_inner
    center, slope, unit = mode.inner.theta.copy(), mode.slope.copy(), np.ones(n)
    for i, block in enumerate(posterior.blocks):
        apart = 1 - centered[block.term.name]
        slope[block.where, i] -= apart * center[block.where]
        unit[block.where] = np.exp(-apart * mode.log_scales[i])
    center[:n] *= unit
    slope = unit[:, None] * (slope @ mode.factor)
    if posterior.n_free > MAX_DENSE:
        inner = np.sqrt(unit**2 * variances(mode.inner) + (slope**2).sum(axis=1))
        outer = np.sqrt((mode.factor**2).sum(axis=1))
        return Whitening(center=center, matrix=np.concatenate([inner, outer]))
    matrix = np.zeros((posterior.n_free, posterior.n_free))
    root = linalg.solve_triangular(mode.inner.factor, np.eye(n), lower=True).T
    matrix[:n, :n] = unit[:, None] * root
    matrix[:n, n:] = slope
    matrix[n:, n:] = mode.factor
    return Whitening(center=center, matrix=matrix)
