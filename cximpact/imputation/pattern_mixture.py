"""If the silent are different: shifts of their score, and what would tip a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import optimize

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, UnseenLevelError, join_names
from cximpact.core.rng import RngLike, spawn
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_number, check_prob, check_vector
from cximpact.core.wording import number
from cximpact.data import Cells
from cximpact.imputation.poststratify import margin

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores


@dataclass(frozen=True, kw_only=True)
class DeltaPrior:
    """What is believed about how different the silent are.

    Parameters
    ----------
    mean : float
        Expected shift of their latent score; negative is less satisfied.
    sd : float
        Standard deviation of the belief.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        check_number(self.mean, "mean")
        check_number(self.sd, "sd", low=0)


@dataclass(frozen=True, kw_only=True)
class TippingPoint:
    """How different the silent must be for a decision to flip.

    Parameters
    ----------
    delta : float
        Shift of the silent on the latent scale; NaN where no shift in the range flips it.
    low, high : float
        The range that was searched.
    goes_ahead : bool
        The decision if the silent are like those who answered.
    score : float
        Score of everybody at the tipping point.
    silent : float
        Score of the silent there.
    silent_at_random : float
        Score of the silent if they are like those who answered.
    question : str
        What flips.
    unit : str
        Unit of the scores.
    """

    delta: float
    low: float
    high: float
    goes_ahead: bool
    score: float
    silent: float
    silent_at_random: float
    question: str
    unit: str = ""

    def tidy(self) -> pd.DataFrame:
        """Return the tipping point as a table of one row.

        Returns
        -------
        pandas.DataFrame
            One column a field.
        """
        return pd.DataFrame([vars(self)])

    def explain(self) -> str:
        """Say what it would take to overturn the decision.

        Returns
        -------
        str
            A sentence or two.
        """
        now = "holds" if self.goes_ahead else "does not hold"
        if not np.isfinite(self.delta):
            return (
                f"If the silent are like those who answered, {self.question} {now}. No shift of "
                f"the silent between {number(self.low)} and {number(self.high)} on the latent "
                "scale overturns that."
            )
        how = "lower" if self.delta < 0 else "higher"
        return (
            f"If the silent are like those who answered, {self.question} {now}. It flips when "
            f"the silent lie {how} by {number(abs(self.delta))} on the latent scale: their own "
            f"score is then {number(self.silent)} instead of {number(self.silent_at_random)}, "
            f"and everybody's {number(self.score)}. The answers cannot say whether that is so."
        )


def shifted_score(
    imputed: ImputedScores,
    delta: float | DeltaPrior | Mapping[object, float | DeltaPrior],
    by: str | Sequence[str] | None = None,
    *,
    column: str | None = None,
    target: str = "super",
    statistic: str = "score",
    rng: RngLike = None,
) -> xr.DataArray:
    """Draw the score of everybody if those who did not answer are different.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    delta : float, DeltaPrior, or mapping of level to either
        Shift of the silent's latent score against those in their cell who answered. A prior
        gives every draw a shift of its own; a mapping names each level of ``column``.
    by : str or sequence of str, optional
        Columns to split by.
    column : str, optional
        Column whose levels a mapping names.
    target : {"super", "finite"}
        As for `ImputedScores.score`.
    statistic : {"score", "top_box", "mean", "net"}
        What is computed from the answers.
    rng : int or Generator, optional
        Randomness of priors and of the finite target; the seed of the fit by default.

    Returns
    -------
    xarray.DataArray
        Dimension ``sample``, then the groups.

    Raises
    ------
    ConfigError
        If a mapping is given without a column.
    UnseenLevelError
        If a mapping does not name the levels of the column.

    Notes
    -----
    A pattern mixture: ``eta_silent = eta_answered + delta``, respondents keep their answers.
    ``delta`` is not in the data; it comes from beliefs, from how the score falls with the number
    of reminders it took (`delta_from_contacts`), or from a grid.

    References
    ----------
    Little, R. J. A. (1993). Pattern-mixture models for multivariate incomplete data. Journal of
    the American Statistical Association 88, 125-134.
    """
    seed = imputed.provenance.seed if rng is None else rng
    shift = _by_cell(imputed.cells, delta, column, imputed.draws.sizes[dr.SAMPLE], seed)
    return imputed.score(by, target=target, statistic=statistic, delta=shift, rng=seed)


def tipping(
    imputed: ImputedScores,
    threshold: float | None = None,
    *,
    decision: Callable[[xr.DataArray], float] | None = None,
    probability: float | None = None,
    statistic: str = "score",
    low: float = -4.0,
    high: float = 4.0,
) -> TippingPoint:
    """Find how different the silent must be for a decision to flip.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    threshold : float, optional
        A goal: the decision is whether everybody's expected score reaches it.
    decision : callable, optional
        From draws of everybody's score to a number that is positive when one goes ahead, such
        as an expected net present value.
    probability : float, optional
        With ``threshold``: the decision is whether the goal is reached with this probability.
    statistic : {"score", "top_box", "mean", "net"}
        What is computed from the answers.
    low, high : float
        Shifts between which to look, on the latent scale.

    Returns
    -------
    TippingPoint
        With the silent's own score there, which can be compared with what is plausible.

    Raises
    ------
    ConfigError
        If not exactly one of ``threshold`` and ``decision`` is given, or the range is empty.
    """
    if (threshold is None) == (decision is None):
        raise ConfigError("give either a threshold or a decision.")
    if not check_number(low, "low") < check_number(high, "high"):
        raise ConfigError(f"low is {low} and high is {high}; expected low < high.")
    gain, question = _gain(threshold, decision, probability, imputed.cells.scale.name)

    def at(delta: float) -> float:
        return gain(imputed.score(target="super", statistic=statistic, delta=delta))

    ends = at(low), at(high)
    delta = np.nan
    if (ends[0] > 0) != (ends[1] > 0):
        delta = float(optimize.brentq(at, low, high, xtol=1e-4))
    shown = delta if np.isfinite(delta) else 0.0
    score = imputed.score(target="super", statistic=statistic, delta=shown)
    return TippingPoint(
        delta=delta,
        low=low,
        high=high,
        goes_ahead=at(0.0) > 0,
        score=float(score.mean()),
        silent=float(imputed.silent_score(statistic=statistic, delta=shown).mean()),
        silent_at_random=float(imputed.silent_score(statistic=statistic).mean()),
        question=question,
        unit=str(score.attrs.get("unit", "")),
    )


