"""Which initiatives to do together, under a budget and other limits, judged on the joint draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, join_names, unknown_name
from cximpact.core.results import plotting, result_html
from cximpact.core.validate import check_number, check_prob
from cximpact.core.wording import format_number, format_probability
from cximpact.roi.choice import Choices, Limits, best_choice
from cximpact.roi.decision import NOTHING
from cximpact.roi.hindsight import in_hindsight
from cximpact.roi.metrics import cvar
from cximpact.roi.result import RoiResult


@dataclass(frozen=True, kw_only=True, eq=False)
class Portfolio:
    """The initiatives that were chosen, and how sure the choice is.

    Parameters
    ----------
    chosen : tuple of str
        Names.
    expected_npv, expected_cost : float
        Of all chosen together, at today's value.
    cvar : float
        Mean NPV of the worst share ``alpha`` of the draws.
    objective : float
        What was maximized.
    probability_of_profit : float
        That the chosen pay together.
    probability_optimal : float
        That no feasible combination would have been better in the same draw.
    regret : float
        Expected NPV that choosing with hindsight would add: the value of perfect information
        for this choice.
    greedy : tuple of str
        What taking the best return per money first would have chosen.
    frontier : pandas.DataFrame
        Combinations that no cheaper one beats: ``cost, npv, initiatives``. With more than 20
        initiatives, along the steps of greedy choice.
    method : str
        ``"exact"``, or ``"milp"`` with more than 20 initiatives.
    unit : str
        Currency.
    draws : int
        Draws behind the NPV.
    hindsight_draws : int
        Draws behind ``probability_optimal`` and ``regret``: fewer where there are many
        combinations to compare in each.
    mcse : mapping of str to float
        Monte Carlo errors by term.
    """

    chosen: tuple[str, ...]
    expected_npv: float
    expected_cost: float
    cvar: float
    objective: float
    probability_of_profit: float
    probability_optimal: float
    regret: float
    greedy: tuple[str, ...]
    frontier: pd.DataFrame
    method: str
    unit: str
    draws: int
    hindsight_draws: int
    mcse: Mapping[str, float]

    def tidy(self) -> pd.DataFrame:
        """Return the headline numbers.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, mcse, unit``.
        """
        rows = {
            "expected_npv": (self.expected_npv, self.unit),
            "expected_cost": (self.expected_cost, self.unit),
            "cvar": (self.cvar, self.unit),
            "regret": (self.regret, self.unit),
            "probability_of_profit": (self.probability_of_profit, "probability"),
            "probability_optimal": (self.probability_optimal, "probability"),
        }
        return pd.DataFrame(
            [
                {"term": k, "estimate": v, "mcse": self.mcse[k], "unit": unit}
                for k, (v, unit) in rows.items()
            ]
        )

    def explain(self) -> str:
        """Say what to do, what it brings and how sure the choice is.

        Returns
        -------
        str
            A paragraph.
        """
        what = join_names(self.chosen, limit=20) if self.chosen else NOTHING
        greedy = (
            ""
            if set(self.greedy) == set(self.chosen)
            else f" Taking the best return per {self.unit} first would have chosen "
            f"{join_names(self.greedy, limit=20) if self.greedy else NOTHING}."
        )
        return (
            f"Do {what}: an expected NPV of {self._money('expected_npv')} for "
            f"{self._money('expected_cost')}, with a chance of "
            f"{format_probability(self.probability_of_profit, self.draws)} to pay. In "
            f"{format_probability(self.probability_optimal, self.hindsight_draws)} of the draws no "
            "other feasible combination would have been better; choosing with hindsight would add "
            f"{self._money('regret')} on average, the most that knowing more could be worth "
            f"here.{greedy}"
        )

    def plot(self, **options: Any) -> Any:
        """Draw the frontier of cost and NPV with the choice on it.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.frontier`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().frontier(
            self.frontier,
            chosen=(self.expected_cost, self.expected_npv),
            currency=self.unit,
            **options,
        )

    def _money(self, term: str) -> str:
        return f"{format_number(getattr(self, term), self.mcse[term])} {self.unit}"

    def _repr_html_(self) -> str:
        return result_html("Portfolio", self.tidy(), self.explain())


def portfolio(
    result: RoiResult,
    *,
    budget: float | None = None,
    uses: pd.DataFrame | None = None,
    available: Mapping[Any, float] | None = None,
    requires: Mapping[str, Sequence[str]] | None = None,
    excludes: Sequence[Sequence[str]] = (),
    risk_weight: float = 0.0,
    alpha: float = 0.05,
) -> Portfolio:
    """Choose the initiatives with the highest expected NPV, less risk, within limits.

    Parameters
    ----------
    result : RoiResult
        A simulation of all candidates.
    budget : float, optional
        Most that may be spent, as expected present value of cost.
    uses : pandas.DataFrame, optional
        What each initiative (rows) uses of each resource or period (columns), such as the days of
        a team by quarter.
    available : mapping, optional
        How much there is of each column of ``uses``.
    requires : mapping of str to sequence of str, optional
        Prerequisites: an initiative is done only with all of these.
    excludes : sequence of sequence of str
        Groups of which at most one is done.
    risk_weight : float, default 0
        Maximize ``E[NPV] + risk_weight x CVaR``; 0 is neutral to risk.
    alpha : float, default 0.05
        Worst share of the draws that CVaR averages.

    Returns
    -------
    Portfolio
        Exact for up to 20 initiatives. Beyond, a mixed-integer program on additive values whose
        cuts make CVaR exact on the draws, followed by a local search where initiatives overlap.

    Raises
    ------
    ConfigError
        For unknown names, resources without an amount, or limits out of bounds.

    Notes
    -----
    All combinations are judged on the same joint draws, so what initiatives share counts.
    CVaR of a sum is at most the mean over any fixed share ``alpha`` of the draws; each such
    set is a linear cut (Rockafellar and Uryasev 2000), and cuts are added until the best
    bound is attained. Greedy choice by return per money is a bound, not an optimum.
    """
    weight = check_number(risk_weight, "risk_weight", low=0)
    tail = check_prob(alpha, "alpha")
    limits = _limits(result, budget, uses, available, requires, excludes)
    choices = Choices(result, limits)
    best, objective, method = best_choice(choices, weight, tail)
    npv = choices.npv(np.array([best]))[0]
    spent = choices.costs(best)
    hindsight = in_hindsight(choices, best)
    worst, spread = cvar(npv, tail)
    ess = result.effective_draws
    gain = float((npv > 0).mean())
    mcse = {
        "expected_npv": _error(npv, ess),
        "expected_cost": _error(spent, ess),
        "cvar": spread / np.sqrt(ess),
        "regret": hindsight.regret_error,
        "probability_of_profit": float(np.sqrt(gain * (1 - gain) / ess)),
        "probability_optimal": hindsight.optimal_error,
    }
    return Portfolio(
        chosen=choices.names_of(best),
        expected_npv=float(npv.mean()),
        expected_cost=float(spent.mean()),
        cvar=worst,
        objective=objective,
        probability_of_profit=gain,
        probability_optimal=hindsight.optimal,
        regret=hindsight.regret,
        greedy=choices.names_of(choices.greedy()),
        frontier=choices.frontier(),
        method=method,
        unit=result.settings.currency,
        draws=npv.size,
        hindsight_draws=hindsight.draws,
        mcse=mcse,
    )


def _error(values: np.ndarray, ess: float) -> float:
    return float(values.std(ddof=1) / np.sqrt(ess))


def _limits(
    result: RoiResult,
    budget: float | None,
    uses: pd.DataFrame | None,
    available: Mapping[Any, float] | None,
    requires: Mapping[str, Sequence[str]] | None,
    excludes: Sequence[Sequence[str]],
) -> Limits:
    """Write all limits as rows of ``A x <= b``."""
    names = result.names
    rows: list[np.ndarray] = []
    bounds: list[float] = []
    if budget is not None:
        rows.append(result.pv_cost(by_initiative=True).values.mean(axis=0))
        bounds.append(check_number(budget, "budget", low=0))
    for row, bound in _resources(names, uses, available):
        rows.append(row)
        bounds.append(bound)
    for name, needed in (requires or {}).items():
        for other in needed:
            row = np.zeros(len(names))
            row[_position(name, names, "requires")] = 1.0
            row[_position(other, names, f"requires.{name}")] -= 1.0
            rows.append(row)
            bounds.append(0.0)
    for group in excludes:
        row = np.zeros(len(names))
        for name in group:
            row[_position(name, names, "excludes")] = 1.0
        rows.append(row)
        bounds.append(1.0)
    matrix = np.array(rows) if rows else np.zeros((0, len(names)))
    return Limits(matrix=matrix, bounds=np.array(bounds))


def _resources(
    names: Sequence[str], uses: pd.DataFrame | None, available: Mapping[Any, float] | None
) -> list[tuple[np.ndarray, float]]:
    if (uses is None) != (available is None):
        raise ConfigError(
            "uses and available belong together: what is used, and how much there is."
        )
    if uses is None or available is None:
        return []
    unknown = [str(n) for n in uses.index if str(n) not in names]
    missing = [str(c) for c in uses.columns if c not in available]
    if unknown or missing:
        raise ConfigError(
            f"uses names {join_names(unknown)} that are no initiatives, and available lacks "
            f"{join_names(missing)}."
        )
    table = uses.reindex(list(names)).fillna(0.0).to_numpy(dtype=float)
    if not (np.isfinite(table).all() and (table >= 0).all()):
        raise ConfigError("uses has entries that are negative or infinite; expected from 0.")
    return [
        (table[:, k], check_number(available[c], f"available.{c}", low=0))
        for k, c in enumerate(uses.columns)
    ]


def _position(name: str, names: Sequence[str], path: str) -> int:
    if name in names:
        return names.index(name)
    raise unknown_name(f"{path}: initiative", name, names)
