"""A model of who is at risk: fitted by folds, judged out of fold, refitted for its error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.validate import check_choice
from cximpact.effects.uplift.outcome_models import Predict, fit_mean

MODELS = ("logit", "boosting")
_BUILT_IN = {"logit": "linear", "boosting": "boosting"}


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRows:
    """Customers whose outcome is known.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, column)
        Features as numbers.
    y : numpy.ndarray, shape (row,)
        Outcomes, 0 or 1.
    cluster : numpy.ndarray of int, shape (row,)
        Number of each row's cluster.
    """

    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max()) + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldModels:
    """Models of the folds, and predictions for the rows they did not see.

    Parameters
    ----------
    probability : numpy.ndarray, shape (row,)
        Out of fold.
    fold : numpy.ndarray of int, shape (row,)
        Fold of each row.
    models : tuple of callable
        From features to probabilities.
    """

    probability: np.ndarray = field(repr=False)
    fold: np.ndarray = field(repr=False)
    models: tuple[Predict, ...] = field(repr=False)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predict new customers by the mean over folds.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (row,)
            Probabilities.
        """
        return np.mean([model(x) for model in self.models], axis=0)


def check_risk_model(model: Any) -> Any:
    """Check that a model is built in, or gives probabilities.

    Parameters
    ----------
    model : str or object
        ``"logit"``, ``"boosting"``, or an object with ``fit`` and ``predict_proba``.

    Returns
    -------
    str or object
        What the fitting takes.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if isinstance(model, str):
        return _BUILT_IN[check_choice(model, "model", MODELS)]
    fits = hasattr(model, "fit") and hasattr(model, "predict_proba")
    if not fits or isinstance(model, type):
        raise ConfigError(
            f"model is {model!r}; expected 'logit', 'boosting' or an object with fit and "
            "predict_proba."
        )
    return model


def fit_folds(model: Any, rows: TrainRows, folds: int, rng: np.random.Generator) -> FoldModels:
    """Fit a model without each fold and predict the fold.

    Parameters
    ----------
    model : str or object
        From `check_risk_model`.
    rows : TrainRows
        Customers.
    folds : int
        How many; clusters stay whole.
    rng : numpy.random.Generator
        Randomness of the folds and the model.

    Returns
    -------
    FoldModels
        Predictions out of fold.

    Raises
    ------
    InsufficientDataError
        If there are fewer clusters than folds, or a fold's model sees one outcome alone.
    """
    if rows.n_clusters < folds:
        raise InsufficientDataError(
            f"{rows.n_clusters} customers or clusters cannot be put into {folds} folds."
        )
    first = np.zeros(rows.n_clusters)
    np.maximum.at(first, rows.cluster, rows.y)
    order = rng.permutation(rows.n_clusters)
    order = order[np.argsort(first[order], kind="stable")]
    of_cluster = np.empty(rows.n_clusters, dtype=int)
    of_cluster[order] = np.arange(rows.n_clusters) % folds
    fold = of_cluster[rows.cluster]
    probability, models = np.empty(rows.y.size), []
    for k in range(folds):
        own = fold == k
        if np.ptp(rows.y[~own]) == 0:
            raise InsufficientDataError(
                f"without fold {k + 1} all customers have the outcome {rows.y[~own][0]:g}; more "
                "customers with the rarer outcome are needed."
            )
        seed = int(rng.integers(0, 2**31))
        one = fit_mean(
            model, "binary", rows.x[~own], rows.y[~own], np.ones(int((~own).sum())), seed
        )
        probability[own] = one(rows.x[own])
        models.append(one)
    return FoldModels(probability=probability, fold=fold, models=tuple(models))


def refits(
    model: Any, rows: TrainRows, replicates: int, rng: np.random.Generator
) -> Iterator[Predict]:
    """Fit the model to resampled customers, for its error.

    Parameters
    ----------
    model : str or object
        From `check_risk_model`.
    rows : TrainRows
        Customers.
    replicates : int
        How often.
    rng : numpy.random.Generator
        Randomness.

    Yields
    ------
    callable
        From features to probabilities.
    """
    order = np.argsort(rows.cluster, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(rows.cluster))[:-1])
    for _ in range(replicates):
        drawn = rng.integers(0, len(parts), len(parts))
        chosen = np.concatenate([parts[i] for i in drawn])
        seed = int(rng.integers(0, 2**31))
        yield fit_mean(model, "binary", rows.x[chosen], rows.y[chosen], np.ones(chosen.size), seed)
