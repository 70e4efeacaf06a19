"""Before and after, treated and untreated: one number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.results import EffectPosterior
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim, Estimates, effect_result
from cximpact.effects.did.few_treated import FewTreatedFit, few_treated_fit
from cximpact.effects.did.moments_design import MomentsDesign
from cximpact.effects.did.regression import TwoWayFit, two_way_fit
from cximpact.effects.did.two_way_mix import Mixture, mixture
from cximpact.effects.did.two_way_moments import (
    PACKAGES,
    moments_fit,
    treated_term,
    without_rows,
)
from cximpact.effects.did.welch import welch_fit
from cximpact.effects.did.words import (
    OUTCOME_SCALES,
    assumptions,
    estimand,
    warn_few_clusters,
)

INFERENCE = ("cluster", "welch", "few_treated")


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """One number with its error, whichever way it was found.

    Parameters
    ----------
    estimate, std_error : float
        Effect and standard error.
    df : float
        Degrees of freedom.
    notes : tuple of str
        What was left out.
    details : dict
        Extras of the result.
    independent : str, default ""
        Who is taken to be independent, where errors are not clustered.
    """

    estimate: float
    std_error: float
    df: float
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    independent: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoByTwo:
    """Difference-in-differences with one coefficient.

    Parameters
    ----------
    inference : {"cluster", "welch", "few_treated"}
        ``"cluster"``: two-way fixed effects, standard error clustered as in fixest and reghdfe,
        t with G - 1 degrees of freedom. ``"welch"``: difference of two means of changes with
        unequal variances; one start of treatment, no covariates, and errors that are independent
        from unit to unit (in repeated cross-sections: from person to person).
        ``"few_treated"``: the noise is learned from the untreated clusters, for when fewer than
        four clusters are treated.
    scale : {"pp", "points", "outcome"}, optional
        Meaning of the outcome's numbers. By default ``"pp"`` (a share) when every outcome is 0
        or 1, else the outcome's own unit.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: the average effect on the treated over the treated periods,
    ``(Y_after - Y_before | treated) - (Y_after - Y_before | untreated)``. It needs parallel
    trends, no anticipation and no spill-over. What breaks it: treatment that comes when things
    were changing anyway; staggered adoption with effects that grow, where the coefficient
    averages effects with odd, even negative, weights (they are in ``details["weights"]``, and
    the result is then not admitted to return on investment). `EventStudy` shows the trends
    before treatment. A balanced panel without weights and covariates is compressed in the engine
    of its frame, and its rows are not brought into memory; ``diagnostics["path"]`` says so.

    References
    ----------
    Bertrand, M., Duflo, E. and Mullainathan, S. (2004). How much should we trust
    differences-in-differences estimates? Quarterly Journal of Economics 119, 249-275.
    """

    inference: str = "cluster"
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        check_choice(self.inference, "inference", INFERENCE)
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness of the draws; the estimate does not depend on it.

        Returns
        -------
        EffectPosterior
            One effect, in the outcome's unit. ``details`` holds the weights of the treated cells,
            with several starts of a balanced panel the ``comparisons`` as `bacon_decomposition`,
            and for ``"few_treated"`` the change of every cluster.

        Raises
        ------
        DesignError
            If the design cannot be estimated this way.
        """
        did = without_rows(data, stretches=True) if self.inference == "cluster" else None
        mixed = mixture(did) if did is not None else None
        fit = moments_fit(did, treated_term(did), ["treated"]) if did is not None else None
        if did is not None and mixed is not None and fit is not None:
            warn_few_clusters(did)
            found = _found(fit)
        else:
            did = rows = did_table(data)
            mixed = mixture(rows)
            if self.inference == "cluster":
                warn_few_clusters(rows)
            found = self._fit_rows(rows)
        mixed.warn()
        return self._result(did, found, mixed, seed_of(rng))

    def _fit_rows(self, did: DidTable) -> Found:
        """Estimate from rows or cells."""
        if self.inference == "cluster":
            return _found(two_way_fit(did, did.treated.to_frame("treated")))
        fit = welch_fit(did) if self.inference == "welch" else few_treated_fit(did)
        more: dict[str, Any] = {}
        if isinstance(fit, FewTreatedFit):
            more["details"] = {"changes": fit.changes, "shock_sd": fit.shock_sd}
        else:
            more["independent"] = "units" if did.kind == "panel" else "people"
        return Found(
            estimate=fit.estimate,
            std_error=fit.std_error,
            df=float(fit.df),
            notes=fit.notes,
            **more,
        )

    def _result(
        self, did: DidTable | MomentsDesign, found: Found, mixed: Mixture, seed: int
    ) -> EffectPosterior:
        numbers = Estimates(
            value=np.array([found.estimate]),
            covariance=np.array([[found.std_error**2]]),
            df=found.df,
        )
        claim = Claim(
            method="TwoByTwo",
            settings={"inference": self.inference, "draws": self.draws, "scale": self.scale},
            estimand=estimand(did, self.scale),
            assumptions=assumptions(did, independent=found.independent),
            would_change_it=(
                f"a difference in trends of {abs(found.estimate):.3g} between treated and "
                "untreated over the same time would explain all of it."
            ),
            diagnostics={
                "inference": self.inference,
                "df": found.df,
                "path": did.path,
                **mixed.diagnostics,
            },
            details={**mixed.details, **found.details},
            packages=PACKAGES[did.path],
            notes=found.notes,
        )
        return effect_result(did, numbers, claim, draws=self.draws, rng=seed)


def _found(fit: TwoWayFit) -> Found:
    error = float(fit.covariance[0, 0]) ** 0.5
    return Found(estimate=float(fit.estimate[0]), std_error=error, df=float(fit.df))
