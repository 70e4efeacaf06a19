"""Completed data sets: every missing answer drawn, a few times over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, InsufficientDataError, MemoryBudgetError, warn_data
from cximpact.core.provenance import Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_count
from cximpact.data import Cells, SurveyWave, frames
from cximpact.imputation.poststratify import margin, probabilities
from cximpact.imputation.rubin import Pooled, rubin, sets_needed
from cximpact.imputation.totals import People, people_of
from cximpact.scores.statistic import statistic_of

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

ANSWER, OBSERVED, SET = "answer", "observed", "set"
_MOST_COUNTS = 200_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class CompletedScores:
    """Data sets in which everybody has an answer.

    Parameters
    ----------
    drawn : numpy.ndarray of int, shape (set, cell, category)
        Answers drawn for those whose answer is missing.
    cells : Cells
        Counts of answers and of people.
    who : People
        Whose answers are taken as given.
    terms : tuple of str
        What the imputation model knows; an analysis that asks for more is not congenial.
    seed : int
        Randomness of the customers' answers.
    provenance : Provenance
        Where it comes from.
    wave : SurveyWave or None
        The people, for data sets by customer.
    """

    drawn: np.ndarray = field(repr=False)
    cells: Cells = field(repr=False)
    who: People = field(repr=False)
    terms: tuple[str, ...]
    seed: int = field(repr=False)
    provenance: Provenance = field(repr=False)
    wave: SurveyWave | None = field(repr=False)

    @property
    def m(self) -> int:
        """How many sets there are."""
        return len(self.drawn)

    def score(
        self, by: str | Sequence[str] | None = None, *, statistic: str = "score"
    ) -> pd.DataFrame:
        """Pool the score of these people.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to split by; they must be among the cells' columns.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.

        Returns
        -------
        pandas.DataFrame
            The groups, then ``estimate, std_error, conf_low, conf_high, conf_level, df, m`` by
            Rubin's rules at 90 %. Once completed the frame is known, so there is no variance
            within the sets.
        """
        values = statistic_of(self.cells.scale, statistic).values
        groups = margin(self.cells, by)
        given = (self.cells.dense(self.cells.weight) @ values) * self.who.given
        people = self.drawn.sum(axis=2)[0]
        weight = self.who.silent_weight + np.where(self.who.given, 0, self.who.answered_weight)
        each = np.divide(weight, people, out=np.zeros_like(weight), where=people > 0)
        total = groups.total(given + (self.drawn @ values) * each)
        score = total / groups.total(self.cells.frame_weight)
        pooled = rubin(score, np.zeros_like(score)).tidy(0.9).drop(columns="fmi")
        labels = groups.labels.reset_index(drop=True)
        return pd.concat([labels, pooled], axis=1)

    def sets(self, columns: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
        """Go through the completed data sets, one at a time.

        Parameters
        ----------
        columns : sequence of str
            Columns of the wave to copy, besides those of the model and the customer.

        Yields
        ------
        pandas.DataFrame
            One row a person, in the order of the wave's frame: the columns, ``answer``,
            ``observed`` (whether it was given) and ``set``.
        """
        table, answer = self._people(columns)
        code = _cell_codes(table, self.cells)
        given = table.pop(answer).to_numpy(dtype=float, na_value=np.nan)
        missing = np.isnan(given) | ~self.who.given[code]
        rows = np.flatnonzero(missing)
        values = np.asarray(self.cells.scale.values, dtype=float)
        for number, counts in enumerate(self.drawn):
            (stream,) = spawn(self.seed, f"set {number}")
            order = np.lexsort((stream.random(len(rows)), code[rows]))
            cell, category = np.nonzero(counts)
            answers = np.repeat(values[category], counts[cell, category])
            filled = given.copy()
            filled[rows[order]] = answers
            yield table.assign(**{ANSWER: filled, OBSERVED: ~missing, SET: number})

    def frame(self, columns: Sequence[str] = (), *, budget_mb: int = 2_000) -> pd.DataFrame:
        """Return all completed data sets as one tidy table.

        Parameters
        ----------
        columns : sequence of str
            Columns of the wave to copy, besides those of the model and the customer.
        budget_mb : int, default 2000
            Memory that the table may take, in megabytes.

        Returns
        -------
        pandas.DataFrame
            One row a person and set, as `sets` gives them.

        Raises
        ------
        MemoryBudgetError
            If the table would be larger.
        """
        width = len(self.cells.by) + len(columns) + 4
        need = self.m * self.cells.n_frame * 12 * width / 1e6
        if need > check_count(budget_mb, "budget_mb"):
            raise MemoryBudgetError(
                f"{self.m} sets of {self.cells.n_frame:,} people need about {need:,.0f} MB, more "
                f"than budget_mb={budget_mb:,}. Go through .sets(), use fewer columns, or raise "
                "budget_mb."
            )
        return pd.concat(list(self.sets(columns)), ignore_index=True)

    def fit(
        self,
        analysis: Callable[[pd.DataFrame], tuple[Any, Any]],
        *,
        columns: Sequence[str] = (),
        complete_df: float | None = None,
        transform: str = "identity",
    ) -> Pooled:
        """Analyze every completed data set and pool the estimates.

        Parameters
        ----------
        analysis : callable
            From a data set, as `sets` gives it, to estimates and their sampling variances.
        columns : sequence of str
            Columns of the wave that the analysis needs.
        complete_df : float, optional
            Degrees of freedom of a complete data set.
        transform : {"identity", "logit", "log"}
            Scale on which estimates are pooled.

        Returns
        -------
        Pooled
            By Rubin's rules.

        Notes
        -----
        Only congenial analyses are pooled rightly: what the analysis asks about must be among
        ``terms``. `check_congenial` tells.
        """
        found = [analysis(table) for table in self.sets(columns)]
        pooled = rubin(
            np.array([np.asarray(estimate, dtype=float) for estimate, _ in found]),
            np.array([np.asarray(variance, dtype=float) for _, variance in found]),
            complete_df=complete_df,
            transform=transform,
        )
        warn_about_sets(pooled)
        return pooled

    def _people(self, columns: Sequence[str]) -> tuple[pd.DataFrame, str]:
        """Collect the people of the wave, with the name of the column of the answers."""
        if self.wave is None:
            raise ConfigError(
                "these scores were fitted to cells, without the people behind them; fit to a "
                "SurveyWave for data sets by customer, or use .score()."
            )
        opened, answer = self.wave.open(), self.wave.answer
        customer = [self.wave.customer] if self.wave.customer else []
        copied = list(dict.fromkeys([*customer, *self.cells.by, *columns]))
        frames.check_columns(opened, {f"columns[{i}]": c for i, c in enumerate(columns)})
        if taken := sorted({ANSWER, OBSERVED, SET, answer} & {*copied}):
            raise ConfigError(f"{taken} are columns of the completed sets; copy others.")
        chosen = {c: c for c in [*copied, answer]}
        return frames.collect(frames.select(opened, chosen)), answer


def complete(imputed: ImputedScores, m: int = 20, *, rng: RngLike = None) -> CompletedScores:
    """Draw every missing answer, in several completed data sets.

    Parameters
    ----------
    imputed : ImputedScores
        The fit.
    m : int, default 20
        Sets; at least a hundred times the fraction of missing information.
    rng : int or Generator, optional
        Randomness; the seed of the fit by default.

    Returns
    -------
    CompletedScores
        Answers that were given stay as they are.

    Raises
    ------
    InsufficientDataError
        If there are fewer draws than sets.
    MemoryBudgetError
        If there are too many sets for the cells.

    Notes
    -----
    Each set takes one draw of all parameters, far from the others in the chains, and from it one
    answer of each person who gave none: never a mean and never the likeliest answer, which
    would make people more alike than they are and regressions on the score wrong. Where the
    model has a response style, answers by another channel than the reference count as missing.

    References
    ----------
    Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
    """
    m = check_count(m, "m", low=2)
    n_draws, counts = imputed.draws.sizes[dr.SAMPLE], imputed.cells
    if m > n_draws:
        raise InsufficientDataError(f"m is {m}, but the fit has {n_draws} draws.")
    if m * counts.n_cells * counts.scale.n_categories > _MOST_COUNTS:
        raise MemoryBudgetError(
            f"{m} sets of {counts.n_cells:,} cells are too many at once; use a smaller m, or a "
            "model with fewer cells."
        )
    seed = seed_of(imputed.provenance.seed if rng is None else rng)
    (stream,) = spawn(seed, "completed sets")
    who = people_of(counts, imputed.design)
    missing = (who.silent + np.where(who.given, 0, who.answered)).astype(np.int64)
    chosen = np.round((np.arange(m) + 0.5) * n_draws / m - 0.5).astype(int)
    some = imputed.draws.isel({dr.SAMPLE: chosen})
    drawn = [
        stream.multinomial(missing, p / p.sum(axis=-1, keepdims=True))
        for p in probabilities(some, imputed.design.at_reference())
    ]
    provenance = Provenance(
        method="complete",
        data_hash=counts.data_hash,
        settings={"fit": imputed.provenance.source, "m": m, "terms": list(imputed.terms)},
        seed=seed,
        versions=imputed.provenance.versions,
    )
    return CompletedScores(
        drawn=np.concatenate(drawn),
        cells=counts,
        who=who,
        terms=imputed.terms,
        seed=seed,
        provenance=provenance,
        wave=imputed.wave,
    )


def warn_about_sets(pooled: Pooled) -> None:
    """Warn where more completed sets are needed than were made.

    Parameters
    ----------
    pooled : Pooled
        Pooled estimates.
    """
    fmi = float(np.max(pooled.fmi))
    if pooled.m < sets_needed(fmi):
        warn_data(
            f"m is {pooled.m}, but the missing answers cost {fmi:.0%} of the information: use at "
            f"least m={sets_needed(fmi)}, or the answer depends on the seed."
        )


def _cell_codes(table: pd.DataFrame, cells: Cells) -> np.ndarray:
    """Look up the cell of every person."""
    if not cells.by:
        return np.zeros(len(table), dtype=int)
    by = list(cells.by)
    known = cells.index.assign(__cell=np.arange(cells.n_cells))
    return table[by].merge(known, on=by, how="left", validate="many_to_one")["__cell"].to_numpy()
