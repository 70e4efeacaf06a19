"""The rows of a cross-section in memory, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from cximpact.core.errors import DesignError
from cximpact.core.fingerprint import fingerprint
from cximpact.data import frames
from cximpact.data.treatment_roles import propensity_parts

if TYPE_CHECKING:
    from cximpact.data.cross_section import CrossSection


@dataclass(frozen=True, kw_only=True, eq=False)
class CustomerRows:
    """Customers as arrays, one entry a row.

    Parameters
    ----------
    outcome, weight : numpy.ndarray of float, shape (row,)
        What they did, and what they count.
    arm : numpy.ndarray of int, shape (row,)
        0 for the control, then the treated arms in order.
    cluster : numpy.ndarray of int, shape (row,)
        Number of the cluster at which errors are dependent.
    group : numpy.ndarray of int, shape (row,)
        Number of the smallest set of rows that must stay in one fold: it holds whole customers
        and whole clusters.
    propensity : numpy.ndarray of float, shape (row, 1 + arm), or None
        Known probability of each arm, control first.
    table : pandas.DataFrame
        The features.
    unit : pandas.Series or None
        Identifiers.
    keys : numpy.ndarray of uint64, shape (row,)
        Hash of each customer's identifier, or of all that is known of the row.
    data_hash : str
        Fingerprint of all of it.
    """

    outcome: np.ndarray = field(repr=False)
    arm: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    group: np.ndarray = field(repr=False)
    propensity: np.ndarray | None = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    unit: pd.Series | None = field(repr=False)
    keys: np.ndarray = field(repr=False)
    data_hash: str

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.outcome)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max()) + 1


def customer_rows(data: CrossSection) -> CustomerRows:
    """Bring the rows of a cross-section into memory.

    Parameters
    ----------
    data : CrossSection
        Customers, checked.

    Returns
    -------
    CustomerRows
        Arrays in the order of the rows.

    Raises
    ------
    DesignError
        If a cluster holds a customer who is in another cluster, too.
    """
    table = frames.collect(data.open())
    features = table[list(data.features)]
    labels = [data.control, *data.arms]
    arm = pd.Categorical(table["treatment"].astype(object), categories=labels).codes
    unit = table["unit"] if data.unit is not None else None
    known = table.drop(columns=[c for c in ("unit", "cluster", "weight") if c in table])
    cluster = _codes(table, "cluster", "unit")
    row_hash = hash_rows(table)
    keys = row_hash if len(known.columns) == len(table.columns) else hash_rows(known)
    if unit is not None:
        keys = hash_rows(unit.to_frame())
    return CustomerRows(
        outcome=table["outcome"].to_numpy(float),
        arm=arm.astype(np.int64),
        weight=table["weight"].to_numpy(float) if data.weight is not None else np.ones(len(table)),
        cluster=cluster,
        group=cluster if unit is None else _nested(cluster, _codes(table, "unit")),
        propensity=_propensity(data, len(table)),
        table=features,
        unit=unit,
        keys=keys,
        data_hash=fingerprint([str(c) for c in table.columns], row_hash),
    )


def hash_rows(table: pd.DataFrame) -> np.ndarray:
    """Hash each row of a table.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows.

    Returns
    -------
    numpy.ndarray of uint64, shape (row,)
        Equal rows have equal hashes.
    """
    return np.asarray(hash_pandas_object(table, index=False), dtype=np.uint64)


def _codes(table: pd.DataFrame, *columns: str) -> np.ndarray:
    """Return numbers for the values of the first column that there is, or else for the rows."""
    for column in columns:
        if column in table:
            return pd.factorize(table[column])[0].astype(np.int64)
    return np.arange(len(table))


def _nested(cluster: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Check that customers do not cross clusters; return what must stay together."""
    first = pd.Series(cluster).groupby(unit).transform("first").to_numpy()
    if (crossing := len(np.unique(unit[first != cluster]))) > 0:
        raise DesignError(
            f"{crossing} customers are in several clusters; give clusters that hold whole "
            "customers."
        )
    return cluster


def _propensity(data: CrossSection, n: int) -> np.ndarray | None:
    if data.propensity is None:
        return None
    parts = propensity_parts(data, list(data.arms))
    opened = frames.open_frame(data.frame)
    if data.missing == "drop":
        opened = opened.filter(~frames.is_missing(opened, data.outcome))
    out = np.empty((n, 1 + len(data.arms)))
    for i, arm in enumerate(data.arms):
        part: Any = parts[arm]
        if isinstance(part, str):
            out[:, i + 1] = frames.collect(opened.select(p=nw.col(part).cast(nw.Float64)))["p"]
        else:
            out[:, i + 1] = float(part)
    out[:, 0] = 1 - out[:, 1:].sum(axis=1)
    return out
