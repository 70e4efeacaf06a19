"""One stage of the response: its regression, with group effects that are shrunk."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

from cximpact.core.errors import NoRespondentsError
from cximpact.scores.design import Design
from cximpact.scores.logit import LogitFit, fit_logit

_ROUNDS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class StageFit:
    """The fit of one stage.

    Parameters
    ----------
    logit : LogitFit or None
        Its terms; None where everybody passed.
    group_effects : numpy.ndarray, shape (group,)
        Shrunken log-odds of each group; empty without groups.
    group_sd : float
        Their estimated standard deviation.
    n : int
        How many got to the stage.
    """

    logit: LogitFit | None
    group_effects: np.ndarray = field(repr=False)
    group_sd: float
    n: int

    def predict(self, design: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
        """Return the probability to pass.

        Parameters
        ----------
        design : numpy.ndarray, shape (row, term)
            Design matrix.
        groups : numpy.ndarray of int, shape (row,), or None
            Number of each row's group.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Between 0 and 1.
        """
        if self.logit is None:
            return np.ones(design.shape[0])
        eta = design @ self.logit.coefficients
        return special.expit(eta if groups is None else eta + self.group_effects[groups])


def fit_stage(
    name: str,
    x: np.ndarray,
    groups: np.ndarray | None,
    successes: np.ndarray,
    trials: np.ndarray,
    design: Design,
) -> StageFit:
    """Fit one stage.

    Parameters
    ----------
    name : str
        Name of the stage.
    x : numpy.ndarray, shape (row, term)
        Design matrix.
    groups : numpy.ndarray of int, shape (row,), or None
        Number of each row's group.
    successes, trials : numpy.ndarray, shape (row,)
        Counts of those who passed and got there.
    design : Design
        Names of the terms.

    Returns
    -------
    StageFit
        Its fit.

    Raises
    ------
    NoRespondentsError
        If nobody passed.
    """
    reached, passed, none = int(trials.sum()), int(successes.sum()), np.empty(0)
    if passed == 0:
        raise NoRespondentsError(
            f"none of {reached} people passed stage {name!r}; there is no response to model."
        )
    if groups is not None:
        none = np.zeros(len(design.group_levels))
    if passed == reached:
        return StageFit(logit=None, group_effects=none, group_sd=0.0, n=reached)
    if groups is None:
        logit = fit_logit(x, successes, trials, design.names)
        return StageFit(logit=logit, group_effects=none, group_sd=0.0, n=reached)
    return _fit_grouped(x, groups, successes, trials, design)


def _fit_grouped(
    x: np.ndarray, groups: np.ndarray, successes: np.ndarray, trials: np.ndarray, design: Design
) -> StageFit:
    """Alternate penalized fits and the variance of the group effects (penalized likelihood)."""
    n_terms, n_groups = x.shape[1], len(design.group_levels)
    wide = np.hstack([x, np.eye(n_groups)[groups]])
    names = design.names + [f"{design.group}[{level}]" for level in design.group_levels]
    variance = 0.5
    for _ in range(_ROUNDS):
        penalty = np.concatenate([np.zeros(n_terms), np.full(n_groups, 1 / variance)])
        fit = fit_logit(wide, successes, trials, names, penalty=penalty)
        effects = fit.coefficients[n_terms:]
        unsure = np.trace(fit.covariance[n_terms:, n_terms:])
        new = max(float((effects @ effects + unsure) / n_groups), 1e-6)
        if abs(new - variance) < 1e-4 * variance:
            break
        variance = new
    logit = LogitFit(
        names=tuple(design.names),
        coefficients=fit.coefficients[:n_terms],
        covariance=fit.covariance[:n_terms, :n_terms],
    )
    return StageFit(
        logit=logit, group_effects=effects, group_sd=float(np.sqrt(variance)), n=int(trials.sum())
    )
