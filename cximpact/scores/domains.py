"""Estimates and design-based variances of groups, from cells of counted answers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cximpact.core.errors import ClusterError, DesignError, SmallSampleWarning, join_names
from cximpact.data import Cells, SurveyWave, cells
from cximpact.scores.stages import check_by
from cximpact.scores.statistic import Statistic
from cximpact.scores.variance import sampled_fraction
from cximpact.scores.weighted import FEW_CLUSTERS, describe, stratified_variance


@dataclass(frozen=True, kw_only=True, eq=False)
class Domains:
    """Groups with their estimates.

    Parameters
    ----------
    index : pandas.DataFrame, shape (group, key)
        The groups.
    shares : numpy.ndarray, shape (group, category)
        Weighted shares of the answers; missing without answers.
    estimate, std_error, df, n, n_invited, n_eff, n_interval : numpy.ndarray, shape (group,)
        What `summarize` reports; ``n_interval`` also counts a finite-population correction and is
        0 where no interval can be had.
    note : numpy.ndarray of str, shape (group,)
        What is wrong with a group, or nothing.
    variance : str
        Kind of variance.
    """

    index: pd.DataFrame = field(repr=False)
    shares: np.ndarray = field(repr=False)
    estimate: np.ndarray = field(repr=False)
    std_error: np.ndarray = field(repr=False)
    df: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)
    n_invited: np.ndarray = field(repr=False)
    n_eff: np.ndarray = field(repr=False)
    n_interval: np.ndarray = field(repr=False)
    note: np.ndarray = field(repr=False)
    variance: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layout:
    """Which group and stratum each cell belongs to, and its weights after design weighting."""

    group: np.ndarray
    stratum: np.ndarray
    n_groups: int
    strata: pd.Index
    count: np.ndarray
    weight: np.ndarray
    weight_sq: np.ndarray

    def by_group(self, cell_values: np.ndarray) -> np.ndarray:
        """Sum cells, shape (cell, ...), to groups."""
        out = np.zeros((self.n_groups, *cell_values.shape[1:]))
        np.add.at(out, self.group, cell_values)
        return out

    def by_group_stratum(self, cell_values: np.ndarray) -> np.ndarray:
        """Sum cells, shape (cell,), to a table of groups and strata."""
        out = np.zeros((self.n_groups, len(self.strata)))
        np.add.at(out, (self.group, self.stratum), cell_values)
        return out


def read_domains(
    wave: SurveyWave, keys: list[str], statistic: Statistic, *, finite: bool, design: str | None
) -> Domains:
    """Estimate a statistic in every group of a wave.

    Parameters
    ----------
    wave : SurveyWave
        The wave.
    keys : list of str
        Columns to group by.
    statistic : Statistic
        What is estimated.
    finite : bool
        Whether the people of the frame are the target.
    design : {"srs"} or None
        Declared design.

    Returns
    -------
    Domains
        One entry a group, in sorted order.

    Raises
    ------
    DesignError, ClusterError
        If the design does not allow the variance that was asked for.
    """
    check_by(keys, wave)
    if finite:
        _check_finite_design(wave, design)
    extra = [c for c in dict.fromkeys((wave.stratum, wave.cluster)) if c and c not in keys]
    counted = cells(wave, by=[*keys, *extra])
    index, layout = _layout(counted, keys, wave)
    fraction = np.zeros((1, len(layout.strata)))
    if finite:
        layout, fraction = _finite(counted, layout, wave, design)
    n, total = layout.by_group(layout.count).sum(axis=1), layout.by_group(layout.weight)
    mass = total.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = total / mass[:, None]
        estimate = shares @ statistic.values
        super_variance, variance, df = _variances(wave, layout, estimate, mass, statistic, fraction)
        simple = (shares * (statistic.values - estimate[:, None]) ** 2).sum(axis=1) / (n - 1)
        kish = mass**2 / layout.by_group(layout.weight_sq).sum(axis=1)
        n_eff = np.where(simple > 0, n * simple / super_variance, kish)
    n_eff = np.where(np.isfinite(n_eff), n_eff, np.where(mass > 0, kish, 0.0))
    n_eff = np.minimum(n_eff, n)
    note = _notes(n, mass, df, clustered=wave.cluster is not None)
    return Domains(
        index=index,
        shares=shares,
        estimate=estimate,
        std_error=np.sqrt(variance),
        df=df,
        n=n,
        n_invited=layout.by_group(counted.frame_count),
        n_eff=n_eff,
        n_interval=_n_interval(n_eff, n, fraction, super_variance, variance, note),
        note=note,
        variance=_describe(wave, finite),
    )


def _layout(counted: Cells, keys: list[str], wave: SurveyWave) -> tuple[pd.DataFrame, _Layout]:
    group, index = np.zeros(counted.n_cells, dtype=int), pd.DataFrame(index=[0])
    if keys:
        grouped = counted.index.groupby(keys, sort=True, observed=True)
        group, index = grouped.ngroup().to_numpy(), grouped.size().index.to_frame(index=False)
    stratum, strata = np.zeros(counted.n_cells, dtype=int), pd.Index(["the wave"])
    if wave.stratum is not None:
        stratum, strata = pd.factorize(counted.index[wave.stratum], sort=True)
    layout = _Layout(
        group=group,
        stratum=stratum,
        n_groups=len(index),
        strata=strata,
        count=counted.dense(),
        weight=counted.dense(counted.weight),
        weight_sq=counted.dense(counted.weight_sq),
    )
    return index, layout


def _check_finite_design(wave: SurveyWave, design: str | None) -> None:
    sampled_fraction(0, 1, design)
    if wave.cluster is not None:
        raise DesignError("a finite-population correction for clusters is not offered; drop one.")
    if wave.weight is not None and wave.stratum is None:
        raise DesignError(
            "design='srs' says that everybody had the same chance, but the wave has weights; name "
            "the strata that they come from, or aim at target='super'."
        )


def _finite(
    counted: Cells, layout: _Layout, wave: SurveyWave, design: str | None
) -> tuple[_Layout, np.ndarray]:
    """Find the sampled fractions, and weight strata by N / n where the wave has no weights."""
    answers = layout.by_group_stratum(layout.count.sum(axis=1))
    people = layout.by_group_stratum(counted.frame_count)
    if wave.stratum is None:
        return layout, answers / people
    n_h, size_h = answers.sum(axis=0), people.sum(axis=0)
    if (n_h == 0).any():
        raise DesignError(
            f"{int((n_h == 0).sum())} strata have no answers; merge them with others."
        )
    if wave.weight is None:
        w = (size_h / n_h)[layout.stratum][:, None]
        layout = _Layout(
            group=layout.group,
            stratum=layout.stratum,
            n_groups=layout.n_groups,
            strata=layout.strata,
            count=layout.count,
            weight=layout.weight * w,
            weight_sq=layout.weight_sq * w**2,
        )
    return layout, (n_h / size_h)[None]


def _variances(
    wave: SurveyWave,
    layout: _Layout,
    estimate: np.ndarray,
    mass: np.ndarray,
    statistic: Statistic,
    fraction: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance without and with the finite-population correction, and degrees of freedom."""
    away = (statistic.values[None] - estimate[layout.group, None]) / mass[layout.group, None]
    away = np.where(np.isfinite(away), away, 0.0)
    sums = (layout.weight * away).sum(axis=1)
    answered = layout.count.sum(axis=1)
    if wave.cluster is not None:
        squares, units = sums**2, (answered > 0).astype(float)
    else:
        squares, units = (layout.weight_sq * away**2).sum(axis=1), answered
    whole = _whole_units(layout, wave, answered)
    first, second = layout.by_group_stratum(sums), layout.by_group_stratum(squares)
    inside = layout.by_group_stratum(units)
    df = inside.sum(axis=1) - (inside > 0).sum(axis=1)
    n_units = inside if whole is None else np.where(inside.sum(axis=1)[:, None] > 0, whole, 0.0)
    plain = stratified_variance(first, second, n_units)
    known = (df > 0) & (mass > 0)
    corrected = stratified_variance(first, second, n_units, fraction)
    return np.where(known, plain, np.nan), np.where(known, corrected, np.nan), df


