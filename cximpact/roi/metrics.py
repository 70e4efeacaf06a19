"""Metrics of cash flows, draw by draw, on plain arrays with the periods first."""

from __future__ import annotations

import numpy as np
from scipy.optimize import elementwise

_EDGE = 12.0  # log(1 + rate) is searched from -12 to 12
_COARSE, _FINE = 24, 240  # cells on either side of 0


def payback(net: np.ndarray, *, stays: bool = False) -> np.ndarray:
    """Return the first period by which the money is back.

    Parameters
    ----------
    net : numpy.ndarray, shape (period, sample)
        Cash flows from period 0 on, discounted or not.
    stays : bool, default False
        Require that it is never spent again within the horizon.

    Returns
    -------
    numpy.ndarray, shape (sample,)
        Periods; infinite where the money does not come back within the horizon. Periods
        before the first money moves do not count as paid back.
    """
    moved = np.logical_or.accumulate(net != 0, axis=0)
    back = np.cumsum(net, axis=0) >= -1e-12 * np.abs(net).sum(axis=0)
    back &= moved | ~moved[-1]
    if stays:
        back = np.logical_and.accumulate(back[::-1], axis=0)[::-1]
    return np.where(back.any(axis=0), back.argmax(axis=0), np.inf)


def internal_rates(net: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return every rate per period at which the present value is zero.

    A flow that changes its sign once has one root (Descartes). Roots are bracketed on a grid
    of ``log(1 + rate)`` from -12 to 12, ten times finer where there are more changes of
    sign, and solved by Chandrupatla's method.

    Parameters
    ----------
    net : numpy.ndarray, shape (period, sample)
        Cash flows.
    times : numpy.ndarray, shape (period,)
        When they flow, in periods from today; one apart from the second on.

    Returns
    -------
    numpy.ndarray, shape (sample, root)
        Rates, smallest first, NaN where there is none. A flow without a change of sign has
        none; at least one column is returned.
    """
    changes = sign_changes(net)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for cells, members in ((_COARSE, changes == 1), (_FINE, changes > 1)):
        if members.any():
            draws = np.flatnonzero(members)
            found += [(draws[r], y) for r, y in _roots(net[:, draws], times, cells)]
    rows = np.concatenate([np.empty(0, dtype=int), *(r for r, _ in found)])
    logs = np.concatenate([np.empty(0), *(y for _, y in found)])
    order = np.lexsort((logs, rows))
    rows, logs = rows[order], logs[order]
    count = np.bincount(rows, minlength=net.shape[1])
    out = np.full((net.shape[1], max(int(count.max()), 1)), np.nan)
    out[rows, np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)] = np.expm1(logs)
    return out


def present_values(flows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Discount cash flows.

    Parameters
    ----------
    flows : numpy.ndarray, shape (initiative, period, sample)
        Money; may be a broadcast view of flows that are the same in every draw.
    factors : numpy.ndarray, shape (period,)
        Discount factors.

    Returns
    -------
    numpy.ndarray, shape (sample, initiative)
        Money today.
    """
    same = flows.strides[2] == 0
    present = np.array([factors @ block for block in (flows[:, :, :1] if same else flows)])
    return np.broadcast_to(present, (flows.shape[0], flows.shape[2])).T


def sign_changes(net: np.ndarray) -> np.ndarray:
    """Count how often cash flows change from money out to money in or back.

    Parameters
    ----------
    net : numpy.ndarray, shape (period, sample)
        Cash flows; zeros are passed over.

    Returns
    -------
    numpy.ndarray of int, shape (sample,)
        Changes of sign.
    """
    last, count = np.zeros(net.shape[1]), np.zeros(net.shape[1], dtype=int)
    for flow in np.sign(net):
        count += flow * last < 0
        last = np.where(flow != 0, flow, last)
    return count


def cvar(values: np.ndarray, alpha: float) -> tuple[float, float]:
    """Return the mean of the worst share of the draws, and its Monte Carlo sd per draw.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample,)
        Draws; small is bad.
    alpha : float
        Share of the draws, between 0 and 1. A fractional draw counts in part.

    Returns
    -------
    tuple of float
        The tail mean, and the standard deviation of its influence function.
    """
    ordered = np.sort(values)
    mass = alpha * ordered.size
    whole = min(int(np.floor(mass + 1e-9)), ordered.size)
    part = max(mass - whole, 0.0) if whole < ordered.size else 0.0
    edge = ordered[min(whole, ordered.size - 1)]
    mean = (ordered[:whole].sum() + part * edge) / mass
    influence = edge + np.minimum(values - edge, 0.0) / alpha
    return float(mean), float(influence.std(ddof=1))


def _roots(net: np.ndarray, times: np.ndarray, cells: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of (draw, log(1 + rate)); money is seen from the end for negative rates."""
    total = net.sum(axis=0)
    total = np.where(np.abs(total) <= 1e-13 * np.abs(net).sum(axis=0), 0.0, total)
    even = np.flatnonzero(total == 0)
    grid = np.linspace(0.0, _EDGE, cells + 1)
    ahead, y_ahead = _positive_roots(net, times, grid, total)
    behind, y_behind = _positive_roots(net[::-1], (times[-1] - times)[::-1], grid, total)
    return [(ahead, y_ahead), (behind, -y_behind), (even, np.zeros(even.size))]


def _positive_roots(
    net: np.ndarray, times: np.ndarray, grid: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve ``sum(net exp(-y times)) = 0`` for y above 0; ``total`` is the sum at 0."""
    value = np.exp(-grid[:, None] * times) @ net
    first = np.take_along_axis(net, (net != 0).argmax(axis=0)[None], axis=0)
    value = np.where(value == 0, first, value)  # underflow: the earliest flow decides
    value[0] = np.where(total == 0, value[1], total)
    positive = value > 0
    cells, rows = np.nonzero(positive[1:] != positive[:-1])
    if rows.size == 0:
        return rows, np.empty(0)
    solved = elementwise.find_root(
        lambda y, row: _horner(net, times, y, row),
        (grid[cells], grid[cells + 1]),
        args=(rows,),
        tolerances={"xatol": 1e-14, "xrtol": 1e-12},
    )
    return rows, np.where(solved.success, solved.x, np.nan)


def _horner(net: np.ndarray, times: np.ndarray, y: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Value at ``exp(-y)``, from the last flow to the first; most steps are one period."""
    step, total = np.exp(-y), np.zeros_like(y)
    gaps = np.diff(times, prepend=0.0)
    for flow, gap in zip(net[::-1], gaps[::-1], strict=True):
        total = total + flow[row]
        if gap:
            total = total * (step if gap == 1 else np.exp(-y * gap))
    return total
