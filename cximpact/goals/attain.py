"""The probability of attaining a goal, with initiatives and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, ConfigError
from cximpact.core.rng import spawn
from cximpact.core.validate import check_number
from cximpact.goals.baseline import TrendBaseline, needs_scale
from cximpact.goals.direction import reaches, sign


@dataclass(frozen=True, kw_only=True, eq=False)
class Attainment:
    """Probabilities of attaining a goal.

    Parameters
    ----------
    target : float
        The goal, in score points.
    true, measured : float
        That the true score, or the score that a survey finds, attains it with initiatives.
    true_status_quo, measured_status_quo : float
        The same without initiatives.
    false_attainment : float
        That a survey reports it as attained although the true score is at its baseline; NaN
        where the survey error is unknown.
    """

    target: float
    true: float
    measured: float
    true_status_quo: float
    measured_status_quo: float
    false_attainment: float

    @property
    def credit(self) -> float:
        """What the initiatives add to the probability that the true score attains it."""
        return self.true - self.true_status_quo


def attainment(
    baseline: TrendBaseline,
    target: float,
    *,
    capacity: float | xr.DataArray | None = None,
    std_error: float | None = None,
) -> Attainment:
    """Return the probability of attaining a goal at the end of the horizon.

    Parameters
    ----------
    baseline : TrendBaseline
        From `trend_baseline`, with a scale.
    target : float
        The goal, in score points.
    capacity : float or DataArray (sample,), optional
        What the initiatives add to the score by the horizon, in score points and with the
        sign of the score: lags and adoption are already in it, and where lower is better an
        improvement is negative. Without it there are no initiatives.
    std_error : float, optional
        Standard error of the survey that measures the goal; by default that of the baseline.

    Returns
    -------
    Attainment
        Probabilities for the true and the measured score.

    Notes
    -----
    Draws of the capacity that share a source with the baseline stay joint with it;
    others are paired as independent. False attainment is ``Phi((base - g) / se)``.
    """
    futures = future_scores(baseline, capacity=capacity, std_error=std_error)
    return attained(baseline, futures, check_number(target, "target"), std_error)


def future_scores(
    baseline: TrendBaseline,
    *,
    capacity: float | xr.DataArray | None = None,
    std_error: float | None = None,
) -> xr.Dataset:
    """Return joint draws of the score at the end of the horizon.

    Parameters
    ----------
    baseline : TrendBaseline
        From `trend_baseline`, with a scale.
    capacity : float or DataArray (sample,), optional
        What the initiatives add, signed as the score.
    std_error : float, optional
        Standard error of the survey; used where the baseline tells survey error apart.

    Returns
    -------
    xarray.Dataset
        ``true_status_quo, measured_status_quo, true, measured`` and ``gain``, each
        (sample,).
    """
    limits = needs_scale(baseline).limits
    last = baseline.draws.isel(period=-1, drop=True)
    last, gain = _with_capacity(last, capacity, baseline)
    noise = last["measured"] - last["true"]
    if std_error is not None and baseline.next_std_error is not None:
        noise = check_number(std_error, "std_error", low=0) * last["survey_noise"]
    paths = {
        "true_status_quo": last["true"],
        "measured_status_quo": last["true"] + noise,
        "true": last["true"] + gain,
        "measured": last["true"] + gain + noise,
    }
    clipped = {name: path.clip(*limits) for name, path in paths.items()}
    return dr.with_order(xr.Dataset({**clipped, "gain": gain}), dr.order_of(last))


def attained(
    baseline: TrendBaseline, futures: xr.Dataset, target: float, std_error: float | None = None
) -> Attainment:
    """Read the probabilities of one goal from draws of the future.

    Parameters
    ----------
    baseline : TrendBaseline
        Where the draws start.
    futures : xarray.Dataset
        From `future_scores`.
    target : float
        The goal.
    std_error : float, optional
        Standard error of the survey that measures the goal.

    Returns
    -------
    Attainment
        Probabilities; those without initiatives are exact where the forecast is.
    """
    scale = needs_scale(baseline)
    chance = {str(k): float(np.mean(reaches(v.values, target, scale))) for k, v in futures.items()}
    if baseline.std_error is not None:
        exact = baseline.probability(target)
        chance |= {"true_status_quo": exact, "measured_status_quo": exact}
        if not futures["gain"].values.any():
            chance |= {"true": exact, "measured": exact}
    known = None if baseline.next_std_error is None else std_error
    error = baseline.next_std_error if known is None else known
    by_luck = float("nan")
    if error is not None:
        gap = sign(scale) * (baseline.base - target)
        certain = float(reaches(baseline.base, target, scale))
        by_luck = float(special.ndtr(gap / error)) if error > 0 else certain
    return Attainment(
        target=target,
        true=chance["true"],
        measured=chance["measured"],
        true_status_quo=chance["true_status_quo"],
        measured_status_quo=chance["measured_status_quo"],
        false_attainment=by_luck,
    )


def _with_capacity(last: xr.Dataset, capacity: Any, baseline: TrendBaseline) -> Any:
    if capacity is None or not isinstance(capacity, xr.DataArray):
        gain = 0.0 if capacity is None else check_number(capacity, "capacity")
        return last, xr.full_like(last["true"], gain)
    dr.order_of(capacity)
    if capacity.dims != (dr.SAMPLE,):
        raise AlignmentError(
            f"capacity has the dimensions {tuple(map(str, capacity.dims))}; expected sample alone: "
            "sum over initiatives and select the horizon first."
        )
    if capacity.attrs.get("unit") in ("pp", "money"):
        raise ConfigError(f"capacity is in {capacity.attrs['unit']!r}; expected score points.")
    dr.check_values(capacity, "capacity")
    (stream,) = spawn(baseline.provenance.seed, "capacity")
    return dr.pair(last, capacity, rng=stream)
