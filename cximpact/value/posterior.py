"""Draws of what one unit of behavior is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.results import (
    INTERVAL_WORD,
    Assumption,
    DrawKind,
    Provenance,
    plotting,
    result_html,
    tidy,
)
from cximpact.core.sample_order import frozen
from cximpact.core.summaries import summarize
from cximpact.core.units import PAYMENT_TIMES, UNIT, check_currency
from cximpact.core.validate import check_choice, check_number
from cximpact.core.wording import format_number

HORIZONS = ("unstated", "once", "period", "lifetime")


@dataclass(frozen=True, kw_only=True, eq=False)
class ValuePosterior:
    """What one unit of behavior is worth, in money, with its uncertainty.

    Parameters
    ----------
    draws : xarray.DataArray
        Money per unit of behavior; ``sample`` first, then at most named segments.
    currency : str
        ISO 4217 code.
    per : str
        The unit of behavior, such as ``"retained customer"`` or ``"order"``.
    provenance : Provenance
        Where it comes from.
    horizon : {"unstated", "once", "period", "lifetime"}
        Over which time the money comes in: once, in every period in which the behavior
        lasts, or summed over the rest of the customer's life. A lifetime value cannot be
        paid out again period by period.
    discount_rate : float, optional
        Annual rate that is already in the numbers; None when they are not discounted.
    payment : {"start", "mid", "end"}, optional
        When in a period the discounted money was taken to flow.
    draw_kind : {"simulation", "posterior", "bootstrap", "asymptotic"}
        How the draws arose.
    assumptions : tuple of Assumption
        Conditions of the claim.
    n : int, default 0
        Rows of data behind it; 0 for a stated value.
    would_change_it : str, default ""
        What would overturn the number.
    details : mapping, optional
        Extras of one constructor.
    """

    draws: xr.DataArray
    currency: str
    per: str
    provenance: Provenance
    horizon: str = "unstated"
    discount_rate: float | None = None
    payment: str | None = None
    draw_kind: DrawKind = "simulation"
    assumptions: tuple[Assumption, ...] = ()
    n: int = 0
    would_change_it: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_currency(self.currency)
        if not isinstance(self.per, str) or not self.per.strip():
            raise ConfigError(
                f"per is {self.per!r}; name the unit of behavior, such as 'retained customer'."
            )
        check_choice(self.horizon, "horizon", HORIZONS)
        check_choice(self.draw_kind, "draw_kind", tuple(INTERVAL_WORD))
        if self.discount_rate is not None:
            check_number(self.discount_rate, "discount_rate", low=-1, open_low=True)
        if self.payment is not None:
            check_choice(self.payment, "payment", PAYMENT_TIMES)
        dr.check_values(self.draws, "value draws")
        dr.order_of(self.draws)
        unit = {UNIT: f"{self.currency} per {self.per}"}
        object.__setattr__(self, "draws", frozen(self.draws).assign_attrs(unit))
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))

    @property
    def unit(self) -> str:
        """Unit of the draws, such as ``"EUR per retained customer"``."""
        return f"{self.currency} per {self.per}"

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the value, one row a segment.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"eti", "hdi"}
            Which interval.

        Returns
        -------
        pandas.DataFrame
            Columns as `core.summaries.summarize` gives them.
        """
        return summarize(self.draws, prob, kind)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the value as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        return tidy(self.summary(prob), self.draws, self.n, default=f"value per {self.per}")

    def explain(self, prob: float = 0.9) -> str:
        """Say what the value is, and what it rests on.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            A paragraph. Digits below the Monte Carlo error are not printed.
        """
        rows = self.summary(prob).head(6).to_dict("records")
        names = self.tidy(prob)["term"]
        word = INTERVAL_WORD[self.draw_kind]
        shown = "; ".join(
            _row(str(name), row, self.unit, f"{prob:.0%} {word} interval")
            for name, row in zip(names, rows, strict=False)
        )
        discount = (
            f" Discounted at {self.discount_rate:.4g} a year, paid at the {self.payment} "
            "of the period."
            if self.discount_rate is not None
            else ""
        )
        conditions = " ".join(
            f"{a.name.capitalize()}: {a.statement.rstrip('.')}." for a in self.assumptions
        )
        change = f"What would change it: {self.would_change_it}." if self.would_change_it else ""
        return " ".join(p for p in (f"{shown}.{discount}", conditions, change) if p)

    def plot(self, **options: Any) -> Any:
        """Draw the distribution of the value.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.distribution`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().distribution(self.draws, unit=self.unit, **options)

    def _repr_html_(self) -> str:
        return result_html(f"Value per {self.per} ({self.currency})", self.tidy(), self.explain())


def _row(name: str, row: dict[str, Any], unit: str, interval: str) -> str:
    mcse = float(row["mcse"])
    text = f"{name} is {format_number(row['estimate'], mcse)} {unit}"
    if row["std_error"] == 0:
        return f"{text}, a fixed number without uncertainty"
    low, high = (format_number(row[end], mcse) for end in ("conf_low", "conf_high"))
    return f"{text} ({interval} {low} to {high})"
