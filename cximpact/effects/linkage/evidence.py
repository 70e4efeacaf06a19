"""What a link may be used for: association, or an effect that something else supports."""

from __future__ import annotations

from dataclasses import dataclass

from cximpact.core.causal import is_causal
from cximpact.core.errors import ConfigError, NotCausalError
from cximpact.core.results import Assumption, EffectPosterior
from cximpact.effects.sensitivity import (
    Confounding,
    EValue,
    MarginalBounds,
    OmittedVariableBias,
    RosenbaumBounds,
)

ASSOCIATIONAL = "associational"
SUPPORTED = "supported by an effect"
STATED = "sensitivity stated"
Sensitivity = Confounding | EValue | MarginalBounds | OmittedVariableBias | RosenbaumBounds
Evidence = EffectPosterior | Sensitivity | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a link may be taken for.

    Parameters
    ----------
    label : {"associational", "supported by an effect", "sensitivity stated"}
        In short.
    assumption : Assumption
        The condition under which it is an effect.
    causal : bool
        Whether money may be made of it.
    """

    label: str
    assumption: Assumption
    causal: bool


def standing(evidence: Evidence, link: str) -> Standing:
    """Say what a link may be taken for.

    Parameters
    ----------
    evidence : EffectPosterior, sensitivity result or None
        What supports a causal reading: the effect of an experiment or of a
        difference-in-differences on the same behavior, or a sensitivity analysis of this link.
    link : str
        What is linked to what, in words.

    Returns
    -------
    Standing
        ``"associational"`` without evidence. A sensitivity analysis is stated beside the link
        and does not make money of it; an effect does.

    Raises
    ------
    NotCausalError
        If the effect is itself descriptive.
    ConfigError
        If the evidence is something else.
    """
    name = "no common cause of score and behavior"
    if evidence is None:
        statement = f"nothing else moves both ends of {link}"
        told = "the data cannot show it; no experiment and no sensitivity analysis was given"
        return _standing(ASSOCIATIONAL, name, statement, told=told)
    if isinstance(evidence, EffectPosterior):
        if not is_causal(evidence):
            raise NotCausalError(
                f"evidence is {str(evidence.estimand)!r}, which is itself descriptive; give the "
                "effect of an experiment or of a difference-in-differences."
            )
        statement = f"what was found of {evidence.estimand.contrast} carries over to {link}"
        told = f"{evidence.provenance.method}: {evidence.estimand}"
        return _standing(SUPPORTED, "the effect carries over", statement, told=told)
    if isinstance(evidence, Sensitivity):
        statement = f"nothing stronger than what is stated moves both ends of {link}"
        return _standing(STATED, name, statement, told=evidence.explain())
    raise ConfigError(
        f"evidence is a {type(evidence).__name__}; expected an effect, the result of a sensitivity "
        "analysis, or None."
    )


def _standing(label: str, name: str, statement: str, *, told: str) -> Standing:
    assumption = Assumption(name=name, statement=statement, tested=False, evidence=told)
    return Standing(label=label, assumption=assumption, causal=label == SUPPORTED)
