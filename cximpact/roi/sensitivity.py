"""Which inputs the answer hangs on: Shapley effects, Sobol indices and a tornado."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, join_names
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_count, check_prob
from cximpact.roi.break_even import present_cost, present_gain
from cximpact.roi.decision import chosen_inputs
from cximpact.roi.inputs import inputs_of
from cximpact.roi.regression import Explained
from cximpact.roi.resolve import Resolved
from cximpact.roi.result import RoiResult

_EXACT = 8
_ORDERS = 64


def shapley_effects(
    decision: RoiResult | xr.DataArray,
    about: Sequence[str] | xr.Dataset | None = None,
    *,
    rng: RngLike = 0,
) -> pd.DataFrame:
    """Share the variance of an outcome out to its inputs, which may go together.

    Parameters
    ----------
    decision : RoiResult or DataArray
        A simulation, whose NPV is explained; or draws of any outcome.
    about : sequence of str or Dataset, optional
        Inputs: names from `uncertain_inputs`, or draws joint with the outcome. All that vary by
        default.
    rng : int or Generator, default 0
        Orders that are tried where there are more than eight inputs.

    Returns
    -------
    pandas.DataFrame
        ``input, shapley, first_order``, shares of the variance, largest first. Shapley effects
        sum to what all inputs explain together. First-order shares of dependent inputs count
        what they share twice and can sum to more than 1.

    Raises
    ------
    AlignmentError
        If inputs and outcome are not joint.

    Notes
    -----
    ``Sh_i`` is the mean over all orders of what knowing input ``i`` adds to the explained
    variance ``Var(E[Y | X_u])``, which is estimated by regression on the draws. It needs no
    independence, unlike Sobol indices.

    References
    ----------
    Owen, A. B. (2014). Sobol' indices and Shapley value. SIAM/ASA Journal on Uncertainty
    Quantification 2(1). Song, E., Nelson, B. L. and Staum, J. (2016). Shapley effects for global
    sensitivity analysis: theory and computation. Ibid. 4(1).
    """
    outcome = decision.npv() if isinstance(decision, RoiResult) else decision
    if outcome.dims != (dr.SAMPLE,):
        raise AlignmentError(f"the outcome has the dimensions {outcome.dims}; expected sample.")
    if isinstance(about, xr.Dataset):
        dr.check_joint(outcome, about)
        names = [str(v) for v in about]
        values = np.column_stack([about[v].values for v in names])
    else:
        names, values = chosen_inputs(decision, about)
    y = np.ascontiguousarray(outcome.values)
    total, known = float(y.var(ddof=1)), {}
    found = Explained(values, y)

    def power(inside: tuple[int, ...]) -> float:
        if inside not in known:
            known[inside] = found.by(inside)
        return known[inside]

    d = len(names)
    effects = _exact(power, d) if d <= _EXACT else _sampled(power, d, as_generator(rng))
    first = [power((i,)) for i in range(d)]
    table = pd.DataFrame({"input": names, "shapley": effects, "first_order": first})
    table[["shapley", "first_order"]] /= total if total > 0 else 1.0
    return table.sort_values("shapley", ascending=False, ignore_index=True)


def sobol_indices(
    function: Callable[..., np.ndarray],
    distributions: Mapping[str, Any],
    *,
    rng: RngLike,
    n: int = 4096,
) -> pd.DataFrame:
    """Return Sobol indices of a function of independent inputs.

    Parameters
    ----------
    function : callable
        Takes the inputs by name, each an array, and returns an array.
    distributions : mapping of str to scipy.stats distribution
        Of each input; they are independent. For draws that go together use `shapley_effects`.
    rng : int or Generator
        Randomness of the design.
    n : int, default 4096
        Size of the design, a power of 2.

    Returns
    -------
    pandas.DataFrame
        ``input, first_order, total``, largest total first.

    Raises
    ------
    ConfigError
        If the size is no power of 2, or there is no input.

    References
    ----------
    Saltelli, A. et al. (2010). Variance based sensitivity analysis of model output. Computer
    Physics Communications 181(2).
    """
    size = check_count(n, "n", low=2)
    if size & (size - 1):
        raise ConfigError(f"n is {size}; expected a power of 2, such as {1 << size.bit_length()}.")
    names = list(distributions)
    if not names:
        raise ConfigError("distributions is empty; expected one an input.")

    def named(x: np.ndarray) -> np.ndarray:
        return np.asarray(function(**dict(zip(names, x, strict=True))))[None]

    found = stats.sobol_indices(
        func=named, n=size, dists=list(distributions.values()), rng=as_generator(rng)
    )
    table = pd.DataFrame(
        {
            "input": names,
            "first_order": np.ravel(found.first_order),
            "total": np.ravel(found.total_order),
        }
    )
    return table.sort_values("total", ascending=False, ignore_index=True)


def tornado(result: RoiResult, *, prob: float = 0.8) -> pd.DataFrame:
    """Return the expected NPV with one input at a time held low and high.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    prob : float, default 0.8
        Mass between low and high: the 10 % and 90 % quantiles.

    Returns
    -------
    pandas.DataFrame
        ``input, low, high, unit, npv_low, npv_high, swing``, widest first. All other inputs stay as
        drawn, so nothing is averaged before a non-linear step; where inputs go together, this
        holds one and lets the others vary as before. See `shapley_effects` for dependence.

    Raises
    ------
    ConfigError
        If initiatives overlap or every input is a fixed number.
    """
    if result.overlaps:
        names = [name for group in result.overlaps for name in group.names]
        raise ConfigError(
            f"{join_names(names)} overlap; the effect of one input on all of them is not separate. "
            "Use shapley_effects."
        )
    ends = [(1 - check_prob(prob)) / 2, (1 + prob) / 2]
    rows = []
    for one in inputs_of(result.inputs):
        low, high = (float(q) for q in np.quantile(one.values, ends))
        npv = [
            sum(_npv(item, result) for item in one.held(result.inputs, end)) for end in (low, high)
        ]
        rows.append([one.name, low, high, one.unit, *npv, abs(npv[1] - npv[0])])
    if not rows:
        raise ConfigError("every input is a fixed number; nothing can be low or high.")
    columns = ["input", "low", "high", "unit", "npv_low", "npv_high", "swing"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("swing", ascending=False, ignore_index=True)


def _npv(item: Resolved, result: RoiResult) -> float:
    factors = result.settings.factors
    return float(np.mean(present_gain(item, factors) - present_cost(item, factors)))


def _exact(power: Callable[[tuple[int, ...]], float], d: int) -> list[float]:
    effects = []
    for i in range(d):
        others = [j for j in range(d) if j != i]
        total = 0.0
        for size in range(d):
            weight = factorial(size) * factorial(d - size - 1) / factorial(d)
            for inside in combinations(others, size):
                with_it = tuple(sorted((*inside, i)))
                total += weight * (power(with_it) - power(inside))
        effects.append(total)
    return effects


def _sampled(
    power: Callable[[tuple[int, ...]], float], d: int, rng: np.random.Generator
) -> list[float]:
    """Average over random orders and their reverses."""
    effects = np.zeros(d)
    for _ in range(_ORDERS // 2):
        order = rng.permutation(d)
        for one in (order, order[::-1]):
            before = 0.0
            for k in range(d):
                now = power(tuple(sorted(int(i) for i in one[: k + 1])))
                effects[one[k]] += (now - before) / _ORDERS
                before = now
    return effects.tolist()
