"""Numeric covariates as bins: few cells instead of one a value, with edges that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    MissingColumnError,
    MissingValueError,
    ZeroVarianceError,
    join_names,
)
from cximpact.core.validate import check_choice, check_count, check_vector
from cximpact.data import checks, frames

MISSING = ("refuse", "own_bin")
MISSING_LABEL = "missing"


@dataclass(frozen=True, kw_only=True, eq=False)
class Bins:
    """Edges of bins, learnt once and applied to every later wave.

    Parameters
    ----------
    edges : mapping of str to array_like of float, shape (bin - 1,)
        Column to the edges between its bins, increasing. A value that equals an edge lies in the
        bin below it. The outermost bins have no end.
    missing : {"refuse", "own_bin"}
        What becomes of a missing value.

    Notes
    -----
    Labels sort in the order of the bins: ``"01: up to 3"``, ``"02: 3 to 7"``, ``"03: above 7"``.
    Edges of one wave applied to the next keep the meaning of a bin; quantiles learnt anew would
    move it.
    """

    edges: Mapping[str, np.ndarray]
    missing: str = "refuse"

    def __post_init__(self) -> None:
        check_choice(self.missing, "missing", MISSING)
        kept = {}
        for name, values in self.edges.items():
            array = check_vector(values, f"edges[{name!r}]")
            if (np.diff(array) <= 0).any():
                raise ConfigError(
                    f"edges[{name!r}] are {array.tolist()}; expected them increasing."
                )
            array.setflags(write=False)
            kept[name] = array
        object.__setattr__(self, "edges", MappingProxyType(kept))

    def labels(self, column: str) -> tuple[str, ...]:
        """Name the bins of a column.

        Parameters
        ----------
        column : str
            A binned column.

        Returns
        -------
        tuple of str
            In order; the bin of missing values last, where it has one.

        Raises
        ------
        MissingColumnError
            If the column is not binned.
        """
        if column not in self.edges:
            raise MissingColumnError.from_names([column], list(self.edges), role="binned")
        return _labels(self.edges[column], self.missing == "own_bin")

    def apply(self, frame: Any) -> Any:
        """Put the values of a frame into the bins, lazily and in its own engine.

        Parameters
        ----------
        frame : frame
            Of any engine, with every binned column.

        Returns
        -------
        frame
            Of the same engine, with a column ``<column>_bin`` for each binned one; all columns of
            the frame are kept. What was eager comes back eager.

        Raises
        ------
        ConfigError
            If the frame has a column of that name already.
        """
        opened = frames.open_frame(frame)
        _check_numeric(opened, list(self.edges), self.missing)
        names = opened.collect_schema().names()
        if taken := [f"{c}_bin" for c in self.edges if f"{c}_bin" in names]:
            raise ConfigError(f"the frame has a column {join_names(taken)} already; drop it.")
        native = nw.from_native(frame)
        added = {f"{c}_bin": self._expression(opened, c) for c in self.edges}
        return nw.to_native(native.with_columns(**added))

    def table(self) -> pd.DataFrame:
        """List the bins.

        Returns
        -------
        pandas.DataFrame
            ``column``, ``bin``, ``above``, ``up_to``: a bin holds what is larger than ``above``
            and at most ``up_to``.
        """
        rows = []
        for column, edges in self.edges.items():
            ends = np.concatenate([[-np.inf], edges, [np.inf]])
            names = _labels(edges, extra=False)
            rows += list(zip([column] * len(names), names, ends[:-1], ends[1:], strict=True))
        return pd.DataFrame(rows, columns=["column", "bin", "above", "up_to"])

    def explain(self) -> str:
        """Say which covariates were binned, and what is lost by that.

        Returns
        -------
        str
            A paragraph, for the notes of what is estimated with them.
        """
        counts = ", ".join(f"{c!r} into {len(e) + 1} bins" for c, e in self.edges.items())
        return (
            f"Covariates were binned: {counts}. Within a bin all values count as equal, so a "
            "change within one cannot be seen; edges stay those of the frame they were learnt from."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the bins as plain values, to be stored beside a fit.

        Returns
        -------
        dict
            ``edges`` (lists by column) and ``missing``; `Bins(**...)` restores them.
        """
        return {"edges": {c: e.tolist() for c, e in self.edges.items()}, "missing": self.missing}

    def _expression(self, frame: nw.LazyFrame[Any], column: str) -> nw.Expr:
        value, names = frames.known(frame, column), _labels(self.edges[column], extra=False)
        out: Any = nw.lit(names[-1])
        for edge, name in zip(self.edges[column][::-1], names[-2::-1], strict=True):
            out = nw.when(value <= float(edge)).then(nw.lit(name)).otherwise(out)
        gap = frames.is_missing(frame, column)
        return nw.when(gap).then(nw.lit(MISSING_LABEL)).otherwise(out)


