"""The ordinal hierarchical model on counts, as a PyMC graph: its definition.

``P(y <= k | cell) = F(c_k - eta)``, ``c = F^-1(cumsum(p0))`` with ``p0 ~ Dirichlet``,
``eta`` the sum of the effects of the cell. There is no intercept: it lives in the cutpoints,
and the effects of every factor sum to zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cximpact.core.validate import check_number
from cximpact.data import Cells
from cximpact.imputation.design import Design, latent

CENTERED_ABOVE = 24.0
"""Signal of a factor above which its effects are sampled on their own scale. Below, the data leave
room for effects near zero, and effects are sampled in units of their standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Priors:
    """Priors of the ordinal model, on the latent logit scale.

    Parameters
    ----------
    concentration : float, default 1
        Dirichlet concentration of the baseline answer probabilities.
    factor_scale : float, default 1
        Scale of the half-normal of the standard deviation of a factor's effects.
    walk_scale : float, default 0.2
        Scale of the half-normal of the step of the random walk over periods.
    slope_scale : float, default 1
        Standard deviation of the slope of a standardized covariate.
    """

    concentration: float = 1.0
    factor_scale: float = 1.0
    walk_scale: float = 0.2
    slope_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("concentration", "factor_scale", "walk_scale", "slope_scale"):
            check_number(getattr(self, name), f"priors.{name}", low=0, open_low=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Likelihood:
    """Sufficient statistics of the ordinal likelihood.

    With ``log F(x) = x - softplus(x)`` the log likelihood of all answers is
    ``per_cut @ c - per_cell @ eta - sum_b weight_b softplus(c_b - eta_b) + per_gap @ gap``,
    with one term ``b`` for every pair of a cell and a cutpoint next to an answer. Its cost
    grows with cells, not with answers.

    Parameters
    ----------
    per_cut : numpy.ndarray, shape (category - 1,)
        Answers at each cutpoint's lower side.
    per_cell : numpy.ndarray, shape (cell,)
        Answers below the top category.
    per_gap : numpy.ndarray, shape (category - 2,)
        Answers in each middle category.
    cell, cut : numpy.ndarray of int, shape (pair,)
        Pairs with weight.
    weight : numpy.ndarray, shape (pair,)
        ``n_ik + n_i,k+1``.
    """

    per_cut: np.ndarray
    per_cell: np.ndarray
    per_gap: np.ndarray
    cell: np.ndarray
    cut: np.ndarray
    weight: np.ndarray


def sufficient(cells: Cells) -> Likelihood:
    """Reduce cells to the statistics of the likelihood.

    Parameters
    ----------
    cells : Cells
        Counts of answers.

    Returns
    -------
    Likelihood
        Only pairs that occur.
    """
    counts = cells.dense()
    beside = counts[:, :-1] + counts[:, 1:]
    cell, cut = np.nonzero(beside)
    return Likelihood(
        per_cut=counts[:, :-1].sum(axis=0),
        per_cell=counts[:, :-1].sum(axis=1),
        per_gap=counts[:, 1:-1].sum(axis=0),
        cell=cell,
        cut=cut,
        weight=beside[cell, cut],
    )


def build_model(design: Design, likelihood: Likelihood, priors: Priors) -> Any:
    """Build the PyMC graph.

    Parameters
    ----------
    design : Design
        Effects of the cells.
    likelihood : Likelihood
        Counts.
    priors : Priors
        Prior scales.

    Returns
    -------
    pymc.Model
        Free variables ``p0``, ``sigma_<factor>``, ``effect_<factor>``, ``walk_sd``, ``step`` and
        ``slope``; deterministic ``cuts`` and the effects of the period.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    n_categories = len(likelihood.per_cut) + 1
    coords: dict[str, Any] = {
        "category": np.arange(n_categories),
        "cut": np.arange(1, n_categories),
    }
    coords |= {name: [str(v) for v in levels] for name, levels in design.levels.items()}
    coords["covariate"] = list(design.covariates)
    with pm.Model(coords=coords) as model:
        p0 = pm.Dirichlet("p0", np.full(n_categories, priors.concentration), dims="category")
        below = pt.clip(pt.cumsum(p0)[:-1], 1e-12, 1 - 1e-12)
        cuts = pm.Deterministic("cuts", pt.log(below) - pt.log1p(-below), dims="cut")
        effects: dict[str, Any] = {}
        for name in design.factors:
            effects[f"effect_{name}"] = _exchangeable(name, design, priors)
        if design.period is not None:
            effects[f"effect_{design.period}"] = _random_walk(design.period, design, priors)
        if design.covariates:
            effects["slope"] = pm.Normal("slope", 0, priors.slope_scale, dims="covariate")
        eta = latent(design, effects)
        pm.Potential("answers", log_likelihood(likelihood, cuts, eta))
    return model


def log_likelihood(likelihood: Likelihood, cuts: Any, eta: Any) -> Any:
    """Write the log likelihood of the counts in terms of cutpoints and latent scores.

    Parameters
    ----------
    likelihood : Likelihood
        Counts.
    cuts : tensor, shape (category - 1,)
        Cutpoints.
    eta : tensor, shape (cell,), or 0
        Latent scores.

    Returns
    -------
    tensor
        A scalar, up to the multinomial constant.
    """
    import pytensor.tensor

    pt: Any = pytensor.tensor

    eta = eta + pt.zeros(len(likelihood.per_cell))
    beside = cuts[likelihood.cut] - eta[likelihood.cell]
    total = (likelihood.per_cut * cuts).sum() - (likelihood.per_cell * eta).sum()
    total = total - (likelihood.weight * pt.softplus(beside)).sum()
    if len(likelihood.per_gap):
        gaps = pt.log(-pt.expm1(cuts[:-1] - cuts[1:]))
        total = total + (likelihood.per_gap * gaps).sum()
    return total


def _exchangeable(factor: str, design: Design, priors: Priors) -> Any:
    """Effects that sum to zero, centered where the levels are clearly apart."""
    import pymc as pm

    sigma = pm.HalfNormal(f"sigma_{factor}", priors.factor_scale)
    name = f"effect_{factor}"
    if design.signal[factor] > CENTERED_ABOVE:
        return pm.ZeroSumNormal(name, sigma=sigma, dims=factor)
    unit = pm.ZeroSumNormal(f"unit_{factor}", sigma=1.0, dims=factor)
    return pm.Deterministic(name, sigma * unit, dims=factor)


def _random_walk(period: str, design: Design, priors: Priors) -> Any:
    """Random walk over the sorted periods, shifted to sum to zero."""
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    walk_sd = pm.HalfNormal("walk_sd", priors.walk_scale)
    n = len(design.levels[period])
    if design.signal[period] > CENTERED_ABOVE:
        step = pm.Normal("step", 0, walk_sd, shape=n - 1)
    else:
        step = walk_sd * pm.Normal("unit_step", 0, 1, shape=n - 1)
    walk = pt.concatenate([pt.zeros(1), pt.cumsum(step)])
    return pm.Deterministic(f"effect_{period}", walk - walk.mean(), dims=period)
