"""Randomization inference: what the estimate would be had others been treated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cximpact.core.errors import ClusterError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_choice
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.cluster_sums import ClusterSums, cluster_sums
from cximpact.effects.did.cluster_test import ClusterTest, check_settings, cluster_test
from cximpact.effects.did.design import did_table
from cximpact.effects.did.resampled import Statistics

STATISTICS = ("t", "estimate")
ENUMERATE = 10_000
"""Most assignments that are all gone through."""
BLOCK = 1000
"""Assignments at once."""


def randomization_test(
    data: Panel | RepeatedCrossSection,
    *,
    null: float = 0.0,
    statistic: str = "estimate",
    replications: int = 9999,
    level: float = 0.9,
    rng: RngLike = None,
) -> ClusterTest:
    """Test the two-way fixed-effects coefficient by treating other clusters.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design; every cluster is treated as a whole. The coefficient is that of `TwoByTwo`.
    null : float, default 0
        Effect to test, the same for all treated rows.
    statistic : {"estimate", "t"}
        Compare coefficients; or t statistics, which is better where clusters vary unlike and
        several of them are treated.
    replications : int, default 9999
        Assignments to draw where there are more than 10,000; all are gone through else.
    level : float, default 0.9
        Of the interval, by inversion of the test.
    rng : int or Generator, optional
        Randomness, where assignments are drawn.

    Returns
    -------
    ClusterTest
        p values, interval, and the smallest p value that could have come out.

    Raises
    ------
    ClusterError
        If a cluster is treated in part.

    Notes
    -----
    The times at which treatment begins are dealt to the clusters anew. The test is exact if any
    cluster might as well have been treated, as in a randomized rollout, however few are treated;
    with one treated cluster of G no p value falls below 1 / G. Where the treated were chosen it
    supposes that clusters vary alike.

    References
    ----------
    MacKinnon, J. G. and Webb, M. D. (2020). Randomization inference for difference-in-differences
    with few treated clusters. Journal of Econometrics 218, 435-450.
    """
    check_settings(null, replications, level)
    check_choice(statistic, "statistic", STATISTICS)
    did = did_table(data)
    sums = cluster_sums(did)
    if np.isnan(sums.first).any():
        n = int(np.isnan(sums.first).sum())
        raise ClusterError(
            f"{n} of {sums.n} clusters hold units with several starts of treatment; treatment must "
            "be dealt to whole clusters."
        )
    starts, code = np.unique(sums.first, return_inverse=True)
    number = _number(np.bincount(code))
    complete = number <= ENUMERATE
    deals = np.array(list(_every(np.bincount(code)))) if complete else None
    if deals is None:
        generator = as_generator(rng)
        deals = np.array([generator.permutation(code) for _ in range(replications)])
    parts = _Deals(sums, starts, code)
    found = parts.statistics(deals, by_t=statistic == "t")
    observed = parts.statistics(code[None], by_t=statistic == "t")
    return cluster_test(
        did,
        found,
        observed,
        method="Randomization inference",
        null=null,
        level=level,
        least=1 / number if complete else 1 / (len(deals) + 1),
        complete=complete,
    )


class _Deals:
    """Statistics of any assignment of starts to clusters, from sums by cluster."""

    def __init__(self, sums: ClusterSums, starts: np.ndarray, code: np.ndarray):
        self.normal, self.inverse = sums.normal, sums.inverse()
        on = np.zeros((len(starts), sums.normal.shape[1]))
        on[:, : len(sums.periods)] = sums.periods >= starts[:, None]
        self.on = on
        own = on[code]
        given = np.einsum("cij,cj->ci", sums.normal, own)  # products with actual treatment
        self.ends = []
        for right in (sums.right, given):
            fitted = self.inverse @ right.sum(axis=0)
            self.ends.append(right - sums.normal @ fitted)
        self.reach = np.einsum("cij,gj->cgi", sums.normal, on)

    def statistics(self, deals: np.ndarray, *, by_t: bool) -> Statistics:
        """Return the statistics of assignments, shape (assignment, cluster)."""
        blocks = [self._block(deals[k : k + BLOCK], by_t) for k in range(0, len(deals), BLOCK)]
        names = ("level", "slope", "constant", "cross", "square")
        return Statistics(**{n: np.concatenate([b[n] for b in blocks]) for n in names})

    def _block(self, deals: np.ndarray, by_t: bool) -> dict[str, np.ndarray]:
        on = self.on[deals]  # assignment, cluster, column
        reach = self.reach[np.arange(deals.shape[1]), deals]
        d = reach.sum(axis=1) @ self.inverse
        left = on - d[:, None]
        size = np.einsum("acp,acp->a", on, reach) - np.einsum("ap,ap->a", reach.sum(axis=1), d)
        ends, scores = [], []
        for end in self.ends:
            own = np.einsum("acp,cp->ac", left, end)
            slope = own.sum(axis=1) / size
            ends.append(slope)
            if by_t:
                moved = reach - np.einsum("cpq,aq->acp", self.normal, d)
                scores.append(own - slope[:, None] * np.einsum("acp,acp->ac", left, moved))
        names = ("constant", "cross", "square")
        if by_t:
            first, second = (s / size[:, None] for s in scores)
            squares = ((first**2).sum(1), (first * second).sum(1), (second**2).sum(1))
        else:
            squares = (np.ones(len(deals)), np.zeros(len(deals)), np.zeros(len(deals)))
        return {"level": ends[0], "slope": ends[1]} | dict(zip(names, squares, strict=True))


def _number(counts: np.ndarray) -> float:
    """Count the assignments."""
    logs = math.lgamma(counts.sum() + 1) - sum(math.lgamma(n + 1) for n in counts)
    return math.exp(logs) if logs > 30 else float(round(math.exp(logs)))


def _every(counts: np.ndarray) -> Iterator[list[int]]:
    """Go through all assignments with so many of each start."""
    left = list(map(int, counts))
    dealt: list[int] = []

    def deal() -> Iterator[list[int]]:
        if len(dealt) == int(counts.sum()):
            yield list(dealt)
            return
        for k, n in enumerate(left):
            if n:
                left[k] -= 1
                dealt.append(k)
                yield from deal()
                dealt.pop()
                left[k] += 1

    return deal()