def bin_columns(
    frame: Any, columns: Sequence[str], n_bins: int = 10, *, missing: str = "refuse"
) -> Bins:
    """Learn bins with about equally many rows each.

    Parameters
    ----------
    frame : frame
        Of any engine: everybody whom the survey is to speak for, not only who answered.
    columns : sequence of str
        Numeric columns.
    n_bins : int, default 10
        Bins at most; ties give fewer.
    missing : {"refuse", "own_bin"}
        Whether missing values are an error or form a bin of their own.

    Returns
    -------
    Bins
        Edges by column.

    Raises
    ------
    DtypeError
        If a column is not numeric.
    MissingValueError, NonFiniteError
        If values are missing (and not given a bin), or infinite.
    ZeroVarianceError
        If a column has a single value.

    Notes
    -----
    Edges are observed values: the smallest value v with at least a share q of the known rows at
    or below v, for q = 1/n, 2/n and so on. Equal values never fall into two bins, so a value
    with many rows fills a bin of its own and there are fewer bins.

    What breaks it: an effect that turns within a bin. More bins show that, at the cost of
    sparser cells.
    """
    n_bins = check_count(n_bins, "n_bins", low=2)
    opened = frames.open_frame(frame)
    names = frames.column_names(columns, "columns")
    _check_numeric(opened, names, check_choice(missing, "missing", MISSING))
    edges = {}
    for name in names:
        known = opened.select(**{name: frames.known(opened, name)}).drop_nulls()
        counted = frames.group_sums(known, [name], {})
        if len(counted) < 2:
            raise ZeroVarianceError(
                f"column {name!r} has {len(counted)} different values; leave it out."
            )
        edges[name] = _quantiles(
            counted[name].to_numpy(float), counted[frames.COUNT].to_numpy(float), n_bins
        )
    return Bins(edges=edges, missing=missing)


def _quantiles(values: np.ndarray, counts: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the upper ends of the bins but the last, from sorted values and their counts."""
    share = counts.cumsum() / counts.sum()
    at = np.searchsorted(share, np.arange(1, n_bins) / n_bins - 1e-12)
    return (
        values[np.unique(at[at < len(values) - 1])] if (at < len(values) - 1).any() else values[:1]
    )


def _labels(edges: np.ndarray, extra: bool) -> tuple[str, ...]:
    texts = [f"{edge:.6g}" for edge in edges]
    if len(set(texts)) < len(texts):
        texts = [repr(float(edge)) for edge in edges]
    middle = [f"{a} to {b}" for a, b in pairwise(texts)]
    width = len(str(len(edges) + 1))
    names = [f"up to {texts[0]}", *middle, f"above {texts[-1]}"]
    names = [f"{i:0{width}d}: {name}" for i, name in enumerate(names, 1)]
    return (*names, *([MISSING_LABEL] if extra else []))


def _check_numeric(frame: nw.LazyFrame[Any], columns: Sequence[str], missing: str) -> None:
    frames.check_columns(frame, {f"columns[{i}]": c for i, c in enumerate(columns)})
    to_check = []
    for column in columns:
        frames.check_numeric(frame, column, "binned covariate")
        to_check += checks.finite(frame, column)
        if missing == "refuse":
            fix = "impute them, or give them a bin with missing='own_bin'"
            to_check.append(checks.present(frame, column, fix, MissingValueError))
    checks.run(frame, to_check)
