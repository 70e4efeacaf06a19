"""What a search for a threshold found."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError
from cximpact.core.results import EffectPosterior, plotting
from cximpact.core.summaries import summarize
from cximpact.effects.linkage.thresholds.curve import ScoreCurve
from cximpact.effects.linkage.thresholds.customers import JustBelow, list_customers
from cximpact.effects.linkage.thresholds.search import Search
from cximpact.effects.linkage.thresholds.shapes import MANY
from cximpact.effects.uplift.documented import shares_parameters


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class ThresholdPosterior(EffectPosterior):
    """The posterior of a threshold and of what lies beyond it.

    Its draws are the jump at the threshold; for a kink the change a point above it. With
    ``shape="any"`` a draw whose shape has no jump is 0.

    Parameters
    ----------
    found : Search
        Evidence of every shape.
    curve : ScoreCurve
        Draws of shape, threshold and coefficients.
    score : str
        Column of the score.
    score_mean, score_spread : float
        Mean and standard deviation of the score.
    """

    found: Search = field(repr=False)
    curve: ScoreCurve = field(repr=False)
    score: str
    score_mean: float
    score_spread: float

    def __post_init__(self) -> None:
        EffectPosterior.__post_init__(self)
        if self.draws.sizes[dr.SAMPLE] != self.curve.chosen.size:
            raise AlignmentError(
                f"{self.draws.sizes[dr.SAMPLE]:,} draws of the jump for "
                f"{self.curve.chosen.size:,} of the curve: Rubin's rules pool the jump and not "
                "the threshold. Let the estimator return .as_effect(), or use threshold_imputed."
            )

    @property
    def threshold_probability(self) -> xr.DataArray:
        """Posterior probability of each threshold, given that there is one, exactly summed."""
        return self.found.threshold_probability

    @property
    def threshold_by_outcome(self) -> xr.DataArray:
        """What each outcome alone says about the threshold, ``(outcome, threshold)``."""
        return self.found.by_outcome()

    @property
    def model_probability(self) -> xr.DataArray:
        """Posterior probability of each shape, along ``model``."""
        return self.found.model_probability

    @property
    def log_bayes_factor(self) -> float:
        """Log evidence of a threshold over none; 3 is strong, below 0 speaks against one."""
        return self.found.log_bayes_factor

    @property
    def threshold_draws(self) -> xr.DataArray:
        """Threshold of each draw; NaN where the draw's shape has none."""
        return dr.from_array(
            self.curve.threshold,
            source=self.provenance.source,
            name="threshold",
            data_ids=[self.provenance.data_hash],
        )

    def as_effect(self) -> EffectPosterior:
        """Return the jump alone, to be pooled over completed sets or handed on.

        Returns
        -------
        EffectPosterior
            With the same draws.
        """
        names = [f.name for f in fields(EffectPosterior)]
        return EffectPosterior(**{name: getattr(self, name) for name in names})

    def behavior(self, scores: Any = None) -> xr.DataArray:
        """Return draws of the mean behavior at scores, averaged over shapes and thresholds.

        Parameters
        ----------
        scores : array_like, optional
            Scores; by default all thresholds that are possible and the lowest and highest score.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(sample, score_level)``, with several outcomes ``outcome`` last.
        """
        at = self._levels() if scores is None else np.unique(np.asarray(scores, dtype=float))
        values = self.curve.means(at)
        several = values.shape[2] > 1
        names = {"outcome": [o.name for o in self.curve.outcomes]} if several else {}
        return dr.from_array(
            values if several else values[:, :, 0],
            source=self.provenance.source,
            dims=("score_level", *names),
            coords={"score_level": at, **names},
            name="behavior",
            data_ids=[self.provenance.data_hash],
        )

    def just_below(
        self,
        customers: Any,
        *,
        width: float = 1.0,
        shift: float | None = None,
        customer: str | None = None,
        outcome: str | None = None,
        value: float | None = None,
        reliability: float | str | None = None,
        prob: float = 0.9,
    ) -> JustBelow:
        """List the customers just below the threshold, by what lifting them would bring.

        Parameters
        ----------
        customers : frame, ImputedScores' customers
            With the column of the score; or predicted scores of customers, each with the
            probability of every answer.
        width : float, default 1.0
            Just below is from ``threshold - width`` on.
        shift : float, optional
            By how much a score is to be lifted; ``width`` by default.
        customer : str, optional
            Column that names the customer.
        outcome : str, optional
            Of several outcomes the one that counts; the first by default.
        value : float, optional
            Money per unit of the outcome. It is refused while the link is an association.
        reliability : float or str, optional
            Share of the variance of scores that lasts, from 0 to 1; or the column of a second
            score of the same customers, with nothing done in between, from which it is learned.
        prob : float, default 0.9
            Mass of intervals.

        Returns
        -------
        JustBelow
            The list, the mean gain, and how far scores will rise by themselves.

        Raises
        ------
        NotCausalError
            If money is asked of an association.
        DataError, ConfigError
            If columns or options do not fit.
        """
        return list_customers(
            self,
            customers,
            reach=(width, width if shift is None else shift),
            customer=customer,
            outcome=outcome,
            value=value,
            reliability=None if isinstance(reliability, str) else reliability,
            again=reliability if isinstance(reliability, str) else None,
            prob=prob,
        )

    def thresholds(self) -> pd.DataFrame:
        """Return the probability of each threshold as a table.

        Returns
        -------
        pandas.DataFrame
            Columns ``threshold`` and ``probability``.
        """
        found = self.threshold_probability
        return pd.DataFrame(
            {"threshold": found.coords["threshold"].values, "probability": found.values}
        )

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what was found, under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            The likely threshold, whether there is one at all, then as every result.
        """
        found = self.threshold_probability
        best = int(np.argmax(found.values))
        shapes = ", ".join(
            f"{name} {p:.3f}"
            for name, p in zip(
                self.model_probability.coords["model"].values,
                self.model_probability.values,
                strict=True,
            )
        )
        lead = (
            f"The likeliest threshold of {self.score} is "
            f"{float(found.coords['threshold'][best]):g} (probability {float(found[best]):.3f}, "
            f"given that there is one). Probability of the shapes: {shapes}; log Bayes factor of "
            f"a threshold over none {self.log_bayes_factor:.2f}"
        )
        verdict = "" if self.log_bayes_factor > 0 else ": the data speak for no threshold"
        stands = f"The link is {self.details['standing']}."
        return f"{lead}{verdict}. {stands} {super().explain(prob)}"

    def plot(self, **options: Any) -> Any:
        """Draw behavior by score over the probability of the threshold.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.dose_curve`; ``prob`` is the mass of the band and
            ``outcome`` chooses one of several.

        Returns
        -------
        matplotlib.figure.Figure
            Two panels on one axis of the score.
        """
        behavior = self.behavior()
        names = [o.name for o in self.curve.outcomes]
        name = options.pop("outcome", names[0])
        if "outcome" in behavior.dims:
            behavior = behavior.sel(outcome=name, drop=True)
        is_rate = self.curve.outcomes[names.index(name)].is_rate
        options.setdefault("unit", "share" if is_rate else "")
        options.setdefault("standing", self.details["standing"])
        options.setdefault("score", self.score)
        options.setdefault("outcome", name)
        table = summarize(behavior, options.pop("prob", 0.9))
        return plotting().dose_curve(table, thresholds=self.thresholds(), **options)

    def _levels(self) -> np.ndarray:
        shapes = self.curve.candidates
        observed = np.unique(
            np.concatenate([p.score for o in self.curve.outcomes for p in o.parts])
        )
        ends = np.array([shapes.low, shapes.high])
        return observed if observed.size <= MANY else np.unique(np.append(shapes.grid, ends))
