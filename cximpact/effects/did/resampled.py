"""Statistics of resampled data as functions of the effect under test."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

DOUBLINGS, HALVINGS = 60, 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """Numerators that are linear, and variances that are quadratic, in the effect under test.

    Parameters
    ----------
    level, slope : numpy.ndarray, shape (draw,)
        Numerators are ``level - effect * slope``.
    constant, cross, square : numpy.ndarray, shape (draw,)
        Variances are ``constant - 2 * effect * cross + effect**2 * square``.
    """

    level: np.ndarray = field(repr=False)
    slope: np.ndarray = field(repr=False)
    constant: np.ndarray = field(repr=False)
    cross: np.ndarray = field(repr=False)
    square: np.ndarray = field(repr=False)

    def at(self, effect: float) -> np.ndarray:
        """Return the statistics for one effect.

        Parameters
        ----------
        effect : float
            Under test.

        Returns
        -------
        numpy.ndarray, shape (draw,)
            Numerators over roots of variances; infinite where there is no variance.
        """
        top = self.level - effect * self.slope
        variance = self.constant - 2 * effect * self.cross + effect**2 * self.square
        with np.errstate(divide="ignore", invalid="ignore"):
            out = top / np.sqrt(np.maximum(variance, 0.0))
        return np.where(np.isnan(out), 0.0, out)


def p_values(
    found: Statistics, observed: Statistics, effect: float, *, complete: bool
) -> tuple[float, float]:
    """Return two-sided p values.

    Parameters
    ----------
    found : Statistics
        Of the draws.
    observed : Statistics
        Of the data, one draw.
    effect : float
        Under test.
    complete : bool
        Whether the draws are all there are, the data among them.

    Returns
    -------
    symmetric, equal_tailed : float
        By absolute values, and twice the smaller tail.
    """
    t, own = found.at(effect), float(observed.at(effect)[0])
    slack = 1e-9 * max(abs(own), 1e-12)
    counts = np.array(
        [(np.abs(t) >= abs(own) - slack).sum(), (t >= own - slack).sum(), (t <= own + slack).sum()]
    )
    share = counts / len(t) if complete else (counts + 1) / (len(t) + 1)
    return float(share[0]), float(min(1.0, 2 * share[1:].min()))


def inverted(
    found: Statistics, observed: Statistics, level: float, least: float, *, complete: bool
) -> tuple[float, float]:
    """Return the effects that are not refused.

    Parameters
    ----------
    found, observed : Statistics
        As for `p_values`.
    level : float
        Coverage.
    least : float
        The smallest p value that can come out.
    complete : bool
        As for `p_values`.

    Returns
    -------
    tuple of float
        Lower and upper end, by the symmetric p value; infinite where nothing is refused.
    """
    if least > 1 - level:
        return -float("inf"), float("inf")
    middle = float(observed.level[0] / observed.slope[0])
    step = float(np.sqrt(observed.constant[0])) or 1.0
    ends = []
    for side in (-1.0, 1.0):
        inside, outside = 0.0, step
        for _ in range(DOUBLINGS):
            p, _ = p_values(found, observed, middle + side * outside, complete=complete)
            if p < 1 - level:
                break
            inside, outside = outside, 2 * outside
        else:
            ends.append(side * float("inf"))
            continue
        for _ in range(HALVINGS):
            half = (inside + outside) / 2
            p, _ = p_values(found, observed, middle + side * half, complete=complete)
            inside, outside = (half, outside) if p >= 1 - level else (inside, half)
        ends.append(middle + side * inside)
    return ends[0], ends[1]
