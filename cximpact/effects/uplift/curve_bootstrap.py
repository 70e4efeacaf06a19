"""Every metric of a ranking in many bootstrap replicates: rows are sorted once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from cximpact.effects.uplift.curve_metrics import is_whole, top_size
from cximpact.effects.uplift.curve_perfect import perfect_areas
from cximpact.effects.uplift.curve_sums import Sums, ranking
from cximpact.effects.uplift.evaluation_data import HeldOut

FRACTIONS = np.linspace(0.01, 1.0, 100)
"""Shares of the customers at which curves are read."""
AREAS = ("qini", "auuc", "autoc", "qini_rate")
KINDS = ("toc", "uplift", "qini")
_LARGEST_TABLE = 5_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicates:
    """Metrics and curves of one ranking, the data as they are first and then the replicates.

    Parameters
    ----------
    metrics : numpy.ndarray, shape (1 + replicate, metric)
        `AREAS`, then the uplift and the effect at each k. NaN where an arm is empty.
    random : numpy.ndarray, shape (1 + replicate, metric)
        What a random ranking is expected to give.
    curves : numpy.ndarray, shape (1 + replicate, kind, fraction)
        Values of `KINDS` at `FRACTIONS`, a customer.
    """

    metrics: np.ndarray
    random: np.ndarray
    curves: np.ndarray


def drawn_counts(seed: int, replicate: int, units: int) -> np.ndarray:
    """Draw how often each unit is in a replicate.

    Parameters
    ----------
    seed, replicate : int
        They alone decide the numbers, whatever is drawn before and by how many threads.
    units : int
        How many rows or clusters there are.

    Returns
    -------
    numpy.ndarray of uint8, shape (unit,)
        Poisson counts with mean 1.
    """
    from cximpact.effects.uplift.curve_kernels import poisson_counts

    stream = np.random.PCG64([replicate, seed])
    return poisson_counts(stream.random_raw(units // 4 + 1).view(np.uint16)[:units])


def bootstrap(
    score: np.ndarray,
    data: HeldOut,
    *,
    ks: Sequence[float],
    normalization: str,
    replicates: int,
    seed: int,
) -> Replicates:
    """Compute every metric of a ranking on the data and on bootstrap replicates of them.

    Parameters
    ----------
    score : numpy.ndarray, shape (n,)
        Higher is treated first.
    data : HeldOut
        Customers; rows or clusters are drawn.
    ks : sequence of float
        Sizes of the first k, as shares or numbers of customers.
    normalization : {"perfect", "none"}
        Of Qini and AUUC.
    replicates : int
        How many.
    seed : int
        Of the counts; two scores with one seed see the same replicates.

    Returns
    -------
    Replicates
        Metrics and curves.

    Notes
    -----
    The weight of a unit is multiplied by a Poisson count of mean 1. A replicate has a stream of
    its own, so that the result does not depend on the number of threads.

    References
    ----------
    Hanley, J. and MacGibbon, B. (2006). Creating non-parametric bootstrap samples using Poisson
    frequencies. Computer Methods and Programs in Biomedicine 83, 57-62.
    """
    import numba

    from cximpact.effects.uplift.curve_kernels import drawn_rows, replicate

    rows = _sorted_rows(score, data)
    units = data.n if data.cluster is None else int(np.max(np.asarray(data.cluster))) + 1

    def one(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        counts = drawn_counts(seed, number, units) if number else np.ones(units, np.uint8)
        kept, drawn, total = drawn_rows(counts, rows.unit, rows.weight)
        size = _size if number else top_size
        sizes = np.array([size(k, total, rows.whole) for k in ks])
        order = np.argsort(sizes)
        scale = 1.0 if rows.whole or total == 0 else kept.size / total
        given = (rows.columns, FRACTIONS * total, sizes[order], scale, rows.harmonics)
        sums, at_mark, at_size = replicate(kept, drawn, *given)
        return sums, at_mark, at_size[np.argsort(order)], scale

    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        found = list(pool.map(one, range(replicates + 1)))
    sums, at_mark, at_size, scale = (np.array(part) for part in zip(*found, strict=True))
    return _finished(sums, at_mark, at_size, scale, normalization)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """Rows by falling score, as the kernel takes them."""

    unit: np.ndarray
    weight: np.ndarray
    columns: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    whole: bool
    harmonics: np.ndarray


def _sorted_rows(score: np.ndarray, data: HeldOut) -> _Rows:
    weights = np.asarray(data.weights)
    ranked = ranking(score, weights)
    order, whole = ranked.order, is_whole(weights)
    unit = np.arange(data.n) if data.cluster is None else np.asarray(data.cluster)
    sizes = np.diff(np.append(-1, ranked.ends))
    block = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
    treated = (np.asarray(data.treatment) == 1).astype(np.uint8)
    outcome, gamma = np.asarray(data.outcome), np.asarray(data.pseudo_outcome)
    # replicates are a little larger or smaller than the data; beyond the table a function serves
    count = int(min(1.5 * weights.sum() + 100, _LARGEST_TABLE)) if whole else 0
    return _Rows(
        unit=unit[order].astype(np.int32),
        weight=np.empty(0) if (weights == 1).all() else weights[order],
        columns=(block, treated[order], outcome[order], gamma[order]),
        whole=whole,
        harmonics=np.append(0.0, np.cumsum(1.0 / np.arange(1.0, count))) if count else np.empty(0),
    )


def _size(k: float, total: float, whole: bool) -> float:
    """Size of the first k in a replicate; beyond what there is, the kernel takes all."""
    if isinstance(k, int | np.integer):
        return float(k)
    return float(np.floor(total * k)) if whole else total * k


def _finished(
    sums: np.ndarray,
    at_mark: np.ndarray,
    at_size: np.ndarray,
    scale: np.ndarray,
    normalization: str,
) -> Replicates:
    """Turn the sums of the kernel into metrics."""
    arms = Sums(
        treated=sums[:, 0],
        untreated=sums[:, 1],
        treated_outcome=sums[:, 2],
        untreated_outcome=sums[:, 3],
    )
    n = arms.size
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, uplift = sums[:, 4] / n, arms.difference()
        best = perfect_areas(arms) if normalization == "perfect" else (n**2, n**2)
        count = n * scale
        areas = [
            (sums[:, 5] - n * arms.qini() / 2) / best[0],
            (sums[:, 6] - n * n * uplift / 2) / best[1],
            sums[:, 7] / count - mean,
            sums[:, 8] / count**2 - mean * (count + 1) / (2 * count),
        ]
        first = Sums(
            treated=at_size[:, :, 0],
            untreated=at_size[:, :, 1],
            treated_outcome=at_size[:, :, 2],
            untreated_outcome=at_size[:, :, 3],
        )
        at_k = [first.difference(), at_size[:, :, 4] / first.size]
        marks = n[:, None] * FRACTIONS
        toc = at_mark[:, :, 2] / marks - mean[:, None]
        curves = [toc, at_mark[:, :, 1] / n[:, None], at_mark[:, :, 0] / n[:, None]]
    zero, ones = np.zeros((len(n), len(AREAS))), np.ones(at_size.shape[1])
    random = [zero, uplift[:, None] * ones, mean[:, None] * ones]
    return Replicates(
        metrics=np.column_stack([*areas, *at_k]),
        random=np.column_stack(random),
        curves=np.stack(curves, axis=1),
    )
