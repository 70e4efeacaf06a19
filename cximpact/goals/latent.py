"""A uniform shift of everybody's attitude, and what it does to the answers.

An answer is a latent attitude cut into classes. Half a standard deviation of the attitude
is a well-defined step on any scale, also where half a standard deviation of the score's
coding is absurd, as for NPS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special

from cximpact.core.errors import ConfigError, DataError, MissingColumnError
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice, check_vector
from cximpact.goals.direction import check_scale, check_score, sign

Pmf: TypeAlias = Mapping[str, float] | ArrayLike
LINKS = ("probit", "logit")
_FAR = 30.0


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentShift:
    """What a distribution of answers must become for a score to be reached.

    Parameters
    ----------
    shift : float
        Uniform shift of the latent attitude towards the better end, in its standard
        deviations (probit) or logits (logit). Infinite at the end of the scale.
    score : float
        The score that is reached.
    table : pandas.DataFrame
        One row a class: ``answer, before, after, change``, as shares of customers.
    moves : pandas.DataFrame
        Share of customers who go from a class (row) to a class (column).
    """

    shift: float
    score: float
    table: pd.DataFrame
    moves: pd.DataFrame

    @property
    def share_moved(self) -> float:
        """Share of customers who change class."""
        return float(self.moves.to_numpy().sum() - np.trace(self.moves.to_numpy()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Classes:
    """Shares of answers in order, with what each adds to the score.

    Parameters
    ----------
    names : tuple of str
        Names of the classes, from the lowest answers up.
    shares : numpy.ndarray, shape (class,)
        They sum to 1.
    weights : numpy.ndarray, shape (class,)
        Contribution of an answer to the score.
    """

    names: tuple[str, ...]
    shares: np.ndarray
    weights: np.ndarray

    @property
    def score(self) -> float:
        """The score of these shares."""
        return float(self.shares @ self.weights)

    @property
    def sd(self) -> float:
        """Standard deviation of an individual's contribution to the score."""
        return float(np.sqrt(max(self.shares @ self.weights**2 - self.score**2, 0.0)))


