"""Weights of untreated units and of periods before treatment, and the estimate they give."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

PERIOD_RIDGE = 1e-6
"""Ridge of the period weights, in standard deviations of first differences."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """One cohort and its controls.

    Parameters
    ----------
    controls, treated : numpy.ndarray, shape (unit, period)
        Outcomes.
    before : int
        Periods before treatment.
    ridge : float
        Of the unit weights, in the outcome's unit; that of periods follows from ``noise``.
    noise : float
        Standard deviation of first differences of the controls before treatment.
    """

    controls: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    before: int
    ridge: float
    noise: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighted:
    """An estimate with its weights.

    Parameters
    ----------
    estimate : float
        Double difference with weights.
    units : numpy.ndarray, shape (control,)
        Weights of the controls.
    periods : numpy.ndarray, shape (before,)
        Weights of the periods before treatment.
    """

    estimate: float
    units: np.ndarray = field(repr=False)
    periods: np.ndarray = field(repr=False)


def block_of(controls: np.ndarray, treated: np.ndarray, before: int) -> Block:
    """Collect a cohort, and set the ridge from the noise of the controls.

    Parameters
    ----------
    controls, treated : numpy.ndarray, shape (unit, period)
        Outcomes.
    before : int
        Periods before treatment.

    Returns
    -------
    Block
        The cohort.
    """
    noise = float(np.diff(controls[:, :before], axis=1).std(ddof=1))
    size = len(treated) * (controls.shape[1] - before)
    return Block(
        controls=controls, treated=treated, before=before, ridge=size**0.25 * noise, noise=noise
    )


def fit_block(block: Block) -> Weighted:
    """Estimate the effect on one cohort.

    Parameters
    ----------
    block : Block
        The cohort.

    Returns
    -------
    Weighted
        With unit weights that make the controls move like the treated before treatment, and
        period weights that make the periods before treatment predict those after it.
    """
    k, y = block.before, block.controls
    target = block.treated[:, :k].mean(axis=0)
    units = simplex_weights(y[:, :k].T, target, block.ridge)
    after = y[:, k:].mean(axis=1)
    periods = simplex_weights(y[:, :k], after, PERIOD_RIDGE * block.noise)
    return Weighted(estimate=double_difference(block, units, periods), units=units, periods=periods)


def double_difference(block: Block, units: np.ndarray, periods: np.ndarray) -> float:
    """Return the weighted double difference.

    Parameters
    ----------
    block : Block
        The cohort.
    units, periods : numpy.ndarray
        Weights.

    Returns
    -------
    float
        Change of the treated less that of the weighted controls.
    """
    gap = block.treated.mean(axis=0) - units @ block.controls
    return float(gap[block.before :].mean() - periods @ gap[: block.before])


def simplex_weights(columns: np.ndarray, target: np.ndarray, ridge: float) -> np.ndarray:
    """Find weights that sum to 1 with which columns predict a target, up to a constant.

    Parameters
    ----------
    columns : numpy.ndarray, shape (row, column)
        What is weighted.
    target : numpy.ndarray, shape (row,)
        What is predicted.
    ridge : float
        Its square times the number of rows multiplies the sum of squared weights.

    Returns
    -------
    numpy.ndarray, shape (column,)
        Not negative, sum 1.

    Notes
    -----
    With weights that sum to 1 the error is ``(columns - target) @ weights``, which is linear
    without a constant. Its least square on the simplex has the direction of the nonnegative
    least-squares solution with one more row that asks for a sum of 1, whatever that row weighs: a
    multiple of any weights costs less, the less they do on the simplex. So the solution is exact.
    """
    n, m = columns.shape
    error = columns - columns.mean(axis=0) - (target - target.mean())[:, None]
    scale = max(float(np.abs(error).max(initial=0.0)), ridge * np.sqrt(n), 1e-300)
    stacked = np.concatenate([error, ridge * np.sqrt(n) * np.eye(m)]) / scale
    system = np.concatenate([stacked, np.ones((1, m))])
    right = np.zeros(len(system))
    right[-1] = 1.0
    found, _ = optimize.nnls(system, right)
    return found / found.sum()
