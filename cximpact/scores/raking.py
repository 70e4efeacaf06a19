"""Raking: weights that make the sample match known margins."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, WeightError, join_names
from cximpact.core.validate import check_count, check_number, check_weights
from cximpact.data import checks, frames
from cximpact.scores.variance import kish_deff

Margins = Mapping[str, Mapping[Hashable, float]]


@dataclass(frozen=True, kw_only=True, eq=False)
class RakedWeights:
    """Weights that match the margins, and what that cost.

    Parameters
    ----------
    weights : numpy.ndarray, shape (n,)
        In row order; they sum to the total of the first margin.
    iterations : int
        Rounds over all margins.
    max_error : float
        Largest relative deviation from a margin that is left.
    deff, n_eff : float
        Kish's design effect and the effective number of answers.
    largest_ratio : float
        Largest weight over the mean weight.
    n_bounded : int
        Rows held by ``trim`` or ``bounds``.
    """

    weights: np.ndarray = field(repr=False)
    iterations: int
    max_error: float
    deff: float
    n_eff: float
    largest_ratio: float
    n_bounded: int

    def __post_init__(self) -> None:
        self.weights.setflags(write=False)


def rake(
    frame: Any,
    margins: Margins,
    *,
    weights: ArrayLike | None = None,
    trim: float | None = None,
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 200,
) -> RakedWeights:
    """Adjust weights until every margin of the sample matches the known one.

    Parameters
    ----------
    frame : frame
        One row an answer, with a column for every margin; any engine that keeps row order.
    margins : mapping of str to mapping of level to float
        For each column, the known size or share of each level. All margins must have one total.
    weights : array_like, shape (n,), optional
        Weights to start from, such as inverse sampling probabilities; 1 by default.
    trim : float, optional
        Largest allowed weight, as a multiple of the mean weight.
    bounds : tuple of float, optional
        Smallest and largest allowed ratio of the final to the initial weight, after both are
        brought to the same total.
    tolerance : float, default 1e-6
        Largest relative deviation from a margin at which raking stops.
    max_iterations : int, default 200
        Rounds after which raking gives up.

    Returns
    -------
    RakedWeights
        Weights in row order and what they cost.

    Raises
    ------
    WeightError
        If margins and sample do not agree on the levels, margins disagree on the total, a level
        has nobody to stand for it, or raking does not converge (the worst margin is named).
    MissingColumnError, MissingValueError
        If a margin has no column, or the column has gaps.

    Notes
    -----
    Iterative proportional fitting [1]_; with ``trim`` or ``bounds`` the truncated form of it, which
    meets the margins, too [2]_. It makes answers missing at random given the margins
    harmless only as far as the score depends on them additively. Weights from raking are
    estimates: for a standard error use `raked_score`, which rakes again in every replicate.

    References
    ----------
    .. [1] Deming, W. E. & Stephan, F. F. (1940). On a least squares adjustment of a sampled
       frequency table when the expected marginal totals are known. Annals of Mathematical
       Statistics 11, 427-444.
    .. [2] Deville, J.-C. & Särndal, C.-E. (1992). Calibration estimators in survey sampling.
       Journal of the American Statistical Association 87, 376-382.
    """
    codes, targets = read_margins(frame, margins)
    n = len(next(iter(codes.values())))
    start = check_weights(weights, n)
    limits = _limits(start, targets, trim, bounds)
    check_number(tolerance, "tolerance", low=0, open_low=True)
    check_count(max_iterations, "max_iterations")
    raked, rounds, error = fit_margins(
        codes, targets, start, limits=limits, tolerance=tolerance, max_iterations=max_iterations
    )
    low, high = limits
    deff = kish_deff(raked)
    return RakedWeights(
        weights=raked,
        iterations=rounds,
        max_error=error,
        deff=deff,
        n_eff=n / deff,
        largest_ratio=float(raked.max() / raked.mean()),
        n_bounded=int(((raked <= low) & (low > 0) | (raked >= high)).sum()),
    )


def read_margins(
    frame: Any, margins: Margins
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Give numbers to the levels of each margin and check that sample and margins fit.

    Parameters
    ----------
    frame : frame
        One row an answer.
    margins : mapping of str to mapping of level to float
        Known size or share of each level.

    Returns
    -------
    tuple of dict
        Level number of each row, shape (n,), and size of each level, shape (level,), by margin.

    Raises
    ------
    WeightError
        If they do not fit.
    """
    if not isinstance(margins, Mapping) or not margins:
        raise ConfigError("margins is empty; expected at least one column with known sizes.")
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {f"margins[{name!r}]": name for name in margins})
    frames.count_rows(opened)
    checks.check_no_missing(opened, margins, "give those rows a level of their own first")
    table = frames.collect(frames.select(opened, {name: name for name in margins}))
    codes, targets = {}, {}
    for name, margin in margins.items():
        codes[name], targets[name] = _read_margin(table[name], name, margin)
    with np.errstate(over="ignore"):
        totals = {name: float(target.sum()) for name, target in targets.items()}
    if too_large := [name for name, total in totals.items() if not np.isfinite(total)]:
        raise WeightError(f"margin {too_large[0]!r} has no finite total; give sizes that add up.")
    first = next(iter(totals.values()))
    for name, total in totals.items():
        if abs(total - first) > 1e-6 * first:
            raise WeightError(
                f"margins disagree on the total: {next(iter(totals))!r} sums to {first:g}, "
                f"{name!r} to {total:g}; bring them to the same population."
            )
    return codes, targets


