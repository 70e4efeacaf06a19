"""The chain of two steps, from an initiative to a score to behavior, and why it comes second."""

from __future__ import annotations

import warnings

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL, is_causal
from cximpact.core.errors import AlignmentError, AssumptionWarning, UnitsError
from cximpact.core.provenance import Provenance
from cximpact.core.results import Assumption, EffectPosterior, Estimand
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.wording import number


def through_score(
    effect: EffectPosterior,
    link: EffectPosterior,
    *,
    direct: EffectPosterior | None = None,
    rng: RngLike = None,
) -> EffectPosterior:
    """Multiply an effect on a score by what a point of the score does to behavior.

    Parameters
    ----------
    effect : EffectPosterior
        Effect of the initiative on the score, in points; one number.
    link : EffectPosterior
        Change in behavior per point of the score; one number.
    direct : EffectPosterior, optional
        Effect of the initiative on the behavior itself, where it was measured. It is preferred:
        the chain is then shown beside it and no money is made of the chain.
    rng : int or Generator, optional
        Pairs the two where they are independent.

    Returns
    -------
    EffectPosterior
        Draws of the product.

    Raises
    ------
    UnitsError
        If the effect is not on a score.
    AlignmentError
        If effect or link has several numbers.

    Notes
    -----
    Estimand: the part of the initiative's effect on behavior that passes through the score. It
    misses all other ways, such as a lower price. It needs the link to be causal and the same for
    those whom the initiative moves; the error of measuring the score must not be in the link.
    """
    for name, part in (("effect", effect), ("link", link)):
        if part.draws.dims != (dr.SAMPLE,):
            raise AlignmentError(
                f"{name} has the dimensions {part.draws.dims}; select one number first."
            )
    if effect.estimand.scale != "points":
        raise UnitsError(
            f"effect is in {effect.estimand.scale!r}; a chain over a score starts in points of "
            "the score."
        )
    seed = seed_of(rng)
    product = dr.map(lambda a, b: a * b, *dr.pair(effect.draws, link.draws, rng=seed))
    causal = is_causal(effect) and is_causal(link) and direct is None
    notes: tuple[str, ...] = ()
    if direct is not None:
        notes = (
            "The effect on the behavior itself was measured: "
            f"{number(float(direct.draws.mean()))} against {number(float(product.mean()))} by the "
            "chain. The measured one is preferred; the chain is shown to understand it.",
        )
        warnings.warn(
            "a measured effect on the behavior comes before the chain over the score; use it for "
            "money.",
            AssumptionWarning,
            stacklevel=2,
        )
    return EffectPosterior(
        draws=product,
        estimand=Estimand(
            target="effect through the score",
            contrast=f"{effect.estimand.contrast}, then {link.estimand.contrast}",
            scale=link.estimand.scale,
            population=effect.estimand.population,
        ),
        draw_kind="simulation",
        n=min(effect.n, link.n),
        assumptions=(
            *effect.assumptions,
            *link.assumptions,
            Assumption(
                name="sequential ignorability",
                statement="nothing unmeasured moves score and behavior, and the initiative works "
                "through the score alone",
                tested=False,
                evidence="the data cannot show it",
            ),
        ),
        diagnostics={},
        provenance=Provenance(
            method="through_score",
            seed=seed,
            parents=(effect.provenance.source, link.provenance.source),
            notes=notes,
        ),
        would_change_it="a measured effect of the initiative on the behavior itself.",
        details={CAUSAL: causal},
    )
