"""How large a study should be: what it is worth, less what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.results import plotting, result_html
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_number, check_vector
from cximpact.core.wording import format_number
from cximpact.roi.decision import chosen_inputs
from cximpact.roi.result import RoiResult
from cximpact.roi.voi import evsi, unit_of


@dataclass(frozen=True, kw_only=True, eq=False)
class StudySize:
    """The net gain of a study by its size.

    Parameters
    ----------
    table : pandas.DataFrame
        ``n, evsi, cost, net_gain, mcse``, in money for the whole decision; ``mcse`` is the Monte
        Carlo error of ``evsi`` and of the net gain.
    about : str
        What the study measures.
    unit : str
        Currency.
    """

    table: pd.DataFrame
    about: str
    unit: str

    @property
    def best_n(self) -> float:
        """The size with the largest net gain; 0 where no study pays."""
        row = self.table.loc[self.table["net_gain"].idxmax()]
        return float(row["n"]) if row["net_gain"] > 0 else 0.0

    @property
    def net_gain(self) -> float:
        """The largest net gain, or 0."""
        return max(float(self.table["net_gain"].max()), 0.0)

    def explain(self) -> str:
        """Say whether the study pays and how large it should be.

        Returns
        -------
        str
            Two sentences.
        """
        if not self.best_n:
            return (
                f"No study of {self.about} pays: at every size it costs more than what it could "
                "change is worth."
            )
        row = self.table.loc[self.table["net_gain"].idxmax()]
        return (
            f"A study of {self.about} pays best with n = {self.best_n:,.0f}: it is worth "
            f"{format_number(row['evsi'], row['mcse'])} {self.unit} and costs "
            f"{format_number(row['cost'])} {self.unit}, a net gain of "
            f"{format_number(row['net_gain'], row['mcse'])} {self.unit}. A study is "
            "worth something only while the decision waits for it."
        )

    def plot(self, **options: object) -> object:
        """Draw value, cost and net gain by size.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.study_size`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().study_size(self.table, currency=self.unit, **options)

    def _repr_html_(self) -> str:
        return result_html(f"A study of {self.about}", self.table, self.explain())


def study_size(
    decision: RoiResult | xr.DataArray,
    about: str | xr.DataArray,
    *,
    noise_sd: float,
    sizes: Sequence[float],
    cost_per_n: float,
    fixed_cost: float = 0.0,
    population: float = 1.0,
    rng: RngLike = 0,
) -> StudySize:
    """Return the net gain of a study by its size, and the best size.

    Parameters
    ----------
    decision : RoiResult or DataArray
        A simulation, or draws of net benefit.
    about : str or DataArray
        The input that the study measures.
    noise_sd : float
        As in `evsi`.
    sizes : sequence of float
        Sizes to look at.
    cost_per_n, fixed_cost : float
        Cost of the study.
    population : float, default 1
        How many such decisions it informs; 1 where the net benefit is that of all customers.
    rng : int or Generator, default 0
        Shuffles for the bias.

    Returns
    -------
    StudySize
        ``ENGS(n) = population EVSI(n) - cost(n)``.

    Raises
    ------
    ConfigError
        For negative costs or sizes.
    """
    at = check_vector(np.asarray(sizes, dtype=float), "sizes")
    each = check_number(cost_per_n, "cost_per_n", low=0)
    start = check_number(fixed_cost, "fixed_cost", low=0)
    count = check_number(population, "population", low=0)
    seed = int(as_generator(rng).integers(2**31))
    found = [evsi(decision, about, n=n, noise_sd=noise_sd, rng=seed) for n in np.sort(at)]
    worth = [count * one.value for one in found]
    cost = np.where(np.sort(at) > 0, start + each * np.sort(at), 0.0)
    table = pd.DataFrame({"n": np.sort(at), "evsi": worth, "cost": cost})
    names, _ = chosen_inputs(decision, about)
    return StudySize(
        table=table.assign(
            net_gain=table["evsi"] - table["cost"], mcse=[count * one.mcse for one in found]
        ),
        about=names[0],
        unit=unit_of(decision),
    )
