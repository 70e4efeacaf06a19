"""Answers of people in cells that the fit may never have met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, MemoryBudgetError
from cximpact.core.rng import RngLike, spawn
from cximpact.core.sample_order import carried_notes, noted
from cximpact.core.validate import check_choice
from cximpact.imputation.design import Design
from cximpact.imputation.poststratify import probabilities

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

NEW_LEVELS = ("refuse", "population")
_MOST = 100_000_000


def predict(
    imputed: ImputedScores,
    table: pd.DataFrame,
    *,
    new_levels: str = "refuse",
    rng: RngLike = None,
) -> xr.DataArray:
    """Draw the answer probabilities of other people.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    table : pandas.DataFrame, shape (row, column)
        Every column of the model.
    new_levels : {"refuse", "population"}
        What to do with levels of an open factor that the fit never met: refuse them, or draw
        their effects from the distribution of such levels, ``N(0, sigma)``.
    rng : int or Generator, optional
        Randomness of new levels; the seed of the fit by default.

    Returns
    -------
    xarray.DataArray
        Dimensions ``sample``, ``row`` and ``answer``; a row's probabilities sum to 1.

    Raises
    ------
    UnseenLevelError
        If a level is unknown and may not be drawn.
    MemoryBudgetError
        If the table is too long; use ``customers`` for whole waves.

    Notes
    -----
    The scale of new effects is the model's ``sigma``, not the standard deviation of the
    effects that were seen, which is smaller.
    """
    check_choice(new_levels, "new_levels", NEW_LEVELS)
    scale = imputed.cells.scale
    size = imputed.draws.sizes[dr.SAMPLE] * len(table) * scale.n_categories
    if size > _MOST:
        raise MemoryBudgetError(
            f"{len(table):,} rows make {size:,} probabilities; predict fewer rows, or use "
            "ImputedScores.customers, which works in chunks."
        )
    design = imputed.design.at(table, open_levels=new_levels == "population")
    (stream,) = spawn(imputed.provenance.seed if rng is None else rng, "new levels")
    draws = with_new_levels(imputed.draws, design, stream)
    chunks = list(probabilities(draws, design.at_reference()))
    out = dr.from_array(
        np.concatenate(chunks),
        source="prediction",
        dims=("row", "answer"),
        coords={"row": np.arange(len(table)), "answer": np.asarray(scale.values)},
        name="probability",
        attrs={"unit": "probability"},
    )
    return noted(out, dr.order_of(imputed.draws), carried_notes(imputed.draws))


def with_new_levels(draws: xr.Dataset, design: Design, rng: np.random.Generator) -> xr.Dataset:
    """Draw the effects of levels of open factors that the fit never met.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the fit.
    design : Design
        From `Design.at` with ``open_levels=True``.
    rng : numpy.random.Generator
        Randomness.

    Returns
    -------
    xarray.Dataset
        The draws, with longer effects where there are new levels.

    Raises
    ------
    ConfigError
        If the fit does not know the standard deviation of the levels.
    """
    longer = {}
    for term in design.effects:
        known = draws[term.effect].values
        n_new = term.n_levels - known.shape[1]
        if n_new == 0:
            continue
        if term.scale not in draws:
            raise ConfigError(
                f"new levels of {term.name!r} need its standard deviation, which this fit does "
                "not know; fit with method='nuts', or with more nodes."
            )
        new = rng.normal(size=(len(known), n_new)) * draws[term.scale].values[:, None]
        longer[term.name] = (term, np.concatenate([known, new], axis=1))
    if not longer:
        return draws
    out = draws.drop_dims(list(longer))
    return out.assign(
        {term.effect: ((dr.SAMPLE, f"level_{name}"), v) for name, (term, v) in longer.items()}
    )
