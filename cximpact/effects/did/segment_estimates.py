"""The effect in every segment by itself, with the joint covariance of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    ConfigError,
    DataWarning,
    DesignError,
    NoControlError,
    NoTreatedError,
    join_names,
)
from cximpact.core.results import CELLS, EffectPosterior
from cximpact.data import Panel, RepeatedCrossSection, frames
from cximpact.data.checks import check_no_missing
from cximpact.effects.did.aggregate import average
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.estimates import Estimator

MIN_SEGMENTS = 3
_TAIL = 0.95
"""Quantile at which an estimate's normal error is made as wide as its t error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentEstimates:
    """Effects by segment, each estimated from its own rows.

    Parameters
    ----------
    labels : tuple
        Segments, sorted.
    value : numpy.ndarray, shape (segment,)
        Average effect on the treated of each, in the outcome's unit.
    covariance : numpy.ndarray, shape (segment, segment)
        Joint covariance, as the estimator gives it.
    df : numpy.ndarray, shape (segment,)
        Degrees of freedom; infinite is normal.
    treated : numpy.ndarray, shape (segment,)
        Treated units of a panel, treated rows of repeated cross-sections.
    correlation : numpy.ndarray, shape (segment, segment)
        Their correlation, drawn toward one correlation for all pairs as far as the clusters are
        too few to tell pairs apart.
    shared : bool
        Whether some cluster lies in several segments.
    causal : bool
        Whether every estimate is admitted as the effect of an action.
    """

    labels: tuple[Any, ...]
    value: np.ndarray
    covariance: np.ndarray = field(repr=False)
    df: np.ndarray
    treated: np.ndarray
    correlation: np.ndarray = field(repr=False)
    shared: bool
    causal: bool

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors, shape (segment,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def widened(self) -> np.ndarray:
        """Covariance with steadied correlations, widened, shape (segment, segment).

        Its normal 90 % intervals are the t intervals of single segments.
        """
        factor = stats.t.ppf(_TAIL, self.df) / stats.norm.ppf(_TAIL)
        error = factor * self.std_error
        return self.correlation * np.outer(error, error)

    def table(self, by: str, prob: float = 0.9) -> pd.DataFrame:
        """List the estimates, each by itself.

        Parameters
        ----------
        by : str
            Name of the segments' column.
        prob : float, default 0.9
            Mass of the t intervals.

        Returns
        -------
        pandas.DataFrame
            ``by, estimate, std_error, conf_low, conf_high, treated``.
        """
        half = stats.t.ppf((1 + prob) / 2, self.df) * self.std_error
        return pd.DataFrame(
            {
                by: list(self.labels),
                "estimate": self.value,
                "std_error": self.std_error,
                "conf_low": self.value - half,
                "conf_high": self.value + half,
                "treated": self.treated,
            }
        )


def split(data: Panel | RepeatedCrossSection, by: str) -> dict[Any, Panel | RepeatedCrossSection]:
    """Split a design into segments, and check that each can be compared within itself.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.
    by : str
        Column of its frame. In a panel it must not change within a unit; in repeated
        cross-sections people of one group may be in several segments.

    Returns
    -------
    dict
        Segment, sorted, to its part of the design.

    Raises
    ------
    MissingColumnError, MissingValueError, DtypeError
        If the column cannot be read.
    DesignError
        If it changes within a unit, or there are fewer than three segments.
    NoTreatedError, NoControlError
        If a segment lacks one side.
    """
    opened = frames.open_frame(data.frame)
    frames.check_columns(opened, {"by": by})
    frames.check_keys(opened, [by])
    check_no_missing(opened, [by], "name the segment of every row, or leave the rows out")
    if isinstance(data, Panel) and (n := _in_several(opened, data.unit, by)):
        raise DesignError(
            f"Column {by!r} changes within {n} units; a segment must be fixed before treatment. "
            "Use the value from before treatment, such as that of the first period."
        )
    labels = sorted(frames.collect(opened.select(by).unique())[by].tolist())
    if len(labels) < MIN_SEGMENTS:
        raise DesignError(
            f"Column {by!r} has {len(labels)} segments; how much effects differ cannot be learned "
            f"from fewer than {MIN_SEGMENTS}. Fit GroupTime to each segment, or name a finer "
            "column."
        )
    native: Any = nw.from_native(data.frame)
    parts: dict[Any, Panel | RepeatedCrossSection] = {}
    lacking: dict[type[DesignError], list[Any]] = {NoTreatedError: [], NoControlError: []}
    for label in labels:
        rows = native.filter(nw.col(by) == label).to_native()
        try:
            parts[label] = replace(data, frame=rows)
        except (NoTreatedError, NoControlError) as error:
            lacking[type(error)].append(label)
    _refuse(lacking, by)
    return parts


def segment_estimates(
    data: Panel | RepeatedCrossSection,
    parts: Mapping[Any, Panel | RepeatedCrossSection],
    by: str,
    estimator: Estimator,
    seed: int,
) -> SegmentEstimates:
    """Estimate the effect in every segment, with the joint covariance.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The whole design.
    parts : mapping
        From `split`.
    by : str
        Column of the segments.
    estimator : Estimator
        For one segment. Effects by cohort and period are averaged over the treated cells.
    seed : int
        Randomness.

    Returns
    -------
    SegmentEstimates
        Where clusters lie in several segments, their influence is added up over segments, so
        that estimates which share shocks are known to go together.

    Raises
    ------
    DesignError
        If a segment cannot be estimated, by name; or if clusters are shared and the estimator
        does not say what each cluster adds.
    """
    fits = _fits(parts, by, estimator, seed)
    shared = _clusters_shared(data, by)
    numbers = [_overall(fit) for fit in fits.values()]
    rows = pd.concat([n.summary() for n in numbers])
    value, covariance = rows["estimate"].to_numpy(), np.diag(rows["std_error"] ** 2)
    correlation = np.eye(len(value))
    if shared:
        influence = pd.DataFrame({i: _influence(fit) for i, fit in enumerate(fits.values())})
        matrix = influence.fillna(0.0).to_numpy()
        covariance, correlation = matrix.T @ matrix, steadied_correlation(matrix)
    return SegmentEstimates(
        labels=tuple(fits),
        value=value,
        covariance=covariance,
        df=np.array([np.inf if n.df is None else n.df for n in numbers]),
        treated=np.array([_treated(part) for part in parts.values()]),
        correlation=correlation,
        shared=shared,
        causal=all(is_causal(n) for n in numbers),
    )


def steadied_correlation(influence: np.ndarray) -> np.ndarray:
    """Estimate the correlation of estimates from what each cluster adds to their errors.

    Parameters
    ----------
    influence : numpy.ndarray, shape (cluster, segment)
        Its cross-products are the covariance.

    Returns
    -------
    numpy.ndarray, shape (segment, segment)
        A weighted mean of the sample correlation and of one correlation for all pairs; the weight
        is the one with the least expected squared error. It has an inverse however few clusters
        there are, where that of the sample correlation is far too large or does not exist.

    References
    ----------
    Schaefer, J. and Strimmer, K. (2005). A shrinkage approach to large-scale covariance matrix
    estimation and implications for functional genomics. Statistical Applications in Genetics and
    Molecular Biology 4, 32.
    """
    x = influence / np.sqrt((influence**2).sum(axis=0))
    n, k = x.shape
    raw = x.T @ x
    pairs = ~np.eye(k, dtype=bool)
    noise = n / max(n - 1, 1) * ((x**2).T @ x**2 - raw**2 / n)
    common = float(np.clip(raw[pairs].mean(), -0.9 / (k - 1), 0.99))
    spread = float(((raw - common)[pairs] ** 2).sum())
    weight = min(1.0, float(noise[pairs].sum()) / spread) if spread > 0 else 1.0
    return np.where(pairs, weight * common + (1 - weight) * raw, 1.0)


def _refuse(lacking: Mapping[type[DesignError], list[Any]], by: str) -> None:
    """Name the segments in which nothing can be compared."""
    fix = f"Join them with other segments of {by!r}, or leave them out."
    for kind, labels in lacking.items():
        what = "treated" if kind is NoTreatedError else "untreated while others are treated"
        if labels:
            raise kind(f"nobody in {by} {join_names(labels)} is {what}. {fix}")


def _fits(
    parts: Mapping[Any, Panel | RepeatedCrossSection], by: str, estimator: Estimator, seed: int
) -> dict[Any, EffectPosterior]:
    """Fit every segment; say in which segments a warning or an error arose."""
    fits: dict[Any, EffectPosterior] = {}
    said: dict[tuple[type[Warning], str], list[Any]] = {}
    for label, part in parts.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                fits[label] = estimator.fit(part, rng=seed)
            except DesignError as error:
                raise type(error)(f"{by} {label!r}: {error}") from error
        for warning in caught:
            if not issubclass(warning.category, DataWarning):  # the whole design says it
                key = (warning.category, str(warning.message))
                said.setdefault(key, []).append(label)
    for (category, message), labels in said.items():
        warnings.warn(f"{by} {join_names(labels, 6)}: {message}", category, stacklevel=4)
    return fits


def _overall(fit: EffectPosterior) -> EffectPosterior:
    """Reduce to one number with a standard error."""
    one = fit.aggregate("simple") if CELLS in fit.details else fit
    if one.draws.ndim != 1 or one.std_error is None:
        raise ConfigError(
            f"estimator {fit.provenance.method} gives {one.draws.dims}; expected one effect with "
            "a standard error, or effects by cohort and period. Use GroupTime or TwoByTwo."
        )
    return one


def _influence(fit: EffectPosterior) -> pd.Series:
    """Return what every cluster adds to the error of the average effect."""
    cells = fit.details.get(CELLS)
    if cells is None or not isinstance(cells.fit.influence, np.ndarray):
        raise DesignError(
            f"some clusters lie in several segments, and {fit.provenance.method} does not say what "
            "each cluster adds to the error. Use estimator=GroupTime()."
        )
    found = cells.fit
    jacobian = average(found.cells, found.cohorts, found.value, "simple", overall=False).jacobian
    return pd.Series(found.influence @ jacobian[0], index=_cluster_names(cells))


def _cluster_names(cells: Any) -> np.ndarray:
    """Name the rows of the influence: the clusters that were used, sorted."""
    if not isinstance(cells.design, DidTable):
        return np.unique(cells.design.moments.groups["cluster"].to_numpy())
    table = cells.design.table
    if cells.design.kind == "panel" and cells.settings.unbalanced == "drop":
        seen = table.groupby("entity")["time"].transform("size")
        table = table[seen == table["time"].nunique()]
    return np.sort(table["cluster"].unique())


def _in_several(opened: nw.LazyFrame[Any], who: str, by: str) -> int:
    """Count those who are in several segments."""
    pairs = opened.select(who, by).unique().group_by(who).agg(nw.len().alias("__n"))
    return frames.count_where(pairs, nw.col("__n") > 1)


def _clusters_shared(data: Panel | RepeatedCrossSection, by: str) -> bool:
    who = data.unit if isinstance(data, Panel) else data.group
    cluster = who if data.cluster is None else data.cluster
    if isinstance(data, Panel) and cluster == data.unit:
        return False
    return _in_several(frames.open_frame(data.frame), cluster, by) > 0


def _treated(part: Panel | RepeatedCrossSection) -> float:
    """Count treated units, or treated rows of repeated cross-sections."""
    if isinstance(part, Panel):
        first = part.cohorts["first_treated"].to_numpy(dtype=float)
        inside = (first > part.periods[0]) & (first <= part.periods[-1])
        return float(part.cohorts["units"].to_numpy(dtype=float)[inside].sum())
    treated = nw.col("period") >= nw.col("first_treated")
    if part.first_treated is None:
        treated = nw.col("treated") == 1
    return float(frames.count_where(part.open(), treated))