def fit_margins(
    codes: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    start: np.ndarray,
    *,
    limits: tuple[np.ndarray, np.ndarray] | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 200,
) -> tuple[np.ndarray, int, float]:
    """Run iterative proportional fitting on numbered levels.

    Parameters
    ----------
    codes, targets : mapping of str to numpy.ndarray
        From `read_margins`.
    start : numpy.ndarray, shape (n,)
        Weights to start from.
    limits : tuple of numpy.ndarray, optional
        Smallest and largest allowed weight of each row.
    tolerance, max_iterations : float, int
        When to stop.

    Returns
    -------
    tuple
        Weights, rounds and the largest relative deviation left.

    Raises
    ------
    WeightError
        If it does not converge, or a level has no weight.
    """
    # The product of all factors stays unbounded; bounds apply to what it gives (truncated raking).
    product, errors = start.copy(), {}
    low, high = (0.0, np.inf) if limits is None else limits
    for rounds in range(1, max_iterations + 1):
        for name, target in targets.items():
            w = np.clip(product, low, high)
            sums = np.bincount(codes[name], weights=w, minlength=target.size)
            if ((sums <= 0) & (target > 0)).any():
                raise WeightError(
                    f"margin {name!r} has a level whose rows all have weight 0, so nobody can "
                    "stand for it; merge levels."
                )
            ratio = np.divide(target, sums, out=np.zeros_like(sums), where=sums > 0)
            product = product * ratio[codes[name]]
        w = np.clip(product, low, high)
        errors = {name: _error(codes[name], w, target) for name, target in targets.items()}
        if max(errors.values()) <= tolerance:
            return w, rounds, max(errors.values())
    worst = max(errors, key=lambda name: errors[name])
    raise WeightError(
        f"raking did not converge in {max_iterations} rounds: margin {worst!r} is off by up to "
        f"{errors[worst]:.2%}. Merge small levels, widen trim or bounds, or drop a margin that "
        "contradicts the others."
    )


def _error(codes: np.ndarray, w: np.ndarray, target: np.ndarray) -> float:
    sums = np.bincount(codes, weights=w, minlength=target.size)
    known = target > 0
    return float((np.abs(sums - target)[known] / target[known]).max())


def _read_margin(
    column: pd.Series, name: str, margin: Mapping[Hashable, float]
) -> tuple[np.ndarray, np.ndarray]:
    sizes = {
        level: check_number(size, f"margins[{name!r}][{level!r}]", low=0)
        for level, size in margin.items()
    }
    if not sum(sizes.values()) > 0:
        raise WeightError(f"margin {name!r} sums to 0; expected sizes or shares above 0.")
    found = list(pd.unique(column))
    unknown = [level for level in found if level not in sizes]
    if unknown:
        raise WeightError(
            f"margin {name!r} lacks {len(unknown)} of the {len(found)} levels in the sample; it "
            f"has {join_names(list(sizes))}. Add them, or recode the column."
        )
    empty = [level for level, size in sizes.items() if size > 0 and level not in set(found)]
    if empty:
        raise WeightError(
            f"margin {name!r} has {join_names(empty)}, but no row of the sample does, so nobody "
            "can stand for them; merge levels."
        )
    order = {level: i for i, level in enumerate(sizes)}
    return column.map(order).to_numpy(dtype=int), np.array(list(sizes.values()))


def _limits(
    start: np.ndarray,
    targets: Mapping[str, np.ndarray],
    trim: float | None,
    bounds: tuple[float, float] | None,
) -> tuple[np.ndarray, np.ndarray]:
    total = next(iter(targets.values())).sum()
    low, high = np.zeros(start.size), np.full(start.size, np.inf)
    if trim is not None:
        high[:] = check_number(trim, "trim", low=1, open_low=True) * total / start.size
    if bounds is not None:
        least = check_number(bounds[0], "bounds[0]", low=0, high=1)
        most = check_number(bounds[1], "bounds[1]", low=1)
        scaled = start * total / start.sum()
        low, high = least * scaled, np.minimum(high, most * scaled)
    if (low > high).any():
        raise ConfigError("trim and bounds contradict each other for some rows; widen one of them.")
    return low, high
