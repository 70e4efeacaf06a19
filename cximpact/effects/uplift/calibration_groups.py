"""Average effects by group of a score, and whether they differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.results import plotting, quantile, result_html
from cximpact.core.validate import check_choice, check_prob
from cximpact.core.wording import number
from cximpact.effects.asymptotic import t_errors
from cximpact.effects.uplift.evaluation_words import p_phrase

_DRAWS = 20_000


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupEffects:
    """Average effects by group of a score, the highest scores first; made by `gates`.

    Parameters
    ----------
    effect : numpy.ndarray, shape (group,)
        Mean pseudo-outcome.
    covariance : numpy.ndarray, shape (group, group)
        Of the means.
    predicted : numpy.ndarray, shape (group,)
        Mean score.
    size : numpy.ndarray of int, shape (group,)
        Rows.
    df : float or None
        Degrees of freedom; None is normal.
    seed : int
        Of the simultaneous band.
    """

    effect: np.ndarray
    covariance: np.ndarray = field(repr=False)
    predicted: np.ndarray
    size: np.ndarray
    df: float | None
    seed: int

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors of the effects, shape (group,)."""
        return np.sqrt(np.diag(self.covariance))

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the effects with intervals and bands.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of each interval, and of the band for all groups at once.

        Returns
        -------
        pandas.DataFrame
            ``group`` (1 has the highest scores), ``n``, ``predicted`` (mean score), ``estimate,
            std_error, conf_low, conf_high, conf_level``; ``band_low, band_high``, which hold all
            effects at once; ``sorted_estimate, sorted_low, sorted_high``, the same rearranged to
            fall from group to group.

        Notes
        -----
        The band takes the quantile of the largest absolute t ratio. Rearranging brings estimates
        and band nearer to effects that fall with the score, and never loses coverage of these.

        References
        ----------
        Chernozhukov, V., Demirer, M., Duflo, E. and Fernandez-Val, I. (2025). Generic machine
        learning inference on heterogeneous treatment effects in randomized experiments.
        Econometrica 93, 1121-1164.

        Chernozhukov, V., Fernandez-Val, I. and Galichon, A. (2009). Improving point and interval
        estimators of monotone functions by rearrangement. Biometrika 96, 559-575.
        """
        error = self.std_error
        half = quantile(self.df, (1 + check_prob(prob)) / 2) * error
        wide = self._critical(prob) * error
        low, high = self.effect - wide, self.effect + wide
        columns = {
            "group": np.arange(1, self.effect.size + 1),
            "n": self.size,
            "predicted": self.predicted,
            "estimate": self.effect,
            "std_error": error,
            "conf_low": self.effect - half,
            "conf_high": self.effect + half,
            "conf_level": prob,
            "band_low": low,
            "band_high": high,
        }
        falling = {"sorted_estimate": self.effect, "sorted_low": low, "sorted_high": high}
        return pd.DataFrame(columns | {k: np.sort(v)[::-1] for k, v in falling.items()})

    def heterogeneity(self) -> pd.DataFrame:
        """Test whether the effects of the groups differ.

        Returns
        -------
        pandas.DataFrame
            Two rows: ``equal_effects``, a Wald test that all groups have one effect, and
            ``first_minus_last``, the difference of the groups with the highest and the lowest
            scores; ``test, estimate, std_error, statistic, df, p_value``.

        Notes
        -----
        The Wald statistic divided by its ``groups - 1`` degrees of freedom is compared with an F
        distribution, or chi-square where rows are independent. A large p-value says that no
        difference was found, not that there is none.
        """
        k = self.effect.size
        contrast = np.eye(k)[:-1] - np.eye(k)[1:]
        gap = contrast @ self.effect
        wald = float(gap @ np.linalg.solve(contrast @ self.covariance @ contrast.T, gap))
        p = stats.chi2.sf(wald, k - 1)
        if self.df is not None:
            p = stats.f.sf(wald / (k - 1), k - 1, self.df)
        ends = np.zeros(k)
        ends[0], ends[-1] = 1.0, -1.0
        distance = float(ends @ self.effect)
        error = float(np.sqrt(ends @ self.covariance @ ends))
        law = stats.norm if self.df is None else stats.t(self.df)
        rows = [
            ("equal_effects", np.nan, np.nan, wald, float(k - 1), float(p)),
            (
                "first_minus_last",
                distance,
                error,
                distance / error,
                1.0,
                float(2 * law.sf(abs(distance / error))),
            ),
        ]
        names = ["test", "estimate", "std_error", "statistic", "df", "p_value"]
        return pd.DataFrame(rows, columns=names)

    def plot(self, kind: str = "groups", prob: float = 0.9, **options: Any) -> Any:
        """Draw the effects by group, or against what was predicted.

        Parameters
        ----------
        kind : {"groups", "calibration"}
            The latter where the score is a predicted effect.
        prob : float, default 0.9
            Mass of the intervals.
        **options
            Passed to `cximpact.plots.uplift_deciles` or `cximpact.plots.calibration`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        check_choice(kind, "kind", ("groups", "calibration"))
        table, plots = self.tidy(prob), plotting()
        if kind == "groups":
            return plots.uplift_deciles(table, **options)
        return plots.calibration(table.rename(columns={"estimate": "observed"}), **options)

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph whether groups with higher scores gain more.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval; one less it is the level of the test.

        Returns
        -------
        str
            Effects of the first and the last group, their difference and the test.
        """
        tests = self.heterogeneity().set_index("test")
        gap, same = tests.loc["first_minus_last"], tests.loc["equal_effects"]
        half = quantile(self.df, (1 + check_prob(prob)) / 2) * gap["std_error"]
        found = (
            "The effects of the groups differ"
            if same["p_value"] < 1 - prob
            else "The effects of the groups are not told apart from one effect for all"
        )
        return (
            f"The average effect is {number(self.effect[0])} in the group with the highest scores "
            f"and {number(self.effect[-1])} in that with the lowest, a difference of "
            f"{number(gap['estimate'])} ({100 * prob:g}% confidence interval "
            f"{number(gap['estimate'] - half)} to {number(gap['estimate'] + half)}). "
            f"{found} ({p_phrase(same['p_value'])})."
        )

    def _critical(self, prob: float) -> float:
        error = self.std_error
        if not (error > 0).all():
            return quantile(self.df, (1 + prob) / 2)
        correlation = self.covariance / np.outer(error, error)
        noise = t_errors(correlation, self.df, size=_DRAWS, rng=self.seed)
        return float(np.quantile(np.abs(noise).max(axis=1), prob))

    def _repr_html_(self) -> str:
        return result_html("Average effects by score", self.tidy(), self.explain())
