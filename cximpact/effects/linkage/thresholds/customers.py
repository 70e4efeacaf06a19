"""Customers just below a threshold: what lifting them would bring, and what comes by itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import NotCausalError, unknown_name
from cximpact.core.results import EffectPosterior, Estimand, result_html
from cximpact.core.validate import check_number, check_prob
from cximpact.core.wording import number
from cximpact.effects.linkage.thresholds.predicted import Beliefs, beliefs_of
from cximpact.effects.linkage.thresholds.reversion import Reversion, measured, stated

if TYPE_CHECKING:
    from cximpact.effects.linkage.thresholds.result import ThresholdPosterior

_SHOWN = 20
_POSSIBLE = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class JustBelow:
    """Customers just below a threshold, the most rewarding first.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a customer: ``customer`` (where named), ``row``, ``score``,
        ``probability_just_below``, ``probability_cross``, ``expected_gain`` with ``conf_low`` and
        ``conf_high``, ``rises_by_itself`` and ``crosses_by_itself`` (NaN where the reliability is
        not known), and ``money`` where a value was given.
    effect : EffectPosterior
        Mean gain over the customers of the list.
    reversion : Reversion or None
        How scores are drawn to the mean.
    width, shift : float
        How far below counts, and how far scores are lifted.
    standing : str
        What the link may be taken for.
    """

    table: pd.DataFrame = field(repr=False)
    effect: EffectPosterior = field(repr=False)
    reversion: Reversion | None
    width: float
    shift: float
    standing: str

    @property
    def mean_rise_by_itself(self) -> float:
        """How far the mean score of the list will rise although nothing is done; NaN if unknown."""
        if not len(self.table):
            return float("nan")
        return float(self.table["rises_by_itself"].mean())

    def explain(self) -> str:
        """Say who is on the list, what they would bring, and what comes by itself.

        Returns
        -------
        str
            A paragraph.
        """
        n = len(self.table)
        if not n:
            return "No customer is just below the threshold."
        is_rate = self.effect.estimand.scale == "pp"
        factor, unit = (100, " percentage points") if is_rate else (1, "")
        lead = (
            f"{n:,} customers are possibly at most {self.width:g} below the threshold, "
            f"{self.table['probability_just_below'].sum():,.0f} of them in expectation. Lifting "
            f"each by {self.shift:g} goes with a mean gain of "
            f"{number(factor * float(self.effect.draws.mean()))}{unit} each. "
            f"The link is {self.standing}"
        )
        if not self.effect.details[CAUSAL]:
            lead += ": it does not say what a lift would cause, and no money is made of it"
        if self.reversion is None:
            tail = (
                "How far these scores rise by themselves is not known: give reliability= as a "
                "share or as the column of a second score. A later rise must not be taken for a "
                "success without it."
            )
        else:
            tail = (
                f"With a reliability of {self.reversion.reliability:.2f} "
                f"({self.reversion.source}) the mean score of the list changes by "
                f"{number(self.mean_rise_by_itself, signed=True)} by itself, and "
                f"{self.table['crosses_by_itself'].mean():.0%} cross although nothing is done: "
                "compare with customers who were left alone, not with before."
            )
        return f"{lead}. {tail}"

    def _repr_html_(self) -> str:
        return result_html("Customers just below", self.table.head(_SHOWN), self.explain())


def list_customers(
    found: ThresholdPosterior,
    customers: Any,
    *,
    reach: tuple[float, float],
    customer: str | None,
    outcome: str | None,
    value: float | None,
    reliability: float | None,
    again: str | None,
    prob: float,
) -> JustBelow:
    """List the customers just below a threshold.

    Parameters
    ----------
    found : ThresholdPosterior
        The threshold.
    customers : frame or CustomerScores
        Whom to look at.
    reach : tuple of float
        How far below counts, and how far scores are lifted.
    customer, outcome : str, optional
        Column of the customer, and the outcome that counts.
    value : float, optional
        Money per unit of the outcome.
    reliability, again : float and str, optional
        Reliability of the score, or the column of a second one.
    prob : float
        Mass of intervals.

    Returns
    -------
    JustBelow
        The list.

    Raises
    ------
    NotCausalError
        If money is asked of an association.
    """
    width, shift = (
        check_number(v, name, low=0, open_low=True)
        for v, name in zip(reach, ("width", "shift"), strict=True)
    )
    check_prob(prob)
    if value is not None and not found.details[CAUSAL]:
        raise NotCausalError(
            f"the link of {found.score} is {found.details['standing']}; money needs evidence= of "
            "an experiment or a difference-in-differences when the threshold is looked for."
        )
    people = beliefs_of(customers, found.score, customer=customer, again=again)
    at = _which_outcome(found, outcome)
    reversion = _reversion(found, people, reliability)
    table, gains, listed = _table(found, people, (width, shift), at, prob)
    table = _by_itself(table, found, people, reversion)
    if value is not None:
        table["money"] = check_number(value, "value") * table["expected_gain"]
    kept = np.flatnonzero(table["probability_just_below"].to_numpy() >= _POSSIBLE)
    order = kept[np.argsort(-table["expected_gain"].to_numpy()[kept], kind="stable")]
    counts = np.bincount(listed[kept], minlength=gains.shape[1])
    mean = gains @ counts / max(counts.sum(), 1)
    return JustBelow(
        table=table.iloc[order].reset_index(drop=True),
        effect=_mean_effect(found, mean, int(counts.sum()), shift, at),
        reversion=reversion,
        width=width,
        shift=shift,
        standing=str(found.details["standing"]),
    )


def _which_outcome(found: ThresholdPosterior, outcome: str | None) -> int:
    names = [o.name for o in found.curve.outcomes]
    if outcome is not None and outcome not in names:
        raise unknown_name("outcome", outcome, names)
    return 0 if outcome is None else names.index(outcome)


def _reversion(
    found: ThresholdPosterior, people: Beliefs, reliability: float | None
) -> Reversion | None:
    if people.again is not None and people.score is not None:
        both = ~np.isnan(people.again)
        return measured(people.score[both], people.again[both])
    if reliability is None:
        return None
    return stated(reliability, found.score_mean, found.score_spread)


def _table(
    found: ThresholdPosterior, people: Beliefs, reach: tuple[float, float], at: int, prob: float
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Work everything out once a score, then mix by what is believed of each kind of customer."""
    width, shift = reach
    scores, curve = people.levels, found.curve
    c = curve.threshold[:, None]
    both = curve.means(np.append(scores, scores + shift))[:, :, at]
    gain = both[:, scores.size :] - both[:, : scores.size]
    below = ((scores >= c - width) & (scores < c)).mean(axis=0)
    cross = ((scores < c) & (scores + shift >= c)).mean(axis=0)
    kinds, code = people.kinds()
    gains = gain @ kinds.T
    tails = np.quantile(gains, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    columns = {
        "row": np.arange(code.size),
        "score": (kinds @ scores)[code],
        "probability_just_below": (kinds @ below)[code],
        "probability_cross": (kinds @ cross)[code],
        "expected_gain": gains.mean(axis=0)[code],
        "conf_low": tails[0][code],
        "conf_high": tails[1][code],
    }
    table = pd.DataFrame(columns)
    if people.names is not None:
        table.insert(0, "customer", people.names)
    return table, gains, code


def _by_itself(
    table: pd.DataFrame, found: ThresholdPosterior, people: Beliefs, reversion: Reversion | None
) -> pd.DataFrame:
    """Add what comes without help; a predicted score is drawn to the mean already."""
    c = found.curve.threshold
    c = c[~np.isnan(c)]
    if reversion is None or not c.size:
        return table.assign(rises_by_itself=np.nan, crosses_by_itself=np.nan)
    if people.score is None:
        return table.assign(rises_by_itself=0.0, crosses_by_itself=np.nan)
    levels, code = np.unique(people.score, return_inverse=True)
    half_step = 0.5 * _step(found.curve.candidates.grid)
    return table.assign(
        rises_by_itself=reversion.rise(levels)[code],
        crosses_by_itself=reversion.reaches(levels, c - half_step)[code],
    )


def _step(grid: np.ndarray) -> float:
    return float(np.diff(grid).min()) if grid.size > 1 else 0.0


def _mean_effect(
    found: ThresholdPosterior, mean: np.ndarray, n: int, shift: float, at: int
) -> EffectPosterior:
    outcome = found.curve.outcomes[at]
    causal = bool(found.details[CAUSAL])
    return EffectPosterior(
        draws=dr.from_array(
            mean, source=found.provenance.source, data_ids=[found.provenance.data_hash]
        ),
        estimand=Estimand(
            target="gain" if causal else "association",
            contrast=f"{outcome.name} after a lift of {found.score} by {shift:g}",
            scale="pp" if outcome.is_rate else "outcome",
            population=f"{n:,} customers possibly just below the threshold",
        ),
        draw_kind="posterior",
        n=n,
        assumptions=found.assumptions,
        diagnostics={},
        provenance=replace(found.provenance, notes=()),
        would_change_it=found.would_change_it,
        details={CAUSAL: causal},
    )
