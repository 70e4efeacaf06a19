"""Imputed scores: draws of the model, summed up over the frame on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.results import Provenance, plotting, result_html
from cximpact.core.rng import RngLike, spawn
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_choice
from cximpact.core.wording import number
from cximpact.data import Cells, SurveyWave
from cximpact.imputation.bounds import manski_bounds
from cximpact.imputation.complete import complete
from cximpact.imputation.customers import customers
from cximpact.imputation.design import Design
from cximpact.imputation.pattern_mixture import (
    sensitivity,
    shifted_score,
    tipping,
    tipping_point,
)
from cximpact.imputation.poststratify import Margin, label, margin
from cximpact.imputation.predict import predict
from cximpact.imputation.respondents import respondents
from cximpact.imputation.targeting import target
from cximpact.imputation.totals import expected_totals, finite_totals, people_of
from cximpact.imputation.validation import loo, validate
from cximpact.scores.statistic import statistic_of

if TYPE_CHECKING:
    from cximpact.imputation.ordinal import OrdinalImputer

TARGETS = ("finite", "super")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImputedScores:
    """Scores of everybody in the frame, with the uncertainty of not having asked them.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the parameters, ``sample`` first.
    cells : Cells
        Counts of answers and of people.
    design : Design
        Effects of the cells.
    fit : xarray.DataTree
        The fit as sampled.
    diagnostics : mapping
        Verdict of the convergence gate.
    provenance : Provenance
        Where it comes from.
    wave : SurveyWave, optional
        The people and answers the fit was made from; a reference that is never saved.
    imputer : OrdinalImputer, optional
        The settings of the fit, with which `validate` fits parts of the answers.
    """

    draws: xr.Dataset = field(repr=False)
    cells: Cells = field(repr=False)
    design: Design = field(repr=False)
    fit: xr.DataTree = field(repr=False)
    diagnostics: Mapping[str, Any]
    provenance: Provenance
    wave: SurveyWave | None = field(default=None, repr=False)
    imputer: OrdinalImputer | None = field(default=None, repr=False)

    complete = complete
    customers = customers
    loo = loo
    predict = predict
    sensitivity = sensitivity
    shifted_score = shifted_score
    target = target
    tipping = tipping
    tipping_point = tipping_point
    validate = validate

    def __post_init__(self) -> None:
        object.__setattr__(self, "diagnostics", MappingProxyType(dict(self.diagnostics)))

    @property
    def terms(self) -> tuple[str, ...]:
        """Columns that the model knows; an effect model that uses others is not congenial."""
        return self.design.terms

    def score(
        self,
        by: str | Sequence[str] | None = None,
        *,
        target: str = "finite",
        statistic: str = "score",
        delta: float | np.ndarray = 0.0,
        rng: RngLike = None,
    ) -> xr.DataArray:
        """Draw the score of everybody.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to split by; they must be among the cells' columns.
        target : {"finite", "super"}
            ``"finite"``: the score of these people, answers taken as given and the others drawn.
            ``"super"``: the expected score of the process that made them.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers; the scale's own score by default.
        delta : float or numpy.ndarray, shape (cell,) or (sample, cell), default 0
            How much more (or, negative, less) satisfied those who did not answer are than
            those in their cell who did, on the latent scale.
        rng : int or Generator, optional
            Randomness of the finite target; the seed of the fit by default.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``, then the groups. All scores of one fit are a joint sample.
        """
        check_choice(target, "target", TARGETS)
        chosen = statistic_of(self.cells.scale, statistic)
        groups = margin(self.cells, by)
        if target == "super":
            who = people_of(self.cells, self.design)
            total = self._expected(groups, chosen.values, who.answered_weight)
            total = total + self._expected(groups, chosen.values, who.silent_weight, delta)
        else:
            (stream,) = spawn(self.provenance.seed if rng is None else rng, "finite score")
            total = finite_totals(
                self.draws, self.cells, self.design, groups, chosen.values, delta, stream
            )
        name = f"{self.cells.scale.name} {statistic}"
        people = groups.total(self.cells.frame_weight)
        return label(total / people, groups, self.draws, name=name, unit=chosen.unit)

    def silent_score(
        self,
        by: str | Sequence[str] | None = None,
        *,
        statistic: str = "score",
        delta: float | np.ndarray = 0.0,
    ) -> xr.DataArray:
        """Draw the expected score of those who did not answer.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to split by.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.
        delta : float or numpy.ndarray, shape (cell,) or (sample, cell), default 0
            Shift of the silent on the latent scale.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``, then the groups; NaN where everybody answered.
        """
        chosen = statistic_of(self.cells.scale, statistic)
        groups = margin(self.cells, by)
        silent = people_of(self.cells, self.design).silent_weight
        people = groups.total(silent)
        total = self._expected(groups, chosen.values, silent, delta)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = total / people
        name = f"{self.cells.scale.name} {statistic} of the silent"
        return label(values, groups, self.draws, name=name, unit=chosen.unit)

    def bounds(
        self, by: str | Sequence[str] | None = None, *, statistic: str = "score"
    ) -> pd.DataFrame:
        """Bound the score without any assumption about those who did not answer.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to split by.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.

        Returns
        -------
        pandas.DataFrame
            Columns of ``by``, ``response_rate``, ``respondents``, ``lower``, ``upper``.
        """
        values = statistic_of(self.cells.scale, statistic).values
        return manski_bounds(self.cells, margin(self.cells, by), values)

    def compare(
        self, by: str | Sequence[str] | None = None, *, statistic: str = "score", prob: float = 0.9
    ) -> pd.DataFrame:
        """Put the respondents' score beside everybody's.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to split by.
        statistic : {"score", "top_box", "mean", "net"}
            What is computed from the answers.
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            Columns of ``by``, ``who`` (``"respondents"`` or ``"everyone"``), ``estimate``,
            ``std_error``, ``conf_low``, ``conf_high``, ``n``.
        """
        groups = margin(self.cells, by)
        everyone = summarize(self.score(by, statistic=statistic), prob)
        people = groups.total(self.cells.frame_count)
        inferred = groups.labels.reset_index(drop=True).assign(
            who="everyone",
            **{c: everyone[c] for c in ("estimate", "std_error", "conf_low", "conf_high")},
            n=people.astype(int),
        )
        raw = respondents(self.cells, groups, statistic, prob)
        return pd.concat([raw, inferred], ignore_index=True)

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the parameters of the model.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"eti", "hdi"}
            Which interval.

        Returns
        -------
        pandas.DataFrame
            ``term`` (as in ``effect_segment[new]``) and the columns of
            `core.summaries.summarize`.
        """
        parts = []
        for name in self._parameters():
            table = summarize(self.draws[name], prob, kind)
            dims = [str(d) for d in self.draws[name].dims if d != dr.SAMPLE]
            terms = [f"{name}[{v}]" for v in table[dims[0]]] if dims else [name]
            parts.append(table.drop(columns=dims).assign(term=terms))
        out = pd.concat(parts, ignore_index=True)
        return out[["term", *[c for c in out if c != "term"]]]

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return everybody's score and the parameters as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``; the first row is
            the score.
        """
        score = summarize(self.score(), prob).assign(term=self.cells.scale.name)
        out = pd.concat([score, self.summary(prob)], ignore_index=True)
        out = out.assign(n=self.cells.n_answered)
        columns = ["term", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n"]
        return out[columns]

    def explain(self, prob: float = 0.9) -> str:
        """Say what the score of everybody is, under which condition, and what would change it.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph.
        """
        raw, everyone = self.compare(prob=prob).to_dict("records")
        outer = self.bounds().iloc[0]
        shifted = self.sensitivity([-0.5], prob=prob).iloc[0]
        rate = self.cells.n_answered / self.cells.n_frame
        return (
            f"{self.cells.scale.name} of all {self.cells.n_frame:,} people is "
            f"{number(everyone['estimate'])} ({prob:.0%} credible interval "
            f"{number(everyone['conf_low'])} to {number(everyone['conf_high'])}); the "
            f"{self.cells.n_answered:,} who answered ({rate:.1%}) gave {number(raw['estimate'])}. "
            f"This rests on missing at random (not testable from the answers): given "
            f"{', '.join(self.terms) or 'nothing else'}, those who did not answer would have "
            "answered like those who did. What would change it: if the silent are less satisfied "
            f"by 0.5 on the latent scale, the score is {number(shifted['estimate'])}. "
            f"Without any assumption it lies between {number(outer['lower'])} and "
            f"{number(outer['upper'])}."
            + "".join(f" {note}" for note in self.provenance.notes)
            + _gate_note(self.diagnostics)
        )

    def plot(self, by: str | None = None, **options: Any) -> Any:
        """Draw the respondents' score beside everybody's.

        Parameters
        ----------
        by : str, optional
            Column along the axis; the period or the first factor by default.
        **options
            Passed to `cximpact.plots.respondents_and_everyone`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        column = by or self.design.period or next(iter(self.design.levels), None)
        table = self.compare(column)
        if column is None:
            column, table = "group", table.assign(group="all")
        return plotting().respondents_and_everyone(table, x=column, **options)

    def _repr_html_(self) -> str:
        title = f"{self.cells.scale.name} of {self.cells.n_frame:,} people"
        return result_html(title, self.compare(), self.explain())

    def _expected(
        self,
        groups: Margin,
        values: np.ndarray,
        weight: np.ndarray,
        delta: float | np.ndarray = 0.0,
    ) -> np.ndarray:
        return expected_totals(self.draws, self.design, groups, values, weight, delta)

    def _parameters(self) -> list[str]:
        names = [str(n) for n in self.draws.data_vars]
        return [n for n in names if not n.startswith(("unit_", "step")) and n != "p0"]


def _gate_note(diagnostics: Mapping[str, Any]) -> str:
    if failures := diagnostics.get("gate_failures"):
        return f" The fit did not pass the convergence gate: {failures}."
    if "effective_nodes" in diagnostics:
        return " Draws come from a nested Laplace approximation."
    return ""
