"""One stage of the response: its regression, with group effects that are shrunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from cximpact.core.errors import NoRespondentsError
from cximpact.scores.design import Design
from cximpact.scores.logit import LogitFit, fit_logit

_LOG_SD = (float(np.log(1e-3)), float(np.log(5.0)))


@dataclass(frozen=True, kw_only=True, eq=False)
class StageFit:
    """The fit of one stage.

    Parameters
    ----------
    logit : LogitFit or None
        Its terms; None where everybody passed.
    group_sd : float
        Estimated standard deviation of the group effects; 0 without groups.
    n : int
        How many got to the stage.
    """

    logit: LogitFit | None
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
        return self.logit.predict(design, groups)


def fit_stage(
    name: str,
    x: np.ndarray,
    groups: np.ndarray | None,
    successes: np.ndarray,
    trials: np.ndarray,
    design: Design,
) -> StageFit:
    """Fit one stage; groups spread as the Laplace marginal likelihood prefers.

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
    reached, passed = int(trials.sum()), int(successes.sum())
    if passed == 0:
        raise NoRespondentsError(
            f"none of {reached} people passed stage {name!r}; there is no response to model."
        )
    if passed == reached:
        return StageFit(logit=None, group_sd=0.0, n=reached)
    if groups is None:
        logit = fit_logit(x, successes, trials, design.names)
        return StageFit(logit=logit, group_sd=0.0, n=reached)

    def fit(log_sd: float) -> LogitFit:
        size, sd = len(design.group_levels), float(np.exp(log_sd))
        options = {"groups": groups, "n_groups": size, "group_sd": sd}
        return fit_logit(x, successes, trials, design.names, **options)

    best = optimize.minimize_scalar(
        lambda log_sd: -fit(log_sd).log_marginal, bounds=_LOG_SD, options={"xatol": 0.01}
    )
    return StageFit(logit=fit(best.x), group_sd=float(np.exp(best.x)), n=reached)