def classes(pmf: Pmf, scale: ScoreScale) -> Classes:
    """Read shares of answers.

    Parameters
    ----------
    pmf : mapping of str to float, or array_like of shape (n_categories,)
        Shares by the names of the scale's bands, or by answer from low to high.
    scale : ScoreScale
        The scale of the answers.

    Returns
    -------
    Classes
        Shares in order, with their weights.

    Raises
    ------
    DataError
        If shares are negative, of the wrong number or do not sum to 1.
    MissingColumnError
        For a name that is no band of the scale.
    """
    check_scale(scale)
    if isinstance(pmf, Mapping):
        if unknown := [name for name in pmf if name not in scale.bands]:
            raise MissingColumnError.from_names(unknown, scale.bands, role="band of the scale")
        names = sorted(pmf, key=lambda name: scale.bands[name])
        shares = check_vector([pmf[name] for name in names], "pmf")
        weights = np.array([scale.weights.get(name, 0.0) for name in names])
        if not scale.weights:
            raise DataError(
                f"pmf gives bands, but the score on scale {scale.name} is the mean answer; "
                f"give the shares of its {scale.n_categories} answers instead."
            )
    else:
        shares, weights = check_vector(pmf, "pmf"), scale.score_weights
        names = [f"{value:g}" for value in scale.values]
        if shares.size != scale.n_categories:
            raise DataError(
                f"pmf has {shares.size} shares; expected {scale.n_categories}, one an answer of "
                f"scale {scale.name}."
            )
    if (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise DataError(
            f"pmf has a smallest share of {shares.min():g} and sums to {shares.sum():g}; "
            "expected shares from 0 that sum to 1. Divide counts by their total."
        )
    return Classes(names=tuple(names), shares=shares / shares.sum(), weights=weights)


def is_latent(scale: ScoreScale) -> bool:
    """Say whether half a standard deviation is taken on the latent scale.

    Parameters
    ----------
    scale : ScoreScale
        The scale of the answers.

    Returns
    -------
    bool
        True where the score is made of classes (NPS, net ease) or has two answers.
    """
    return bool(scale.weights) or scale.n_categories == 2


def shift_pmf(pmf: Pmf, shift: float, scale: ScoreScale, *, link: str = "probit") -> LatentShift:
    """Move everybody's latent attitude by the same amount towards the better end.

    Parameters
    ----------
    pmf : mapping of str to float, or array_like of shape (n_categories,)
        Shares by band or by answer.
    shift : float
        In latent standard deviations (probit) or logits; negative moves to the worse end.
    scale : ScoreScale
        The scale of the answers.
    link : {"probit", "logit"}
        Shape of the latent attitude.

    Returns
    -------
    LatentShift
        The score and the answers after the shift.

    Notes
    -----
    With cumulative shares ``F_k`` and latent distribution function ``G``, the share of
    answers up to ``k`` becomes ``G(G^-1(F_k) - shift)``. The shift is the same for all; who
    changes class follows from it, and is not a forecast of who will.
    """
    before = classes(pmf, scale)
    check_choice(link, "link", LINKS)
    return _shifted(before, float(shift), scale, link)


def required_shift(
    pmf: Pmf, target: float, scale: ScoreScale, *, link: str = "probit"
) -> LatentShift:
    """Return the uniform latent shift, and the answers, that a target score takes.

    Parameters
    ----------
    pmf : mapping of str to float, or array_like of shape (n_categories,)
        Shares now, by band or by answer.
    target : float
        Score to be reached.
    scale : ScoreScale
        The scale of the answers.
    link : {"probit", "logit"}
        Shape of the latent attitude.

    Returns
    -------
    LatentShift
        The required shift, and how many customers change class, from where to where. The
        shift is infinite where only unanimous answers reach the target.

    Examples
    --------
    >>> from cximpact.scores import NPS
    >>> now = {"detractor": 0.15, "passive": 0.35, "promoter": 0.50}
    >>> round(required_shift(now, 40, NPS).shift, 6)
    0.080387
    """
    before = classes(pmf, scale)
    check_choice(link, "link", LINKS)
    goal = float(check_score(target, scale, "target"))
    return _shifted(before, _solve(before, goal, scale, link), scale, link)


def _solve(before: Classes, goal: float, scale: ScoreScale, link: str) -> float:
    def miss(shift: float) -> float:
        return _score_after(before, shift, scale, link) - goal

    lowest, highest = sorted((miss(-_FAR), miss(_FAR)))
    if lowest >= 0 or highest <= 0:  # at or beyond unanimous answers
        is_best = highest <= 0 if scale.higher_is_better else lowest >= 0
        return np.inf if is_best else -np.inf
    return optimize.root_scalar(miss, bracket=(-_FAR, _FAR), method="brentq", xtol=1e-13).root


def _cuts(before: Classes, link: str) -> np.ndarray:
    below = np.clip(np.concatenate([[0.0], np.cumsum(before.shares)]), 0.0, 1.0)
    below[-1] = 1.0
    return special.ndtri(below) if link == "probit" else special.logit(below)


def _toward_better(before: Classes, scale: ScoreScale) -> float:
    steps = np.diff(before.weights)
    if (steps >= 0).all():
        return sign(scale)
    if (steps <= 0).all():
        return -sign(scale)
    raise ConfigError(
        f"The weights of scale {scale.name} go up and down with the answers, so a shift of the "
        "attitude has no better end; give the standard deviation instead of the pmf."
    )


def _score_after(before: Classes, shift: float, scale: ScoreScale, link: str) -> float:
    cdf = special.ndtr if link == "probit" else special.expit
    below = cdf(_cuts(before, link) - shift * _toward_better(before, scale))
    return float(np.diff(below) @ before.weights)


def _shifted(before: Classes, shift: float, scale: ScoreScale, link: str) -> LatentShift:
    cdf = special.ndtr if link == "probit" else special.expit
    cuts, up = _cuts(before, link), _toward_better(before, scale)
    moved = cuts - np.clip(shift, -1e6, 1e6) * up
    low = np.maximum(cuts[:-1, None], moved[None, :-1])
    high = np.minimum(cuts[1:, None], moved[None, 1:])
    moves = np.where(high > low, cdf(high) - cdf(np.minimum(low, high)), 0.0)
    after = moves.sum(axis=0)
    names = list(before.names)
    table = pd.DataFrame(
        {
            "answer": names,
            "before": before.shares,
            "after": after,
            "change": after - before.shares,
        }
    )
    frame = pd.DataFrame(
        moves, index=pd.Index(names, name="from"), columns=pd.Index(names, name="to")
    )
    score = float(after @ before.weights)
    return LatentShift(shift=shift, score=score, table=table, moves=frame)
