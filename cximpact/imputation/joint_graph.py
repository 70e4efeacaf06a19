"""The graph of score and behavior that share a person effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cximpact.core.validate import check_prob
from cximpact.data import Cells
from cximpact.imputation import crossed as cr
from cximpact.imputation import quadrature as qd

if TYPE_CHECKING:
    from cximpact.imputation.joint import ScoreBehaviorModel

NOISE_VARIANCE = np.pi**2 / 3
"""Variance of the logistic noise of one answer."""


def sd_of_reliability(reliability: float) -> float:
    """Return the standard deviation of the person effect that gives a reliability.

    Parameters
    ----------
    reliability : float
        Share of the variance of one latent answer, within a cell, that would come back if the
        same person were asked again; strictly between 0 and 1.

    Returns
    -------
    float
        On the latent scale, where the noise of an answer is standard logistic.
    """
    reliability = check_prob(reliability, "reliability")
    return float(np.sqrt(NOISE_VARIANCE * reliability / (1 - reliability)))


def build_joint(
    settings: ScoreBehaviorModel,
    counts: Cells,
    crossed: cr.Crossed,
    rule: qd.NormalRule,
    sd: float,
) -> Any:
    """Build the PyMC graph of score and behavior.

    Parameters
    ----------
    settings : ScoreBehaviorModel
        Columns and priors.
    counts : Cells
        Groups of people.
    crossed : Crossed
        Factors of the groups.
    rule : NormalRule
        Nodes of the person effect.
    sd : float
        Its standard deviation; as data, so that it can be changed without compiling.

    Returns
    -------
    pymc.Model
        Variables ``p0, cuts, effect_<factor>, kappa, behavior_<factor>, linkage_within, lam``
        and, with a treatment, ``delta, theta``.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    n, priors = counts.scale.n_categories, settings.priors
    sign = 2.0 * counts.index[settings.behavior].to_numpy(dtype=float) - 1
    with pm.Model(coords=cr.coords_of(n, crossed)) as model:
        answered, silent = cr.people(counts)
        cuts, spread = cr.cutpoints(priors, n), pm.Data("sd", np.asarray(sd))
        cell = cr.effects(crossed, priors)
        behavior = pm.Normal("kappa", 0, 2) + cr.effects(crossed, priors, "behavior")
        lam = pm.Deterministic("lam", pm.Normal("linkage_within", 0, 1) / spread)
        if settings.treatment:
            treated = counts.index[settings.treatment].to_numpy(dtype=float)
            cell = cell + pm.Normal("delta", 0, priors.slope_scale) * treated
            behavior = behavior + pm.Normal("theta", 0, priors.slope_scale) * treated
        eta = cell[:, None] + spread * rule.nodes
        log_behavior = -pt.softplus(-sign[:, None] * (behavior[:, None] + lam * eta))
        logp = qd.graph_log_probabilities(eta, cuts) + log_behavior[:, :, None]
        seen = qd.graph_log_mean(logp, rule, axis=1)
        unseen = qd.graph_log_mean(log_behavior, rule, axis=1)
        pm.Potential("people", (answered * seen).sum() + (silent * unseen).sum())
    return model
