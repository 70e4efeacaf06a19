"""The learners of single effects: S, T, X, R and DR."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.data import CrossSection
from cximpact.effects.uplift.crossfit import CrossFit
from cximpact.effects.uplift.documented import shares_parameters
from cximpact.effects.uplift.effect_models import EffectModel, check_final
from cximpact.effects.uplift.forest import HonestForest
from cximpact.effects.uplift.learned import OUTCOME_SCALES, learned_result
from cximpact.effects.uplift.learner_fit import (
    Prepared,
    crossed_effect,
    means_effect,
    prepare,
    residual_effect,
    score_effect,
)
from cximpact.effects.uplift.outcome_models import check_model
from cximpact.effects.uplift.uplift_result import UpliftPosterior


@dataclass(frozen=True, kw_only=True, eq=False)
class MetaLearner:
    """Settings that all learners share, and the one way they are fitted.

    Parameters
    ----------
    outcome_model : str or estimator, default "boosting"
        Model of the mean outcome: ``"boosting"`` (gradient boosting that stops early),
        ``"linear"`` (a penalized regression or logit on splines), or any object with ``fit`` and
        ``predict``.
    final_model : HonestForest, str or estimator
        Model of the effect in the X-, R- and DR-learner; an `HonestForest` by default.
    crossfit : CrossFit
        Folds, repeats, family of the outcome, and the model of an unknown propensity.
    bags : int, default 0
        Fits on random halves of the clusters, for errors of single effects; 0 for none. The R- and
        the DR-learner with a forest have errors without them.
    scale : {"pp", "points", "money", "outcome"}, optional
        Meaning of the outcome's numbers; ``"pp"`` for 0 and 1, else ``"outcome"`` by default.
    draws : int, default 4000
        Draws of the average effect.
    """

    outcome_model: Any = "boosting"
    final_model: Any = field(default_factory=HonestForest)
    crossfit: CrossFit = field(default_factory=CrossFit)
    bags: int = 0
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        check_model(self.outcome_model, "outcome_model")
        check_final(self.final_model)
        check_count(self.bags, "bags", low=0)
        check_count(self.draws, "draws", low=100)
        if self.scale is not None:
            check_choice(self.scale, "scale", OUTCOME_SCALES)

    def fit(self, data: CrossSection, *, rng: RngLike = None) -> UpliftPosterior:
        """Estimate the average effect and the effect on each customer.

        Parameters
        ----------
        data : CrossSection
            Customers.
        rng : int or Generator, optional
            Randomness of folds, models and draws.

        Returns
        -------
        UpliftPosterior
            The average effect of each arm by doubly robust scores, and a model of single effects.

        Raises
        ------
        DataError, DesignError
            If features cannot be read, an arm is missing in a fold, or nobody is comparable.
        """
        seed = seed_of(rng)
        ready = prepare(data, self.outcome_model, self.crossfit, seed, pooled=self._pooled)
        return learned_result(self, data, ready, self._effect, seed)

    @property
    def _pooled(self) -> bool:
        return False

    def _effect(self, ready: Prepared, arm: int, rng: np.random.Generator) -> EffectModel:
        return means_effect(ready, self.outcome_model, arm, self.bags, rng)


@shares_parameters(MetaLearner)
@dataclass(frozen=True, kw_only=True, eq=False)
class SLearner(MetaLearner):
    """One model of the outcome, with the arm among its features.

    Notes
    -----
    Estimand: ``tau(x) = E[Y(1) - Y(0) | X = x]``, as the difference of two predictions of one
    model. It needs treatment that is as good as random given the features, customers of every
    kind in both arms, and no spill-over. A model that hardly uses the arm gives effects near
    zero: it is the most cautious learner, and biased toward no effect. `UpliftPosterior.evaluate`
    shows whether the ranking holds.

    References
    ----------
    Künzel, S. R., Sekhon, J. S., Bickel, P. J. and Yu, B. (2019). Metalearners for estimating
    heterogeneous treatment effects using machine learning. PNAS 116, 4156-4165.
    """

    @property
    def _pooled(self) -> bool:
        return True


@shares_parameters(MetaLearner)
@dataclass(frozen=True, kw_only=True, eq=False)
class TLearner(MetaLearner):
    """Two models of the outcome, one an arm.

    Notes
    -----
    Estimand: ``tau(x) = E[Y(1) - Y(0) | X = x]``, as the difference of the arms' predictions,
    each averaged over the folds' models. It needs treatment that is as good as random given the
    features, customers of every kind in both arms, and no spill-over. Each model is smoothed for
    its own outcome, not for their difference, so that effects come out too varied where they are
    small beside the outcome.

    References
    ----------
    Künzel, S. R., Sekhon, J. S., Bickel, P. J. and Yu, B. (2019). Metalearners for estimating
    heterogeneous treatment effects using machine learning. PNAS 116, 4156-4165.
    """


@shares_parameters(MetaLearner)
@dataclass(frozen=True, kw_only=True, eq=False)
class XLearner(MetaLearner):
    """Effects imputed from the other arm's model, then regressed on the features.

    Notes
    -----
    Estimand: ``tau(x) = E[Y(1) - Y(0) | X = x]``. ``D1 = Y - mu_0(X)`` of the treated and
    ``D0 = mu_1(X) - Y`` of the control are regressed on the features, and combined as
    ``e tau_0 + (1 - e) tau_1``: it serves where one arm is much smaller. It needs treatment that
    is as good as random given the features, and no spill-over; errors of the means go into the
    effects undiminished.

    References
    ----------
    Künzel, S. R., Sekhon, J. S., Bickel, P. J. and Yu, B. (2019). Metalearners for estimating
    heterogeneous treatment effects using machine learning. PNAS 116, 4156-4165.
    """

    def _effect(self, ready: Prepared, arm: int, rng: np.random.Generator) -> EffectModel:
        return crossed_effect(ready, self.outcome_model, self.final_model, arm, self.bags, rng)


@shares_parameters(MetaLearner)
@dataclass(frozen=True, kw_only=True, eq=False)
class RLearner(MetaLearner):
    """What is left of the outcome, regressed on what is left of treatment: a causal forest.

    Notes
    -----
    Estimand: ``tau(x) = E[Y(1) - Y(0) | X = x]``, which minimizes
    ``sum(((Y - m) - (T - e) tau(X))^2)`` with mean outcome m and propensity e predicted out of
    fold. It needs treatment that is as good as random given the features, customers of every
    kind in both arms, and no spill-over. Small errors of m and e hardly matter; customers whose
    treatment was nearly certain weigh little. With a forest, errors of single effects come at no
    further cost; see `HonestForest` for what they cover. **The learner to begin with.**

    References
    ----------
    Nie, X. and Wager, S. (2021). Quasi-oracle estimation of heterogeneous treatment effects.
    Biometrika 108, 299-319. Athey, S., Tibshirani, J. and Wager, S. (2019). Generalized random
    forests. Annals of Statistics 47, 1148-1178.
    """

    def _effect(self, ready: Prepared, arm: int, rng: np.random.Generator) -> EffectModel:
        return residual_effect(ready, self.final_model, arm, self.bags, rng)


@shares_parameters(MetaLearner)
@dataclass(frozen=True, kw_only=True, eq=False)
class DRLearner(MetaLearner):
    """Doubly robust scores, regressed on the features.

    Notes
    -----
    Estimand: ``tau(x) = E[Y(1) - Y(0) | X = x]``, as the regression of
    ``mu_1 - mu_0 + T (Y - mu_1) / e - (1 - T) (Y - mu_0) / (1 - e)`` on the features, with means
    and propensity predicted out of fold. It needs treatment that is as good as random given the
    features, customers of every kind in both arms, and no spill-over. It is right when either
    the means or the propensity is; propensities near 0 or 1 make the scores wild, and `RLearner`
    the better choice.

    References
    ----------
    Kennedy, E. H. (2023). Towards optimal doubly robust estimation of heterogeneous causal
    effects. Electronic Journal of Statistics 17, 3008-3049.
    """

    def _effect(self, ready: Prepared, arm: int, rng: np.random.Generator) -> EffectModel:
        return score_effect(ready, self.final_model, arm, self.bags, rng)
