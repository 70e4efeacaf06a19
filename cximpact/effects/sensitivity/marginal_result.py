"""Bounds on an effect, by how far odds of treatment may be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cximpact.core.results import result_html
from cximpact.core.wording import number

_WHOM = {"ate": "everybody", "att": "the treated", "atc": "the untreated"}


@dataclass(frozen=True, kw_only=True, eq=False)
class MarginalBounds:
    """The effects that agree with the data, by how strong unmeasured confounding may be.

    Parameters
    ----------
    table : pandas.DataFrame
        ``strength`` (Lambda), ``low, high`` (bounds of the effect), ``conf_low, conf_high``
        (interval that covers it), ``conf_level``.
    estimate : float
        Effect without unmeasured confounding.
    breakdown : float
        The Lambda at which the bounds reach zero; infinite where none does.
    conf_breakdown : float
        The Lambda at which the interval reaches zero; 1 where it holds zero from the start.
    target : {"ate", "att", "atc"}
        Effect on whom.
    method : {"balanced", "stabilized"}
        How the weights are bounded.
    n : int
        Customers.
    refitted : bool
        Whether propensities were estimated again in every bootstrap sample.
    """

    table: pd.DataFrame
    estimate: float
    breakdown: float
    conf_breakdown: float
    target: str
    method: str
    n: int
    refitted: bool

    def tidy(self) -> pd.DataFrame:
        """Return bounds and intervals.

        Returns
        -------
        pandas.DataFrame
            As ``table``.
        """
        return self.table.copy()

    def explain(self) -> str:
        """Say how strong unmeasured confounding must be to explain the effect.

        Returns
        -------
        str
            A paragraph.
        """
        row = self.table.iloc[-1]
        how = "estimated again in every sample" if self.refitted else "taken as known"
        return (
            f"Without unmeasured confounding the effect on {_WHOM[self.target]} is "
            f"{number(self.estimate)} ({self.n:,} customers). If something unmeasured shifts the "
            f"odds of treatment by a factor of up to {number(row['strength'])}, it lies between "
            f"{number(row['low'])} and {number(row['high'])} ({100 * row['conf_level']:g}% "
            f"confidence interval {number(row['conf_low'])} to {number(row['conf_high'])}; "
            f"propensities {how}). {self._tipping()}"
        )

    def _tipping(self) -> str:
        where = (
            "No factor up to a million brings it to zero"
            if np.isinf(self.breakdown)
            else f"A factor of {number(self.breakdown)} brings it to zero"
        )
        if self.conf_breakdown == 1:
            return f"{where}; the interval holds zero even without unmeasured confounding."
        if np.isinf(self.conf_breakdown):
            return f"{where}, nor the end of its interval."
        link = "but" if np.isinf(self.breakdown) else "and"
        return f"{where}, {link} one of {number(self.conf_breakdown)} the end of its interval."

    def _repr_html_(self) -> str:
        return result_html("Marginal sensitivity model", self.table, self.explain())
