"""What each customer would answer: probabilities a customer, never a bare number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cximpact.core.errors import (
    ConfigError,
    DuplicateColumnError,
    MemoryBudgetError,
    join_names,
)
from cximpact.core.files import write_whole
from cximpact.core.provenance import Provenance
from cximpact.core.results import result_html
from cximpact.core.rng import RngLike, spawn
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice, check_count, check_prob
from cximpact.data import frames
from cximpact.imputation.predict import NEW_LEVELS, with_new_levels
from cximpact.imputation.predictive import check_levels, pmf_columns, predict_kinds

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

_CODE = "__code"
_SHOWN = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class CustomerScores:
    """What each customer would answer, worked out when it is read.

    Parameters
    ----------
    kinds : pandas.DataFrame, shape (kind, column)
        What is predicted for each kind of customer: the columns of the model, then the columns
        that `chunks` yields.
    keys : tuple of str
        Columns of the model; they say of which kind a customer is.
    scale : ScoreScale
        Scale of the answers.
    customer : str or None
        Column of the customer.
    answer : str or None
        Column of the answers that were given.
    columns : tuple of str
        Further columns of the frame that are copied.
    n : int
        Customers.
    prob : float
        Least mass of the predictive set.
    provenance : Provenance
        Where it comes from.
    source : narwhals.LazyFrame
        The frame of the customers, read when they are asked for.

    Notes
    -----
    Two customers of one kind have the same prediction: the model knows of them only its own
    columns. The probabilities are means over the posterior, so they hold the uncertainty of the
    parameters and the scatter of single answers. They say nothing of a certain person beyond
    that; a decision about one person should look at all of them.
    """

    kinds: pd.DataFrame = field(repr=False)
    keys: tuple[str, ...]
    scale: ScoreScale = field(repr=False)
    customer: str | None
    answer: str | None
    columns: tuple[str, ...]
    n: int
    prob: float
    provenance: Provenance = field(repr=False)
    source: nw.LazyFrame[Any] = field(repr=False)

    @property
    def pmf_columns(self) -> tuple[str, ...]:
        """Columns of the probabilities of the answers, from the lowest."""
        return pmf_columns(self.scale)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that `chunks` yields, in order."""
        known = (self.customer,) if self.customer else ()
        predicted = [c for c in self.kinds if c not in self.keys]
        return (*known, *self.columns, "answered", "answer", *predicted)

    def chunks(self, rows: int = 100_000) -> Iterator[pd.DataFrame]:
        """Go through the customers, some at a time.

        Parameters
        ----------
        rows : int, default 100000
            Customers at a time.

        Yields
        ------
        pandas.DataFrame
            The customer, the copied columns, ``answered`` and ``answer`` (missing for those who
            gave none), then: ``p_<answer>`` for each answer, ``p_<band>`` for each band of the
            scale, ``expected_answer``, ``expected_score``, ``set_low``, ``set_high`` and
            ``set_mass`` of the predictive set, ``latent_sd``.
        """
        rows = check_count(rows, "rows")
        wanted = dict.fromkeys([*self.keys, *self.columns])
        wanted |= dict.fromkeys(c for c in (self.customer, self.answer) if c)
        whole = self.source.select(*wanted).collect()
        kinds = self.kinds.assign(**{_CODE: np.arange(len(self.kinds))})
        predicted = self.kinds.drop(columns=list(self.keys)).reset_index(drop=True)
        for start in range(0, len(whole), rows):
            part = _plain(whole[start : start + rows].to_pandas(), self.keys)
            code = _codes(part, kinds, self.keys)
            given = self._given(part)
            out = predicted.take(code).reset_index(drop=True)
            out.insert(0, "answered", ~np.isnan(given))
            out.insert(1, "answer", given)
            for i, name in enumerate(self.names[: self.names.index("answered")]):
                out.insert(i, name, part[name])
            yield out

    def frame(self, *, budget_mb: int = 2_000) -> pd.DataFrame:
        """Hold all customers in memory.

        Parameters
        ----------
        budget_mb : int, default 2000
            Memory that the table may take, in megabytes.

        Returns
        -------
        pandas.DataFrame
            One row a customer, with the columns of `chunks`.

        Raises
        ------
        MemoryBudgetError
            If the table would be larger.
        """
        budget = check_count(budget_mb, "budget_mb")
        need = self.n * (8 * len(self.names) + 32 * (1 + len(self.columns))) / 1e6
        if 2 * need > budget:
            raise MemoryBudgetError(
                f"a table of {self.n:,} customers and {len(self.names)} columns needs about "
                f"{2 * need:,.0f} MB while it is built, more than budget_mb={budget:,}. Go through "
                ".chunks(), write .to_parquet(path), or raise budget_mb."
            )
        return pd.concat(list(self.chunks()), ignore_index=True)

    def to_parquet(self, path: str | Path, *, rows: int = 100_000) -> Path:
        """Write all customers to a Parquet file, some at a time; the file is whole or not there.

        Parameters
        ----------
        path : str or Path
            Where. A file that is there is replaced at the end.
        rows : int, default 100000
            Customers at a time.

        Returns
        -------
        Path
            Where it was written.
        """

        def write(place: Path) -> None:
            parts = self.chunks(rows)
            first = pa.Table.from_pandas(next(parts), preserve_index=False)
            schema = first.schema.remove_metadata()
            with pq.ParquetWriter(place, schema) as writer:
                writer.write_table(first.cast(schema))
                for part in parts:
                    writer.write_table(
                        pa.Table.from_pandas(part, schema=schema, preserve_index=False)
                    )

        return write_whole(Path(path), write)

    def explain(self) -> str:
        """Say what the predictions are and what they are not.

        Returns
        -------
        str
            A paragraph.
        """
        known = join_names(list(self.keys)) if self.keys else "nothing"
        return (
            f"Predicted answers on {self.scale.name} of {self.n:,} customers of "
            f"{len(self.kinds):,} kinds, told apart by {known}. Each has the probability of "
            "every answer; the "
            f"predictive set is the shortest run of answers with at least {self.prob:.0%}. This "
            "rests on missing at random (not testable from the answers): those who did not answer "
            "would have answered like those of their kind who did. An expected score is a mean "
            "over people of a kind, not what one of them thinks."
        )

    def _repr_html_(self) -> str:
        title = f"Predicted {self.scale.name} of {self.n:,} customers, by kind"
        return result_html(title, self.kinds.head(_SHOWN), self.explain())

    def _given(self, part: pd.DataFrame) -> np.ndarray:
        if self.answer is None:
            return np.full(len(part), np.nan)
        return part[self.answer].to_numpy(dtype=float, na_value=np.nan)