def _whole_units(layout: _Layout, wave: SurveyWave, answered: np.ndarray) -> np.ndarray | None:
    """Count the clusters (or answers) in each stratum of the whole wave, which fix its factors.

    Without clusters and strata there is nothing to count: each group is a sample of its own.
    """
    if wave.cluster is None and wave.stratum is None:
        return None
    if wave.cluster is None:
        units = layout.by_group_stratum(answered).sum(axis=0)
    else:
        units = _clusters(layout, wave)
    lonely = layout.strata[(units > 0) & (units < 2)]
    if lonely.size:
        raise ClusterError(
            f"fewer than 2 {'answers' if wave.cluster is None else 'clusters with answers'} in "
            f"{join_names(lonely)}; a variance needs 2. Merge strata, or leave the design out."
        )
    if wave.cluster is not None and units.sum() < FEW_CLUSTERS:
        warnings.warn(
            f"only {units.sum():.0f} clusters have answers: standard errors are rough.",
            SmallSampleWarning,
            stacklevel=5,
        )
    return units


def _clusters(layout: _Layout, wave: SurveyWave) -> np.ndarray:
    index = cells(wave, by=[c for c in dict.fromkeys((wave.stratum, wave.cluster)) if c])
    given = index.index[index.answered > 0]
    if given[wave.cluster].duplicated().any():
        raise ClusterError("a cluster lies in more than one stratum; strata hold whole clusters.")
    if wave.stratum is None:
        return np.array([float(len(given))])
    sizes = given.groupby(wave.stratum, sort=True, observed=True).size()
    return sizes.reindex(layout.strata, fill_value=0).to_numpy(dtype=float)


def _n_interval(
    n_eff: np.ndarray,
    n: np.ndarray,
    fraction: np.ndarray,
    plain: np.ndarray,
    corrected: np.ndarray,
    note: np.ndarray,
) -> np.ndarray:
    """Raise the effective n by the finite-population correction; 0 where there is no interval."""
    if not fraction.any():
        gain = np.ones(n.size)
    elif fraction.shape[0] == n.size:
        gain = np.divide(
            1, 1 - fraction[:, 0], out=np.full(n.size, np.inf), where=fraction[:, 0] < 1
        )
    else:
        some = np.isfinite(plain) & (plain > 0)
        gain = np.ones(n.size)
        with np.errstate(divide="ignore"):
            gain[some] = plain[some] / corrected[some]
    refused = np.isin(note, ("no answers", "all weights are 0", "one cluster"))
    return np.where(refused, 0.0, n_eff * gain)


def _describe(wave: SurveyWave, finite: bool) -> str:
    if not (wave.weight or wave.cluster or wave.stratum or finite):
        return "simple"
    return describe(wave.cluster is not None, wave.stratum is not None, finite)


def _notes(n: np.ndarray, mass: np.ndarray, df: np.ndarray, *, clustered: bool) -> np.ndarray:
    note = np.full(n.size, "", dtype=object)
    note[df <= 0] = "one cluster" if clustered else "one answer"
    note[mass <= 0] = "all weights are 0"
    note[n == 0] = "no answers"
    return note
