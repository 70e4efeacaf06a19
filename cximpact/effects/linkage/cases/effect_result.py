"""The effect of closing the loop, with a confidence set that may be no interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError
from cximpact.core.results import EffectPosterior, plotting
from cximpact.core.validate import check_prob
from cximpact.effects.linkage.cases.regions import ConfidenceSet, InvertedTest
from cximpact.effects.uplift.documented import shares_parameters


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class RecoveryEffect(EffectPosterior):
    """Effect of a recovery on later behavior.

    It goes wherever an `EffectPosterior` goes. Where the errors are not normal, its interval
    comes from a test that was inverted, not from a standard error.

    Parameters
    ----------
    test : InvertedTest, optional
        Gives the confidence set at any level; None for the usual t interval.
    """

    test: InvertedTest | None = field(default=None, repr=False)

    def confidence_set(self, prob: float = 0.9) -> ConfidenceSet:
        """Return all effects that are not ruled out.

        Parameters
        ----------
        prob : float, default 0.9
            Confidence.

        Returns
        -------
        ConfidenceSet
            An interval, two rays, the whole line, or nothing.
        """
        check_prob(prob)
        if self.test is not None:
            return self.test.confidence_set(prob)
        row = EffectPosterior.summary(self, prob).iloc[0]
        return ConfidenceSet(pieces=((float(row["conf_low"]), float(row["conf_high"])),), prob=prob)

    def summary(self, prob: float = 0.9, kind: str = "eti") -> pd.DataFrame:
        """Summarize the effect.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.
        kind : {"eti", "hdi"}
            Which interval; where a test is inverted its set is given for both.

        Returns
        -------
        pandas.DataFrame
            As `EffectPosterior.summary`. Ends are infinite where the set is not bounded, and
            then there is no standard error either.
        """
        table = EffectPosterior.summary(self, prob, kind)
        if self.test is None:
            return table
        found = self.test.confidence_set(prob)
        table["conf_low"], table["conf_high"] = found.hull
        if not found.is_bounded:
            table["std_error"] = np.nan
        return table

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what was found, under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            As `EffectPosterior.explain`, with the confidence set in words where it is no
            interval.
        """
        text = EffectPosterior.explain(self, prob)
        found = self.confidence_set(prob)
        return text if found.kind == "bounded" else f"{found.words(self.estimand.scale)} {text}"

    def plot(self, **options: Any) -> Any:
        """Draw the effect; at a cutoff, the scores on both sides of it.

        Parameters
        ----------
        **options
            ``title``, ``ax`` and ``prob``, and for an effect at a cutoff what
            `cximpact.plots.recovery_cutoff` takes.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        ConfigError
            If there is nothing to draw, as no effect fits the assumptions.
        """
        prob = options.pop("prob", 0.9)
        options.setdefault("unit", self.estimand.scale)
        row = self.summary(prob)
        if not self.confidence_set(prob).pieces:
            raise ConfigError("the confidence set is empty; there is no interval to draw.")
        if "cells" not in self.details:
            return plotting().effect(row, **options)
        return plotting().recovery_cutoff(
            self.details["cells"], row, cutoff=self.details["cutoff"], **options
        )
