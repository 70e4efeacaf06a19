"""The exceptions and warnings of cximpact.

A message has three parts: what was found (column, count, first row positions,
never personal data), what was expected, and what to do about it.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class CxImpactError(Exception):
    """Base class of every error that cximpact raises on purpose."""


# --- data ---------------------------------------------------------------------


class DataError(CxImpactError, ValueError):
    """The data that were handed in cannot be used as they are."""


class ColumnError(DataError):
    """A column is missing, doubled or empty."""


class MissingColumnError(ColumnError):
    """A column that was named is not in the frame."""

    @classmethod
    def from_names(
        cls, missing: Iterable[str], available: Iterable[str], *, role: str = ""
    ) -> MissingColumnError:
        """Name the missing columns, what there is, and the closest match.

        Parameters
        ----------
        missing : iterable of str
            Columns that were asked for.
        available : iterable of str
            Columns of the frame.
        role : str, optional
            What the column was wanted for, such as ``"outcome"``.

        Returns
        -------
        MissingColumnError
            Ready to raise.
        """
        missing, available = [str(m) for m in missing], [str(a) for a in available]
        wanted = f" (role {role!r})" if role else ""
        hint = "".join(_did_you_mean(m, available) for m in missing)
        return cls(
            f"Column {join_names(missing)}{wanted} not found; "
            f"available: {join_names(available)}.{hint}"
        )


class DuplicateColumnError(ColumnError):
    """Two columns share a name."""


class EmptyDataError(DataError):
    """There are no rows, or too few to do anything with."""


class DuplicateKeyError(DataError):
    """A key that must be unique occurs more than once."""


class MergeError(DataError):
    """A join met another cardinality than it was promised."""


class IdTypeError(DataError):
    """An identifier column has nulls, lost precision or another type than its partner."""


class MissingValueError(DataError):
    """A column has missing values where none are allowed."""


class MissingOutcomeError(MissingValueError):
    """The outcome is missing and no rule for that was chosen."""


class NonFiniteError(DataError):
    """A column has infinite values."""


class ScaleError(DataError):
    """An answer does not lie on its declared score scale."""


class DtypeError(DataError):
    """A column has a type that cannot be used, such as numbers stored as text."""


class NoRespondentsError(DataError):
    """Nobody answered."""


class TimezoneError(DataError):
    """Times with and without a zone, or in several zones, are mixed."""


class WeightError(DataError):
    """Weights or margins that cannot be used."""


class UnseenLevelError(DataError):
    """A level of a factor that the fit never met."""


class DanglingReferenceError(DataError):
    """A row points to something that is not in the repository."""


class CLVInputError(DataError):
    """Recency, frequency, age or spend that no customer can have."""


class BatchError(DataError):
    """A batch was added before, or the store is not one of ours."""


# --- design -------------------------------------------------------------------


class DesignError(CxImpactError, ValueError):
    """The data are sound but cannot answer the question that was asked."""


class NoControlError(DesignError):
    """There is no untreated comparison."""


class NoTreatedError(DesignError):
    """Nobody is treated."""


class TreatmentError(DesignError):
    """Treatment is coded in a way that cannot be read."""


class TreatmentReversalError(TreatmentError):
    """A unit leaves treatment again."""


class InsufficientPeriodsError(DesignError):
    """Too few periods for this estimator."""


class NoPreperiodError(InsufficientPeriodsError):
    """Treated units are never seen before treatment."""


class OverlapError(DesignError):
    """Treated and untreated are not comparable anywhere."""


class SeparationError(DesignError):
    """A variable predicts a binary outcome perfectly."""


class RankError(DesignError):
    """Columns are linearly dependent."""


class ClusterError(DesignError):
    """There are too few clusters for a variance."""


class ZeroVarianceError(DesignError):
    """A column that must vary is constant."""


class InsufficientDataError(DesignError):
    """There are no more rows than parameters."""


class CongenialityError(DesignError):
    """An effect model uses terms that the imputation model lacked."""


class TimeOrderError(DesignError):
    """What should come after was measured before."""


class GraphError(DesignError):
    """A graph of causes has a cycle, or a node that cannot be used."""


class DoubleCountingError(DesignError):
    """One gain would be turned into money twice."""


class NotCausalError(DesignError):
    """A descriptive result was handed to a step that needs a causal one."""


# --- everything else ----------------------------------------------------------


class ConvergenceError(CxImpactError):
    """A fit failed the convergence gate; ``fit`` holds its draws where there are any."""

    fit: Any = None


class AlignmentError(CxImpactError, ValueError):
    """Draws that do not belong to one joint sample were combined."""


class UnitsError(CxImpactError, ValueError):
    """Quantities in different units, or a percentage that is not spelled out."""


class ConfigError(CxImpactError, ValueError):
    """A setting is not usable; the message names its dotted path."""


class MemoryBudgetError(CxImpactError, MemoryError):
    """A result would not fit into the stated memory budget."""


class FileError(CxImpactError, OSError):
    """A file could not be read or written."""


class StoreLockedError(CxImpactError, OSError):
    """The repository is open in another process."""


class DatasetUnavailableError(CxImpactError, OSError):
    """A public data set is not on this machine and could not be fetched."""


# --- warnings -----------------------------------------------------------------


class CxImpactWarning(UserWarning):
    """Base class of every warning that cximpact gives."""


class AssumptionWarning(CxImpactWarning):
    """An assumption looks doubtful."""


class SmallSampleWarning(CxImpactWarning):
    """There is little data for the method that was chosen."""


class ConvergenceWarning(CxImpactWarning):
    """Draws come from a fit that did not pass the gate."""


class DataWarning(CxImpactWarning):
    """The data can be used, but look as if something went wrong with them."""


def warn_data(message: str) -> None:
    """Warn that data look wrong, pointing at the caller's line.

    Parameters
    ----------
    message : str
        What was found and what to check.
    """
    warnings.warn(message, DataWarning, stacklevel=3)


# --- wording ------------------------------------------------------------------


def join_names(names: Sequence[object], limit: int = 12) -> str:
    """Quote names for a message, at most ``limit`` of them.

    Parameters
    ----------
    names : sequence
        Names to list.
    limit : int, default 12
        How many to spell out.

    Returns
    -------
    str
        For example ``'a', 'b' and 3 more``.
    """
    shown = ", ".join(repr(str(n)) for n in names[:limit])
    rest = len(names) - limit
    return (shown or "none") + (f" and {rest} more" if rest > 0 else "")


def rows_phrase(positions: Sequence[int] | np.ndarray) -> str:
    """Say where the offending rows are, by position and never by content.

    Parameters
    ----------
    positions : sequence or array of int
        All offending row positions, from 0.

    Returns
    -------
    str
        For example ``7 rows, first at positions 0, 3, 4, 9, 12``.
    """
    n = len(positions)
    first = ", ".join(str(int(p)) for p in positions[:5])
    noun = "row" if n == 1 else "rows"
    where = "at position" if n == 1 else ("at positions" if n <= 5 else "first at positions")
    return f"{n} {noun}, {where} {first}"


def closest(name: str, available: Iterable[str]) -> str | None:
    """Return the available name nearest to a mistyped one.

    Parameters
    ----------
    name : str
        What was typed.
    available : iterable of str
        What there is.

    Returns
    -------
    str or None
        The best match, or None when nothing is near.
    """
    available = [str(a) for a in available]
    folded = {a.casefold(): a for a in reversed(available)}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[match[0]] if match else None


def unknown_name(what: str, name: object, available: Iterable[str]) -> ConfigError:
    """Say that a name is not among those that could be meant.

    Parameters
    ----------
    what : str
        What it should name, such as ``"initiative"``.
    name : object
        What was given.
    available : iterable of str
        What there is.

    Returns
    -------
    ConfigError
        With the closest name, to be raised.
    """
    known = [str(a) for a in available]
    return ConfigError(
        f"{what} {str(name)!r} is unknown; expected {join_names(known)}."
        f"{_did_you_mean(str(name), known)}"
    )


def _did_you_mean(name: str, available: Sequence[str]) -> str:
    best = closest(name, available)
    return f" Did you mean {best!r}?" if best else ""
