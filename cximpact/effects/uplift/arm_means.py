"""The difference of the arms' means: an experiment without any model."""

from __future__ import annotations

import numpy as np

from cximpact.core.errors import InsufficientDataError
from cximpact.data.customer_rows import CustomerRows
from cximpact.effects.uplift.doubly_robust import AverageEffects

_FEW = 2


def arm_means(rows: CustomerRows, n_arms: int) -> tuple[AverageEffects, float]:
    """Compare the mean of each treated arm with that of the control.

    Parameters
    ----------
    rows : CustomerRows
        Customers.
    n_arms : int
        Arms, with the control.

    Returns
    -------
    effects : AverageEffects
        Differences of weighted means. The variance of a mean is ``s^2 / n`` with the arm's own
        variance (Welch), or that of cluster sums with the factor G / (G - 1). The control's
        variance is shared by all differences.
    df : float
        The smallest of Welch and Satterthwaite's degrees of freedom over the arms; clusters
        less 1 where there are clusters.

    Raises
    ------
    InsufficientDataError
        If an arm has one customer or one cluster.

    References
    ----------
    Welch, B. L. (1947). The generalization of Student's problem when several different population
    variances are involved. Biometrika 34, 28-35.
    """
    clustered = rows.n_clusters < rows.n_rows
    mean, variance, size = np.empty(n_arms), np.empty(n_arms), np.empty(n_arms)
    shares = np.zeros((rows.n_clusters, n_arms))
    for a in range(n_arms):
        own = rows.arm == a
        y, w, cluster = rows.outcome[own], rows.weight[own], rows.cluster[own]
        size[a] = len(np.unique(cluster[w > 0]))
        if size[a] < _FEW:
            raise InsufficientDataError(
                f"arm {a} has {size[a]:.0f} customers or clusters with a weight; expected at least "
                f"{_FEW}."
            )
        mean[a] = w @ y / w.sum()
        shares[:, a] = np.bincount(cluster, w * (y - mean[a]) / w.sum(), rows.n_clusters)
        variance[a] = size[a] / (size[a] - 1) * (shares[:, a] @ shares[:, a])
    value = mean[1:] - mean[0]
    if clustered:  # an arm may share clusters with the control
        n = rows.n_clusters
        contrast = shares[:, 1:] - shares[:, :1]
        return AverageEffects(value=value, covariance=n / (n - 1) * contrast.T @ contrast), float(
            n - 1
        )
    covariance = variance[0] + np.diag(variance[1:])
    df = (variance[1:] + variance[0]) ** 2 / (
        variance[1:] ** 2 / (size[1:] - 1) + variance[0] ** 2 / (size[0] - 1)
    )
    return AverageEffects(value=value, covariance=covariance), float(df.min())
