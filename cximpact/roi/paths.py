"""Many cash-flow paths in one pass: benefits that fluctuate from period to period, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from cximpact.roi.philox import fill

BLOCK = 4096


@njit(cache=True, parallel=True)
def walk(mean, spread, start, factors, first, count, seed):  # type: ignore[no-untyped-def]
    """Simulate paths of all initiatives together, draw by draw.

    Given the inputs, the independent normal shocks of all initiatives in one period add up to
    one normal shock; so a path takes one random number a period, whatever their number.

    Parameters
    ----------
    mean, spread : numpy.ndarray, shape (row, period)
        Expected net cash of each joint row of inputs from period 1 on, and its standard
        deviation.
    start : numpy.ndarray, shape (row,)
        Net cash today.
    factors : numpy.ndarray, shape (period + 1,)
        Discount factors.
    first, count : int
        First draw and how many.
    seed : uint64
        Key of the random numbers.

    Returns
    -------
    tuple of numpy.ndarray, each (count,)
        Net present value, and the first period by which the money is back (-1: not within the
        horizon), undiscounted.
    """
    rows, periods = mean.shape
    npv, back = np.empty(count), np.empty(count, np.int16)
    for block in prange((count + BLOCK - 1) // BLOCK):
        shocks = np.empty((periods + 3) // 4 * 4)
        for d in range(block * BLOCK, min((block + 1) * BLOCK, count)):
            row = (first + d) % rows
            fill(shocks, np.uint64(first + d), seed)
            total, money = factors[0] * start[row], start[row]
            moved, paid = start[row] != 0.0, np.int16(-1)
            for t in range(periods):
                net = mean[row, t] + spread[row, t] * shocks[t]
                total += factors[t + 1] * net
                money += net
                moved = moved or net != 0.0
                if paid < 0 and moved and money >= 0.0:
                    paid = np.int16(t + 1)
            npv[d], back[d] = total, paid
    return npv, back
