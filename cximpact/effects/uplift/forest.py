"""An honest forest: effects as leaf averages, with their errors, from one pass of growing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import stats

from cximpact.core.errors import InsufficientDataError
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_count, check_prob
from cximpact.effects.uplift.forest_kernels import (
    N_FIELDS,
    average_in_leaves,
    grow_forest,
    send_down,
    send_out_of_bag,
)

_MAX_DEPTH = 30
_CHECKED = 2000
"""Rows on which the variance is learned."""
_ROWS_AT_ONCE = 20_000
_SLOPE_SD = 0.5
"""Prior standard deviation, around 1, of the factor by which effects are stretched."""
_LEAST_SLOPE = 0.1
"""Effects are never shrunk so far that their order is lost."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HonestForest:
    """Settings of a forest whose trees are shaped by some customers and valued by others.

    Parameters
    ----------
    trees : int, default 200
        How many; a multiple of ``groups``.
    groups : int, default 50
        Groups of trees. The trees of a group share one random half of the clusters, and the
        spread between groups gives the standard error; they are the draws as well.
    min_leaf : int, optional
        Least rows of a leaf, among those that shape it and among those that value it;
        ``0.4 sqrt(n)`` by default.
    bins : int, default 64
        Values of a feature after binning by quantiles; at most 256.
    features : float, default 0.6
        Share of the features that is tried at a split.

    Notes
    -----
    A weighted regression of a target: a leaf's value is ``sum(w z) / sum(w)`` over customers who
    did not shape the tree. With ``z = (Y - m) / (T - e)`` and ``w = (T - e)^2`` it is the
    orthogonalized effect in the leaf, and the forest a causal forest. Leaves are averaged over
    trees, numerator and denominator apart. Then the effects are stretched or shrunk around their
    mean by the slope of the target on the predictions of trees that did not see the row, as far
    as that slope is known (its prior is normal around 1 with standard deviation 0.5): without
    any heterogeneity the slope is near zero and so is the spread of the effects.

    The standard error is that of half-sampling in groups: variance between groups less what
    comes from few trees in a group, moved toward its mean over customers as far as it is noise,
    and the error of the slope. To it is added, squared, how far the forest moves its own effects
    when it smooths them once more: an estimate of what smoothing did to the true ones. It is too
    small where trees are alike, and where most of what varies is lost in the first smoothing, with
    many features and small effects; there intervals of single effects hold fewer than they say.

    References
    ----------
    Athey, S., Tibshirani, J. and Wager, S. (2019). Generalized random forests. Annals of
    Statistics 47, 1148-1178. Wager, S. and Athey, S. (2018). Estimation and inference of
    heterogeneous treatment effects using random forests. JASA 113, 1228-1242.
    """

    trees: int = 200
    groups: int = 50
    min_leaf: int | None = None
    bins: int = 64
    features: float = 0.6

    def __post_init__(self) -> None:
        check_count(self.groups, "groups", low=10)
        check_count(self.trees, "trees", low=2 * self.groups)
        if self.min_leaf is not None:
            check_count(self.min_leaf, "min_leaf")
        check_count(self.bins, "bins", low=2)
        if self.bins > 256:
            check_prob(self.bins / 256, "bins / 256")
        if self.features != 1:
            check_prob(self.features, "features")

    def fit(
        self,
        x: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray,
        cluster: np.ndarray,
        rng: RngLike,
    ) -> FittedForest:
        """Grow the forest.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features, finite.
        target, weight : numpy.ndarray, shape (row,)
            What is averaged, and its weights.
        cluster : numpy.ndarray of int, shape (row,)
            Rows that stay together in a half.
        rng : int or Generator
            Randomness; the numbers do not depend on the number of threads.

        Returns
        -------
        FittedForest
            Predictions with errors.

        Raises
        ------
        InsufficientDataError
            If a half of a half of the clusters cannot fill two leaves.
        """
        generator = as_generator(rng)
        codes = np.unique(cluster, return_inverse=True)[1]
        n_clusters = int(codes.max()) + 1
        if n_clusters < 16:
            raise InsufficientDataError(
                f"there are {n_clusters} customers or clusters; a forest needs at least 16. Use "
                "final_model='linear'."
            )
        bags = np.zeros((self.groups, n_clusters), dtype=bool)
        for bag in bags:
            bag[generator.permutation(n_clusters)[: n_clusters // 2]] = True
        edges = _edges(x, self.bins)
        binned = _binned(x, edges)
        nodes, sums = self._grow(binned, edges, target, weight, codes, bags, generator)
        forest = FittedForest(edges=edges, nodes=nodes, sums=sums, groups=self.groups)
        return _calibrated(forest, binned, target, weight, bags[:, codes], generator)

    def _grow(
        self,
        binned: np.ndarray,
        edges: list[np.ndarray],
        target: np.ndarray,
        weight: np.ndarray,
        codes: np.ndarray,
        bags: np.ndarray,
        generator: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        n_features, n = binned.shape
        per_tree = n // 4
        wanted = self.min_leaf or max(10, round(0.4 * np.sqrt(n)))
        min_leaf = max(1, min(wanted, per_tree // 4))
        trees = self.trees // self.groups * self.groups
        capacity = 2 * (per_tree // min_leaf) + 3 if len(bags[0]) == n else 2 * (n // min_leaf) + 3
        nodes = np.zeros((trees, capacity, N_FIELDS), dtype=np.int32)
        sums = np.zeros((trees, capacity, 2))
        starts = np.concatenate([[0], np.cumsum(np.bincount(codes))])
        members = np.argsort(codes, kind="stable").astype(np.int32)
        tried = max(1, round(self.features * n_features))
        grow_forest(
            (binned, np.array([len(e) + 1 for e in edges]), weight * target, weight),
            starts,
            members,
            bags,
            (min_leaf, _MAX_DEPTH, tried),
            int(generator.integers(2**62)),
            nodes,
            sums,
        )
        return nodes, sums


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedForest:
    """A forest that has grown.

    Parameters
    ----------
    edges : list of numpy.ndarray
        Where each feature is cut into bins.
    nodes, sums : numpy.ndarray
        Trees and the values of their leaves.
    groups : int
        Groups of trees.
    center, raw_center : float
        Mean of the effects, after and before they are stretched.
    slope, slope_sd : float
        How much they are stretched around it, and how uncertain that is.
    mean_variance : float
        Mean over customers of the variance of the forest, before it is stretched.
    signal : float
        Share of the differences in estimated variance that is not noise.
    again : numpy.ndarray
        Values of the leaves when the forest's own effects are averaged in them.
    """

    edges: list[np.ndarray] = field(repr=False)
    nodes: np.ndarray = field(repr=False)
    sums: np.ndarray = field(repr=False)
    groups: int
    center: float = 0.0
    raw_center: float = 0.0
    slope: float = 1.0
    slope_sd: float = 0.0
    mean_variance: float = 0.0
    signal: float = 0.0
    again: np.ndarray = field(repr=False, default_factory=lambda: np.zeros((0, 0, 2)))

    def point(self, x: np.ndarray) -> np.ndarray:
        """Predict effects.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Effects.
        """
        out = np.empty(len(x))
        for start in range(0, len(x), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            out[part] = self._stretched(_binned(x[part], self.edges))
        return out

    def errors(self, x: np.ndarray) -> np.ndarray:
        """Return draws of the error of the effects.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (groups, row)
            Around zero; their standard deviation is the standard error.
        """
        out = np.empty((self.groups, len(x)))
        for start in range(0, len(x), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            binned = _binned(x[part], self.edges)
            raw, off, noise = _spread(self, binned)
            between = off.var(axis=0, ddof=1)
            found = self.mean_variance + self.signal * (between - noise - self.mean_variance)
            sampling = max(1.0, self.slope) ** 2 * np.maximum(found, 0.25 * self.mean_variance)
            smoothed = _ratio(_leaves(self, binned, self.again, 1)[0]) - self._stretched(binned)
            spread = np.sqrt(np.maximum(between, np.finfo(float).tiny))
            out[:, part] = off / spread * np.sqrt(sampling + smoothed**2)
            out[:, part] += np.outer(self._tilts(), raw - self.raw_center)
        return out

    def _stretched(self, binned: np.ndarray) -> np.ndarray:
        raw = _ratio(_leaves(self, binned, self.sums, 1)[0])
        return self.center + self.slope * (raw - self.raw_center)

    def _tilts(self) -> np.ndarray:
        """Return draws of the error of the slope: normal scores in a fixed, scattered order."""
        scores = stats.norm.ppf((np.arange(self.groups) + 0.5) / self.groups)
        order = np.random.default_rng(self.groups).permutation(self.groups)
        return self.slope_sd * scores[order] / scores.std(ddof=1)


def _calibrated(
    forest: FittedForest,
    binned: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    inside: np.ndarray,
    generator: np.random.Generator,
) -> FittedForest:
    """Learn mean and slope from trees that did not see the row, and the variance of the rest."""
    n = binned.shape[1]
    seen = np.zeros((n, 2))
    send_out_of_bag(binned, forest.nodes, forest.sums, inside, seen)
    raw = _ratio(seen)
    raw_center = float(weight @ raw / weight.sum())
    center = float(weight @ target / weight.sum())
    off = raw - raw_center
    slope, slope_sd = _slope(off, target - center, weight)
    rows = generator.permutation(n)
    some = np.sort(rows[:_CHECKED])
    mean_variance, signal = _variance(forest, np.ascontiguousarray(binned[:, some]))
    found = replace(
        forest,
        center=center,
        raw_center=raw_center,
        slope=slope,
        slope_sd=slope_sd,
        mean_variance=mean_variance,
        signal=signal,
    )
    few = np.sort(rows[: max(n // 4, _CHECKED)])  # as many as value a tree
    return replace(found, again=_smoothed(found, np.ascontiguousarray(binned[:, few]), weight[few]))


def _smoothed(forest: FittedForest, binned: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Average the forest's effects on some rows in its leaves."""
    out = np.zeros_like(forest.sums)
    effect = forest._stretched(binned)
    average_in_leaves(binned, forest.nodes, weight * effect, weight, out)
    return out


def _ratio(sums: np.ndarray) -> np.ndarray:
    """Return score by weight, 0 where nobody is."""
    return sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], 1.0)


def _slope(off: np.ndarray, left: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return posterior mean and deviation of the slope of what is left on the predictions."""
    size = float(weight @ off**2)
    if size <= 0:
        return 1.0, 0.0
    found = float(weight @ (off * left)) / size
    error = float(np.linalg.norm(weight * off * (left - found * off))) / size
    precision = 1 / _SLOPE_SD**2 + 1 / error**2
    mean = (1 / _SLOPE_SD**2 + found / error**2) / precision
    return max(mean, _LEAST_SLOPE), float(precision**-0.5)


def _variance(forest: FittedForest, binned: np.ndarray) -> tuple[float, float]:
    """Return the mean variance over customers, and how much of its differences is real."""
    _, off, noise = _spread(forest, binned)
    between = off.var(axis=0, ddof=1)
    found = between - noise
    mean = max(float(found.mean()), 0.05 * float(between.mean()))
    chance = float((2 * between**2 / (forest.groups - 1)).mean())
    seen = float(found.var())
    return mean, max(0.0, 1 - chance / seen) if seen > 0 else 0.0


def _spread(forest: FittedForest, binned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return raw effects, how far groups are off, and the variance that few trees leave."""
    n_trees = len(forest.nodes)
    per_group = n_trees // forest.groups
    leaves = _leaves(forest, binned, forest.sums, n_trees)
    s, w = leaves.mean(axis=0).T
    off = (leaves[:, :, 0] - s / w * leaves[:, :, 1]) / w
    grouped = off.reshape(forest.groups, per_group, -1)
    noise = grouped.var(axis=1, ddof=1).mean(axis=0) / per_group
    return s / w, grouped.mean(axis=1), noise


def _leaves(
    forest: FittedForest, binned: np.ndarray, values: np.ndarray, groups: int
) -> np.ndarray:
    out = np.zeros((groups, binned.shape[1], 2))
    send_down(binned, forest.nodes, values, groups, out)
    return out


def _edges(x: np.ndarray, bins: int) -> list[np.ndarray]:
    """Return the least value of each bin but the first; bins end at values, not between them."""
    out = []
    for column in x.T:
        values = np.unique(column)
        if len(values) > bins:
            shares = np.arange(bins) / bins
            values = np.unique(np.quantile(column, shares, method="inverted_cdf"))
        out.append(values[1:])
    return out


def _binned(x: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
    """Return bins, shape (column, row)."""
    out = np.empty((x.shape[1], len(x)), dtype=np.uint8)
    for j, cut in enumerate(edges):
        out[j] = np.searchsorted(cut, x[:, j], side="right")
    return out
