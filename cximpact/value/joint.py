"""Bring the inputs of one calculation into one joint sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, join_names
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.sample_order import DrawsT, carried_notes, frozen, noted

_NOTHING_RANDOM = 2  # two equal draws: a standard deviation of 0 rather than none


@dataclass(frozen=True, kw_only=True, eq=False)
class Joint:
    """Inputs that may be combined draw by draw.

    Parameters
    ----------
    blocks : mapping of str to DataArray
        Inputs by name. A constant has no dimension ``sample``; every other input has it first.
    order : mapping of str to str
        The common sample order.
    size : int
        Draws of the joint sample.
    notes : mapping
        Marks that stay with everything computed from the blocks, such as ``unreliable``.
    """

    blocks: Mapping[str, xr.DataArray]
    order: Mapping[str, str]
    size: int
    notes: Mapping[str, Any]

    @property
    def is_random(self) -> bool:
        """Whether anything varies over the draws."""
        return any(dr.SAMPLE in block.dims for block in self.blocks.values())

    def label(self, values: DrawsT) -> DrawsT:
        """Label quantities computed from the blocks as draws of this joint sample.

        Parameters
        ----------
        values : DataArray or Dataset
            With or without ``sample``; the draws in the order of the blocks.

        Returns
        -------
        DataArray or Dataset
            With ``sample`` first, read-only.
        """
        if dr.SAMPLE not in values.dims:
            values = cast(DrawsT, values.expand_dims({dr.SAMPLE: self.size}).copy(deep=True))
        return noted(frozen(values, copy=False), self.order, self.notes)


def is_constant(draws: xr.DataArray) -> bool:
    """Say whether all draws are equal, so that dependence plays no part.

    Parameters
    ----------
    draws : xarray.DataArray
        Labelled draws.

    Returns
    -------
    bool
        True when nothing varies over ``sample``.
    """
    values = draws.transpose(dr.SAMPLE, ...).values
    return bool((values == values[:1]).all())


def join(
    blocks: Mapping[str, xr.DataArray],
    *,
    rng: RngLike,
    size: int | None = None,
    assume_independent: str | None = None,
) -> Joint:
    """Pair the inputs that vary in one call of `core.draws.pair`; constants need no partner.

    Parameters
    ----------
    blocks : mapping of str to DataArray
        Labelled draws by name. The names, not their order, decide the random numbers.
    rng : int or Generator
        Randomness of the pairing.
    size : int, optional
        Draws of the joint sample; the longest input by default.
    assume_independent : str, optional
        Reason for treating results of one source or of the same data as independent.

    Returns
    -------
    Joint
        Inputs in one sample order.

    Raises
    ------
    AlignmentError
        If two inputs of one source come in different orders, or their segments differ.
    """
    for block in blocks.values():
        dr.order_of(block)
    _check_segments(blocks)
    varying = {name: blocks[name] for name in sorted(blocks) if not is_constant(blocks[name])}
    out = {name: block.isel({dr.SAMPLE: 0}, drop=True) for name, block in blocks.items()}
    out = {name: block.drop_attrs() for name, block in out.items()}
    if not varying:
        seed_of(rng)
        return Joint(
            blocks=out, order={"stated numbers": "fit"}, size=size or _NOTHING_RANDOM, notes={}
        )
    paired = dr.pair(*varying.values(), rng=rng, size=size, assume_independent=assume_independent)
    out |= dict(zip(varying, paired, strict=True))
    return Joint(
        blocks=out,
        order=dr.order_of(paired[0]),
        size=paired[0].sizes[dr.SAMPLE],
        notes=carried_notes(*paired),
    )


def _check_segments(blocks: Mapping[str, xr.DataArray]) -> None:
    seen: dict[str, tuple[str, list[str]]] = {}
    for name, block in blocks.items():
        for dim in (str(d) for d in block.dims if d != dr.SAMPLE):
            labels = [str(v) for v in block[dim].values]
            first, known = seen.setdefault(dim, (name, labels))
            if labels != known:
                raise AlignmentError(
                    f"{first} has {dim} {join_names(known)} and {name} has {join_names(labels)}; "
                    "expected the same labels in the same order."
                )
