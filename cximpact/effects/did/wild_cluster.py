"""The wild cluster bootstrap: a test that holds its size with few clusters."""

from __future__ import annotations

import itertools
import warnings

import numpy as np

from cximpact.core.errors import ClusterError, RankError, SmallSampleWarning
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_choice
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.cluster_sums import ClusterSums, cluster_sums
from cximpact.effects.did.cluster_test import ClusterTest, check_settings, cluster_test
from cximpact.effects.did.design import did_table
from cximpact.effects.did.resampled import Statistics
from cximpact.effects.did.words import FEW_TREATED

WEIGHTS = {
    "rademacher": np.array([-1.0, 1.0]),
    "webb": np.sqrt([0.5, 1.0, 1.5, 0.5, 1.0, 1.5]) * np.array([-1, -1, -1, 1, 1, 1]),
}
FEW = 11
"""Clusters up to which six weights are better than two."""
ENUMERATE = 4096
"""Most combinations that are all gone through."""
BLOCK = 2000
"""Draws at once."""


def wild_cluster_test(
    data: Panel | RepeatedCrossSection,
    *,
    null: float = 0.0,
    weights: str = "auto",
    replications: int = 9999,
    level: float = 0.9,
    rng: RngLike = None,
) -> ClusterTest:
    """Test the two-way fixed-effects coefficient by the restricted wild cluster bootstrap.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design; the coefficient is that of `TwoByTwo`.
    null : float, default 0
        Effect to test; it is imposed on the residuals.
    weights : {"auto", "rademacher", "webb"}
        Two or six values that residuals of a cluster are multiplied by. ``"auto"`` takes six up to
        11 clusters. All combinations are gone through where there are at most 4096.
    replications : int, default 9999
        How many combinations are drawn else.
    level : float, default 0.9
        Of the interval, by inversion of the test.
    rng : int or Generator, optional
        Randomness, where combinations are drawn.

    Returns
    -------
    ClusterTest
        p values, interval, and the smallest p value that could have come out.

    Raises
    ------
    ClusterError
        If units lie in several clusters, or clusters are fitted exactly.

    Warns
    -----
    SmallSampleWarning
        If fewer than four clusters are treated, or untreated, where the test fails; or if no p
        value can fall below 1 less the level.

    Notes
    -----
    The t statistics of all combinations are functions of sums by cluster, so that their number
    does not depend on that of the rows. It holds its size if clusters are alike in size and not few
    of them are treated; `randomization_test` is for those cases.

    References
    ----------
    Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2008). Bootstrap-based improvements for
    inference with clustered errors. Review of Economics and Statistics 90, 414-427.

    Webb, M. D. (2023). Reworking wild bootstrap-based inference for clustered errors. Canadian
    Journal of Economics 56, 839-858.
    """
    check_settings(null, replications, level)
    check_choice(weights, "weights", ("auto", *WEIGHTS))
    did = did_table(data)
    sums = cluster_sums(did)
    kind = weights if weights != "auto" else ("webb" if sums.n <= FEW else "rademacher")
    values = WEIGHTS[kind]
    complete = len(values) ** sums.n <= ENUMERATE
    drawn = _all(values, sums.n) if complete else _some(values, sums.n, replications, rng)
    parts = ClusterScores(sums)
    found, observed = parts.resampled(drawn), parts.observed()
    least = 2 / len(drawn) if complete else 1 / (len(drawn) + 1)
    _warn(did.n_treated_clusters, did.n_untreated_clusters, least, level)
    return cluster_test(
        did,
        found,
        observed,
        method=f"Wild cluster bootstrap ({kind} weights)",
        null=null,
        level=level,
        least=least,
        complete=complete,
    )