def sensitivity(
    imputed: ImputedScores,
    delta: Sequence[float],
    *,
    statistic: str = "score",
    prob: float = 0.9,
) -> pd.DataFrame:
    """Say how the score of everybody moves if the silent are different.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    delta : sequence of float
        Shifts of the latent score of those who did not answer, on the latent scale;
        negative means less satisfied.
    statistic : {"score", "top_box", "mean", "net"}
        What is computed from the answers.
    prob : float, default 0.9
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a shift: ``delta``, ``silent`` (mean score of those who did not answer), then
        ``estimate, std_error, conf_low, conf_high, conf_level, mcse`` of everybody's score.
    """
    rows = []
    for value in check_vector(list(delta), "delta"):
        everyone = imputed.score(target="super", statistic=statistic, delta=value)
        silent = imputed.silent_score(statistic=statistic, delta=value)
        row = summarize(everyone, prob)
        row.insert(0, "silent", float(silent.mean()))
        row.insert(0, "delta", value)
        rows.append(row)
    return pd.concat(rows, ignore_index=True)


def tipping_point(
    imputed: ImputedScores,
    threshold: float,
    *,
    statistic: str = "score",
    low: float = -4.0,
    high: float = 4.0,
) -> float:
    """Find how different the silent must be for everybody's score to meet a threshold.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    threshold : float
        Score at which a decision flips.
    statistic : {"score", "top_box", "mean", "net"}
        What is computed from the answers.
    low, high : float
        Shifts between which to look, on the latent scale.

    Returns
    -------
    float
        The shift at which the expected score equals the threshold; NaN when no shift
        between ``low`` and ``high`` gets there.

    Raises
    ------
    ConfigError
        If ``low`` is not below ``high``.
    """
    return tipping(imputed, threshold, statistic=statistic, low=low, high=high).delta


def delta_from_contacts(slope_per_contact: float, extra_contacts: float) -> float:
    """Guess how different the silent are from how answers change with reminders.

    Parameters
    ----------
    slope_per_contact : float
        Change of the latent score with each further contact that it took to get an answer.
    extra_contacts : float
        How many more contacts the silent would have taken than those who answered.

    Returns
    -------
    float
        Shift on the latent scale.

    Notes
    -----
    The continuum of resistance: those who never answer are like those who answered last, only
    more so. It is an assumption, better than none.

    References
    ----------
    Lin, I.-F. and Schaeffer, N. C. (1995). Using survey participants to estimate the impact of
    nonparticipation. Public Opinion Quarterly 59, 236-258.
    """
    slope = check_number(slope_per_contact, "slope_per_contact")
    return slope * check_number(extra_contacts, "extra_contacts", low=0)


def _gain(
    threshold: float | None,
    decision: Callable[[xr.DataArray], float] | None,
    probability: float | None,
    name: str,
) -> tuple[Callable[[xr.DataArray], float], str]:
    """Write the decision as a number that is positive when one goes ahead."""
    if decision is not None:
        if probability is not None:
            raise ConfigError("probability goes with a threshold, not with a decision.")
        return lambda score: check_number(float(decision(score)), "decision"), "the decision"
    goal = check_number(threshold, "threshold")
    if probability is None:
        return lambda score: float(score.mean()) - goal, f"{name} of at least {number(goal)}"
    wanted = check_prob(probability, "probability")
    question = f"{name} of at least {number(goal)} with probability {wanted:g}"
    return lambda score: float(score.quantile(1 - wanted)) - goal, question


def _by_cell(
    cells: Cells,
    delta: float | DeltaPrior | Mapping[object, float | DeltaPrior],
    column: str | None,
    n_draws: int,
    rng: RngLike,
) -> float | np.ndarray:
    """Spread shifts over the cells, and over the draws where they are uncertain."""
    if not isinstance(delta, Mapping):
        values = _drawn(delta, n_draws, rng, "everybody")
        return float(values[0]) if isinstance(delta, int | float) else values[:, None]
    if column is None:
        raise ConfigError("delta is a mapping; name the column of its levels.")
    groups = margin(cells, column)
    levels = list(groups.labels[column])
    if lost := [v for v in levels if v not in delta]:
        raise UnseenLevelError(f"delta does not name the levels {join_names(lost)} of {column!r}.")
    if strange := [v for v in delta if v not in levels]:
        raise UnseenLevelError(
            f"delta names {join_names(strange)}; {column!r} has {join_names(levels)}."
        )
    by_level = np.stack([_drawn(delta[v], n_draws, rng, str(v)) for v in levels], axis=1)
    return by_level[:, groups.code]


def _drawn(delta: float | DeltaPrior, n_draws: int, rng: RngLike, name: str) -> np.ndarray:
    if isinstance(delta, DeltaPrior):
        (stream,) = spawn(rng, f"delta of {name}")
        return stream.normal(delta.mean, delta.sd, n_draws)
    return np.full(n_draws, check_number(delta, "delta"))
