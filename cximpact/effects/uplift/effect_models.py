"""Models of the effect given the features, each with draws of its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.effects.uplift.forest import HonestForest
from cximpact.effects.uplift.outcome_models import Predict, check_model, fit_mean

FitOnce = Callable[[np.ndarray, int], Predict]
"""From the rows to use and a seed to a fitted effect."""


class EffectModel(Protocol):
    """An effect as a function of the features."""

    def point(self, x: np.ndarray) -> np.ndarray:
        """Predict effects.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Effects.
        """
        ...

    def errors(self, x: np.ndarray) -> np.ndarray:
        """Return draws of the error.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (draw, row)
            Around zero.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class BaggedEffect:
    """An effect with fits on random halves of the clusters beside it.

    Parameters
    ----------
    whole : callable
        From features to effects.
    halves : list of callable
        The same from halves. None: errors are unknown.
    """

    whole: Predict = field(repr=False)
    halves: list[Predict] = field(repr=False, default_factory=list)

    def point(self, x: np.ndarray) -> np.ndarray:
        """Predict effects.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Effects.
        """
        return self.whole(x)

    def errors(self, x: np.ndarray) -> np.ndarray:
        """Return draws of the error: how far fits on halves are from their mean.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (half, row)
            Around zero. Half of the clusters, drawn without replacement, is off by as much
            as the whole is from the truth.

        Raises
        ------
        ConfigError
            If there are no halves.
        """
        if not self.halves:
            raise ConfigError(
                "this learner was fitted without errors of single effects; fit it with bags=50, or "
                "use a forest as final_model, which gives them at no cost."
            )
        drawn = np.array([half(x) for half in self.halves])
        return (drawn - drawn.mean(axis=0)) * np.sqrt(len(drawn) / (len(drawn) - 1))


def check_final(model: Any, name: str = "final_model") -> None:
    """Check the model of the effect.

    Parameters
    ----------
    model : HonestForest, str or estimator
        Model.
    name : str
        How the message calls it.

    Raises
    ------
    ConfigError
        If it cannot fit and predict.
    """
    if not isinstance(model, HonestForest):
        check_model(model, name)


def fit_effect(
    model: Any,
    x: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    cluster: np.ndarray,
    *,
    bags: int,
    rng: np.random.Generator,
) -> EffectModel:
    """Regress a pseudo-outcome on the features.

    Parameters
    ----------
    model : HonestForest, str or estimator
        What regresses.
    x : numpy.ndarray, shape (row, column)
        Features.
    target, weight : numpy.ndarray, shape (row,)
        Pseudo-outcome and weights.
    cluster : numpy.ndarray of int, shape (row,)
        Clusters, which stay whole in a half.
    bags : int
        Fits on halves, for a model that is no forest.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    EffectModel
        Effects.
    """
    if isinstance(model, HonestForest):
        return model.fit(x, target, weight, cluster, rng)

    def fit_once(rows: np.ndarray, seed: int) -> Predict:
        return fit_mean(model, "continuous", x[rows], target[rows], weight[rows], seed)

    return bagged(fit_once, cluster, bags=bags, rng=rng)


def bagged(
    fit_once: FitOnce,
    cluster: np.ndarray,
    *,
    bags: int,
    rng: np.random.Generator,
    whole: Predict | None = None,
) -> BaggedEffect:
    """Fit on all rows and on halves.

    Parameters
    ----------
    fit_once : callable
        From rows and a seed to a fitted effect.
    cluster : numpy.ndarray of int, shape (row,)
        Clusters.
    bags : int
        How many halves.
    rng : numpy.random.Generator
        Randomness.
    whole : callable, optional
        The fit on all rows, where there is one.

    Returns
    -------
    BaggedEffect
        Effects.
    """
    codes = np.unique(cluster, return_inverse=True)[1]
    n_clusters = int(codes.max()) + 1
    seeds = rng.integers(2**31, size=bags + 1)
    everybody = np.arange(len(cluster))
    halves = []
    for seed in seeds[1:]:
        inside = np.zeros(n_clusters, dtype=bool)
        inside[rng.permutation(n_clusters)[: n_clusters // 2]] = True
        halves.append(fit_once(np.flatnonzero(inside[codes]), int(seed)))
    found = whole if whole is not None else fit_once(everybody, int(seeds[0]))
    return BaggedEffect(whole=found, halves=halves)
