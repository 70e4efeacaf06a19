"""Counts of answers as the compiled likelihood reads them: sparse, next to cutpoints."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.data import Cells
from cximpact.imputation import kernels
from cximpact.imputation.design import Design


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearTerms:
    """Value and derivatives of the log-likelihood by cutpoints and effects.

    Parameters
    ----------
    value : float
        Log-likelihood of all answers, without the multinomial constant.
    by_cut : numpy.ndarray, shape (style, category - 1)
        Derivatives by the cutpoints.
    by_effect : numpy.ndarray, shape (effect,)
        Derivatives by the effects of levels and slopes.
    hessian : numpy.ndarray or None
        Second derivatives by cutpoints, then effects.
    """

    value: float
    by_cut: np.ndarray
    by_effect: np.ndarray
    hessian: np.ndarray | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Counts of answers, and which effects each cell has.

    Parameters
    ----------
    link : {"logit", "probit"}
        Link of the model.
    columns, values : numpy.ndarray, shape (cell, entry)
        Effects of each cell that has answers.
    style : numpy.ndarray of int, shape (cell,)
        Set of cutpoints of each cell.
    start, category : numpy.ndarray of int
        Pairs of a cell and a cutpoint (logit) or an answer (probit), by cell.
    count : numpy.ndarray, shape (1 or 2, pair)
        Answers of each pair.
    middle : numpy.ndarray, shape (style, category - 2)
        Answers in the middle categories; their gaps enter the logistic likelihood.
    answers : numpy.ndarray, shape (category,)
        Answers in each category.
    n_effects : int
        Levels and slopes.
    """

    link: str
    columns: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    style: np.ndarray = field(repr=False)
    start: np.ndarray = field(repr=False)
    category: np.ndarray = field(repr=False)
    count: np.ndarray = field(repr=False)
    middle: np.ndarray = field(repr=False)
    answers: np.ndarray = field(repr=False)
    n_effects: int

    def log_likelihood(
        self, cuts: np.ndarray, effects: np.ndarray, *, curved: bool = False
    ) -> LinearTerms:
        """Evaluate the log-likelihood.

        Parameters
        ----------
        cuts : numpy.ndarray, shape (style, category - 1)
            Cutpoints.
        effects : numpy.ndarray, shape (effect,)
            Effects of levels, and slopes.
        curved : bool, default False
            Whether second derivatives are wanted.

        Returns
        -------
        LinearTerms
            Value and derivatives.
        """
        eta = kernels.linear_predictor(self.columns, self.values, effects)
        evaluate = kernels.logit_likelihood if self.link == "logit" else kernels.probit_likelihood
        value, by_eta, by_cut, bend = evaluate(
            eta, cuts, self.style, self.start, self.category, self.count, curved
        )
        by_effect = kernels.spread_gradient(self.columns, self.values, by_eta, self.n_effects)
        hessian = self._hessian(cuts, bend) if curved else None
        if self.link == "logit" and cuts.shape[1] > 1:
            gap = np.diff(cuts, axis=1)
            with np.errstate(over="ignore"):
                slope = self.middle / np.expm1(gap)
            value += float((self.middle * np.log(-np.expm1(-gap))).sum())
            by_cut[:, 1:] += slope
            by_cut[:, :-1] -= slope
        return LinearTerms(value=value, by_cut=by_cut, by_effect=by_effect, hessian=hessian)

    def _hessian(self, cuts: np.ndarray, bend: np.ndarray) -> np.ndarray:
        if self.link == "logit":
            bend = np.column_stack([bend, np.zeros((len(bend), 2))])
        sizes = (*cuts.shape, self.n_effects)
        out = kernels.spread_curvature(
            self.columns, self.values, self.style, self.start, self.category, bend, sizes
        )
        if self.link == "logit" and cuts.shape[1] > 1:
            gap = np.diff(cuts, axis=1)
            with np.errstate(over="ignore"):
                second = -self.middle / (4 * np.sinh(gap / 2) ** 2)
            n_cuts = cuts.shape[1]
            upper = (np.arange(len(cuts))[:, None] * n_cuts + np.arange(1, n_cuts)).ravel()
            for a, b, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1)):
                out[upper - a, upper - b] += sign * second.ravel()
        return out


def counts_of(cells: Cells, design: Design) -> Counts:
    """Lay out the counts of the cells for the likelihood.

    Parameters
    ----------
    cells : Cells
        Counts of answers.
    design : Design
        Effects of the cells.

    Returns
    -------
    Counts
        Only cells with answers.
    """
    dense = cells.dense()
    rows = np.flatnonzero(dense.sum(axis=1) > 0)
    dense, style = dense[rows], design.style_codes[rows]
    columns, values = _sparse_design(design, rows)
    if design.link == "logit":
        beside = dense[:, :-1] + dense[:, 1:]
        cell, category = np.nonzero(beside)
        count = np.stack([dense[:, :-1][cell, category], beside[cell, category]])
    else:
        cell, category = np.nonzero(dense)
        count = dense[cell, category][None, :]
    middle = np.zeros((design.n_styles, max(dense.shape[1] - 2, 0)))
    np.add.at(middle, style, dense[:, 1:-1])
    return Counts(
        link=design.link,
        columns=columns,
        values=values,
        style=style,
        start=np.searchsorted(cell, np.arange(len(rows) + 1)),
        category=category,
        count=np.ascontiguousarray(count),
        middle=middle,
        answers=dense.sum(axis=0),
        n_effects=sum(t.n_levels for t in design.effects) + len(design.slopes),
    )


def _sparse_design(design: Design, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List the effects of each cell: levels of the terms one after the other, then slopes."""
    offset, columns, values = 0, [], []
    for term in design.effects:
        columns.append(offset + design.codes[term.name][rows])
        values.append(np.full(len(rows), -1.0 if term.kind == "style" else 1.0))
        offset += term.n_levels
    for j in range(len(design.slopes)):
        columns.append(np.full(len(rows), offset + j))
        values.append(design.x[rows, j])
    if not columns:
        return np.zeros((len(rows), 0), dtype=np.int64), np.zeros((len(rows), 0))
    return (
        np.ascontiguousarray(np.column_stack(columns), dtype=np.int64),
        np.ascontiguousarray(np.column_stack(values), dtype=float),
    )
