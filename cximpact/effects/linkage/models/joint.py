"""Several fitted models as one: joint draws of all their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.rng import RngLike
from cximpact.effects.asymptotic import t_errors
from cximpact.effects.linkage.models.fit import ModelFit


@dataclass(frozen=True, kw_only=True, eq=False)
class JointParameters:
    """Parameters of several models of the same rows.

    Parameters
    ----------
    fits : mapping of str to ModelFit
        The models by what they explain.
    covariance : numpy.ndarray, shape (parameter, parameter)
        Of all parameters, in the order of the models.
    df : float or None
        Degrees of freedom; clusters less one where rows are clustered.
    """

    fits: Mapping[str, ModelFit] = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    df: float | None

    def draw(self, size: int, *, rng: RngLike) -> dict[str, np.ndarray]:
        """Draw all parameters from their large-sample distribution.

        Parameters
        ----------
        size : int
            How many draws.
        rng : int or Generator
            Randomness.

        Returns
        -------
        dict of str to numpy.ndarray, shape (size, parameter)
            Draw i of one model belongs to draw i of the others.
        """
        errors = t_errors(self.covariance, self.df, size=size, rng=rng)
        out, start = {}, 0
        for name, fit in self.fits.items():
            out[name] = fit.values + errors[:, start : start + fit.values.size]
            start += fit.values.size
        return out


def join_fits(fits: Mapping[str, ModelFit], cluster: np.ndarray) -> JointParameters:
    """Put models of the same rows together.

    Parameters
    ----------
    fits : mapping of str to ModelFit
        The models.
    cluster : numpy.ndarray of int, shape (row,)
        Clusters at which rows are dependent; the row itself where they are not.

    Returns
    -------
    JointParameters
        With the sandwich covariance of all parameters, also across models.

    Notes
    -----
    Parameters of different models move together where residuals do, as those of one customer or
    one store. The covariance is the sum over clusters of squared influence, times G / (G - 1),
    and holds where a model's variance or its distribution is not right.
    """
    influence = np.column_stack([fit.influence for fit in fits.values()])
    n_clusters = int(cluster.max()) + 1
    if n_clusters < cluster.size:
        sums = np.zeros((n_clusters, influence.shape[1]))
        np.add.at(sums, cluster, influence)
        influence = sums
    covariance = influence.T @ influence * (n_clusters / (n_clusters - 1))
    df = float(n_clusters - 1) if n_clusters < cluster.size else None
    return JointParameters(fits=fits, covariance=covariance, df=df)
