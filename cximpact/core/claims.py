"""What is estimated, and the conditions under which the claim holds."""

from __future__ import annotations

from dataclasses import dataclass

from cximpact.core.errors import UnitsError
from cximpact.core.validate import check_choice

EFFECT_SCALES = ("pp", "relative", "relative_churn", "points", "money", "outcome")


@dataclass(frozen=True, kw_only=True)
class Estimand:
    """What is being estimated.

    Parameters
    ----------
    target : str
        Such as ``"att"``, ``"ate"``, ``"score"``.
    contrast : str
        What is compared with what, in words.
    scale : {"pp", "relative", "relative_churn", "points", "money", "outcome"}
        Meaning of the numbers. ``"outcome"`` is the outcome's own unit. A bare percentage
        is refused.
    population : str
        Over whom it averages.
    horizon : str, default ""
        Over which time.
    """

    target: str
    contrast: str
    scale: str
    population: str
    horizon: str = ""

    def __post_init__(self) -> None:
        if self.scale in ("percent", "%", "pct"):
            raise UnitsError(
                "scale='percent' has three meanings; say 'pp', 'relative' or 'relative_churn'."
            )
        check_choice(self.scale, "scale", EFFECT_SCALES)

    def __str__(self) -> str:
        horizon = f", {self.horizon}" if self.horizon else ""
        return f"{self.target.upper()}: {self.contrast} ({self.scale}), {self.population}{horizon}"


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """A condition of a claim.

    Parameters
    ----------
    name : str
        Short name, such as ``"parallel trends"``.
    statement : str
        What must hold, in one sentence.
    tested : bool
        Whether the data were asked about it.
    evidence : str, default ""
        What they answered, or why they cannot be asked.
    """

    name: str
    statement: str
    tested: bool
    evidence: str = ""
