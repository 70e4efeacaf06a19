"""An effect that was judged rather than estimated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cximpact.core import draws as dr
from cximpact.core.elicit import fit_quantiles
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_count


def assumed_effect(
    quantiles: Mapping[float, float],
    *,
    scale: str,
    assumption: str,
    rng: RngLike,
    size: int = 4000,
) -> EffectPosterior:
    """Elicit an effect from two of its quantiles, as a normal distribution.

    Parameters
    ----------
    quantiles : mapping of float to float
        Two probabilities and the effects at them, such as ``{0.1: 0.0, 0.9: 0.02}``.
    scale : {"pp", "relative", "relative_churn", "points", "money", "outcome"}
        Meaning of the numbers; percentages are fractions.
    assumption : str
        Whose judgment it is and why, in a sentence.
    rng : int or Generator
        Randomness of the draws.
    size : int, default 4000
        Number of draws.

    Returns
    -------
    EffectPosterior
        With target ``"assumed"``.

    Raises
    ------
    ConfigError, UnitsError
        If the quantiles do not increase, or the scale is unknown.
    """
    if not isinstance(assumption, str) or not assumption.strip():
        raise ConfigError(
            f"assumption is {assumption!r}; say in a sentence where the effect comes from."
        )
    estimand = Estimand(
        target="assumed", contrast="with against without", scale=scale, population="as judged"
    )
    family, seed = fit_quantiles(quantiles, "normal"), seed_of(rng)
    provenance = Provenance(
        method="roi.assumed_effect",
        settings={"quantiles": sorted(quantiles.items()), "scale": scale, "size": size},
        seed=seed,
    )
    (stream,) = spawn(seed, provenance.source)
    values = np.asarray(family.ppf(stream.random(check_count(size, "size", low=2))))
    return EffectPosterior(
        draws=dr.from_array(values, source=provenance.source, name="effect"),
        estimand=estimand,
        draw_kind="simulation",
        n=0,
        assumptions=(Assumption(name="judged effect", statement=assumption, tested=False),),
        diagnostics={},
        provenance=provenance,
        would_change_it="an experiment",
    )
