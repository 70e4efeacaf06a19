"""What can be decided, and what is uncertain about it: both sides of the value of information."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError, unknown_name
from cximpact.roi.inputs import inputs_of
from cximpact.roi.result import RoiResult

ACTION = "action"
NOTHING = "do nothing"
MOST = 12


def alternatives(decision: RoiResult | xr.DataArray) -> xr.DataArray:
    """Return the net benefit of everything that could be done.

    Parameters
    ----------
    decision : RoiResult or DataArray
        A simulation: doing nothing and every combination of its initiatives. Or labelled draws of
        net benefit, ``(sample, action)``; with ``(sample,)`` alone, against doing nothing.

    Returns
    -------
    xarray.DataArray
        Dimensions ``(sample, action)``.

    Raises
    ------
    AlignmentError, ConfigError
        If the draws have other dimensions, or there are too many combinations.
    """
    if isinstance(decision, RoiResult):
        return _combinations(decision)
    if not isinstance(decision, xr.DataArray):
        raise ConfigError(
            f"decision is of type {type(decision).__name__}; expected a RoiResult, or draws of net "
            "benefit by action."
        )
    order = dr.order_of(decision)
    dr.check_values(decision, "net benefit")
    if decision.dims == (dr.SAMPLE,):
        both = xr.concat([xr.zeros_like(decision), decision], dim=ACTION)
        out = both.assign_coords({ACTION: [NOTHING, "do it"]}).transpose(dr.SAMPLE, ACTION)
        return dr.noted(out, order, dr.carried_notes(decision))
    if decision.ndim != 2 or dr.SAMPLE not in decision.dims:
        raise AlignmentError(
            f"net benefit has the dimensions {decision.dims}; expected sample and one of actions."
        )
    (other,) = (d for d in decision.dims if d != dr.SAMPLE)
    return decision.transpose(dr.SAMPLE, other).rename({other: ACTION})


def uncertain_inputs(decision: RoiResult) -> xr.Dataset:
    """Return every input of a simulation that varies, draw by draw.

    Parameters
    ----------
    decision : RoiResult
        A simulation.

    Returns
    -------
    xarray.Dataset
        One variable an input, such as ``"callback: effect"`` or ``"callback: one-off cost"``;
        with segments ``"callback[new]: effect"``. What initiatives share is one input.
    """
    order, notes = dr.order_of(decision.draws), dr.carried_notes(decision.draws)
    blocks = {
        one.name: dr.noted(xr.DataArray(one.values, dims=(dr.SAMPLE,), name=one.name), order, notes)
        for one in inputs_of(decision.inputs)
    }
    return dr.with_order(xr.Dataset(blocks), order) if blocks else xr.Dataset()


def chosen_inputs(
    decision: RoiResult | xr.DataArray, about: str | Sequence[str] | xr.DataArray | None
) -> tuple[list[str], np.ndarray]:
    """Pick inputs by name, or take draws that are joint with the decision.

    Parameters
    ----------
    decision : RoiResult or DataArray
        What is decided.
    about : str, sequence of str, or DataArray
        Names from `uncertain_inputs`, or labelled draws in the sample order of the decision.

    Returns
    -------
    names : list of str
        What the inputs are called.
    values : numpy.ndarray, shape (sample, input)
        Their draws.

    Raises
    ------
    ConfigError
        For an unknown name, with the closest one.
    AlignmentError
        If the draws are not joint with the decision.
    """
    if isinstance(about, xr.DataArray):
        dr.check_joint(decision.draws if isinstance(decision, RoiResult) else decision, about)
        values = about.transpose(dr.SAMPLE, ...).values.reshape(about.sizes[dr.SAMPLE], -1)
        return [str(about.name or "input")], values
    if not isinstance(decision, RoiResult):
        raise ConfigError("about is a name; with plain draws of net benefit give draws instead.")
    inputs = uncertain_inputs(decision)
    names = [about] if isinstance(about, str) else [str(v) for v in (about or inputs)]
    for name in names:
        if name not in inputs:
            raise unknown_name("uncertain input", name, [str(v) for v in inputs])
    return names, np.column_stack([inputs[name].values for name in names])


def _combinations(result: RoiResult) -> xr.DataArray:
    names = result.names
    if len(names) > MOST:
        raise ConfigError(
            f"{len(names)} initiatives have {2 ** len(names):,} combinations; at most {MOST} "
            "initiatives are looked at. Choose by portfolio first, or give draws by action."
        )
    npv = combination_npv(result, np.arange(2 ** len(names)))
    labels = [
        " + ".join(n for k, n in enumerate(names) if row >> k & 1) or NOTHING
        for row in range(2 ** len(names))
    ]
    out = xr.DataArray(npv.T, dims=(dr.SAMPLE, ACTION), coords={ACTION: labels}, name="npv")
    return dr.noted(out, dr.order_of(result.draws), dr.carried_notes(result.draws))


def combination_npv(result: RoiResult, rows: np.ndarray, draws: Any = slice(None)) -> np.ndarray:
    """Return the NPV of combinations of initiatives, with what they lose by overlapping.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    rows : numpy.ndarray of int
        Combinations; bit ``k`` says whether initiative ``k`` is in it.
    draws : slice or array of int, optional
        Which draws; all by default.

    Returns
    -------
    numpy.ndarray, shape (combination, sample)
        Money.
    """
    inside = (rows[:, None] >> np.arange(len(result.names)) & 1).astype(float)
    benefit = result.pv_benefit(by_initiative=True).values[draws].T.copy()
    cost = result.pv_cost(by_initiative=True).values[draws].T
    out = np.zeros((rows.size, cost.shape[1]))
    for group in result.overlaps:
        at = [result.names.index(name) for name in group.names]
        benefit[at] = 0.0
        local = (inside[:, at] @ (1 << np.arange(len(at)))).astype(int)
        out += group.present[:, draws][local]
    return out + inside @ (benefit - cost)
