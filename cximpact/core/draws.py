"""Labelled draws: the currency in which every stage hands on its uncertainty.

Draws are an xarray object whose first dimension is ``sample`` and carries no index:
xarray silently inner-joins indexed coordinates of unequal length, and raises without
an index. The attribute ``sample_order`` says of which sources the draws are a joint
sample, and in which order. Two objects may be combined draw by draw only when they
agree on the order of every source they share; independent sources meet in `pair`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from cximpact.core.errors import AlignmentError, ConvergenceError, DtypeError, NonFiniteError
from cximpact.core.rng import RngLike, as_generator, spawn

Draws: TypeAlias = xr.DataArray | xr.Dataset
DrawsT = TypeVar("DrawsT", xr.DataArray, xr.Dataset)

SAMPLE = "sample"
ORDER = "sample_order"
ESS = "ess"
_AS_FITTED = "fit"


# --- making draws ---------------------------------------------------------------


def from_array(
    values: ArrayLike,
    *,
    source: str,
    dims: Sequence[str] = (),
    coords: Mapping[str, Any] | None = None,
    name: str | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label an array of draws.

    Parameters
    ----------
    values : array_like, shape (sample, ...)
        Draws along the first axis. They are copied and made read-only.
    source : str
        What the draws come from. Arrays of one source share their sample order.
    dims : sequence of str
        Names of the axes after ``sample``.
    coords : mapping, optional
        Coordinates of those axes.
    name : str, optional
        Name of the quantity.
    attrs : mapping, optional
        Further attributes, such as ``unit``.

    Returns
    -------
    xarray.DataArray
        Dimensions ``("sample", *dims)``.

    Raises
    ------
    AlignmentError
        If there is no sample axis or the number of names does not fit.
    """
    array = np.array(values, dtype=float)
    if array.ndim != 1 + len(dims) or array.shape[0] == 0:
        raise AlignmentError(
            f"draws have shape {array.shape}; expected (sample, {', '.join(dims)}) "
            "with at least one draw."
        )
    array.setflags(write=False)
    out = xr.DataArray(
        array, dims=(SAMPLE, *dims), coords=coords, name=name, attrs=dict(attrs or {})
    )
    return with_order(out, {source: _AS_FITTED})


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
        Accept a fit that failed the gate. The draws say so in ``attrs["unreliable"]``.

    Returns
    -------
    xarray.Dataset
        Dimension ``sample`` first in every variable, without coordinates on it.

    Raises
    ------
    ConvergenceError
        If the gate failed, was never applied, or sampling was interrupted.
    """
    failures = tree.attrs.get("gate_failures")
    if failures is None:
        failures = "the convergence gate was never applied (use core.sampling.sample or gate)"
    if failures and not allow_unconverged:
        raise ConvergenceError(
            f"The fit {source!r} cannot be used: {failures}. Sample longer, simplify the model, "
            "or pass allow_unconverged=True and have every result marked unreliable."
        )
    data = tree[group].to_dataset()
    data = data[list(var_names)] if var_names is not None else data
    flat = data.stack({SAMPLE: ("chain", "draw")}, create_index=False)
    flat = flat.drop_vars(["chain", "draw"], errors="ignore")
    flat = flat.transpose(SAMPLE, ...).map(_frozen, keep_attrs=True)
    flat.attrs = {"unreliable": failures} if failures else {}
    if "min_ess" in tree.attrs:
        flat.attrs[ESS] = float(tree.attrs["min_ess"])
    order = {source: _AS_FITTED} | {data_id: source for data_id in data_ids}
    return with_order(flat, order)


# --- the sample order -----------------------------------------------------------


def order_of(draws: Draws) -> dict[str, str]:
    """Return the sources of the draws and the sample order of each.

    Parameters
    ----------
    draws : DataArray or Dataset
        Labelled draws.

    Returns
    -------
    dict of str to str
        Source name to a fingerprint of its order.

    Raises
    ------
    AlignmentError
        If the label is gone, as after raw arithmetic on draws of different sources.
    """
    if SAMPLE not in draws.dims:
        raise AlignmentError(f"no dimension {SAMPLE!r}; found {tuple(str(d) for d in draws.dims)}.")
    if SAMPLE in draws.indexes:
        raise AlignmentError(
            f"{SAMPLE!r} carries an index, which lets xarray drop draws silently; "
            f"drop it with .drop_vars({SAMPLE!r})."
        )
    label = draws.attrs.get(ORDER)
    if not label:
        raise AlignmentError(
            "these draws carry no sample_order, so it is unknown what they are dependent on. "
            "Make them with draws.from_array or from_datatree, and combine draws of different "
            "sources only after draws.pair."
        )
    return dict(json.loads(label))


def with_order(draws: DrawsT, order: Mapping[str, str]) -> DrawsT:
    """Label draws with their sources, on the object and on each variable.

    Parameters
    ----------
    draws : DataArray or Dataset
        Draws with the dimension ``sample``.
    order : mapping of str to str
        As `order_of` returns it.

    Returns
    -------
    DataArray or Dataset
        A new object; the values are shared.
    """
    label = {ORDER: json.dumps(dict(sorted(order.items())))}
    if isinstance(draws, xr.Dataset):
        draws = draws.map(lambda v: v.assign_attrs(label) if SAMPLE in v.dims else v)
    return draws.assign_attrs(label)


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
    orders = [order_of(block) for block in blocks]
    lengths = {block.sizes[SAMPLE] for block in blocks}
    if len(lengths) > 1:
        raise AlignmentError(f"draws of unequal length {sorted(lengths)}; use draws.pair.")
    if any(order != orders[0] for order in orders):
        names = sorted({name for order in orders for name in order})
        raise AlignmentError(
            f"draws of {names} are not in one joint order; put them through one draws.pair call."
        )
    return orders[0]


# --- combining ------------------------------------------------------------------


def pair(
    *blocks: Draws, rng: RngLike, size: int | None = None, assume_independent: str | None = None
) -> tuple[Any, ...]:
    """Bring blocks of draws into one joint sample.

    Blocks that share a source and its order stay together, draw by draw. Blocks without
    a common source are independent: each such group is permuted as a whole by a stream of
    its own, and a shorter group is repeated evenly to the length of the longest.

    Parameters
    ----------
    *blocks : DataArray or Dataset
        Labelled draws. Give a Dataset to keep several arrays together.
    rng : int or Generator
        Randomness of the permutations.
    size : int, optional
        Length of the joint sample; the longest block by default.
    assume_independent : str, optional
        Reason for treating results of one source as independent all the same. It is
        recorded in ``attrs["assumed_independent"]``.

    Returns
    -------
    tuple of DataArray or Dataset
        The blocks in their order, all of one length and one ``sample_order``.

    Raises
    ------
    AlignmentError
        If blocks share a source but differ in its order or in length: they are dependent
        in a way that was lost, and resampling them would misstate every variance.
    """
    if not blocks:
        raise AlignmentError("pair was given no draws.")
    orders = [order_of(block) for block in blocks]
    groups = _groups(blocks, orders, assume_independent)
    n = size if size is not None else max(block.sizes[SAMPLE] for block in blocks)
    joint: dict[str, str] = {}
    taken: list[Any] = list(blocks)
    for number, members in enumerate(groups):
        length = blocks[members[0]].sizes[SAMPLE]
        (stream,) = spawn(rng, f"pair {number}") if _is_seed(rng) else (as_generator(rng),)
        keep = number == 0 and length == n
        rows = None if keep else _balanced_rows(length, n, stream)
        for member in members:
            _merge(joint, {s: _moved(o, rows) for s, o in orders[member].items()})
            taken[member] = blocks[member] if rows is None else _take(taken[member], rows)
    note = {"assumed_independent": assume_independent} if assume_independent else {}
    return tuple(with_order(block, joint).assign_attrs(note) for block in taken)


def resample(draws: DrawsT, size: int, *, rng: RngLike, replace: bool = False) -> DrawsT:
    """Draw whole samples anew, all variables together.

    Parameters
    ----------
    draws : DataArray or Dataset
        Labelled draws.
    size : int
        How many to keep.
    rng : int or Generator
        Randomness.
    replace : bool, default False
        With replacement, as a bootstrap would. Without it each draw is used as often as
        any other, give or take one.

    Returns
    -------
    DataArray or Dataset
        Of length ``size``, with a new sample order.
    """
    order = order_of(draws)
    generator = as_generator(rng)
    length = draws.sizes[SAMPLE]
    if replace:
        rows = generator.integers(0, length, size)
    else:
        rows = _balanced_rows(length, size, generator)
    return with_order(_take(draws, rows), {s: _moved(o, rows) for s, o in order.items()})


def map(
    function: Callable[..., xr.DataArray], *blocks: Draws, name: str | None = None
) -> xr.DataArray:
    """Apply a function to draws that are one joint sample.

    Parameters
    ----------
    function : callable
        Takes the blocks and returns a DataArray that keeps ``sample``.
    *blocks : DataArray or Dataset
        Labelled draws in one order.
    name : str, optional
        Name of the result.

    Returns
    -------
    xarray.DataArray
        With ``sample`` first and the common sample order.

    Raises
    ------
    AlignmentError
        If the blocks are not joint, or the function reduced ``sample`` away: averaging
        before a non-linear step is not the average after it.
    """
    order = check_joint(*blocks)
    out = function(*blocks)
    if SAMPLE not in out.dims or out.sizes[SAMPLE] != blocks[0].sizes[SAMPLE]:
        raise AlignmentError(f"the function changed the dimension {SAMPLE!r}; keep every draw.")
    out = out.transpose(SAMPLE, ...)
    return with_order(out.rename(name) if name else out, order)


def concat(blocks: Sequence[xr.DataArray], dim: str, labels: Sequence[Any]) -> xr.DataArray:
    """Put joint draws side by side along a new, labelled dimension.

    Parameters
    ----------
    blocks : sequence of DataArray
        Labelled draws in one order.
    dim : str
        Name of the new dimension.
    labels : sequence
        Its coordinate, one label a block.

    Returns
    -------
    xarray.DataArray
        With ``sample`` first.
    """
    order = check_joint(*blocks)
    out = xr.concat(list(blocks), dim=dim, join="exact", combine_attrs="drop_conflicts")
    return with_order(out.assign_coords({dim: list(labels)}).transpose(SAMPLE, ...), order)


# --- helpers --------------------------------------------------------------------


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


def _groups(
    blocks: Sequence[Draws], orders: Sequence[dict[str, str]], assume_independent: str | None
) -> list[list[int]]:
    """Group blocks that share a source in the same order; refuse a shared source otherwise."""
    groups: list[list[int]] = []
    for i, order in enumerate(orders):
        home = [i]
        for group in [g for g in groups if any(_are_joint(orders[j], order) for j in g)]:
            groups.remove(group)
            home = group + home
        groups.append(sorted(home))
    if assume_independent is None:
        _check_shared_sources(orders)
    for group in groups:
        if len(lengths := {blocks[i].sizes[SAMPLE] for i in group}) > 1:
            raise AlignmentError(
                f"draws of one source have unequal lengths {sorted(lengths)}; "
                "they are a joint sample and cannot be shortened or repeated apart."
            )
    return sorted(groups)


def _are_joint(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return any(one[s] == other[s] for s in one.keys() & other.keys())


def _merge(joint: dict[str, str], order: Mapping[str, str]) -> None:
    """Add an order; a source assumed independent of itself gets a mark of its own."""
    for source, fingerprint in order.items():
        known = joint.setdefault(source, fingerprint)
        if known != fingerprint:
            both = "".join(sorted({known, fingerprint}))
            joint[source] = hashlib.sha256(both.encode()).hexdigest()[:16]


def _check_shared_sources(orders: Sequence[Mapping[str, str]]) -> None:
    seen: dict[str, str] = {}
    for order in orders:
        for source, fingerprint in order.items():
            if seen.setdefault(source, fingerprint) != fingerprint:
                raise AlignmentError(
                    f"two results of {source!r} come in different sample orders, so how they "
                    "depend on each other is lost and they cannot be paired as independent. "
                    "Keep them in one Dataset from the fit on, or give the reason in "
                    "assume_independent."
                )


def _balanced_rows(length: int, n: int, rng: np.random.Generator) -> np.ndarray:
    whole = [rng.permutation(length) for _ in range(-(-n // length))]
    return rng.permutation(np.concatenate(whole)[:n])


def _moved(fingerprint: str, rows: np.ndarray | None) -> str:
    if rows is None:
        return fingerprint
    digest = hashlib.sha256(fingerprint.encode() + rows.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def _take(draws: DrawsT, rows: np.ndarray) -> DrawsT:
    taken = draws.isel({SAMPLE: rows})
    if isinstance(taken, xr.Dataset):
        return taken.map(_frozen, keep_attrs=True)
    return _frozen(taken)


def _frozen(array: xr.DataArray) -> xr.DataArray:
    values = array.values
    if values.flags.writeable:
        values = values.copy() if values.base is not None else values
        values.setflags(write=False)
    return array.copy(data=values)


def _is_seed(rng: RngLike) -> bool:
    return not isinstance(rng, np.random.Generator)
