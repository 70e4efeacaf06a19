"""The largest and smallest mean that bounded changes of weights can give, from running sums."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class SortedArm:
    """Outcomes of one arm, sorted once: by group, and from large to small within it.

    Parameters
    ----------
    order : numpy.ndarray of int, shape (n,)
        Rows of the arm in that order.
    values : numpy.ndarray, shape (n,)
        Sorted outcomes.
    ends : numpy.ndarray of int, shape (group,)
        Where each group ends.
    """

    order: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    ends: np.ndarray = field(repr=False)

    def sums(self, odds: np.ndarray, weights: np.ndarray) -> RunningSums:
        """Sum weights and weighted outcomes along the order.

        Parameters
        ----------
        odds : numpy.ndarray, shape (n,)
            Odds of the other arm, in the order of the arm's rows.
        weights : numpy.ndarray, shape (n,)
            How often each row counts.

        Returns
        -------
        RunningSums
            From which bounds follow at any Lambda.
        """
        w = weights[self.order]
        tilted = w * odds[self.order]
        return RunningSums(
            values=self.values,
            mass=np.append(0.0, np.cumsum(tilted)),
            total=np.append(0.0, np.cumsum(tilted * self.values)),
            ends=self.ends,
            plain=(float(w.sum()), float(w @ self.values)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class RunningSums:
    """Running sums of weights and weighted outcomes, from large outcomes to small.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Sorted outcomes.
    mass, total : numpy.ndarray, shape (n + 1,)
        Running sums of odds, and of odds times outcomes.
    ends : numpy.ndarray of int, shape (group,)
        Where each group ends.
    plain : tuple of float
        Sums of weights, and of weights times outcomes, without odds.
    """

    values: np.ndarray = field(repr=False)
    mass: np.ndarray = field(repr=False)
    total: np.ndarray = field(repr=False)
    ends: np.ndarray = field(repr=False)
    plain: tuple[float, float]

    def balanced(self, strength: float, *, largest: bool) -> float:
        """Return the extreme mean when the factors of the odds average 1 within each group.

        Parameters
        ----------
        strength : float
            Lambda: the factors lie between 1 / Lambda and Lambda.
        largest : bool
            Whether the largest mean is wanted, or the smallest.

        Returns
        -------
        float
            Mean weighted by odds times factors.

        Notes
        -----
        The share ``1 / (Lambda + 1)`` of the odds with the most extreme outcomes gets the factor
        Lambda, and the rest its inverse; the row at the edge is split.
        """
        starts = np.append(0, self.ends[:-1])
        low, high = self.mass[starts], self.mass[self.ends]
        share = 1 / (1 + strength)
        edge = low + (share if largest else 1 - share) * (high - low)
        # the row in which the edge falls, and its running total there
        at = np.clip(np.searchsorted(self.mass, edge, side="right") - 1, starts, self.ends - 1)
        reached = self.total[at] + (edge - self.mass[at]) * self.values[at]
        whole = self.total[self.ends] - self.total[starts]
        top = reached - self.total[starts]
        extreme = top if largest else whole - top
        bound = whole / strength + (strength - 1 / strength) * extreme
        return float(bound.sum() / self.mass[-1])

    def free(self, strength: float, *, largest: bool, base: float) -> float:
        """Return the extreme mean when each factor is free, and the weights are normalized after.

        Parameters
        ----------
        strength : float
            Lambda: the factors lie between 1 / Lambda and Lambda.
        largest : bool
            Whether the largest mean is wanted, or the smallest.
        base : float
            What is added to odds times factor: 1 for the mean of everybody, 0 for that of the
            other arm.

        Returns
        -------
        float
            Mean weighted by ``base + odds * factor``.

        Notes
        -----
        A linear fractional program over a box: the best factors are Lambda above a threshold and
        its inverse below, and the mean rises with the number of rows above it as long as the next
        outcome is larger than the mean.
        """
        high, low = (strength, 1 / strength) if largest else (1 / strength, strength)

        def mean(k: int) -> float:
            mass = base * self.plain[0] + low * self.mass[-1] + (high - low) * self.mass[k]
            total = base * self.plain[1] + low * self.total[-1] + (high - low) * self.total[k]
            return total / mass

        left, right = 0, self.values.size
        while left < right:
            middle = (left + right) // 2
            if self.values[middle] > mean(middle):
                left = middle + 1
            else:
                right = middle
        return mean(left)


def sort_arm(values: np.ndarray, groups: np.ndarray) -> SortedArm:
    """Sort the outcomes of an arm by group, and from large to small within it.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Outcomes.
    groups : numpy.ndarray of int, shape (n,)
        Number of each row's group.

    Returns
    -------
    SortedArm
        For bounds at any weights.
    """
    order = np.lexsort((-values, groups))
    ends = np.append(np.flatnonzero(np.diff(groups[order])) + 1, values.size)
    return SortedArm(order=order, values=values[order], ends=ends)
