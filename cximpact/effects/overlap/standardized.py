"""Whether the arms are alike in what was measured, before and after weighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cximpact.core.errors import ConfigError, DtypeError
from cximpact.core.results import plotting, result_html
from cximpact.core.validate import check_number, check_weights
from cximpact.core.wording import number
from cximpact.effects.overlap.arms import check_arms, check_length
from cximpact.effects.overlap.columns import split_columns
from cximpact.effects.overlap.tilting import overlap_weights

BEFORE, AFTER = "before", "after"
_UNSEEN = "What was not measured may differ all the same; see effects.sensitivity."


@dataclass(frozen=True, kw_only=True, eq=False)
class Balance:
    """How alike the arms are, column by column.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a column (or level of a category) and sample: ``variable, level, sample, treated,
        untreated, difference, variance_ratio``. ``sample`` is "before" or "after" weighting,
        ``difference`` is standardized, and ``variance_ratio`` is missing for shares.
    threshold : float
        Standardized difference from which a column is called unbalanced.
    population : str
        Whom the weights are about.
    """

    table: pd.DataFrame
    threshold: float
    population: str

    def tidy(self) -> pd.DataFrame:
        """Return the differences, as a love plot draws them.

        Returns
        -------
        pandas.DataFrame
            As ``table``.
        """
        return self.table.copy()

    def unbalanced(self, sample: str = AFTER) -> pd.DataFrame:
        """Return the rows beyond the threshold, the worst first.

        Parameters
        ----------
        sample : {"after", "before"}
            Which sample; "before" where nothing was weighted.

        Returns
        -------
        pandas.DataFrame
            Rows of the table.
        """
        chosen = sample if sample in set(self.table["sample"]) else BEFORE
        rows = self.table[self.table["sample"] == chosen]
        size = rows["difference"].abs()
        worst = size[size > self.threshold].sort_values(ascending=False, kind="stable").index
        return rows.loc[worst]

    def explain(self) -> str:
        """Say how far the arms are alike, and in what they are not.

        Returns
        -------
        str
            A few sentences.
        """
        parts = [self._sentence(name) for name in dict.fromkeys(self.table["sample"])]
        whom = f" Weighted, the arms stand for {self.population}." if self.population else ""
        return f"{' '.join(parts)}{whom} {_UNSEEN}"

    def plot(self, **options: Any) -> Any:
        """Draw the differences before and after weighting, as a love plot.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.love_plot`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("threshold", self.threshold)
        return plotting().love_plot(self.table, **options)

    def _sentence(self, sample: str) -> str:
        rows = self.table[self.table["sample"] == sample]
        over = self.unbalanced(sample)
        worst = rows.loc[rows["difference"].abs().idxmax()]
        level = f" = {worst['level']}" if worst["level"] else ""
        word = "Before weighting" if sample == BEFORE else "After weighting"
        return (
            f"{word}, {len(over)} of {len(rows)} columns differ by more than "
            f"{self.threshold:g} standard deviations; the largest difference is "
            f"{number(worst['difference'], signed=True)} in {worst['variable']}{level}."
        )

    def _repr_html_(self) -> str:
        return result_html("Balance of the arms", self.table, self.explain())


def balance(
    features: Any,
    treatment: ArrayLike,
    weights: ArrayLike | None = None,
    propensity: ArrayLike | None = None,
    *,
    target: str = "ate",
    threshold: float = 0.1,
) -> Balance:
    """Compare the arms column by column, before and after weighting.

    Parameters
    ----------
    features : frame
        One row a customer; numbers, or categories, which are split into shares of their levels.
    treatment : array_like, shape (n,)
        0 and 1.
    weights : array_like, shape (n,), optional
        Weights that are to make the arms alike.
    propensity : array_like, shape (n,), optional
        Makes the weights, instead of giving them.
    target : {"ate", "att", "atc", "ato", "entropy", "matching"}
        Which weights the propensity makes; see `overlap_weights`.
    threshold : float, default 0.1
        Standardized difference from which a column is called unbalanced.

    Returns
    -------
    Balance
        A table, and sentences.

    Raises
    ------
    ConfigError
        If weights and a propensity are both given.
    DtypeError
        If the frame has no columns or another number of rows.
    MissingValueError
        If a column has gaps.

    Notes
    -----
    The difference of means is divided by ``sqrt((s1^2 + s0^2) / 2)`` of the unweighted arms, in
    both samples, so that weighting moves the numerator alone. Variances of weighted arms are
    ``sum w (x - m)^2 / (sum w - sum w^2 / sum w)``. A column that is constant in both arms at
    different values has an infinite difference: it tells the arms apart. No test is made: a test
    says how many customers there are, not how different they are.

    References
    ----------
    Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates
    between treatment groups in propensity-score matched samples. Statistics in Medicine 28,
    3083-3107.
    """
    treated = check_arms(treatment)
    if weights is not None and propensity is not None:
        raise ConfigError("weights and a propensity were given; give one of them.")
    threshold = check_number(threshold, "threshold", low=0)
    columns = split_columns(features)
    if not columns:
        raise DtypeError("the frame of features has no columns; give at least one.")
    check_length(columns[0].values, treated.size, "the frame of features")
    samples, population = {BEFORE: np.ones(treated.size)}, ""
    if propensity is not None:
        tilted = overlap_weights(propensity, target)
        samples[AFTER], population = tilted.for_arms(treated), tilted.population
    elif weights is not None:
        samples[AFTER] = check_weights(weights, treated.size)
    rows = []
    for column in columns:
        sides = column.values[treated], column.values[~treated]
        spread = np.sqrt((_variance(sides[0]) + _variance(sides[1])) / 2)
        for sample, w in samples.items():
            means, ratio = _compare(sides, (w[treated], w[~treated]))
            row = {"variable": column.variable, "level": column.level, "sample": sample}
            row |= dict(zip(("treated", "untreated"), means, strict=True))
            row["difference"] = _standardized(means[0] - means[1], float(spread), column.values)
            rows.append(row | {"variance_ratio": np.nan if column.is_share else ratio})
    return Balance(table=pd.DataFrame(rows), threshold=threshold, population=population)


def _compare(
    sides: tuple[np.ndarray, np.ndarray], weights: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[float, float], float]:
    means = tuple(float(w @ x / w.sum()) for x, w in zip(sides, weights, strict=True))
    treated, untreated = (_variance(x, w) for x, w in zip(sides, weights, strict=True))
    return (means[0], means[1]), treated / untreated if untreated > 0 else np.nan


def _variance(x: np.ndarray, w: np.ndarray | None = None) -> float:
    w = np.ones(x.size) if w is None else w
    total = w.sum()
    rest = total - (w**2).sum() / total
    return float(w @ (x - w @ x / total) ** 2 / rest) if rest > 0 else 0.0


def _standardized(gap: float, spread: float, values: np.ndarray) -> float:
    """Divide a difference of means by a standard deviation, with an answer where that is 0."""
    tiny = 1e-12 * max(float(np.abs(values).max()), 1e-300)
    if spread > tiny:
        return gap / spread
    return 0.0 if abs(gap) <= tiny else float(np.copysign(np.inf, gap))
