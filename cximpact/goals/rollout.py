"""How far initiatives can bring a score by a date: four phases, each of uncertain length."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.elicit import fit_quantiles
from cximpact.core.errors import AssumptionWarning, ConfigError, UnitsError, join_names
from cximpact.core.provenance import Provenance
from cximpact.core.results import plotting, result_html, tidy
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.summaries import summarize
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.core.wording import number

Uncertain: TypeAlias = float | Mapping[float, float]
PHASES = ("develop", "implement", "practise", "response")
OVERLAPS = ("additive", "room")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rollout:
    """An initiative on its way from an idea to the score.

    Parameters
    ----------
    name : str
        How results call it.
    gain : float, mapping of float to float, or DataArray (sample,)
        Full effect on the score in score points, signed as the score: a number, two quantiles
        such as ``{0.1: 1, 0.9: 5}`` of a normal distribution, or draws of an estimate.
    develop, implement : float or mapping
        Periods until it is there, and until it reaches customers: a number, or two quantiles of
        a gamma distribution such as ``{0.1: 2, 0.9: 6}``.
    practise : float or mapping, default 0
        Periods over which its use grows linearly to its full extent.
    response : float or mapping, default 0
        Time constant in periods with which the score follows: short for a transactional
        CSAT, months or years for retention.
    """

    name: str
    gain: Uncertain | xr.DataArray
    develop: Uncertain = 0.0
    implement: Uncertain = 0.0
    practise: Uncertain = 0.0
    response: Uncertain = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigError(f"rollout.name is {self.name!r}; expected a name.")
        for phase in PHASES:
            length = getattr(self, phase)
            if isinstance(length, Mapping):
                fit_quantiles(length, "gamma")
            else:
                check_number(length, f"rollout {self.name!r}.{phase}", low=0)
        if isinstance(self.gain, xr.DataArray):
            if self.gain.dims != (dr.SAMPLE,) or self.gain.attrs.get("unit") in ("pp", "money"):
                raise UnitsError(
                    f"rollout {self.name!r}.gain has dimensions {self.gain.dims} and unit "
                    f"{self.gain.attrs.get('unit')!r}; expected draws in score points."
                )
            dr.order_of(self.gain)
        elif not isinstance(self.gain, Mapping):
            check_number(self.gain, f"rollout {self.name!r}.gain")


@dataclass(frozen=True, kw_only=True, eq=False)
class Capacity:
    """What initiatives add to a score, period by period.

    Parameters
    ----------
    draws : xarray.DataArray
        Score points, dimensions ``(sample, period)``; periods ahead from 1.
    working : pandas.DataFrame
        One row an initiative: ``initiative, start, full, works_by_horizon``: median period in
        which it starts to work, median period in which 90 % of it works, and the probability
        that it works at all by the horizon.
    messages : tuple of str
        For initiatives that will not show by the horizon: when to measure instead.
    provenance : Provenance
        Where it comes from.
    """

    draws: xr.DataArray
    working: pd.DataFrame
    messages: tuple[str, ...]
    provenance: Provenance

    def at(self, period: int) -> xr.DataArray:
        """Return the draws of one period, for ``capacity=`` of `recommend`.

        Parameters
        ----------
        period : int
            Periods ahead.

        Returns
        -------
        xarray.DataArray
            Dimension ``sample``.

        Raises
        ------
        ConfigError
            For a period beyond the horizon.
        """
        horizon = self.draws.sizes["period"]
        if check_count(period, "period") > horizon:
            raise ConfigError(f"period is {period}; the capacity was computed up to {horizon}.")
        return self.draws.sel(period=period, drop=True)

    def summary(self, prob: float = 0.9) -> pd.DataFrame:
        """Summarize the capacity, one row a period.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            As `core.summaries.summarize`.
        """
        return summarize(self.draws, prob)

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the capacity as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``period``, then the tidy columns.
        """
        return tidy(self.summary(prob), self.draws, 0, default="capacity")

    def explain(self) -> str:
        """Say what can be attained by the horizon, and what comes later.

        Returns
        -------
        str
            A few sentences.
        """
        last = self.summary().iloc[-1]
        shown = " ".join(
            f"{r['initiative']} starts to work in period {number(r['start'])} and works almost "
            f"fully by {number(r['full'])} (medians)."
            for r in self.working.to_dict("records")
        )
        return (
            f"By period {last['period']:g} the initiatives add {number(last['estimate'])} points "
            f"(90% simulation interval {number(last['conf_low'])} to {number(last['conf_high'])}). "
            f"{shown} {' '.join(self.messages)}"
        ).strip()

    def plot(self, **options: Any) -> Any:
        """Draw the capacity over the periods.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.effect`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().effect(self.summary(), unit="points", **options)

    def _repr_html_(self) -> str:
        return result_html("Capacity of the initiatives", self.tidy(), self.explain())


def capacity(
    rollouts: Rollout | Sequence[Rollout],
    *,
    horizon: int,
    rng: RngLike,
    overlap: str = "additive",
    room: float | None = None,
    size: int = 4000,
) -> Capacity:
    """Return what initiatives add to a score in each period up to a horizon.

    Parameters
    ----------
    rollouts : Rollout or sequence of Rollout
        Initiatives; none is no capacity.
    horizon : int
        Periods ahead.
    rng : int or Generator
        Randomness of durations and judged gains.
    overlap : {"additive", "room"}
        ``"additive"``: gains add. ``"room"``: each closes a share of what room is left, so they
        get in each other's way near the end of the scale.
    room : float, optional
        Points between the baseline and the best score, signed as the score; for ``"room"``.
    size : int, default 4000
        Draws.

    Returns
    -------
    Capacity
        Draws by period, and messages for what comes later.

    Raises
    ------
    ConfigError
        If names repeat, or the room is missing.

    Warns
    -----
    AssumptionWarning
        For an initiative that has no effect by the horizon in nine of ten draws.

    Notes
    -----
    Adoption is 0 until developed and implemented, then grows linearly over practise; the
    score follows with ``1 - exp(-(t - t0) / response)``. A goal for a date before the lags
    have passed measures the baseline and not the initiative.
    """
    items = [rollouts] if isinstance(rollouts, Rollout) else list(rollouts)
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise ConfigError(f"rollouts are named {join_names(names)}; each needs its own name.")
    periods = np.arange(1, check_count(horizon, "horizon") + 1)
    count, seed = check_count(size, "size", low=2), seed_of(rng)
    check_choice(overlap, "overlap", OVERLAPS)
    if (overlap == "room") != (room is not None):
        raise ConfigError("room goes with overlap='room', and only with it.")
    gains, order, count = _gains(items, seed, count)
    works = [_working(item, periods, seed, count) for item in items]
    parts = [g[:, None] * w for g, (w, _) in zip(gains, works, strict=True)]
    total = _together(parts, overlap, room, (count, periods.size))
    provenance = Provenance(
        method="goals.capacity",
        settings={"horizon": horizon, "overlap": overlap, "room": room, "size": count}
        | {"rollouts": [_described(item) for item in items]},
        seed=seed,
        parents=tuple(order),
    )
    table, messages = _reported(items, works, horizon)
    draws = dr.from_array(
        total,
        source=provenance.source,
        dims=("period",),
        coords={"period": periods},
        name="capacity",
        attrs={"unit": "points"},
    )
    if order:
        draws = dr.with_order(draws, {**order, **dr.order_of(draws)})
    return Capacity(draws=draws, working=table, messages=messages, provenance=provenance)


def _gains(
    items: Sequence[Rollout], seed: int, count: int
) -> tuple[list[np.ndarray], dict[str, str], int]:
    """Draws of the full effects; estimates stay in their joint order and set the length."""
    estimated = [item.gain for item in items if isinstance(item.gain, xr.DataArray)]
    order: dict[str, str] = {}
    paired = iter(())
    if estimated:
        blocks = dr.pair(*estimated, rng=seed)
        order, count = dr.order_of(blocks[0]), blocks[0].sizes[dr.SAMPLE]
        paired = iter(blocks)
    out = []
    for item in items:
        if isinstance(item.gain, xr.DataArray):
            out.append(next(paired).values)
        elif isinstance(item.gain, Mapping):
            (rng,) = spawn(seed, f"gain {item.name}")
            out.append(np.asarray(fit_quantiles(item.gain, "normal").ppf(rng.random(count))))
        else:
            out.append(np.full(count, float(item.gain)))
    return out, order, count


def _lengths(item: Rollout, phase: str, seed: int, count: int) -> np.ndarray:
    length = getattr(item, phase)
    if not isinstance(length, Mapping):
        return np.full(count, float(length))
    (rng,) = spawn(seed, f"{phase} {item.name}")
    return np.asarray(fit_quantiles(length, "gamma").ppf(rng.random(count)))


def _working(
    item: Rollout, periods: np.ndarray, seed: int, count: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Share of the full effect by draw and period; start, and time until 90 % of it works."""
    develop, implement, practise, response = (
        _lengths(item, phase, seed, count) for phase in PHASES
    )
    start = develop + implement
    since = np.maximum(periods - start[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        adopted = np.where(practise[:, None] > 0, np.minimum(since / practise[:, None], 1.0), 1.0)
        followed = np.where(response[:, None] > 0, -np.expm1(-since / response[:, None]), 1.0)
    share = np.where(since > 0, adopted * followed, 0.0)
    return share, (start, start + np.maximum(practise, response * np.log(10)))


def _together(
    parts: list[np.ndarray], overlap: str, room: float | None, shape: tuple[int, int]
) -> np.ndarray:
    if overlap == "additive" or not parts:
        return np.sum(parts, axis=0) if parts else np.zeros(shape)
    size = check_number(room, "room")
    if size == 0:
        return np.zeros(shape)
    left = np.ones(shape)
    for part in parts:
        left = left * (1 - np.clip(part / size, None, 1.0))
    return size * (1 - left)


def _reported(
    items: Sequence[Rollout], works: Sequence[Any], horizon: int
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    rows, messages = [], []
    for item, (share, (start, full)) in zip(items, works, strict=True):
        by_then = float((share[:, -1] > 0).mean())
        first = np.floor(float(np.median(start))) + 1
        last = max(np.ceil(float(np.median(full))), first)
        rows.append([item.name, first, last, by_then])
        if by_then < 0.1:
            message = (
                f"{item.name} has no effect by period {horizon}: it starts to work in period "
                f"{first:g} (median); measure it from period {last:g} on."
            )
            messages.append(message)
            warnings.warn(message, AssumptionWarning, stacklevel=3)
    columns = ["initiative", "start", "full", "works_by_horizon"]
    return pd.DataFrame(rows, columns=columns), tuple(messages)


def _described(item: Rollout) -> dict[str, Any]:
    gain = item.gain
    shown = dr.order_of(gain) if isinstance(gain, xr.DataArray) else gain
    return {"name": item.name, "gain": shown} | {p: getattr(item, p) for p in PHASES}
