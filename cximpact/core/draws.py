"""Labelled draws: the currency in which every stage hands on its uncertainty.

Draws are an xarray object whose first dimension is ``sample`` and carries no index:
xarray silently inner-joins indexed coordinates of unequal length, and raises without
an index. `core.sample_order` says how draws know what they belong to. Two objects may be
combined draw by draw only when they agree on the order of every source; independent
sources meet in `pair`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    ConvergenceError,
    DtypeError,
    NonFiniteError,
    closest,
    join_names,
)
from cximpact.core.pairing import pair as pair
from cximpact.core.pairing import resample as resample
from cximpact.core.sample_order import ASSUMED_INDEPENDENT as ASSUMED_INDEPENDENT
from cximpact.core.sample_order import ESS as ESS
from cximpact.core.sample_order import KEY as KEY
from cximpact.core.sample_order import ORDER as ORDER
from cximpact.core.sample_order import SAMPLE as SAMPLE
from cximpact.core.sample_order import UNRELIABLE as UNRELIABLE
from cximpact.core.sample_order import (
    Draws,
    carried_notes,
    fitted_order,
    frozen,
    noted,
)
from cximpact.core.sample_order import check_joint as check_joint
from cximpact.core.sample_order import order_of as order_of
from cximpact.core.sample_order import with_order as with_order


def from_array(
    values: ArrayLike,
    *,
    source: str,
    dims: Sequence[str] = (),
    coords: Mapping[str, Any] | None = None,
    name: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    data_ids: Sequence[str] = (),
) -> xr.DataArray:
    """Label an array of draws.

    Parameters
    ----------
    values : array_like, shape (sample, ...)
        Numbers, draws along the first axis. They are copied and made read-only.
    source : str
        What the draws come from. Arrays of one source are a joint sample: draw i belongs to
        draw i. Never give two unrelated arrays one source.
    dims : sequence of str
        Names of the axes after ``sample``.
    coords : mapping, optional
        Coordinates of those axes.
    name : str, optional
        Name of the quantity.
    attrs : mapping, optional
        Further attributes, such as ``unit``.
    data_ids : sequence of str
        Fingerprints of the data that the draws were estimated from. `pair` refuses to treat
        two sources that used the same data as independent.

    Returns
    -------
    xarray.DataArray
        Dimensions ``("sample", *dims)``.

    Raises
    ------
    AlignmentError
        If there is no sample axis, or names and coordinates do not fit the shape.
    DtypeError
        If the values are no numbers.
    """
    try:
        array = np.array(values)
    except ValueError as error:
        raise AlignmentError("draws have rows of unequal length; expected an array.") from error
    dims = (dims,) if isinstance(dims, str) else tuple(dims)
    if array.ndim != 1 + len(dims) or array.shape[0] == 0:
        raise AlignmentError(
            f"draws have shape {array.shape}; expected ({', '.join((SAMPLE, *dims))}) "
            "with at least one draw."
        )
    if array.dtype.kind not in "biuf":
        raise DtypeError(f"draws have type {array.dtype}; expected numbers. Convert them first.")
    if SAMPLE in (coords or {}) or len({SAMPLE, *dims}) <= len(dims):
        raise AlignmentError(
            f"dimensions {(SAMPLE, *dims)}: each is named once, {SAMPLE!r} without coordinate."
        )
    try:
        out = xr.DataArray(
            array.astype(float, copy=False),
            dims=(SAMPLE, *dims),
            coords=coords,
            name=name,
            attrs=dict(attrs or {}),
        )
    except ValueError as error:
        raise AlignmentError(
            f"coordinates do not fit draws of shape {array.shape}: {error}."
        ) from error
    return with_order(frozen(out), fitted_order(source, data_ids))


def from_datatree(
    tree: xr.DataTree,
    *,
    source: str,
    group: str = "posterior",
    var_names: Sequence[str] | None = None,
    data_ids: Sequence[str] = (),
    allow_unconverged: bool = False,
) -> xr.Dataset:
    """Flatten a fit into draws, after looking at its diagnostics.

    Parameters
    ----------
    tree : xarray.DataTree
        What the sampler returned; `core.sampling` stores the verdict of the gate on it.
    source : str
        Name of the fit.
    group : str, default "posterior"
        Group to flatten.
    var_names : sequence of str, optional
        Variables to keep; all by default.
    data_ids : sequence of str
        Fingerprints of the data that the fit used. Two fits of the same data are
        dependent in an unknown way, and `pair` refuses to treat them as independent.
    allow_unconverged : bool, default False
        Accept a fit that failed the gate. The draws and everything computed from them say so
        in ``attrs["unreliable"]``.

    Returns
    -------
    xarray.Dataset
        Dimension ``sample`` first in every variable, without coordinates on it but the key.

    Raises
    ------
    ConvergenceError
        If the gate failed, was never applied, or sampling was interrupted. Its attribute
        ``fit`` is the tree, so that no draws are lost.
    """
    failures = tree.attrs.get("gate_failures")
    if failures is None:
        failures = "the convergence gate was never applied (use core.sampling.sample or gate)"
    if failures and not allow_unconverged:
        error = ConvergenceError(
            f"The fit {source!r} cannot be used: {failures}. Sample longer, simplify the model, "
            "or pass allow_unconverged=True and have every result marked unreliable."
        )
        error.fit = tree
        raise error
    data = _selected(tree, group, var_names)
    flat = data.stack({SAMPLE: ("chain", "draw")}, create_index=False)
    flat = frozen(flat.drop_vars(["chain", "draw"], errors="ignore"))
    for name, variable in flat.data_vars.items():
        check_values(variable, f"{group} variable {name!r}")
    flat.attrs = {}
    notes: dict[str, Any] = {UNRELIABLE: f"{source}: {failures}"} if failures else {}
    if "min_ess" in tree.attrs:
        notes[ESS] = float(tree.attrs["min_ess"])
    return noted(flat, fitted_order(source, data_ids), notes)


def map(
    function: Callable[..., xr.DataArray], *blocks: Draws, name: str | None = None
) -> xr.DataArray:
    """Apply a function to draws that are one joint sample.

    Parameters
    ----------
    function : callable
        Takes the blocks and returns a DataArray that keeps ``sample``. Inside it, draws may be
        combined freely but must stay in their order.
    *blocks : DataArray or Dataset
        Labelled draws in one order.
    name : str, optional
        Name of the result.

    Returns
    -------
    xarray.DataArray
        With ``sample`` first, the common sample order and the marks of all blocks.

    Raises
    ------
    AlignmentError
        If the blocks are not joint, or the function reduced ``sample`` away: averaging
        before a non-linear step is not the average after it.
    """
    order = check_joint(*blocks)
    out = function(*blocks)
    if not isinstance(out, xr.DataArray):
        raise AlignmentError(f"the function returned a {type(out).__name__}; expected a DataArray.")
    if SAMPLE not in out.dims or out.sizes[SAMPLE] != blocks[0].sizes[SAMPLE]:
        raise AlignmentError(f"the function changed the dimension {SAMPLE!r}; keep every draw.")
    key = out.coords.get(KEY)
    if SAMPLE in out.coords or (key is not None and not key.equals(blocks[0].coords[KEY])):
        raise AlignmentError(f"the function rearranged {SAMPLE!r}; keep the draws in their order.")
    out = frozen(out.rename(name) if name else out)
    return noted(out, order, carried_notes(*blocks))


def concat(blocks: Sequence[xr.DataArray], dim: str, labels: Sequence[Any]) -> xr.DataArray:
    """Put joint draws side by side along a new, labelled dimension.

    Parameters
    ----------
    blocks : sequence of DataArray
        Labelled draws in one order, with the same coordinates.
    dim : str
        Name of the new dimension.
    labels : sequence
        Its coordinate, one label a block.

    Returns
    -------
    xarray.DataArray
        With ``sample`` first.

    Raises
    ------
    AlignmentError
        If the blocks are not joint, their coordinates differ or the labels do not fit.
    """
    blocks, labels = list(blocks), list(labels)
    order = check_joint(*blocks)
    if len(labels) != len(blocks) or any(dim in (SAMPLE, *b.dims) for b in blocks):
        raise AlignmentError(
            f"{len(labels)} labels for {len(blocks)} blocks along {dim!r}; expected a new "
            "dimension and one label a block."
        )
    plain = [b.drop_vars(dim, errors="ignore") for b in blocks]
    try:
        out = xr.concat(
            plain,
            dim=dim,
            join="exact",
            coords="minimal",
            compat="override",
            combine_attrs="drop_conflicts",
        )
    except ValueError as error:
        raise AlignmentError(
            f"blocks with different coordinates cannot be joined: {error}."
        ) from error
    out = frozen(out.assign_coords({dim: labels}), copy=False)
    return noted(out, order, carried_notes(*blocks))


def check_values(draws: xr.DataArray, name: str = "draws") -> xr.DataArray:
    """Check that draws are finite numbers.

    Parameters
    ----------
    draws : xarray.DataArray
        Labelled draws.
    name : str, default "draws"
        How the message calls them.

    Returns
    -------
    xarray.DataArray
        The same object.

    Raises
    ------
    DtypeError, NonFiniteError
        If they are not numbers, or NaN or infinite anywhere.
    """
    if draws.dtype.kind not in "iuf":
        raise DtypeError(f"{name} has type {draws.dtype}; expected numbers.")
    if bad := int((~np.isfinite(draws.values)).sum()):
        raise NonFiniteError(f"{name} has {bad} values that are NaN or infinite.")
    return draws


def _selected(tree: xr.DataTree, group: str, var_names: Sequence[str] | None) -> xr.Dataset:
    """Pick a group and its variables, with a hint where a name was mistyped."""
    if group not in tree.children:
        raise _unknown("group", [group], [str(g) for g in tree.children])
    data = tree[group].to_dataset()
    if not {"chain", "draw"} <= set(data.dims):
        raise AlignmentError(f"group {group!r} has sizes {dict(data.sizes)}; no chain and draw.")
    wanted = [var_names] if isinstance(var_names, str) else var_names
    if wanted is None:
        return data
    if missing := [name for name in wanted if name not in data.data_vars]:
        raise _unknown("variable", missing, [str(v) for v in data.data_vars])
    return data[list(wanted)]


def _unknown(what: str, missing: Sequence[str], available: Sequence[str]) -> ConfigError:
    best = closest(str(missing[0]), available)
    hint = f" Did you mean {best!r}?" if best else ""
    return ConfigError(
        f"the fit has no {what} {join_names(missing)}; it has {join_names(available)}.{hint}"
    )
