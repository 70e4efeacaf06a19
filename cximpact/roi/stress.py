"""Ten million paths: what fluctuation from period to period adds to what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import unknown_name
from cximpact.core.provenance import Provenance
from cximpact.core.results import TIDY_COLUMNS, plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.summaries import mcse_quantile
from cximpact.core.validate import check_count, check_number, check_prob
from cximpact.core.wording import format_number, format_probability
from cximpact.roi.metrics import cvar
from cximpact.roi.result import RoiResult

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class StressResult:
    """Paths of all initiatives together.

    Parameters
    ----------
    npv : numpy.ndarray, shape (sample,)
        Net present value of every path.
    payback : numpy.ndarray of int, shape (sample,)
        First period by which the money is back; -1 where it is not within the horizon.
    result : RoiResult
        The simulation whose inputs were used.
    provenance : Provenance
        Where it comes from.
    """

    npv: np.ndarray
    payback: np.ndarray
    result: RoiResult
    provenance: Provenance

    @property
    def draws(self) -> xr.DataArray:
        """Labelled draws of the NPV."""
        unit = {"unit": self.result.settings.currency}
        return dr.from_array(self.npv, source=self.provenance.source, name="npv", attrs=unit)

    def summary(self, prob: float = 0.9) -> pd.DataFrame:
        """Summarize the paths, each number with its Monte Carlo error.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval of the NPV.

        Returns
        -------
        pandas.DataFrame
            The tidy columns and ``mcse``: the NPV with its interval, its lower and upper ends as
            numbers of their own, the chance of a gain, the mean of the worst 5 %, and the chance
            to have paid back.
        """
        n, ends = self.npv.size, ((1 - check_prob(prob)) / 2, (1 + prob) / 2)
        low, high = np.quantile(self.npv, ends)
        gain, back = float((self.npv > 0).mean()), float((self.payback >= 0).mean())
        tail, spread = cvar(self.npv, 0.05)
        sd, nan = float(self.npv.std(ddof=1)), float("nan")
        rows = [
            ("npv", float(self.npv.mean()), sd, low, high, sd / np.sqrt(n)),
            ("npv_low", low, nan, nan, nan, mcse_quantile(self.npv, ends[0])),
            ("npv_high", high, nan, nan, nan, mcse_quantile(self.npv, ends[1])),
            ("probability_of_profit", gain, nan, nan, nan, np.sqrt(gain * (1 - gain) / n)),
            ("cvar_5", tail, nan, nan, nan, spread / np.sqrt(n)),
            ("payback_within_horizon", back, nan, nan, nan, np.sqrt(back * (1 - back) / n)),
        ]
        names = ["term", "estimate", "std_error", "conf_low", "conf_high", "mcse"]
        table = pd.DataFrame(rows, columns=names).assign(conf_level=prob, n=n)
        return table[[*TIDY_COLUMNS, "mcse"]]

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the summary as a tidy table.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, conf_low, conf_high, conf_level, n``.
        """
        return self.summary(prob)[list(TIDY_COLUMNS)]

    def explain(self, prob: float = 0.9) -> str:
        """Say what fluctuation does to the answer.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            Two sentences.
        """
        rows = self.summary(prob).set_index("term")
        money = self.result.settings.currency
        low, high, tail = (
            format_number(rows.loc[t, "estimate"], float(rows.loc[t, "mcse"]))
            for t in ("npv_low", "npv_high", "cvar_5")
        )
        before = np.quantile(self.result.npv().values, [(1 - prob) / 2, (1 + prob) / 2])
        chance = format_probability(
            float(rows.loc["probability_of_profit", "estimate"]), self.npv.size
        )
        return (
            f"With benefits that fluctuate from {self.result.settings.period} to "
            f"{self.result.settings.period}, the {prob:.0%} simulation interval of the NPV runs "
            f"from {low} to {high} {money} ({format_number(before[0])} to "
            f"{format_number(before[1])} without fluctuation), the worst 5% of "
            f"{self.npv.size:,} paths average {tail} {money}, and the chance that it pays is "
            f"{chance}. Fluctuation is what even perfect knowledge of the "
            "effects would leave."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the distribution of the NPV.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.npv_distribution`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        kept = self.npv[:: max(self.npv.size // 200_000, 1)]
        draws = dr.from_array(kept, source=self.provenance.source)
        return plotting().npv_distribution(draws, self.result.settings.currency, **options)

    def _repr_html_(self) -> str:
        return result_html("Paths of the NPV", self.summary(), self.explain())


def stress(
    result: RoiResult,
    *,
    volatility: float | Mapping[str, float],
    draws: int = 1_000_000,
    rng: RngLike = 3,
    workers: int | None = None,
) -> StressResult:
    """Simulate paths whose benefits fluctuate from period to period.

    Parameters
    ----------
    result : RoiResult
        A simulation. Its joint draws are what is not known about effects, values and costs;
        they are used in turn, each as often as any other, give or take one.
    volatility : float or mapping of str to float
        Relative standard deviation of a period's benefit, of all initiatives or by name. Periods
        and initiatives fluctuate independently, given the inputs.
    draws : int, default 1,000,000
        Paths. Memory grows by 10 bytes a path.
    rng : int or Generator, default 3
        Seed.
    workers : int, optional
        Threads; all by default. They do not change the numbers.

    Returns
    -------
    StressResult
        NPV and payback of every path.

    Raises
    ------
    ConfigError
        For a volatility below 0 or an unknown name.

    Notes
    -----
    Benefit of a period: ``B (1 + sigma e)`` with standard normal ``e``, so the expected NPV is
    that of the simulation. The shocks of all initiatives in a period are drawn as their sum,
    which is normal given the inputs; payback still follows the path period by period. Random
    numbers are Philox 4x32-10 (Salmon et al. 2011) counted by path and place, and turned
    into normals by the ziggurat (Marsaglia and Tsang 2000) on 24 bits.

    References
    ----------
    Salmon, J. K. et al. (2011). Parallel random numbers: as easy as 1, 2, 3. SC11.
    Marsaglia, G. and Tsang, W. W. (2000). The ziggurat method for generating random variables.
    Journal of Statistical Software 5(8).
    """
    count, seed = check_count(draws, "draws", low=2), seed_of(rng)
    sigma = _volatility(result, volatility)
    npv, back = _walked(_arrays(result, sigma), count, seed, workers)
    npv.setflags(write=False)
    back.setflags(write=False)
    return StressResult(
        npv=npv,
        payback=back,
        result=result,
        provenance=Provenance(
            method="roi.stress",
            settings={"volatility": sigma, "draws": count},
            seed=seed,
            parents=(result.provenance.source,),
        ),
    )


def _volatility(result: RoiResult, volatility: float | Mapping[str, float]) -> np.ndarray:
    if not isinstance(volatility, Mapping):
        return np.full(len(result.names), check_number(volatility, "volatility", low=0))
    for name in volatility:
        if name not in result.names:
            raise unknown_name("volatility: initiative", name, result.names)
    return np.array(
        [check_number(volatility.get(n, 0.0), f"volatility.{n}", low=0) for n in result.names]
    )


def _arrays(result: RoiResult, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean and spread of the net cash by row and period, cash today, and discount factors."""
    flows = result.draws.transpose(dr.SAMPLE, "period", "initiative")
    benefit, cost = flows["benefit"].values, flows["cost"].values.sum(axis=2)
    mean = benefit.sum(axis=2) - cost
    spread = np.sqrt(((benefit * sigma) ** 2).sum(axis=2))
    parts = (mean[:, 1:], spread[:, 1:], mean[:, 0])
    return (*(np.ascontiguousarray(p) for p in parts), result.settings.factors)


def _walked(
    inputs: tuple[np.ndarray, ...],
    count: int,
    seed: int,
    workers: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    import numba

    from cximpact.roi.paths import walk  # compiled on first use, so imported there

    npv, back, key = np.empty(count), np.empty(count, np.int16), np.uint64(seed % 2**64)
    before = numba.get_num_threads()
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(check_count(workers or before, "workers"), most))
    try:
        for first in range(0, count, _CHUNK):
            end = min(first + _CHUNK, count)
            part = walk(*inputs, first, end - first, key)  # type: ignore[reportCallIssue]
            npv[first:end], back[first:end] = part
    finally:
        numba.set_num_threads(before)
    return npv, back
