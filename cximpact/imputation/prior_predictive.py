"""What the priors take for plausible, before an answer is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.results import plotting
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.wording import number
from cximpact.data import Cells
from cximpact.imputation.nuts import labelled
from cximpact.imputation.posterior import Posterior
from cximpact.imputation.poststratify import Margin, expected_scores, margin
from cximpact.scores.statistic import statistic_of


@dataclass(frozen=True, kw_only=True, eq=False)
class PriorPredictive:
    """Scores drawn from the priors of a model.

    Parameters
    ----------
    draws : xarray.Dataset
        Parameters, ``sample`` first.
    score : numpy.ndarray, shape (sample,)
        Score of everybody.
    between : mapping of str to numpy.ndarray, shape (sample,)
        Column to the standard deviation of the scores of its groups.
    unit : str
        Unit of the score.
    name : str
        Name of the score.
    """

    draws: xr.Dataset = field(repr=False)
    score: np.ndarray = field(repr=False)
    between: dict[str, np.ndarray] = field(repr=False)
    unit: str
    name: str

    def summary(self, prob: float = 0.9) -> pd.DataFrame:
        """Summarize the scores and how far groups lie apart.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``quantity``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``conf_level``.
        """
        rows = {f"{self.name} of everybody": self.score}
        rows |= {f"sd of {self.name} by {name}": v for name, v in self.between.items()}
        tail = (1 - prob) / 2
        return pd.DataFrame(
            {
                "quantity": name,
                "estimate": float(values.mean()),
                "std_error": float(values.std(ddof=1)),
                "conf_low": float(np.quantile(values, tail)),
                "conf_high": float(np.quantile(values, 1 - tail)),
                "conf_level": prob,
            }
            for name, values in rows.items()
        )

    def explain(self, prob: float = 0.9) -> str:
        """Say what the priors take for plausible.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            A sentence for each quantity.
        """
        rows = self.summary(prob).to_dict("records")
        said = [
            f"{row['quantity']}: {number(row['conf_low'])} to {number(row['conf_high'])}"
            for row in rows
        ]
        return f"Before any answer, the priors put {prob:.0%} of their mass on {'; '.join(said)}."

    def plot(self, **options: Any) -> Any:
        """Draw the distribution of the score under the priors.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.distribution`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        return plotting().distribution(
            xr.DataArray(self.score, dims=dr.SAMPLE, name=self.name, attrs={"unit": self.unit}),
            **options,
        )

    def __repr__(self) -> str:
        return f"PriorPredictive\n{self.summary().to_string(index=False)}"


def prior_predictive(
    posterior: Posterior, counts: Cells, *, n_draws: int, rng: RngLike
) -> PriorPredictive:
    """Draw scores from the priors of a model.

    Parameters
    ----------
    posterior : Posterior
        The model; only its priors are used.
    counts : Cells
        People of the cells.
    n_draws : int
        Draws.
    rng : int or Generator
        Randomness.

    Returns
    -------
    PriorPredictive
        Scores of everybody and of groups.
    """
    draws = draw_prior(posterior, n_draws=n_draws, rng=rng)
    chosen = statistic_of(counts.scale, "score")
    chunks = expected_scores(draws, posterior.design.at_reference(), chosen.values)
    by_cell = np.concatenate(list(chunks))

    def mean(groups: Margin) -> np.ndarray:
        people = groups.total(counts.frame_weight)
        return groups.total(by_cell * counts.frame_weight) / people

    columns = [name for name in counts.by if name not in posterior.design.covariates]
    return PriorPredictive(
        draws=draws,
        score=mean(margin(counts, None))[:, 0],
        between={name: mean(margin(counts, name)).std(axis=1) for name in columns},
        unit=chosen.unit,
        name=counts.scale.name,
    )


def draw_prior(posterior: Posterior, *, n_draws: int, rng: RngLike) -> xr.Dataset:
    """Draw parameters from their priors.

    Parameters
    ----------
    posterior : Posterior
        With all coordinates centered.
    n_draws : int
        Draws.
    rng : int or Generator
        Randomness.

    Returns
    -------
    xarray.Dataset
        As the draws of a fit.
    """
    generator = as_generator(rng)
    theta = np.zeros((n_draws, posterior.n_free))
    n = posterior.n_categories
    p0 = generator.dirichlet(np.full(n, posterior.concentration), n_draws)
    log_p0 = np.log(np.maximum(p0, np.finfo(float).tiny))
    theta[:, : n - 1] = (log_p0 - log_p0.mean(axis=1, keepdims=True))[:, :-1]
    for block in posterior.blocks:
        scale = np.abs(generator.normal(0, block.prior, n_draws))
        theta[:, block.scale_at] = np.log(scale)
        size = (n_draws, block.term.n_coordinates)
        theta[:, block.where] = scale[:, None] * generator.normal(size=size)
    slopes = generator.normal(size=(n_draws, len(posterior.slope_sd))) * posterior.slope_sd
    theta[:, posterior.slopes_at] = slopes
    return labelled(posterior, posterior.named(theta), (dr.SAMPLE,))
