"""The ordinal hierarchical model on counts, as a PyMC graph: its definition.

``P(y <= k | cell) = F(c_k - eta)``, ``c = F^-1(cumsum(p0))`` with ``p0 ~ Dirichlet``,
``eta`` the sum of the effects of the cell. There is no intercept: it lives in the cutpoints,
and the effects of every listed factor sum to zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cximpact.imputation.design import latent
from cximpact.imputation.posterior import Posterior


def build_model(posterior: Posterior, counts: np.ndarray) -> Any:
    """Build the PyMC graph of a posterior.

    Parameters
    ----------
    posterior : Posterior
        Terms, priors and parametrization.
    counts : numpy.ndarray, shape (cell, category)
        Answers of every cell.

    Returns
    -------
    pymc.Model
        Free variables ``p0``, ``unit_<term>``, ``slope`` and the standard deviations, in the
        order and on the scale of the free numbers of the posterior; deterministic ``cuts`` and
        ``effect_<term>``.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    n = posterior.n_categories
    with pm.Model(coords={"category": np.arange(n), "cut": np.arange(1, n)}) as model:
        p0 = pm.Dirichlet("p0", np.full(n, posterior.concentration), dims="category")
        cuts = pm.Deterministic("cuts", _cutpoints(p0, posterior.design.link), dims="cut")
        effects: dict[str, Any] = {}
        for block in posterior.blocks:
            scale = pm.HalfNormal(block.term.scale, block.prior)
            width = scale**block.centered
            unit = pm.Normal(f"unit_{block.term.name}", 0, width, shape=block.term.n_coordinates)
            coordinates = unit * scale ** (1 - block.centered)
            by_level = coordinates if block.term.basis is None else block.term.basis @ coordinates
            effects[block.term.effect] = pm.Deterministic(block.term.effect, by_level)
        if len(posterior.slope_sd):
            effects["slope"] = pm.Normal("slope", 0, posterior.slope_sd)
        spread = pt.ones(1)
        if posterior.design.n_styles > 1:
            spread = pt.exp(effects[posterior.blocks[-1].term.effect])
        eta = latent(posterior.design, effects) + pt.zeros(len(counts))
        own = (spread[:, None] * cuts)[posterior.design.style_codes]
        logp = log_probabilities(eta, own, posterior.design.link)
        pm.Potential("answers", (counts * pt.switch(counts > 0, logp, 0.0)).sum())
    return model


def log_probabilities(eta: Any, cuts: Any, link: str) -> Any:
    """Write the log probabilities of the answers, without a difference of probabilities.

    Parameters
    ----------
    eta : tensor, shape (cell,)
        Latent scores.
    cuts : tensor, shape (cell, category - 1)
        Cutpoints of each cell.
    link : {"logit", "probit"}
        From latent score to probabilities.

    Returns
    -------
    tensor, shape (cell, category)
        Log probabilities.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    def log_cdf(x: Any) -> Any:
        return -pt.softplus(-x) if link == "logit" else pm.logcdf(pm.Normal.dist(0, 1), x)

    distance = cuts - eta[:, None]
    first, last = log_cdf(distance[:, :1]), log_cdf(-distance[:, -1:])
    upper, lower = distance[:, 1:], distance[:, :-1]
    flip = lower > 0
    high = log_cdf(pt.switch(flip, -lower, upper))
    low = log_cdf(pt.switch(flip, -upper, lower))
    return pt.concatenate([first, high + pt.log1mexp(low - high), last], axis=1)


def _cutpoints(p0: Any, link: str) -> Any:
    """Invert the cumulated probabilities, each from its nearer tail."""
    import pytensor.tensor

    pt: Any = pytensor.tensor

    below, above = pt.cumsum(p0)[:-1], pt.cumsum(p0[::-1])[::-1][1:]
    if link == "logit":
        return pt.log(below) - pt.log(above)
    half = -np.sqrt(2.0) * pt.erfcinv(2 * pt.minimum(below, above))
    return pt.switch(below < above, half, -half)
