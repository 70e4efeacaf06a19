"""Loops closed at different times: difference-in-differences over the time of closing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, EffectPosterior
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel
from cximpact.data.frames import column_names
from cximpact.effects.did import GroupTime, ImputationDiD

ESTIMATORS = ("imputation", "group_time")


@dataclass(frozen=True, kw_only=True, eq=False)
class StaggeredClosing:
    """Compare customers whose case was closed with those whose case is not closed yet.

    Parameters
    ----------
    unit, period, outcome : str, optional
        Columns of the customer, the period and the behavior; not needed with a `Panel`.
    closed_in : str, optional
        Column with the period in which the customer's case was closed; missing for never.
    cluster : str, optional
        Column at which errors are dependent; the customer by default.
    estimator : {"imputation", "group_time"}
        `ImputationDiD` or `GroupTime`.
    anticipation : int, default 0
        Periods before closing in which behavior may already change, such as while the case is
        worked on.
    covariates : sequence of str
        Columns that explain behavior.
    missing : {"raise", "drop"}
        What to do with rows without an outcome.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect of a closed case on those whose case was closed. It needs
    behavior that would have moved alike had all cases stayed open, and times of closing that do
    not answer to behavior. A queue that serves first whom it is about to lose breaks it, and so
    does a complaint itself: behavior dips when a case is opened, and rises afterwards by itself.
    Compare only customers with a case, and periods after its opening. The test of trends before
    closing shows the first; `GroupTime` beside it the second.
    """

    unit: str | None = None
    period: str | None = None
    outcome: str | None = None
    closed_in: str | None = None
    cluster: str | None = None
    estimator: str = "imputation"
    anticipation: int = 0
    covariates: Sequence[str] = ()
    missing: str = "raise"
    draws: int = 4000

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariates", column_names(self.covariates, "covariates"))
        check_choice(self.estimator, "estimator", ESTIMATORS)
        check_count(self.anticipation, "anticipation", low=0)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Any, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect.

        Parameters
        ----------
        data : Panel or frame
            One row a customer and period.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        EffectPosterior
            That of the estimator, with its diagnostics and `EffectPosterior.aggregate`.

        Raises
        ------
        ConfigError
            If a frame comes without the names of its columns.
        DataError, DesignError
            As the estimator raises them.
        """
        panel = data if isinstance(data, Panel) else self._panel(data)
        names = tuple(self.covariates) or None
        make = ImputationDiD if self.estimator == "imputation" else GroupTime
        found = make(covariates=names, anticipation=self.anticipation, draws=self.draws).fit(
            panel, rng=rng
        )
        if self.estimator == "group_time":
            found = found.aggregate("simple")
        claim = Assumption(
            name="closing does not answer to behavior",
            statement="when a case was closed does not depend on how the customer was about to act",
            tested=False,
            evidence="see the test of trends; ask how the queue is ordered",
        )
        return replace(found, assumptions=(*found.assumptions, claim))

    def _panel(self, data: Any) -> Panel:
        for role in ("unit", "period", "outcome", "closed_in"):
            if getattr(self, role) is None:
                raise ConfigError(
                    f"{role} is not named; name its column, as {role}=, or give a Panel."
                )
        return Panel(
            data,
            unit=str(self.unit),
            period=str(self.period),
            outcome=str(self.outcome),
            first_treated=self.closed_in,
            cluster=self.cluster,
            covariates=self.covariates,
            missing=self.missing,
        )
