"""Options of a dose-response curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_choice, check_count
from cximpact.effects.linkage.rows import MISSING
from cximpact.effects.uplift.outcome_models import BUILT_IN


@dataclass(frozen=True, kw_only=True, eq=False)
class DoseOptions:
    """Options of `dose_response` that are seldom changed.

    Parameters
    ----------
    cluster, weight : str, optional
        Columns of clusters at which errors are dependent, and of weights; not for
        ``method="bayesian"``.
    bands : sequence of float, optional
        Lower ends of bands of scores; every score is a level by default.
    family : str or mapping of str to str, default "auto"
        ``"hurdle"`` parts an amount that many do not spend into whether and, among those who do,
        its logarithm. Other outcomes are left as they are.
    score_time, outcome_time : str, optional
        Columns with the dates of score and outcome. An outcome that was measured before its
        score is refused.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    draws : int, default 4000
        How many draws.
    learner : {"linear", "boosting"}
        Models of ``method="aipw"``.
    folds : int, default 5
        Parts for fitting on others, for ``method="aipw"``.
    monotone : bool, default True
        Whether ``method="aipw"`` also puts its curve in order.
    allow_unconverged : bool, default False
        Accept a Bayesian fit that failed the gate; the result says so.
    """

    cluster: str | None = None
    weight: str | None = None
    bands: Sequence[float] | None = None
    family: str | Mapping[str, str] = "auto"
    score_time: str | None = None
    outcome_time: str | None = None
    missing: str = "raise"
    draws: int = 4000
    learner: str = "linear"
    folds: int = 5
    monotone: bool = True
    allow_unconverged: bool = False

    def __post_init__(self) -> None:
        check_choice(self.missing, "missing", MISSING)
        check_count(self.draws, "draws", low=2)
        check_count(self.folds, "folds", low=2)
        check_choice(self.learner, "learner", BUILT_IN)
        if (self.score_time is None) != (self.outcome_time is None):
            raise ConfigError("score_time and outcome_time go together; give both or neither.")
