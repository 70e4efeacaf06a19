"""Before and after, treated and untreated: one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cximpact.core.causal import CAUSAL
from cximpact.core.results import Assumption, EffectPosterior
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.design import DidTable, did_table
from cximpact.effects.did.estimates import Claim, Estimates, effect_result
from cximpact.effects.did.few_treated import FewTreatedFit, few_treated_fit
from cximpact.effects.did.regression import two_way_fit
from cximpact.effects.did.two_way_weights import negative_share, two_way_weights
from cximpact.effects.did.welch import welch_fit
from cximpact.effects.did.words import (
    OUTCOME_SCALES,
    assumptions,
    estimand,
    warn_few_clusters,
    warn_staggered,
)

INFERENCE = ("cluster", "welch", "few_treated")


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
    before treatment.

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
            One effect, in the outcome's unit. ``details`` holds the weights of the treated cells
            and, for ``"few_treated"``, the change of every cluster.

        Raises
        ------
        DesignError
            If the design cannot be estimated this way.
        """
        did = did_table(data)
        weights = two_way_weights(did)
        details: dict[str, Any] = {"weights": weights}
        notes, independent = (), ""
        if self.inference == "cluster":
            warn_few_clusters(did)
            fit = two_way_fit(did, did.treated.to_frame("treated"))
            found = (float(fit.estimate[0]), float(fit.covariance[0, 0]) ** 0.5, float(fit.df))
        else:
            fit = welch_fit(did) if self.inference == "welch" else few_treated_fit(did)
            found, notes = (fit.estimate, fit.std_error, float(fit.df)), fit.notes
            if isinstance(fit, FewTreatedFit):
                details |= {"changes": fit.changes, "shock_sd": fit.shock_sd}
            else:
                independent = "units" if did.kind == "panel" else "people"
        if did.staggered:
            warn_staggered(negative_share(weights))
            details[CAUSAL] = False
        conditions = assumptions(did, independent=independent)
        return self._result(did, found, details, conditions, notes, seed_of(rng))

    def _result(
        self,
        did: DidTable,
        found: tuple[float, float, float],
        details: dict[str, Any],
        conditions: tuple[Assumption, ...],
        notes: tuple[str, ...],
        seed: int,
    ) -> EffectPosterior:
        estimate, std_error, df = found
        numbers = Estimates(
            value=np.array([estimate]), covariance=np.array([[std_error**2]]), df=df
        )
        claim = Claim(
            method="TwoByTwo",
            settings={"inference": self.inference, "draws": self.draws, "scale": self.scale},
            estimand=estimand(did, self.scale),
            assumptions=conditions,
            would_change_it=(
                f"a difference in trends of {abs(estimate):.3g} between treated and untreated "
                "over the same time would explain all of it."
            ),
            diagnostics={
                "inference": self.inference,
                "df": df,
                "negative_weights": negative_share(details["weights"]),
            },
            details=details,
            packages=("linearmodels", "numpy"),
            notes=notes,
        )
        return effect_result(did, numbers, claim, draws=self.draws, rng=seed)
