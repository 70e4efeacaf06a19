"""Which effects make up the cells of the generative form, and their priors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from cximpact.core.errors import ConfigError, DesignError
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.effects.did.cell_data import FAMILIES, Cells
from cximpact.effects.did.cell_model import Block, CellPosterior

PROFILES = ("flat", "ramp", "walk")
MAX_EFFECTS = 2000
"""Effects beyond which their joint scale does not fit a dense matrix in good time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellModel:
    """How the outcomes of clusters and periods come about.

    Parameters
    ----------
    family : {"binomial", "negative_binomial", "normal"}, optional
        Shares of yes on the logit scale, counts on the log scale, or means. By default
        ``"binomial"`` where every outcome is 0 or 1, else ``"normal"``. The scale is the one on
        which trends are parallel.
    profile : {"flat", "ramp", "walk"}
        How an effect grows with time since treatment, alike in all segments: at once, in a
        straight line over ``ramp`` periods, or by a random walk that is learned.
    ramp : int, default 3
        Periods until the whole effect is there.
    drift : bool, default False
        Whether clusters also drift apart by random walks of their own, where their shocks
        persist from period to period.
    draws, tune, chains : int
        Length of the sampling, a chain.
    allow_unconverged : bool, default False
        Go on with a fit that failed the convergence gate; the result is then marked.
    """

    family: str | None = None
    profile: str = "flat"
    ramp: int = 3
    drift: bool = False
    draws: int = 1000
    tune: int = 400
    chains: int = 2
    allow_unconverged: bool = False

    def __post_init__(self) -> None:
        if self.family is not None:
            check_choice(self.family, "family", FAMILIES)
        check_choice(self.profile, "profile", PROFILES)
        check_count(self.ramp, "ramp", low=2)
        for name, low in (("draws", 100), ("tune", 100), ("chains", 2)):
            check_count(getattr(self, name), name, low=low)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scales:
    """Scales of the priors, on the scale of the linear predictor.

    Parameters
    ----------
    mu, omega : float
        Normal prior of the mean effect, half-normal prior of how much effects differ.
    level, period : float
        Normal priors of the levels of strata and of the periods.
    step : float
        Half-normal prior of the steps of random walks.
    shock : float
        Half-normal prior of the shock of a cluster in a period.
    """

    mu: float
    omega: float
    level: float
    period: float
    step: float
    shock: float


def scales_of(cells: Cells, mu_scale: float | None, omega_scale: float | None) -> Scales:
    """Choose the scales of the priors.

    Parameters
    ----------
    cells : Cells
        The data.
    mu_scale, omega_scale : float or None
        Those that were asked for.

    Returns
    -------
    Scales
        In units of the outcome's standard deviation for means; weak for logits and logarithms.

    Raises
    ------
    ConfigError
        If a scale is not positive.
    """
    if cells.family == "normal":
        s = cells.spread
        usual = Scales(mu=s, omega=s / 2, level=3 * s, period=2 * s, step=0.1 * s, shock=s / 2)
    else:
        shock = 0.2 if cells.family == "binomial" else 0.3
        usual = Scales(mu=1.0, omega=0.5, level=2.0, period=1.0, step=0.1, shock=shock)
    return Scales(
        mu=check_number(mu_scale or usual.mu, "mu_scale", low=0, open_low=True),
        omega=check_number(omega_scale or usual.omega, "omega_scale", low=0, open_low=True),
        level=usual.level,
        period=usual.period,
        step=usual.step,
        shock=usual.shock,
    )


