"""One bootstrap replicate of every curve and area in one pass over sorted rows, compiled."""

from __future__ import annotations

from math import floor, log

import numpy as np
from numba import njit

_FEW = 16.0


def _poisson_cuts() -> np.ndarray:
    """Distribution function of the Poisson distribution with mean 1 in units of 1 / 2**16."""
    below = np.cumsum(np.exp(-1.0) / np.cumprod(np.append(1.0, np.arange(1.0, 12.0))))
    cuts = np.round(below * 2.0**16)
    return cuts[cuts < 2.0**16].astype(np.uint16)


CUTS = _poisson_cuts()


@njit(cache=True, nogil=True)
def poisson_counts(words):  # type: ignore[no-untyped-def]
    """Turn random words into counts with the Poisson distribution of mean 1.

    Parameters
    ----------
    words : numpy.ndarray of uint16, shape (unit,)
        Random bits; probabilities are rounded to 1 / 2**16.

    Returns
    -------
    numpy.ndarray of uint8, shape (unit,)
        How often each unit is drawn, by inversion of the distribution function.
    """
    out = np.zeros(words.size, np.uint8)
    for k in range(CUTS.size):
        cut = CUTS[k]
        for i in range(words.size):
            out[i] += words[i] >= cut
    return out


@njit(cache=True, nogil=True)
def drawn_rows(counts, unit, weight):  # type: ignore[no-untyped-def]
    """Keep the rows that a replicate draws.

    Parameters
    ----------
    counts : numpy.ndarray of uint8, shape (unit,)
        How often each unit is drawn.
    unit : numpy.ndarray of int32, shape (row,)
        Unit of each row.
    weight : numpy.ndarray, shape (row,) or (0,)
        Weight of each row; without any it is 1.

    Returns
    -------
    tuple
        Positions of the rows and their weights in the replicate, and the sum of the weights.
    """
    kept, drawn = np.empty(unit.size, np.int32), np.empty(unit.size)
    n, total = 0, 0.0
    for i in range(unit.size):
        c = counts[unit[i]]
        w = c * weight[i] if weight.size else float(c)
        kept[n], drawn[n] = i, w
        total += w
        n += c > 0  # not a branch, which would be guessed wrongly every third time
    return kept[:n], drawn[:n], total


@njit(cache=True, nogil=True, error_model="numpy")
def _digamma(x):  # type: ignore[no-untyped-def]
    shift = 0.0
    while x < 10.0:
        shift -= 1.0 / x
        x += 1.0
    z = 1.0 / (x * x)
    series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z * (1 / 132)))))
    return shift + log(x) - 0.5 / x - series


@njit(cache=True, nogil=True, error_model="numpy")
def harmonic(start, m):  # type: ignore[no-untyped-def]
    """Return ``1 / (start + 1) + ... + 1 / (start + m)``, also between whole numbers.

    Parameters
    ----------
    start, m : float
        Where the sum starts, and how many terms it has.

    Returns
    -------
    float
        Difference of two digamma functions.
    """
    if m <= _FEW and m == floor(m):
        out = 0.0
        for j in range(int(m)):
            out += 1.0 / (start + j + 1.0)
        return out
    return _digamma(start + m + 1.0) - _digamma(start + 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def replicate(kept, drawn, rows, marks, sizes, scale, table):  # type: ignore[no-untyped-def]
    """Walk through the rows of one replicate, highest score first.

    Parameters
    ----------
    kept : numpy.ndarray of int32, shape (kept,)
        Positions of the rows that are in the replicate, increasing.
    drawn : numpy.ndarray, shape (kept,)
        Their weights.
    rows : tuple of numpy.ndarray, each (row,)
        Number of the distinct score, whether treated (0 or 1), outcome and pseudo-outcome.
    marks : numpy.ndarray, shape (mark,)
        Increasing weights at which the curves are read.
    sizes : numpy.ndarray, shape (k,)
        Increasing weights of the first k.
    scale : float
        What weights are multiplied by to count rows.
    table : numpy.ndarray, shape (count,) or (0,)
        Harmonic numbers from 0 on, where all weights are whole numbers.

    Returns
    -------
    tuple of numpy.ndarray
        Sums: weights of the treated and the untreated, their outcomes, pseudo-outcomes, areas
        under the Qini and the uplift curve, and the sums of TOC and of rank times TOC without the
        overall mean. At each mark: Qini curve, uplift curve, sum of pseudo-outcomes. At each
        size: the first five of the sums.
    """
    block, treated, outcome, gamma = rows
    at_mark, at_size = np.zeros((marks.size, 3)), np.zeros((sizes.size, 5))
    nt = nc = yt = yc = s = bt = bc = byt = byc = bs = 0.0
    area_q = area_u = toc = ranked = q = u = 0.0
    g = j = 0
    last = kept.size - 1
    for r in range(kept.size):
        i, w = kept[r], drawn[r]
        wt = w * treated[i]
        bt += wt
        bc += w - wt
        byt += wt * outcome[i]
        byc += (w - wt) * outcome[i]
        bs += w * gamma[i]
        if r < last and block[kept[r + 1]] == block[i]:
            continue
        m, start = bt + bc, nt + nc
        end = start + m
        alone = r == 0 or block[kept[r - 1]] != block[i]
        mean = gamma[i] if alone else bs / m  # saves a division in most rows
        while j < sizes.size and sizes[j] <= end:
            share = (sizes[j] - start) / m
            at_size[j, 0], at_size[j, 1] = nt + share * bt, nc + share * bc
            at_size[j, 2], at_size[j, 3] = yt + share * byt, yc + share * byc
            at_size[j, 4] = s + share * bs
            j += 1
        if end < table.size:
            harmonics = table[int(end)] - table[int(start)]
        else:
            harmonics = harmonic(start * scale, m * scale)
        toc += scale * (bs + (s - mean * start) * harmonics)
        ranked += scale * (s * m * scale + bs * (m * scale + 1.0) / 2.0)
        nt, nc, yt, yc = nt + bt, nc + bc, yt + byt, yc + byc
        before_q, before_u, q, u = q, u, yt, yt
        if nc > 0.0:
            common = (yt * nc - yc * nt) / (nt * nc) if nt > 0.0 else 0.0
            q = common * nt
            u = common * end if nt > 0.0 else -yc
        area_q += (before_q + q) / 2.0 * m
        area_u += (before_u + u) / 2.0 * m
        while g < marks.size and marks[g] <= end:
            share = (marks[g] - start) / m
            at_mark[g, 0] = before_q + share * (q - before_q)
            at_mark[g, 1] = before_u + share * (u - before_u)
            at_mark[g, 2] = s + share * bs
            g += 1
        s += bs
        bt = bc = byt = byc = bs = 0.0
    # marks may lie beyond the sum of the weights by rounding, and sizes anyhow
    now = np.array([nt, nc, yt, yc, s])
    at_size[j:] = now
    at_mark[g:, 0], at_mark[g:, 1], at_mark[g:, 2] = q, u, s
    return np.append(now, np.array([area_q, area_u, toc, ranked])), at_mark, at_size
