"""From settings to terms: the basis that each column, interaction and path needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cximpact.core.errors import InsufficientDataError, MemoryBudgetError
from cximpact.data import Cells
from cximpact.imputation import terms as tm
from cximpact.imputation.spec import Spec

MAX_LEVELS = 3_000


def build_terms(
    spec: Spec, cells: Cells, levels: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray]
) -> tuple[tm.Term, ...]:
    """Build every term with its basis.

    Parameters
    ----------
    spec : Spec
        Which terms there are.
    cells : Cells
        Answers of each level order the coordinates of its term.
    levels : mapping of str to numpy.ndarray
        Column to its levels.
    codes : mapping of str to numpy.ndarray of int, shape (cell,)
        Column to the level number of each cell.

    Returns
    -------
    tuple of Term
        Columns first, then the local trend, interactions and the response style.

    Raises
    ------
    MemoryBudgetError
        If a term has too many levels.
    InsufficientDataError
        If there are too few periods for a local trend.
    """
    bases = {name: _basis(spec, name, levels[name], codes[name], cells) for name in levels}
    out = []
    for name in spec.main:
        kind = "open" if name in spec.open else "exchangeable"
        if name == spec.period and spec.period_model in ("random_walk", "local_trend"):
            kind = "walk"
        basis = None if kind == "open" else bases[name]
        out.append(tm.Term(name=name, columns=(name,), kind=kind, labels=levels[name], basis=basis))
    if spec.period is not None and spec.period_model == "local_trend":
        out.append(_drift(spec.period, levels[spec.period]))
    for pair in spec.interactions:
        out.append(_interaction(pair, levels, bases))
    if spec.has_style_shift:
        style = str(spec.style)
        out.append(
            tm.Term(
                name=f"style_{style}",
                columns=(style,),
                kind="style",
                labels=levels[style],
                basis=bases[style],
            )
        )
    return tuple(out)


def _basis(
    spec: Spec, name: str, levels: np.ndarray, codes: np.ndarray, cells: Cells
) -> np.ndarray:
    if name == spec.period and spec.period_model in ("random_walk", "local_trend"):
        return tm.walk_basis(len(levels))
    if name in spec.open:
        return np.empty((0, 0))
    _check_levels(name, len(levels))
    return tm.zero_sum_basis(np.bincount(codes, weights=cells.answered, minlength=len(levels)))


def _drift(period: str, levels: np.ndarray) -> tm.Term:
    if len(levels) < 3:
        raise InsufficientDataError(
            f"Period {period!r} has {len(levels)} levels; a local trend needs at least 3."
        )
    return tm.Term(
        name=f"drift_{period}",
        columns=(period,),
        kind="drift",
        labels=levels,
        basis=tm.drift_basis(len(levels)),
    )


def _interaction(
    pair: tuple[str, ...], levels: Mapping[str, np.ndarray], bases: Mapping[str, np.ndarray]
) -> tm.Term:
    name = ":".join(pair)
    _check_levels(name, int(np.prod([len(levels[c]) for c in pair])))
    labels = pd.MultiIndex.from_product([levels[c] for c in pair])
    return tm.Term(
        name=name,
        columns=pair,
        kind="interaction",
        labels=np.array([" · ".join(map(str, row)) for row in labels]),
        basis=tm.crossed_basis([bases[c] for c in pair]),
    )


def _check_levels(name: str, n: int) -> None:
    if n > MAX_LEVELS:
        raise MemoryBudgetError(
            f"{name!r} has {n:,} levels, more than {MAX_LEVELS:,}; merge levels, or name a factor "
            "in OrdinalImputer(open=...)."
        )