def posterior_of(cells: Cells, model: CellModel, scales: Scales) -> CellPosterior:
    """Set up the log posterior.

    Parameters
    ----------
    cells : Cells
        The data.
    model : CellModel
        Settings.
    scales : Scales
        Of the priors.

    Returns
    -------
    CellPosterior
        Blocks: ``level`` of a stratum, ``period``, ``trend`` of a segment (a random walk),
        perhaps ``drift`` of a stratum, ``shared`` of a cluster that lies in several segments,
        then ``mean``, ``effect`` and perhaps ``growth`` in treated cells.

    Raises
    ------
    DesignError
        If there are more effects than can be fitted in good time.
    """
    periods, strata = len(cells.times), int(cells.stratum.max()) + 1
    segments = len(cells.labels)
    every = np.ones(len(cells.n))
    blocks = [
        Block(
            name="level",
            index=cells.stratum,
            weight=every,
            shape=(strata, 1),
            scale=scales.level,
            center=_center(cells),
        ),
        Block(
            name="period",
            index=np.maximum(cells.period - 1, 0),
            weight=(cells.period > 0).astype(float),
            shape=(periods - 1, 1),
            scale=scales.period,
        ),
        _walk("trend", cells.segment, segments, cells.period, periods, scales.step),
    ]
    if model.drift:
        blocks.append(_walk("drift", cells.stratum, strata, cells.period, periods, scales.step))
    if cells.shared is not None:
        size = int(cells.shared.max()) + 1
        blocks.append(
            Block(
                name="shared",
                index=cells.shared,
                weight=every,
                shape=(size, 1),
                scale=scales.shock,
                free="shared_shock",
            )
        )
    blocks += _treatment(cells, model, scales)
    out = CellPosterior(cells=cells, blocks=tuple(blocks), shock_scale=scales.shock)
    if out.n_linear > MAX_EFFECTS:
        raise DesignError(
            f"the generative form would have {out.n_linear:,} effects for {strata:,} clusters and "
            f"{periods} periods, more than {MAX_EFFECTS:,}; name a coarser cluster, or use "
            "form='design'."
        )
    return out


def profile_of(cells: Cells, model: CellModel) -> np.ndarray:
    """Return which share of its effect a cell shows.

    Parameters
    ----------
    cells : Cells
        The data.
    model : CellModel
        Settings.

    Returns
    -------
    numpy.ndarray, shape (cell,)
        0 without treatment.
    """
    since = np.where(cells.treated, cells.since, 0.0)
    share = np.minimum((since + 1) / model.ramp, 1.0) if model.profile == "ramp" else 1.0
    return cells.treated * share


def _treatment(cells: Cells, model: CellModel, scales: Scales) -> list[Block]:
    """Set up what treatment adds: the mean, deviations of segments, and growth."""
    share = profile_of(cells, model)
    segments = len(cells.labels)
    blocks = [
        Block(
            name="mean",
            index=np.zeros(len(share), dtype=int),
            weight=share,
            shape=(1, 1),
            scale=scales.mu,
        ),
        Block(
            name="effect",
            index=cells.segment,
            weight=share,
            shape=(segments, 1),
            scale=scales.omega,
            free="omega",
        ),
    ]
    if model.profile == "walk":
        times = np.unique(cells.since[cells.treated])
        if len(times) < 2:
            raise ConfigError("profile='walk' needs effects at two times since treatment or more.")
        at = np.searchsorted(times, np.where(cells.treated, cells.since, times[0]))
        zero = np.zeros(len(at), dtype=int)
        growth = _walk("growth", zero, 1, at, len(times), scales.omega / 2, share)
        blocks.append(growth)
    return blocks


def _walk(
    name: str,
    group: np.ndarray,
    groups: int,
    step: np.ndarray,
    steps: int,
    scale: float,
    weight: np.ndarray | None = None,
) -> Block:
    return Block(
        name=name,
        index=group * steps + step,
        weight=np.ones(len(group)) if weight is None else weight,
        shape=(groups, steps - 1),
        scale=scale,
        free=f"{name}_step",
        walk=True,
    )


def _center(cells: Cells) -> float:
    """Return the linear predictor of the mean outcome."""
    mean = float(cells.total.sum() / cells.n.sum())
    if cells.family == "normal":
        return mean
    total = float(cells.n.sum())
    if cells.family == "binomial":
        return float(logit((mean * total + 0.5) / (total + 1)))
    return float(np.log(mean + 0.5 / total))
