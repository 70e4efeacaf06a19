"""The effect by time since treatment, and the trends before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cximpact.core.errors import InsufficientPeriodsError, RankError
from cximpact.core.results import EffectPosterior
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim, Estimates, effect_result
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.pretrend import pretrend_test, trend_words
from cximpact.effects.did.regression import TwoWayFit, two_way_fit
from cximpact.effects.did.two_way_mix import Mixture, mixture
from cximpact.effects.did.two_way_moments import (
    PACKAGES,
    event_terms,
    moments_fit,
    without_rows,
)
from cximpact.effects.did.words import (
    OUTCOME_SCALES,
    assumptions,
    estimand,
    warn_few_clusters,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class EventStudy:
    """Two-way fixed effects with one coefficient a period before and after treatment.

    Parameters
    ----------
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect on the treated at each time since treatment; the period before
    treatment is the reference and is left out. Coefficients before it should be near zero; their
    joint Wald test is in the diagnostics, and a test that finds nothing with few clusters proves
    little. Without never-treated units the earliest period is left out as well. With staggered
    adoption a coefficient also picks up effects at other times, and the result is not admitted
    to return on investment. A balanced panel without weights and covariates is compressed in the
    engine of its frame, and its rows are not brought into memory; ``diagnostics["path"]`` says so.

    References
    ----------
    Sun, L. and Abraham, S. (2021). Estimating dynamic treatment effects in event studies with
    heterogeneous treatment effects. Journal of Econometrics 225, 175-199.
    """

    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect by time since treatment.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness of the draws; the estimates do not depend on it.

        Returns
        -------
        EffectPosterior
            Dimension ``event_time``, without the reference, which ``details["reference"]`` names
            (``details["references"]``, where there are two). With several starts ``details`` has
            ``weights`` and ``comparisons`` as `TwoByTwo`.

        Raises
        ------
        InsufficientPeriodsError
            If treated units are seen in fewer than two periods before treatment.
        RankError
            If the coefficients cannot be told apart, such as without never-treated units when
            all starts of treatment are several periods apart.
        """
        did = without_rows(data) or did_table(data)
        times, references = _event_times(did)
        warn_few_clusters(did)
        mixed = mixture(did) if did.staggered else None
        if mixed is not None:
            mixed.warn()
        fit = _fit(did, times)
        if fit is None:
            did = did_table(data)
            fit = two_way_fit(did, _dummies(did, times))
        return self._result(did, times, references, fit, mixed, seed_of(rng))

    def _result(
        self,
        did: DidTable | MomentsDesign,
        times: np.ndarray,
        references: tuple[float, ...],
        fit: TwoWayFit,
        mixed: Mixture | None,
        seed: int,
    ) -> EffectPosterior:
        trends = pretrend_test(times, fit.estimate, fit.covariance, fit.df)
        numbers = Estimates(
            value=fit.estimate,
            covariance=fit.covariance,
            df=float(fit.df),
            dims=("event_time",),
            coords={"event_time": times},
        )
        claim = Claim(
            method="EventStudy",
            settings={"draws": self.draws, "scale": self.scale},
            estimand=estimand(did, self.scale),
            assumptions=assumptions(did, *trend_words(trends)),
            would_change_it=(
                "a difference in trends that continues after treatment; the coefficients before "
                "treatment show how large it was."
            ),
            diagnostics={
                "pretrend": trends,
                "path": did.path,
                **(mixed.diagnostics if mixed is not None else {}),
            },
            details={
                "reference": references[0],
                "references": references,
                "covariance": fit.covariance.copy(),
                **(mixed.details if mixed is not None else {}),
            },
            packages=PACKAGES[did.path],
        )
        return effect_result(did, numbers, claim, draws=self.draws, rng=seed)


def _event_times(did: DidTable | MomentsDesign) -> tuple[np.ndarray, tuple[float, ...]]:
    """Find the times since treatment with a coefficient, and the references."""
    if isinstance(did, DidTable):
        found = np.unique((did.table["time"] - did.table["first_treated"])[did.ever])
    else:
        found = np.unique(did.moments.periods - did.cohorts[:, None])
    before = found[found < 0]
    if len(before) < 2:
        raise InsufficientPeriodsError(
            f"treated units are seen in {len(before)} period before treatment; an event study "
            "needs at least 2 to show a trend. TwoByTwo needs one."
        )
    last, earliest = float(before[-1]), float(before[0])
    references = (last,) if did.has_never else (last, earliest)
    kept = np.array([e for e in found if e not in references])
    return kept.astype(int) if (kept == np.round(kept)).all() else kept, references


def _fit(did: DidTable | MomentsDesign, times: np.ndarray) -> TwoWayFit | None:
    """Fit on what there is; None if moments do not settle it."""
    try:
        if isinstance(did, DidTable):
            return two_way_fit(did, _dummies(did, times))
        return moments_fit(did, event_terms(did, times), _names(times))
    except RankError as error:
        if did.has_never:
            raise
        raise RankError(
            f"Without never-treated units, {error} Starts of treatment that are several periods "
            "apart do not show how periods differ; add units that are never treated."
        ) from None


def _names(times: np.ndarray) -> list[str]:
    return [f"event_time[{e:g}]" for e in times]


def _dummies(did: DidTable, times: np.ndarray) -> pd.DataFrame:
    since = did.table["time"] - did.table["first_treated"]
    terms = [(since == e).astype(float) for e in times]
    return pd.DataFrame(dict(zip(_names(times), terms, strict=True)))
