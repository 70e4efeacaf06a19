"""Means and propensities for every customer, from models that did not see the customer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.errors import (
    AssumptionWarning,
    InsufficientDataError,
    NoControlError,
    NoTreatedError,
    OverlapError,
)
from cximpact.core.validate import check_choice, check_count
from cximpact.data.customer_rows import CustomerRows
from cximpact.effects.uplift.outcome_models import (
    FAMILIES,
    Predict,
    check_model,
    family_of,
    fit_mean,
    fit_shares,
)

CLOSE = 0.01
"""A propensity nearer to 0 or 1 than this is rare to meet; a warning says so."""
_IMPOSSIBLE = 1e-3
_SHARES = ("none", *("boosting", "linear"))


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFit:
    """How means and propensities are estimated.

    Parameters
    ----------
    folds : int, default 5
        Parts; the models for one part are fitted on the others. Customers and clusters are kept
        whole.
    repeats : int, default 1
        How often customers are put into folds anew. Several splits are combined by the median,
        so that no result hangs on one of them.
    family : {"auto", "binary", "count", "continuous", "hurdle"}
        What the outcomes are; see `family_of`.
    propensity_model : str or estimator, default "linear"
        For a propensity that is not known: ``"linear"`` (a penalized logit on splines),
        ``"boosting"``, or a classifier with ``predict_proba``. ``"none"`` says that treatment was
        given at random with one probability for all, which is then the share of each arm.
    """

    folds: int = 5
    repeats: int = 1
    family: str = "auto"
    propensity_model: Any = "linear"

    def __post_init__(self) -> None:
        check_count(self.folds, "crossfit.folds", low=2)
        check_count(self.repeats, "crossfit.repeats")
        check_choice(self.family, "crossfit.family", FAMILIES)
        if self.propensity_model != "none":
            check_model(self.propensity_model, "crossfit.propensity_model")


@dataclass(frozen=True, kw_only=True, eq=False)
class Nuisances:
    """Predictions for each customer by models that did not see the customer.

    Parameters
    ----------
    mean : numpy.ndarray, shape (row, 1 + arm)
        Mean outcome in each arm, the control first.
    propensity : numpy.ndarray, shape (row, 1 + arm)
        Probability of each arm.
    estimated : bool
        Whether the propensity was estimated.
    means, shares : list of callable
        The models of each fold, from features to means or propensities of all arms; a new
        customer gets the average over folds.
    family : str
        What the outcomes were taken for.
    """

    mean: np.ndarray = field(repr=False)
    propensity: np.ndarray = field(repr=False)
    estimated: bool
    means: list[Predict] = field(repr=False)
    shares: list[Predict] = field(repr=False)
    family: str

    @classmethod
    def averaged(cls, parts: list[Nuisances]) -> Nuisances:
        """Average several splits into folds.

        Parameters
        ----------
        parts : list of Nuisances
            One a split.

        Returns
        -------
        Nuisances
            Means of the predictions, and all models.
        """
        if len(parts) == 1:
            return parts[0]
        return cls(
            mean=np.mean([p.mean for p in parts], axis=0),
            propensity=np.mean([p.propensity for p in parts], axis=0),
            estimated=parts[0].estimated,
            means=[fold for p in parts for fold in p.means],
            shares=[share for p in parts for share in p.shares],
            family=parts[0].family,
        )

    def mean_of(self, x: np.ndarray) -> np.ndarray:
        """Predict the mean outcome of new customers in each arm.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (row, 1 + arm)
            Average over the folds' models.
        """
        return np.mean([fold(x) for fold in self.means], axis=0)

    def propensity_of(self, x: np.ndarray) -> np.ndarray:
        """Predict the propensity of new customers.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features.

        Returns
        -------
        numpy.ndarray, shape (row, 1 + arm)
            Average over the folds' models; the mean of the training customers where the
            propensity was known.
        """
        if not self.shares:
            return np.tile(self.propensity.mean(axis=0), (len(x), 1))
        return np.mean([share(x) for share in self.shares], axis=0)


def cross_fit(
    settings: CrossFit,
    model: Any,
    x: np.ndarray,
    rows: CustomerRows,
    n_arms: int,
    rng: np.random.Generator,
    *,
    pooled: bool = False,
) -> Nuisances:
    """Fit means and propensities fold by fold.

    Parameters
    ----------
    settings : CrossFit
        How.
    model : str or estimator
        Model of the mean outcome.
    x : numpy.ndarray, shape (row, column)
        Features.
    rows : CustomerRows
        Customers.
    n_arms : int
        Arms, with the control.
    rng : numpy.random.Generator
        Randomness of the folds and of the models.
    pooled : bool, default False
        Whether one model of the mean, with the arm among its features, serves all arms.

    Returns
    -------
    Nuisances
        Predictions out of fold.

    Raises
    ------
    NoTreatedError, NoControlError
        If an arm is missing in the customers that a fold's models learn from.
    InsufficientDataError
        If there are fewer customers or clusters than folds.
    """
    family = family_of(rows.outcome, settings.family)
    fold = assign_folds(rows, settings.folds, rng)
    seeds = rng.integers(2**31, size=settings.folds)
    mean = np.empty((rows.n_rows, n_arms))
    known = rows.propensity is not None
    propensity = np.array(rows.propensity) if known else np.empty((rows.n_rows, n_arms))
    means: list[Predict] = []
    shares: list[Predict] = []
    for k in range(settings.folds):
        learn, own = fold != k, fold == k
        for a in range(n_arms):
            _check_arm(int((learn & (rows.arm == a)).sum()), a, k)
        fit = _pooled_means if pooled else _separate_means
        means.append(fit(model, family, x, rows, learn, n_arms, int(seeds[k])))
        mean[own] = means[-1](x[own])
        if not known:
            share = _share_model(settings.propensity_model, x, rows, learn, n_arms, int(seeds[k]))
            propensity[own] = share(x[own])
            shares.append(share)
    return Nuisances(
        mean=mean,
        propensity=propensity,
        estimated=not known,
        means=means,
        shares=shares,
        family=family,
    )


def assign_folds(rows: CustomerRows, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Put customers into folds at random, each fold with its share of every arm.

    Parameters
    ----------
    rows : CustomerRows
        Customers.
    folds : int
        How many.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    numpy.ndarray of int, shape (row,)
        Fold of each row; the rows of one group are together.

    Raises
    ------
    InsufficientDataError
        If there are fewer groups than folds.
    """
    group = np.unique(rows.group, return_inverse=True)[1]
    n_groups = int(group.max()) + 1
    if n_groups < folds:
        raise InsufficientDataError(
            f"{n_groups} customers or clusters cannot be put into {folds} folds; use fewer folds."
        )
    first = np.full(n_groups, -1)
    first[group[::-1]] = rows.arm[::-1]
    order = rng.permutation(n_groups)
    order = order[np.argsort(first[order], kind="stable")]
    of_group = np.empty(n_groups, dtype=int)
    of_group[order] = np.arange(n_groups) % folds
    return of_group[group]


