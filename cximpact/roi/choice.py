"""All combinations of initiatives that limits allow, and the search for the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize

from cximpact.roi.decision import NOTHING, combination_npv
from cximpact.roi.metrics import cvar
from cximpact.roi.result import RoiResult

ENUMERATE = 20
_CUTS = 200
_SLACK = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """What combinations must keep: ``matrix @ x <= bounds``.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (limit, initiative)
        Coefficients.
    bounds : numpy.ndarray, shape (limit,)
        Upper bounds.
    """

    matrix: np.ndarray
    bounds: np.ndarray

    def allow(self, inside: np.ndarray) -> np.ndarray:
        """Say which combinations keep all limits.

        Parameters
        ----------
        inside : numpy.ndarray, shape (combination, initiative)
            1 where an initiative is in.

        Returns
        -------
        numpy.ndarray of bool, shape (combination,)
            Whether it is allowed.
        """
        room = _SLACK * np.maximum(np.abs(self.bounds), 1.0)
        return (inside @ self.matrix.T <= self.bounds + room).all(axis=1)


class Choices:
    """Combinations of the initiatives of a simulation, as bits of whole numbers.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    limits : Limits
        What must be kept.
    """

    def __init__(self, result: RoiResult, limits: Limits) -> None:
        self.result, self.limits = result, limits
        self.names = result.names
        self.single = result.npv(by_initiative=True).values
        self.cost = result.pv_cost(by_initiative=True).values.mean(axis=0)
        self.mean = self._expected_single()
        self.exact = len(self.names) <= ENUMERATE
        self.rows = self._feasible() if self.exact else np.zeros(1, dtype=np.int64)

    def inside(self, rows: np.ndarray) -> np.ndarray:
        """Return bits as zeros and ones.

        Parameters
        ----------
        rows : numpy.ndarray of int
            Combinations.

        Returns
        -------
        numpy.ndarray, shape (combination, initiative)
            1 where an initiative is in.
        """
        return (np.asarray(rows)[:, None] >> np.arange(len(self.names)) & 1).astype(float)

    def npv(self, rows: np.ndarray, draws: object = slice(None)) -> np.ndarray:
        """Return the NPV of combinations, draw by draw.

        Parameters
        ----------
        rows : numpy.ndarray of int
            Combinations.
        draws : slice or array of int
            Which draws.

        Returns
        -------
        numpy.ndarray, shape (combination, sample)
            Money.
        """
        return combination_npv(self.result, np.asarray(rows), draws)

    def expected(self, rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the mean NPV of combinations over all draws, or over weighted ones.

        Parameters
        ----------
        rows : numpy.ndarray of int
            Combinations.
        weights : numpy.ndarray, shape (sample,), optional
            Weights that sum to 1.

        Returns
        -------
        numpy.ndarray, shape (combination,)
            Money: linear in the initiatives but for those that overlap.
        """
        n = self.single.shape[0]
        w = np.full(n, 1 / n) if weights is None else weights
        inside = self.inside(rows)
        value = w @ self.single
        out = np.zeros(len(rows))
        for group in self.result.overlaps:
            at = [self.names.index(name) for name in group.names]
            value[at] = -self.cost_over(w)[at]
            local = (inside[:, at] @ (1 << np.arange(len(at)))).astype(int)
            out += (group.present @ w)[local]
        return out + inside @ value

    def cost_over(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean cost of each initiative.

        Parameters
        ----------
        weights : numpy.ndarray, shape (sample,)
            Weights that sum to 1.

        Returns
        -------
        numpy.ndarray, shape (initiative,)
            Money.
        """
        return weights @ self.result.pv_cost(by_initiative=True).values

    def expected_cost(self, rows: np.ndarray) -> np.ndarray:
        """Return the expected present value of the cost of combinations.

        Parameters
        ----------
        rows : numpy.ndarray of int
            Combinations.

        Returns
        -------
        numpy.ndarray, shape (combination,)
            Money.
        """
        return self.inside(rows) @ self.cost

    def costs(self, row: int) -> np.ndarray:
        """Return the present value of the cost of a combination, draw by draw.

        Parameters
        ----------
        row : int
            Combination.

        Returns
        -------
        numpy.ndarray, shape (sample,)
            Money.
        """
        each = self.result.pv_cost(by_initiative=True).values
        return each @ self.inside(np.array([row]))[0]

    def names_of(self, row: int) -> tuple[str, ...]:
        """Return the initiatives of a combination.

        Parameters
        ----------
        row : int
            Combination.

        Returns
        -------
        tuple of str
            Names.
        """
        return tuple(name for k, name in enumerate(self.names) if int(row) >> k & 1)

    def greedy(self) -> int:
        """Take the best return per money first, as long as the limits allow.

        Returns
        -------
        int
            A combination: a bound, not an optimum.
        """
        return self._prefixes()[-1]

    def neighbors(self, row: int) -> np.ndarray:
        """Return a combination and all allowed ones that differ by one or two initiatives.

        Parameters
        ----------
        row : int
            Combination.

        Returns
        -------
        numpy.ndarray of int
            Combinations.
        """
        bits = 1 << np.arange(len(self.names), dtype=np.int64)
        pairs = np.unique((bits[:, None] ^ bits[None, :]).ravel())
        found = np.unique(np.concatenate([[row], row ^ bits, row ^ pairs]))
        return found[self.limits.allow(self.inside(found))]

    def frontier(self) -> pd.DataFrame:
        """Return combinations that no cheaper one beats.

        Returns
        -------
        pandas.DataFrame
            ``cost, npv, initiatives``, cheapest first.
        """
        rows = self.rows if self.exact else np.unique(self._prefixes())
        cost, npv = self.expected_cost(rows), self.expected(rows)
        order = np.lexsort((-npv, cost))
        best = np.maximum.accumulate(npv[order])
        first = np.append(True, np.diff(best) > 0) & (npv[order] == best)
        kept = order[first]
        return pd.DataFrame(
            {
                "cost": cost[kept],
                "npv": npv[kept],
                "initiatives": [" + ".join(self.names_of(int(r))) or NOTHING for r in rows[kept]],
            }
        )

    def _prefixes(self) -> list[int]:
        """Return what greedy choice holds step by step, from nothing on."""
        ratio, out = self.mean / np.maximum(self.cost, 1e-300), [0]
        for k in np.argsort(-ratio, kind="stable"):
            wider = out[-1] | 1 << int(k)
            if self.mean[k] > 0 and self.limits.allow(self.inside(np.array([wider])))[0]:
                out.append(wider)
        return out

    def _expected_single(self) -> np.ndarray:
        bits = 1 << np.arange(len(self.names), dtype=np.int64)
        return self.expected(bits)

    def _feasible(self) -> np.ndarray:
        rows = np.arange(2 ** len(self.names), dtype=np.int64)
        parts = np.array_split(rows, max(rows.size // 200_000, 1))
        return np.concatenate([p[self.limits.allow(self.inside(p))] for p in parts])


def best_choice(choices: Choices, weight: float, alpha: float) -> tuple[int, float, str]:
    """Find the combination with the largest ``E[NPV] + weight x CVaR``.

    Parameters
    ----------
    choices : Choices
        Combinations.
    weight : float
        Weight of CVaR.
    alpha : float
        Worst share of the draws.

    Returns
    -------
    tuple of int, float and str
        Combination, its objective, and how it was found.
    """
    if choices.exact:
        return (*_enumerated(choices, weight, alpha), "exact")
    row = _program(choices, weight, alpha)
    return (*_improved(choices, row, weight, alpha), "milp")


def _objective(choices: Choices, row: int, weight: float, alpha: float) -> float:
    npv = choices.npv(np.array([row]))[0]
    return float(npv.mean()) + (weight * cvar(npv, alpha)[0] if weight else 0.0)


def _tail(choices: Choices, row: int, alpha: float) -> np.ndarray:
    """Weights of the worst share of the draws of a combination."""
    npv = choices.npv(np.array([row]))[0]
    mass, out = alpha * npv.size, np.zeros(npv.size)
    order = np.argsort(npv, kind="stable")
    whole = int(np.floor(mass + 1e-9))
    out[order[:whole]] = 1.0
    if whole < npv.size:
        out[order[whole]] = mass - whole
    return out / mass


def _enumerated(choices: Choices, weight: float, alpha: float) -> tuple[int, float]:
    """Bound every combination by cuts, and look at the most promising until none can be better."""
    rows, mean = choices.rows, choices.expected(choices.rows)
    if not weight:
        at = int(mean.argmax())
        return int(rows[at]), float(mean[at])
    bound, best, row = mean * (1 + weight), -np.inf, 0
    for _ in range(_CUTS):
        at = int(bound.argmax())
        if bound[at] <= best + 1e-9 * max(abs(best), 1.0):
            break
        candidate = int(rows[at])
        value = _objective(choices, candidate, weight, alpha)
        if value > best:
            best, row = value, candidate
        cut = choices.expected(rows, _tail(choices, candidate, alpha))
        bound = np.minimum(bound, mean + weight * cut)
        bound[at] = value
    return row, best


def _program(choices: Choices, weight: float, alpha: float) -> int:
    """Solve the additive problem by mixed-integer programming, with CVaR by cuts."""
    k, limits = len(choices.names), choices.limits
    cuts: list[np.ndarray] = []
    best, row = -np.inf, 0
    high = float(np.maximum(choices.mean, 0).sum()) + 1.0
    for _ in range(_CUTS if weight else 1):
        matrix = np.column_stack([limits.matrix, np.zeros(len(limits.bounds))])
        bounds = limits.bounds
        if cuts:
            extra = np.column_stack([-np.array(cuts), np.ones(len(cuts))])
            matrix, bounds = np.vstack([matrix, extra]), np.append(bounds, np.zeros(len(cuts)))
        found = optimize.milp(
            -np.append(choices.mean, weight),
            integrality=np.append(np.ones(k), 0),
            bounds=optimize.Bounds(np.append(np.zeros(k), -np.inf), np.append(np.ones(k), high)),
            constraints=optimize.LinearConstraint(matrix, -np.inf, bounds),
        )
        x = np.rint(found.x[:k]).astype(int)
        candidate = int(sum(1 << i for i in np.flatnonzero(x).tolist()))
        value = _objective(choices, candidate, weight, alpha)
        if value > best:
            best, row = value, candidate
        if -float(found.fun) <= best + 1e-9 * max(abs(best), 1.0):
            break
        tail = _tail(choices, candidate, alpha)
        cuts.append(choices.expected(1 << np.arange(k, dtype=np.int64), tail))
    return row


def _improved(choices: Choices, row: int, weight: float, alpha: float) -> tuple[int, float]:
    """Move to a better neighbor on the true joint draws as long as there is one."""
    best = _objective(choices, row, weight, alpha)
    while True:
        near = choices.neighbors(row)
        order = np.argsort(-choices.expected(near))[:50]
        values = [_objective(choices, int(near[i]), weight, alpha) for i in order]
        top = int(np.argmax(values))
        if values[top] <= best + 1e-9 * max(abs(best), 1.0):
            return row, best
        row, best = int(near[order[top]]), values[top]
