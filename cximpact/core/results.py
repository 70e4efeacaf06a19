"""What a result is: draws, the claim they support, and its conditions."""

from __future__ import annotations

import html
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any, Literal

import pandas as pd
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.claims import Assumption as Assumption
from cximpact.core.claims import Estimand as Estimand
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.core.provenance import Provenance as Provenance
from cximpact.core.sample_order import frozen
from cximpact.core.summaries import label_columns, summarize, to_table
from cximpact.core.validate import check_choice, check_count, check_number, check_prob
from cximpact.core.wording import FRACTION_UNITS, number

DrawKind = Literal["posterior", "bootstrap", "asymptotic", "simulation"]
INTERVAL_WORD: Mapping[str, str] = MappingProxyType(
    {
        "posterior": "credible",
        "bootstrap": "confidence",
        "asymptotic": "confidence",
        "simulation": "simulation",
    }
)
CELLS = "cells"
"""Where `EffectPosterior.details` keeps what `EffectPosterior.aggregate` averages."""
_MARKS = MappingProxyType(
    {dr.UNRELIABLE: "UNRELIABLE", dr.ASSUMED_INDEPENDENT: "Assumed independent"}
)
TIDY_COLUMNS = ("term", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n")


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectPosterior:
    """The one result class of every effect estimator.

    Parameters
    ----------
    draws : xarray.DataArray
        Effect draws, ``sample`` first, then named dimensions such as ``event_time``.
    estimand : Estimand
        What the numbers mean.
    draw_kind : {"posterior", "bootstrap", "asymptotic", "simulation"}
        How the draws arose; it decides the word for the interval.
    n : int
        Rows that entered.
    assumptions : tuple of Assumption
        Conditions of the claim, tested or not.
    diagnostics : mapping
        Findings about the fit.
    provenance : Provenance
        Where it comes from.
    would_change_it : str
        What would overturn the conclusion, in one sentence.
    estimate, std_error : xarray.DataArray, optional
        Stored point estimate and standard error, with the dimensions of the draws less
        ``sample``. Where they are missing, mean and standard deviation of the draws are used.
    df : float, optional
        Degrees of freedom of the t interval of an asymptotic result; None for normal.
    details : mapping
        Extras of one estimator.
    """

    draws: xr.DataArray
    estimand: Estimand
    draw_kind: DrawKind
    n: int
    assumptions: tuple[Assumption, ...]
    diagnostics: Mapping[str, Any]
    provenance: Provenance
    would_change_it: str
    estimate: xr.DataArray | None = None
    std_error: xr.DataArray | None = None
    df: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dr.check_values(self.draws, "effect draws")
        dr.order_of(self.draws)
        check_choice(self.draw_kind, "draw_kind", tuple(INTERVAL_WORD))
        check_count(self.n, "n", low=0)
        if self.df is not None:
            check_number(self.df, "df", low=0, open_low=True)
        if self.std_error is not None and self.estimate is None:
            raise ConfigError("std_error was given without an estimate; give both or neither.")
        set_ = partial(object.__setattr__, self)
        set_("draws", frozen(self.draws))
        for name in ("estimate", "std_error"):
            if (stored := getattr(self, name)) is not None:
                set_(name, _stored(stored, self.draws, name))
        set_("assumptions", tuple(self.assumptions))
        for name in ("diagnostics", "details"):
            set_(name, MappingProxyType(dict(getattr(self, name))))

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the effect, one row a coordinate.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"eti", "hdi"}
            Which interval. An asymptotic result with a standard error gives its t interval
            for both, which is symmetric and therefore equal-tailed and shortest at once.

        Returns
        -------
        pandas.DataFrame
            Columns as `core.summaries.summarize` gives them.
        """
        table = summarize(self.draws, prob, kind)
        if self.estimate is None:
            return table
        table["estimate"] = to_table({"x": self.estimate})["x"]
        if self.std_error is None:
            return table
        table["std_error"] = to_table({"x": self.std_error})["x"]
        if self.draw_kind == "asymptotic":
            half = quantile(self.df, (1 + check_prob(prob)) / 2) * table["std_error"]
            table["conf_low"] = table["estimate"] - half
            table["conf_high"] = table["estimate"] + half
            table["mcse"] = 0.0
        return table

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the effect as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            The dimensions, then ``term, estimate, std_error, conf_low, conf_high,
            conf_level, n``.
        """
        return tidy(self.summary(prob), self.draws, self.n, default=self.estimand.target)

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what was found, under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Estimate, interval, conditions, what would change it, and what a reader must know.
        """
        rows = self.tidy(prob)
        word = INTERVAL_WORD[self.draw_kind]
        scale = self.estimand.scale
        shown = "; ".join(_row_text(r, prob, word, scale) for r in rows.head(6).to_dict("records"))
        more = f" (and {len(rows) - 6} more)" if len(rows) > 6 else ""
        conditions = " ".join(_condition(a) for a in self.assumptions)
        marks = [
            f"{word}: {self.draws.attrs[mark]}."
            for mark, word in _MARKS.items()
            if self.draws.attrs.get(mark)
        ]
        parts = [
            f"{self.estimand}.",
            f"{shown}{more}, from {self.n:,} rows.",
            conditions and f"This rests on: {conditions}",
            self.would_change_it and f"What would change it: {self.would_change_it}",
            *self.provenance.notes,
            *marks,
        ]
        return " ".join(p for p in parts if p)

    def aggregate(self, by: str, *, overall: bool = False) -> EffectPosterior:
        """Average effects by cohort and period; this result stays as it is.

        Parameters
        ----------
        by : {"simple", "event", "group", "calendar"}
            To one number, weighted by the size of the cohorts; or by time since treatment, by
            cohort, or by period. After `ImputationDiD` also ``"cell"``, by cohort and period.
        overall : bool, default False
            Average the averages to one number: event times and periods count alike, cohorts by
            their size.

        Returns
        -------
        EffectPosterior
            A new result; its draws belong to those of this one, sample by sample.

        Raises
        ------
        ConfigError
            If this result has nothing to average.
        """
        cells = self.details.get(CELLS)
        if cells is None:
            raise ConfigError(
                f"{self.provenance.method} has no effects by cohort and period to average; "
                "GroupTime and ImputationDiD have."
            )
        return cells.aggregate(by, overall=overall)

    def plot(self, **options: Any) -> Any:
        """Draw the effect.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.effect`, or to `cximpact.plots.group_time` for effects by
            cohort and period.

        Returns
        -------
        matplotlib.axes.Axes or matplotlib.figure.Figure
            Where it was drawn; effects by cohort and period fill a figure.
        """
        options.setdefault("unit", self.draws.attrs.get("unit", self.estimand.scale))
        table = self.summary(options.pop("prob", 0.9))
        by_cell = {"cohort", "period"} <= set(table.columns)
        return (plotting().group_time if by_cell else plotting().effect)(table, **options)

    def _repr_html_(self) -> str:
        return result_html(str(self.estimand), self.tidy(), self.explain())


def quantile(df: float | None, q: float) -> float:
    """Return a quantile of the t distribution, or of the normal when ``df`` is None.

    Parameters
    ----------
    df : float or None
        Degrees of freedom.
    q : float
        Probability.

    Returns
    -------
    float
        The quantile.
    """
    return float(stats.norm.ppf(q) if df is None else stats.t.ppf(q, df))


def tidy(table: pd.DataFrame, draws: xr.DataArray, n: int, *, default: str) -> pd.DataFrame:
    """Add ``term`` and ``n`` to a summary and put its columns in the tidy order.

    Parameters
    ----------
    table : pandas.DataFrame
        From `core.summaries.summarize`.
    draws : xarray.DataArray
        The draws it summarizes.
    n : int
        Rows that entered.
    default : str
        The term of a result without dimensions.

    Returns
    -------
    pandas.DataFrame
        A new table.
    """
    dims = label_columns(draws.isel({dr.SAMPLE: 0}, drop=True))
    terms = [
        ", ".join(f"{d}[{_label(v)}]" for d, v in zip(dims, values, strict=True))
        for values in table[dims].itertuples(index=False)
    ]
    out = table.assign(term=terms if dims else default, n=n)
    return out.loc[:, [d for d in dims if d != "term"] + list(TIDY_COLUMNS)]


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def result_html(title: str, table: pd.DataFrame, text: str) -> str:
    """Lay out a result for a notebook; every string is escaped.

    Parameters
    ----------
    title : str
        Heading.
    table : pandas.DataFrame
        Numbers.
    text : str
        Explanation.

    Returns
    -------
    str
        An HTML fragment.
    """
    body = table.to_html(index=False, escape=True, float_format=number, border=0)
    return (
        f"<div><strong>{html.escape(title)}</strong>{body}"
        f"<p style='max-width:60em'>{html.escape(text)}</p></div>"
    )


def plotting() -> ModuleType:
    """Fetch the plotting room, the one import that goes up.

    Returns
    -------
    module
        `cximpact.plots`.
    """
    return importlib.import_module("cximpact.plots")


def _row_text(row: dict[str, Any], prob: float, word: str, scale: str) -> str:
    factor, unit = (100, f" {FRACTION_UNITS[scale]}") if scale in FRACTION_UNITS else (1, "")
    estimate, low, high = (
        number(factor * row[name]) for name in ("estimate", "conf_low", "conf_high")
    )
    return f"{row['term']} is {estimate}{unit} ({100 * prob:g}% {word} interval {low} to {high})"


def _condition(a: Assumption) -> str:
    status = "tested" if a.tested else "not tested"
    evidence = f": {a.evidence}" if a.evidence else ""
    return f"{a.name} ({status}{evidence})."


def _stored(stored: xr.DataArray, draws: xr.DataArray, name: str) -> xr.DataArray:
    """Check a stored number against the draws and lay it out as they are."""
    pattern = draws.isel({dr.SAMPLE: 0}, drop=True)
    if set(stored.dims) != set(pattern.dims):
        raise AlignmentError(
            f"{name} has the dimensions {stored.dims}; expected {pattern.dims} as the draws."
        )
    try:
        xr.align(stored, pattern, join="exact")
    except ValueError as error:
        raise AlignmentError(f"{name} has other coordinates than the draws.") from error
    dr.check_values(stored, name)
    if name == "std_error" and float(stored.min()) < 0:
        raise ConfigError(f"std_error has values below 0, the lowest {float(stored.min()):g}.")
    return frozen(stored.transpose(*pattern.dims))
