"""Options of a search for a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.effects.linkage.rows import MISSING


@dataclass(frozen=True, kw_only=True, eq=False)
class ThresholdOptions:
    """Options of `threshold` that are seldom changed.

    Parameters
    ----------
    family : str or mapping of str to str, default "auto"
        What an outcome is: ``"binary"``, ``"normal"``, or ``"hurdle"`` for an amount that many do
        not spend at all, whose logarithm is about normal among those who do. By default 0 and 1
        are binary and all else is normal.
    prior : mapping of float to float, optional
        Prior weights of thresholds; equal by default.
    model_prior : mapping of str to float, optional
        Prior weights of the shapes that are compared; equal by default.
    beta : tuple of float, default (1, 1)
        Beta prior of a rate at either end of a shape.
    score_time, outcome_time : str, optional
        Columns with the dates of score and outcome. An outcome that was measured before its
        score is refused.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    draws : int, default 4000
        How many draws.
    """

    family: str | Mapping[str, str] = "auto"
    prior: Mapping[float, float] | None = None
    model_prior: Mapping[str, float] | None = None
    beta: tuple[float, float] = (1.0, 1.0)
    score_time: str | None = None
    outcome_time: str | None = None
    missing: str = "raise"
    draws: int = 4000

    def __post_init__(self) -> None:
        check_choice(self.missing, "missing", MISSING)
        check_count(self.draws, "draws", low=2)
        if len(self.beta) != 2:
            raise ConfigError(f"beta is {self.beta!r}; expected two numbers, as in (1, 1).")
        for value in self.beta:
            check_number(value, "beta", low=0, open_low=True)
        if (self.score_time is None) != (self.outcome_time is None):
            raise ConfigError("score_time and outcome_time go together; give both or neither.")
