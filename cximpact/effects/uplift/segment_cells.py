"""Customers collapsed to one cell for every segment and arm, in the engine of their frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    DesignError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    NoControlError,
    NoTreatedError,
    ZeroVarianceError,
    join_names,
)
from cximpact.core.fingerprint import fingerprint
from cximpact.data import CrossSection, checks, frames
from cximpact.data.treatment_roles import propensity_parts
from cximpact.effects.uplift.segment_means import cell_means

BINOMIAL, NORMAL = "binomial", "normal"
MAX_SEGMENTS = 2000
_POWERS = (1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentCells:
    """What was counted in every segment and arm.

    Parameters
    ----------
    by : str
        Name of the segments' dimension.
    labels : tuple
        The segments.
    control : object
        Label of the arm without treatment.
    arms : tuple
        Labels of the treated arms.
    family : {"binomial", "normal"}
        Counts of a 0/1 outcome, or means with known variances.
    rows : numpy.ndarray, shape (segment, 1 + arm)
        Customers, control first.
    total : numpy.ndarray, shape (segment,)
        Sum of weights of all customers of a segment.
    value, size : numpy.ndarray, shape (segment, 1 + arm)
        Successes and trials, or means and the inverse of their variances. With weights, trials
        are an effective number.
    location, scale : float
        Mean of the outcome and the size of a large effect, for default priors.
    weighted : tuple of str
        What rows were weighted by.
    """

    by: str
    labels: tuple[Any, ...]
    control: Any
    arms: tuple[Any, ...]
    family: str
    rows: np.ndarray = field(repr=False)
    total: np.ndarray = field(repr=False)
    value: np.ndarray = field(repr=False)
    size: np.ndarray = field(repr=False)
    location: float = 0.0
    scale: float = 1.0
    weighted: tuple[str, ...] = ()

    @property
    def n_arms(self) -> int:
        """How many treated arms there are."""
        return len(self.arms)

    @property
    def share(self) -> np.ndarray:
        """Share of each segment in all customers."""
        return self.total / self.total.sum()

    @property
    def empty(self) -> np.ndarray:
        """Whether nobody is in a cell, shape (segment, 1 + arm)."""
        return self.rows == 0

    @property
    def hash(self) -> str:
        """Fingerprint of what was counted."""
        labels = [str(x) for x in (*self.labels, self.control, *self.arms)]
        return fingerprint(labels, self.rows, self.total, self.value, self.size)


def collapse(data: CrossSection, by: Sequence[str], *, pool: bool = False) -> SegmentCells:
    """Count customers and outcomes by segment and arm.

    Parameters
    ----------
    data : CrossSection
        Customers.
    by : sequence of str
        Features that are crossed to segments.
    pool : bool, default False
        Let a segment lack an arm.

    Returns
    -------
    SegmentCells
        One scan for the outcome, one for the sums; customers are not brought into memory.

    Raises
    ------
    ConfigError, MissingColumnError, MissingValueError
        If the segments cannot be read.
    NoTreatedError, NoControlError
        If a segment lacks an arm and ``pool`` is False.
    DesignError
        If customers are dependent, or there are too many segments or only one.
    ZeroVarianceError
        If every outcome is the same.

    Notes
    -----
    Rows with known propensities that differ by row are weighted by their inverse, besides their
    own weights. A weighted count is worth ``(sum w)^2 / sum w^2`` customers.
    """
    _check(data, by)
    rows, weighted = _weighted_rows(data, by)
    _check_missing(rows, by)
    low, high = data.outcome_range
    if low == high:
        raise ZeroVarianceError(f"the outcome is {low:g} for everybody; there is no effect in it.")
    y, w = nw.col("__y"), nw.col("__w")
    seen = frames.collect(
        rows.select(mean=y.mean(), odd=((y != 0) & (y != 1)).cast(nw.Float64).sum())
    ).iloc[0]
    binary = not seen["odd"]
    off = y if binary else y - float(seen["mean"])
    powers: dict[str, nw.Expr] = {f"__m{p}": w * off**p for p in _POWERS[: 1 if binary else None]}
    values = powers
    if weighted:
        values = {"__w": w, "__ww": w * w, "__total": nw.col("__own"), **powers}
    sums = frames.group_sums(rows, [*by, "treatment"], values)
    labels, grid = _grid(sums, data, by)
    moments = dict.fromkeys(("__w", "__ww", "__total"), grid[frames.COUNT]) | grid
    made = {
        "by": by[0] if len(by) == 1 else "segment",
        "labels": labels,
        "control": data.control,
        "arms": tuple(data.arms),
        "rows": grid[frames.COUNT],
        "total": moments["__total"].sum(axis=1),
        "weighted": weighted,
    }
    if not pool:
        _check_arms(made)
    filled = np.maximum(moments["__w"], 1e-300)
    if binary:
        trials = moments["__w"] ** 2 / np.maximum(moments["__ww"], 1e-300)
        return SegmentCells(
            **made, family=BINOMIAL, value=trials * moments["__m1"] / filled, size=trials
        )
    found = cell_means([moments[f"__m{p}"] / filled for p in _POWERS], moments, float(seen["mean"]))
    scale = min(found.sd, found.location) if low >= 0 else found.sd
    return SegmentCells(
        **made,
        family=NORMAL,
        value=found.mean,
        size=found.precision,
        location=found.location,
        scale=scale,
    )


def _check(data: CrossSection, by: Sequence[str]) -> None:
    """Refuse what cannot form segments, and customers who are dependent."""
    if missing := [c for c in by if c not in data.features]:
        raise MissingColumnError.from_names(missing, data.features, role="by")
    opened = data.open()
    frames.check_keys(opened, by)
    fix = "the hierarchy takes customers as independent; use a learner that clusters its errors"
    if data.cluster is not None:
        raise DesignError(f"errors are dependent within {data.cluster!r}; {fix}.")
    if data.unit is not None:
        n = int(frames.collect(opened.select(n=nw.col("unit").n_unique()))["n"].iloc[0])
        if n < data.n_rows:
            raise DesignError(f"{data.n_rows} rows are of {n} customers; {fix}, or keep one row.")


def _weighted_rows(
    data: CrossSection, by: Sequence[str]
) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """Select segments, arm, outcome and weight."""
    parts = {} if data.propensity is None else propensity_parts(data, list(data.arms))
    named = {arm: p for arm, p in parts.items() if isinstance(p, str)}
    opened = frames.open_frame(data.frame)
    if data.missing == "drop":
        opened = opened.filter(~frames.is_missing(opened, data.outcome))
    weight: nw.Expr = nw.lit(1.0)
    if data.weight is not None:
        weight = nw.col(data.weight).cast(nw.Float64)
    used = weight / _received(data, parts) if named else weight
    rows = opened.select(
        *[nw.col(c) for c in by],
        treatment=nw.col(data.treatment),
        __y=nw.col(data.outcome).cast(nw.Float64),
        __w=used,
        __own=weight,
    )
    words = ("weight",) if data.weight is not None else ()
    return rows, (*words, *(("propensity",) if named else ()))


def _received(data: CrossSection, parts: dict[Any, float | str]) -> nw.Expr:
    """Return the known probability of the arm that a customer is in."""
    arm = nw.col(data.treatment)
    shares = {a: nw.col(p) if isinstance(p, str) else nw.lit(p) for a, p in parts.items()}
    rest: nw.Expr = nw.lit(1.0)
    for share in shares.values():
        rest = rest - share
    out = rest
    for label, share in shares.items():
        out = nw.when(arm == label).then(share).otherwise(out)
    return out


def _check_missing(rows: nw.LazyFrame[Any], by: Sequence[str]) -> None:
    fix = "give those customers a level of their own first"
    checks.run(rows, [checks.present(rows, c, fix, MissingValueError) for c in by])


def _grid(
    sums: pd.DataFrame, data: CrossSection, by: Sequence[str]
) -> tuple[tuple[Any, ...], dict[str, np.ndarray]]:
    """Lay out sums as segments by arms; cells without customers hold 0."""
    keys = sums[list(by)].drop_duplicates(ignore_index=True)
    n = len(keys)
    if n == 1:
        raise InsufficientDataError(
            f"{join_names(by)} makes 1 segment; expected at least 2, or an average effect."
        )
    if n > MAX_SEGMENTS:
        raise DesignError(
            f"{join_names(by)} makes {n:,} segments; expected at most {MAX_SEGMENTS:,}. Cut "
            "numbers into levels first."
        )
    keys["__segment"] = np.arange(n)
    row = sums.merge(keys, on=list(by), validate="many_to_one")["__segment"].to_numpy()
    order = [data.control, *data.arms]
    column = pd.Index(order).get_indexer(pd.Index(sums["treatment"]))
    values = [c for c in sums.columns if c not in (*by, "treatment")]
    grid = {name: np.zeros((n, len(order))) for name in values}
    for name, table in grid.items():
        table[row, column] = sums[name].to_numpy(float)
    if len(by) == 1:
        return tuple(keys[by[0]].tolist()), grid
    texts = keys[list(by)].astype(str).agg(" | ".join, axis=1)
    if texts.duplicated().any():
        raise ConfigError("two segments get the same label; rename the levels that hold ' | '.")
    return tuple(texts), grid


def _check_arms(made: dict[str, Any]) -> None:
    """Refuse segments in which an arm has nobody."""
    for k, arm in enumerate((made["control"], *made["arms"])):
        if (bad := np.flatnonzero(made["rows"][:, k] == 0)).size:
            named = join_names([made["labels"][s] for s in bad])
            error = NoTreatedError if k else NoControlError
            raise error(
                f"{made['by']} {named} has nobody in arm {str(arm)!r}, so {bad.size} of "
                f"{len(made['labels'])} segments cannot be compared within themselves. Merge "
                "segments, leave them out, or say empty='pool' to take their effect from the "
                "others."
            )
