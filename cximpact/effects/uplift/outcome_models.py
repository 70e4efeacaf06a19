"""Models of the mean outcome, and of who is treated, given the features."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, ZeroVarianceError
from cximpact.core.validate import check_choice

FAMILIES = ("auto", "binary", "count", "continuous", "hurdle")
BUILT_IN = ("boosting", "linear")
Predict = Callable[[np.ndarray], np.ndarray]
_KNOTS = (0.05, 0.35, 0.65, 0.95)
"""Quantiles at which splines bend; beyond the outer ones they are straight."""
_TINY = 1e-6
"""An estimated propensity is never taken for a certainty."""


def check_model(model: Any, name: str) -> None:
    """Check that a model is built in, or can fit and predict.

    Parameters
    ----------
    model : str or object
        Model.
    name : str
        How the message calls it.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if isinstance(model, str):
        check_choice(model, name, BUILT_IN)
    elif not (hasattr(model, "fit") and hasattr(model, "predict")) or isinstance(model, type):
        raise ConfigError(
            f"{name} is {model!r}; expected 'boosting', 'linear' or an object with fit and predict."
        )


def family_of(outcome: np.ndarray, family: str = "auto") -> str:
    """Choose the family of an outcome.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (row,)
        Outcomes.
    family : str, default "auto"
        One of `FAMILIES`; anything but ``"auto"`` is checked and returned.

    Returns
    -------
    str
        ``"binary"`` for 0 and 1; ``"hurdle"`` for amounts of which at least half are 0;
        ``"count"`` for other whole numbers from 0; else ``"continuous"``.

    Raises
    ------
    ConfigError
        If the outcomes do not suit the family.
    """
    check_choice(family, "family", FAMILIES)
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    positive = bool((outcome >= 0).all())
    whole = positive and bool((outcome == np.round(outcome)).all())
    fits = {"binary": binary, "count": positive, "hurdle": positive}
    if not fits.get(family, True):
        raise ConfigError(
            f"family={family!r} does not suit outcomes from {outcome.min():g} to "
            f"{outcome.max():g}; use family='continuous' or 'auto'."
        )
    if family != "auto":
        return family
    if binary:
        return "binary"
    if positive and (outcome == 0).mean() >= 0.5 and not whole:
        return "hurdle"
    return "count" if whole else "continuous"


def fit_mean(
    model: Any, family: str, x: np.ndarray, y: np.ndarray, weight: np.ndarray, seed: int
) -> Predict:
    """Fit a model of the mean outcome.

    Parameters
    ----------
    model : str or object
        ``"boosting"``, ``"linear"``, or an estimator with ``fit`` and ``predict``.
    family : {"binary", "count", "continuous", "hurdle"}
        What the outcomes are. A hurdle is the probability of more than zero times the mean of
        those above zero.
    x : numpy.ndarray, shape (row, column)
        Features.
    y, weight : numpy.ndarray, shape (row,)
        Outcomes and weights.
    seed : int
        Randomness of the model, where it has any.

    Returns
    -------
    callable
        From features to the mean outcome. The mean itself where outcomes do not vary.
    """
    if np.ptp(y) == 0:
        constant = float(y[0])
        return lambda z: np.full(len(z), constant)
    if family != "hurdle":
        return _fitted(_built(model, family, x, seed), family, x, y, weight)
    above = y > 0
    share = fit_mean(model, "binary", x, above.astype(float), weight, seed)
    amount = fit_mean(model, "continuous", x[above], y[above], weight[above], seed)
    return lambda z: share(z) * amount(z)