def customers(
    imputed: ImputedScores,
    frame: Any = None,
    *,
    columns: Sequence[str] = (),
    customer: str | None = None,
    prob: float = 0.9,
    new_levels: str = "refuse",
    rng: RngLike = None,
) -> CustomerScores:
    """Predict the answer of every customer, as probabilities.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    frame : frame, optional
        Customers, of any engine, with the columns of the model; those of the fit by default.
    columns : sequence of str
        Further columns of the frame to copy. Nothing else of it is kept but the customer.
    customer : str, optional
        Column of the customer; that of the wave by default.
    prob : float, default 0.9
        Least mass of the predictive set.
    new_levels : {"refuse", "population"}
        What to do with levels of an open factor that the fit never met: refuse them, or draw
        their effects from the distribution of such levels.
    rng : int or Generator, optional
        Randomness of new levels; the seed of the fit by default.

    Returns
    -------
    CustomerScores
        Worked out once a kind of customer; rows are read when they are asked for.

    Raises
    ------
    ConfigError
        If neither the fit nor the caller gives a frame.
    UnseenLevelError
        If a factor has a level that the fit never met, and that may not be drawn.
    MissingColumnError, MissingValueError
        If a column of the model is not in the frame, or has missing values.

    Notes
    -----
    Estimand: the posterior predictive distribution of the answer of a customer of this kind,
    p(k) = E[P(y = k | parameters)], the mean over the draws of the ordinal model. ``latent_sd``
    is the posterior standard deviation of the latent score of the kind, which more answers
    shrink; the scatter of single answers is not in it and stays. With a response style, answers
    are predicted as if everybody had answered by the reference channel.

    It rests on missing at random given the columns of the model. What breaks it: silent
    customers of a kind that differ from those who spoke. Look at the calibration of held-out
    answers before acting on single customers.

    References
    ----------
    Gelman, A. et al. (2013). Bayesian Data Analysis, 3rd ed., section 1.3. CRC Press.
    """
    prob = check_prob(prob)
    drawn = check_choice(new_levels, "new_levels", NEW_LEVELS) == "population"
    own = frame is None
    if own and imputed.wave is None:
        raise ConfigError("this fit knows no wave, as after loading; give customers(frame=...).")
    wave = imputed.wave
    opened = wave.open() if own and wave is not None else frames.open_frame(frame)
    if customer is None and wave is not None:
        customer = wave.customer
    extra = tuple(c for c in frames.column_names(columns, "columns") if c != customer)
    keys = imputed.design.spec.columns
    roles: dict[str, str | None] = {"customer": customer}
    roles |= {f"columns[{i}]": c for i, c in enumerate(extra)}
    frames.check_columns(opened, roles | {f"model term {c!r}": c for c in keys})
    answer = _answer_column(opened, imputed, own=own)
    check_levels(opened, imputed.design, open_levels=drawn)
    kinds = frames.group_sums(opened, keys, {})
    n = int(kinds.pop(frames.COUNT).sum())
    scale = imputed.cells.scale
    design = imputed.design.at(kinds, open_levels=drawn)
    (stream,) = spawn(imputed.provenance.seed if rng is None else rng, "new levels")
    draws = with_new_levels(imputed.draws, design, stream)
    predicted = predict_kinds(draws, design, scale, prob)
    _check_names([*extra, *([customer] if customer else [])], predicted)
    return CustomerScores(
        kinds=pd.concat([kinds, predicted], axis=1),
        keys=tuple(keys),
        scale=scale,
        customer=customer,
        answer=answer,
        columns=extra,
        n=n,
        prob=prob,
        provenance=replace(imputed.provenance, method="customer predictions"),
        source=opened,
    )


def _answer_column(frame: nw.LazyFrame[Any], imputed: ImputedScores, *, own: bool) -> str | None:
    if imputed.wave is None:
        return None
    name = imputed.wave.answer
    return name if own or name in frame.collect_schema().names() else None


def _check_names(copied: Sequence[str], predicted: pd.DataFrame) -> None:
    if twice := sorted(set(copied) & {"answered", "answer", *map(str, predicted)}):
        raise DuplicateColumnError(
            f"column {join_names(twice)} of the frame has the name of a predicted one; rename it."
        )


def _plain(part: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Turn categories into their labels, so that they can be looked up."""
    part = part.reset_index(drop=True)
    types: dict[Any, Any] = {}
    for key in keys:
        if isinstance(dtype := part[key].dtype, pd.CategoricalDtype):
            types[key] = dtype.categories.dtype
    return part.astype(types)


def _codes(part: pd.DataFrame, kinds: pd.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """Say of which kind each row is."""
    if not keys:
        return np.zeros(len(part), dtype=int)
    looked = part[list(keys)].merge(kinds[[*keys, _CODE]], on=list(keys), how="left")
    return looked[_CODE].to_numpy(dtype=int)
