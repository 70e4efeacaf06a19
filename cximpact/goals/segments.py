"""Goals of segments that add up to the goal of the company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from cximpact.core.errors import (
    DataError,
    DuplicateKeyError,
    MissingColumnError,
    MissingValueError,
    rows_phrase,
)
from cximpact.core.results import plotting, result_html
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import as_floats, check_choice, check_number
from cximpact.core.wording import number, percent
from cximpact.goals.direction import best, check_scale, check_score, sign
from cximpact.goals.opportunity import share_of_room

RULES = ("equal_gain", "equal_opportunity", "least_cost")
_SLACK = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentGoals:
    """Goals by segment whose weighted mean is the company's.

    Parameters
    ----------
    table : pandas.DataFrame
        ``segment, share, score, lift, target, opportunity_share, cost``; lifts carry the sign of
        the score.
    company : float
        Weighted mean of the targets.
    target : float
        What was asked for.
    rule : str
        How the lift was shared out.
    scale : ScoreScale
        Scale of the scores.
    """

    table: pd.DataFrame
    company: float
    target: float
    rule: str
    scale: ScoreScale

    @property
    def feasible(self) -> bool:
        """Whether the segments add up to what was asked for."""
        low, high = self.scale.limits
        return abs(self.company - self.target) <= 1e-7 * (high - low)

    @property
    def cost(self) -> float:
        """Cost of all lifts; NaN where costs were not given."""
        return float(self.table["cost"].sum(skipna=False))

    def tidy(self) -> pd.DataFrame:
        """Return the goals, one row a segment.

        Returns
        -------
        pandas.DataFrame
            A copy of ``table``.
        """
        return self.table.copy()

    def explain(self) -> str:
        """Say what the segments must reach and what it costs.

        Returns
        -------
        str
            A few sentences.
        """
        moved = self.table[self.table["lift"].abs() > _SLACK]
        shown = "; ".join(
            f"{r['segment']} from {number(r['score'])} to {number(r['target'])} "
            f"({percent(r['opportunity_share'])} of its opportunity)"
            for r in moved.to_dict("records")
        )
        cost = f" It costs {number(self.cost)}." if np.isfinite(self.cost) else ""
        start = float(self.table["share"] @ self.table["score"])
        if not self.feasible:
            return (
                f"Not feasible: within the limits the segments reach {number(self.company)}, not "
                f"{number(self.target)}. Furthest: {shown}.{cost}"
            )
        return (
            f"The company goes from {number(start)} to {number(self.company)} if "
            f"{shown or 'all stay'}.{cost} The shares of customers must stay what they are: a "
            "shift of the mix moves the company's score without any segment moving."
        )

    def plot(self, **options: Any) -> Any:
        """Draw where each segment stands and where it must get.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.segment_goals`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().segment_goals(self.table, limits=self.scale.limits, **options)

    def _repr_html_(self) -> str:
        return result_html("Goals by segment", self.table, self.explain())


def segment_goals(
    table: pd.DataFrame,
    target: float,
    scale: ScoreScale,
    *,
    rule: str = "equal_opportunity",
    cap: float = 1.0,
) -> SegmentGoals:
    """Share a company's goal out to its segments.

    Parameters
    ----------
    table : pandas.DataFrame
        ``segment``, ``share`` (customers or their share) and ``score``; for least cost also
        ``cost_per_point``, the cost of one point of the segment's own score; optionally
        ``max_lift``, the largest lift in points.
    target : float
        Score of the company, the share-weighted mean of the segments.
    scale : ScoreScale
        Scale of the scores.
    rule : {"equal_opportunity", "equal_gain", "least_cost"}
        All segments use the same share of their room; all gain the same number of points; or
        the required lift at least cost, by linear programming.
    cap : float, default 1
        Largest share of its room that a segment may use.

    Returns
    -------
    SegmentGoals
        They sum to the company's target; where limits forbid that, as near as they allow, and
        ``feasible`` is False.

    Raises
    ------
    DataError, MissingColumnError
        If the table is incomplete.

    Notes
    -----
    Means and NPS are linear in the shares of respondents, so that weighted segment scores add up
    to the company's. Shares are taken as fixed.
    """
    check_scale(scale)
    check_choice(rule, "rule", RULES)
    rows = _checked(table, scale, rule)
    goal = float(check_score(target, scale, "target"))
    share, score = rows["share"].to_numpy(), rows["score"].to_numpy()
    room = sign(scale) * (best(scale) - score)
    limit = np.minimum(room * check_number(cap, "cap", low=0, high=1), rows["max_lift"].to_numpy())
    needed = sign(scale) * (goal - float(share @ score))
    lift = sign(scale) * _lifts(rule, needed, share, room, limit, rows["cost_per_point"].to_numpy())
    out = rows[["segment", "share", "score"]].assign(
        lift=lift,
        target=score + lift,
        opportunity_share=share_of_room(score, score + lift, scale),
        cost=np.abs(lift) * rows["cost_per_point"],
    )
    company = float(share @ (score + lift))
    return SegmentGoals(table=out, company=company, target=goal, rule=rule, scale=scale)


def _lifts(
    rule: str,
    needed: float,
    share: np.ndarray,
    room: np.ndarray,
    limit: np.ndarray,
    cost: np.ndarray,
) -> np.ndarray:
    """Lifts towards the better end that sum to what is needed, or to what limits allow."""
    if needed <= 0:  # nothing to lift: everybody stays, or gives way alike
        return np.full(share.size, min(needed, 0.0))
    if needed >= share @ limit:
        return limit.copy()
    if rule == "least_cost":
        found = optimize.linprog(
            cost,
            A_eq=share[None],
            b_eq=[needed],
            bounds=np.column_stack([np.zeros(share.size), limit]),
        )
        return np.asarray(found.x)
    pattern = room if rule == "equal_opportunity" else np.ones(share.size)
    return _filled(needed, share, pattern, limit)


def _filled(needed: float, share: np.ndarray, pattern: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Raise all in proportion to a pattern until limits bind, then the others further."""

    def total(level: float) -> float:
        return float(share @ np.minimum(level * pattern, limit)) - needed

    high = 1.0
    while total(high) < 0:
        high *= 2
    level = optimize.brentq(total, 0.0, high, xtol=1e-14, rtol=1e-14)
    return np.minimum(level * pattern, limit)


def _checked(table: pd.DataFrame, scale: ScoreScale, rule: str) -> pd.DataFrame:
    wanted = ["segment", "share", "score"] + (["cost_per_point"] if rule == "least_cost" else [])
    available = [str(c) for c in table.columns]
    if missing := [c for c in wanted if c not in available]:
        raise MissingColumnError.from_names(missing, available, role="segment goals")
    rows = table.reset_index(drop=True).copy()
    for column, default in (("cost_per_point", np.nan), ("max_lift", np.inf)):
        if column not in rows:
            rows[column] = default
    for column in ("share", "score", "max_lift", "cost_per_point"):
        rows[column] = as_floats(rows[column], column)
        if column in wanted and (bad := np.flatnonzero(rows[column].isna())).size:
            raise MissingValueError(f"Column {column!r} is missing in {rows_phrase(bad)}.")
    if (twice := np.flatnonzero(rows["segment"].duplicated())).size:
        raise DuplicateKeyError(f"Column 'segment' repeats in {rows_phrase(twice)}.")
    for column in ("share", "max_lift", "cost_per_point"):
        if (bad := np.flatnonzero(rows[column] < 0)).size:
            raise DataError(f"Column {column!r} is negative in {rows_phrase(bad)}.")
    if not rows["share"].sum() > 0:
        raise DataError("Column 'share' sums to 0; expected customers, or their shares.")
    check_score(rows["score"].to_numpy(), scale)
    return rows.assign(share=rows["share"] / rows["share"].sum())
