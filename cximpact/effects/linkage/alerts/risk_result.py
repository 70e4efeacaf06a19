"""The list of customers who are at risk now, and how far its probabilities can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from scipy import special

from cximpact.core.results import EffectPosterior, plotting, quantile, result_html
from cximpact.core.validate import check_prob
from cximpact.core.wording import number, percent
from cximpact.effects.linkage.alerts.risk_quality import RiskQuality, log_odds
from cximpact.effects.uplift.documented import shares_parameters

_SHOWN = 10


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class AtRisk(EffectPosterior):
    """Customers by what a contact gains, or by risk where that is not known.

    Its draws have the dimensions ``(sample, customer)``: joint draws of the probabilities of the
    first customers of the list, named by their row.

    Parameters
    ----------
    customers : pandas.DataFrame
        One row a customer in the order of the list: ``row``, the identifier if asked for,
        ``probability``, ``log_odds_error``, ``value``, ``expected_gain`` and ``gain_error``
        (missing where unknown), ``rank``, ``on_list``.
    quality : RiskQuality
        Of the probabilities as they are listed, out of fold.
    before : RiskQuality
        The same before they were recalibrated.
    gain_known : bool
        Whether an experiment says what a contact changes.
    """

    customers: pd.DataFrame = field(repr=False)
    quality: RiskQuality = field(repr=False)
    before: RiskQuality = field(repr=False)
    gain_known: bool

    def table(self, prob: float = 0.9) -> pd.DataFrame:
        """Return all customers in the order of the list.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``rank, row``, the identifier if asked for, ``probability, prob_low, prob_high``,
            ``value, value_at_risk`` if values were given, ``expected_gain, gain_low, gain_high``
            (missing where unknown) and ``on_list``.
        """
        half = quantile(None, (1 + check_prob(prob)) / 2)
        known = self.customers
        middle = log_odds(known["probability"].to_numpy())
        out = known.drop(columns=["log_odds_error", "gain_error"])
        at = out.columns.get_loc("probability") + 1
        for sign, name in ((1, "prob_high"), (-1, "prob_low")):
            ends = special.expit(middle + sign * half * known["log_odds_error"].to_numpy())
            out.insert(at, name, ends)
        if "value" in out:
            worth = out["probability"] * out["value"]
            out.insert(out.columns.get_loc("value") + 1, "value_at_risk", worth)
        at = out.columns.get_loc("expected_gain") + 1
        for sign, name in ((1, "gain_high"), (-1, "gain_low")):
            out.insert(at, name, known["expected_gain"] + sign * half * known["gain_error"])
        return out

    def listed(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the customers to contact.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            Rows of `table` that are on the list.
        """
        table = self.table(prob)
        return table[table["on_list"]].reset_index(drop=True)

    def calibration(self, prob: float = 0.9) -> pd.DataFrame:
        """Return predicted and found shares in ten groups of customers, out of fold.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            As `cximpact.plots.calibration` draws it.
        """
        return self.quality.table(prob)

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph who is on the list and what the list can be trusted with.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            Counts, quality of the probabilities, and what is not known. No identifiers.
        """
        chosen, q = self.customers[self.customers["on_list"]], self.quality
        corrected = " after correction of their level and spread" if q.recalibrated else ""
        parts = [
            f"{len(chosen):,} of {len(self.customers):,} customers are on the list; by prediction "
            f"{number(float(chosen['probability'].sum()))} of them have the outcome.",
            f"Learned from {self.n:,} customers, of whom {percent(q.base_rate)} had it. Out of "
            f"fold the probabilities have a calibration slope of {number(q.slope)} (1 is right) "
            f"and save {percent(q.skill)} of the squared error of the mean{corrected}; "
            f"a customer with the outcome ranks above one without in {percent(q.auc)} of pairs.",
        ]
        if self.gain_known:
            harmed = int((self.customers["expected_gain"] <= 0).sum())
            parts.append(
                f"Ranked by what a contact gains: {number(float(chosen['expected_gain'].sum()))} "
                f"in expectation, chosen and judged by the same estimates and so somewhat high. "
                f"{harmed:,} customers are left alone because a contact gains nothing with them."
            )
        else:
            parts.append(
                "What a contact gains is unknown: risk says who may leave, not whom a contact "
                "keeps, and some leave because of it. An experiment on the contact would tell."
            )
        return " ".join([*parts, *self.provenance.notes])

    def plot(self, **options: Any) -> Any:
        """Draw what happened against what was predicted, out of fold.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.calibration`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("what", "risk")
        options.setdefault("unit", "share")
        return plotting().calibration(self.calibration(options.pop("prob", 0.9)), **options)

    def _repr_html_(self) -> str:
        shown = self.table().head(_SHOWN)
        if not self.gain_known:
            shown = shown.drop(columns=["gain_low", "gain_high"]).assign(expected_gain="unknown")
        return result_html("Customers at risk", shown, self.explain())
