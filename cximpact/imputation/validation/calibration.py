"""Whether a predicted probability, such as that of a detractor, is how often it happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import ConfigError, InsufficientDataError, join_names
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_count, check_prob

_UNHAPPY = ("detractor", "bottom", "hard")
DECILES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationError:
    """Expected calibration error, and what chance alone would make of it.

    Parameters
    ----------
    estimate : float
        Mean distance of observed shares to predicted probabilities, over bins, weighted by
        answers.
    std_error : float
        Its bootstrap standard deviation.
    conf_low, conf_high : float
        Bootstrap interval of the distance beyond chance: the basic interval, at least 0.
    chance, chance_high : float
        Mean, and upper end, of the distance if the predictions were calibrated.
    conf_level : float
        Mass of the interval, and of the distances of calibrated predictions below the upper end.
    p_value : float
        Probability of such a distance if the predictions were calibrated.
    n : int
        Answers.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    chance: float
    chance_high: float
    conf_level: float
    p_value: float
    n: int

    @property
    def calibrated(self) -> bool:
        """Whether the distance is one that chance makes."""
        return self.p_value > 1 - self.conf_level


def unhappy_answers(scale: ScoreScale, band: str | None = None) -> tuple[str, np.ndarray]:
    """Choose the answers whose probability is looked at.

    Parameters
    ----------
    scale : ScoreScale
        Scale of the answers.
    band : str, optional
        A band of it; ``detractor``, ``bottom`` or ``hard`` by default, or the worse half.

    Returns
    -------
    tuple of str and numpy.ndarray of bool, shape (category,)
        Name of the event, and which answers belong to it.

    Raises
    ------
    ConfigError
        If the scale has no such band.
    """
    if band is None:
        band = next((name for name in _UNHAPPY if name in scale.bands), None)
    elif band not in scale.bands:
        raise ConfigError(f"scale {scale.name} has no band {band!r}; it has "
                          f"{join_names(list(scale.bands))}.")  # fmt: skip
    if band is not None:
        return band, np.asarray(scale.in_band(scale.values, band), dtype=bool)
    at = np.arange(scale.n_categories)
    worse = at < scale.n_categories // 2
    return "worse half", worse if scale.higher_is_better else worse[::-1]


def calibration_table(
    predicted: np.ndarray,
    n: np.ndarray,
    happened: np.ndarray,
    segment: np.ndarray | None = None,
    *,
    bins: int = DECILES,
    prob: float = 0.9,
) -> pd.DataFrame:
    """Compare predicted probabilities with shares, by segment and by tenth of the prediction.

    Parameters
    ----------
    predicted : numpy.ndarray, shape (row,)
        Predicted probability of the event.
    n, happened : numpy.ndarray, shape (row,)
        Answers, and how many of them were the event.
    segment : numpy.ndarray, shape (row,), optional
        Label of each row; everybody together by default.
    bins : int, default 10
        Tenths, with about equally many answers; equal predictions stay together.
    prob : float, default 0.9
        Mass of the band of each row.

    Returns
    -------
    pandas.DataFrame
        ``segment`` (where given), ``decile`` from 1, ``predicted``, ``estimate`` (observed
        share), ``conf_low``, ``conf_high`` (where the share of calibrated predictions lies),
        ``conf_level``, ``n``.

    Raises
    ------
    InsufficientDataError
        If there are no answers.
    """
    check_prob(prob)
    bins = check_count(bins, "bins")
    asked = n > 0
    if not asked.any():
        raise InsufficientDataError("there are 0 answers; expected at least 1.")
    table = pd.DataFrame({"decile": _tenths(predicted[asked], n[asked], bins)})
    keys = ["decile"]
    if segment is not None:
        table.insert(0, "segment", np.asarray(segment)[asked])
        keys = ["segment", "decile"]
    table = table.assign(n=n[asked], sum=(n * predicted)[asked], happened=happened[asked])
    out = table.groupby(keys, sort=True, observed=True).sum().reset_index()
    size, mean = out["n"].to_numpy(), (out["sum"] / out["n"]).to_numpy()
    low, high = stats.binom.interval(prob, size.astype(int), np.clip(mean, 0, 1))
    return out[keys].assign(
        predicted=mean,
        estimate=(out["happened"] / out["n"]).to_numpy(),
        conf_low=low / size,
        conf_high=high / size,
        conf_level=prob,
        n=size.astype(int),
    )


def calibration_error(
    table: pd.DataFrame, *, prob: float = 0.9, n_boot: int = 2000, rng: RngLike
) -> CalibrationError:
    """Sum up a calibration table as one distance, and say what chance makes of it.

    Parameters
    ----------
    table : pandas.DataFrame
        From `calibration_table`.
    prob : float, default 0.9
        Mass of the intervals.
    n_boot : int, default 2000
        Bootstrap samples.
    rng : int or Generator
        Randomness.

    Returns
    -------
    CalibrationError
        The distance and its distribution.

    Notes
    -----
    The expected calibration error is ``sum_b n_b / N |share_b - predicted_b|``. It is positive
    even for perfect predictions, the more so the smaller the bins, so it says nothing without
    the distance that chance makes: answers are drawn anew from the predictions (parametric
    bootstrap). The interval resamples the observed shares and reflects the result about the
    estimate, which takes out that same bias. Both keep the predictions fixed.

    References
    ----------
    Naeini, M. P., Cooper, G. and Hauskrecht, M. (2015). Obtaining well calibrated probabilities
    using Bayesian binning. AAAI, 2901-2907. Bröcker, J. and Smith, L. A. (2007). Increasing the
    reliability of reliability diagrams. Weather and Forecasting 22, 651-661.
    """
    prob, n_boot = check_prob(prob), check_count(n_boot, "n_boot", low=100)
    stream = as_generator(rng)
    n = table["n"].to_numpy(dtype=np.int64)
    predicted, share = table["predicted"].to_numpy(), table["estimate"].to_numpy()

    def distance(shares: np.ndarray) -> np.ndarray:
        return np.abs(shares - predicted) @ n / n.sum()

    def redrawn(p: np.ndarray) -> np.ndarray:
        return distance(stream.binomial(n, np.clip(p, 0, 1), (n_boot, len(n))) / n)

    own, resampled, calm = float(distance(share)), redrawn(share), redrawn(predicted)
    low, high = np.quantile(resampled, [(1 - prob) / 2, (1 + prob) / 2])
    return CalibrationError(
        estimate=own,
        std_error=float(resampled.std(ddof=1)),
        conf_low=float(max(2 * own - high, 0.0)),
        conf_high=float(max(2 * own - low, 0.0)),
        chance=float(calm.mean()),
        chance_high=float(np.quantile(calm, prob)),
        conf_level=prob,
        p_value=float((1 + (calm >= own - 1e-12).sum()) / (1 + n_boot)),
        n=int(n.sum()),
    )


def _tenths(predicted: np.ndarray, n: np.ndarray, bins: int) -> np.ndarray:
    """Give each row its bin, from 1; equal predictions share that of their middle answer."""
    levels, code = np.unique(predicted, return_inverse=True)
    held = np.bincount(code, weights=n, minlength=len(levels))
    middle = (held.cumsum() - held / 2) / held.sum()
    return np.minimum((middle * bins).astype(int), bins - 1)[code] + 1
