"""Rows in the order of a score, and both arms added up along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cximpact.effects.uplift.evaluation_data import HeldOut


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Rows in the order of a score, with the ends of ties.

    Parameters
    ----------
    order : numpy.ndarray of int
        Rows of positive weight, highest score first.
    ends : numpy.ndarray of int
        Positions in ``order`` of the last row of every distinct score.
    """

    order: np.ndarray
    ends: np.ndarray

    def cumulated(self, values: np.ndarray) -> np.ndarray:
        """Add up values over all rows with at least a given score.

        Parameters
        ----------
        values : numpy.ndarray, shape (n,)
            One number a row.

        Returns
        -------
        numpy.ndarray, shape (distinct scores,)
            Sums, highest score first.
        """
        return np.cumsum(values[self.order])[self.ends]


def ranking(score: np.ndarray, weights: np.ndarray) -> Ranking:
    """Sort rows by their score.

    Parameters
    ----------
    score, weights : numpy.ndarray, shape (n,)
        Higher scores come first; rows without weight are not there.

    Returns
    -------
    Ranking
        The order and its ties.
    """
    order = np.argsort(-score, kind="stable")
    order = order[weights[order] > 0]
    ends = np.append(np.flatnonzero(np.diff(score[order])), order.size - 1)
    return Ranking(order=order, ends=ends)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """Weights and weighted outcomes of both arms, cumulated or in total.

    Parameters
    ----------
    treated, untreated : numpy.ndarray
        Sums of weights.
    treated_outcome, untreated_outcome : numpy.ndarray
        Sums of weighted outcomes.
    """

    treated: np.ndarray
    untreated: np.ndarray
    treated_outcome: np.ndarray
    untreated_outcome: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Weight of both arms."""
        return self.treated + self.untreated

    def uplift(self) -> np.ndarray:
        """Return the difference of the means of the arms times the size.

        Returns
        -------
        numpy.ndarray
            Values of the uplift curve. An arm without rows has the mean 0.
        """
        return self.size * self.difference(0.0)

    def difference(self, empty: float = np.nan) -> np.ndarray:
        """Return the difference of the means of the arms.

        Parameters
        ----------
        empty : float, default NaN
            Mean of an arm without rows.

        Returns
        -------
        numpy.ndarray
            Treated less untreated.
        """
        treated = _ratio(self.treated_outcome, self.treated, empty)
        return treated - _ratio(self.untreated_outcome, self.untreated, empty)

    def qini(self) -> np.ndarray:
        """Return the outcomes of the treated beyond those of as many untreated.

        Returns
        -------
        numpy.ndarray
            Values of the Qini curve.
        """
        return self.treated_outcome - self.untreated_outcome * _ratio(
            self.treated, self.untreated, 0.0
        )


def _ratio(a: np.ndarray, b: np.ndarray, empty: float) -> np.ndarray:
    return np.divide(a, b, out=np.full(np.shape(a), empty), where=np.asarray(b) != 0)


def cumulated(data: HeldOut, score: np.ndarray) -> Sums:
    """Add up both arms over the customers with at least a given score.

    Parameters
    ----------
    data : HeldOut
        Customers.
    score : numpy.ndarray, shape (n,)
        Their scores.

    Returns
    -------
    Sums
        One entry a distinct score, highest first.
    """
    w, y, t = (np.asarray(a) for a in (data.weights, data.outcome, data.treatment))
    ranked = ranking(score, w)
    parts = (w * t, w * (1 - t), w * y * t, w * y * (1 - t))
    names = ("treated", "untreated", "treated_outcome", "untreated_outcome")
    return Sums(**{k: ranked.cumulated(v) for k, v in zip(names, parts, strict=True)})


def curve_frame(n: np.ndarray, value: np.ndarray) -> pd.DataFrame:
    """Lay out a curve that starts at (0, 0).

    Parameters
    ----------
    n, value : numpy.ndarray, shape (point,)
        Customers, or their weights, and the height above them.

    Returns
    -------
    pandas.DataFrame
        ``n, fraction, value``.
    """
    n, value = np.append(0.0, n), np.append(0.0, value)
    return pd.DataFrame({"n": n, "fraction": n / n[-1], "value": value})
