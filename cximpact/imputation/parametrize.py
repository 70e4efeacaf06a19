"""From settings to the coordinates in which a posterior is sampled."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cximpact.core.errors import ConfigError, MemoryBudgetError, join_names
from cximpact.core.validate import check_choice
from cximpact.data import Cells
from cximpact.imputation.counts import counts_of
from cximpact.imputation.design import Design
from cximpact.imputation.mode import Mode, choose_centered
from cximpact.imputation.posterior import Posterior, blocks_terms, build_posterior
from cximpact.imputation.priors import Priors

PARAMETRIZATIONS = ("auto", "centered", "noncentered")
MAX_FREE = 4_000
"""Free numbers up to which the curvature, a square of them, is computed."""


def posterior_of(counts: Cells, design: Design, priors: Priors) -> Posterior:
    """Build the posterior of counts under a design and priors.

    Parameters
    ----------
    counts : Cells
        Answers.
    design : Design
        Effects of the cells.
    priors : Priors
        Prior scales.

    Returns
    -------
    Posterior
        With all coordinates centered.

    Raises
    ------
    ConfigError
        If ``priors.factor_scales`` names a term that the model lacks.
    MemoryBudgetError
        If there are too many levels.
    """
    parts = blocks_terms(design)
    known = [term.name for term in parts]
    if strangers := [name for name in priors.factor_scales if name not in known]:
        raise ConfigError(
            f"priors.factor_scales names {join_names(strangers)}; the model has "
            f"{join_names(known)}."
        )
    n_free = sum(term.n_coordinates for term in parts)
    if n_free > MAX_FREE:
        sizes = ", ".join(f"{t.name!r} {t.n_coordinates:,}" for t in parts)
        raise MemoryBudgetError(
            f"the model has {n_free:,} effects ({sizes}), more than {MAX_FREE:,}; merge rare "
            "levels or leave out an interaction."
        )
    slope_sd = np.full(len(design.slopes), priors.slope_scale)
    slope_sd[len(design.covariates) :] = priors.trend_scale
    return build_posterior(
        counts_of(counts, design),
        design,
        concentration=priors.concentration,
        scales={t.name: priors.scale_of(t.name, t.kind, design.link) for t in parts},
        slope_sd=slope_sd,
        n_categories=counts.scale.n_categories,
    )


def parametrize(
    posterior: Posterior, mode: Mode, asked: str | Mapping[str, str]
) -> Mapping[str, np.ndarray]:
    """Decide how far each coordinate is centered.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    mode : Mode
        Its normal approximation.
    asked : {"auto", "centered", "noncentered"} or mapping of str
        What the user asked for, for all terms or by term.

    Returns
    -------
    mapping of str to numpy.ndarray
        Term to how far its coordinates are centered.

    Raises
    ------
    ConfigError
        If a term is unknown.
    """
    chosen = dict(choose_centered(posterior, mode))
    asked = dict.fromkeys(chosen, asked) if isinstance(asked, str) else asked
    for name, how in asked.items():
        if name not in chosen:
            raise ConfigError(
                f"parametrization names {name!r}; the model has {join_names(list(chosen))}."
            )
        check_choice(how, f"parametrization[{name!r}]", PARAMETRIZATIONS)
        if how != "auto":
            chosen[name] = np.full(len(chosen[name]), float(how == "centered"))
    return chosen
