"""The sample order: of which sources draws are a joint sample, and in which order.

Two things on the draws say so. The attribute ``sample_order`` names every source with a
fingerprint of its order. The coordinate ``sample_key`` numbers the draws, starting at a value
that follows from the label. xarray drops a coordinate on which two arrays disagree, so
``np.maximum(a, b)``, ``xr.where`` or ``a.sortby(a)`` cannot pass off mixed or rearranged draws
as a joint sample, although they keep the attribute.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import xarray as xr

from cximpact.core.errors import AlignmentError, join_names

Draws: TypeAlias = xr.DataArray | xr.Dataset
DrawsT = TypeVar("DrawsT", xr.DataArray, xr.Dataset)

SAMPLE = "sample"
ORDER = "sample_order"
KEY = "sample_key"
ESS = "ess"
UNRELIABLE = "unreliable"
ASSUMED_INDEPENDENT = "assumed_independent"
DATA_PREFIX = "data:"
_AS_FITTED = "fit"


def fitted_order(source: str, data_ids: Iterable[str] = ()) -> dict[str, str]:
    """Return the sample order of draws as their source made them.

    Parameters
    ----------
    source : str
        Name of the source.
    data_ids : iterable of str
        Fingerprints of the data that the source used.

    Returns
    -------
    dict of str to str
        As `order_of` returns it. Data carry the name of the source that used them, so two
        sources with the same data disagree about them.

    Raises
    ------
    AlignmentError
        If a name is empty or no text.
    """
    ids = [data_ids] if isinstance(data_ids, str) else list(data_ids)
    for name in (source, *ids):
        if not isinstance(name, str) or not name.strip() or name == DATA_PREFIX:
            raise AlignmentError(f"a source or data id is {name!r}; expected a name that is text.")
    used = {DATA_PREFIX + name.removeprefix(DATA_PREFIX): source for name in ids}
    return used | {source: _AS_FITTED}


def order_of(draws: Draws) -> dict[str, str]:
    """Return the sources of the draws and the sample order of each.

    Parameters
    ----------
    draws : DataArray or Dataset
        Labelled draws.

    Returns
    -------
    dict of str to str
        Source name to a fingerprint of its order. Data that a source used appear as
        ``data:<fingerprint>``.

    Raises
    ------
    AlignmentError
        If the draws are not labelled, mix several sample orders, or were sorted, shuffled,
        thinned or combined outside this module.
    """
    if not isinstance(draws, xr.DataArray | xr.Dataset):
        raise AlignmentError(f"draws are a {type(draws).__name__}; expected labelled xarray draws.")
    if SAMPLE not in draws.dims or draws.sizes[SAMPLE] == 0:
        found = dict(draws.sizes)
        raise AlignmentError(f"expected draws along a dimension {SAMPLE!r}; found sizes {found}.")
    if SAMPLE in draws.coords or SAMPLE in draws.indexes:
        raise AlignmentError(
            f"{SAMPLE!r} carries a coordinate or index, which lets xarray drop draws silently; "
            f"drop it with .drop_vars({SAMPLE!r})."
        )
    labels = {str(v.attrs.get(ORDER, "")) for v in _variables(draws)}
    if labels in (set(), {""}):
        raise AlignmentError(
            f"these draws carry no {ORDER}, so it is unknown what they depend on. Make them with "
            "draws.from_array or from_datatree, bring different sources together with draws.pair, "
            "and compute with them inside draws.map."
        )
    if len(labels) > 1:
        raise AlignmentError(
            "the variables of these draws come from different sample orders; "
            "put them through one draws.pair call before they share a Dataset."
        )
    order = _parsed(labels.pop())
    _check_key(draws, order)
    return order


def with_order(draws: DrawsT, order: Mapping[str, str]) -> DrawsT:
    """Label draws with their sources: a claim, so make it only where it is true.

    Parameters
    ----------
    draws : DataArray or Dataset
        Draws with the dimension ``sample``.
    order : mapping of str to str
        As `order_of` returns it.

    Returns
    -------
    DataArray or Dataset
        A new object; the values are shared. In a Dataset each variable is labelled.

    Raises
    ------
    AlignmentError
        If the draws have no dimension ``sample``, or no source is named.
    """
    if SAMPLE not in draws.dims or not order:
        raise AlignmentError(f"expected draws along {SAMPLE!r} and at least one source to name.")
    label = _label(order)
    keys = (SAMPLE, _keys(order, draws.sizes[SAMPLE]))
    return _assign_attrs(draws.assign_coords({KEY: keys}), {ORDER: label})


def check_joint(*blocks: Draws) -> dict[str, str]:
    """Check that blocks are one joint sample and may be combined draw by draw.

    Parameters
    ----------
    *blocks : DataArray or Dataset
        Labelled draws.

    Returns
    -------
    dict of str to str
        The common sample order.

    Raises
    ------
    AlignmentError
        If lengths or orders differ. Independent blocks belong in `pair` first.
    """
    if not blocks:
        raise AlignmentError("there are no draws to combine; expected at least one block.")
    orders = [order_of(block) for block in blocks]
    lengths = {block.sizes[SAMPLE] for block in blocks}
    if len(lengths) > 1:
        raise AlignmentError(f"draws of unequal length {sorted(lengths)}; use draws.pair.")
    if any(order != orders[0] for order in orders):
        names = sorted({name for order in orders for name in order})
        raise AlignmentError(
            f"draws of {join_names(names)} are not in one joint order; "
            "put them through one draws.pair call."
        )
    return orders[0]


def carried_notes(*blocks: Draws, n: int | None = None) -> dict[str, Any]:
    """Collect what must stay with draws that came from these blocks.

    Parameters
    ----------
    *blocks : DataArray or Dataset
        Labelled draws.
    n : int, optional
        How many draws there will be; as many as now by default.

    Returns
    -------
    dict
        Marks such as ``unreliable`` of any block, and the smallest effective number of draws
        where it is below ``n``. A block that never varies has no Monte Carlo error to carry on.
    """
    notes: dict[str, Any] = {}
    for mark in (UNRELIABLE, ASSUMED_INDEPENDENT):
        texts = [str(a[mark]) for block in blocks for a in _attributes(block) if a.get(mark)]
        parts = dict.fromkeys(part for text in texts for part in text.split(" | "))
        if parts:
            notes[mark] = " | ".join(parts)
    effective = min((effective_draws(b) for b in blocks if not _is_constant(b)), default=np.inf)
    return notes | ({ESS: effective} if effective < (n or blocks[0].sizes[SAMPLE]) else {})


def effective_draws(draws: Draws) -> float:
    """Return how many independent draws these are worth.

    Parameters
    ----------
    draws : DataArray or Dataset
        With the dimension ``sample``.

    Returns
    -------
    float
        The smallest ``attrs["ess"]``, and at most the number of draws.
    """
    stated = [float(a[ESS]) for a in _attributes(draws) if ESS in a]
    return min([*stated, float(draws.sizes[SAMPLE])])


def noted(draws: DrawsT, order: Mapping[str, str], notes: Mapping[str, Any]) -> DrawsT:
    """Label draws with their order and the notes that must stay with them.

    Parameters
    ----------
    draws : DataArray or Dataset
        Draws with the dimension ``sample``.
    order : mapping of str to str
        As `order_of` returns it.
    notes : mapping
        As `carried_notes` returns it.

    Returns
    -------
    DataArray or Dataset
        A new object; the values are shared.
    """
    return with_order(_assign_attrs(draws, notes).assign_attrs(notes), order)


def taken(draws: DrawsT, rows: np.ndarray) -> DrawsT:
    """Select whole draws by position, all variables together, read-only.

    Parameters
    ----------
    draws : DataArray or Dataset
        Labelled draws.
    rows : numpy.ndarray of int
        Positions along ``sample``.

    Returns
    -------
    DataArray or Dataset
        A copy, still with the label of the old order.
    """
    return frozen(draws.isel({SAMPLE: rows}), copy=False)


def frozen(draws: DrawsT, *, copy: bool = True) -> DrawsT:
    """Make the buffers of draws read-only, with ``sample`` first.

    Parameters
    ----------
    draws : DataArray or Dataset
        Any draws.
    copy : bool, default True
        Copy writable buffers first, because somebody else may hold them.

    Returns
    -------
    DataArray or Dataset
        A new object.
    """
    return _each(draws, lambda v: _frozen_array(v, copy))


def _frozen_array(array: xr.DataArray, copy: bool) -> xr.DataArray:
    values = array.values
    if values.flags.writeable:
        values = values.copy() if copy or values.base is not None else values
        values.setflags(write=False)
    out = array.copy(deep=False, data=values)
    return out.transpose(SAMPLE, ...) if SAMPLE in out.dims else out


def _each(draws: DrawsT, change: Callable[[xr.DataArray], xr.DataArray]) -> DrawsT:
    if isinstance(draws, xr.Dataset):
        changed = {name: change(v) for name, v in draws.data_vars.items()}
        return cast(DrawsT, draws.assign(changed))
    return cast(DrawsT, change(draws))


def _assign_attrs(draws: DrawsT, attrs: Mapping[str, Any]) -> DrawsT:
    """Set attributes on every variable with draws; a Dataset itself never carries a label."""
    return _each(draws, lambda v: v.assign_attrs(attrs) if SAMPLE in v.dims else v)


def _variables(draws: Draws) -> list[xr.DataArray]:
    if isinstance(draws, xr.DataArray):
        return [draws]
    return [v for v in draws.data_vars.values() if SAMPLE in v.dims]


def _attributes(draws: Draws) -> list[dict[Any, Any]]:
    return [draws.attrs, *(v.attrs for v in _variables(draws))]


def _is_constant(draws: Draws) -> bool:
    return all(bool((v == v.isel({SAMPLE: 0}, drop=True)).all()) for v in _variables(draws))


def _label(order: Mapping[str, str]) -> str:
    return json.dumps({str(k): str(v) for k, v in sorted(order.items())})


def _parsed(label: str) -> dict[str, str]:
    try:
        order = json.loads(label)
    except ValueError:
        order = None
    if not isinstance(order, dict) or not order:
        raise AlignmentError(f"the {ORDER} of these draws cannot be read; make them anew.")
    return {str(k): str(v) for k, v in cast("dict[Any, Any]", order).items()}


def _keys(order: Mapping[str, str], n: int) -> np.ndarray:
    start = int(hashlib.sha256(_label(order).encode()).hexdigest()[:12], 16)
    return start + np.arange(n, dtype=np.int64)


def _check_key(draws: Draws, order: Mapping[str, str]) -> None:
    key = draws.coords.get(KEY)
    expected = _keys(order, draws.sizes[SAMPLE])
    if key is None or key.dims != (SAMPLE,) or not np.array_equal(key.values, expected):
        raise AlignmentError(
            f"the {KEY} of these draws is gone or out of order: draws of different sources were "
            "combined without draws.pair, or draws were sorted, shuffled, thinned or rebuilt by "
            "hand. Use draws.pair, draws.resample and draws.map."
        )
