"""A frame that is known only by its margins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cximpact.core.errors import MissingColumnError, WeightError
from cximpact.data import Cells
from cximpact.scores.raking import rake


def rake_frame(cells: Cells, margins: Mapping[str, Mapping[Any, float]]) -> Cells:
    """Weight the people of cells so that every margin is the known one.

    Parameters
    ----------
    cells : Cells
        Cells of the people at hand, such as those who were invited.
    margins : mapping of str to mapping of level to float
        For each column, the known size or share of each level. All margins have one total.

    Returns
    -------
    Cells
        The same cells with other weights; scores of ``dataclasses.replace(imputed, cells=...)``
        then speak for the people of the margins.

    Raises
    ------
    MissingColumnError
        If the cells were not formed by a column.
    WeightError
        If margins disagree with each other or with the levels, or raking does not converge.

    Notes
    -----
    The people in the cells are raked, answers and silent alike; those who answered carry the
    mean weight of their cell. The joint distribution of the columns is taken to be that of the
    people at hand, up to factors for each margin (log-linear without new interactions). Known
    joint counts are better.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency
    table when the expected marginal totals are known. Annals of Mathematical Statistics 11,
    427-444.
    """
    if missing := [name for name in margins if name not in cells.by]:
        raise MissingColumnError.from_names(missing, cells.by, role="margin")
    if not (cells.frame_weight > 0).all():
        empty = int((cells.frame_weight <= 0).sum())
        raise WeightError(f"{empty} cells have people but no weight; leave them out.")
    raked = rake(cells.index[list(margins)], margins, weights=cells.frame_weight)
    size = float(sum(next(iter(margins.values())).values()))
    total = cells.frame_weight.sum() if abs(size - 1) < 1e-9 or abs(size - 100) < 1e-9 else size
    weight = raked.weights / raked.weights.sum() * total
    each = weight / cells.frame_weight
    return replace(
        cells,
        weight=cells.weight * each[cells.cell],
        weight_sq=cells.weight_sq * each[cells.cell] ** 2,
        frame_weight=np.asarray(weight),
    )
