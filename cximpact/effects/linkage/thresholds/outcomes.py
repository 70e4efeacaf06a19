"""Outcomes as parts of a model: happened or not, an amount, or an amount of those who buy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from cximpact.core.errors import DataError, InsufficientDataError, ZeroVarianceError, rows_phrase
from cximpact.core.validate import check_choice
from cximpact.effects.linkage.rows import LinkedRows
from cximpact.effects.linkage.thresholds.binary import BinaryPart
from cximpact.effects.linkage.thresholds.normal import NormalPart

AUTO, BINARY, NORMAL, HURDLE = "auto", "binary", "normal", "hurdle"
FAMILIES = (AUTO, BINARY, NORMAL, HURDLE)
Part = BinaryPart | NormalPart


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One outcome: its parts, whose evidence for a shape adds up.

    Parameters
    ----------
    name : str
        Its column.
    family : {"binary", "normal", "hurdle"}
        What it is.
    parts : tuple of BinaryPart or NormalPart
        One part; for a hurdle whether there is an amount, then the log amount where there is.
    """

    name: str
    family: str
    parts: tuple[Part, ...] = field(repr=False)

    @property
    def is_rate(self) -> bool:
        """Whether its mean is a probability."""
        return self.family == BINARY

    def mean(self, values: Sequence[np.ndarray], h: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the mean outcome over some customers.

        Parameters
        ----------
        values : sequence of numpy.ndarray, shape (draw, coefficient)
            Draws of the coefficients, one array a part.
        h : numpy.ndarray, shape (draw, score)
            How far up its shape each draw puts each score.
        x : numpy.ndarray, shape (customer, term)
            Covariates of those over whom it averages.

        Returns
        -------
        numpy.ndarray, shape (draw, score)
            Means.
        """
        n_terms = x.shape[1]
        out = np.zeros(h.shape)
        for row in x if n_terms else np.empty((1, 0)):
            etas = [
                v[:, :1] * (1 - h) + v[:, 1:2] * h + (v[:, 2 : 2 + n_terms] @ row)[:, None]
                for v in values
            ]
            out += self._mean_of(etas, values)
        return out / max(len(x) if n_terms else 1, 1)

    def _mean_of(self, etas: list[np.ndarray], values: Sequence[np.ndarray]) -> np.ndarray:
        if self.family == BINARY:
            return special.expit(etas[0])
        if self.family == NORMAL:
            return etas[0]
        return special.expit(etas[0]) * np.exp(etas[1] + 0.5 * values[1][:, -1:])


def family_of(y: np.ndarray, name: str, given: str | Mapping[str, str]) -> str:
    """Decide what an outcome is.

    Parameters
    ----------
    y : numpy.ndarray
        Values.
    name : str
        Column.
    given : str or mapping of str to str
        What the user says, for all outcomes or by column.

    Returns
    -------
    str
        ``binary``, ``normal`` or ``hurdle``.

    Raises
    ------
    DataError
        If the values do not fit.
    """
    said = given if isinstance(given, str) else given.get(name, AUTO)
    check_choice(said, f"family of {name!r}", FAMILIES)
    is_share = bool(np.isin(y, (0, 1)).all())
    if said == AUTO:
        return BINARY if is_share else NORMAL
    if said == BINARY and not is_share:
        rows = np.flatnonzero(~np.isin(y, (0, 1)))
        raise DataError(
            f"Column {name!r} has other values than 0 and 1 in {rows_phrase(rows)}; a binary "
            "outcome has only these. Say family='normal' or 'hurdle'."
        )
    if said == HURDLE and (rows := np.flatnonzero(y < 0)).size:
        raise DataError(
            f"Column {name!r} is below 0 in {rows_phrase(rows)}; a hurdle outcome is 0 or an "
            "amount. Say family='normal', or set refunds apart."
        )
    return said


def build_outcome(
    rows: LinkedRows, role: str, name: str, family: str, beta: tuple[float, float]
) -> Outcome:
    """Build an outcome from rows.

    Parameters
    ----------
    rows : LinkedRows
        Rows with the role ``score``.
    role, name : str
        Role and column of the outcome.
    family : {"binary", "normal", "hurdle"}
        What it is.
    beta : tuple of float
        Prior of rates.

    Returns
    -------
    Outcome
        With its parts.

    Raises
    ------
    ZeroVarianceError, InsufficientDataError
        If a hurdle outcome has no zeros, or too few amounts or amounts that are all alike.
    """
    score, y, x = rows.numbers["score"], rows.numbers[role], rows.design
    if family == BINARY:
        return Outcome(name=name, family=family, parts=(BinaryPart.from_rows(score, x, y, beta),))
    if family == NORMAL:
        return Outcome(name=name, family=family, parts=(NormalPart.from_rows(score, x, y),))
    some = y > 0
    if some.all():
        raise ZeroVarianceError(
            f"Column {name!r} is above 0 in all {y.size:,} rows, so nobody is before the hurdle; "
            "say family='normal' for its logarithm instead."
        )
    if some.sum() < 3 or np.ptp(y[some]) == 0:
        raise InsufficientDataError(
            f"Column {name!r} has {int(some.sum())} amounts above 0 that tell little; expected at "
            "least 3 that differ. Say family='binary' for whether there is one."
        )
    parts: tuple[Part, ...] = (
        BinaryPart.from_rows(score, x, some.astype(float), beta),
        NormalPart.from_rows(score[some], x[some], np.log(y[some])),
    )
    return Outcome(name=name, family=family, parts=parts)
