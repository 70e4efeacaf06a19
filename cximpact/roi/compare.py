"""One set of initiatives in several states of the world, and as calculators would have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, join_names
from cximpact.core.results import plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_number
from cximpact.core.wording import format_number, format_probability
from cximpact.roi.break_even import present_cost, present_gain
from cximpact.roi.initiative import Initiative
from cximpact.roi.result import RoiResult
from cximpact.roi.scenario import Scenario
from cximpact.roi.simulate import simulate


@dataclass(frozen=True, kw_only=True, eq=False)
class ScenarioResults:
    """The same initiatives under several scenarios, with the same random numbers.

    Parameters
    ----------
    results : mapping of str to RoiResult
        By name of the scenario.
    """

    results: dict[str, RoiResult]

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return NPV, ROI and chance of a gain by scenario.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``scenario``, the tidy columns of the NPV, then ``roi``, ``probability_of_profit`` and
            ``difference``: the expected NPV less that of the first scenario.
        """
        rows = []
        first = next(iter(self.results.values()))
        for name, result in self.results.items():
            row = result.tidy(prob).iloc[0].to_dict()
            rows.append(
                {"scenario": name}
                | row
                | {
                    "roi": result.roi(),
                    "probability_of_profit": result.probability_of_profit(),
                    "difference": float(result.npv().mean() - first.npv().mean()),
                }
            )
        return pd.DataFrame(rows)

    def explain(self) -> str:
        """Say what each state of the world means for the money.

        Returns
        -------
        str
            One sentence a scenario.
        """
        parts = []
        for row in self.tidy().to_dict("records"):
            result = self.results[row["scenario"]]
            chance = format_probability(row["probability_of_profit"], result.effective_draws)
            error = float(result.npv().std(ddof=1)) / np.sqrt(result.effective_draws)
            parts.append(
                f"{row['scenario']}: an expected NPV of {format_number(row['estimate'], error)} "
                f"{result.settings.currency}, and a gain with probability {chance}."
            )
        return " ".join(parts) + (
            " Every scenario is against doing nothing in the same scenario, with the same random "
            "numbers, so differences are not noise."
        )

    def plot(self, **options: Any) -> Any:
        """Draw the NPV of every scenario with its interval.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.intervals`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        table = self.tidy().rename(columns={"scenario": "label"})
        unit = next(iter(self.results.values())).settings.currency
        return plotting().intervals(table, unit=unit, **options)

    def _repr_html_(self) -> str:
        return result_html("Scenarios", self.tidy(), self.explain())


def compare_scenarios(
    initiatives: Initiative | Sequence[Initiative],
    scenarios: Sequence[Scenario],
    *,
    rng: RngLike = 3,
    **settings: Any,
) -> ScenarioResults:
    """Simulate the same initiatives under several scenarios, with common random numbers.

    Parameters
    ----------
    initiatives : Initiative or sequence of Initiative
        What could be done.
    scenarios : sequence of Scenario
        States of the world, the reference first; each with a name of its own.
    rng : int or Generator, default 3
        One seed for all.
    **settings
        Passed to `simulate`: horizon, period, discount rate and so on.

    Returns
    -------
    ScenarioResults
        One simulation a scenario.

    Raises
    ------
    ConfigError
        If scenarios share a name.
    """
    names = [s.name for s in scenarios]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"scenarios are named {join_names(names)}; expected at least one, each with its own "
            "name."
        )
    seed = seed_of(rng)
    return ScenarioResults(
        results={s.name: simulate(initiatives, rng=seed, scenario=s, **settings) for s in scenarios}
    )


def with_haircuts(
    result: RoiResult, *, realization: float = 0.8, risk_premium: float = 0.05
) -> pd.DataFrame:
    """Set what practitioners' calculators do about risk beside the distribution.

    Parameters
    ----------
    result : RoiResult
        The simulation.
    realization : float, default 0.8
        Share of the benefit that calculators count as realized.
    risk_premium : float, default 0.05
        What they add to the annual discount rate for risk.

    Returns
    -------
    pandas.DataFrame
        ``version, npv, roi, probability_of_profit``: as simulated; the single number at expected
        inputs that a calculator would show; with the haircut; with the premium; with both.
        Only the first carries a probability: a haircut is not an uncertainty. Where initiatives
        overlap the second is NaN.

    Notes
    -----
    The expected-inputs version puts mean inputs through the cash flow. Where gains compound,
    that is not the mean of the outcomes (Jensen).
    """
    share = check_number(realization, "realization", low=0, high=1)
    premium = check_number(risk_premium, "risk_premium", low=0)
    benefit, cost = (float(v.mean()) for v in (result.pv_benefit(), result.pv_cost()))
    plug_in = (np.nan, np.nan) if result.overlaps else _at_expected_inputs(result)
    dear = replace(result.settings, discount_rate=result.settings.discount_rate + premium)
    late = replace(result, settings=dear)
    benefit_late, cost_late = (float(v.mean()) for v in (late.pv_benefit(), late.pv_cost()))
    rows = [
        ("as simulated", benefit, cost, result.probability_of_profit()),
        ("at expected inputs", plug_in[0], plug_in[1], np.nan),
        (f"{share:.0%} realized", share * benefit, cost, np.nan),
        (f"discount rate + {premium:.0%}", benefit_late, cost_late, np.nan),
        ("both", share * benefit_late, cost_late, np.nan),
    ]
    return pd.DataFrame(
        [
            {
                "version": name,
                "npv": gain - spent,
                "roi": (gain - spent) / spent if spent > 0 else np.nan,
                "probability_of_profit": chance,
            }
            for name, gain, spent, chance in rows
        ]
    )


def _at_expected_inputs(result: RoiResult) -> tuple[float, float]:
    """Benefit and cost when every input is put at its mean first."""
    benefit = cost = 0.0
    for item in result.inputs:
        segments = tuple(
            replace(
                s,
                tau=float(np.mean(s.tau)),
                baseline=float(np.mean(s.baseline)),
                value=float(np.mean(s.value)),
            )
            for s in item.segments
        )
        certain = replace(item, segments=segments)
        benefit += float(present_gain(certain, result.settings.factors))
        cost += float(np.mean(present_cost(item, result.settings.factors)))
    return benefit, cost
