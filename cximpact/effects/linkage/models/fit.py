"""A fitted conditional model: parameters, and what each row did to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import InsufficientDataError, RankError, join_names
from cximpact.core.rank import dependent_columns


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFit:
    """Parameters of a conditional model, on a scale on which they are free.

    Parameters
    ----------
    names : tuple of str
        One a parameter.
    values : numpy.ndarray, shape (parameter,)
        Maximum of the weighted likelihood.
    influence : numpy.ndarray, shape (row, parameter)
        How much the weight of each row moves each parameter; columns sum to 0.
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)
    influence: np.ndarray = field(repr=False)


def from_scores(
    names: Sequence[str], values: np.ndarray, scores: np.ndarray, information: np.ndarray
) -> ModelFit:
    """Turn scores of rows into their influence.

    Parameters
    ----------
    names : sequence of str
        One a parameter.
    values : numpy.ndarray, shape (parameter,)
        Estimates.
    scores : numpy.ndarray, shape (row, parameter)
        Weighted derivative of each row's log-likelihood.
    information : numpy.ndarray, shape (parameter, parameter)
        Weighted negative second derivative of the log-likelihood.

    Returns
    -------
    ModelFit
        With influence = scores times the inverse information.
    """
    return ModelFit(
        names=tuple(names), values=values, influence=np.linalg.solve(information, scores.T).T
    )


def check_design(x: np.ndarray, terms: Sequence[str], what: str) -> None:
    """Refuse a design that has too few rows or depends on itself.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, term)
        Design with its constant.
    terms : sequence of str
        Names of its columns.
    what : str
        What is modeled.

    Raises
    ------
    InsufficientDataError, RankError
        With the terms.
    """
    if len(x) <= x.shape[1] + 1:
        raise InsufficientDataError(
            f"the model of {what!r} has {x.shape[1]} terms and {len(x):,} rows; expected more rows."
        )
    if dependent := dependent_columns(x):
        raise RankError(
            f"in the model of {what!r} {join_names([terms[k] for k in dependent])} can be told "
            "from the other terms exactly; leave out one that says the same."
        )
