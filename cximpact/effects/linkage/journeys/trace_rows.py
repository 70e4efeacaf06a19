"""Two waves of answers at touchpoints as one set of rows, with what was left out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import (
    AssumptionWarning,
    ClusterError,
    ConfigError,
    IdTypeError,
    InsufficientDataError,
    MissingValueError,
    NoRespondentsError,
    OverlapError,
    join_names,
    rows_phrase,
)
from cximpact.core.validate import check_choice, check_count
from cximpact.core.wording import number
from cximpact.data import frames
from cximpact.effects.linkage.journeys.answers import CLUSTER, VALUE, WEIGHT, place_labels

WAVES = ("before", "after")
BLANK = ("raise", "report")
_CLEAR = 0.01


@dataclass(frozen=True, kw_only=True)
class TraceOptions:
    """Settings of `score_trace` that have a usual value.

    Parameters
    ----------
    respondents : tuple of str
        Columns that say who answered, such as the segment; the waves are compared by them.
    reweight : bool, default False
        Give both waves the same respondents: the mean of their shares.
    missing : {"raise", "drop"}
        What to do with rows without a score.
    blank : {"raise", "report"}
        What to do with a touchpoint of which a wave has rows but no score.
    draws : int, default 2000
        How many draws.
    """

    respondents: tuple[str, ...] = ()
    reweight: bool = False
    missing: str = "raise"
    blank: str = "raise"
    draws: int = 2000

    def __post_init__(self) -> None:
        names = frames.column_names(self.respondents, "respondents")
        object.__setattr__(self, "respondents", names)
        check_choice(self.missing, "missing", ("raise", "drop"))
        check_choice(self.blank, "blank", BLANK)
        check_count(self.draws, "draws", low=2)
        if not isinstance(self.reweight, bool):
            raise ConfigError(f"reweight is {self.reweight!r}; expected True or False.")
        if self.reweight and not names:
            raise ConfigError("reweight=True needs respondents=, the columns that say who answers.")


@dataclass(frozen=True, kw_only=True, eq=False)
class TraceRows:
    """Rows of both waves that enter, and the places they belong to.

    Parameters
    ----------
    places : pandas.DataFrame
        One row a place: its levels.
    labels : tuple of str
        Their joined labels.
    cell : numpy.ndarray of int, shape (row,)
        Number of wave, group of respondents and place of each row.
    value, weight : numpy.ndarray, shape (row,)
        What each answer adds to the score, and what it counts for.
    cluster : numpy.ndarray of int, shape (row,)
        Number of its cluster, the same in both waves.
    groups : tuple of str
        Groups of respondents; one without ``reweight``.
    target : numpy.ndarray, shape (group,)
        Share of each group that both waves are given.
    blanks : mapping of str to str
        Touchpoints without any score, and in which waves.
    notes : tuple of str
        What a reader must know.
    diagnostics : dict
        How the respondents changed.
    """

    places: pd.DataFrame = field(repr=False)
    labels: tuple[str, ...]
    cell: np.ndarray = field(repr=False)
    value: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    groups: tuple[str, ...]
    target: np.ndarray
    blanks: dict[str, str]
    notes: tuple[str, ...]
    diagnostics: dict[str, object]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Waves, groups of respondents and places."""
        return 2, len(self.groups), len(self.labels)


def trace_rows(
    waves: Sequence[pd.DataFrame], by: Sequence[str], score: str, options: TraceOptions
) -> TraceRows:
    """Join two waves, checked.

    Parameters
    ----------
    waves : sequence of pandas.DataFrame
        Before and after, from `read_answers`.
    by : sequence of str
        Columns of places.
    score : str
        Name of the score's column, for messages.
    options : TraceOptions
        Settings.

    Returns
    -------
    TraceRows
        Rows that enter.

    Raises
    ------
    NoRespondentsError, MissingValueError
        If scores are missing and it was not said what to do.
    InsufficientDataError
        If there is one place.
    """
    _check_clusters(waves)
    table = pd.concat(waves, ignore_index=True)
    wave = np.repeat([0, 1], [len(w) for w in waves])
    label = place_labels(table, by)
    lacking = table[VALUE].isna().to_numpy() | (table[WEIGHT].to_numpy() == 0)
    blanks = _blanks(label, wave, lacking)
    if blanks and options.blank == "raise":
        name, where = next(iter(blanks.items()))
        raise NoRespondentsError(
            f"touchpoint {name!r} has rows but no {score!r} {where} ({len(blanks)} such "
            "touchpoints); leave it out, or say blank='report'."
        )
    _check_gaps(table[VALUE].isna().to_numpy(), wave, label.isin(list(blanks)), score, options)
    for w, name in enumerate(WAVES):
        if lacking[wave == w].all():
            raise NoRespondentsError(f"no row of the wave {name} has a {score!r} that counts.")
    kept = table[~lacking].reset_index(drop=True)
    own, wave = label[~lacking], wave[~lacking]
    codes, labels = pd.factorize(own, sort=True)
    if len(labels) < 2:
        raise InsufficientDataError(
            f"column {join_names(list(by))} has one level with answers ({labels[0]!r}); a change "
            "is traced to at least two."
        )
    group, groups, target, found, changed = _respondents(kept, wave, options)
    notes = _notes(lacking, len(table), blanks) + changed
    first = pd.Series(codes).drop_duplicates().index
    places = kept.loc[first, list(by)].iloc[np.argsort(codes[first])].reset_index(drop=True)
    return TraceRows(
        places=places,
        labels=tuple(map(str, labels)),
        cell=(wave * len(groups) + group) * len(labels) + codes,
        value=kept[VALUE].to_numpy(),
        weight=kept[WEIGHT].to_numpy(),
        cluster=_clusters(kept),
        groups=groups,
        target=target,
        blanks=blanks,
        notes=notes,
        diagnostics=found,
    )


