"""What is believed of customers' scores: known, or the probability of every answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, MissingValueError, rows_phrase
from cximpact.data import checks, frames
from cximpact.imputation.customers import CustomerScores


@dataclass(frozen=True, kw_only=True, eq=False)
class Beliefs:
    """Scores of customers as probabilities.

    Parameters
    ----------
    levels : numpy.ndarray, shape (level,)
        Scores that are possible.
    code : numpy.ndarray of int, shape (customer,), or None
        Level of each customer, where scores are known.
    pmf : numpy.ndarray, shape (customer, level), or None
        Probability of each level, where they are predicted.
    names : numpy.ndarray or None
        Who the customers are.
    again : numpy.ndarray or None
        Second scores; NaN where there is none.
    """

    levels: np.ndarray = field(repr=False)
    code: np.ndarray | None = field(repr=False)
    pmf: np.ndarray | None = field(repr=False)
    names: np.ndarray | None = field(repr=False)
    again: np.ndarray | None = field(repr=False)

    @property
    def score(self) -> np.ndarray | None:
        """Score of each customer; None where they are predicted."""
        return None if self.code is None else self.levels[self.code]

    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the different beliefs, and which of them each customer has.

        Returns
        -------
        numpy.ndarray, shape (kind, level)
            Probabilities.
        numpy.ndarray of int, shape (customer,)
            Kinds.
        """
        if self.code is not None or self.pmf is None:
            code = np.empty(0, dtype=int) if self.code is None else self.code
            return np.eye(self.levels.size), code
        rows, code = np.unique(self.pmf, axis=0, return_inverse=True)
        return rows, code.ravel()


def beliefs_of(
    customers: Any, score: str, *, customer: str | None = None, again: str | None = None
) -> Beliefs:
    """Read what is known of customers' scores.

    Parameters
    ----------
    customers : frame or CustomerScores
        Rows with the score, or predicted scores.
    score : str
        Column of the score.
    customer : str, optional
        Column that names the customer.
    again : str, optional
        Column of a second score.

    Returns
    -------
    Beliefs
        Levels and probabilities.

    Raises
    ------
    DataError
        If the column is missing, no number, or lacks values.
    ConfigError
        If a second score is named for predicted scores.
    """
    if isinstance(customers, CustomerScores):
        if again is not None:
            raise ConfigError("scores are predicted; a second score cannot be compared with them.")
        return _predicted(customers)
    opened = frames.open_frame(customers)
    roles = {"score": score, "customer": customer, "again": again}
    frames.check_columns(opened, roles)
    for role in ("score", "again"):
        column = roles[role]
        if column is not None:
            frames.check_numeric(opened, column, role)
            checks.check_finite(opened, column)
    frames.count_rows(opened)
    table = frames.collect(frames.select(opened, {k: v for k, v in roles.items() if v}))
    if (rows := np.flatnonzero(table["score"].isna().to_numpy())).size:
        raise MissingValueError(
            f"Column {score!r} is missing in {rows_phrase(rows)}; impute it and hand over the "
            "customers that cx.imputation gives, or leave these rows out."
        )
    levels, code = np.unique(table["score"].to_numpy(dtype=float), return_inverse=True)
    return Beliefs(
        levels=levels,
        code=code,
        pmf=None,
        names=table["customer"].to_numpy() if customer else None,
        again=table["again"].to_numpy(dtype=float, na_value=np.nan) if again else None,
    )


def _predicted(customers: CustomerScores) -> Beliefs:
    table = customers.frame()
    pmf = np.array(table[list(customers.pmf_columns)], dtype=float)
    levels = np.array([float(v) for v in customers.scale.values])
    given = table["answer"].to_numpy(dtype=float, na_value=np.nan)
    known = ~np.isnan(given)
    pmf[known] = (given[known, None] == levels).astype(float)
    names = table[customers.customer].to_numpy() if customers.customer else None
    return Beliefs(levels=levels, code=None, pmf=pmf, names=names, again=None)
