"""What a test of trends before treatment could have seen, and what it would have missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cximpact.core.errors import RankError
from cximpact.core.results import EffectPosterior, plotting, result_html
from cximpact.core.validate import check_number, check_prob
from cximpact.core.wording import with_unit
from cximpact.effects.did.honest.path import EventPath, event_path


@dataclass(frozen=True, kw_only=True, eq=False)
class PretrendPower:
    """Power of the joint test of coefficients before treatment against linear drifts.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a drift: ``slope`` a period, ``power`` of the test, and ``bias`` of the average
        effect if the drift goes on after treatment.
    path : pandas.DataFrame
        The event study: ``event_time``, ``estimate``, ``conf_low``, ``conf_high``, and for every
        row of ``table`` the drift as ``drift[k]``.
    level : float
        Size of the test.
    unit : str
        Unit of the effect.
    """

    table: pd.DataFrame = field(repr=False)
    path: pd.DataFrame = field(repr=False)
    level: float
    unit: str

    def tidy(self) -> pd.DataFrame:
        """Return the drifts.

        Returns
        -------
        pandas.DataFrame
            A copy of ``table``.
        """
        return self.table.copy()

    def explain(self) -> str:
        """Say what the test would have missed.

        Returns
        -------
        str
            A paragraph.
        """
        rows = [
            f"a drift of {with_unit(row.slope, self.unit)} a period "
            f"with probability {row.power:.0%}, "
            f"which would bias the average effect by {with_unit(row.bias, self.unit)}"
            for row in self.table.itertuples()
        ]
        return (
            f"The joint test of the coefficients before treatment (size {self.level:.0%}) finds "
            f"{'; '.join(rows)}. A test that finds nothing leaves drifts of this size open; "
            "honest_bounds says what they mean for the effect."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the event study with the drift that has the most power of those listed.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.pretrend_power`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("unit", self.unit)
        last = self.table.iloc[-1]
        options.setdefault("label", f"drift found with {last['power']:.0%}")
        table = self.path.rename(columns={f"drift[{len(self.table) - 1}]": "drift"})
        return plotting().pretrend_power(table, **options)

    def _repr_html_(self) -> str:
        return result_html("Power of the test of trends", self.tidy(), self.explain())


def pretrend_power(
    effect: EffectPosterior,
    *,
    slopes: Sequence[float] | float | None = None,
    powers: Sequence[float] = (0.5, 0.8),
    level: float = 0.05,
) -> PretrendPower:
    """Say which drifts a test of trends before treatment would find, and how they would bias.

    Parameters
    ----------
    effect : EffectPosterior
        By time since treatment against one reference, as for `honest_bounds`.
    slopes : float or sequence of float, optional
        Drifts a period whose power is asked for; by default those with the powers below.
    powers : sequence of float, default (0.5, 0.8)
        Powers whose drifts are asked for.
    level : float, default 0.05
        Size of the test.

    Returns
    -------
    PretrendPower
        Drifts, powers, and the bias of the average effect after treatment.

    Raises
    ------
    RankError
        If the covariance of the coefficients before treatment has not the rank.

    References
    ----------
    Roth, J. (2022). Pretest with caution: event-study estimates after testing for parallel trends.
    American Economic Review: Insights 4, 305-322.
    """
    check_prob(level, "level")
    path = event_path(effect)
    chance = _Chance(path, level)
    if slopes is None:
        chosen = [chance.slope(check_prob(power, "powers")) for power in powers]
    else:
        asked = np.atleast_1d(np.asarray(slopes, dtype=float))
        chosen = [check_number(float(slope), "slopes") for slope in asked]
    times = np.concatenate([path.before, path.after])
    mean = path.weights("average")
    rows = [
        {
            "slope": slope,
            "power": chance.power(slope),
            "bias": slope * float(mean @ (path.after - path.reference)),
        }
        for slope in chosen
    ]
    half = stats.norm.ppf(0.95) * np.sqrt(np.diag(path.inflated(0.9)))
    shown = pd.DataFrame(
        {
            "event_time": times,
            "estimate": path.value,
            "conf_low": path.value - half,
            "conf_high": path.value + half,
        }
    )
    drifts = {f"drift[{k}]": s * (times - path.reference) for k, s in enumerate(chosen)}
    unit = str(effect.draws.attrs.get("unit", effect.estimand.scale))
    return PretrendPower(
        table=pd.DataFrame(rows), path=shown.assign(**drifts), level=level, unit=unit
    )


class _Chance:
    """How often the joint test finds a drift of one slope."""

    def __init__(self, path: EventPath, level: float):
        self.k, self.df = path.n_before, path.df
        inner = path.covariance[: self.k, : self.k]
        if np.linalg.matrix_rank(inner, hermitian=True) < self.k:
            raise RankError(
                f"{self.k} coefficients before treatment have a covariance of lower rank: there "
                "are too few clusters for a joint test."
            )
        distance = path.before - path.reference
        self.unit = float(distance @ np.linalg.solve(inner, distance))
        if self.df is None:
            self.critical = float(stats.chi2.isf(level, self.k))
        else:
            self.critical = float(stats.f.isf(level, self.k, self.df))

    def power(self, slope: float) -> float:
        """Return the probability to reject."""
        shift = slope**2 * self.unit
        if self.df is None:
            return float(stats.ncx2.sf(self.critical, self.k, max(shift, 1e-300)))
        return float(stats.ncf.sf(self.critical, self.k, self.df, max(shift, 1e-300)))

    def slope(self, power: float) -> float:
        """Return the slope that is found with a probability."""
        if self.power(0.0) >= power:
            return 0.0
        high = 1 / np.sqrt(self.unit)
        while self.power(high) < power:
            high *= 2
        return float(optimize.brentq(lambda s: self.power(s) - power, 0.0, high, xtol=1e-12))