def fit_shares(
    model: Any, x: np.ndarray, arm: np.ndarray, n_arms: int, weight: np.ndarray, seed: int
) -> Predict:
    """Fit the probability of each arm.

    Parameters
    ----------
    model : str or object
        ``"boosting"``, ``"linear"``, or a classifier with ``predict_proba``.
    x : numpy.ndarray, shape (row, column)
        Features.
    arm : numpy.ndarray of int, shape (row,)
        Arms, 0 for the control.
    n_arms : int
        Arms, with the control.
    weight : numpy.ndarray, shape (row,)
        Weights.
    seed : int
        Randomness of the model.

    Returns
    -------
    callable
        From features to probabilities, shape (row, arm).

    Raises
    ------
    ConfigError
        If the model gives no probabilities.
    """
    built = _built(model, "binary", x, seed)
    if not hasattr(built, "predict_proba"):
        raise ConfigError(
            f"propensity_model is {type(built).__name__}, which has no predict_proba; expected a "
            "classifier."
        )
    fitted = _fit(built, x, arm, weight)
    if len(fitted.classes_) != n_arms:
        raise ConfigError("an arm is missing in a fold; use fewer folds.")
    return lambda z: np.clip(fitted.predict_proba(z), _TINY, 1 - _TINY)


def check_varies(outcome: np.ndarray, arm: np.ndarray, labels: list[Any]) -> None:
    """Refuse an arm in which the outcome is the same for everybody.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (row,)
        Outcomes.
    arm : numpy.ndarray of int, shape (row,)
        Arms.
    labels : list
        Labels of the arms.

    Raises
    ------
    ZeroVarianceError
        With the arm.
    """
    for code, label in enumerate(labels):
        own = outcome[arm == code]
        if len(own) and np.ptp(own) == 0:
            raise ZeroVarianceError(
                f"the outcome is {own[0]:g} for all {len(own):,} customers of arm {label!r}; "
                "nothing can be learned from them. Check the outcome, or leave the arm out."
            )


def _built(model: Any, family: str, x: np.ndarray, seed: int) -> Any:
    """Return a fresh, unfitted estimator."""
    if model == "boosting":
        return _boosting(family, len(x), seed)
    if model == "linear":
        return _linear(family, x)
    fresh = copy.deepcopy(model)
    if hasattr(fresh, "get_params") and "random_state" in fresh.get_params():
        fresh.set_params(random_state=seed % 2**32)
    return fresh


def _boosting(family: str, n: int, seed: int) -> Any:
    """Return gradient boosting that stops early; shallow, because effects are small."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings: dict[str, Any] = {
        "max_leaf_nodes": 15,
        "min_samples_leaf": int(np.clip(n // 100, 5, 50)),
        "max_iter": 200,
        "early_stopping": n >= 500,
        "n_iter_no_change": 5,
        "random_state": seed % 2**32,
    }
    if n < 500:
        settings |= {"max_iter": 30, "max_leaf_nodes": 4}
    if family == "binary":
        return HistGradientBoostingClassifier(**settings)
    loss = "poisson" if family == "count" else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, **settings)


def _linear(family: str, x: np.ndarray) -> Any:
    """Return a penalized regression on splines of the columns with enough values."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression, PoissonRegressor, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    parts: list[Any] = []
    for j, column in enumerate(x.T):
        knots = np.unique(np.quantile(column, _KNOTS))
        if len(knots) == len(_KNOTS):
            splines = SplineTransformer(
                knots=knots[:, None], degree=3, include_bias=False, extrapolation="linear"
            )
            parts.append((f"curve {j}", splines, [j]))
    columns = ColumnTransformer(parts, remainder="passthrough")
    last: Any = RidgeCV(alphas=np.geomspace(1e-3, 1e4, 15))
    if family == "binary":
        last = LogisticRegression(C=1.0, max_iter=1000)
    elif family == "count":
        last = PoissonRegressor(alpha=1e-3, max_iter=1000)
    return make_pipeline(columns, StandardScaler(), last)


def _fitted(model: Any, family: str, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Predict:
    by_class = family == "binary" and hasattr(model, "predict_proba")
    fitted = _fit(model, x, y.astype(int) if by_class else y, weight)
    if by_class:
        return lambda z: np.asarray(fitted.predict_proba(z), dtype=float)[:, 1]
    return lambda z: np.asarray(fitted.predict(z), dtype=float)


def _fit(model: Any, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Any:
    """Fit, handing on weights only where they differ."""
    if np.ptp(weight) == 0:
        return model.fit(x, y)
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        return model.fit(x, y, **{f"{model.steps[-1][0]}__sample_weight": weight})
    return model.fit(x, y, sample_weight=weight)
