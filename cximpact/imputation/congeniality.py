"""Whether an analysis asks no more of imputed scores than the imputation knew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import pandas as pd

from cximpact.core.errors import CongenialityError, MissingColumnError, join_names


class Imputed(Protocol):
    """Anything that was imputed: `ImputedScores` or `CompletedScores`."""

    @property
    def terms(self) -> tuple[str, ...]:
        """What the imputation model knows."""
        ...


def check_congenial(
    imputed: Imputed, needed: Sequence[str], *, frame: pd.DataFrame | None = None
) -> None:
    """Refuse an analysis that uses terms which the imputation model lacked.

    Parameters
    ----------
    imputed : ImputedScores or CompletedScores
        Imputed scores.
    needed : sequence of str
        Terms of the analysis: columns, and interactions such as ``"treated:post"``. Where the
        score is a regressor, the outcome is one of them.
    frame : pandas.DataFrame, optional
        The data of the analysis. A needed term then also counts as known when it is fixed
        within the levels of one term of the imputation model, such as treatment within store.

    Raises
    ------
    CongenialityError
        If a term is not known.
    MissingColumnError
        If the frame lacks a column of a needed term.

    Notes
    -----
    An imputation that does not know of a treatment draws the missing answers as if it had no
    effect: the effect on the score shrinks to about the share of answers times itself. A score
    that was drawn without knowing the outcome is related to it only where it was observed. A
    term that is known through the levels of a random effect is still shrunk where a level has
    few answers.

    References
    ----------
    Meng, X.-L. (1994). Multiple-imputation inferences with uncongenial sources of input.
    Statistical Science 9, 538-558.
    """
    known = [_columns(term) for term in imputed.terms]
    missing = [term for term in needed if not _known(_columns(term), known, frame)]
    if not missing:
        return
    names = join_names(missing)
    raise CongenialityError(
        f"the analysis uses {names}, which the imputation model lacked; it knows "
        f"{join_names(list(imputed.terms)) or 'nothing'}. Answers drawn without {names} shrink "
        "what is found about it towards zero. Impute again with "
        + "; ".join(_advice(term) for term in missing)
        + ", or fit score and behavior together with ScoreBehaviorModel."
    )


def _columns(term: str) -> frozenset[str]:
    return frozenset(term.split(":"))


def _known(
    needed: frozenset[str], known: Iterable[frozenset[str]], frame: pd.DataFrame | None
) -> bool:
    if needed in known:
        return True
    if frame is None:
        return False
    if absent := [name for name in sorted(needed) if name not in frame]:
        raise MissingColumnError.from_names(absent, list(frame), role="needed")
    return any(
        term <= set(frame.columns) and _fixed_within(frame, sorted(needed), sorted(term))
        for term in known
    )


def _fixed_within(frame: pd.DataFrame, columns: list[str], term: list[str]) -> bool:
    """Whether columns have one value in each level of a term."""
    both = frame[[*term, *(c for c in columns if c not in term)]].drop_duplicates()
    return not both.duplicated(term).any()


def _advice(term: str) -> str:
    columns = term.split(":")
    if len(columns) == 1:
        return f"{term!r} among factors (or covariates)"
    return f"interactions=[{term!r}] and its columns among factors"
