"""The average effect on customers who differ, from an experiment or with care without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, DesignError
from cximpact.core.results import EffectPosterior
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import CrossSection
from cximpact.effects.uplift.arm_means import arm_means
from cximpact.effects.uplift.crossfit import CrossFit
from cximpact.effects.uplift.doubly_robust import TARGETS, average_effects
from cximpact.effects.uplift.learned import OUTCOME_SCALES, average_fields
from cximpact.effects.uplift.learner_fit import prepare, unmodeled
from cximpact.effects.uplift.outcome_models import check_model


@dataclass(frozen=True, kw_only=True, eq=False)
class AverageEffect:
    """The average effect by doubly robust scores (AIPW).

    Parameters
    ----------
    target : {"ate", "att", "overlap", "trimmed"}
        Whom to average over: all customers; the treated; all, weighted by ``e (1 - e)``, so that
        those who could have been in either arm count most; those whose propensity lies within
        ``bounds``. The estimand is named accordingly.
    bounds : tuple of float, default (0.1, 0.9)
        Ends of the propensity for ``"trimmed"``.
    outcome_model : str or estimator, default "boosting"
        Model of the mean outcome in each arm: ``"boosting"``, ``"linear"``, or any object with
        ``fit`` and ``predict``. ``"mean"`` takes the difference of the arms' means with Welch's
        error, for an experiment in which everybody had the same probability of treatment.
    crossfit : CrossFit
        Folds, repeats, family of the outcome, and the model of an unknown propensity.
    scale : {"pp", "points", "money", "outcome"}, optional
        Meaning of the outcome's numbers; ``"pp"`` for 0 and 1, else ``"outcome"`` by default.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: ``E[h(e) (Y(1) - Y(0))] / E[h(e)]`` with ``h`` 1, ``e``, ``e (1 - e)`` or the
    indicator of the bounds. It needs treatment that is as good as random given the features,
    customers of every kind in both arms (less so with ``"overlap"`` and ``"trimmed"``), and no
    spill-over. It is consistent when either the means or the propensity are estimated well, and
    its error needs only that the product of their errors vanishes fast. Where the means are wrong
    and the propensity is estimated, the error comes out too large rather than too small. What
    breaks it: features that treatment changed; unmeasured causes of both treatment and outcome.
    The overlap report, the balance of the arms and the sensitivity tools show how far to trust it.

    References
    ----------
    Chernozhukov, V. et al. (2018). Double/debiased machine learning for treatment and structural
    parameters. Econometrics Journal 21, C1-C68. Crump, R. K. et al. (2009). Dealing with limited
    overlap in estimation of average treatment effects. Biometrika 96, 187-199. Li, F., Morgan,
    K. L. and Zaslavsky, A. M. (2018). Balancing covariates via propensity score weighting. JASA
    113, 390-400.
    """

    target: str = "ate"
    bounds: tuple[float, float] = (0.1, 0.9)
    outcome_model: Any = "boosting"
    crossfit: CrossFit = field(default_factory=CrossFit)
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        check_choice(self.target, "target", TARGETS)
        if self.outcome_model != "mean":
            check_model(self.outcome_model, "outcome_model")
        elif self.target != "ate":
            raise ConfigError("outcome_model='mean' goes with target='ate' only.")
        check_count(self.draws, "draws", low=100)
        low, high = self.bounds
        if not 0 <= low < high <= 1:
            raise ConfigError(f"bounds is {self.bounds}; expected two rising numbers from 0 to 1.")
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)

    def fit(self, data: CrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the average effect.

        Parameters
        ----------
        data : CrossSection
            Customers.
        rng : int or Generator, optional
            Randomness of folds, models and draws.

        Returns
        -------
        EffectPosterior
            One number, or one an arm along ``arm``.

        Raises
        ------
        DesignError
            If there are several arms and ``target`` is not ``"ate"``, an arm is missing in a
            fold, or nobody is comparable.
        """
        if self.target != "ate" and len(data.arms) > 1:
            raise DesignError(
                f"target={self.target!r} needs one treated arm and there are {len(data.arms)}; "
                "choose one with data.pick(arm)."
            )
        seed = seed_of(rng)
        if self.outcome_model == "mean":
            return self._difference(data, seed)
        average = partial(average_effects, target=self.target, bounds=self.bounds)
        ready = prepare(
            data,
            self.outcome_model,
            self.crossfit,
            seed,
            need_overlap=self.target in ("ate", "att"),
            average=average,
        )
        e = ready.nuisances.propensity[:, 1]
        inside = (e >= self.bounds[0]) & (e <= self.bounds[1])
        fields = average_fields(self, data, ready, seed, target=self.target, bounds=self.bounds)
        if self.target == "trimmed":
            fields["diagnostics"]["kept"] = float(inside.mean())
        return EffectPosterior(**fields)

    def _difference(self, data: CrossSection, seed: int) -> EffectPosterior:
        """Compare means; the features only show how well treatment was randomized."""
        rows = data.to_arrays()
        if rows.propensity is not None and np.ptp(rows.propensity, axis=0).max() > 1e-9:
            raise DesignError(
                "the propensity differs between customers, so that the arms' means are not "
                "comparable; use outcome_model='linear' or 'boosting'."
            )
        n_arms = 1 + len(data.arms)
        found, df = arm_means(rows, n_arms)
        ready = unmodeled(data, rows, found, n_arms)
        one = df if n_arms == 2 else None
        return EffectPosterior(**average_fields(self, data, ready, seed, df=one))