def pooled_columns(x: np.ndarray, arm: np.ndarray, n_arms: int) -> np.ndarray:
    """Put the arm beside the features, as a column of 0 and 1 for each treated arm.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, column)
        Features.
    arm : numpy.ndarray of int, shape (row,)
        Arms.
    n_arms : int
        Arms, with the control.

    Returns
    -------
    numpy.ndarray, shape (row, column + n_arms - 1)
        Features of a model for all arms.
    """
    return np.column_stack([x, *(arm == a for a in range(1, n_arms))])


def _separate_means(
    model: Any,
    family: str,
    x: np.ndarray,
    rows: CustomerRows,
    learn: np.ndarray,
    n_arms: int,
    seed: int,
) -> Predict:
    """Fit one model an arm."""
    models = []
    for a in range(n_arms):
        own = learn & (rows.arm == a)
        models.append(fit_mean(model, family, x[own], rows.outcome[own], rows.weight[own], seed))
    return lambda z: np.column_stack([one(z) for one in models])


def _pooled_means(
    model: Any,
    family: str,
    x: np.ndarray,
    rows: CustomerRows,
    learn: np.ndarray,
    n_arms: int,
    seed: int,
) -> Predict:
    """Fit one model for all arms."""
    of = pooled_columns(x[learn], rows.arm[learn], n_arms)
    one = fit_mean(model, family, of, rows.outcome[learn], rows.weight[learn], seed)
    return lambda z: np.column_stack(
        [one(pooled_columns(z, np.full(len(z), a), n_arms)) for a in range(n_arms)]
    )


def _share_model(
    model: Any, x: np.ndarray, rows: CustomerRows, learn: np.ndarray, n_arms: int, seed: int
) -> Predict:
    if model != "none":
        return fit_shares(model, x[learn], rows.arm[learn], n_arms, rows.weight[learn], seed)
    totals = np.bincount(rows.arm[learn], weights=rows.weight[learn], minlength=n_arms)
    share = totals / totals.sum()
    constant: Callable[[np.ndarray], np.ndarray] = lambda z: np.tile(share, (len(z), 1))  # noqa: E731
    return constant


def _check_arm(n: int, arm: int, fold: int) -> None:
    if n >= 2:
        return
    error = NoTreatedError if arm else NoControlError
    who = f"treated arm {arm}" if arm else "the control"
    raise error(
        f"without fold {fold + 1} there are {n} customers in {who}, from whom nothing can be "
        "learned; use fewer folds, or leave the arm out."
    )


def check_overlap(propensity: np.ndarray) -> None:
    """Refuse what cannot be compared, and warn of what hardly can.

    Parameters
    ----------
    propensity : numpy.ndarray, shape (row, 1 + arm)
        Estimated probability of each arm.

    Raises
    ------
    OverlapError
        If some customers could hardly have been in one of the arms.
    """
    least = propensity.min(axis=1)
    if impossible := int((least < _IMPOSSIBLE).sum()):
        raise OverlapError(
            f"{impossible:,} of {len(least):,} customers have a probability below {_IMPOSSIBLE:g} "
            "of an arm given their features: nobody is comparable to them. Leave out the feature "
            "that decides treatment, or estimate for those who overlap with "
            "AverageEffect(target='trimmed') or target='overlap'."
        )
    if rare := int((least < CLOSE).sum()):
        warnings.warn(
            f"{rare:,} of {len(least):,} customers have a propensity below {CLOSE:g} of an arm; "
            "their few counterparts weigh a lot. Consider AverageEffect(target='overlap').",
            AssumptionWarning,
            stacklevel=5,
        )