class ClusterScores:
    """What each cluster adds to the coefficient and its score.

    Parameters
    ----------
    sums : ClusterSums
        The design.

    Raises
    ------
    RankError
        If treatment cannot be told apart from the unit and period effects.
    """

    def __init__(self, sums: ClusterSums):
        self.inverse = sums.inverse()
        d = self.inverse @ sums.treated.sum(axis=0)
        self.load = sums.treated - sums.normal @ d
        self.size = sums.square - 2 * sums.treated @ d + np.einsum("i,cij,j->c", d, sums.normal, d)
        self.total = float(self.size.sum())
        self.factor = sums.factor
        ends = ((sums.right, sums.outcome), (sums.treated, sums.square))
        self.columns, self.scores = [], []
        for right, own in ends:  # of the outcome, and of treatment itself
            rest = right - sums.normal @ (self.inverse @ right.sum(axis=0))
            self.columns.append(rest)
            linked = sums.treated @ (self.inverse @ right.sum(axis=0))
            self.scores.append(own - linked - rest @ d)
        if self.total <= 1e-12 * float(sums.square.sum()):
            raise RankError("treatment cannot be told apart from the unit and the period effects.")

    def observed(self) -> Statistics:
        """Return the statistic of the data, with the residuals of the fit.

        Returns
        -------
        Statistics
            One draw: t with the small-sample factor.

        Raises
        ------
        ClusterError
            If there is no error left.
        """
        estimate = self.scores[0].sum() / self.total
        scores = self.scores[0] - estimate * self.size
        variance = float((scores**2).sum()) / self.total**2
        if variance <= 1e-20 * estimate**2:
            raise ClusterError(
                f"the {len(scores)} clusters are fitted exactly, and the data hold nothing about "
                "their errors."
            )
        zero = np.zeros(1)
        return Statistics(
            level=np.array([estimate]),
            slope=np.ones(1),
            constant=np.array([variance * self.factor]),
            cross=zero,
            square=zero,
        )

    def resampled(self, drawn: np.ndarray) -> Statistics:
        """Return the statistics of residuals under the null, times weights by cluster.

        Parameters
        ----------
        drawn : numpy.ndarray, shape (draw, cluster)
            The weights.

        Returns
        -------
        Statistics
            Of refitted regressions: t with the small-sample factor.
        """
        parts = [self._block(drawn[k : k + BLOCK]) for k in range(0, len(drawn), BLOCK)]
        names = ("level", "slope", "constant", "cross", "square")
        return Statistics(**{n: np.concatenate([p[n] for p in parts]) for n in names})

    def _block(self, drawn: np.ndarray) -> dict[str, np.ndarray]:
        ends, scores = [], []
        for column, own in zip(self.columns, self.scores, strict=True):
            estimate = drawn @ own / self.total
            taken = (drawn @ column) @ self.inverse @ self.load.T
            scores.append((drawn * own - taken - estimate[:, None] * self.size) / self.total)
            ends.append(estimate)
        first, second = scores
        return {
            "level": ends[0],
            "slope": ends[1],
            "constant": self.factor * (first**2).sum(axis=1),
            "cross": self.factor * (first * second).sum(axis=1),
            "square": self.factor * (second**2).sum(axis=1),
        }


def _all(values: np.ndarray, n: int) -> np.ndarray:
    return np.array(list(itertools.product(values, repeat=n)))


def _some(values: np.ndarray, n: int, size: int, rng: RngLike) -> np.ndarray:
    return as_generator(rng).choice(values, (size, n))


def _warn(treated: int, untreated: int, least: float, level: float) -> None:
    few = min(treated, untreated)
    if few < FEW_TREATED:
        warnings.warn(
            f"{treated} clusters are treated and {untreated} are never: the wild cluster bootstrap "
            "hardly ever rejects then, or far too often. Use randomization_test.",
            SmallSampleWarning,
            stacklevel=3,
        )
    if least > 1 - level:
        warnings.warn(
            f"no p value below {least:.3g} can come out, so nothing can be refused at {level:.0%}; "
            "use weights='webb'.",
            SmallSampleWarning,
            stacklevel=3,
        )
