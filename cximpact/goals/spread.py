"""Half a standard deviation: a first estimate of a noticeable step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from cximpact.core.errors import ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_number
from cximpact.goals.direction import best, check_score, sign
from cximpact.goals.latent import Pmf, classes, is_latent, required_shift, shift_pmf


def half_sd(
    score: float,
    sd: float | None,
    scale: ScoreScale,
    *,
    pmf: Pmf | None = None,
    fraction: float = 0.5,
    link: str = "probit",
) -> float:
    """Return the goal that lies half a standard deviation of individuals above a score.

    Parameters
    ----------
    score : float
        Where one starts, in score points; a goal starts from the trend baseline.
    sd : float or None
        Standard deviation of *individual* scores, in score points: neither the standard error
        of a mean nor the standard deviation of wave means. None takes it from ``pmf``.
    scale : ScoreScale
        Gives the ends of the score and its direction.
    pmf : mapping of str to float, or array_like of shape (n_categories,), optional
        Shares of answers now, by band or by answer. Needed for NPS and other scores that
        are made of classes: there the step is taken on the latent scale.
    fraction : float, default 0.5
        Fraction of a standard deviation.
    link : {"probit", "logit"}
        Shape of the latent attitude.

    Returns
    -------
    float
        The goal, not beyond the best score.

    Raises
    ------
    ConfigError
        If there is nothing to take the spread from, or a score made of classes comes
        without ``pmf``.

    Notes
    -----
    ``g = s + fraction x sd``, minus where lower is better. The individual standard deviation
    does not shrink with the number of answers, and so neither does the goal.

    For NPS the standard deviation of the -100, 0, 100 coding makes an absurd goal (36 points
    with half promoters and 15 % detractors). There the answers are first shifted uniformly
    on the latent scale until they have the score ``score``, then by ``fraction`` latent
    standard deviations more. For NPS 35 half a standard deviation leads to 62.9, which few
    companies will reach in a year: choose a smaller fraction and look at the achieved one.

    References
    ----------
    Norman, G. R., Sloan, J. A. and Wyrwich, K. W. (2003). Interpretation of changes in
    health-related quality of life: the remarkable universality of half a standard deviation.
    Medical Care 41, 582-592.
    """
    start = float(check_score(score, scale))
    step = check_number(fraction, "fraction", low=0)
    if is_latent(scale):
        if pmf is None:
            raise ConfigError(
                f"half_sd on scale {scale.name} needs pmf, the shares of its answers: half a "
                "standard deviation of the coding of a score made of classes is no usable step."
            )
        here = required_shift(pmf, start, scale, link=link).shift
        if not np.isfinite(here):
            return start
        return shift_pmf(pmf, here + step, scale, link=link).score
    spread = individual_sd(sd, pmf, scale)
    if spread is None:
        raise ConfigError("half_sd needs sd, the standard deviation of individuals, or pmf.")
    goal = start + sign(scale) * step * spread
    return min(goal, best(scale)) if scale.higher_is_better else max(goal, best(scale))


def individual_sd(sd: float | None, pmf: Pmf | None, scale: ScoreScale) -> float | None:
    """Return the standard deviation of individual scores, from whichever was given.

    Parameters
    ----------
    sd : float or None
        In score points; it takes precedence.
    pmf : mapping, array_like or None
        Shares of answers.
    scale : ScoreScale
        The scale.

    Returns
    -------
    float or None
        In score points; None where nothing was given.

    Raises
    ------
    ConfigError
        If the standard deviation is negative or larger than the scale allows.
    """
    if sd is not None:
        low, high = scale.limits
        most = (high - low) / 2
        given = check_number(sd, "sd", low=0)
        if given > most * np.sqrt(2):
            raise ConfigError(
                f"sd is {given:g}; no score between {low:g} and {high:g} has a standard deviation "
                f"above {most:g}. Is it on another scale?"
            )
        return given
    return None if pmf is None else classes(pmf, scale).sd


def share_passed(
    score: float,
    goal: float,
    scale: ScoreScale,
    *,
    sd: float | None = None,
    pmf: Pmf | None = None,
    link: str = "probit",
) -> float:
    """Return the share of customers whom a step from a score to a goal passes.

    Parameters
    ----------
    score, goal : float
        Start and goal, in score points.
    scale : ScoreScale
        Gives the direction and the weights of the answers.
    sd : float, optional
        Standard deviation of individuals: the share of a normal distribution around
        ``score``.
    pmf : mapping of str to float, or array_like of shape (n_categories,), optional
        Shares of answers: the empirical share, which discrete and skewed answers need. It
        takes precedence over ``sd``.
    link : {"probit", "logit"}
        Shape of the latent attitude, for a score made of classes.

    Returns
    -------
    float
        A fraction, negative for a goal that is worse than the score.

    Raises
    ------
    ConfigError
        If neither ``sd`` nor ``pmf`` was given.

    Notes
    -----
    Normal: ``Phi((g - s) / sd) - 1/2``. Empirical: ``F(g) - F(s)`` with mid-P, that is half of
    the customers who sit exactly on a value. For a score made of classes: the share that
    changes class when everybody's attitude shifts alike.
    """
    start, end = (float(check_score(x, scale, n)) for x, n in ((score, "score"), (goal, "goal")))
    better = sign(scale) * (end - start)
    if pmf is None:
        if sd is None:
            raise ConfigError("share_passed needs sd, the standard deviation, or pmf.")
        spread = check_number(sd, "sd", low=0, open_low=True)
        return float(special.ndtr(better / spread) - 0.5)
    if is_latent(scale):
        here, there = (required_shift(pmf, x, scale, link=link) for x in (start, end))
        if not np.isfinite(here.shift):
            return float("nan")
        names, after = here.table["answer"], here.table["after"].to_numpy()
        now = dict(zip(names, after, strict=True)) if isinstance(pmf, Mapping) else after
        moved = required_shift(now, end, scale, link=link)
        return float(np.copysign(moved.share_moved, there.shift - here.shift))
    known = classes(pmf, scale)
    return float(
        sign(scale)
        * (_mid_p(known.weights, known.shares, end) - _mid_p(known.weights, known.shares, start))
    )


def _mid_p(values: np.ndarray, shares: np.ndarray, at: float) -> float:
    on = np.isclose(values, at, rtol=0, atol=1e-9)
    return float(shares[(values < at) & ~on].sum() + 0.5 * shares[on].sum())