def _blanks(label: pd.Series, wave: np.ndarray, lacking: np.ndarray) -> dict[str, str]:
    """Name touchpoints of which a wave has rows and none of them a score."""
    empty = pd.Series(lacking).groupby([label.to_numpy(), wave]).all()
    found = empty[empty].index
    return {
        str(name): " and ".join(WAVES[w] for n, w in found if n == name)
        for name in dict.fromkeys(n for n, _ in found)
    }


def _check_gaps(
    missing: np.ndarray, wave: np.ndarray, blank: pd.Series, score: str, options: TraceOptions
) -> None:
    gaps = missing & ~blank.to_numpy()
    if options.missing == "drop" or not gaps.any():
        return
    w = int(wave[np.argmax(gaps)])
    rows = np.flatnonzero(gaps[wave == w])
    raise MissingValueError(
        f"Column {score!r} of the wave {WAVES[w]} is missing in {rows_phrase(rows)}; impute it, "
        "or say missing='drop'."
    )


def _respondents(
    kept: pd.DataFrame, wave: np.ndarray, options: TraceOptions
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, dict[str, object], tuple[str, ...]]:
    """Compare who answered, and choose the shares that both waves are given."""
    one = np.zeros(len(kept), dtype=int), ("all",), np.ones(1)
    if not options.respondents:
        return *one, {}, ()
    codes, levels = pd.factorize(place_labels(kept, options.respondents), sort=True)
    weight = kept[WEIGHT].to_numpy()
    sums = np.zeros((2, len(levels)))
    np.add.at(sums, (wave, codes), weight)
    shares = sums / sums.sum(axis=1, keepdims=True)
    squares = np.array([np.sum(weight[wave == w] ** 2) for w in (0, 1)])
    # counts of as many answers of equal weight
    counts = shares * (sums.sum(axis=1) ** 2 / squares)[:, None]
    p = float(stats.chi2_contingency(counts).pvalue) if len(levels) > 1 else 1.0
    moved = float(np.abs(shares[1] - shares[0]).sum() / 2)
    found: dict[str, object] = {"respondents_p_value": p, "respondents_moved": moved}
    names = join_names(list(options.respondents))
    if not options.reweight:
        if p >= _CLEAR:
            return *one, found, ()
        text = (
            f"who answered changed between the waves: {number(100 * moved)}% of the answers come "
            f"from other groups of {names} (p = {p:.2g}). Part of the change may be theirs; say "
            "reweight=True to give both waves the same respondents."
        )
        warnings.warn(text, AssumptionWarning, stacklevel=4)
        return *one, found, (text[0].upper() + text[1:],)
    if (absent := np.flatnonzero((shares == 0).any(axis=0))).size:
        raise OverlapError(
            f"{join_names([levels[i] for i in absent])} of {names} answered in one wave only, so "
            "that the waves cannot be given the same respondents; merge levels."
        )
    note = f"Both waves were weighted to the mean of their shares of {names}."
    return codes, tuple(map(str, levels)), shares.mean(axis=0), found, (note,)


def _notes(lacking: np.ndarray, total: int, blanks: dict[str, str]) -> tuple[str, ...]:
    notes = ()
    if n := int(lacking.sum()):
        notes += (f"{n:,} of {total:,} rows without a score or weight were left out, as asked.",)
    if blanks:
        told = "; ".join(f"{name!r} {where}" for name, where in list(blanks.items())[:6])
        notes += (f"No answers at {told}: nothing is known of them there.",)
    return notes


def _clusters(kept: pd.DataFrame) -> np.ndarray:
    """Give clusters of both waves their numbers; without a column each row is its own."""
    if CLUSTER not in kept:
        return np.arange(len(kept))
    codes = pd.factorize(kept[CLUSTER])[0].astype(np.int64)
    if codes.max() == 0:
        raise ClusterError("there is one cluster; an error needs at least two.")
    return codes


def _check_clusters(waves: Sequence[pd.DataFrame]) -> None:
    kinds = [pd.api.types.infer_dtype(w[CLUSTER]) for w in waves if CLUSTER in w]
    if len(set(kinds)) > 1:
        raise IdTypeError(
            f"clusters are {kinds[0]} before and {kinds[1]} after, so that none would be found "
            "in both; give both waves the same type."
        )
