"""Descriptive results do not become money: the one check of the causal flag."""

from __future__ import annotations

from cximpact.core.errors import NotCausalError
from cximpact.core.results import EffectPosterior

CAUSAL = "causal"
DESCRIPTIVE_TARGETS = frozenset(
    {"association", "correlation", "driver", "importance", "risk", "score", "share_of_r2"}
)

SHARES = frozenset({"driver", "importance", "share_of_r2"})
"""Descriptive targets that are no change of anything, per point or otherwise."""


def is_causal(effect: EffectPosterior) -> bool:
    """Say whether a result claims to be the effect of an action.

    Parameters
    ----------
    effect : EffectPosterior
        Result of an estimator. It is descriptive when ``details["causal"]`` is False, or when
        the estimand's target is one of association, correlation, driver, importance, risk,
        score or share_of_r2.

    Returns
    -------
    bool
        False for a descriptive result.
    """
    descriptive = effect.estimand.target.lower() in DESCRIPTIVE_TARGETS
    return bool(effect.details.get(CAUSAL, not descriptive))


def check_causal(effect: EffectPosterior, path: str = "effect") -> EffectPosterior:
    """Refuse a descriptive result where an effect is needed.

    Parameters
    ----------
    effect : EffectPosterior
        Result of an estimator.
    path : str, default "effect"
        How the message calls it.

    Returns
    -------
    EffectPosterior
        The same object.

    Raises
    ------
    NotCausalError
        If the result is descriptive.
    """
    if is_causal(effect):
        return effect
    raise NotCausalError(
        f"{path} is {str(effect.estimand)!r}, which is not marked as causal; money needs what an "
        "action changes, not how things go together. Estimate it by an experiment or a "
        "difference-in-differences that suits the design."
    )
