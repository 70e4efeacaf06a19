"""Propensities by logistic regression, that can be estimated again with other weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ZeroVarianceError
from cximpact.effects.overlap.arms import check_arms, check_length
from cximpact.effects.overlap.columns import split_columns
from cximpact.scores.logit import fit_logit


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticPropensity:
    """A logistic regression of treatment, to be fitted with any weights.

    Parameters
    ----------
    design : numpy.ndarray, shape (n, term)
        Constant and standardized columns.
    treated : numpy.ndarray of bool, shape (n,)
        Who was treated.
    names : tuple of str
        Terms.
    """

    design: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    names: tuple[str, ...]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Fit with weights and predict.

        Parameters
        ----------
        weights : numpy.ndarray, shape (n,)
            How much each customer counts.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Probability of treatment of every customer.
        """
        fit = fit_logit(self.design, weights * self.treated, weights, self.names)
        return fit.predict(self.design)


def logistic_propensity(features: Any, treatment: ArrayLike) -> LogisticPropensity:
    """Prepare a logistic regression of treatment on features.

    Parameters
    ----------
    features : frame
        One row a customer; numbers and categories.
    treatment : array_like, shape (n,)
        0 and 1.

    Returns
    -------
    LogisticPropensity
        Called with weights it returns propensities; `MarginalSensitivity` calls it in every
        bootstrap sample.

    Raises
    ------
    ZeroVarianceError
        If a feature is the same for all.
    SeparationError
        When it is called and a feature tells the arms apart without error.

    Notes
    -----
    Main effects only. Other models serve as well: any function from weights to propensities.
    """
    treated = check_arms(treatment)
    columns = split_columns(features, drop_first=True)
    terms = [np.ones(treated.size)]
    for column in columns:
        check_length(column.values, treated.size, "the frame of features")
        if not (spread := column.values.std()) > 0:
            raise ZeroVarianceError(
                f"the feature {column.variable!r} is the same for all customers; leave it out."
            )
        terms.append((column.values - column.values.mean()) / spread)
    levels = [f"{c.variable}[{c.level}]" if c.level else c.variable for c in columns]
    return LogisticPropensity(
        design=np.column_stack(terms), treated=treated, names=("constant", *levels)
    )
