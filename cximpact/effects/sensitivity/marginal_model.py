"""Bounds on an effect if odds of treatment are off by a factor: the marginal sensitivity model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    ClusterError,
    ConfigError,
    DtypeError,
    MissingValueError,
    OverlapError,
    ZeroVarianceError,
    rows_phrase,
)
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import (
    as_floats,
    check_choice,
    check_count,
    check_number,
    check_prob,
    check_vector,
    check_weights,
)
from cximpact.core.wording import number
from cximpact.effects.overlap.arms import check_arms, check_length, check_overlap
from cximpact.effects.sensitivity.marginal_result import MarginalBounds
from cximpact.effects.sensitivity.marginal_sample import Customers, Sample

Propensity = ArrayLike | Callable[[np.ndarray], ArrayLike]
TARGETS = ("ate", "att", "atc")
METHODS = ("balanced", "stabilized")


@dataclass(frozen=True, kw_only=True, eq=False)
class MarginalSensitivity:
    """Bound an effect when something unmeasured also drives treatment.

    Parameters
    ----------
    lambdas : sequence of float, default (1, 1.25, 1.5, 2, 3)
        By which factor the odds of treatment may differ from those of the propensity, either way.
    target : {"ate", "att", "atc"}
        Effect on everybody, on the treated, or on the untreated.
    method : {"balanced", "stabilized"}
        ``"balanced"``: the true weights average to those of the propensity, as they must, within
        strata where these are given. ``"stabilized"``: without that condition, which gives wider
        bounds.
    prob : float, default 0.9
        Mass of the intervals.
    replications : int, default 500
        Bootstrap samples.

    Notes
    -----
    Model: for an unmeasured u, ``odds(e(x, u)) / odds(e(x))`` lies between 1 / Lambda and Lambda.
    Estimand: the smallest and the largest effect that agree with the data and the model; at
    Lambda = 1 both are the effect without unmeasured confounding. The bounds are extreme weighted
    means, found by sorting. With outcome predictions they are those of the residuals, added to the
    mean prediction: the doubly robust estimate at Lambda = 1.

    Intervals reach from a low percentile of the lower bound to a high one of the upper bound over
    bootstrap samples, in which customers or clusters get independent exponential weights.

    Balanced bounds are valid for any predictions and strata if the propensity is right; they are
    the sharpest possible if residuals are distributed alike at all x (within each stratum), as in
    strata that hold all there is to x. What breaks them: a wrong propensity, or no overlap.
    `cximpact.effects.overlap.overlap_report` shows the latter.

    References
    ----------
    Tan, Z. (2006). A distributional approach for causal inference using propensity scores.
    Journal of the American Statistical Association 101, 1619-1637.

    Zhao, Q., Small, D. S. and Bhattacharya, B. B. (2019). Sensitivity analysis for inverse
    probability weighting estimators via the percentile bootstrap. Journal of the Royal Statistical
    Society B 81, 735-761.

    Dorn, J. and Guo, K. (2023). Sharp sensitivity analysis for inverse propensity weighting via
    quantile balancing. Journal of the American Statistical Association 118, 2645-2657.
    """

    lambdas: Sequence[float] = (1.0, 1.25, 1.5, 2.0, 3.0)
    target: str = "ate"
    method: str = "balanced"
    prob: float = 0.9
    replications: int = 500

    def __post_init__(self) -> None:
        values = [check_number(v, "lambdas", low=1) for v in np.atleast_1d(self.lambdas).tolist()]
        if not values:
            raise ConfigError("lambdas is empty; give at least one number from 1.")
        object.__setattr__(self, "lambdas", tuple(sorted(set(values))))
        check_choice(self.target, "target", TARGETS)
        check_choice(self.method, "method", METHODS)
        check_prob(self.prob)
        check_count(self.replications, "replications", low=50)

    def fit(
        self,
        outcome: ArrayLike,
        treatment: ArrayLike,
        propensity: Propensity,
        *,
        predictions: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        cluster: ArrayLike | None = None,
        rng: RngLike = None,
    ) -> MarginalBounds:
        """Bound the effect.

        Parameters
        ----------
        outcome : array_like, shape (n,)
            Outcomes.
        treatment : array_like, shape (n,)
            0 and 1.
        propensity : array_like, shape (n,), or callable
            Probability of treatment, or a function from weights of the rows to it, such as
            `cximpact.effects.overlap.logistic_propensity`, which is called in every bootstrap
            sample. Given numbers are taken as known; if they were estimated, intervals are
            usually too wide.
        predictions : array_like, shape (n, 2), optional
            Expected outcome without and with treatment, from a model of the outcome. They are
            not estimated again in bootstrap samples; if the propensity is right, that matters
            little.
        strata : array_like, shape (n,), optional
            Labels of groups within which weights are balanced.
        weights : array_like, shape (n,), optional
            Survey weights.
        cluster : array_like, shape (n,), optional
            Labels of clusters, which are resampled as wholes.
        rng : int or Generator, optional
            Randomness of the bootstrap.

        Returns
        -------
        MarginalBounds
            Bounds and intervals by Lambda, and the Lambda at which they reach zero.

        Raises
        ------
        DataError, DesignError, ConfigError
            If arrays do not fit together, an arm is empty, a propensity is 0 or 1, a stratum
            holds one arm, or strata are given to ``"stabilized"``.
        """
        customers, base, codes = self._open(
            outcome, treatment, predictions, strata, weights, cluster
        )
        estimate = self._sample(customers, propensity, base)
        sign = float(np.copysign(1.0, estimate.ends(1.0)[0]))
        drawn, tips = self._resampled(customers, propensity, base, codes, sign, rng)
        found = np.array([estimate.ends(strength) for strength in self.lambdas])
        # of B samples, the k-th smallest has k / (B + 1) of the distribution below it
        k = max(int((1 - self.prob) / 2 * (self.replications + 1) + 1e-9) - 1, 0)
        drawn, tips = np.sort(drawn, axis=0), np.sort(tips)
        table = pd.DataFrame(
            {
                "strength": self.lambdas,
                "low": found[:, 0],
                "high": found[:, 1],
                "conf_low": drawn[k, :, 0],
                "conf_high": drawn[-1 - k, :, 1],
                "conf_level": self.prob,
            }
        )
        return MarginalBounds(
            table=table,
            estimate=estimate.ends(1.0)[0],
            breakdown=estimate.tips_at(sign),
            conf_breakdown=float(tips[k]),
            target=self.target,
            method=self.method,
            n=customers.treated.size,
            refitted=callable(propensity),
        )

    def _open(
        self,
        outcome: ArrayLike,
        treatment: ArrayLike,
        predictions: ArrayLike | None,
        strata: ArrayLike | None,
        weights: ArrayLike | None,
        cluster: ArrayLike | None,
    ) -> tuple[Customers, np.ndarray, np.ndarray]:
        """Check the arrays, and sort both arms once for all samples."""
        treated = check_arms(treatment)
        n = treated.size
        y = check_vector(outcome, "outcome")
        check_length(y, n, "outcome")
        if np.ptp(y) == 0:
            raise ZeroVarianceError(f"the outcome is {number(y[0])} for all {n} customers.")
        expected = np.zeros((n, 2)) if predictions is None else _predictions(predictions, n)
        if strata is not None and self.method == "stabilized":
            raise ConfigError("strata are for method='balanced'; the other balances nothing.")
        groups = np.zeros(n, dtype=int) if strata is None else _codes(strata, n, "strata")
        base = check_weights(weights, n)
        counted = [np.bincount(groups, base * arm, groups.max() + 1) for arm in (treated, ~treated)]
        if (lone := np.flatnonzero((counted[0] == 0) | (counted[1] == 0))).size:
            raise OverlapError(
                f"{lone.size} of {groups.max() + 1} strata hold customers of one arm alone; merge "
                "them with others."
            )
        codes = np.arange(n) if cluster is None else _codes(cluster, n, "cluster")
        return Customers.sort(y, treated, expected, groups), base, codes

    def _sample(self, customers: Customers, propensity: Propensity, weights: np.ndarray) -> Sample:
        given = propensity(weights.copy()) if callable(propensity) else propensity
        e = check_overlap(given, customers.treated.size)
        return customers.sample(e, weights, target=self.target, balanced=self.method == "balanced")

    def _resampled(
        self,
        customers: Customers,
        propensity: Propensity,
        base: np.ndarray,
        codes: np.ndarray,
        sign: float,
        rng: RngLike,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds, and where they reach zero, with exponential weights by row or cluster."""
        generator = as_generator(rng)
        n_clusters = int(codes.max()) + 1
        if n_clusters < 2:
            raise ClusterError("there is one cluster; the bootstrap needs at least two.")
        given = propensity if callable(propensity) else check_overlap(propensity)
        ends = np.empty((self.replications, len(self.lambdas), 2))
        tips = np.empty(self.replications)
        for b in range(self.replications):
            draw = generator.standard_exponential(n_clusters)[codes]
            sample = self._sample(customers, given, base * draw)
            ends[b] = [sample.ends(strength) for strength in self.lambdas]
            tips[b] = sample.tips_at(sign)
        return ends, tips


def _predictions(values: ArrayLike, n: int) -> np.ndarray:
    array = as_floats(values, "predictions")
    if array.shape != (n, 2):
        raise DtypeError(
            f"predictions have the shape {array.shape}; expected ({n}, 2): without treatment, and "
            "with it."
        )
    check_vector(array.ravel(), "predictions")
    return array


def _codes(labels: ArrayLike, n: int, name: str) -> np.ndarray:
    series = pd.Series(np.asarray(labels))
    check_length(series, n, name)
    codes = pd.factorize(series)[0]
    if (missing := np.flatnonzero(codes < 0)).size:
        raise MissingValueError(f"{name} is missing in {rows_phrase(missing)}; fill it in.")
    return codes
