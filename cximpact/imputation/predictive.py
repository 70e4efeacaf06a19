"""The predicted answer of each kind of customer: probabilities, their sets and their spread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import UnseenLevelError, join_names
from cximpact.core.scale import ScoreScale
from cximpact.data import checks, frames
from cximpact.imputation.design import Design
from cximpact.imputation.poststratify import latent_scores, probabilities

_HELD = 4_000_000
"""Latent scores held at once."""


def predict_kinds(
    draws: xr.Dataset, design: Design, scale: ScoreScale, prob: float
) -> pd.DataFrame:
    """Predict the answer of each kind of customer.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the parameters.
    design : Design
        One row a kind.
    scale : ScoreScale
        Scale of the answers.
    prob : float
        Least mass of the predictive set.

    Returns
    -------
    pandas.DataFrame, shape (kind, column)
        The predicted columns of `CustomerScores.chunks`. With a response style, as if all
        answered by the reference channel.
    """
    n_draws, design = draws.sizes["sample"], design.at_reference()
    pmf = np.zeros((len(design.x), scale.n_categories))
    for part in probabilities(draws, design):
        pmf += part.sum(axis=0) / n_draws
    pmf /= pmf.sum(axis=1, keepdims=True)
    low, high, mass = shortest_set(pmf, prob)
    out = dict(zip(pmf_columns(scale), pmf.T, strict=True))
    out |= {f"p_{band}": pmf @ scale.in_band(scale.values, band) for band in scale.bands}
    out["expected_answer"] = pmf @ scale.values
    out["expected_score"] = pmf @ scale.score_weights
    out |= {"set_low": scale.values[low], "set_high": scale.values[high], "set_mass": mass}
    out["latent_sd"] = latent_sd(draws, design)
    return pd.DataFrame(out)


def shortest_set(pmf: np.ndarray, prob: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the shortest run of answers that holds a mass.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (row, category)
        Probabilities.
    prob : float
        Least mass.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (row,)
        Number of the first and of the last answer, and the mass between them, ends included. Of
        several shortest runs the one with most mass.
    """
    n, k = pmf.shape
    total = np.concatenate([np.zeros((n, 1)), pmf.cumsum(axis=1)], axis=1)
    low, high, mass = np.zeros(n, dtype=int), np.full(n, k - 1), total[:, -1].copy()
    open_rows = np.ones(n, dtype=bool)
    for width in range(1, k):
        held = total[:, width:] - total[:, :-width]
        best = held.argmax(axis=1)
        most = held[np.arange(n), best]
        found = open_rows & (most >= prob - 1e-12)
        low[found], high[found], mass[found] = best[found], best[found] + width - 1, most[found]
        open_rows &= ~found
    return low, high, mass


def latent_sd(draws: xr.Dataset, design: Design) -> np.ndarray:
    """Return the posterior standard deviation of the latent score of each row of a design.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the parameters.
    design : Design
        Effects of the rows.

    Returns
    -------
    numpy.ndarray, shape (row,)
        On the latent scale.
    """
    n, n_draws = len(design.x), draws.sizes["sample"]
    out = np.zeros(n)
    step = max(1, _HELD // n_draws)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        codes = {name: code[rows] for name, code in design.codes.items()}
        part = replace(design, codes=codes, style_codes=design.style_codes[rows], x=design.x[rows])
        out[rows] = latent_scores(draws, part).std(axis=0, ddof=1)
    return out


def check_levels(frame: nw.LazyFrame[Any], design: Design, *, open_levels: bool = False) -> None:
    """Check that a frame has only levels that the fit met, and no gaps.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        Customers.
    design : Design
        What the fit knows.
    open_levels : bool, default False
        Whether new levels of open factors pass.

    Raises
    ------
    UnseenLevelError
        With the column, how many rows, and the first of them.
    """
    fix = "give those rows a level of their own, or drop them explicitly"
    checks.run(frame, [checks.present(frame, c, fix) for c in design.spec.columns])
    passed = design.spec.open if open_levels else ()
    for name, levels in design.levels.items():
        if name in passed:
            continue
        found = frames.group_sums(frame, [name], {})
        new = ~found[name].isin(levels)
        if not new.any():
            continue
        unseen = nw.col(name).is_in(found.loc[new, name].tolist())
        n = int(found.loc[new, frames.COUNT].sum())
        raise UnseenLevelError(
            f"column {name!r} has {int(new.sum())} levels that the fit never met, in "
            f"{frames.where(frame, unseen, n)}; it knows {join_names(list(levels))}. Fit again "
            "with these customers in the frame, merge the new levels into known ones, or name an "
            "open factor in OrdinalImputer(open=...) and say new_levels='population'."
        )


def pmf_columns(scale: ScoreScale) -> tuple[str, ...]:
    """Name the columns of the probabilities of the answers.

    Parameters
    ----------
    scale : ScoreScale
        Scale of the answers.

    Returns
    -------
    tuple of str
        Such as ``p_0`` to ``p_10``.
    """
    return tuple(f"p_{value:g}" for value in scale.values)
